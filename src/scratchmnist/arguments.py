"""Checks of arguments: what must be what, what was passed instead, and what to type.

`check_...` only look. Those of a training step decide by a comparison or two that all is well,
and look for words when it is not. `plain_...` give back what was passed as plain tensors: NumPy
arrays, lists, fastai's types, and tensors that autograd watches become numbers and nothing else.
`warn_...` speak of what is possible but hardly ever meant.

A thing of the wrong kind (a function, a word, None) is a TypeError. The right kind of thing with
a wrong shape, number format or value is a ValueError.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np
import torch
from torch import Generator, Tensor

LARGEST_PIXEL = 1000  # "of moderate size": standardised one by one, MNIST's pixels reach 245
RAW_MEAN = 5  # of |pixel|: in [0, 1] or standardised it stays under 1, of 0 to 255 it is 33
MOSTLY_INK = 0.7  # mean pixel on a scale from the lowest to the highest: MNIST 0.13, inverted 0.87
NEARLY_ALL = 0.95  # this part of the images with one answer is a collapse


# --- how it is said -------------------------------------------------------------------------------


def wrong(name: str, expected: str, seen, hint: str = "", error: type = ValueError) -> Exception:
    """The error about an argument, in the one form that all of them have.

    >>> print(wrong("lr", "a positive number", -0.1, "Try lr=0.1"))
    lr must be a positive number; got -0.1. Try lr=0.1
    """
    text = f"{name} must be {expected}; got {describe(seen)}"
    return error(f"{text}. {hint}" if hint else text)


def describe(value) -> str:
    """What something is, in a few words: of tensors and arrays the number format and the shape.

    >>> describe(torch.zeros(16, 784)), describe(len), describe([1, 2])
    ('torch.float32 [16, 784]', 'the function len', '[1, 2]')
    """
    if isinstance(value, Tensor):
        kind = "" if type(value) is Tensor else f"{type(value).__name__}, "
        return f"{kind}{value.dtype} {list(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array, {value.dtype} {list(value.shape)}"
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    if isinstance(value, list | tuple) and len(text := repr(value)) > 60:
        kinds = sorted({type(item).__name__ for item in value})
        return f"a {type(value).__name__} of {len(value)} ({', '.join(kinds)})"
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


# --- tensors --------------------------------------------------------------------------------------


def plain(name: str, value) -> Tensor:
    """The numbers of a tensor, array or list, without a type of their own and without a graph."""
    if type(value) is Tensor and not value.requires_grad:
        return value
    if isinstance(value, Tensor):
        return value.data.as_subclass(Tensor)
    if isinstance(value, np.ndarray | np.generic | list | tuple):
        try:
            if isinstance(value, np.ndarray):
                value = value if value.flags.writeable else value.copy()
                return torch.from_numpy(np.ascontiguousarray(value))
            return torch.stack(value) if isinstance(value[0], Tensor) else torch.tensor(value)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            raise wrong(name, "a tensor of numbers", value, f"({error})", TypeError) from error
    raise wrong(name, "a tensor", value, _kind_hint(value), TypeError)


def _kind_hint(value) -> str:
    if callable(value):
        return "Call it to get what it computes: a loss's d_loss becomes d_loss()"
    if isinstance(value, np.ndarray):
        return "Type: torch.from_numpy(...)"
    if isinstance(value, list | tuple):
        return "Type: torch.tensor(...)"
    return ""


def check_tensors(**tensors) -> None:
    for name, value in tensors.items():
        if not isinstance(value, Tensor):
            raise wrong(name, "a tensor", value, _kind_hint(value), TypeError)


def check_gradient(d_out: Tensor, shape: Sequence[int]) -> None:
    """d_out has the output's shape: broadcasting would make wrong gradients of it, in silence."""
    if not isinstance(d_out, Tensor):
        raise wrong("d_out", "a tensor", d_out, _kind_hint(d_out), TypeError)
    if d_out.shape != shape:
        raise wrong("d_out", f"{list(shape)}, as the output is", d_out)


