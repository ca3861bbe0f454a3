"""Composition: a network is a list of layers, with ReLU between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from scratchmnist.arguments import plain_input, plain_networks, plain_seed, plain_sizes
from scratchmnist.layers import linear, relu


class Layer(NamedTuple):
    """One layer's numbers: weights [D, H] and bias [1, H].

    With a leading axis, weights [R, D, H] and bias [R, 1, H], it is R layers of R networks.
    Gradients have the same form: a list of `Layer`, whose fields hold dLoss/dweights and
    dLoss/dbias.
    """

    weights: Tensor
    bias: Tensor


def init_layers(sizes: Sequence[int], seed: int | Sequence[int]) -> list[Layer]:
    """Random weights of a sensible size, and zero biases.

    sizes: the widths from inputs to outputs; `[784, 10]` is one layer, `[784, 30, 10]` two.
    seed: a number; or R numbers, for R replicas (each equals the network its own seed gives).
    Weights are normal with variance 2/D, which keeps the size of the signal through ReLU
    layers.

    Source: He et al. (2015), "Delving deep into rectifiers", section 2.2.

    >>> [tuple(layer.weights.shape) for layer in init_layers([784, 30, 10], seed=0)]
    [(784, 30), (30, 10)]
    >>> [tuple(layer.weights.shape) for layer in init_layers([784, 30, 10], seed=range(5))]
    [(5, 784, 30), (5, 30, 10)]
    """
    sizes, seed = plain_sizes(sizes), plain_seed(seed)
    if isinstance(seed, list):
        return stack_replicas([init_layers(sizes, one_seed) for one_seed in seed])
    generator = torch.Generator().manual_seed(seed)
    return [
        Layer(
            # drawn as [H, D] and seen as [D, H]: the order in memory that `linear` is quick with
            weights=torch.randn(outputs, inputs, generator=generator).mT * (2 / inputs) ** 0.5,
            bias=torch.zeros(1, outputs),
        )
        for inputs, outputs in pairwise(sizes)
    ]


def stack_replicas(networks: Sequence[list[Layer]]) -> list[Layer]:
    """R networks of one shape as one network with a leading axis R.

    >>> one, two = init_layers([3, 2], seed=0), init_layers([3, 2], seed=1)
    >>> stack_replicas([one, two])[0].weights.shape
    torch.Size([2, 3, 2])
    """
    return [
        Layer(
            weights=torch.stack([weights.mT for weights, _ in layers]).mT,  # [R, D, H]
            bias=torch.stack([bias for _, bias in layers]),  # [R, 1, H]
        )
        for layers in zip(*plain_networks(networks))
    ]


def forward(x: Tensor, layers: list[Layer]) -> tuple[Tensor, Callable]:
    """The whole network: linear, ReLU, linear, ..., linear.

    x: [B, D] (or [R, B, D]); layers: as `init_layers` makes them. Returns the output [B, K]
    (or [R, B, K]) and `backward(d_out)`, which gives the gradients as a list of `Layer`.

    >>> x = torch.zeros(4, 784)
    >>> out, backward = forward(x, init_layers([784, 30, 10], seed=0))
    >>> out.shape
    torch.Size([4, 10])
    >>> [tuple(grad.weights.shape) for grad in backward(torch.ones(4, 10))]
    [(784, 30), (30, 10)]
    """
    x, layers = plain_input(x, layers)
    linear_backwards, relu_backwards = [], []
    for weights, bias in layers:
        if linear_backwards:  # every layer but the first looks through a ReLU
            x, relu_backward = relu(x)
            relu_backwards.append(relu_backward)
        x, linear_backward = linear(x, weights, bias)
        linear_backwards.append(linear_backward)

    def backward(d_out: Tensor) -> list[Layer]:
        grads = []
        for index in reversed(range(len(layers))):
            d_x, d_weights, d_bias = linear_backwards[index](d_out, need_d_x=index > 0)
            grads.append(Layer(d_weights, d_bias))
            if index > 0:
                d_out = relu_backwards[index - 1](d_x)
        return grads[::-1]

    return x, backward
