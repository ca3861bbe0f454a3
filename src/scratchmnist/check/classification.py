"""Ten scores: one-hot targets, softmax, cross-entropy and its gradient, accuracy.

The wrong variants are written to be wrong. Shapes: B images, K classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from scratchmnist.check.kinds import Exercise, Round, bug, some
from scratchmnist.data import one_hot as ones_at
from scratchmnist.losses import log_softmax
from scratchmnist.losses import log_sum_exp as stable_log_sum_exp
from scratchmnist.losses import softmax as stable_softmax

ENCODING = "one-layer-classifier"
SOFTMAX = "scores-to-probabilities#eq-softmax"
LOG_SUM_EXP = "scores-to-probabilities#eq-log-sum-exp"
LARGEST_OUT = "scores-to-probabilities#eq-lse-max"
SHIFT = "derivatives-of-softmax#eq-lse-shift"
CROSS_ENTROPY = "scores-to-probabilities#eq-cross-entropy"
P_MINUS_Y = "scores-to-probabilities#eq-p-minus-y"
BROKEN = "scores-to-probabilities"
ACCURACY = "pictures-as-tensors"
BROADCAST = "digit-as-a-number#eq-broadcast-bug"


# --- scores that are hard -------------------------------------------------------------------------


def near(height: float, *shape: int, seed: int) -> Tensor:
    """Scores close to one another, but far from 0."""
    return height + some(*shape, seed=seed)


def at_heights(seed: int) -> Tensor:
    """Three rows of ordinary scores, one lifted by 1000, one lowered by 1000: [3, 4]."""
    return some(3, 4, seed=seed) + torch.tensor([[1000.0], [0.0], [-1000.0]])


def far_apart(seed: int) -> Tensor:
    """Within each row scores a thousand apart: [3, 4]."""
    return some(3, 4, seed=seed) + torch.tensor(
        [[0.0, 1000.0, 0.0, 0.0], [0.0, 0.0, 0.0, -1000.0], [1000.0, 0.0, -1000.0, 0.0]]
    )


ORDINARY = (some(5, 4, seed=1), some(3, 7, seed=2))
EXTREME = (near(1000, 5, 4, seed=3), near(-1000, 3, 7, seed=4), at_heights(seed=5))
ALONE = (some(1, 4, seed=6),)


def each(*tensors: Tensor) -> tuple[tuple[Tensor], ...]:
    return tuple((tensor,) for tensor in tensors)


def naive_softmax(logits, axis=-1):
    return logits.exp() / logits.exp().sum(axis, keepdim=True)


def one_maximum_softmax(logits):
    shifted = (logits - logits.max()).exp()
    return shifted / shifted.sum(-1, keepdim=True)


def column_softmax(logits):
    return stable_softmax(logits.T).T


# --- one-hot --------------------------------------------------------------------------------------


def filled_rows(labels, classes):
    """What `out[labels] = 1` does."""
    out = torch.zeros(len(labels), classes)
    out[labels] = 1
    return out


def filled_columns(labels, classes):
    """What `out[:, labels] = 1` does."""
    out = torch.zeros(len(labels), classes)
    out[:, labels] = 1
    return out


one_hot = Exercise(
    name="one_hot",
    arguments=("labels", "classes"),
    outputs=("targets",),
    reference=ones_at,
    rounds=(
        Round(
            "7 labels of 6 classes, one of which does not occur, and 4 of 10",
            (
                (torch.tensor([3, 0, 1, 4, 4, 2, 1]), 6),
                (torch.tensor([2, 3, 1, 2]), 10),
            ),
        ),
        Round("one label", ((torch.tensor([1]), 3),)),
    ),
    bugs=(
        bug(
            "transposed",
            "It is transposed: rows are images, columns are classes, [B, K].",
            ENCODING,
            lambda labels, classes: ones_at(labels, classes).T,
        ),
        bug(
            "counted_from_one",
            "The 1 stands one column off: the digit 0 has column 0.",
            ENCODING,
            lambda labels, classes: ones_at(labels, classes).roll(1, 1),
            lambda labels, classes: ones_at(labels, classes).roll(-1, 1),
            lambda labels, classes: ones_at(labels, classes + 1).roll(1, 1),
        ),
        bug(
            "as_many_as_occur",
            "The number of columns is taken from the largest label that occurs: a batch without "
            "the last class gets too few. Use `classes`.",
            ENCODING,
            lambda labels, classes: ones_at(labels, int(labels.max()) + 1),
        ),
        bug(
            "up_to_the_label",
            "The row is filled with ones up to the label (`<=`): only the label's own column "
            "gets a 1 (`==`).",
            ENCODING,
            lambda labels, classes: (torch.arange(classes) <= labels[:, None]).float(),
            lambda labels, classes: (torch.arange(classes) < labels[:, None]).float(),
        ),
        bug(
            "from_the_label",
            "The row is filled with ones from the label on: only the label's own column gets a 1 "
            "(`==`).",
            ENCODING,
            lambda labels, classes: (torch.arange(classes) >= labels[:, None]).float(),
            lambda labels, classes: (torch.arange(classes) > labels[:, None]).float(),
        ),
        bug(
            "inverted",
            "Zeros and ones are exchanged (`!=` for `==`).",
            ENCODING,
            lambda labels, classes: 1 - ones_at(labels, classes),
        ),
        bug(
            "all_zeros",
            "All entries are 0: the ones were written into a copy (`out[rows][labels] = 1`), or "
            "not at all.",
            ENCODING,
            lambda labels, classes: torch.zeros(len(labels), classes),
        ),
        bug(
            "whole_rows",
            "`out[labels] = 1` fills whole rows: one entry in each row is "
            "`out[torch.arange(B), labels] = 1`.",
            ENCODING,
            filled_rows,
        ),
        bug(
            "whole_columns",
            "`out[:, labels] = 1` fills whole columns: one entry in each row is "
            "`out[torch.arange(B), labels] = 1`.",
            ENCODING,
            filled_columns,
        ),
        bug(
            "label_for_one",
            "The label itself stands in its column, where a 1 should stand.",
            ENCODING,
            lambda labels, classes: ones_at(labels, classes) * labels[:, None],
        ),
        bug(
            "last_label_only",
            "Only one image has its 1: the loop makes the zeros anew for each image, or returns "
            "too early.",
            ENCODING,
            lambda labels, classes: (
                ones_at(labels, classes) * (torch.arange(len(labels)) == len(labels) - 1)[:, None]
            ),
            lambda labels, classes: (
                ones_at(labels, classes) * (torch.arange(len(labels)) == 0)[:, None]
            ),
        ),
    ),
)


# --- softmax --------------------------------------------------------------------------------------


softmax = Exercise(
    name="softmax",
    arguments=("logits",),
    outputs=("probabilities",),
    reference=stable_softmax,
    rounds=(
        Round("5 x 4 and 3 x 7 scores", each(*ORDINARY)),
        Round("scores near 1000 and -1000", each(*EXTREME), extreme=True),
        Round("one image", each(*ALONE)),
    ),
    bugs=(
        bug(
            "columns",
            "This is the softmax of each column: the sum runs over the batch (axis 0), where it "
            "should run over the classes (axis 1).",
            SOFTMAX,
            column_softmax,
        ),
        bug(
            "whole_batch",
            "The exponentials are divided by their sum over the whole batch: each row has a sum "
            "of its own.",
            SOFTMAX,
            lambda logits: logits.exp() / logits.exp().sum(),
        ),
        bug(
            "overflow",
            "`exp` of a large score overflows, and inf / inf is not a number: take each row's "
            "largest score out first.",
            LARGEST_OUT,
            naive_softmax,
        ),
        bug(
            "one_maximum",
            "One maximum is taken out for the whole batch: rows far below it vanish, 0 / 0. Each "
            "row needs its own.",
            BROKEN,
            one_maximum_softmax,
        ),
        bug(
            "largest_of_each_column",
            "The largest score of each column is taken out, which changes the softmax of the "
            "rows: it must be the same number along a row (axis 1).",
            LARGEST_OUT,
            lambda logits: naive_softmax(logits - logits.amax(0, keepdim=True)),
        ),
        bug(
            "logarithms",
            "These are the logarithms of the probabilities: leave the logarithm out.",
            SOFTMAX,
            log_softmax,
        ),
        bug(
            "not_divided",
            "The exponentials are not divided by their sum, so that no row adds up to 1.",
            SOFTMAX,
            lambda logits: logits.exp(),
            lambda logits: (logits - logits.amax(-1, keepdim=True)).exp(),
            lambda logits: (logits - logits.max()).exp(),
        ),
        bug(
            "twice",
            "The softmax is taken twice: probabilities go through it again as if they were scores.",
            SOFTMAX,
            lambda logits: stable_softmax(stable_softmax(logits)),
        ),
        bug(
            "no_exp",
            "The scores themselves are divided by their sum: `exp` is missing.",
            SOFTMAX,
            lambda logits: logits / logits.sum(-1, keepdim=True),
        ),
        bug(
            "minus",
            "The scores have the wrong sign: the largest gets the smallest probability.",
            SOFTMAX,
            lambda logits: stable_softmax(-logits),
        ),
        bug(
            "sigmoid",
            "Each score is squashed by itself (a sigmoid): in a softmax the scores of a row "
            "compete, and the row adds up to 1.",
            SOFTMAX,
            lambda logits: 1 / (1 + (-logits).exp()),
        ),
        bug(
            "largest_only",
            "The largest score gets a 1 and the rest 0: that is the decision, not the "
            "probabilities.",
            SOFTMAX,
            lambda logits: ones_at(logits.argmax(-1), logits.shape[-1]),
        ),
        bug(
            "mean_for_sum",
            "The exponentials are divided by their mean, where they should be divided by their "
            "sum.",
            SOFTMAX,
            lambda logits: stable_softmax(logits) * logits.shape[-1],
        ),
        bug(
            "base_two",
            "These are powers of 2: the exponential function has base e, `exp`.",
            SOFTMAX,
            lambda logits: stable_softmax(logits * math.log(2)),
        ),
        bug(
            "squeezed",
            "The batch axis got lost for a batch of one image (`squeeze`): [1, K] stays [1, K].",
            SOFTMAX,
            lambda logits: stable_softmax(logits).squeeze(),
        ),
    ),
)


log_sum_exp = Exercise(
    name="log_sum_exp",
    arguments=("logits",),
    outputs=("log_sum",),
    reference=stable_log_sum_exp,
    rounds=(
        Round("5 x 4 and 3 x 7 scores", each(*ORDINARY)),
        Round("scores near 1000 and -1000", each(*EXTREME), extreme=True),
    ),
    tidy=lambda seen: seen[:, None] if seen.dim() == 1 else seen,  # [B] is as good as [B, 1]
    bugs=(
        bug(
            "columns",
            "The sum runs over the batch (axis 0), where it should run over the classes (axis 1): "
            "one number for each image.",
            LOG_SUM_EXP,
            lambda logits: stable_log_sum_exp(logits.T),
            lambda logits: stable_log_sum_exp(logits.T).T,
        ),
        bug(
            "whole_batch",
            "The sum runs over the whole batch: each image has a sum of its own.",
            LOG_SUM_EXP,
            lambda logits: logits.exp().sum().log(),
        ),
        bug(
            "overflow",
            "`exp` of a large score overflows to inf, and of a very low one is 0, whose logarithm "
            "is -inf: take each row's largest score out first.",
            LARGEST_OUT,
            lambda logits: logits.exp().sum(-1, keepdim=True).log(),
        ),
        bug(
            "largest_not_put_back",
            "The largest score was taken out and not put back: log-sum-exp moves along with its "
            "scores.",
            SHIFT,
            lambda logits: stable_log_sum_exp(logits - logits.amax(-1, keepdim=True)),
            lambda logits: stable_log_sum_exp(logits - logits.max()),
        ),
        bug(
            "largest_subtracted",
            "The largest score is subtracted at the end, where it should be added back.",
            SHIFT,
            lambda logits: stable_log_sum_exp(logits) - 2 * logits.amax(-1, keepdim=True),
        ),
        bug(
            "one_maximum",
            "One maximum is taken out for the whole batch: rows far below it vanish, and log(0) is "
            "-inf. Each row needs its own.",
            BROKEN,
            lambda logits: (logits - logits.max()).exp().sum(-1, keepdim=True).log() + logits.max(),
        ),
        bug(
            "no_log",
            "The logarithm is missing: this is the sum of the exponentials.",
            LOG_SUM_EXP,
            lambda logits: logits.exp().sum(-1, keepdim=True),
        ),
        bug(
            "log_inside",
            "The logarithm is taken before the sum, where it undoes `exp`: this is the sum of the "
            "scores.",
            LOG_SUM_EXP,
            lambda logits: logits.sum(-1, keepdim=True),
        ),
        bug(
            "mean_for_sum",
            "The exponentials are averaged; they should be added up.",
            LOG_SUM_EXP,
            lambda logits: stable_log_sum_exp(logits) - math.log(logits.shape[-1]),
        ),
        bug(
            "minus",
            "The sign is reversed.",
            LOG_SUM_EXP,
            lambda logits: -stable_log_sum_exp(logits),
        ),
        bug(
            "largest_alone",
            "This is the largest score alone: the logarithm of the sum of the rest is missing.",
            LARGEST_OUT,
            lambda logits: logits.amax(-1, keepdim=True),
        ),
        bug(
            "every_score",
            "The result is subtracted from the scores already: this is log-softmax.",
            LOG_SUM_EXP,
            log_softmax,
        ),
    ),
)


# --- cross-entropy --------------------------------------------------------------------------------


def surprise(log_probs, targets):
    """Minus the log-probability of the right class, averaged. A 0 in targets silences inf."""
    return -torch.where(targets > 0, log_probs, 0.0).sum() / len(targets)


def mean_surprise(logits, targets):
    return surprise(log_softmax(logits), targets)


def by_product(log_probs, targets):
    """As most write it: 0 times -inf is not a number."""
    return -(log_probs * targets).sum() / len(targets)


def targets_for(*logits: Tensor, shift: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Each with one-hot targets whose classes are in no simple order."""
    return tuple(
        (one, ones_at(torch.arange(len(one)).mul(3).add(shift) % one.shape[1], one.shape[1]))
        for one in logits
    )