# --- layers ---------------------------------------------------------------------------------------


def output_shape(x: Tensor, weights: Tensor, bias: Tensor) -> tuple[int, ...]:
    """The shape of `x @ weights + bias`, if the three fit: [B, H] or [R, B, H].

    x [B, D] or [R, B, D], weights [D, H] or [R, D, H], bias [1, H] or [R, 1, H], of one type.
    """
    try:
        rows, columns = x.shape
        inputs, outputs = weights.shape
        if (
            columns == inputs
            and bias.shape == (1, outputs)
            and x.dtype is weights.dtype is bias.dtype
            and isinstance(x, Tensor)
        ):
            return rows, outputs
    except (AttributeError, ValueError, TypeError):
        pass  # replicas, or something wrong
    check_tensors(x=x, weights=weights, bias=bias)
    if x.dim() > 1 and weights.dim() > 1 and x.dtype == weights.dtype == bias.dtype:
        *replicas, inputs, outputs = weights.shape
        *own_x, rows, columns = x.shape
        bias_fits = bias.shape == (*replicas, 1, outputs)
        if columns == inputs and bias_fits and own_x in ([], replicas):
            return (*replicas, rows, outputs)
    raise _bad_linear(x, weights, bias)


def _bad_linear(x: Tensor, weights: Tensor, bias: Tensor) -> Exception:
    """What is wrong with three tensors that do not fit."""
    if x.dim() < 2:
        return wrong("x", "[B, D]", x, "One image is a batch of one: x[None]")
    if weights.dim() < 2:
        return wrong("weights", "[D, H]", weights)
    *replicas, inputs, outputs = weights.shape
    if x.dtype != weights.dtype:
        hint = "Type: x.to(weights.dtype)"
        if not x.is_floating_point():
            hint = "Pixels stored as bytes need scaling first: images.float() / 255"
        return wrong("x", f"{weights.dtype}, as the weights are", x, hint)
    if bias.dtype != weights.dtype:
        return wrong("bias", f"{weights.dtype}, as the weights are", bias)
    if x.shape[-1] != inputs:
        hint = ""
        if x.dim() > 2 and x[0].numel() == inputs:
            hint = "Make a row of each picture: x.flatten(1)"
        elif x.numel() == inputs:
            hint = "Make a row of the picture: x.reshape(1, -1)"
        return wrong("x", f"[B, {inputs}], as weights {list(weights.shape)} expect", x, hint)
    if bias.shape != (*replicas, 1, outputs):
        expected = f"{[*replicas, 1, outputs]}, as weights {list(weights.shape)} expect"
        return wrong("bias", expected, bias, "The axis of length 1 is the batch axis")
    expected = (
        f"[B, {inputs}] or {[*replicas, 'B', inputs]}, as weights {list(weights.shape)} expect"
    )
    return wrong("x", expected.replace("'", ""), x, "Each replica needs weights of its own")


def plain_input(x: Tensor, layers: Sequence) -> tuple[Tensor, Sequence]:
    """What `forward` works on: a tensor, and pairs of tensors that make no graph."""
    try:
        is_plain = type(x) is Tensor and not x.requires_grad and len(layers) > 0
        for weights, _ in layers:
            if weights.requires_grad:
                is_plain = False
        if is_plain:
            return x, layers
    except (TypeError, ValueError, AttributeError):
        pass
    if isinstance(layers, Tensor | np.ndarray) and isinstance(x, list | tuple):
        raise wrong(
            "layers", "a list of layers", layers, "The images come first: forward(x, layers)"
        )
    return plain("x", x), _plain_pairs("layers", layers)


