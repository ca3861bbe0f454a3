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


def linear(x: Tensor, weights: Tensor, bias: Tensor) -> tuple[Tensor, Callable]:
    """Weighted sums of the inputs: `x @ weights + bias`.

    x: [B, D] (or [R, B, D]); weights: [D, H] (or [R, D, H]); bias: [1, H] (or [R, 1, H]).
    Returns the output [B, H] (or [R, B, H]) and `backward(d_out)`, which gives
    `(d_x, d_weights, d_bias)`, each of the shape of its input. When R replicas share one x
    [B, D], `d_x` keeps the replica axis: one gradient for each replica's own loss. With
    `need_d_x=False` (the first layer: nobody changes the images) `d_x` is None and costs
    nothing.

    Raises ValueError for shapes or dtypes that do not fit, such as a bias without its batch
    axis.

    >>> import torch
    >>> x, weights, bias = torch.ones(4, 3), torch.ones(3, 2), torch.tensor([[0.5, -0.5]])
    >>> out, backward = linear(x, weights, bias)
    >>> out[0]
    tensor([3.5000, 2.5000])
    >>> [tuple(d.shape) for d in backward(torch.ones(4, 2))]
    [(4, 3), (3, 2), (1, 2)]
    """
    _check_linear(x, weights, bias)

    def backward(d_out: Tensor, need_d_x: bool = True):  # d_out [..., B, H]
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
        return d_out * (x > 0)

    return x.clamp(min=0), backward


def _check_linear(x: Tensor, weights: Tensor, bias: Tensor) -> None:
    x_shape, w_shape, b_shape = x.shape, weights.shape, bias.shape
    if len(x_shape) < 2 or len(w_shape) < 2:
        raise ValueError(
            f"linear needs x [B, D] and weights [D, H]; got x {list(x_shape)} and weights "
            f"{list(w_shape)}. One image is a batch of one: x[None]"
        )
    if not x.dtype == weights.dtype == bias.dtype:
        raise ValueError(
            f"x is {x.dtype}, weights are {weights.dtype} and bias is {bias.dtype}; they must "
            "agree. Pixels stored as uint8 need scaling first: images.float() / 255"
        )
    if x_shape[-1] != w_shape[-2]:
        raise ValueError(
            f"x {list(x_shape)} has {x_shape[-1]} columns, but weights {list(w_shape)} "
            f"expect D = {w_shape[-2]}"
        )
    *replicas, _, outputs = w_shape  # replicas: [] or [R]
    if b_shape != (*replicas, 1, outputs):
        raise ValueError(
            f"bias must be {[*replicas, 1, outputs]} to match weights {list(w_shape)}; "
            f"got {list(b_shape)}. The axis of length 1 is the batch axis"
        )
    if len(x_shape) > 2 and x_shape[:-2] != w_shape[:-2]:
        raise ValueError(
            f"x {list(x_shape)} has other leading axes than weights {list(w_shape)}: "
            "each replica needs weights of its own"
        )
