"""Checking gradients against the definition of a derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scratchmnist.arguments import check_claim, check_named, check_point


def numerical_gradient(f: Callable[[Tensor], Tensor], x: Tensor, h: float = 1e-5) -> Tensor:
    """The gradient of f at x by central differences, (f(x + h) - f(x - h)) / 2h, by entry.

    f: takes a tensor like x, gives a scalar; x: any shape, float64 (in float32 the difference
    of two nearly equal numbers keeps too few digits). Returns a tensor of the shape of x,
    accurate to about h**2 where f is smooth.

    >>> numerical_gradient(lambda x: x.square().sum(), torch.tensor([1.0, -3.0]).double())
    tensor([ 2.0000, -6.0000], dtype=torch.float64)
    """
    check_point(f, x, h)
    gradient = torch.empty(x.shape, dtype=x.dtype)
    for index in range(x.numel()):
        gradient.view(-1)[index] = _central_difference(f, x, index, h)
    return gradient


def check_gradients(
    f: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    gradients: dict[str, Tensor],
    h: float = 1e-5,
    tolerance: float = 1e-6,
) -> dict[str, float]:
    """Compare gradients with central differences, input by input.

    f: called as `f(**inputs)`, gives a scalar; inputs: float64 tensors; gradients: what you
    claim df/d(input) is, for each of these names. Returns the largest relative error for each
    name: ``|claimed - measured| / max(|claimed|, |measured|)``, where entries under a
    thousandth of the largest one count as that (they are rounding noise).

    An entry that disagrees is measured again with h/10 and h/100: near a kink, as ReLU has at
    0, a smaller step no longer straddles it. A true bug disagrees at every h.

    Raises AssertionError naming the input, the worst entry and both values; ValueError when a
    gradient has not the shape of its input.

    >>> x = torch.tensor([1.0, 2.0]).double()
    >>> errors = check_gradients(lambda x: x.square().sum(), {"x": x}, {"x": 2 * x})
    >>> errors["x"] < 1e-9
    True
    """
    check_named(inputs, gradients)
    errors = {}
    for name, claimed in gradients.items():
        x = inputs[name]
        check_claim(name, claimed, x)

        def f_of_x(value: Tensor, name: str = name) -> Tensor:
            return f(**{**inputs, name: value})

        measured = numerical_gradient(f_of_x, x, h)
        error = _relative_error(claimed, measured)
        for smaller in (h / 10, h / 100):
            for index in (error.view(-1) > tolerance).nonzero().flatten().tolist():
                measured.view(-1)[index] = _central_difference(f_of_x, x, index, smaller)
            error = _relative_error(claimed, measured)
        errors[name] = error.max().item()
        if not errors[name] <= tolerance:
            worst = error.argmax().item()
            place = tuple(i.item() for i in torch.unravel_index(torch.tensor(worst), x.shape))
            raise AssertionError(
                f"d_{name}{list(place)} is {claimed.flatten()[worst]:.6g}, central differences "
                f"give {measured.flatten()[worst]:.6g}: relative error {errors[name]:.1e} "
                f"> {tolerance:.0e}"
            )
    return errors


def _central_difference(f: Callable, x: Tensor, index: int, h: float) -> Tensor:
    step = torch.zeros_like(x, memory_format=torch.contiguous_format)
    step.view(-1)[index] = h
    return (f(x + step) - f(x - step)) / (2 * h)


def _relative_error(claimed: Tensor, measured: Tensor) -> Tensor:
    size = torch.maximum(claimed.abs(), measured.abs())
    size = size.clamp(min=max(1e-3 * measured.abs().max().item(), 1e-300))
    return ((claimed - measured).abs() / size).contiguous()
