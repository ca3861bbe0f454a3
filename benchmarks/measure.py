"""Taking turns: the one way in which everything here is timed.

A machine is never quite quiet, and what disturbs it comes and goes in seconds. Tools that time one
thing for a while and then the next put such a wave into the ratio of the two. Here all competitors
take short turns, A B C A B C ..., and each round gives one ratio; their median is what counts.
Of all rounds the quietest quarter is kept (by the time of the whole round, so no competitor is
favoured). The clock is the processor time of this process: what other programs take does not
count, and work that a library hands to threads of its own does.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

WARM_UP = 2  # rounds


def take_turns(
    turns: dict[str, Callable[[int], int]],
    rounds: int,
    clock: Callable[[], int] = time.process_time_ns,
) -> dict[str, list[float]]:
    """Microseconds a step of each competitor in each round: the quietest of four times so many.

    turns: name -> function of the round's number, which works for a while and returns how many
    steps it made. clock: nanoseconds.
    """
    times = {name: [] for name in turns}
    gc.collect()
    gc.disable()
    try:
        for number in range(WARM_UP + 4 * rounds):
            for name, turn in turns.items():
                start = clock()
                steps = turn(number)
                times[name].append((clock() - start) / 1000 / steps)
            gc.collect(0)
    finally:
        gc.enable()
    by_round = list(zip(*times.values(), strict=True))[WARM_UP:]
    quiet = sorted(by_round, key=_disturbance(by_round))[:rounds]
    return dict(zip(times, map(list, zip(*quiet)), strict=True))


def _disturbance(by_round):
    """How slow a round was: the sum over the competitors, each relative to its own median."""
    usual = [statistics.median(values) for values in zip(*by_round)]
    return lambda values: sum(value / normal for value, normal in zip(values, usual))


def repeat(function: Callable[[], object], times: int) -> Callable[[int], int]:
    """A turn that calls a function again and again."""

    def turn(number: int) -> int:
        for _ in range(times):
            function()
        return times

    return turn


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, median and maximum, with four digits: the rest is noise."""
    return {
        name: float(f"{summary(values):.4g}")
        for name, summary in (("min", min), ("median", statistics.median), ("max", max))
    }


def compare(times: dict[str, list[float]], to: str) -> dict[str, dict]:
    """For each competitor its microseconds a step, and its ratio to one of them in each round."""
    return {
        name: {
            "us": spread(values),
            "ratio": spread([a / b for a, b in zip(values, times[to], strict=True)]),
        }
        for name, values in times.items()
    }
