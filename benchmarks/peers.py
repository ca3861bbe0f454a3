"""The competitors: each trains the same network on the same batches in its own way.

A peer is a function of a `Problem`. It returns `train(first, last)`, which trains on the batches
first ... last - 1, and `layers()`, the weights that it has reached, for the check that all do the
same work. Batches are handed to each in its own format before the clock starts.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from scratchmnist import (
    Digits,
    Layer,
    cross_entropy,
    evaluate,
    forward,
    init_layers,
    minibatches,
    one_hot,
    sgd_step,
)

LR = 0.1


class Problem(NamedTuple):
    digits: Digits
    sizes: tuple[int, ...]
    batch_size: int

    @property
    def steps(self) -> int:
        """Full batches only."""
        return len(self.digits.labels) // self.batch_size

    def batches(self) -> list[tuple[Tensor, Tensor]]:
        """(x [B, D], labels [B]) of each step."""
        pieces = (tensor.split(self.batch_size) for tensor in self.digits)
        return list(zip(*pieces))[: self.steps]

    def layers(self) -> list[Layer]:
        return init_layers(self.sizes, seed=0)


Train = Callable[[int, int], None]
Peer = tuple[Train, Callable[[], list[Layer]]]


# --- steps on batches that are laid out beforehand ------------------------------------------------


def ours(problem: Problem) -> Peer:
    batches = [(x, one_hot(labels)) for x, labels in problem.batches()]
    layers, lr = problem.layers(), torch.tensor(LR)  # `fit` makes the rate a tensor, too

    def train(first, last):
        nonlocal layers
        for x, y_true in batches[first:last]:
            y_pred, backward = forward(x, layers)
            _loss, d_loss = cross_entropy(y_pred, y_true)
            grads = backward(d_loss())
            layers = sgd_step(layers, grads, lr)

    return train, lambda: layers


def autograd_tensors(problem: Problem) -> Peer:
    batches = problem.batches()
    parameters = [
        tensor.contiguous().requires_grad_() for layer in problem.layers() for tensor in layer
    ]

    def train(first, last):
        for x, labels in batches[first:last]:
            x = x @ parameters[0] + parameters[1]
            for weights, bias in zip(parameters[2::2], parameters[3::2]):
                x = x.relu() @ weights + bias
            F.cross_entropy(x, labels).backward()
            with torch.no_grad():
                for parameter in parameters:
                    parameter -= LR * parameter.grad
                    parameter.grad = None

    return train, lambda: [
        Layer(weights.detach(), bias.detach())
        for weights, bias in zip(parameters[::2], parameters[1::2])
    ]


def as_module(layers: list[Layer]) -> torch.nn.Sequential:
    modules = []
    for weights, bias in layers:
        module = torch.nn.Linear(*weights.shape)
        module.weight.data, module.bias.data = weights.mT.clone(), bias[0].clone()
        modules += [module, torch.nn.ReLU()]
    return torch.nn.Sequential(*modules[:-1])


def from_module(model: torch.nn.Module) -> list[Layer]:
    return [
        Layer(module.weight.data.mT, module.bias.data[None])
        for module in model.modules()
        if isinstance(module, torch.nn.Linear)
    ]


def autograd_sequential(problem: Problem) -> Peer:
    batches, model = problem.batches(), as_module(problem.layers())
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)

    def train(first, last):
        for x, labels in batches[first:last]:
            loss = F.cross_entropy(model(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return train, lambda: from_module(model)


def fastai_learner(problem: Problem) -> Peer:
    """The training loop alone: the batches are tensors in memory, no picture is decoded."""
    from fastai.callback.core import Callback
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner
    from fastai.optimizer import SGD

    class ThePart(Callback):
        def before_epoch(self):
            self.learn.dls = DataLoaders(self.part, [])

    batches, model, part = problem.batches(), as_module(problem.layers()), ThePart()
    learner = Learner(
        DataLoaders(batches, []), model, loss_func=F.cross_entropy, opt_func=SGD, lr=LR,
        cbs=[part], wd=0,
    )  # fmt: skip

    def train(first, last):
        part.part = batches[first:last]
        with learner.no_logging():
            learner.fit(1)

    return train, lambda: from_module(model)


def numpy_by_hand(problem: Problem) -> Peer:
    batches = [(x.numpy(), one_hot(labels).numpy()) for x, labels in problem.batches()]
    parameters = [
        np.ascontiguousarray(tensor.numpy()) for layer in problem.layers() for tensor in layer
    ]
    lr = np.float32(LR)

    def train(first, last):
        for x, y in batches[first:last]:
            inputs = [x]  # of each layer
            for index in range(0, len(parameters) - 2, 2):
                z = inputs[-1] @ parameters[index] + parameters[index + 1]
                inputs.append(np.maximum(z, 0))
            z = inputs[-1] @ parameters[-2] + parameters[-1]
            shifted = z - z.max(-1, keepdims=True)
            log_probs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
            _loss = -(y * log_probs).sum() / len(y)
            d_z = (np.exp(log_probs) - y) / np.float32(len(y))
            for index in reversed(range(0, len(parameters), 2)):
                a = inputs.pop()
                d_weights, d_bias = a.T @ d_z, d_z.sum(0, keepdims=True)
                if index > 0:
                    d_z = (d_z @ parameters[index].T) * (a > 0)
                parameters[index] = parameters[index] - lr * d_weights
                parameters[index + 1] = parameters[index + 1] - lr * d_bias

    def layers():
        tensors = [torch.from_numpy(array) for array in parameters]
        return [Layer(*pair) for pair in zip(tensors[::2], tensors[1::2])]

    return train, layers


def scikit_learn(problem: Problem) -> Peer:
    from sklearn.neural_network import MLPClassifier

    size = problem.batch_size
    images, labels = (tensor.numpy() for tensor in problem.digits)
    model = MLPClassifier(
        problem.sizes[1:-1], solver="sgd", momentum=0, nesterovs_momentum=False, alpha=0,
        batch_size=size, learning_rate_init=LR, shuffle=False,
    )  # fmt: skip
    model.partial_fit(images[:size], labels[:size], classes=np.arange(10))  # makes the arrays
    for index, (weights, bias) in enumerate(problem.layers()):
        model.coefs_[index][...] = weights.numpy()
        model.intercepts_[index][...] = bias[0].numpy()

    def train(first, last):
        rows = slice(first * size, last * size)
        model.partial_fit(images[rows], labels[rows])

    def layers():
        return [
            Layer(torch.from_numpy(weights), torch.from_numpy(bias)[None])
            for weights, bias in zip(model.coefs_, model.intercepts_)
        ]

    return train, layers


def jax_step_function():
    import jax

    def loss(parameters, x, y):
        *hidden, (weights, bias) = parameters
        for hidden_weights, hidden_bias in hidden:
            x = jax.nn.relu(x @ hidden_weights + hidden_bias)
        return -(y * jax.nn.log_softmax(x @ weights + bias)).sum() / len(y)

    def step(parameters, x, y):
        value, grads = jax.value_and_grad(loss)(parameters, x, y)
        return jax.tree.map(lambda p, g: p - LR * g, parameters, grads), value

    return step


def jax_jit(problem: Problem) -> Peer:
    """One compiled function a step."""
    import jax

    batches = [
        (jax.numpy.asarray(x.numpy()), jax.numpy.asarray(one_hot(labels).numpy()))
        for x, labels in problem.batches()
    ]
    parameters = [tuple(jax.numpy.asarray(t.numpy()) for t in layer) for layer in problem.layers()]
    step = jax.jit(jax_step_function())

    def train(first, last):
        nonlocal parameters
        for x, y in batches[first:last]:
            parameters, _loss = step(parameters, x, y)
        jax.block_until_ready(parameters)

    def layers():
        return [Layer(*(torch.from_numpy(np.array(a)) for a in pair)) for pair in parameters]

    return train, layers


def jax_scan(problem: Problem) -> Peer:
    """Many steps in one compiled function, which sees no Python in between."""
    import jax

    xs = jax.numpy.asarray(torch.stack([x for x, _ in problem.batches()]).numpy())
    ys = jax.numpy.asarray(torch.stack([one_hot(y) for _, y in problem.batches()]).numpy())
    parameters = [tuple(jax.numpy.asarray(t.numpy()) for t in layer) for layer in problem.layers()]
    step = jax_step_function()

    @jax.jit
    def steps(parameters, xs, ys):
        return jax.lax.scan(lambda p, batch: step(p, *batch), parameters, (xs, ys))

    def train(first, last):
        nonlocal parameters
        parameters, _losses = steps(parameters, xs[first:last], ys[first:last])
        jax.block_until_ready(parameters)

    def layers():
        return [Layer(*(torch.from_numpy(np.array(a)) for a in pair)) for pair in parameters]

    return train, layers


STEP_PEERS = {
    "scratchmnist": ours,
    "torch autograd, plain tensors": autograd_tensors,
    "torch autograd, Sequential + SGD": autograd_sequential,
    "fastai Learner": fastai_learner,
    "scikit-learn MLPClassifier": scikit_learn,
    "numpy by hand": numpy_by_hand,
    "JAX, jit of a step": jax_jit,
    "JAX, jit of many steps": jax_scan,
}


# --- whole epochs: shuffling and fetching the images count ----------------------------------------
# An epoch is a function of a seed. All draw one order from it, so all see the same batches.


def order_from(seed: int, count: int) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def epoch_ours(problem: Problem):
    layers, lr = problem.layers(), torch.tensor(LR)
    targets = one_hot(problem.digits.labels)

    def epoch(seed):
        nonlocal layers
        generator = torch.Generator().manual_seed(seed)
        for x, y_true in minibatches(problem.digits.images, targets, problem.batch_size, generator):
            y_pred, backward = forward(x, layers)
            _loss, d_loss = cross_entropy(y_pred, y_true)
            layers = sgd_step(layers, backward(d_loss()), lr)

    return epoch, lambda: layers


def epoch_autograd(problem: Problem):
    model = as_module(problem.layers())
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)

    def epoch(seed):
        images, labels = problem.digits
        for rows in order_from(seed, len(labels)).split(problem.batch_size):
            loss = F.cross_entropy(model(images[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch, lambda: from_module(model)


def epoch_tutorial(problem: Problem):
    """As tutorials have it: a TensorDataset in a DataLoader."""
    from torch.utils.data import DataLoader, TensorDataset

    model, data = as_module(problem.layers()), TensorDataset(*problem.digits)
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)

    def epoch(seed):
        order = order_from(seed, len(data)).tolist()
        for x, labels in DataLoader(data, batch_size=problem.batch_size, sampler=order):
            loss = F.cross_entropy(model(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch, lambda: from_module(model)


def epoch_scikit_learn(problem: Problem):
    def epoch(seed):
        rows = order_from(seed, len(problem.digits.labels))
        model.partial_fit(problem.digits.images[rows].numpy(), problem.digits.labels[rows].numpy())

    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        problem.sizes[1:-1], solver="sgd", momentum=0, nesterovs_momentum=False, alpha=0,
        batch_size=problem.batch_size, learning_rate_init=LR, shuffle=False,
    )  # fmt: skip
    images, labels = (tensor[: problem.batch_size].numpy() for tensor in problem.digits)
    model.partial_fit(images, labels, classes=np.arange(10))
    for index, (weights, bias) in enumerate(problem.layers()):
        model.coefs_[index][...] = weights.numpy()
        model.intercepts_[index][...] = bias[0].numpy()

    def layers():
        return [
            Layer(torch.from_numpy(weights), torch.from_numpy(bias)[None])
            for weights, bias in zip(model.coefs_, model.intercepts_)
        ]

    return epoch, layers


def epoch_sgd_classifier(problem: Problem):
    """Another model and another method (ten yes-or-no classifiers, one image at a time), so there
    is no loss to compare; it is what scikit-learn has for a linear classifier trained by SGD."""
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss", alpha=0.0, learning_rate="constant", eta0=LR / 16, shuffle=False
    )

    def epoch(seed):
        rows = order_from(seed, len(problem.digits.labels))
        model.partial_fit(
            problem.digits.images[rows].numpy(), problem.digits.labels[rows].numpy(), np.arange(10)
        )

    return epoch, None


EPOCH_PEERS = {
    "scratchmnist": epoch_ours,
    "torch autograd, Sequential + SGD": epoch_autograd,
    "torch autograd, DataLoader": epoch_tutorial,
    "scikit-learn MLPClassifier": epoch_scikit_learn,
}


# --- R replicas at once ---------------------------------------------------------------------------


def replicas_ours(problem: Problem, count: int) -> Peer:
    problem_layers = init_layers(problem.sizes, seed=range(count))
    train, layers = ours(_WithLayers(problem, problem_layers))
    return train, layers


class _WithLayers:
    """A problem that starts from other weights."""

    def __init__(self, problem: Problem, layers: list[Layer]):
        self.batches, self._layers = problem.batches, layers

    def layers(self) -> list[Layer]:
        return self._layers


def replicas_vmap(problem: Problem, count: int) -> Peer:
    """torch.func: the gradient of one network's loss, vectorised over the replicas."""
    batches = problem.batches()
    parameters = [
        tensor.contiguous()
        for layer in init_layers(problem.sizes, seed=range(count))
        for tensor in layer
    ]

    def loss(parameters, x, labels):
        x = x @ parameters[0] + parameters[1]
        for weights, bias in zip(parameters[2::2], parameters[3::2]):
            x = x.relu() @ weights + bias
        return F.cross_entropy(x, labels)

    gradient = torch.func.vmap(torch.func.grad_and_value(loss), in_dims=(0, None, None))

    def train(first, last):
        nonlocal parameters
        for x, labels in batches[first:last]:
            grads, _losses = gradient(parameters, x, labels)
            parameters = [p - LR * g for p, g in zip(parameters, grads)]

    return train, lambda: [Layer(*pair) for pair in zip(parameters[::2], parameters[1::2])]


