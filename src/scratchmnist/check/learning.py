"""Training with a reader's own loop, judged by what it learnt.

The pictures are training images only: the test images stay unseen. When too little was learnt, the
loop is run again on changed pictures (in another order, brighter, darker, with other labels): what
changes the outcome tells the cause.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from scratchmnist.check.calling import OutOfTime, call, in_numpy, readers_traceback
from scratchmnist.check.judge import (
    about_error,
    as_tensor,
    check_callable,
    kind_of,
    printed,
    wants_numpy,
)
from scratchmnist.check.kinds import Exercise, bug
from scratchmnist.check.wording import Wrong, complain, shape
from scratchmnist.data import Digits, load_mnist

SECONDS = 20  # for all runs together
N = 1000  # images to train on, and as many others to judge by
# The share of right answers that trained models reach from 1000 images. The lower ends leave room
# for few epochs and small steps, the upper ones for long training.
RANGES = {"regression": (0.15, 0.32), "one layer": (0.75, 0.89), "two layers": (0.78, 0.91)}
NOTHING = "when-nothing-learns"
RATES = "learning-rates"

training = Exercise(
    name="training",
    arguments=("images", "labels"),
    outputs=("predict",),
    reference=lambda images, labels: None,
    rounds=(),
    bugs=(
        bug(
            "no_predict",
            "The function should return another one, `predict`, that takes images [N, 784] and "
            "gives a digit [N], ten scores [N, 10], or a number [N, 1] for each.",
            NOTHING,
        ),
        bug(
            "not_finite",
            "The numbers grew beyond all bounds: the learning rate is too large, or the step goes "
            "uphill (+ for -), or `exp` overflowed.",
            RATES,
        ),
        bug(
            "upside_down",
            "The right digit is avoided: the step goes uphill (+ for -), the gradient has the "
            "wrong sign, or the lowest score is taken for the answer (`argmin`).",
            NOTHING,
        ),
        bug(
            "shifted",
            "Most answers are off by the same number of digits: labels or positions are counted "
            "from 1.",
            NOTHING,
        ),
        bug(
            "not_shuffled",
            "Given the same images in a shuffled order, your loop learns: the images came sorted "
            "by digit, and the loop has to shuffle them in every epoch.",
            NOTHING,
        ),
        bug(
            "no_effect",
            "Trained with other labels, it gives the same answers: nothing that was learnt reaches "
            "`predict`. The result of the step is not kept, or `predict` uses the first weights.",
            NOTHING,
        ),
        bug(
            "too_small_steps",
            "With brighter images, which make the steps larger, it learns: the learning rate is "
            "too small, there are too few epochs, or the gradient is divided once too often.",
            RATES,
        ),
        bug(
            "too_large_steps",
            "With darker images, which make the steps smaller, it learns: the learning rate is too "
            "large, or the gradient is not divided by the batch size.",
            RATES,
        ),
        bug(
            "scaled_twice",
            "Only with pixels from 0 to 255 does it learn: your loop divides them by 255 once more "
            "(those given lie between 0 and 1 already), or the steps are far too small.",
            NOTHING,
        ),
        bug(
            "all_alike",
            "Every prediction is close to one and the same number: a column [B, 1] minus a row "
            "[B] in the loss compares every prediction with every label.",
            "digit-as-a-number#eq-broadcast-bug",
        ),
        bug(
            "one_answer",
            "Every image gets the same answer: all weights of a hidden layer start at 0 (or "
            "alike), or every hidden unit died in a step that was too large.",
            NOTHING,
        ),
        bug(
            "relu_at_the_end",
            "No score is negative, and many are exactly 0: there is a ReLU after the last layer, "
            "which stops the gradient of every class that falls below 0.",
            "hidden-layer#eq-two-layers",
        ),
        bug(
            "at_chance",
            "The answers differ but are no better than guesses: images and labels do not belong "
            "together (shuffled apart), or the gradient is not that of the loss.",
            NOTHING,
        ),
        bug(
            "too_little",
            "It learns, but less than this model can: check each gradient by itself, then the "
            "learning rate and the number of epochs.",
            NOTHING,
        ),
    ),
)


class Run(NamedTuple):
    """What a trained `predict` says to the images it was not trained on. N of them."""

    digits: Tensor  # [N]
    out: Tensor  # [N, K]: scores, numbers, or the digits themselves
    accuracy: float
    off: float  # by how many digits, on average
    printed: str


def examine_training(f: Callable, model: str | None = None) -> str:
    """The line that says what was learnt; or raises `Wrong`."""
    if model is not None and model not in RANGES:
        raise ValueError(f"model must be one of {list(RANGES)}, or None; got {model!r}")
    check_callable(training, f)
    deadline = time.monotonic() + SECONDS
    train, others = small_part()
    run = train_and_predict(f, train, others, deadline)
    if enough(run, model):
        return praise(run, model)
    name = symptom(run) or cause_by_trial(f, run, model, deadline) or last_resort(run)
    known = next(bug for bug in training.bugs if bug.name == name)
    raise complain(
        training.name,
        f"it did not learn what it should: {run.accuracy:.1%} right",
        [
            ("given", f"{N} images of 784 pixels in [0, 1], sorted by digit, and their labels"),
            ("expected", f"of {N} other images right, {ranges(model)}"),
            ("seen", how_it_answers(run)),
            *printed({"printed": run.printed}),
        ],
        known.name,
        known.cause,
        known.section,
    )


@cache
def small_part() -> tuple[Digits, Digits]:
    """Two thousand of the training images: half to train on, sorted by digit, half to judge by."""
    images, labels = load_mnist()[0]
    order = labels[:N].argsort(stable=True)
    return Digits(images[order], labels[order]), Digits(images[N : 2 * N], labels[N : 2 * N])


@contextlib.contextmanager
def same_chance() -> Iterator[None]:
    """Inside, the global random generators start from 0; afterwards they go on as before."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)