def _plain_pairs(name: str, layers) -> list[tuple[Tensor, Tensor]]:
    """Layers as pairs of plain tensors."""
    expected = "a list of layers, each a pair (weights, bias)"
    if isinstance(layers, Tensor | np.ndarray | str) or not hasattr(layers, "__iter__"):
        hint = (
            _kind_hint(layers) if callable(layers) else "init_layers([784, 10], seed=0) makes one"
        )
        raise wrong(name, expected, layers, hint, TypeError)
    layers = list(layers)
    if not layers:
        raise wrong(name, "a list of at least one layer", layers)
    if len(layers) == 2 and isinstance(layers[0], Tensor | np.ndarray):
        raise wrong(name, expected, layers, "One layer is a list of one: [layer]", TypeError)
    for layer in layers:
        if not isinstance(layer, list | tuple) or len(layer) != 2:
            raise wrong(
                name, expected, layer, "init_layers([784, 10], seed=0) makes one", TypeError
            )
    return [(plain("weights", weights), plain("bias", bias)) for weights, bias in layers]


def plain_layers(layers, name: str = "layers") -> list[tuple[Tensor, Tensor]]:
    """Layers that fit together: one number format, one number of replicas, one width after another.

    Looked at once, before a run.
    """
    pairs = _plain_pairs(name, layers)
    first = pairs[0][0]
    for number, (weights, bias) in enumerate(pairs):
        here = f"{name}[{number}]"
        if weights.dim() not in (2, 3):
            raise wrong(f"{here}.weights", "[D, H] or [R, D, H]", weights)
        if weights.dtype not in (torch.float32, torch.float64):
            hint = "Half precision is too coarse to train in: weights.float()"
            raise wrong(f"{here}.weights", "float32 or float64", weights, hint)
        *replicas, _, outputs = weights.shape
        if bias.shape != (*replicas, 1, outputs):
            expected = f"{[*replicas, 1, outputs]}, as weights {list(weights.shape)} expect"
            raise wrong(f"{here}.bias", expected, bias, "The axis of length 1 is the batch axis")
        if weights.dtype != first.dtype or bias.dtype != first.dtype:
            other = bias if weights.dtype == first.dtype else weights
            raise wrong(here, f"{first.dtype} throughout, as the first weights are", other)
        if weights.shape[:-2] != first.shape[:-2]:
            expected = f"of as many replicas as the first layer, {list(first.shape)}"
            hint = "stack_replicas makes replicas of whole networks"
            raise wrong(f"{here}.weights", expected, weights, hint)
        if number and weights.shape[-2] != pairs[number - 1][0].shape[-1]:
            width = pairs[number - 1][0].shape[-1]
            expected = f"[{width}, H], since the layer before has {width} outputs"
            raise wrong(f"{here}.weights", expected, weights)
    return pairs


def plain_sizes(sizes) -> list[int]:
    hint = "One layer is [784, 10], two are [784, 30, 10]"
    if isinstance(sizes, str) or not hasattr(sizes, "__iter__"):
        raise wrong("sizes", "a list of two or more positive widths", sizes, hint, TypeError)
    sizes = list(sizes)
    widths = [_whole(size) for size in sizes]
    if len(widths) < 2 or None in widths or min(widths) < 1:
        raise wrong("sizes", "a list of two or more positive widths", sizes, hint)
    return widths


def plain_seed(seed) -> int | list[int]:
    """One seed, or a list of seeds for replicas."""
    if (whole := _whole(seed)) is not None:
        return whole
    several = None
    if hasattr(seed, "__iter__") and not isinstance(seed, str):
        several = [_whole(one) for one in seed]
    if several is None or None in several:
        raise wrong("seed", "an integer, or one integer for each replica", seed, error=TypeError)
    return several