POSITIVE = some(5, 4, seed=8).abs()
ORDINARY_PAIRS = targets_for(POSITIVE, *ORDINARY, shift=1)
EXTREME_PAIRS = targets_for(*EXTREME, shift=2)
FAR_PAIRS = targets_for(far_apart(seed=7), shift=0)
EPSILONS = [10.0**-k for k in range(1, 31)] + [2.0**-23, 2.0**-24, 2.0**-52]


cross_entropy = Exercise(
    name="cross_entropy",
    arguments=("logits", "targets"),
    outputs=("loss",),
    reference=mean_surprise,
    rounds=(
        Round("5 x 4 and 3 x 7 scores", ORDINARY_PAIRS),
        Round("scores near 1000 and -1000", EXTREME_PAIRS, extreme=True),
        Round("scores 1000 apart", FAR_PAIRS, extreme=True),
    ),
    bugs=(
        bug(
            "no_minus",
            "The minus is missing: the logarithm of a probability is negative, a surprise is "
            "positive.",
            CROSS_ENTROPY,
            lambda logits, targets: -mean_surprise(logits, targets),
        ),
        bug(
            "sum_for_mean",
            "The surprises are added up, but not divided by the B images.",
            CROSS_ENTROPY,
            lambda logits, targets: len(logits) * mean_surprise(logits, targets),
        ),
        bug(
            "divided_by_classes_too",
            "The mean runs over all B K entries: each image has one right class, so divide by B "
            "only.",
            CROSS_ENTROPY,
            lambda logits, targets: mean_surprise(logits, targets) / logits.shape[1],
        ),
        bug(
            "divided_by_classes",
            "The sum is divided by the K classes, where it should be divided by the B images.",
            CROSS_ENTROPY,
            lambda logits, targets: mean_surprise(logits, targets) * len(logits) / logits.shape[1],
        ),
        bug(
            "columns",
            "The softmax runs over the batch (axis 0), where it should run over the classes "
            "(axis 1).",
            SOFTMAX,
            lambda logits, targets: surprise(column_softmax(logits).log(), targets),
        ),
        bug(
            "softmax_twice",
            "The softmax is taken twice: cross-entropy takes logits, and turns them into "
            "probabilities itself.",
            CROSS_ENTROPY,
            lambda logits, targets: mean_surprise(stable_softmax(logits), targets),
        ),
        bug(
            "overflow",
            "`exp` of a large score overflows, or all of a row's vanish: take each row's largest "
            "score out first.",
            LARGEST_OUT,
            lambda logits, targets: by_product(naive_softmax(logits).log(), targets),
            lambda logits, targets: surprise(naive_softmax(logits).log(), targets),
            lambda logits, targets: surprise(
                logits - logits.exp().sum(-1, keepdim=True).log(), targets
            ),
            lambda logits, targets: by_product(
                logits - logits.exp().sum(-1, keepdim=True).log(), targets
            ),
            *(
                lambda logits, targets, form=form, eps=eps: form(
                    (naive_softmax(logits) + eps).log(), targets
                )
                for form in (by_product, surprise)
                for eps in EPSILONS[5:]
            ),
        ),
        bug(
            "one_maximum",
            "One maximum is taken out for the whole batch: rows far below it vanish. Each row "
            "needs its own.",
            BROKEN,
            lambda logits, targets: by_product(one_maximum_softmax(logits).log(), targets),
            lambda logits, targets: surprise(one_maximum_softmax(logits).log(), targets),
        ),
        bug(
            "log_of_zero",
            "A probability was rounded to 0 before its logarithm was taken: compute the logarithm "
            "in one go, as score minus log-sum-exp.",
            LOG_SUM_EXP,
            lambda logits, targets: by_product(stable_softmax(logits).log(), targets),
            lambda logits, targets: surprise(stable_softmax(logits).log(), targets),
            lambda logits, targets: surprise(stable_softmax(logits).log().nan_to_num(), targets),
        ),
        bug(
            "epsilon",
            "A small number was added to the probability (or the probability was kept above it): "
            "no surprise can be larger than minus its logarithm, and p - y is no longer the "
            "gradient.",
            BROKEN,
            *(
                lambda logits, targets, eps=eps: surprise(
                    (stable_softmax(logits) + eps).log(), targets
                )
                for eps in EPSILONS
            ),
            *(
                lambda logits, targets, eps=eps: surprise(
                    stable_softmax(logits).clamp(min=eps).log(), targets
                )
                for eps in EPSILONS
            ),
        ),
        bug(
            "no_log",
            "The logarithm is missing: this is the mean probability of the right class.",
            CROSS_ENTROPY,
            lambda logits, targets: surprise(stable_softmax(logits), targets),
            lambda logits, targets: -surprise(stable_softmax(logits), targets),
            lambda logits, targets: 1 + surprise(stable_softmax(logits), targets),
        ),
        bug(
            "no_softmax",
            "The scores are used as if they were log-probabilities: log-sum-exp is not subtracted.",
            CROSS_ENTROPY,
            lambda logits, targets: surprise(logits, targets),
            lambda logits, targets: -surprise(logits, targets),
        ),
        bug(
            "log_of_scores",
            "The logarithm is taken of the scores themselves: softmax comes first.",
            CROSS_ENTROPY,
            lambda logits, targets: by_product(logits.log(), targets),
            lambda logits, targets: surprise(logits.log(), targets),
        ),
        bug(
            "squared_error",
            "This is the mean squared error of the probabilities.",
            CROSS_ENTROPY,
            lambda logits, targets: (stable_softmax(logits) - targets).square().mean(),
            lambda logits, targets: (stable_softmax(logits) - targets).square().sum() / len(logits),
        ),
        bug(
            "wrong_classes_too",
            "The wrong classes are counted too, with log(1 - p), as if each class were a question "
            "of its own: in cross-entropy only the right class counts.",
            CROSS_ENTROPY,
            *(
                lambda logits, targets, k=k: (
                    (
                        mean_surprise(logits, targets)
                        + surprise((1 - stable_softmax(logits)).log(), 1 - targets)
                    )
                    / (logits.shape[1] if k else 1)
                )
                for k in (0, 1)
            ),
        ),
        bug(
            "log_sum_alone",
            "This is log-sum-exp alone: the right class's score has to be subtracted from it.",
            LOG_SUM_EXP,
            lambda logits, targets: stable_log_sum_exp(logits).mean(),
        ),
        bug(
            "not_averaged",
            "The surprises come back one by one: the mean over the batch is missing.",
            CROSS_ENTROPY,
            lambda logits, targets: -(targets * log_softmax(logits)).sum(1),
            lambda logits, targets: -(targets * log_softmax(logits)).sum(1, keepdim=True),
            lambda logits, targets: -(targets * log_softmax(logits)),
        ),
        bug(
            "bits",
            "The logarithm has base 2 (or 10): this book measures surprise with the natural "
            "logarithm, `log`.",
            CROSS_ENTROPY,
            lambda logits, targets: mean_surprise(logits, targets) / math.log(2),
            lambda logits, targets: mean_surprise(logits, targets) / math.log(10),
        ),
        bug(
            "largest_class",
            "The surprise is that of the class with the largest score: the targets are not used.",
            CROSS_ENTROPY,
            lambda logits, targets: -log_softmax(logits).amax(1).mean(),
        ),
        bug(
            "every_class",
            "The log-probabilities of all classes are averaged: only the right class's counts, "
            "which the targets pick out.",
            CROSS_ENTROPY,
            lambda logits, targets: -log_softmax(logits).mean(),
            lambda logits, targets: -log_softmax(logits).sum(1).mean(),
        ),
    ),
)


