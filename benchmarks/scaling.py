"""Data-parallel steps on 1, 2 and 4 processes of this machine, and the bare sums between them.

`python -m benchmarks scaling` starts four processes of this module by torchrun. They take turns as
everywhere here; a turn on P processes leaves the others waiting, which costs no processor time.
The clock is the ordinary one, since waiting for another process counts. All start together: a
process that goes ahead would have done its share before the clock runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist

from benchmarks.measure import WARM_UP, repeat, spread
from scratchmnist import cross_entropy, forward, init_layers, one_hot, sgd_step
from scratchmnist.parallel import processes

PROCESSES = (1, 2, 4)
NUMBERS = (1, 1000, 10_000, 100_000, 1_000_000)
HIDDEN = (30, 300, 1000)
BATCHES = (16, 64, 256, 512, 1024)
PIECES = (784 * 30, 30, 30 * 10, 10)  # the four tensors of 784-30-10


def scaling(rounds: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scaling.json"
        torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES[-1]}"]
        command = [sys.executable, "-m", *torchrun, "-m", "benchmarks.scaling"]
        subprocess.run([*command, str(file), str(rounds)], check=True)
        return json.loads(file.read_text(encoding="utf-8"))


def measure(rank: int, groups: dict, rounds: int) -> dict:
    turns = {}

    def add(name: tuple, count: int, work, times: int) -> None:
        """A turn in which the first `count` processes do the work so many times."""
        turns[name] = repeat(work, times) if rank < count else lambda number: times

    for count in PROCESSES[1:]:
        for numbers in NUMBERS:
            vector = torch.zeros(numbers)
            add(("sum", count, numbers), count, sums([vector], groups[count]), 20)
    pieces = [torch.zeros(numbers) for numbers in PIECES]
    add(("one vector",), 2, sums([torch.zeros(sum(PIECES))], groups[2]), 20)
    add(("four tensors",), 2, sums(pieces, groups[2]), 20)
    for hidden in HIDDEN:
        for batch in BATCHES:
            for count in PROCESSES:
                work = step(hidden, batch // count, groups[count] if count > 1 else None)
                times = max(2, min(20, 200_000 // (batch * hidden)))
                add(("step", hidden, batch, count), count, work, times)
    times = by_the_clock(turns, rounds)
    found = {name: spread(values) for name, values in times.items()}
    return {
        "cores": os.cpu_count(),
        "sums": [
            {"processes": count, "numbers": numbers, "us": found["sum", count, numbers]}
            for count in PROCESSES[1:]
            for numbers in NUMBERS
        ],
        "one vector": found["one vector",],
        "four tensors": found["four tensors",],
        "steps": [
            {"hidden": hidden, "batch": batch, "processes": count, "us": us}
            for (kind, *where), us in found.items()
            if kind == "step"
            for hidden, batch, count in [where]
        ],
    }


def by_the_clock(turns: dict, rounds: int) -> dict[tuple, list[float]]:
    """Microseconds a step of every turn in every round; all processes begin a turn together."""
    times = {name: [] for name in turns}
    for number in range(WARM_UP + rounds):
        for name, turn in turns.items():
            dist.barrier()
            start = time.perf_counter()
            steps = turn(number)
            times[name].append(1e6 * (time.perf_counter() - start) / steps)
    return {name: values[WARM_UP:] for name, values in times.items()}


def sums(tensors: list, group):
    def work():
        for tensor in tensors:
            dist.all_reduce(tensor, group=group)

    return work


def step(hidden: int, batch: int, group):
    """A training step on a shard of so many images, with the sum if there is a group."""
    layers, lr = init_layers([784, hidden, 10], seed=0), torch.tensor(0.1)
    x, y_true = torch.rand(batch, 784), one_hot(torch.arange(batch) % 10)

    def work():
        y_pred, backward = forward(x, layers)
        _, d_loss = cross_entropy(y_pred, y_true)
        grads = backward(d_loss())
        if group is not None:
            vector = torch.cat([t.flatten() for w, b in grads for t in (w.mT, b)])
            dist.all_reduce(vector, group=group)
        sgd_step(layers, grads, lr)

    return work


if __name__ == "__main__":
    torch.set_num_threads(1)
    with processes(patience=120) as (rank, _):
        groups = {count: dist.new_group(range(count)) for count in PROCESSES}
        found = measure(rank, groups, int(sys.argv[2]))
        if rank == 0:
            Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
