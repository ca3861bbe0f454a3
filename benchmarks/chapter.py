"""The forms of the chapter "How fast?", from slow to fast, and where the time of a step goes.

What is timed is the chapter's own code: its cells with the tag `timed` are run here as they stand.
They leave two dictionaries of functions, `forms` and `replica_forms`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from time import perf_counter_ns

import torch

from scratchmnist import init_layers, minibatches

CHAPTER = Path(__file__).parents[1] / "book" / "how-fast.md"
CELL = re.compile(
    r"^```\{code-cell\}[^\n]*\n:tags: \[timed[^\]]*\]\n(.*?)^```", re.MULTILINE | re.DOTALL
)


def timed_cells() -> dict:
    """The names that the chapter's timed cells define."""
    names = {}
    for code in CELL.findall(CHAPTER.read_text(encoding="utf-8")):
        exec(compile(code, str(CHAPTER), "exec"), names)
    return names


def form_turns(names: dict, steps: int = 20) -> dict:
    """A turn of each form: steps on fresh batches."""
    order = torch.randperm(len(names["images"]), generator=torch.Generator().manual_seed(1))
    batches = order.split(16)[:-1]

    def turn_of(form, steps):
        def turn(number):
            for step in range(number * steps, (number + 1) * steps):
                form(batches[step % len(batches)])
            return steps

        return turn

    turns = {name: turn_of(form, steps) for name, form in names["forms"].items()}

    def all_together(number):  # fetching 32 batches at once, as `fit` does
        generator = torch.Generator().manual_seed(number)
        pairs = minibatches(names["images"][:1024], names["targets"][:1024], 16, generator)
        for x, y_true in pairs:
            names["package_step"](x, y_true, names["layers"])
        return 64

    return turns | {"32 batches fetched at once": all_together}


def replica_turns(names: dict) -> dict:
    """A turn of each way to train many networks: microseconds for a step of one of them."""
    count = len(names["many_layers"][0].weights)
    x, y_true = names["images"][:16], names["targets"][:16]

    def turn_of(form):
        def turn(number):
            for _ in range(3):
                form(x, y_true)
            return 3 * count

        return turn

    return {name: turn_of(form) for name, form in names["replica_forms"].items()}


def profile(names: dict, steps: int = 2000) -> list[dict]:
    """Microseconds of each group of operations, in their place within a step.

    The operations are the package's, written out; a clock stands between the groups.
    """
    images, targets = names["images"], names["targets"]
    (w_1, b_1), (w_2, b_2) = init_layers([784, 30, 10], seed=0)
    minus_lr = torch.tensor(-0.1)
    blocks = torch.randperm(4992, generator=torch.Generator().manual_seed(2)).split(512)
    batches = [
        pair
        for block in blocks
        for pair in zip(
            images.index_select(0, block).split(16), targets.index_select(0, block).split(16)
        )
    ]
    spent: dict[str, list[int]] = {}

    for step in range(steps):
        x, y = batches[step % len(batches)]
        marks = [("", perf_counter_ns())]

        def mark(group, marks=marks):
            marks.append((group, perf_counter_ns()))

        z_1 = (w_1.mT @ x.mT).mT
        mark("two products 784 wide")
        z_1 = z_1 + b_1
        mark("bias and its gradient")
        a = z_1.clamp(min=0)
        mark("ReLU and its gradient")
        z = (w_2.mT @ a.mT).mT
        mark("three narrow products")
        z = z + b_2
        mark("bias and its gradient")
        shifted = z - z.amax(-1, keepdim=True)
        log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()
        torch.where(y.bool(), y * log_probs, y).sum((-2, -1)) / -16
        d_z = (log_probs.exp() - y) / 16
        mark("softmax, loss and p - y")
        d_w_2 = (d_z.mT @ a).mT
        mark("three narrow products")
        d_b_2 = d_z.sum(-2, keepdim=True)
        mark("bias and its gradient")
        d_a = (w_2 @ d_z.mT).mT
        mark("three narrow products")
        d_z_1 = d_a * (z_1 > 0)
        mark("ReLU and its gradient")
        d_w_1 = (d_z_1.mT @ x).mT
        mark("two products 784 wide")
        d_b_1 = d_z_1.sum(-2, keepdim=True)
        mark("bias and its gradient")
        w_1, b_1 = w_1.addcmul(minus_lr, d_w_1), b_1.addcmul(minus_lr, d_b_1)
        w_2, b_2 = w_2.addcmul(minus_lr, d_w_2), b_2.addcmul(minus_lr, d_b_2)
        mark("update of four tensors")

        sums: dict[str, int] = {}
        for (_, start), (group, end) in pairwise(marks):
            sums[group] = sums.get(group, 0) + end - start
        for group, nanoseconds in sums.items():
            spent.setdefault(group, []).append(nanoseconds)

    rows = [
        {"group": group, "us": torch.tensor(values[steps // 10 :]).median().item() / 1000}
        for group, values in spent.items()
    ]
    whole = []
    layers = init_layers([784, 30, 10], seed=0)
    for step in range(steps):
        x, y = batches[step % len(batches)]
        start = perf_counter_ns()
        layers = names["package_step"](x, y, layers)
        whole.append(perf_counter_ns() - start)
    total = torch.tensor(whole[steps // 10 :]).median().item() / 1000
    known = sum(row["us"] for row in rows)
    rows.append({"group": "function calls, checks, lists", "us": max(total - known, 0.0)})
    return rows