def _whole(value) -> int | None:
    """Python's, NumPy's and torch's integers as Python's; None for whatever is no integer."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, Tensor | np.ndarray) and value.ndim > 0:
        return None
    try:
        return value.__index__()
    except (AttributeError, TypeError, RuntimeError):
        return None


def plain_networks(networks) -> list[list[tuple[Tensor, Tensor]]]:
    """Networks of one form, for `stack_replicas`."""
    if isinstance(networks, Tensor | np.ndarray) or not hasattr(networks, "__iter__"):
        raise wrong("networks", "a list of networks", networks, error=TypeError)
    networks = list(networks)
    if not networks:
        raise wrong("networks", "a list of at least one network", networks)
    if isinstance(networks[0], tuple) and isinstance(networks[0][0], Tensor):
        hint = "This is one network: stack_replicas([network, another])"
        raise wrong("networks", "a list of networks, each a list of layers", networks, hint)
    networks = [plain_layers(layers, f"networks[{i}]") for i, layers in enumerate(networks)]
    shapes = [[list(weights.shape) for weights, _ in layers] for layers in networks]
    for other, layers in zip(shapes, networks):
        if other != shapes[0] or layers[0][0].dtype != networks[0][0][0].dtype:
            raise wrong("networks", f"of the same shapes and type, {shapes[0]}", other)
    return networks


# --- losses ---------------------------------------------------------------------------------------


def check_scores(logits: Tensor) -> None:
    if not isinstance(logits, Tensor):
        raise wrong("logits", "a tensor", logits, _kind_hint(logits), TypeError)


def check_pair(call: str, predicted: Tensor, true: Tensor) -> int:
    """Both [B, K], or [R, B, K]; the second floats. `call` is how the function is called.

    Gives B.
    """
    try:
        shape = predicted.shape
        fits = true.shape == shape or (len(shape) > 2 and true.shape == shape[-2:])
        if fits and shape[-2] > 0 and true.is_floating_point() and isinstance(predicted, Tensor):
            return shape[-2]
    except (AttributeError, TypeError, IndexError):
        pass
    raise _bad_pair(call, predicted, true)


def _bad_pair(call: str, predicted, true) -> Exception:
    function, _, names = call.strip(")").partition("(")
    name, true_name = names.split(", ")
    for each, value in ((name, predicted), (true_name, true)):
        if not isinstance(value, Tensor):
            return wrong(f"{function}: {each}", "a tensor", value, _kind_hint(value), TypeError)
    shape, true_shape = list(predicted.shape), list(true.shape)
    if not true.is_floating_point():
        hint = "Of integer labels make targets first: one_hot(labels), or encode(labels, outputs)"
        return wrong(
            f"{function}: {true_name}", f"floats of the shape of {name}, {shape}", true, hint
        )
    if len(shape) < 2:
        hint = f"A column of numbers is [B, 1]: {name}[:, None]"
        return wrong(f"{function}: {name}", "[B, K]", predicted, hint)
    if 0 in shape:
        return wrong(f"{function}: {name}", "[B, K] with at least one row", predicted,
                     "The batch is empty")  # fmt: skip
    hint = ""
    if len(true_shape) == 1:
        hint = f"A column of numbers is [B, 1]: {true_name}[:, None]"
    elif len(true_shape) > 2:
        hint = f"It has a replica axis that {name} does not share"
    return wrong(f"{function}: {true_name}", f"{shape}, the shape of {name}", true, hint)


def check_distributions(targets: Tensor) -> None:
    """Rows that sum to 1, of two classes or more.

    What was seen is noted on the tensor, with the number of changes it has had: the batches that
    `minibatches` cuts out of one block of targets are looked at once, not in each step.
    """
    whole = targets._base
    if whole is None:
        whole = targets
    try:
        if whole.rows_sum_to_1 == whole._version and targets.is_contiguous():
            return
    except AttributeError:  # nothing noted yet
        pass
    if targets.shape[-1] < 2:
        hint = "The softmax of a single score is always 1; for the digit as a number there is mse"
        raise wrong("cross_entropy: logits", "[B, K] with at least 2 classes", targets, hint)
    if whole.shape[-1:] == targets.shape[-1:] and _rows_sum_to_1(whole):
        whole.rows_sum_to_1 = whole._version
    elif not _rows_sum_to_1(targets):
        lowest, highest = (f"{bound.item():.4g}" for bound in targets.sum(-1).aminmax())
        raise ValueError(
            f"cross_entropy: each row of targets must sum to 1; got sums from {lowest} to "
            f"{highest}. The order is cross_entropy(logits, targets), and one_hot(labels) makes "
            "targets"
        )


def _rows_sum_to_1(targets: Tensor) -> bool:
    """NaN passes: it stays what it is, and is seen in the loss."""
    lowest, highest = targets.sum(-1).aminmax()
    return not (lowest.item() < 0.99 or highest.item() > 1.01)


# --- training -------------------------------------------------------------------------------------


def plain_update(layers, grads, lr) -> tuple[Sequence, Sequence, Tensor]:
    """Layers, gradients of the same shapes, and -lr for a positive lr: a tensor [] or [R, 1, 1].

    What -lr is, is noted on lr, with the value that was seen: a run negates its rate once.
    """
    try:
        fits = len(layers) == len(grads) > 0
        for (weights, bias), (d_weights, d_bias) in zip(layers, grads):
            if (
                weights.shape != d_weights.shape
                or bias.numel() != d_bias.numel()  # as good as its shape, and quicker
                or weights.dtype is not d_weights.dtype
                or weights.requires_grad
                or bias.requires_grad
            ):
                fits = False
    except (TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        layers, grads = _explained_update(layers, grads)
    try:
        value, minus_lr = lr.negated
        if lr.item() == value:
            return layers, grads, minus_lr
    except AttributeError:  # nothing noted yet, or no tensor
        pass
    rate = plain_rate(lr, layers, convert=False)
    if isinstance(lr, Tensor) and not lr.dim() and lr.dtype == rate.dtype:
        lr.negated = rate.item(), -rate
    return layers, grads, -rate


def _explained_update(layers, grads):
    """Pairs of plain tensors, or what is wrong with them."""
    if callable(grads):
        hint = "Call it: sgd_step(layers, backward(d_loss()), lr)"
        raise wrong("grads", "a list of gradients, one for each layer", grads, hint, TypeError)
    layers, grads = _plain_pairs("layers", layers), _plain_pairs("grads", grads)
    if len(layers) != len(grads):
        raise ValueError(f"grads must be one for each of {len(layers)} layers; got {len(grads)}")
    for number, (layer, grad) in enumerate(zip(layers, grads)):
        for name, value, slope in zip(("weights", "bias"), layer, grad):
            if value.shape != slope.shape or value.dtype != slope.dtype:
                expected = f"{describe(value)}, as layers[{number}].{name} is"
                raise wrong(f"grads[{number}].{name}", expected, slope)
    return layers, grads


def plain_rate(lr, layers, convert: bool = True) -> Tensor:
    """A learning rate, or one for each replica: a tensor [] or [R, 1, 1] of the weights' type."""
    weights = layers[0][0]
    if isinstance(lr, Real) and not isinstance(lr, bool):  # maybe in every step
        if not 0 < lr < math.inf:
            raise wrong("lr", "positive and finite", lr, "Try lr=0.1")
        return torch.tensor(lr, dtype=weights.dtype)
    shape = (*weights.shape[:-2], 1, 1)
    expected = f"a positive number, or {weights.dtype} {list(shape)} for these layers"
    if not isinstance(lr, Tensor | np.ndarray | list | tuple):
        raise wrong("lr", expected, lr, "Try lr=0.1", TypeError)
    rate = plain("lr", lr)
    if rate.dim() and rate.shape != shape:
        hint = "One rate for each replica is lr[:, None, None]" if rate.dim() == 1 else ""
        raise wrong("lr", expected, rate, hint)
    if rate.dim() and rate.dtype != weights.dtype and not convert:
        raise wrong("lr", expected, rate, "Type: lr.to(weights.dtype)")
    lowest, highest = rate.aminmax()
    if not (lowest.item() > 0 and highest.item() < math.inf):
        bad = lowest if not lowest > 0 else highest
        raise wrong("lr", "positive and finite", bad.item(), "Try lr=0.1")
    return rate.to(weights.dtype)