def p_minus_y(logits, targets):
    return (stable_softmax(logits) - targets) / len(logits)


cross_entropy_gradient = Exercise(
    name="cross_entropy_gradient",
    arguments=("logits", "targets"),
    outputs=("d_logits",),
    reference=p_minus_y,
    rounds=(
        Round("5 x 4 and 3 x 7 scores", ORDINARY_PAIRS),
        Round("scores near 1000 and -1000", EXTREME_PAIRS, extreme=True),
    ),
    bugs=(
        bug(
            "not_divided",
            "The gradient is not divided by the B images of the mean: it is B times too large.",
            P_MINUS_Y,
            lambda logits, targets: stable_softmax(logits) - targets,
        ),
        bug(
            "minus",
            "This is y - p: the gradient is p - y, and the minus of gradient descent comes with "
            "the step.",
            P_MINUS_Y,
            lambda logits, targets: -p_minus_y(logits, targets),
        ),
        bug(
            "no_targets",
            "These are the probabilities: the targets have to be subtracted.",
            P_MINUS_Y,
            lambda logits, targets: stable_softmax(logits) / len(logits),
            lambda logits, targets: stable_softmax(logits),
        ),
        bug(
            "divided_by_classes",
            "It is divided by the K classes, where it should be divided by the B images.",
            P_MINUS_Y,
            lambda logits, targets: (stable_softmax(logits) - targets) / logits.shape[1],
        ),
        bug(
            "divided_by_classes_too",
            "It is divided by B K: the loss is a mean over the B images only.",
            P_MINUS_Y,
            lambda logits, targets: p_minus_y(logits, targets) / logits.shape[1],
        ),
        bug(
            "columns",
            "The softmax runs over the batch (axis 0), where it should run over the classes "
            "(axis 1).",
            SOFTMAX,
            lambda logits, targets: (column_softmax(logits) - targets) / len(logits),
        ),
        bug(
            "entry_by_entry",
            "Softmax is treated as if each probability depended on its own score alone, with the "
            "slope p (1 - p): every score moves every probability of its row.",
            P_MINUS_Y,
            lambda logits, targets: p_minus_y(logits, targets) * targets,
        ),
        bug(
            "stops_at_probabilities",
            "This is the gradient with respect to the probabilities, -y / p: softmax's own "
            "derivative is missing.",
            P_MINUS_Y,
            lambda logits, targets: -targets / stable_softmax(logits) / len(logits),
            lambda logits, targets: -targets / stable_softmax(logits),
        ),
        bug(
            "no_softmax",
            "The scores stand where the probabilities belong: softmax is missing.",
            P_MINUS_Y,
            lambda logits, targets: (logits - targets) / len(logits),
            lambda logits, targets: logits - targets,
        ),
        bug(
            "log_probabilities",
            "The logarithms of the probabilities stand where the probabilities belong.",
            P_MINUS_Y,
            lambda logits, targets: (log_softmax(logits) - targets) / len(logits),
        ),
        bug(
            "softmax_twice",
            "The softmax is taken twice.",
            P_MINUS_Y,
            lambda logits, targets: (
                (stable_softmax(stable_softmax(logits)) - targets) / len(logits)
            ),
        ),
        bug(
            "averaged",
            "The gradient is averaged over the batch: each image's scores have a gradient of "
            "their own, [B, K].",
            P_MINUS_Y,
            lambda logits, targets: p_minus_y(logits, targets).sum(0),
            lambda logits, targets: p_minus_y(logits, targets).sum(0, keepdim=True),
            lambda logits, targets: p_minus_y(logits, targets).mean(),
        ),
        bug(
            "of_squared_error",
            "This is the gradient of a mean squared error of the scores: 2 (z - y) / (B K).",
            P_MINUS_Y,
            lambda logits, targets: 2 * (logits - targets) / targets.numel(),
            lambda logits, targets: 2 * (stable_softmax(logits) - targets) / targets.numel(),
        ),
        bug(
            "overflow",
            "`exp` of a large score overflows, or all of a row's vanish: take each row's largest "
            "score out first.",
            LARGEST_OUT,
            lambda logits, targets: (naive_softmax(logits) - targets) / len(logits),
        ),
        bug(
            "one_maximum",
            "One maximum is taken out for the whole batch: rows far below it vanish, 0 / 0. Each "
            "row needs its own.",
            BROKEN,
            lambda logits, targets: (one_maximum_softmax(logits) - targets) / len(logits),
        ),
    ),
)


