"""Judging predictions: from a network's output to digits, and from digits to scores."""

from __future__ import annotations

import torch
from torch import Tensor

from scratchmnist.arguments import (
    check_count,
    plain,
    plain_answers,
    plain_labels,
    plain_output,
    wrong,
)


def nearest_digit(y_pred: Tensor) -> Tensor:
    """The digit nearest to a predicted number: rounded, and kept within 0 to 9.

    y_pred: [..., B, 1] floats. Returns [..., B] int64. NaN is no digit at all: -1. A tie goes
    to the even digit, as `torch.round` has it.

    >>> nearest_digit(torch.tensor([[-3.0], [4.4], [4.6], [12.0]]))
    tensor([0, 4, 5, 9])
    """
    y_pred = plain_output(y_pred, "y_pred")
    if y_pred.shape[-1] != 1:
        raise wrong("y_pred", "[B, 1], one number an image", y_pred)
    return y_pred.squeeze(-1).round().clamp(0, 9).nan_to_num(nan=-1).long()


def predicted_digits(out: Tensor) -> Tensor:
    """The digit a network's output stands for.

    out: [..., B, K] scores (the largest wins), or [..., B, 1] numbers (the nearest digit).
    Returns [..., B] int64; an output with NaN is no digit at all: -1.

    >>> predicted_digits(torch.tensor([[0.1, 2.0, -1.0]])), predicted_digits(torch.tensor([[6.8]]))
    (tensor([1]), tensor([7]))
    """
    out = plain_output(out)
    if out.shape[-1] == 1:
        return nearest_digit(out)
    largest, digits = out.max(-1)  # NaN is the largest; `argmax` is slow on transposed scores
    return torch.where(largest.isnan(), -1, digits)


def accuracy(out: Tensor, labels: Tensor) -> Tensor:
    """The fraction of images whose digit is right: a number in [0, 1].

    out: a network's output, [..., B, K] or [..., B, 1], or digits already decided, [..., B]
    int64. labels: [B] int64. Returns [] (or [R]).

    >>> accuracy(torch.tensor([[0.1, 2.0], [3.0, 0.0]]), torch.tensor([1, 1]))
    tensor(0.5000)
    """
    out, classes = plain("out", out), None
    if out.is_floating_point():
        classes = 10 if out.shape[-1:] == (1,) else out.shape[-1]
        out = predicted_digits(out)
    predicted, labels = plain_answers(out, labels, classes)
    return (predicted == labels).float().mean(-1)


def confusion_matrix(predicted: Tensor, labels: Tensor, classes: int = 10) -> Tensor:
    """How often each digit (row) was taken for each digit (column).

    predicted: [B] int64; labels: [B] int64. Returns counts [classes, classes] int64, which
    sum to B.

    >>> confusion_matrix(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 0]), classes=2)
    tensor([[1, 1],
            [0, 1]])
    """
    classes = check_count("classes", classes)
    predicted, labels = plain_answers(predicted, labels, classes)
    if predicted.dim() != 1:
        raise wrong("predicted", "digits [B]", predicted)
    predicted = plain_labels(predicted, classes, "predicted")
    pairs = labels * classes + predicted  # [B], one number for each (true, predicted)
    return pairs.bincount(minlength=classes * classes).reshape(classes, classes)
