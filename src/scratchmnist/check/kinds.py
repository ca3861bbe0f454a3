"""What an exercise is: a table of inputs, the right answer, and named wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

PAGES = {
    "pictures-as-tensors": "Pictures as tensors",
    "digit-as-a-number": "The digit as a number",
    "why-regression-struggles": "Why regression struggles",
    "scores-to-probabilities": "From scores to probabilities",
    "derivatives-of-softmax": "Softmax and its derivatives",
    "one-layer-classifier": "A classifier with one layer",
    "hidden-layer": "A hidden layer",
    "backpropagation": "Backpropagation",
    "checking-gradients": "Checking gradients",
    "two-models-compared": "Two models, compared",
    "learning-rates": "Learning rates",
    "when-nothing-learns": "When nothing learns",
    "workbook": "Workbook",
}


class Bug(NamedTuple):
    """A mistake with a name. Who makes it gets what one of its `forms` gives.

    forms take the exercise's inputs and give its outputs, as the reader's function does.
    section: the page of the book, or page#label, that explains it.
    """

    name: str
    cause: str
    section: str
    forms: tuple[Callable, ...] = ()


class Round(NamedTuple):
    """Some inputs that try one thing, such as large scores. Each is a tuple of arguments.

    Only in an extreme round may a bug be told from nothing but numbers that are not finite.
    """

    tried: str
    cases: tuple[tuple, ...]
    extreme: bool = False


class Exercise(NamedTuple):
    """A function that the reader writes.

    The rounds are tried in order, and a cause is looked for in the first that fails. `order`
    says which output is judged first: the nearer to the loss, the earlier.
    """

    name: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    reference: Callable
    rounds: tuple[Round, ...]
    bugs: tuple[Bug, ...]
    order: tuple[int, ...] = (0,)
    may_change: tuple[str, ...] = ()  # inputs that the function may change in place
    tidy: Callable[[Tensor], Tensor] = lambda seen: seen  # other forms that are right as well
    remarks: Callable[[Callable], list[str]] = lambda call: []  # about a right function


def bug(name: str, cause: str, section: str, *forms: Callable) -> Bug:
    return Bug(name, cause, section, forms)


def some(*shape: int, seed: int) -> Tensor:
    """Numbers that are easy to read and never 0: quarters from -3 to 3, float32."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.randint(1, 13, shape, generator=generator)
    sign = torch.randint(0, 2, shape, generator=generator) * 2 - 1
    return size * sign / 4