# --- accuracy -------------------------------------------------------------------------------------


def share_right(out, labels):
    return (out.argmax(1) == labels).double().mean()


def scored(images: int, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Scores without ties, and labels: the best, the next, the worst, or any."""
    generator = torch.Generator().manual_seed(seed)
    out = torch.randint(-16, 17, (images, classes), generator=generator) / 4
    out += torch.rand(images, classes, generator=generator).argsort(1) / 64
    best, worst = out.argmax(1), out.argmin(1)
    kind = torch.randint(0, 6, (images,), generator=generator)
    labels = torch.randint(0, classes, (images,), generator=generator)
    labels = torch.where(kind == 4, worst, labels)
    labels = torch.where(kind == 3, (best + 1) % classes, labels)
    return out, torch.where(kind < 3, best, labels)


def all_right(images: int, classes: int, seed: int) -> tuple[Tensor, Tensor]:
    out, _ = scored(images, classes, seed)
    return out, out.argmax(1)


accuracy = Exercise(
    name="accuracy",
    arguments=("out", "labels"),
    outputs=("share",),
    reference=share_right,
    rounds=(
        # as many images as classes: there a mistaken axis makes no noise
        Round(
            "9 and 13 images with as many scores, some right and all right",
            (scored(9, 9, seed=8), scored(13, 13, seed=1008), all_right(7, 7, seed=3)),
        ),
        Round("11 images with 4 scores", (scored(11, 4, seed=2),)),
    ),
    bugs=(
        bug(
            "count",
            "This is the number of right answers: divide it by the number of images.",
            ACCURACY,
            lambda out, labels: share_right(out, labels) * len(labels),
        ),
        bug(
            "percent",
            "This is in per cent: the book's accuracy is a fraction between 0 and 1.",
            ACCURACY,
            lambda out, labels: share_right(out, labels) * 100,
        ),
        bug(
            "every_pair",
            "Predictions [B, 1] compared with labels [B] broadcast to [B, B]: every prediction is "
            "compared with every label.",
            BROADCAST,
            lambda out, labels: (out.argmax(1)[:, None] == labels).double().mean(),
        ),
        bug(
            "over_the_batch",
            "The largest score is looked for over the batch (axis 0), where it should be looked "
            "for over the classes (axis 1).",
            ACCURACY,
            lambda out, labels: share_right(out.T, labels),
        ),
        bug(
            "errors",
            "This is the share of wrong answers: count where the answer equals the label (`==`).",
            ACCURACY,
            lambda out, labels: 1 - share_right(out, labels),
        ),
        bug(
            "smallest",
            "The class with the smallest score is taken, where the largest should be.",
            ACCURACY,
            lambda out, labels: share_right(-out, labels),
        ),
        bug(
            "scores_compared",
            "No answer counts as right: scores (or the largest of them, `max`) are compared with "
            "the labels, where the position of the largest (`argmax`) should be.",
            ACCURACY,
            lambda out, labels: (out.amax(1) == labels).double().mean(),
            lambda out, labels: (out == labels).double().mean(),
        ),
        bug(
            "whole_division",
            "The fraction is cut to a whole number: `/` divides, `//` and `int()` cut.",
            ACCURACY,
            lambda out, labels: share_right(out, labels).floor(),
            lambda out, labels: share_right(out, labels).round(),
        ),
        bug(
            "divided_by_classes",
            "The number of right answers is divided by the K classes, where it should be divided "
            "by the B images.",
            ACCURACY,
            lambda out, labels: (out.argmax(1) == labels).double().sum() / out.shape[1],
        ),
        bug(
            "fixed_size",
            "The number of right answers is divided by a fixed batch size: the last batch may be "
            "shorter, so divide by `len(labels)`.",
            ACCURACY,
            *(
                lambda out, labels, size=size: (out.argmax(1) == labels).double().sum() / size
                for size in (8, 10, 16, 32, 50, 64, 100, 128, 256, 500, 512, 1000, 5000)
            ),
        ),
        bug(
            "counted_from_one",
            "The predicted digit is one off: position 0 is the digit 0.",
            ACCURACY,
            lambda out, labels: (out.argmax(1) + 1 == labels).double().mean(),
            lambda out, labels: (out.argmax(1) - 1 == labels).double().mean(),
        ),
        bug(
            "one_by_one",
            "The answers come back one by one: take the mean of right (1) and wrong (0).",
            ACCURACY,
            lambda out, labels: (out.argmax(1) == labels).double(),
        ),
        bug(
            "over_entries",
            "The number of right answers is divided by all B K entries of `out`: divide by the B "
            "images.",
            ACCURACY,
            lambda out, labels: share_right(out, labels) / out.shape[1],
        ),
        bug(
            "rounded_scores",
            "The scores are rounded to digits, as a regression's single output would be: with K "
            "scores the position of the largest is the digit.",
            ACCURACY,
            lambda out, labels: (out.round() == labels[:, None]).double().mean(),
            lambda out, labels: (out[:, 0].round() == labels).double().mean(),
        ),
    ),
)
