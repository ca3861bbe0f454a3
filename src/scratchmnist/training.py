"""The update and the training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from operator import index as as_integer
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from scratchmnist.data import Digits, check_labels, minibatches, one_hot
from scratchmnist.losses import cross_entropy
from scratchmnist.metrics import predicted_digits
from scratchmnist.network import Layer, forward

History = NamedTuple(
    "History",
    [
        ("train_loss", Tensor),
        ("train_accuracy", Tensor),
        ("valid_loss", Tensor | None),
        ("valid_accuracy", Tensor | None),
        ("batch_loss", Tensor),
    ],
)
History.__doc__ = """What `fit` logged. E epochs, S steps; with R replicas each has a last axis R.

train_loss, train_accuracy, valid_loss, valid_accuracy: [E + 1], measured on all the images after
each epoch; entry 0 is the network before training, so entry e belongs to e epochs. The valid ones
are None for a `fit` that held nothing out.
batch_loss: [S], the loss of each batch just before its update.
"""


def sgd_step(layers: list[Layer], grads: list[Layer], lr: float | Tensor) -> list[Layer]:
    """One step of gradient descent: each number moves against its gradient, lr times as far.

    layers and grads: lists of `Layer` of the same shapes; lr: positive, a number, or
    [R, 1, 1] for a learning rate of each replica's own. Returns new layers; the old ones stay
    as they were.

    >>> before = [Layer(torch.ones(2, 1), torch.zeros(1, 1))]
    >>> slope = [Layer(torch.ones(2, 1), torch.ones(1, 1))]
    >>> sgd_step(before, slope, lr=0.5)[0].weights.flatten()
    tensor([0.5000, 0.5000])
    """
    if isinstance(lr, Tensor):
        _check_lr_fits(lr, layers)
    else:
        lr = torch.tensor(lr, dtype=layers[0].weights.dtype)
    return [
        Layer(
            layer.weights.addcmul(lr, grad.weights, value=-1),  # weights - lr * d_weights
            layer.bias.addcmul(lr, grad.bias, value=-1),  # bias - lr * d_bias
        )
        for layer, grad in zip(layers, grads, strict=True)
    ]


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
    if outputs == 1:
        check_labels(labels, classes=10)
        return labels[:, None].float()
    return one_hot(labels, outputs)


def evaluate(
    layers: list[Layer], digits: Digits, loss: Callable = cross_entropy
) -> tuple[Tensor, Tensor]:
    """Loss and accuracy on all of `digits`: each [] (or [R]).

    >>> digits = Digits(torch.zeros(3, 784), torch.tensor([0, 1, 2]))
    >>> layers = [Layer(torch.zeros(784, 10), torch.zeros(1, 10))]
    >>> evaluate(layers, digits)
    (tensor(2.3026), tensor(0.3333))
    """
    targets = encode(digits.labels, outputs=layers[-1].bias.shape[-1])
    total_loss, total_right = 0, 0
    pieces = (tensor.split(1000) for tensor in (digits.images, targets, digits.labels))
    for x, y, labels in zip(*pieces, strict=True):  # a piece at a time keeps the memory small
        out, _ = forward(x, layers)
        total_loss = total_loss + loss(out, y)[0] * len(labels)
        total_right = total_right + (predicted_digits(out) == labels).sum(-1)
    return total_loss / len(digits.labels), total_right / len(digits.labels)


def fit(
    layers: list[Layer],
    train: Digits,
    valid: Digits | None = None,
    loss: Callable = cross_entropy,
    *,
    lr: float | Tensor,
    epochs: int,
    batch_size: int = 16,
    seed: int | Sequence[int] = 0,
    keep_going: bool = False,
) -> tuple[list[Layer], History]:
    """Train a network by stochastic gradient descent and log how it goes.

    layers: the initial network. Its outputs decide the targets: one output learns the digit
    as a number, ten learn one-hot rows. train: images [N, 784] in [0, 1] and labels [N];
    valid: the same, held out to judge by, or None, and then nothing is logged of it. loss:
    `cross_entropy` or `mse`. lr: positive; a number, or [R, 1, 1]. batch_size: images in a
    step; the last batch of an epoch may be smaller. seed: decides the order of the images,
    new in each epoch; R replicas may share one order (one seed: fastest) or have their own
    (R seeds).

    Returns the trained layers and a `History`. The same arguments give the same result to the
    last bit on the same machine. A progress bar appears in a terminal when a run takes over 2
    seconds.

    Raises ValueError for unusable data or settings, and FloatingPointError when a loss is no
    longer finite, unless `keep_going` (for those who want to watch a run diverge).

    >>> digits = Digits(torch.eye(4, 784), torch.tensor([0, 1, 2, 3]))
    >>> layers = [Layer(torch.zeros(784, 10), torch.zeros(1, 10))]
    >>> layers, history = fit(layers, digits, digits, lr=1.0, epochs=20, batch_size=2)
    >>> history.valid_accuracy[-1]
    tensor(1.)
    """
    _check_settings(layers, lr, epochs, seed)
    judged = {"train": train} if valid is None else {"train": train, "valid": valid}
    for name, digits in judged.items():
        _check_digits(name, digits)

    def measure(layers: list[Layer]) -> list[Tensor]:
        """Loss and accuracy of train, and of valid where there is one."""
        return [number for part in judged.values() for number in evaluate(layers, part, loss)]

    targets = encode(train.labels, outputs=layers[-1].bias.shape[-1])  # [N, K]
    generator = _generators(seed)
    lr = torch.as_tensor(lr, dtype=layers[0].weights.dtype)  # once, not in each step
    log = [measure(layers)]
    batch_losses: list[Tensor] = []

    for epoch in tqdm(range(epochs), unit="epoch", delay=2, leave=False, disable=None):
        epoch_start = len(batch_losses)
        for x, y_true in minibatches(train.images, targets, batch_size, generator):
            y_pred, backward = forward(x, layers)  # compute predictions
            batch_loss, d_loss = loss(y_pred, y_true)  # compute the loss
            grads = backward(d_loss())  # compute the gradients
            layers = sgd_step(layers, grads, lr)  # update the weights
            batch_losses.append(batch_loss)  # log the loss ...
        log.append(measure(layers))  # ... and other metrics
        if not keep_going:
            _check_finite(torch.stack(batch_losses[epoch_start:]), log[-1][0], epoch, lr)

    columns = [torch.stack(column) for column in zip(*log, strict=True)]
    if valid is None:
        columns += [None, None]
    return layers, History(*columns, torch.stack(batch_losses))


def _generators(seed: int | Sequence[int]) -> torch.Generator | list[torch.Generator]:
    if isinstance(seed, Integral):
        return torch.Generator().manual_seed(as_integer(seed))
    return [torch.Generator().manual_seed(as_integer(one_seed)) for one_seed in seed]


def _check_settings(layers: list[Layer], lr, epochs: int, seed) -> None:
    if not layers:
        raise ValueError("fit needs at least one layer, got an empty list")
    if isinstance(lr, Tensor):
        _check_lr_fits(lr, layers)
    if not torch.all(torch.as_tensor(lr) > 0):
        raise ValueError(f"lr must be positive, got {lr}")
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    replicas = list(layers[0].weights.shape[:-2])  # [] or [R]
    if not isinstance(seed, Integral) and [len(seed)] != replicas:
        raise ValueError(
            f"got {len(seed)} seeds for layers with replica axes {replicas}; give one seed, or one "
            "for each replica"
        )


def _check_lr_fits(lr: Tensor, layers: list[Layer]) -> None:
    if lr.dim() == 0:
        return
    weights = layers[0].weights
    expected = (*weights.shape[:-2], 1, 1)
    if lr.shape != expected or lr.dtype != weights.dtype:
        raise ValueError(
            f"lr must be a number or {weights.dtype} {list(expected)} for these layers, "
            f"got {lr.dtype} {list(lr.shape)}"
        )


def _check_digits(name: str, digits: Digits) -> None:
    images, labels = digits
    if images.dim() != 2 or labels.dim() != 1 or not len(images) == len(labels) > 0:
        raise ValueError(
            f"{name} needs images [N, D] and labels [N], with one N of at least 1; "
            f"got images {list(images.shape)} and labels {list(labels.shape)}"
        )
    if not images.is_floating_point():
        raise ValueError(
            f"{name} images are {images.dtype}; scale them to floats in [0, 1]: "
            "images.float() / 255"
        )
    lowest, highest = images.aminmax()
    if not (lowest >= 0 and highest <= 1):  # written so that NaN fails too
        raise ValueError(
            f"{name} pixels must lie in [0, 1], found {lowest:g} to {highest:g}; "
            "divide raw pixels by 255, and look for NaN"
        )


def _check_finite(batch_loss: Tensor, train_loss: Tensor, epoch: int, lr) -> None:
    seen = torch.cat([batch_loss, train_loss[None]])  # [steps + 1] or [steps + 1, R]
    if seen.isfinite().all():
        return
    step, *replica = (~seen.isfinite()).nonzero()[0].tolist()  # the first bad one
    where = f"in epoch {epoch + 1}, step {step + 1} of {len(batch_loss)}"
    if step == len(batch_loss):
        where = f"after epoch {epoch + 1}"
    if replica:
        where += f", in replica {replica[0]} (counting from 0)"
    if isinstance(lr, Tensor):
        lr = lr.expand(*train_loss.shape, 1, 1)[(*replica, 0, 0)].item()
    raise FloatingPointError(
        f"the loss is no longer finite {where}: training diverged with lr = {lr:g}. Try a smaller "
        "learning rate, or keep_going=True to watch"
    )
