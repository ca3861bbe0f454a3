"""How time and memory grow with the images, the batch, the hidden units and the replicas."""

from __future__ import annotations

import multiprocessing
import statistics

import torch

from benchmarks import peers
from benchmarks.measure import repeat, spread, take_turns
from scratchmnist import Digits, load_mnist

IMAGES = (1000, 2000, 5000, 10_000, 30_000, 60_000)
BATCHES = (1, 4, 16, 64, 256, 1024)
HIDDEN = (10, 30, 100, 300, 1000)
REPLICAS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def digits_of(count: int) -> Digits:
    """As many training images as asked for: the subset, again and again."""
    train, _ = load_mnist()
    repeats = -(-count // len(train.labels))
    return Digits(train.images.repeat(repeats, 1)[:count], train.labels.repeat(repeats)[:count])


def arithmetic(batch: int, hidden: int) -> int:
    """Floating-point operations of a step's products: a multiplication and an addition count two.

    Forward and d_weights for both layers, d_x for the second one.
    """
    return 2 * batch * (2 * 784 * hidden + 3 * hidden * 10)


def step_turns(problem: peers.Problem, steps: int) -> dict:
    def turn_of(train):
        def turn(number):
            first = number * steps % max(problem.steps - steps, 1)
            train(first, first + steps)
            return steps

        return turn

    return {
        "scratchmnist": turn_of(peers.ours(problem)[0]),
        "torch autograd": turn_of(peers.autograd_sequential(problem)[0]),
    }


def rows_of(axis: str, value: int, times: dict, flop: int, peak: float) -> dict:
    return {
        axis: value,
        "flop": flop,
        "peak_mb": round(peak, 1),
        "us": {name: spread(values) for name, values in times.items()},
    }


def by_images(rounds: int) -> list[dict]:
    rows = []
    for count in IMAGES:
        problem = peers.Problem(digits_of(count), (784, 30, 10), 16)
        turns = {}
        for name, peer in (
            ("scratchmnist", peers.epoch_ours(problem)[0]),
            ("torch autograd", peers.epoch_autograd(problem)[0]),
        ):
            turns[name] = lambda number, epoch=peer: epoch(number) or 1
        times = take_turns(turns, max(2, min(rounds, 30_000 // count)))
        epoch_flop = arithmetic(count, 30)
        peak = peak_memory(_epoch_of, count, 16)
        rows.append(rows_of("images", count, times, epoch_flop, peak))
    return rows


def by_batch(rounds: int) -> list[dict]:
    rows = []
    for batch in BATCHES:
        problem = peers.Problem(digits_of(max(5000, 8 * batch)), (784, 30, 10), batch)
        times = take_turns(step_turns(problem, 20 if batch <= 64 else 4), rounds)
        peak = peak_memory(_epoch_of, 5000, batch)
        rows.append(rows_of("batch", batch, times, arithmetic(batch, 30), peak))
    return rows


def by_hidden(rounds: int) -> list[dict]:
    rows = []
    for hidden in HIDDEN:
        problem = peers.Problem(digits_of(5000), (784, hidden, 10), 16)
        times = take_turns(step_turns(problem, 20 if hidden <= 100 else 5), rounds)
        peak = peak_memory(_epoch_of, 5000, 16, hidden)
        rows.append(rows_of("hidden", hidden, times, arithmetic(16, hidden), peak))
    return rows


def by_replicas(rounds: int) -> list[dict]:
    """Microseconds of one network's step."""
    rows = []
    problem = peers.Problem(digits_of(5000), (784, 30, 10), 16)
    for count in REPLICAS:
        steps = max(1, 16 // count)
        turns = {}
        for name, peer in (
            ("scratchmnist", peers.replicas_ours(problem, count)),
            ("vmap(grad)", peers.replicas_vmap(problem, count)),
        ):

            def turn(number, train=peer[0], steps=steps, count=count):
                first = number * steps % (problem.steps - steps)
                train(first, first + steps)
                return steps * count

            turns[name] = turn
        times = take_turns(turns, rounds)
        peak = peak_memory(_replicas_of, count)
        rows.append(rows_of("replicas", count, times, arithmetic(16, 30), peak))
    return rows


def machine_rates(rounds: int) -> dict:
    """What this machine can do at best, on one thread: the yardsticks of the curves."""
    square, other = torch.rand(1024, 1024), torch.rand(1024, 1024)
    long, small = torch.rand(16_000_000), torch.rand(16, 10)
    times = take_turns(
        {
            "product": repeat(lambda: square @ other, 1),
            "copy": repeat(long.clone, 1),
            "operation": repeat(lambda: small + small, 200),
        },
        rounds,
    )
    best = {name: min(values) for name, values in times.items()}
    return {
        "gflop_per_s": round(2 * 1024**3 / best["product"] / 1000, 1),
        "copied_gb_per_s": round(2 * 4 * len(long) / best["copy"] / 1000, 1),
        "us_per_small_operation": round(statistics.median(times["operation"]), 2),
    }


# --- memory ---------------------------------------------------------------------------------------


def _some_digits(count: int) -> Digits:  # reading the subset's file would be the peak
    return Digits(torch.rand(count, 784), torch.randint(10, (count,)))


def _epoch_of(count: int, batch: int, hidden: int = 30) -> None:
    problem = peers.Problem(_some_digits(count), (784, hidden, 10), batch)
    peers.epoch_ours(problem)[0](0)


def _replicas_of(count: int) -> None:
    problem = peers.Problem(_some_digits(5000), (784, 30, 10), 16)
    peers.replicas_ours(problem, count)[0](0, 5)


def _watched(work, arguments, pipe) -> None:
    def status(key):  # in MB
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(key))

    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # forget the highest point so far
    before = status("VmRSS")
    work(*arguments)
    pipe.send(status("VmHWM") - before)


def peak_memory(work, *arguments) -> float:
    """Megabytes that some work needs at its highest point, in a process of its own (Linux).

    The process is new, not a copy of this one: memory that this one has freed but kept would hide
    what the work asks for.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.growth"])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_watched, args=(work, arguments, sender))
    process.start()
    sender.close()
    peak = receiver.recv()
    process.join()
    return peak
