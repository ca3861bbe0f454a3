"""Random points for the subjects."""

import torch
from oracles import normal
from torch import Tensor


class Draw:
    """Random tensors of a seed, each another; derivatives can be taken by them."""

    def __init__(self, seed: int):
        self.seed = 100 * seed

    def __call__(self, *shape: int) -> Tensor:
        self.seed += 1
        return normal(*shape, seed=self.seed).requires_grad_()

    def number(self) -> Tensor:
        """A number that is not near 0, 1 or 2, of either sign."""
        self.seed += 1
        x = normal(1, seed=self.seed)[0]
        return (x.sign() * (0.4 + 0.3 * x.abs())).detach().requires_grad_()

    def numbers(self, count: int) -> list[Tensor]:
        return [self.number() for _ in range(count)]

    def positive(self) -> Tensor:
        return self.number().detach().abs().requires_grad_()


def leaf(x: Tensor) -> Tensor:
    """The same numbers, as if they had been drawn."""
    return x.detach().clone().requires_grad_()


def ones_column(x: Tensor) -> Tensor:
    """A column of ones on the right, for the bias."""
    return torch.cat([x, torch.ones(x.shape[0], 1, dtype=x.dtype)], 1)
