"""Pictures and labels as tensors, and how they are dealt out in batches.

The data are MNIST: grey pictures of handwritten digits, 28 by 28 pixels, 60,000 to train on and
10,000 to test on (Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST database of handwritten
digits*). How they come from files is the business of `scratchmnist.files`.

Shapes: N images, B batch, D inputs (784 pixels), K outputs, R replicas.
"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from scratchmnist.arguments import (
    check_count,
    plain_digits,
    plain_generators,
    plain_label_vector,
    plain_labels,
    plain_rows,
    plain_seed,
    plain_share,
)
from scratchmnist.files.full import find_mnist, read_full
from scratchmnist.files.orientation import warn_if_turned
from scratchmnist.files.sources import EXPECTED, read_source
from scratchmnist.files.subset import read_subset

# Rows gathered together by `minibatches`: one call for 32 batches of 16. More would leave the
# processor's cache before the steps come to read them (chapter "How fast?").
ROWS_AT_ONCE = 512


class Digits(NamedTuple):
    """Pictures of digits, and which digits they are.

    images: float32 [N, 784], each picture's 28 rows one after the other; 0 is paper, 1 is ink.
    labels: int64 [N], each 0 to 9.
    """

    images: Tensor
    labels: Tensor


def load_mnist(
    source: str | PathLike = "subset", test_images: int | None = None
) -> tuple[Digits, Digits]:
    """MNIST as tensors.

    ``source="subset"``: the assignment's 5000 + 5000 pictures, 500 of each digit from MNIST's
    training images and 500 from its test images. They take turns, 0, 1, ..., 9, 0, 1, ...,
    each digit in the order it was picked: a slice that starts and ends at multiples of 10
    holds every digit equally often. They come with the package; no network is needed.

    ``source="full"``: all 60,000 + 10,000 in MNIST's own order. fastai's `untar_data` downloads
    them as PNGs on first use. They are decoded once, into MNIST's original four files, which
    stay in a folder `mnist_idx` beside the PNGs.

    A path: MNIST, Fashion-MNIST, KMNIST or EMNIST as four IDX files in a folder (plain or .gz),
    Keras' `mnist.npz`, Kaggle's `train.csv` (its last `test_images` rows, by default a sixth,
    become the test part), or a folder of PNGs. Digits that seem to lie otherwise than MNIST's
    are named in a warning.

    Returns (train, test), each a `Digits`. Raises ValueError for an unknown source, for a
    pickle, and for a data file with another checksum than it should have (compared on every
    load), FileNotFoundError for missing files, ConnectionError if the download fails.

    >>> train, test = load_mnist()
    >>> train.images.shape, train.labels.shape
    (torch.Size([5000, 784]), torch.Size([5000]))
    >>> test.labels[:12]
    tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    if source == "subset":
        images, labels, _ = read_subset()
        train, test = zip(images, labels)
    elif source == "full":
        train, test = read_full(find_mnist())
    elif isinstance(source, str) and source.isalnum() and not Path(source).exists():
        raise ValueError(f"unknown source {source!r}: expected 'subset', 'full', or {EXPECTED}")
    else:
        train, test = read_source(Path(source), test_images)
        warn_if_turned(*train, name=str(source))
    return _to_digits(*train), _to_digits(*test)


def split(digits: Digits, held_out: int | float, seed: int = 0) -> tuple[Digits, Digits]:
    """Hold some pictures out, at random, to judge a model by pictures it was not trained on.

    held_out: how many pictures, or a fraction of them, such as 0.2. Returns (the others, the
    held-out ones), each a `Digits`, in shuffled order. One seed always holds out the same
    pictures. Raises ValueError unless some are held out and some are left.

    >>> train, test = load_mnist()
    >>> train, valid = split(train, 1000)
    >>> len(train.labels), len(valid.labels)
    (4000, 1000)
    """
    digits = plain_digits("digits", digits)
    n = len(digits[1])
    held_out = plain_share(held_out, n)
    order = torch.randperm(n, generator=Generator().manual_seed(plain_seed(seed)))
    valid, train = order[:held_out], order[held_out:]
    return Digits(*(rows[train] for rows in digits)), Digits(*(rows[valid] for rows in digits))