def train_and_predict(f: Callable, train: Digits, others: Digits, deadline: float) -> Run:
    """Train, predict, and read what was predicted; `Wrong` if that cannot be."""
    with same_chance():
        answer = call(f, training.arguments, tuple(train), deadline)._asdict() | {"note": ""}
        images = (others.images,)
        if wants_numpy(answer):
            again = call(f, training.arguments, in_numpy(tuple(train)), deadline)._asdict()
            if again["error"] is None:
                answer, images = again | {"note": ""}, in_numpy(images)
    refuse_failure(answer)
    predict = answer["value"]
    if not callable(predict):
        raise no_predict(f"the function returned {kind_of(predict)}", answer)
    said = call(predict, ("images",), images, deadline)._asdict() | {"note": ""}
    if wants_numpy(said) and isinstance(images[0], Tensor):
        again = call(predict, ("images",), in_numpy(images), deadline)._asdict()
        said = again | {"note": ""} if again["error"] is None else said
    refuse_failure(said)
    out = as_tensor(said["value"])
    if out is None or out.shape not in ((N,), (N, 1), (N, 10)):
        raise no_predict(f"predict(images [{N}, 784]) returned {kind_of(said['value'])}", said)
    return read_run(out.reshape(N, -1), others.labels, answer["printed"])


def read_run(out: Tensor, labels: Tensor, said: str) -> Run:
    if out.shape[1] == 1:
        digits = out[:, 0].nan_to_num(nan=-1).round().clamp(-1, 9).long()
        digits = torch.where((digits < 0) & out[:, 0].isfinite(), 0, digits)
    else:
        digits = out.nan_to_num(nan=torch.inf).argmax(1)
    off = (digits - labels).abs().double().mean().item()
    return Run(digits, out, (digits == labels).double().mean().item(), off, said)


def refuse_failure(answer: dict) -> None:
    if isinstance(answer["error"], OutOfTime):
        raise complain(
            training.name,
            f"not ready after {SECONDS} seconds, and ended",
            [("it was here", "\n" + readers_traceback(answer["error"])), *printed(answer)],
            "never_returns",
            f"For this check fewer epochs will do: {N} images, five to ten times. If one epoch "
            "takes seconds, a loop over pixels or images should become a matrix product.",
            NOTHING,
        )
    if answer["error"] is not None:
        raise about_error(training, (), answer)
    if answer["changed"]:
        raise complain(
            training.name,
            f"the function changed {' and '.join(answer['changed'])}",
            bug="changes_inputs",
            cause="The training images are changed in place (`/=`, `[...] =`): every later run "
            "would see other images. Write `images = images / 255`, or copy first.",
            section=NOTHING,
        )


def no_predict(headline: str, answer: dict) -> Wrong:
    known = training.bugs[0]
    facts = printed(answer)
    return complain(training.name, headline, facts, known.name, known.cause, known.section)


def enough(run: Run, model: str | None) -> bool:
    if not run.out.isfinite().all():
        return False
    like_regression = run.accuracy >= RANGES["regression"][0] and run.off < 1.9
    if model == "regression":
        return like_regression
    few = run.accuracy <= RANGES["regression"][1]
    return run.accuracy >= RANGES[model or "one layer"][0] or (
        model is None and like_regression and few
    )


