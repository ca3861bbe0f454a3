"""The update and the training loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from scratchmnist.arguments import (
    check_count,
    check_finite,
    check_loss,
    check_seeds,
    loss_alone,
    plain_digits,
    plain_images,
    plain_layers,
    plain_rate,
    plain_seed,
    plain_update,
    warn_of_collapse,
)
from scratchmnist.data import Digits, encode, minibatches
from scratchmnist.losses import cross_entropy
from scratchmnist.metrics import predicted_digits
from scratchmnist.network import Layer, forward


class History(NamedTuple):
    """What `fit` logged. E epochs, S steps; with R replicas each has a last axis R.

    train_loss, train_accuracy, valid_loss, valid_accuracy: [E + 1], measured on all the images
    after each epoch; entry 0 is the network before training, so entry e belongs to e epochs. The
    valid ones are None for a `fit` that held nothing out.
    batch_loss: [S], the loss of each batch just before its update.
    """

    train_loss: Tensor
    train_accuracy: Tensor
    valid_loss: Tensor | None
    valid_accuracy: Tensor | None
    batch_loss: Tensor


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
    layers, grads, minus_lr = plain_update(layers, grads, lr)
    return [
        Layer(
            weights.addcmul(minus_lr, d_weights),  # weights - lr * d_weights
            bias.addcmul(minus_lr, d_bias),  # bias - lr * d_bias
        )
        for (weights, bias), (d_weights, d_bias) in zip(layers, grads)
    ]


def evaluate(
    layers: list[Layer], digits: Digits, loss: Callable = cross_entropy
) -> tuple[Tensor, Tensor]:
    """Loss and accuracy on all of `digits`: each [] (or [R]).

    >>> digits = Digits(torch.zeros(3, 784), torch.tensor([0, 1, 2]))
    >>> layers = [Layer(torch.zeros(784, 10), torch.zeros(1, 10))]
    >>> evaluate(layers, digits)
    (tensor(2.3026), tensor(0.3333))
    """
    check_loss(loss)
    layers = plain_layers(layers)
    return measure(layers, usable("digits", digits, layers), loss)


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
    check_loss(loss)
    epochs, batch_size = check_count("epochs", epochs), check_count("batch_size", batch_size)
    layers = plain_layers(layers)
    lr = plain_rate(lr, layers)
    generator = generators(seed, layers)
    judged = [usable("train", train, layers)]
    if valid is not None:
        judged.append(usable("valid", valid, layers))
    images, targets, _ = judged[0]

    log = [[number for part in judged for number in measure(layers, part, loss)]]
    batch_losses: list[Tensor] = []
    for epoch in tqdm(range(epochs), unit="epoch", delay=2, leave=False, disable=None):
        epoch_start = len(batch_losses)
        for x, y_true in minibatches(images, targets, batch_size, generator):
            y_pred, backward = forward(x, layers)  # compute predictions
            batch_loss, d_loss = loss(y_pred, y_true)  # compute the loss
            grads = backward(d_loss())  # compute the gradients
            layers = sgd_step(layers, grads, lr)  # update the weights
            batch_losses.append(batch_loss)  # log the loss ...
        # ... and other metrics
        log.append([number for part in judged for number in measure(layers, part, loss)])
        if not keep_going:
            check_finite(batch_losses[epoch_start:], log[-1][0], epoch, lr)

    if not keep_going and len(batch_losses) >= 100:
        look_for_collapse(layers, judged[0], log[-1][1], lr)
    columns = [torch.stack(column) for column in zip(*log)]
    if valid is None:
        columns += [None, None]
    return layers, History(*columns, torch.stack(batch_losses))


def usable(name: str, digits: Digits, layers: list) -> tuple[Tensor, Tensor, Tensor]:
    """images [N, D], targets [N, K] and labels [N], checked for these layers."""
    weights, bias = layers[0][0], layers[-1][1]
    images, labels = plain_digits(name, digits)
    targets = encode(labels, outputs=bias.shape[-1])
    return plain_images(name, images, weights.dtype), targets, labels.long()


def measure(layers: list, part: tuple, loss: Callable) -> tuple[Tensor, Tensor]:
    """Loss and accuracy on images, targets and labels: each [] (or [R])."""
    total_loss, total_right = 0, 0
    pieces = zip(*(tensor.split(1000) for tensor in part))
    for x, y, labels in pieces:  # a piece at a time keeps the memory small
        out, _ = forward(x, layers)
        total_loss = total_loss + loss_alone(loss(out, y)) * len(labels)
        total_right = total_right + (predicted_digits(out) == labels).sum(-1)
    count = len(part[0])
    return total_loss / count, total_right / count


def look_for_collapse(layers: list, part: tuple, accuracy: Tensor, lr: Tensor) -> None:
    """Only where the accuracy is that of a guess; a thousand images are enough to see it."""
    if accuracy.min() < 0.25:
        images, _, labels = (tensor[:: -(-len(tensor) // 1000)] for tensor in part)
        warn_of_collapse(predicted_digits(forward(images, layers)[0]), labels, lr)


def generators(seed: int | Sequence[int], layers: list):
    """One generator, or one for each replica."""
    seed = plain_seed(seed)
    check_seeds(seed, layers)
    if isinstance(seed, list):
        return [torch.Generator().manual_seed(one_seed) for one_seed in seed]
    return torch.Generator().manual_seed(seed)