def minibatches(
    images: Tensor, targets: Tensor, batch_size: int, generator: Generator | list[Generator]
) -> Iterator[tuple[Tensor, Tensor]]:
    """All the data once, shuffled, in batches. The last is short if `batch_size` does not divide N.

    images: [N, D]; targets: [N, K], or labels [N]. The order is drawn from `generator`, anew
    in each call. A list of R generators gives each of R replicas an order of its own: the one
    that its generator would give it alone.

    Yields (x [B, D], y [B, K]), or with a list of generators (x [R, B, D], y [R, B, K]).
    Raises ValueError for a batch size that is no positive integer, for images and targets of
    different lengths, for no images, and for a seed or None where a generator belongs.

    >>> images, targets = torch.arange(5.0).reshape(5, 1), torch.arange(5)
    >>> batches = list(minibatches(images, targets, 2, torch.Generator().manual_seed(0)))
    >>> [len(y) for x, y in batches]
    [2, 2, 1]
    >>> sorted(torch.cat([y for x, y in batches]).tolist())
    [0, 1, 2, 3, 4]
    """
    batch_size = check_count("batch_size", batch_size)
    images, targets = plain_rows(images, targets)
    order = _shuffled(len(images), plain_generators(generator))
    return _deal_out(images, targets, batch_size, order)


def one_hot(labels: Tensor, classes: int = 10) -> Tensor:
    """A 1 in the column of each label, 0 elsewhere.

    labels: integers of any shape [...]. Returns float32 [..., classes]. Raises ValueError for
    labels that are no integers, or outside 0 to classes - 1.

    >>> one_hot(torch.tensor([2, 0]), classes=3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    labels = plain_labels(labels, check_count("classes", classes))
    return (labels[..., None] == torch.arange(classes, device=labels.device)).float()


def encode(labels: Tensor, outputs: int) -> Tensor:
    """Labels as the targets that a network with this many outputs learns from.

    labels: [B] int64. One output: the digit as a number, [B, 1]. More: one-hot, [B, outputs].
    Raises ValueError for a label out of range: 0 to 9, or 0 to outputs - 1.

    >>> encode(torch.tensor([3, 0]), outputs=1)
    tensor([[3.],
            [0.]])
    >>> encode(torch.tensor([3, 0]), outputs=4)
    tensor([[0., 0., 0., 1.],
            [1., 0., 0., 0.]])
    """
    labels = plain_label_vector(labels, outputs)
    if outputs == 1:
        return labels[:, None].float()
    return one_hot(labels, outputs)


def _to_digits(images: np.ndarray, labels: np.ndarray) -> Digits:
    """images uint8 [N, 784] from 0..255 to 0..1, labels uint8 [N] to int64."""
    return Digits(torch.from_numpy(images).float().div_(255), torch.from_numpy(labels).long())


def _shuffled(n: int, generator: Generator | list[Generator]) -> Tensor:
    """The numbers 0 to n - 1 in a random order [n], or in R random orders [R, n]."""
    if isinstance(generator, Generator):
        return torch.randperm(n, generator=generator)
    return torch.stack([torch.randperm(n, generator=g) for g in generator])


def _deal_out(images, targets, batch_size, order):
    """Yields (x [..., B, D], y [..., B, K]), following order [..., N]; the last may be short."""
    batch_axis = order.ndim - 1
    rows_of_a_batch = batch_size * order[..., 0].numel()  # B or R * B
    batches_at_once = max(1, ROWS_AT_ONCE // rows_of_a_batch)
    for next_ones in order.split(batches_at_once * batch_size, dim=-1):
        yield from zip(
            rows_at(images, next_ones).split(batch_size, batch_axis),
            rows_at(targets, next_ones).split(batch_size, batch_axis),
        )


def rows_at(rows: Tensor, indices: Tensor) -> Tensor:
    """rows [N, D] at indices [..., B]: [..., B, D]. What rows[indices] gives, in half the time."""
    return rows.index_select(0, indices.flatten()).view(*indices.shape, *rows.shape[1:])
