"""Trains 200 runs of each network of "Two models, compared", and writes book/data/runs.json.

    python scripts/many_runs.py   # some minutes

Stored is how many of the 5,000 test pictures each run reads right. The networks are the two with
cross-entropy, trained as in that chapter, with the learning rates that were chosen there: nothing
is chosen here. Their first ten runs are the chapter's ten; each ten more have seeds of their own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from scratchmnist import fit, forward, init_layers, load_mnist, predicted_digits
from scratchmnist.files.whole import appears_whole

STORED = Path(__file__).parents[1] / "book" / "data" / "runs.json"

MODELS = {"one layer": ([784, 10], 0.1), "two layers": ([784, 30, 10], 0.3)}  # widths, rate
BLOCKS = [range(20 * block, 20 * block + 10) for block in range(20)]  # the tenth epoch: 10 more


def count_right(model: str, seeds: Sequence[int]) -> list[int]:
    """How many test pictures each run of a network reads right, R counts for R seeds."""
    train, test = load_mnist()
    widths, lr = MODELS[model]
    layers, _ = fit(init_layers(widths, seeds), train, lr=lr, epochs=9, seed=seeds)
    last = [seed + 10 for seed in seeds]
    layers, _ = fit(layers, train, lr=lr / 10, epochs=1, seed=last)
    scores, _ = forward(test.images, layers)  # [R, N, K]
    return (predicted_digits(scores) == test.labels).sum(-1).tolist()


def main() -> None:
    right = {m: [count for seeds in BLOCKS for count in count_right(m, seeds)] for m in MODELS}
    lines = [f' "{model}": {json.dumps(counts)}' for model, counts in right.items()]
    with appears_whole(STORED) as draft:
        draft.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"written: {STORED}")


if __name__ == "__main__":
    main()
