"""Scoring a batch of predictions: mean squared error and cross-entropy.

Each loss returns its value and `backward()`, which gives dLoss/d(first argument). Losses are means
over the batch, so neither they nor their gradients grow with its size. A leading axis R gives R
losses, one for each replica.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from scratchmnist.arguments import check_distributions, check_pair, check_scores


def mse(y_pred: Tensor, y_true: Tensor) -> tuple[Tensor, Callable]:
    """Mean squared error, over the batch and the outputs.

    y_pred: [B, K] (or [R, B, K]); y_true: [B, K] (or [R, B, K]), floats. Returns the loss []
    (or [R]), in squared units of y, and `backward()`, which gives d_y_pred, of the shape of
    y_pred.

    Raises ValueError when the shapes differ: `[B, 1]` against `[B]` would broadcast to
    `[B, B]` and give a wrong number in silence.

    >>> loss, backward = mse(torch.tensor([[1.0], [5.0]]), torch.tensor([[3.0], [4.0]]))
    >>> loss, backward()
    (tensor(2.5000), tensor([[-2.],
            [ 1.]]))
    """
    check_pair("mse(y_pred, y_true)", y_pred, y_true)
    residual = y_pred - y_true  # [..., B, K]

    def backward() -> Tensor:
        count = residual.shape[-2] * residual.shape[-1]
        return residual * (2 / count)  # [..., B, K]

    return residual.square().mean((-2, -1)), backward


def log_sum_exp(logits: Tensor) -> Tensor:
    """log(exp(z_1) + ... + exp(z_K)) of each row, without overflow.

    logits: [..., B, K]. Returns [..., B, 1]. The row's largest score is taken out before
    `exp` and put back after `log`, so the largest number ever exponentiated is 0. A row may
    hold -inf (a class that is ruled out), but not in every place: then the result is NaN.

    Source: Blanchard, Higham and Higham (2021), "Accurately computing the log-sum-exp and
    softmax functions".

    >>> log_sum_exp(torch.tensor([[1000.0, 1000.0]]))
    tensor([[1000.6932]])
    """
    check_scores(logits)
    largest = logits.amax(-1, keepdim=True)  # [..., B, 1]
    return largest + (logits - largest).exp().sum(-1, keepdim=True).log()


def log_softmax(logits: Tensor) -> Tensor:
    """The logarithm of `softmax`: `logits - log_sum_exp(logits)`.

    logits: [..., B, K]. Returns [..., B, K], in nats. Scores are shifted by the row's largest
    one, which cancels; adding it back first, as `log_sum_exp` must, would round away digits.

    >>> log_softmax(torch.tensor([[0.0, 0.0]]))
    tensor([[-0.6931, -0.6931]])
    """
    check_scores(logits)
    shifted = logits - logits.amax(-1, keepdim=True)
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


def softmax(logits: Tensor) -> Tensor:
    """Scores to probabilities: exp(z_k) / (exp(z_1) + ... + exp(z_K)), row by row.

    logits: [..., B, K]. Returns [..., B, K]; no entry is negative, and every row sums to 1.

    >>> softmax(torch.tensor([[1.0, 1.0, 1.0, 1.0]]))
    tensor([[0.2500, 0.2500, 0.2500, 0.2500]])
    """
    return log_softmax(logits).exp()


def cross_entropy(logits: Tensor, targets: Tensor) -> tuple[Tensor, Callable]:
    """Average surprise, in nats: -log of the probability that softmax gives the right class.

    logits: [B, K] (or [R, B, K]), K >= 2; targets: [B, K] (or [R, B, K]), floats, each row a
    distribution (one-hot, as `one_hot` makes it): with rows that do not sum to 1, `p - y` would
    be wrong. Returns the loss [] (or [R]) and `backward()`, which gives d_logits = (p - y) / B.

    Raises ValueError for integer labels (`one_hot(labels)` makes targets of them), for shapes
    that differ, for targets whose sum is not their number of rows, and for a single output,
    whose probability is always 1.

    >>> loss, backward = cross_entropy(torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 0.0]]))
    >>> loss, backward()
    (tensor(0.6931), tensor([[-0.5000,  0.5000]]))
    """
    batch = check_pair("cross_entropy(logits, targets)", logits, targets)  # B
    check_distributions(targets)
    log_probs = log_softmax(logits)  # [..., B, K]

    def backward() -> Tensor:
        return (log_probs.exp() - targets) / batch  # (p - y) / B  [..., B, K]

    # A class that cannot be right adds nothing, even if its log-probability is -inf (0 * inf)
    log_likelihood = torch.where(targets.bool(), targets * log_probs, targets)  # [..., B, K]
    return log_likelihood.sum((-2, -1)) / -batch, backward