def check_count(name: str, value) -> int:
    """A positive integer."""
    whole = _whole(value)
    if whole is None or whole < 1:
        raise wrong(name, "a positive integer", value)
    return whole


def check_loss(loss) -> None:
    """A function of the package, or one like them: it returns (loss, backward)."""
    hint = "Type: from scratchmnist import cross_entropy, mse, and pass loss=cross_entropy"
    module = str(loss.__module__ if hasattr(loss, "__module__") else type(loss).__module__)
    if not callable(loss) or module.split(".")[0] == "torch":
        raise wrong("loss", "a function that returns (loss, backward), cross_entropy or mse", loss,
                    hint, TypeError)  # fmt: skip


def loss_alone(answer) -> Tensor:
    """The loss out of what a loss function returned, (loss, backward)."""
    if not isinstance(answer, tuple) or len(answer) != 2 or not callable(answer[1]):
        raise wrong("loss", "a function that returns (loss, backward)", answer,
                    "This is what it returned", TypeError)  # fmt: skip
    return answer[0]


def check_seeds(seed: int | list[int], layers) -> None:
    """As many seeds as replicas, if there are several."""
    replicas = list(layers[0][0].shape[:-2])  # [] or [R]
    if isinstance(seed, list) and [len(seed)] != replicas:
        networks = f"the {replicas[0]} replicas" if replicas else "this one network"
        raise ValueError(
            f"seed must be one integer, or one for each replica; got {len(seed)} seeds for "
            f"{networks}"
        )


