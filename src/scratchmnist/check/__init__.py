"""Checks of your own functions: right, or what the mistake is.

Each check takes a function of yours, calls it with small inputs and compares what comes back with
the right answer, computed in float64. A right function gets one line that says what was tried. A
wrong one raises `Wrong`, which says what was given, expected and seen, the likely cause, and the
chapter that explains it. The cause is found by comparing with what known mistakes give; where none
fits, only the difference is told.

Your functions may take and give PyTorch tensors (float32 or float64) or NumPy's arrays, and may
use loops, matrix products or whatever else. They may not change their inputs, and have five
seconds for everything.
"""

from __future__ import annotations

from collections.abc import Callable

from scratchmnist.check.exercises import examine
from scratchmnist.check.learning import examine_training
from scratchmnist.check.wording import Wrong

__all__ = [
    "Wrong",
    "accuracy",
    "cross_entropy",
    "cross_entropy_gradient",
    "linear",
    "linear_gradients",
    "log_sum_exp",
    "mean_squared_error",
    "minibatches",
    "mse_gradient",
    "one_hot",
    "relu",
    "relu_gradient",
    "sgd_step",
    "softmax",
    "training",
    "two_layer_gradients",
]


def mean_squared_error(f: Callable) -> None:
    """Check `f(y_pred, y_true) -> loss`: both [B, K], the mean over all entries.

    >>> mean_squared_error(lambda y_pred, y_true: ((y_pred - y_true)[:, 0] ** 2).mean())
    ... # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scratchmnist.check.wording.Wrong: mean_squared_error: wrong loss for 5 rows of 3 numbers
    ...
    """
    print(examine("mean_squared_error", f))


def mse_gradient(f: Callable) -> None:
    """Check `f(y_pred, y_true) -> d_y_pred`, the gradient of the mean squared error: [B, K].

    >>> mse_gradient(lambda y_pred, y_true: 2 * (y_pred - y_true) / y_pred.numel())
    mse_gradient: right. Tried: columns of 5 and 7 numbers, 5 rows of 3 numbers
    """
    print(examine("mse_gradient", f))


def one_hot(f: Callable) -> None:
    """Check `f(labels, classes) -> targets`: integers [B] to [B, classes]."""
    print(examine("one_hot", f))


def softmax(f: Callable) -> None:
    """Check `f(logits) -> probabilities`: [B, K] to [B, K], each row adding up to 1."""
    print(examine("softmax", f))


def log_sum_exp(f: Callable) -> None:
    """Check `f(logits) -> log_sum`: [B, K] to [B, 1] (or [B])."""
    print(examine("log_sum_exp", f))


def cross_entropy(f: Callable) -> None:
    """Check `f(logits, targets) -> loss`: both [B, K], targets one-hot; the mean over images."""
    print(examine("cross_entropy", f))


def cross_entropy_gradient(f: Callable) -> None:
    """Check `f(logits, targets) -> d_logits`: the gradient of the mean cross-entropy, [B, K]."""
    print(examine("cross_entropy_gradient", f))


def linear(f: Callable) -> None:
    """Check `f(x, weights, bias) -> out`: [B, D], [D, H], [1, H] to [B, H]."""
    print(examine("linear", f))


def linear_gradients(f: Callable) -> None:
    """Check `f(x, weights, d_out) -> (d_x, d_weights, d_bias)`: [B, D], [D, H], [1, H]."""
    print(examine("linear_gradients", f))


def relu(f: Callable) -> None:
    """Check `f(x) -> out`, of any shape."""
    print(examine("relu", f))


def relu_gradient(f: Callable) -> None:
    """Check `f(x, d_out) -> d_x`, where x is what went into the ReLU. All of one shape."""
    print(examine("relu_gradient", f))


def two_layer_gradients(f: Callable) -> None:
    """Check `f(x, targets, W_1, b_1, W_2, b_2) -> (d_W_1, d_b_1, d_W_2, d_b_2)`.

    The loss is the mean cross-entropy of relu(x @ W_1 + b_1) @ W_2 + b_2. Shapes: x [B, D],
    targets [B, K], W_1 [D, H], b_1 [1, H], W_2 [H, K], b_2 [1, K]; each gradient is of the shape
    of what it belongs to.
    """
    print(examine("two_layer_gradients", f))


def sgd_step(f: Callable) -> None:
    """Check `f(weights, d_weights, lr) -> weights`, one step of gradient descent.

    It may change `weights` in place, as long as it returns them as well.
    """
    print(examine("sgd_step", f))


def accuracy(f: Callable) -> None:
    """Check `f(out, labels) -> share`: scores [B, K] and integers [B] to a number from 0 to 1."""
    print(examine("accuracy", f))


def minibatches(f: Callable) -> None:
    """Check `f(images, labels, batch_size, seed)`, which yields pairs (x [B, D], y [B]).

    One call is one epoch: every image once, in an order that the seed decides; the last batch may
    be short. A list of pairs is fine too. If the fourth argument is called `generator`, it gets a
    `torch.Generator` with the seed, as the book's own functions do.
    """
    print(examine("minibatches", f))


def training(f: Callable, model: str | None = None) -> None:
    """Check `f(images, labels) -> predict`, a whole training loop, by what it has learnt.

    It is given 1000 images [1000, 784] with values in [0, 1], sorted by digit, and their labels
    [1000]. The function it returns is given 1000 others, and answers with a digit [N], ten scores
    [N, 10] or a number [N, 1] for each. model: "regression", "one layer" or "two layers", whose
    range is then expected; None takes any. If too little was learnt, the loop is run again on
    changed images to find out why: 20 seconds for everything.
    """
    print(examine_training(f, model))
