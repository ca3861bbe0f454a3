"""All exercises, in the order of the book: what the checks, the command line and a table need."""

from __future__ import annotations

from collections.abc import Callable

from scratchmnist.check import judge
from scratchmnist.check.batches import examine_minibatches, minibatches
from scratchmnist.check.classification import (
    accuracy,
    cross_entropy,
    cross_entropy_gradient,
    log_sum_exp,
    one_hot,
    softmax,
)
from scratchmnist.check.hidden import relu, relu_gradient, two_layer_gradients
from scratchmnist.check.learning import examine_training, training
from scratchmnist.check.regression import (
    linear,
    linear_gradients,
    mean_squared_error,
    mse_gradient,
    sgd_step,
)

EXERCISES = {
    exercise.name: exercise
    for exercise in (
        linear,
        mean_squared_error,
        mse_gradient,
        linear_gradients,
        sgd_step,
        minibatches,
        one_hot,
        softmax,
        log_sum_exp,
        cross_entropy,
        cross_entropy_gradient,
        accuracy,
        relu,
        relu_gradient,
        two_layer_gradients,
        training,
    )
}
BY_OTHER_MEANS = {"minibatches": examine_minibatches, "training": examine_training}


def examine(name: str, f: Callable) -> str:
    """The line that says `f` is right and what was tried; or raises `Wrong`."""
    if name in BY_OTHER_MEANS:
        return BY_OTHER_MEANS[name](f)
    return judge.examine(EXERCISES[name], f)