def check_finite(batch_losses: list[Tensor], train_loss: Tensor, epoch: int, lr: Tensor) -> None:
    """Every loss of an epoch is a number: each batch's, and the one after the epoch."""
    losses = torch.stack([*batch_losses, train_loss])  # [steps + 1] or [steps + 1, R]
    losses = losses.view(len(losses), -1)  # [steps + 1, R]
    if losses.isfinite().all():
        return
    step, replica = (~losses.isfinite()).nonzero()[0].tolist()  # the first bad one
    where = f"in epoch {epoch + 1}, step {step + 1} of {len(batch_losses)}"
    if step == len(batch_losses):
        where = f"after epoch {epoch + 1}"
    if train_loss.dim() > 0:
        where += f", in replica {replica} (counting from 0)"
    rate = lr.expand(losses.shape[1], 1, 1)[replica].item()
    raise FloatingPointError(
        f"the loss is no longer finite {where}: training diverged with lr = {rate:g}. Try a "
        "smaller learning rate, or keep_going=True to watch"
    )


def warn_of_collapse(predicted: Tensor, labels: Tensor, lr: Tensor) -> None:
    """At the end of a run: one answer for nearly all images, though they are of many kinds."""
    if len(labels) < 20 or (labels == labels.mode().values).float().mean() > 0.5:
        return
    predicted = predicted.view(-1, len(labels))  # [R, N]
    answers = predicted.mode(-1).values  # [R]
    shares = (predicted == answers[:, None]).float().mean(-1)  # [R]
    collapsed = (shares >= NEARLY_ALL).nonzero().flatten().tolist()
    if len(collapsed) <= len(shares) / 2:  # among many, as in a search for a rate, some may fail
        return
    replica = collapsed[0]
    rate = lr.expand(len(shares), 1, 1)[replica].item()
    who = "the network"
    if len(shares) > 1:
        who = f"{len(collapsed)} of {len(shares)} networks collapsed: replica {replica}"
    if rate >= 1:
        causes = f"lr = {rate:g} is large, and a step too long kills ReLU units: try lr=0.1"
    else:
        causes = (
            f"a learning rate that is too large or too small (it is {rate:g}), weights that all "
            "started at zero, images that are all alike, or labels in another order than the images"
        )
    warnings.warn(
        f"{who} answers {answers[replica].item()} for {shares[replica].item():.0%} of the training "
        f"images: training has collapsed. Likely causes: {causes}",
        stacklevel=4,
    )


# --- data -----------------------------------------------------------------------------------------


