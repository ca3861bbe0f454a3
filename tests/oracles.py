"""What the tests compare with: torch's autograd, central differences, and random points.

The package may not use autograd; its tests should.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal numbers of a seed, float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_layers(*sizes: int, seed: int, replicas: tuple = ()) -> list[tuple[Tensor, Tensor]]:
    """[(weights, bias), ...] in float64. Zero biases could hide a wrong formula: these are not."""
    return [
        (normal(*replicas, d, h, seed=seed + i), normal(*replicas, 1, h, seed=seed + 50 + i))
        for i, (d, h) in enumerate(pairwise(sizes))
    ]


def autograd(f, *inputs: Tensor) -> tuple[Tensor, ...]:
    """The gradients of the scalar f(*inputs), one for each input, by torch."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    return torch.autograd.grad(f(*leaves), leaves)


def central_differences(f, *inputs: Tensor, h: float = 1e-5) -> tuple[Tensor, ...]:
    """The same by the definition of a derivative: (f(x + h) - f(x - h)) / 2h, entry by entry."""
    gradients = []
    for i, x in enumerate(inputs):
        slopes = []
        for direction in torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape) * h:
            above, below = (f(*inputs[:i], x + s * direction, *inputs[i + 1 :]) for s in (1, -1))
            slopes.append((above - below) / (2 * h))
        gradients.append(torch.stack(slopes).reshape(x.shape))
    return tuple(gradients)


def assert_gradients(ours, f, *inputs: Tensor) -> None:
    """Our gradients of f agree with autograd's to 1e-7, and with central differences to 1e-6."""
    for oracle, tolerance in ((autograd, 1e-7), (central_differences, 1e-6)):
        for i, (our, expected) in enumerate(zip(ours, oracle(f, *inputs), strict=True)):
            where = f"input {i}, {oracle.__name__}"
            assert our.shape == expected.shape, where
            assert relative_error(our, expected) < tolerance, where


def relative_error(seen: Tensor, expected: Tensor) -> float:
    """The largest difference, as a part of the largest expected entry."""
    return ((seen - expected).abs().max() / expected.abs().max()).item()


def snapshot(*tensors: Tensor):
    """Call it now; call what it returns later, to see that no tensor has changed since."""
    copies = [tensor.clone() for tensor in tensors]

    def assert_unchanged():
        for tensor, copy in zip(tensors, copies):
            assert torch.equal(tensor, copy), "an input was changed in place"

    return assert_unchanged
