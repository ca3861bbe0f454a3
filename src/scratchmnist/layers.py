"""The differentiable pieces of a network: a linear map and ReLU.

Each function returns its output *and a function that carries a gradient back*: `backward` takes
dLoss/d(output) and gives dLoss/d(each input). What it needs from the forward step it simply
remembers, as Python closures do.

Shapes: B batch, D inputs, H outputs. All functions accept a leading axis R, which makes R
independent networks (replicas) out of one.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from scratchmnist.arguments import check_gradient, output_shape


def linear(x: Tensor, weights: Tensor, bias: Tensor) -> tuple[Tensor, Callable]:
    """Weighted sums of the inputs: `x @ weights + bias`.

    x: [B, D] (or [R, B, D]); weights: [D, H] (or [R, D, H]); bias: [1, H] (or [R, 1, H]).
    Returns the output [B, H] (or [R, B, H]) and `backward(d_out)`, which gives
    `(d_x, d_weights, d_bias)`, each of the shape of its input. When R replicas share one x
    [B, D], `d_x` keeps the replica axis: one gradient for each replica's own loss. With
    `need_d_x=False` (the first layer: nobody changes the images) `d_x` is None and costs
    nothing.

    Raises ValueError for shapes or dtypes that do not fit, such as a bias without its batch
    axis, and TypeError for what is no tensor.

    >>> import torch
    >>> x, weights, bias = torch.ones(4, 3), torch.ones(3, 2), torch.tensor([[0.5, -0.5]])
    >>> out, backward = linear(x, weights, bias)
    >>> out[0]
    tensor([3.5000, 2.5000])
    >>> [tuple(d.shape) for d in backward(torch.ones(4, 2))]
    [(4, 3), (3, 2), (1, 2)]
    """
    shape = output_shape(x, weights, bias)  # [..., B, H], if the three fit

    def backward(d_out: Tensor, need_d_x: bool = True):  # d_out [..., B, H]
        check_gradient(d_out, shape)
        d_weights = (d_out.mT @ x).mT  # x.mT @ d_out  [..., D, H]
        d_bias = d_out.sum(-2, keepdim=True)  # [..., 1, H]
        # d_out @ weights.mT  [..., B, D]
        d_x = (weights @ d_out.mT).mT if need_d_x else None
        return d_x, d_weights, d_bias

    # (A @ B) equals (B.mT @ A.mT).mT. In this order torch sees R replicas that share one x
    # as a single wide product, and the narrow products are quicker too ("How fast?").
    return (weights.mT @ x.mT).mT + bias, backward  # x @ weights + bias  [..., B, H]


def relu(x: Tensor) -> tuple[Tensor, Callable]:
    """Keep what is positive, replace the rest by zero.

    x: any shape. Returns the output, of the same shape, and `backward(d_out)`, which gives
    `d_x`: `d_out` where x was positive, zero elsewhere (at exactly 0 the slope is taken to be
    0).

    >>> import torch
    >>> out, backward = relu(torch.tensor([-2.0, 0.0, 3.0]))
    >>> out, backward(torch.ones(3))
    (tensor([0., 0., 3.]), tensor([0., 0., 1.]))
    """

    def backward(d_out: Tensor) -> Tensor:
        check_gradient(d_out, x.shape)
        return d_out * (x > 0)

    return x.clamp(min=0), backward