def plain_digits(name: str, digits) -> tuple[Tensor, Tensor]:
    """images [N, ...] and labels [N], one for each, of a `Digits` or any pair like it."""
    expected = "Digits(images, labels)"
    if isinstance(digits, Tensor | np.ndarray):
        hint = "Images and labels go together: Digits(images, labels)"
        raise wrong(name, expected, digits, hint, TypeError)
    if not isinstance(digits, list | tuple) or len(digits) != 2:
        raise wrong(name, expected, digits, error=TypeError)
    if all(isinstance(part, list | tuple) and len(part) == 2 for part in digits):
        raise TypeError(
            f"{name} must be {expected}; got two of them at once. load_mnist() gives two parts: "
            "train, test = load_mnist()"
        )
    images, labels = plain(f"{name} images", digits[0]), plain(f"{name} labels", digits[1])
    if images.dim() < 2 or labels.dim() != 1 or not len(images) == len(labels) > 0:
        raise ValueError(
            f"{name} must be images [N, D] and labels [N], with one N of at least 1; got images "
            f"{list(images.shape)} and labels {list(labels.shape)}"
        )
    return images, labels


def plain_images(name: str, images: Tensor, dtype: torch.dtype) -> Tensor:
    """Pictures as rows [N, D] of the network's number format, if their pixels are usable."""
    images = images.flatten(1)  # [N, 28, 28] and [N, 1, 28, 28] too
    if not images.is_floating_point():
        hint = "Scale them to [0, 1]: images.float() / 255"
        raise wrong(f"{name} images", "floats", images, hint)
    images = images.to(dtype)
    lowest, highest = (bound.item() for bound in images.aminmax())
    found = f"{name} pixels must be finite numbers of moderate size, such as 0 to 1; found "
    if not math.isfinite(lowest) or not math.isfinite(highest):
        raise ValueError(f"{found}{lowest:g} to {highest:g}. Look for NaN and infinity in the data")
    size = max(-lowest, highest)
    mean = images.mean().item()
    if size > LARGEST_PIXEL or (size > RAW_MEAN and images.abs().mean().item() > RAW_MEAN):
        raise ValueError(f"{found}{lowest:g} to {highest:g}. Divide raw pixels: images / 255")
    if highest > lowest and (mean - lowest) / (highest - lowest) > MOSTLY_INK:
        warnings.warn(
            f"{name} images are mostly ink (mean pixel {mean:.2f}, from {lowest:g} to "
            f"{highest:g}): in MNIST 0 is paper and 1 is ink. If they are dark on white, invert "
            "them: 1 - images",
            stacklevel=4,
        )
    return images


def plain_labels(labels, classes: int, name: str = "labels") -> Tensor:
    """Integers 0 to classes - 1, int64, of any shape."""
    labels = plain(name, labels)
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise wrong(name, f"integers 0 to {classes - 1}", labels, "Type: labels.long()")
    labels = labels.long()
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside) > 0:
        hint = "-1 stands for an output that is NaN" if name == "predicted" else ""
        raise wrong(name, f"integers 0 to {classes - 1}", outside[0].item(), hint)
    return labels


def plain_label_vector(labels, outputs: int) -> Tensor:
    """labels [B], each a class of a network with this many outputs."""
    labels = plain_labels(labels, 10 if check_count("outputs", outputs) == 1 else outputs)
    if labels.dim() != 1:
        hint = "Type: labels.flatten()" if labels.dim() else "A batch of one: labels[None]"
        raise wrong("labels", "[B]", labels, hint)
    return labels


def plain_share(held_out, n: int) -> int:
    """How many of n pictures to hold out: a number of them, or a fraction."""
    count = _whole(held_out)
    if count is None and isinstance(held_out, Real) and 0 < held_out < 1:
        count = round(n * held_out)
    if count is None or not 0 < count < n:
        raise wrong(
            "held_out", f"1 to {n - 1} of the {n} pictures, or a fraction like 0.2", held_out
        )
    return count


def plain_rows(images, targets) -> tuple[Tensor, Tensor]:
    """Images and their targets, equally many and at least one."""
    images, targets = plain("images", images), plain("targets", targets)
    if images.dim() < 1 or targets.dim() < 1 or len(images) != len(targets):
        raise wrong("targets", f"one for each of the images {list(images.shape)}", targets)
    if len(images) == 0:
        raise wrong("images", "at least one", images)
    return images, targets


