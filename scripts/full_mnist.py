"""Computes what the page "All of MNIST" reports, and writes it into book/data/full.json.

    make full                               # everything: at most 20 minutes on two cores
    python scripts/full_mnist.py luck best  # only these parts; the others stay as they were

Rules. Whatever is chosen (learning rates, penalties, a width) is chosen on 10,000 training pictures
that the candidates were not fitted to. Then ten networks are trained, and each is judged by the
test pictures once. A run's seed decides which pictures it learns from, its first weights and the
order of the pictures. Stored are counts: how many of the 10,000 test pictures were wrong.
"""

from __future__ import annotations

import argparse
import base64
import datetime
import importlib.metadata
import json
import math
import os
import platform
import re
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cache
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from scratchmnist import (
    Digits,
    Layer,
    cross_entropy,
    forward,
    init_layers,
    linear,
    load_mnist,
    log_softmax,
    minibatches,
    mse,
    one_hot,
    predicted_digits,
    relu,
    sgd_step,
    split,
    stack_replicas,
)
from scratchmnist.files.idx import IDX_MD5
from scratchmnist.files.whole import appears_whole

STORED = Path(__file__).parents[1] / "book" / "data" / "full.json"

SIZES = [500, 1000, 2000, 5000, 10_000, 20_000, 60_000]  # training pictures
RUNS = range(10)  # the seeds that count
CHOOSING = [100, 101]  # the seeds that choose
HELD_OUT = 10_000  # training pictures that choose
PICTURES_SEEN = 80_000  # at least: a network sees its few pictures again and again


class Model(NamedTuple):
    """A network and how it is trained; `rates` are the candidates for its learning rate."""

    widths: list[int]
    loss: Callable
    rates: list[float]
    batch_size: int = 16


MODELS = {
    "one layer, squared error": Model([784, 10], mse, [0.01, 0.03, 0.1, 0.2]),
    "one layer, cross-entropy": Model([784, 10], cross_entropy, [0.01, 0.03, 0.1, 0.3, 1.0]),
    "30 hidden units": Model([784, 30, 10], cross_entropy, [0.02, 0.05, 0.1, 0.2, 0.4]),
    "300 hidden units": Model([784, 300, 10], cross_entropy, [0.2, 0.4, 0.8, 1.6], 64),
}


# --- training: many networks side by side, each with pictures of its own -----------------------


