"""Values of formulas: float64 numbers and matrices, with a named axis for every index.

A value has first its named axes (`X_{ij}` has the axes i and j), then the two axes of a matrix or
none of a number. So one evaluation serves all i and j at once, and a sum is a sum over an axis.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Refused(Exception):
    """The formula says something that cannot be read or evaluated: the message names it."""


class Value(NamedTuple):
    axes: tuple[str, ...]
    data: Tensor  # [*axes] or [*axes, rows, columns]
    ones: str = ""  # "column" or "row": ones, in a number that the neighbours decide
    ends: tuple[int, int] | None = None  # of an index: the first and the last


class Random(NamedTuple):
    """What has one value in each of some equally likely cases: the first axis."""

    data: Tensor


CASES = "the cases of chance"  # the axis of a Random


def number(x) -> Value:
    return Value((), torch.as_tensor(x, dtype=torch.float64))


def as_value(x) -> Value:
    if isinstance(x, Value):
        return x
    if isinstance(x, Random):
        return Value((CASES,), x.data)
    return Value((), x) if isinstance(x, Tensor) else number(x)


def rank(value: Value) -> int:
    return value.data.ndim - len(value.axes)


def shape(value: Value) -> list[int]:
    return list(value.data.shape[len(value.axes) :])


def spread(value: Value, axes: tuple[str, ...]) -> Tensor:
    """The data with these named axes, in this order, of size 1 where the value has none."""
    kept = [value.axes.index(axis) for axis in axes if axis in value.axes]
    data = value.data.permute((*kept, *range(len(value.axes), value.data.ndim)))
    for place, axis in enumerate(axes):
        if axis not in value.axes:
            data = data.unsqueeze(place)
    return data


def all_axes(*values: Value) -> tuple[str, ...]:
    return tuple(dict.fromkeys(axis for value in values for axis in value.axes))


def together(*values: Value) -> tuple[tuple[str, ...], list[Tensor]]:
    axes = all_axes(*values)
    return axes, [spread(value, axes) for value in values]


def sized_ones(value: Value, size: int) -> Value:
    shape = (1, size) if value.ones == "row" else (size, 1)
    return Value((), torch.ones(shape, dtype=torch.float64) * value.data)


def settle(a: Value, b: Value) -> tuple[Value, Value]:
    """Ones of no known number take the number that the other one has."""
    for first, second, turned in ((a, b, False), (b, a, True)):
        if first.ones and rank(second) == 2:
            expected = 1 if first.ones == "column" else 0
            if shape(second)[expected] != 1:
                raise Refused(f"a {first.ones} of ones beside {shape(second)}")
            first = sized_ones(first, shape(second)[1 - expected])
            return (second, first) if turned else (first, second)
    if a.ones or b.ones:
        raise Refused("ones: how many is not said")
    return a, b


def squeezed(value: Value) -> Value:
    """A [1, 1] as the number in it."""
    if rank(value) == 2 and shape(value) == [1, 1] and not value.ones:
        return Value(value.axes, value.data[..., 0, 0])
    return value


def plus(a: Value, b: Value, sign: int = 1) -> Value:
    a, b = settle(a, b)
    if rank(a) != rank(b):
        a, b = squeezed(a), squeezed(b)
    if rank(a) != rank(b):  # a number is added to each entry of a row, and of nothing else
        row = a if rank(a) else b
        if shape(row)[0] != 1:
            raise Refused(f"adds a number and {shape(row)}")
        a, b = (
            x if rank(x) else Value(x.axes, x.data[..., None, None].expand(*x.data.shape, 1, 1))
            for x in (a, b)
        )
    elif rank(a) == 2 and shape(a) != shape(b):  # a row is added to each row
        (rows, columns), (others, width) = shape(a), shape(b)
        if columns != width or 1 not in (rows, others):
            raise Refused(f"adds {shape(a)} and {shape(b)}")
    axes, (left, right) = together(a, b)
    return Value(axes, left + sign * right)


def negative(a: Value) -> Value:
    return a._replace(data=-a.data)


def times(a: Value, b: Value) -> Value:
    if a.ones == "row" and rank(b) == 2:
        a = sized_ones(a, shape(b)[0])
    if b.ones == "column" and rank(a) == 2:
        b = sized_ones(b, shape(a)[1])
    if a.ones or b.ones:
        if not (a.axes or b.axes or (rank(a) and not a.ones) or (rank(b) and not b.ones)):
            return Value((), a.data * b.data, a.ones or b.ones)
        raise Refused("ones: how many is not said")
    if rank(a) == rank(b) == 2 and shape(a)[1] != shape(b)[0]:  # (x M x^T) is a number
        a, b = squeezed(a), squeezed(b)
    axes, (left, right) = together(a, b)
    if rank(a) == rank(b) == 2:
        if shape(a)[1] != shape(b)[0]:
            raise Refused(f"multiplies {shape(a)} and {shape(b)}")
        return Value(axes, left @ right)
    if rank(a) == 2:
        right = right[..., None, None]
    elif rank(b) == 2:
        left = left[..., None, None]
    return Value(axes, left * right)


def entrywise(a: Value, b: Value, operation) -> Value:
    """An operation entry by entry; the shapes have to agree."""
    a, b = settle(a, b)
    if shape(a) != shape(b):
        raise Refused(f"takes {shape(a)} and {shape(b)} entry by entry")
    axes, (left, right) = together(a, b)
    return Value(axes, operation(left, right))


def divided(a: Value, b: Value) -> Value:
    if a.ones or b.ones:
        raise Refused("divides ones in a number that is not said")
    if rank(b) == 0:
        axes, (left, right) = together(a, b)
        return Value(axes, left / (right[..., None, None] if rank(a) == 2 else right))
    if rank(squeezed(b)) == 0 and rank(a) == 0:
        return divided(a, squeezed(b))
    return entrywise(a, b, torch.div)


def power(a: Value, b: Value) -> Value:
    a, b = squeezed(a), squeezed(b)
    if rank(b):
        raise Refused(f"{shape(b)} as an exponent")
    if rank(a):
        if b.axes == () and b.data == -1:
            if shape(a)[0] != shape(a)[1]:
                raise Refused(f"the inverse of {shape(a)}")
            return Value(a.axes, torch.linalg.inv(a.data))
        raise Refused(f"a power of {shape(a)}")
    axes, (left, right) = together(a, b)
    return Value(axes, left**right)


def transposed(a: Value) -> Value:
    if a.ones:
        return a._replace(ones="row" if a.ones == "column" else "column")
    if rank(a) != 2:
        raise Refused("the transpose of a number")
    return Value(a.axes, a.data.mT)


def whole(index: Value, what: str) -> Value:
    if rank(index):
        raise Refused(f"{what}: {shape(index)} as an index")
    if index.data.dtype == torch.int64:
        return index
    rounded = index.data.detach().round()
    if (rounded - index.data).abs().max() > 1e-9:
        raise Refused(f"{what}: an index that is no whole number")
    return Value(index.axes, rounded.long())


def entry(value: Value, indices: list[Value], first: int, what: str) -> Value:
    """The entry (or row) of these indices; the first one is 0 or 1."""
    if value.ones or rank(value) < 2:
        raise Refused(f"{what}: a number has no index")
    indices = [whole(index, what) for index in indices]
    size = shape(value)
    if rank(value) == 3:
        if len(indices) == 2:
            return entry(entry(value, indices[:1], first, what), indices[1:], first, what)
        places = [0]
    elif len(indices) == 2:
        places = [0, 1]
    elif len(indices) == 1:
        places = [1] if size[0] == 1 else [0]
    else:
        raise Refused(f"{what}: {len(indices)} indices for {size}")
    for index, place in zip(indices, places):
        low, high = index.ends or (int(index.data.min()), int(index.data.max()))
        low, high = low - first, high - first
        if low < 0 or high >= size[place]:
            raise Refused(f"{what}: an index from {low + first} to {high + first} in {size}")
    own = [Value((axis,), torch.arange(n)) for axis, n in zip(value.axes, value.data.shape)]
    axes = all_axes(*own, *indices)
    own = [spread(index, axes) for index in own]
    indices = [spread(index, axes) - first for index in indices]
    if rank(value) == 2 and places == [1]:  # a row
        indices = [torch.zeros_like(indices[0]), *indices]
    elif rank(value) == 2 and len(indices) == 1:
        if size[1] != 1:
            return Value(axes, value.data[(*own, *indices)].unsqueeze(-2))  # row i of a table
        indices = [*indices, torch.zeros_like(indices[0])]
    return Value(axes, value.data[(*own, *indices)])


def over_axis(value: Value, axis: str, count: int, keep: Value | None, reduce: str) -> Value:
    """Sum, product or maximum over a named axis, of the places where `keep` holds."""
    if value.ones:
        raise Refused("a sum of ones in a number that is not said")
    along = Value((axis,), torch.zeros(count, dtype=torch.float64))
    parts = [value, along] if keep is None else [value, along, keep]
    axes = all_axes(*parts)
    size = {a: n for v in parts for a, n in zip(v.axes, v.data.shape)}
    data = spread(value, axes)
    data = data.expand((*(size[a] for a in axes), *data.shape[len(axes) :]))
    if keep is not None:
        mask = spread(keep, axes)
        mask = mask.reshape((*mask.shape, *[1] * rank(value)))
        data = torch.where(mask.bool(), data, {"sum": 0.0, "prod": 1.0}.get(reduce, -torch.inf))
    place = axes.index(axis)
    data = {"sum": torch.sum, "prod": torch.prod, "max": torch.amax, "min": torch.amin}[reduce](
        data, place
    )
    return Value(tuple(a for a in axes if a != axis), data)


def index_from(axis: str, low: int, high: int) -> Value:
    """An index that runs from low to high, along an axis of its own."""
    return Value((axis,), torch.arange(low, high + 1), ends=(low, high))


def mean_over_chance(value: Value) -> Value:
    if CASES not in value.axes:
        raise Refused("an expectation of what does not depend on chance")
    rest = tuple(a for a in value.axes if a != CASES)
    return Value(rest, spread(value, (CASES, *rest)).mean(0))


def jacobian(
    above: Value, below: Tensor, what: str, again: bool = False, keep: bool = False
) -> Value:
    """d above / d below: the axes and shape of `above`, then those of the tensor `below`."""
    if not (above.data.requires_grad and below.requires_grad):
        raise Refused(f"{what}: one does not depend on the other")
    key = (id(above.data), id(below), again)
    if key in KNOWN_SLOPES and KNOWN_SLOPES[key][0] is above.data:
        return KNOWN_SLOPES[key][1]
    rows = [
        torch.autograd.grad(y, below, retain_graph=True, create_graph=again, allow_unused=True)[0]
        for y in above.data.reshape(-1)
    ]
    if all(row is None for row in rows):
        raise Refused(f"{what}: one does not depend on the other")
    rows = [torch.zeros_like(below) if row is None else row for row in rows]
    if rank(above) and below.ndim:
        above = squeezed(above)
        if rank(above):
            raise Refused(f"{what}: the derivative of a matrix by a matrix")
    slope = Value(above.axes, torch.stack(rows).reshape((*above.data.shape, *below.shape)))
    if keep:
        KNOWN_SLOPES[key] = (above.data, slope)
    return slope


KNOWN_SLOPES: dict[tuple, tuple] = {}  # of the quantities of a point, which stay