def plain_generators(generator) -> Generator | list[Generator]:
    several = list(generator) if isinstance(generator, list | tuple) else [generator]
    if not several or not all(isinstance(one, Generator) for one in several):
        hint = "Of a seed make one: torch.Generator().manual_seed(seed)"
        raise wrong("generator", "a torch.Generator, or a list of them", generator, hint)
    return several if isinstance(generator, list | tuple) else generator


# --- metrics --------------------------------------------------------------------------------------


def plain_output(out, name: str = "out") -> Tensor:
    """A network's output [..., B, K]."""
    out = plain(name, out)
    if out.dim() < 2 or out.shape[-1] == 0:
        raise wrong(name, "[B, K] scores or [B, 1] numbers", out)
    return out


def plain_answers(predicted, labels, classes: int | None = None) -> tuple[Tensor, Tensor]:
    """predicted digits [..., B] (-1: none) and labels [B], integers."""
    predicted, labels = plain("predicted", predicted), plain("labels", labels)
    for name, digits in (("predicted", predicted), ("labels", labels)):
        if digits.is_floating_point() or digits.dtype == torch.bool or digits.is_complex():
            hint = "predicted_digits(out) makes digits of scores" if name == "predicted" else ""
            raise wrong(name, "integers", digits, hint)
    if labels.dim() != 1 or predicted.dim() < 1 or predicted.shape[-1] != len(labels):
        raise ValueError(
            "predicted and labels must be [B], with one B; got predictions "
            f"{list(predicted.shape)} and labels {list(labels.shape)}. Integer scores: out.float()"
        )
    if len(labels) == 0:
        raise wrong("labels", "[B] with at least one; the batch is empty", labels)
    if predicted.dim() == 2 and len(predicted) == len(labels) > 1:
        hint = "A square of integers may be scores [B, K] as well. If they are, type: out.float()"
        raise wrong("predicted", "digits [B], or [R, B] of R replicas", predicted, hint)
    labels = plain_labels(labels, classes or max(10, labels.max().item() + 1))
    return predicted.long(), labels


# --- gradients ------------------------------------------------------------------------------------


def check_point(f: Callable, x: Tensor, h: float, name: str = "x") -> None:
    """f gives a number, x is float64, h a positive step."""
    check_tensors(**{name: x})
    if x.dtype != torch.float64:
        hint = f"Finite differences need its rounding of 1e-16: {name}.double()"
        raise wrong(name, "float64", x, hint)
    if not isinstance(h, Real) or not 0 < h < math.inf:
        raise wrong("h", "a positive step", h, "Try h=1e-5")
    value = f(x)
    if not isinstance(value, Real) and not (isinstance(value, Tensor) and value.numel() == 1):
        hint = "A loss returns two: loss(...)[0]" if isinstance(value, tuple) else "Sum it up"
        raise wrong("f(x)", "one number", value, hint)


def check_claim(name: str, claimed: Tensor, x: Tensor) -> None:
    """A gradient is real and has the shape of what it belongs to."""
    check_tensors(**{f"d_{name}": claimed, name: x})
    if claimed.shape != x.shape or not claimed.is_floating_point():
        raise wrong(f"d_{name}", f"floats of the shape of {name}, {list(x.shape)}", claimed)


def check_named(inputs, gradients) -> None:
    """Gradients for some of the inputs, by name."""
    if not isinstance(inputs, dict) or not isinstance(gradients, dict):
        other = inputs if isinstance(gradients, dict) else gradients
        raise wrong("inputs and gradients", 'named, like {"x": x}', other, error=TypeError)
    if not gradients or not gradients.keys() <= inputs.keys():
        raise ValueError(
            f"gradients must be named like inputs, at least one; got gradients of "
            f"{list(gradients)} and inputs {list(inputs)}"
        )