def generator(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def draw_pictures(seeds: Sequence[int], size: int, total: int) -> Tensor:
    """Which `size` of `total` pictures each seed learns from: [R, size], smaller within larger."""
    return torch.stack([torch.randperm(total, generator=generator(s))[:size] for s in seeds])


def epochs_for(size: int) -> int:
    """Ten, or as many as show a network PICTURES_SEEN pictures."""
    return max(10, math.ceil(PICTURES_SEEN / size))


def train_networks(
    model: Model,
    digits: Digits,
    rows: Tensor,
    seeds: Sequence[int],
    rates: Tensor | float,
    epochs: int,
) -> list[Layer]:
    """R networks of one model, landed: the last tenth of the epochs has a tenth of the rate.

    rows [R, N]: the pictures that each network learns from; seeds: R, for the first weights;
    rates: a number, or [R].
    """
    layers = init_layers(model.widths, seeds)
    lr = torch.as_tensor(rates).expand(len(seeds))[:, None, None]  # [R, 1, 1]
    targets = one_hot(digits.labels)  # [N, K]
    order = generator(0)  # of the places in `rows`; the pictures at a place differ
    for epoch in range(epochs):
        now = lr / 10 if epoch >= epochs - max(1, epochs // 10) else lr
        for places, _ in minibatches(rows.T, rows.T, model.batch_size, order):  # [B, R]
            x = at(digits.images, places.T)  # [R, B, D]
            y_pred, backward = forward(x, layers)
            _, d_loss = model.loss(y_pred, at(targets, places.T))
            layers = sgd_step(layers, backward(d_loss()), now)
    return layers


def at(rows: Tensor, places: Tensor) -> Tensor:
    """rows [N, D] at places [R, B]: [R, B, D]."""
    return rows.index_select(0, places.flatten()).view(*places.shape, -1)


def answers(layers: list[Layer], images: Tensor) -> Tensor:
    """The digit that each network sees in each image: [R, N]."""
    return torch.cat([predicted_digits(forward(x, layers)[0]) for x in images.split(1000)], -1)


def count_wrong(answers: Tensor, labels: Tensor) -> list:
    """How many answers [..., N] are wrong, for each network."""
    return (answers != labels).sum(-1).tolist()


# --- learning curves of networks ---------------------------------------------------------------


def choose_rate(model: Model, size: int, train: Digits) -> dict:
    """The rate with the fewest wrong held-out pictures, and the counts of all: [rates][seeds]."""
    fitting, valid = split(train, HELD_OUT, seed=0)
    size = min(size, len(fitting.labels))
    seeds = CHOOSING if model.widths[1] < 100 else CHOOSING[:1]  # a wide network costs more
    rows = draw_pictures(seeds, size, len(fitting.labels)).repeat(len(model.rates), 1)
    rates = torch.tensor(model.rates).repeat_interleave(len(seeds))
    layers = train_networks(model, fitting, rows, seeds * len(model.rates), rates, epochs_for(size))
    wrong = torch.tensor(count_wrong(answers(layers, valid.images), valid.labels))
    wrong = wrong.view(len(model.rates), len(seeds))
    best = wrong.float().mean(1).argmin()
    return {"rate": model.rates[best], "held_out_wrong": wrong.tolist()}


def judge(model: Model, size: int, rate: float, train: Digits, test: Digits) -> list[int]:
    """Wrong test pictures of ten networks, each with its own `size` training pictures."""
    rows = draw_pictures(RUNS, size, len(train.labels))
    layers = train_networks(model, train, rows, RUNS, rate, epochs_for(size))
    return count_wrong(answers(layers, test.images), test.labels)


def curve(name: str, sizes: Sequence[int] = SIZES) -> dict:
    """The learning curve of one model: its rates, and wrong test pictures [sizes][runs]."""
    train, test = mnist()
    model = MODELS[name]
    chosen = [choose_rate(model, size, train) for size in sizes]
    return {
        "widths": model.widths,
        "loss": model.loss.__name__,
        "batch_size": model.batch_size,
        "candidates": model.rates,
        "epochs": [epochs_for(size) for size in sizes],
        "rate": [choice["rate"] for choice in chosen],
        "held_out_wrong": [choice["held_out_wrong"] for choice in chosen],
        "wrong": [judge(model, n, c["rate"], train, test) for n, c in zip(sizes, chosen)],
    }


def shuffled_curve(name: str, rates: Sequence[float], sizes: Sequence[int] = SIZES) -> dict:
    """The same curve with the pixels of all pictures shuffled in one way."""
    pixels = torch.randperm(784, generator=generator(0))
    train, test = (Digits(digits.images[:, pixels], digits.labels) for digits in mnist())
    return {"wrong": [judge(MODELS[name], n, rate, train, test) for n, rate in zip(sizes, rates)]}


def luck(name: str, rate: float, size: int = 1000) -> dict:
    """Ten disjoint sets of pictures, ten seeds: wrong test pictures [sets][seeds]."""
    train, test = mnist()
    model = MODELS[name]
    sets = torch.randperm(len(train.labels), generator=generator(0))[: 10 * size].view(10, size)
    places = draw_pictures(RUNS, size, size)  # [seeds, size]: an order for each seed
    rows = torch.cat([one_set[places] for one_set in sets])  # [sets * seeds, size]
    layers = train_networks(model, train, rows, [*RUNS] * 10, rate, epochs_for(size))
    wrong = torch.tensor(count_wrong(answers(layers, test.images), test.labels))
    return {"size": size, "rate": rate, "wrong": wrong.view(10, len(RUNS)).tolist()}


# --- yardsticks: nothing is trained by steps ---------------------------------------------------


def average_digit(sizes: Sequence[int] = SIZES) -> dict:
    """The digit whose average picture is nearest."""
    train, test = mnist()

    def wrong(rows: Tensor) -> int:
        images, labels = train.images[rows], train.labels[rows]
        averages = torch.stack([images[labels == digit].mean(0) for digit in range(10)])
        return count_wrong(nearest(test.images, averages), test.labels)

    total = len(train.labels)
    return {"wrong": [[wrong(rows) for rows in draw_pictures(RUNS, n, total)] for n in sizes]}


def distances(images: Tensor, others: Tensor) -> Tensor:
    """Squared distances [N, M], less each image's own square, which changes no comparison."""
    return others.square().sum(1) - 2 * images @ others.T


def nearest(images: Tensor, others: Tensor) -> Tensor:
    return distances(images, others).argmin(1)


def nearest_neighbour(sizes: Sequence[int] = SIZES) -> dict:
    """The digit of the nearest training picture."""
    train, test = mnist()
    total = len(train.labels)
    rows = draw_pictures(RUNS, max(sizes), total)  # [runs, largest]
    needed, places = rows.unique(return_inverse=True)  # a small table for small sizes
    known, digits = train.images[needed], train.labels[needed]
    wrong = torch.zeros(len(sizes), len(RUNS), dtype=torch.int64)
    for images, labels in zip(test.images.split(500), test.labels.split(500)):
        table = distances(images, known)  # [500, needed]
        for run, own in enumerate(places):
            for row, size in enumerate(sizes):
                if size == total and run > 0:  # all runs have the same pictures
                    wrong[row, run] = wrong[row, 0]
                    continue
                found = own[:size][table[:, own[:size]].argmin(1)]
                wrong[row, run] += (digits[found] != labels).sum()
    return {"wrong": wrong.tolist()}


PENALTIES = [1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0]  # in units of the mean square of the features
RANDOM_UNITS = 2000


def pixels_and_one(images: Tensor, seed: int) -> Tensor:
    """[N, 785]: the pixels, and a 1 for the bias."""
    return torch.cat([images, torch.ones(len(images), 1)], 1)


def random_features(images: Tensor, seed: int) -> Tensor:
    """[N, 2001]: hidden units whose weights stay as they were drawn, and a 1 for the bias."""
    [layer] = init_layers([784, RANDOM_UNITS], seed)
    return pixels_and_one(relu(linear(images, *layer)[0])[0], seed)


def closed_form(features: Callable, sizes: Sequence[int] = SIZES) -> dict:
    """A linear reader of fixed features, by least squares on one-hot targets with a penalty."""
    train, test = mnist()
    fitting, valid = split(train, HELD_OUT, seed=0)
    held_out = [readers_wrong(features, seed, fitting, valid, sizes) for seed in CHOOSING]
    scores = torch.tensor(held_out).permute(1, 2, 0)  # [sizes, penalties, seeds]
    best = scores.float().mean(2).argmin(1)  # [sizes]
    judged = [readers_wrong(features, seed, train, test, sizes, best.tolist()) for seed in RUNS]
    return {
        "candidates": PENALTIES,
        "penalty": [PENALTIES[choice] for choice in best],
        "held_out_wrong": scores.tolist(),
        "wrong": torch.tensor(judged)[:, :, 0].T.tolist(),
    }


def readers_wrong(
    features: Callable,
    seed: int,
    fitting: Digits,
    judging: Digits,
    sizes: Sequence[int],
    choices: Sequence[int] | None = None,
) -> list[list[int]]:
    """Wrong pictures of `judging` [sizes][penalties] (only the chosen penalty of each size)."""
    targets = one_hot(fitting.labels)
    [rows] = draw_pictures([seed], max(sizes), len(fitting.labels))
    seen = features(judging.images, seed)
    squares = products = torch.zeros(())  # features.T @ features, features.T @ targets
    wrong, first = [], 0
    for place, size in enumerate(sizes):
        for new in rows[first:size].split(4000):
            f = features(fitting.images[new], seed)  # [n, F]
            squares, products = squares + f.T @ f, products + f.T @ targets[new]
        first = size
        tried = PENALTIES if choices is None else [PENALTIES[choices[place]]]
        readers = [solve(squares, products, penalty) for penalty in tried]
        wrong.append([count_wrong((seen @ w).argmax(1), judging.labels) for w in readers])
    return wrong


def solve(squares: Tensor, products: Tensor, penalty: float) -> Tensor:
    """The weights [F, K] of least squares with a penalty on their squares."""
    squares, products = squares.double(), products.double()
    ridge = penalty * squares.diagonal().mean() * torch.eye(len(squares), dtype=torch.float64)
    return torch.cholesky_solve(products, torch.linalg.cholesky(squares + ridge)).float()


# --- others' published figures, under their own conditions -------------------------------------


def nielsen(quadratic: bool, eta: float, epochs: int = 30) -> dict:
    """Nielsen's [784, 30, 10] of sigmoids: wrong test pictures after each epoch [epochs][runs].

    The first 50,000 pictures, batches of 10, normal first weights and biases of variance 1.
    """
    train, test = mnist()
    images, targets = train.images[:50_000], one_hot(train.labels[:50_000])
    layers = stack_replicas([normal_layers([784, 30, 10], seed) for seed in RUNS])
    rows = draw_pictures(RUNS, 50_000, 50_000)
    order, lr = generator(0), torch.tensor(eta)
    wrong = []
    for _ in range(epochs):
        for places, _ in minibatches(rows.T, rows.T, 10, order):
            x, y = at(images, places.T), at(targets, places.T)
            layers = sgd_step(layers, sigmoid_gradients(x, y, layers, quadratic), lr)
        out = torch.cat([sigmoids(x, layers)[-1] for x in test.images.split(1000)], -2)
        wrong.append(count_wrong(predicted_digits(out), test.labels))
    return {"eta": eta, "epochs": epochs, "wrong": wrong}


def normal_layers(widths: Sequence[int], seed: int) -> list[Layer]:
    """Weights and biases of mean 0 and variance 1."""
    draw = generator(seed)
    return [
        Layer(torch.randn(h, d, generator=draw).mT, torch.randn(1, h, generator=draw))
        for d, h in pairwise(widths)
    ]


def sigmoids(x: Tensor, layers: list[Layer]) -> list[Tensor]:
    """The outputs of both layers, each a sigmoid: [..., B, H] and [..., B, K]."""
    first = linear(x, *layers[0])[0].sigmoid()
    return [first, linear(first, *layers[1])[0].sigmoid()]


def sigmoid_gradients(x: Tensor, y: Tensor, layers: list[Layer], quadratic: bool) -> list[Layer]:
    """Of half the squared error, or of the ten cross-entropies, summed over the outputs.

    sigmoid' = a (1 - a); in the cross-entropy it cancels, and a - y is left.
    """
    first, second = sigmoids(x, layers)
    d_second = (second - y) / y.shape[-2]  # before the sigmoid of the outputs  [..., B, K]
    if quadratic:
        d_second = d_second * second * (1 - second)
    d_a, *d_layer_2 = linear(first, *layers[1])[1](d_second)
    d_first = d_a * first * (1 - first)
    _, *d_layer_1 = linear(x, *layers[0])[1](d_first, need_d_x=False)
    return [Layer(*d_layer_1), Layer(*d_layer_2)]


def hw0(hidden: int | None, epochs: int, lr: float = 0.2, batch_size: int = 100) -> dict:
    """The course's homework 0: no biases, no shuffling. Wrong test pictures at the end [runs].

    Without a hidden layer all weights start at zero, so there is only one run.
    """
    train, test = mnist()
    targets = one_hot(train.labels)
    if hidden is None:
        layers = [Layer(torch.zeros(10, 784).mT, torch.zeros(1, 10))]
    else:
        layers = stack_replicas([hw0_start(hidden, seed) for seed in RUNS])
    biases, lr = [layer.bias for layer in layers], torch.tensor(lr)
    for _ in range(epochs):
        for x, y in zip(train.images.split(batch_size), targets.split(batch_size)):
            y_pred, backward = forward(x, layers)
            _, d_loss = cross_entropy(y_pred, y.expand_as(y_pred))
            layers = sgd_step(layers, backward(d_loss()), lr)
            layers = [Layer(layer.weights, zero) for layer, zero in zip(layers, biases)]
    wrong = count_wrong(answers(layers, test.images), test.labels)
    return {"lr": lr.item(), "epochs": epochs, "batch_size": batch_size,
            "wrong": [wrong] if hidden is None else wrong}  # fmt: skip


def hw0_start(hidden: int, seed: int) -> list[Layer]:
    """The first weights as that homework draws them; its own seed is 0."""
    numbers = np.random.RandomState(seed)
    weights = [numbers.randn(d, h).astype(np.float32) / np.float32(h**0.5)
               for d, h in ((784, hidden), (hidden, 10))]  # fmt: skip
    return [Layer(torch.from_numpy(w.T.copy()).mT, torch.zeros(1, w.shape[1])) for w in weights]


def squared_error_300() -> dict:
    """300 hidden units and the squared error, all pictures; the rate chosen with 20,000."""
    train, test = mnist()
    model = Model([784, 300, 10], mse, [0.1, 0.2, 0.4, 0.8], 64)
    choice = choose_rate(model, 20_000, train)
    wrong = judge(model, len(train.labels), choice["rate"], train, test)
    return {"candidates": model.rates, "batch_size": 64, "epochs": 10} | choice | {"wrong": wrong}


# --- how far a plain network of two layers goes ------------------------------------------------

BEST_WIDTHS, BEST_RATES, BEST_EPOCHS = [100, 300, 500], [0.2, 0.4, 0.8], 10


def best() -> dict:
    """The width and rate that held-out pictures prefer; then ten networks on all pictures."""
    train, test = mnist()
    fitting, valid = split(train, HELD_OUT, seed=0)
    held_out = []
    for width in BEST_WIDTHS:
        model = Model([784, width, 10], cross_entropy, BEST_RATES, 64)
        seeds = CHOOSING[:1] * len(BEST_RATES)
        rows = draw_pictures(seeds, len(fitting.labels), len(fitting.labels))
        rates = torch.tensor(BEST_RATES)
        layers = train_networks(model, fitting, rows, seeds, rates, BEST_EPOCHS)
        held_out.append(count_wrong(answers(layers, valid.images), valid.labels))
    place = int(np.argmin(held_out))
    width, rate = BEST_WIDTHS[place // len(BEST_RATES)], BEST_RATES[place % len(BEST_RATES)]

    model = Model([784, width, 10], cross_entropy, [rate], 64)
    rows = draw_pictures(RUNS, len(train.labels), len(train.labels))
    layers = train_networks(model, train, rows, RUNS, rate, BEST_EPOCHS)
    outputs = torch.cat([forward(x, layers)[0] for x in test.images.split(1000)], 1)  # [R, N, K]
    digits = predicted_digits(outputs)  # [R, N]
    together = log_softmax(outputs).mean(0).argmax(-1)  # [N]
    missed = (digits != test.labels).all(0).nonzero().flatten()  # by every network
    return {
        "widths": BEST_WIDTHS,
        "candidates": BEST_RATES,
        "epochs": BEST_EPOCHS,
        "batch_size": 64,
        "held_out_wrong": held_out,
        "width": width,
        "rate": rate,
        "wrong": count_wrong(digits, test.labels),
        "wrong_together": count_wrong(together, test.labels),
        "missed_by_all": missed.tolist(),
        "missed_labels": test.labels[missed].tolist(),
        "missed_answers": digits[:, missed].T.tolist(),  # [missed][runs]
        "missed_pictures": pack(test.images[missed]),
    }


def pack(images: Tensor) -> str:
    """Bytes of pixels, compressed, as text."""
    pixels = (images * 255).round().byte().numpy().tobytes()
    return base64.b64encode(zlib.compress(pixels, 9)).decode()


# --- the parts, and the file -------------------------------------------------------------------

# Each part is one or more jobs: a place in the file, a function and its arguments. The longest
# come first, so that two processes end at about the same time.
PARTS = {
    "curves": [
        *(("models", name, curve, (name,)) for name in reversed(MODELS)),
        ("models", "random features", closed_form, (random_features,)),
        ("models", "pixels, closed form", closed_form, (pixels_and_one,)),
        ("models", "nearest neighbour", nearest_neighbour, ()),
        ("models", "average digit", average_digit, ()),
    ],
    "published": [
        ("published", "hw0, 400 hidden", hw0, (400, 20)),
        ("published", "300 hidden, squared error", squared_error_300, ()),
        ("published", "Nielsen, quadratic", nielsen, (True, 3.0)),
        ("published", "Nielsen, cross-entropy", nielsen, (False, 0.5)),
        ("published", "hw0, softmax", hw0, (None, 10)),
    ],
    "best": [("best", None, best, ())],
}
AFTER = {"shuffled": shuffled_curve, "luck": luck}  # these use the rates of the curves
BOOKS = ["one layer, cross-entropy", "30 hidden units"]


def later_jobs(part: str, results: dict) -> list[tuple]:
    """The jobs that need the rates of the curves."""
    rates = {name: results["models"][name]["rate"] for name in BOOKS}
    if part == "luck":
        rates = {name: of_sizes[SIZES.index(1000)] for name, of_sizes in rates.items()}
    return [(part, name, AFTER[part], (name, rates[name])) for name in BOOKS]


def run(jobs: list[tuple], results: dict, processes: int) -> None:
    """Run jobs side by side and put what each found in its place."""
    with ProcessPoolExecutor(processes, get_context("spawn"), one_thread) as pool:
        waiting = {pool.submit(timed, job, *arguments): (part, name)
                   for part, name, job, arguments in jobs}  # fmt: skip
        for future in as_completed(waiting):
            part, name = waiting[future]
            found = future.result()
            print(f"{part}: {name or ''} {found['seconds']:.0f} s", flush=True)
            if name is None:
                results[part] = found
            else:
                results.setdefault(part, {})[name] = found
            save(results)


def one_thread() -> None:
    """A process is a core; small products gain nothing from more threads."""
    torch.set_num_threads(1)


def timed(job: Callable, *arguments) -> dict:
    """What the job found, the processor seconds that it took, and the day."""
    start = time.process_time()
    found = job(*arguments)
    return found | {"seconds": round(time.process_time() - start), "date": today()}


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


@cache
def mnist() -> tuple[Digits, Digits]:
    return load_mnist("full")


def about() -> dict:
    """Where the numbers come from."""
    return {
        "date": today(),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in ("torch", "numpy")},
        "cores": os.cpu_count(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "data_md5": IDX_MD5,  # `load_mnist` has compared the files with them
        "seeds": [*RUNS],
        "choosing_seeds": CHOOSING,
        "held_out": HELD_OUT,
        "sizes": SIZES,
    }


def text_of(results: dict) -> str:
    """JSON with each innermost list on a line of its own."""
    text = json.dumps(results, indent=1)
    return re.sub(r"\[[^\[\]{}]*\]", lambda m: " ".join(m[0].split()), text) + "\n"


def save(results: dict) -> None:
    """Write what is there, in the order of the parts and not in that of their ends."""
    jobs = [(part, name) for group in PARTS.values() for part, name, *_ in group]
    jobs += [(part, name) for part in AFTER for name in BOOKS]
    ordered = {"about": results["about"]}
    for part, name in jobs:
        if name is None and part in results:
            ordered[part] = results[part]
        elif name in results.get(part, {}):
            ordered.setdefault(part, {})[name] = results[part][name]
    with appears_whole(STORED) as draft:
        draft.write_text(text_of(ordered), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="full_mnist.py", description=__doc__.split("\n")[0])
    names = [*PARTS, *AFTER]
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(names)}")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(names):
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    parts = arguments.parts or names

    mnist()  # the first load decodes the pictures, once for all processes
    results = json.loads(STORED.read_text("utf-8")) if arguments.parts and STORED.exists() else {}
    results["about"] = about()
    jobs = [job for part in parts if part in PARTS for job in PARTS[part]]
    run(jobs, results, arguments.processes)
    later = [job for part in parts if part in AFTER for job in later_jobs(part, results)]
    run(later, results, arguments.processes)
    save(results)
    print(f"written: {STORED}")


if __name__ == "__main__":
    main()
