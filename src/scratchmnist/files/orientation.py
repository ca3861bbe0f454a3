"""Do the digits of another set lie as MNIST's do? EMNIST's are transposed, some are inverted."""

from __future__ import annotations

import warnings

import numpy as np

from scratchmnist.files.idx import SIDE
from scratchmnist.files.subset import read_subset

# How a set may lie, and what to type for pictures that lie so.
TURNS = {
    "as MNIST's": (lambda x: x, ""),
    "transposed": (lambda x: x.swapaxes(1, 2), "images.view(-1, 28, 28).mT.flatten(1)"),
    "mirrored": (lambda x: x[:, :, ::-1], "images.view(-1, 28, 28).flip(2).flatten(1)"),
    "upside down": (lambda x: x[:, ::-1], "images.view(-1, 28, 28).flip(1).flatten(1)"),
    "turned by half": (lambda x: x[:, ::-1, ::-1], "images.flip(1)"),
    "turned to the left": (
        lambda x: np.rot90(x, -1, (1, 2)),
        "images.view(-1, 28, 28).rot90(-1, (1, 2)).flatten(1)",
    ),
    "turned to the right": (
        lambda x: np.rot90(x, 1, (1, 2)),
        "images.view(-1, 28, 28).rot90(1, (1, 2)).flatten(1)",
    ),
}
ALIKE = 0.75  # correlation of mean digits: other people's digits reach 0.9, other things 0.5


def mean_digits(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean picture of each digit, [10, 28, 28], from images uint8 [N, 784]."""
    means = [images[labels == digit].mean(0) for digit in range(10)]
    return np.stack(means).reshape(10, SIDE, SIDE)


def correlations(images: np.ndarray, labels: np.ndarray) -> dict[tuple[str, bool], float]:
    """{(how it lies, inverted): correlation with MNIST's mean digits, once that is undone}."""
    known_images, known_labels, _ = read_subset()
    known = mean_digits(known_images[0], known_labels[0])
    seen = mean_digits(images, labels)
    found = {}
    for name, (undo, _) in TURNS.items():
        value = float(np.corrcoef(undo(seen).ravel(), known.ravel())[0, 1])
        found[name, False], found[name, True] = value, -value
    return found


def warn_if_turned(images: np.ndarray, labels: np.ndarray, name: str) -> None:
    """A warning with the line that mends it, if the digits fit MNIST's better in another way."""
    if images.shape[1] != SIDE * SIDE or set(np.unique(labels)) != set(range(10)):
        return  # nothing to compare with
    found = correlations(images, labels)
    how, inverted = max(found, key=found.get)
    if (how, inverted) == ("as MNIST's", False) or found[how, inverted] < ALIKE:
        return
    words = [how] * bool(TURNS[how][1]) + ["inverted"] * inverted
    line = TURNS[how][1] or "images"
    now = found["as MNIST's", False]
    warnings.warn(
        f"the digits of {name} look {' and '.join(words)} against MNIST's (correlation "
        f"{found[how, inverted]:.2f} once that is undone, {now:.2f} now). "
        f"To mend it: images = {'1 - ' if inverted else ''}{line}",
        stacklevel=3,
    )