def praise(run: Run, model: str | None) -> str:
    remarks = [
        f"training: right. Trained on {N} images, it recognises {run.accuracy:.1%} of {N} others",
        f"expected of {ranges(model)}",
    ]
    if model and run.accuracy > RANGES[model][1]:
        remarks.append("this is more than such a model reaches, as a rule")
    if cut_at_zero(run):
        remarks.append("beware: no score is negative; is there a ReLU after the last layer?")
    return "; ".join(remarks)


def ranges(model: str | None) -> str:
    """
    >>> ranges("two layers")
    'two layers: 78% to 91%'
    """
    chosen = {name: RANGES[name] for name in RANGES if model in (None, name)}
    return ", ".join(f"{name}: {low:.0%} to {high:.0%}" for name, (low, high) in chosen.items())


def cut_at_zero(run: Run) -> bool:
    """Whether the scores look as if they came out of a ReLU: no probabilities, no one-hot rows."""
    if run.out.shape[1] == 1 or run.out.min() != 0 or (run.out.sum(1) - 1).abs().max() < 1e-3:
        return False
    return 0.05 < (run.out == 0).double().mean().item() < 1


# --- what went wrong ------------------------------------------------------------------------------


def symptom(run: Run) -> str | None:
    """A cause that the answers alone give away."""
    _, others = small_part()
    if not run.out.isfinite().all():
        return "not_finite"
    if cut_at_zero(run):
        return "relu_at_the_end"
    several = len(run.digits.unique()) > 1
    shifts = (run.digits - others.labels).remainder(10).bincount(minlength=10)
    if several and shifts[1:].max() >= 0.6 * N:
        return "shifted"
    lowest = run.out.argmin(1)  # of one column: 0 everywhere, right for a tenth
    if (several and run.accuracy < 0.03) or (lowest == others.labels).sum() > 0.4 * N:
        return "upside_down"
    return None


def cause_by_trial(f: Callable, run: Run, model: str | None, deadline: float) -> str | None:
    """A cause that comes out when the loop is run on changed images."""
    train, others = small_part()
    shuffled = torch.randperm(N, generator=torch.Generator().manual_seed(0))
    trials = [
        ("not_shuffled", (Digits(*(rows[shuffled] for rows in train)), others)),
        ("no_effect", (Digits(train.images, (3 * train.labels + 1) % 10), others)),
        ("too_small_steps", brighter(4, train, others)),
        ("too_large_steps", brighter(1 / 4, train, others)),
        ("scaled_twice", brighter(255, train, others)),
        ("too_small_steps", brighter(8, train, others)),
        ("too_small_steps", brighter(16, train, others)),
    ]
    for name, (changed, judged) in trials:
        try:
            trial = train_and_predict(f, changed, judged, deadline)
        except Wrong:  # out of time, or it cannot stand such images
            continue
        if name == "no_effect":
            if torch.equal(trial.digits, run.digits):
                return name
        elif enough(trial, model) or (name != "scaled_twice" and much_better(trial, run)):
            return name
    return None


def much_better(trial: Run, run: Run) -> bool:
    if trial.out.shape[1] == 1:
        return bool(trial.out.isfinite().all()) and trial.off < run.off - 0.4
    return trial.accuracy > run.accuracy + 0.3


def brighter(factor: float, *several: Digits) -> tuple[Digits, ...]:
    return tuple(Digits(digits.images * factor, digits.labels) for digits in several)


def last_resort(run: Run) -> str:
    """What the answers look like, when no trial has helped."""
    if run.out.shape[1] == 1 and len(run.out.unique()) > 10:  # numbers, not digits
        if 2 < run.out.mean() < 7 and run.out.std() < 1:
            return "all_alike"
        related = torch.stack([run.out[:, 0], small_part()[1].labels.double()]).corrcoef()[0, 1]
        return "too_little" if related > 0.2 else "at_chance"
    if len(run.digits.unique()) == 1:
        return "one_answer"
    return "at_chance" if run.accuracy < 0.15 else "too_little"


def how_it_answers(run: Run) -> str:
    counts = run.digits[run.digits >= 0].bincount(minlength=10).tolist()
    text = f"{run.accuracy:.1%} right; the answers 0 to 9 come {counts} times (100 each are right)"
    if run.out.shape[1] == 1:
        text += f"; numbers {run.out.mean():.2f} on average, spread {run.out.std():.2f}"
    return text + f"; predict gave {shape(run.out)}"
