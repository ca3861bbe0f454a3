"""More pictures out of few: each training image a little turned, moved, and thicker or thinner."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

SIDE = 28


def augment(
    images: Tensor,
    generator: Generator,
    *,
    turn: float = 8.0,
    shift: float = 0.6,
    thicken: float = 0.6,
) -> Tensor:
    """A changed copy of each image, by amounts drawn from `generator`.

    images: [N, 784] in [0, 1]. turn: standard deviation of the angle, in degrees;
    shift: of the move across and down, in pixels; thicken: the largest part by which
    each pixel becomes like the darkest of its neighbours (thicker strokes) or the
    lightest (thinner ones). Returns [N, 784] in [0, 1].

    >>> images = torch.zeros(3, 784)
    >>> images[:, 28 * 14 + 4 : 28 * 14 + 24] = 1
    >>> changed = augment(images, torch.Generator().manual_seed(0))
    >>> changed.shape, bool((changed != images).any(1).all())
    (torch.Size([3, 784]), True)
    """
    count = len(images)
    amounts = thicken * (2 * torch.rand(count, 1, generator=generator) - 1)  # [N, 1]
    angles = math.radians(turn) * torch.randn(count, 1, generator=generator)  # [N, 1]
    moves = shift * torch.randn(count, 2, generator=generator)  # [N, 2]
    return moved(thickened(images, amounts), angles, moves)


def thickened(images: Tensor, amounts: Tensor) -> Tensor:
    """Strokes thicker (amounts above 0) or thinner (below): [N, 784] and [N, 1] to [N, 784].

    >>> line = torch.zeros(1, 784)
    >>> line[0, 28 * 14 : 28 * 15] = 1
    >>> rows = thickened(line, torch.tensor([[0.5]])).view(28, 28).sum(1)
    >>> rows[12:17]
    tensor([ 0., 14., 28., 14.,  0.])
    """
    framed = images.new_zeros(len(images), SIDE + 2, SIDE + 2)
    framed[:, 1:-1, 1:-1] = images.view(-1, SIDE, SIDE)
    most = least = framed[:, 1:-1, 1:-1]  # [N, 28, 28]
    above, below = framed[:, :-2, 1:-1], framed[:, 2:, 1:-1]
    before, behind = framed[:, 1:-1, :-2], framed[:, 1:-1, 2:]
    for neighbour in (above, below, before, behind):
        most, least = torch.maximum(most, neighbour), torch.minimum(least, neighbour)
    gained, lost = most.flatten(1) - images, images - least.flatten(1)  # [N, 784]
    return images + amounts.clamp(min=0) * gained + amounts.clamp(max=0) * lost


def moved(images: Tensor, angles: Tensor, moves: Tensor) -> Tensor:
    """Images turned about pixel (14, 14) by angles [N, 1] and moved by [N, 2] (down, across).

    Each pixel is fetched from where it was: from the four pixels around that place, by how near
    they are.

    >>> line = torch.zeros(1, 784)
    >>> line[0, 28 * 14 : 28 * 15] = 1
    >>> moved(line, torch.zeros(1, 1), torch.tensor([[2.0, 0.0]])).view(28, 28).sum(1).nonzero()
    tensor([[16]])
    """
    places = torch.arange(SIDE * SIDE, device=images.device)
    y = places // SIDE - 14 - moves[:, :1]  # [N, 784]
    x = places % SIDE - 14 - moves[:, 1:]
    sine, cosine = angles.sin(), angles.cos()
    y, x = 14 + cosine * y - sine * x, 14 + sine * y + cosine * x
    y, x = y.clamp(-1, SIDE), x.clamp(-1, SIDE)  # what comes from outside is empty
    top, left = y.floor(), x.floor()
    down, across = y - top, x - left  # in [0, 1)

    width = SIDE + 3  # a frame of empty pixels: one before, two behind
    framed = images.new_zeros(len(images), width, width)
    framed[:, 1:-2, 1:-2] = images.view(-1, SIDE, SIDE)
    framed = framed.flatten(1)  # [N, 31 * 31]
    place = (width * (top + 1) + left + 1).long()  # [N, 784]
    upper = framed.gather(1, place).lerp(framed.gather(1, place + 1), across)
    place += width
    lower = framed.gather(1, place).lerp(framed.gather(1, place + 1), across)
    return upper.lerp(lower, down)