def replicas_jax(problem: Problem, count: int) -> Peer:
    """The strongest rival known: one network's step, vectorised over the replicas by `vmap`, many
    steps in one `lax.scan`, all of it compiled by `jit`."""
    import jax

    xs = jax.numpy.asarray(torch.stack([x for x, _ in problem.batches()]).numpy())
    ys = jax.numpy.asarray(torch.stack([one_hot(y) for _, y in problem.batches()]).numpy())
    parameters = [
        tuple(jax.numpy.asarray(tensor.contiguous().numpy()) for tensor in layer)
        for layer in init_layers(problem.sizes, seed=range(count))
    ]
    step = jax.vmap(jax_step_function(), in_axes=(0, None, None))

    @jax.jit
    def steps(parameters, xs, ys):
        return jax.lax.scan(lambda p, batch: step(p, *batch), parameters, (xs, ys))

    def train(first, last):
        nonlocal parameters
        parameters, _losses = steps(parameters, xs[first:last], ys[first:last])
        jax.block_until_ready(parameters)

    def layers():
        return [Layer(*(torch.from_numpy(np.array(a)) for a in pair)) for pair in parameters]

    return train, layers


def replicas_numpy(problem: Problem, count: int) -> Peer:
    """By hand, with the first layers side by side: their product is one, `count` times as wide."""
    batches = [(x.numpy(), one_hot(labels).numpy()) for x, labels in problem.batches()]
    (w_1, b_1), (w_2, b_2) = (
        tuple(np.ascontiguousarray(tensor.numpy()) for tensor in layer)
        for layer in init_layers(problem.sizes, seed=range(count))
    )
    inputs, hidden = w_1.shape[1:]
    w_1 = np.ascontiguousarray(w_1.transpose(1, 0, 2).reshape(inputs, -1))  # [D, R * H]
    b_1 = b_1.reshape(1, -1)
    lr = np.float32(LR)

    def train(first, last):
        nonlocal w_1, b_1, w_2, b_2
        for x, y in batches[first:last]:
            a = np.maximum(x @ w_1 + b_1, 0)  # [B, R * H]
            apart = a.reshape(len(x), count, hidden).transpose(1, 0, 2)  # [R, B, H]
            z = apart @ w_2 + b_2
            shifted = z - z.max(-1, keepdims=True)
            log_probs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
            _losses = -(y * log_probs).sum((-2, -1)) / len(y)
            d_z = (np.exp(log_probs) - y) / np.float32(len(y))
            d_a = (d_z @ w_2.mT).transpose(1, 0, 2).reshape(len(x), -1) * (a > 0)
            w_2 = w_2 - lr * (apart.mT @ d_z)
            b_2 = b_2 - lr * d_z.sum(-2, keepdims=True)
            w_1 = w_1 - lr * (x.T @ d_a)
            b_1 = b_1 - lr * d_a.sum(0, keepdims=True)

    def layers():
        weights = w_1.reshape(inputs, count, hidden).transpose(1, 0, 2)
        pairs = ((weights, b_1.reshape(count, 1, hidden)), (w_2, b_2))
        return [Layer(*(torch.from_numpy(array.copy()) for array in pair)) for pair in pairs]

    return train, layers


REPLICA_PEERS = {
    "scratchmnist": replicas_ours,
    "vmap(grad)": replicas_vmap,
    "NumPy, one wide product": replicas_numpy,
    "JAX, vmap in a jitted scan": replicas_jax,
}


# --- what all must agree on -----------------------------------------------------------------------


def final_losses(peers: dict[str, Peer], problem: Problem, steps: int) -> dict[str, Tensor]:
    """The loss on all the images that each peer reaches by this many steps."""
    losses = {}
    for name, (train, layers) in peers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn: "not converged"
            train(0, steps)
        losses[name] = evaluate(layers(), problem.digits)[0]
    return losses


def check_agreement(losses: dict[str, Tensor], tolerance: float = 1e-4) -> None:
    """Raise AssertionError unless all losses equal the first one, up to float error."""
    (name, reference), *others = losses.items()
    for other, loss in others:
        torch.testing.assert_close(
            loss, reference, rtol=tolerance, atol=0,
            msg=lambda text, other=other: f"{other} and {name} reach different losses: {text}",
        )  # fmt: skip
