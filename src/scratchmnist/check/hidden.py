"""A hidden layer: ReLU, its gradient, and backpropagation through two layers.

The wrong variants are written to be wrong. Shapes: B images, D inputs, H hidden, K classes.
"""

from __future__ import annotations

import torch

from scratchmnist.check.classification import column_softmax, naive_softmax, targets_for
from scratchmnist.check.kinds import Exercise, Round, bug, some
from scratchmnist.losses import softmax

RELU = "hidden-layer#eq-relu"
TWO_LAYERS = "hidden-layer#eq-two-layers"
BACKPROP = "backpropagation#eq-backprop"
MASK = "backpropagation#eq-relu-gradient"
LINEAR_GRADIENTS = "digit-as-a-number#eq-linear-gradients"
P_MINUS_Y = "scores-to-probabilities#eq-p-minus-y"
LARGEST_OUT = "scores-to-probabilities#eq-lse-max"


relu = Exercise(
    name="relu",
    arguments=("x",),
    outputs=("out",),
    reference=lambda x: x.clamp(min=0),
    rounds=(
        Round(
            "numbers from -3 to 3, and 0",
            ((torch.cat([some(5, 3, seed=1), torch.zeros(1, 3)]),), (some(2, 7, seed=2),)),
        ),
    ),
    bugs=(
        bug(
            "absolute",
            "Negative numbers lose their sign; they should become 0.",
            RELU,
            lambda x: x.abs(),
        ),
        bug(
            "negative_kept",
            "The negative numbers are kept and the positive ones cut: it should be the other way "
            "round (`max` for `min`, `>` for `<`).",
            RELU,
            lambda x: x.clamp(max=0),
        ),
        bug(
            "sign_reversed",
            "This is the ReLU of -x.",
            RELU,
            lambda x: (-x).clamp(min=0),
        ),
        bug(
            "leaky",
            "Negative numbers are made small; ReLU makes them 0.",
            RELU,
            *(
                lambda x, slope=slope: torch.where(x > 0, x, slope * x)
                for slope in (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3)
            ),
        ),
        bug(
            "mask_alone",
            "This is the mask, 1 where x is positive: multiply x by it.",
            RELU,
            lambda x: (x > 0).float(),
            lambda x: (x >= 0).float(),
        ),
        bug(
            "kept_below_one",
            "Numbers above 1 are cut to 1: ReLU has no upper end.",
            RELU,
            lambda x: x.clamp(0, 1),
        ),
        bug(
            "cut_below_one",
            "Numbers below 1 are cut: the bend of ReLU is at 0.",
            RELU,
            lambda x: x.clamp(min=1),
            lambda x: torch.where(x > 1, x, 0.0),
        ),
        bug(
            "sigmoid",
            "This is the sigmoid, 1 / (1 + exp(-x)): ReLU leaves positive numbers as they are.",
            RELU,
            lambda x: 1 / (1 + (-x).exp()),
        ),
        bug(
            "softplus",
            "This is the smooth relative of ReLU, log(1 + exp(x)).",
            RELU,
            lambda x: (1 + x.exp()).log(),
        ),
        bug(
            "tanh",
            "This is the hyperbolic tangent: ReLU leaves positive numbers as they are.",
            RELU,
            lambda x: x.tanh(),
        ),
        bug(
            "negatives_dropped",
            "`x[x > 0]` drops the negative numbers and the shape with them: they should become 0, "
            "each in its place.",
            RELU,
            lambda x: x[x > 0],
        ),
        bug(
            "unchanged",
            "x comes back as it was.",
            RELU,
            lambda x: x,
        ),
    ),
)


def gate(x, d_out):
    return d_out * (x > 0)


relu_gradient = Exercise(
    name="relu_gradient",
    arguments=("x", "d_out"),
    outputs=("d_x",),
    reference=gate,
    rounds=(
        Round(
            "5 x 4 and 2 x 7 numbers of both signs",
            (
                (some(5, 4, seed=1), some(5, 4, seed=2)),
                (some(2, 7, seed=3), some(2, 7, seed=4)),
            ),
        ),
    ),
    bugs=(
        bug(
            "no_mask",
            "d_out passes everywhere: there is no mask, or it is always on (as `out >= 0` is, "
            "taken from what ReLU has already cut).",
            MASK,
            lambda x, d_out: d_out,
        ),
        bug(
            "mask_of_d_out",
            "The mask is taken from the sign of d_out, where it should be taken from the sign of "
            "x.",
            MASK,
            lambda x, d_out: d_out.clamp(min=0),
        ),
        bug(
            "both_masks",
            "Negative entries of d_out are cut as well: a gradient may have either sign.",
            MASK,
            lambda x, d_out: gate(x, d_out).clamp(min=0),
        ),
        bug(
            "mask_alone",
            "This is the mask alone: by the chain rule it multiplies d_out.",
            MASK,
            lambda x, d_out: (x > 0).float(),
        ),
        bug(
            "mask_inverted",
            "The mask is inverted: the gradient passes where x is positive.",
            MASK,
            lambda x, d_out: d_out * (x < 0),
        ),
        bug(
            "times_out",
            "d_out is multiplied by the ReLU's output, where the slope belongs, which is 1 or 0.",
            MASK,
            lambda x, d_out: d_out * x.clamp(min=0),
        ),
        bug(
            "times_x",
            "d_out is multiplied by x itself, where the slope belongs, which is 1 or 0.",
            MASK,
            lambda x, d_out: d_out * x,
        ),
        bug(
            "out_again",
            "This is the ReLU's output, not its gradient.",
            MASK,
            lambda x, d_out: x.clamp(min=0),
        ),
        bug(
            "relu_of_product",
            "The ReLU is applied to x * d_out: the mask depends on x alone.",
            MASK,
            lambda x, d_out: (x * d_out).clamp(min=0),
        ),
        bug(
            "of_the_absolute",
            "This is the gradient of |x|: to the left of 0 the slope of ReLU is 0, not -1.",
            MASK,
            lambda x, d_out: d_out * x.sign(),
        ),
        bug(
            "leaky",
            "A part of d_out passes where x is negative: there the slope of ReLU is 0.",
            MASK,
            *(
                lambda x, d_out, slope=slope: torch.where(x > 0, d_out, slope * d_out)
                for slope in (0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3)
            ),
        ),
        bug(
            "entries_dropped",
            "Picking with a mask, `d_out[x > 0]`, drops the other entries: they should become 0, "
            "each in its place.",
            MASK,
            lambda x, d_out: d_out[x > 0],
        ),
    ),
)


# --- backpropagation ------------------------------------------------------------------------------


GRADIENTS = ("d_W_1", "d_b_1", "d_W_2", "d_b_2")


def column_sum(d):
    return d.sum(0, keepdim=True)


def backpropagate(
    *inputs,
    relu=lambda z: z.clamp(min=0),
    scores=lambda z: z,
    d_scores=lambda z, y: (softmax(z) - y) / len(z),
    through=lambda W_2, d_W_2: W_2,
    gate=lambda z_1, a, d_a: d_a * (z_1 > 0),
    seen_by=lambda x, z_1, a: (x, a),
    add=lambda d, d_a: d,
    sum_up=column_sum,
    biases=(1, 1),
):
    """Two layers, forward and backward; each argument is a place where it can go wrong."""
    x, targets, W_1, b_1, W_2, b_2 = inputs
    z_1 = x @ W_1 + biases[0] * b_1  # [B, H]
    a = relu(z_1)  # [B, H]
    z_2 = scores(a @ W_2 + biases[1] * b_2)  # [B, K]
    d_z_2 = d_scores(z_2, targets)  # [B, K]
    first, second = seen_by(x, z_1, a)
    d_W_2 = second.T @ d_z_2  # [H, K]
    d_a = d_z_2 @ through(W_2, d_W_2).T  # [B, H]
    d_z_1 = gate(z_1, a, d_a)  # [B, H]
    d_b_1 = sum_up(add(d_z_1, d_a))  # [1, H]
    return first.T @ d_z_1, d_b_1, d_W_2, sum_up(d_z_2)


def with_(**places):
    return lambda *inputs: backpropagate(*inputs, **places)


def afterwards(**changes):
    """The right gradients, some of them changed: `change(right one, B)`."""

    def wrong(*inputs):
        right = dict(zip(GRADIENTS, backpropagate(*inputs), strict=True))
        batch = len(inputs[0])
        return tuple(changes[name](d, batch) if name in changes else d for name, d in right.items())

    return wrong


def all_of(change):
    return afterwards(**dict.fromkeys(GRADIENTS, change))


def in_order(*order):
    return lambda *inputs: tuple(backpropagate(*inputs)[k] for k in order)


def network(batch, inputs, hidden, classes, seed, height=0.0):
    """x, targets, W_1, b_1, W_2, b_2, with units on and off, and scores of a few units."""
    x, targets = targets_for(some(batch, inputs, seed=seed), shift=1)[0]
    _, targets = targets_for(torch.zeros(batch, classes), shift=1)[0]
    W_1, b_1 = some(inputs, hidden, seed=seed + 1) / 2, some(1, hidden, seed=seed + 2)
    W_2, b_2 = some(hidden, classes, seed=seed + 3) / 4, some(1, classes, seed=seed + 4) / 2
    return x, targets, W_1, b_1, W_2, b_2 + height


two_layer_gradients = Exercise(
    name="two_layer_gradients",
    arguments=("x", "targets", "W_1", "b_1", "W_2", "b_2"),
    outputs=GRADIENTS,
    reference=backpropagate,
    rounds=(
        Round(
            "5 images, 3 inputs, 4 hidden, 6 classes; 3 images, 6 inputs, 5 hidden, 4 classes",
            (network(5, 3, 4, 6, seed=1), network(3, 6, 5, 4, seed=11)),
        ),
        Round(
            "scores near 1000 and -1000",
            (network(5, 3, 4, 6, seed=1, height=1000), network(3, 6, 5, 4, seed=11, height=-1000)),
            extreme=True,
        ),
    ),
    order=(3, 2, 0, 1),
    bugs=(
        bug(
            "not_divided",
            "All four gradients are B times too large: p - y is not divided by B.",
            P_MINUS_Y,
            with_(d_scores=lambda z, y: softmax(z) - y),
        ),
        bug(
            "divided_twice",
            "The gradients are divided by B once too often: p - y has been divided already.",
            P_MINUS_Y,
            all_of(lambda d, batch: d / batch),
            afterwards(d_W_1=lambda d, batch: d / batch, d_W_2=lambda d, batch: d / batch),
        ),
        bug(
            "minus",
            "All four gradients have the wrong sign: y - p instead of p - y.",
            P_MINUS_Y,
            all_of(lambda d, batch: -d),
        ),
        bug(
            "no_mask",
            "d_W_1 and d_b_1 are what they would be without the ReLU's mask (or with one that is "
            "always on): multiply by z_1 > 0 on the way back.",
            BACKPROP,
            with_(gate=lambda z_1, a, d_a: d_a),
        ),
        bug(
            "mask_of_gradient",
            "The mask is taken from the sign of the gradient, where it should be taken from the "
            "sign of z_1.",
            BACKPROP,
            with_(gate=lambda z_1, a, d_a: d_a.clamp(min=0)),
        ),
        bug(
            "mask_inverted",
            "The mask is inverted: the gradient passes where z_1 is positive.",
            BACKPROP,
            with_(gate=lambda z_1, a, d_a: d_a * (z_1 < 0)),
        ),
        bug(
            "activation_for_mask",
            "The gradient is multiplied by the activations, where the mask belongs, which is 1 or "
            "0.",
            BACKPROP,
            with_(gate=lambda z_1, a, d_a: d_a * a),
            with_(gate=lambda z_1, a, d_a: d_a * z_1),
        ),
        bug(
            "bias_before_mask",
            "d_b_1 is taken before the mask: it is the sum of the same d_z_1 that d_W_1 is made "
            "of.",
            BACKPROP,
            with_(add=lambda d, d_a: d_a),
        ),
        bug(
            "before_relu",
            "d_W_2 is made with z_1, before the ReLU: the second layer sees the activations, "
            "after it.",
            BACKPROP,
            with_(seen_by=lambda x, z_1, a: (x, z_1)),
        ),
        bug(
            "one_layer_off",
            "The activations are off by one layer: d_W_1 is made with the first layer's input x, "
            "d_W_2 with the hidden activations.",
            BACKPROP,
            with_(seen_by=lambda x, z_1, a: (a, a)),
            with_(seen_by=lambda x, z_1, a: (x, x)),
            with_(seen_by=lambda x, z_1, a: (a, x)),
        ),
        bug(
            "no_relu",
            "There is no ReLU between the layers, neither forward nor backward.",
            TWO_LAYERS,
            with_(relu=lambda z: z, gate=lambda z_1, a, d_a: d_a),
            with_(relu=lambda z: z),
        ),
        bug(
            "relu_at_the_end",
            "There is a ReLU after the last layer too: scores may be negative.",
            TWO_LAYERS,
            with_(scores=lambda z: z.clamp(min=0)),
            with_(
                scores=lambda z: z.clamp(min=0),
                d_scores=lambda z, y: (softmax(z) - y) / len(z) * (z > 0),
            ),
        ),
        bug(
            "no_first_bias",
            "b_1 is not added on the way forward.",
            TWO_LAYERS,
            with_(biases=(0, 1)),
        ),
        bug(
            "no_second_bias",
            "b_2 is not added on the way forward.",
            TWO_LAYERS,
            with_(biases=(1, 0)),
        ),
        bug(
            "columns",
            "The softmax runs over the batch (axis 0), where it should run over the classes "
            "(axis 1).",
            "scores-to-probabilities#eq-softmax",
            with_(d_scores=lambda z, y: (column_softmax(z) - y) / len(z)),
        ),
        bug(
            "no_softmax",
            "The scores stand where the probabilities belong: softmax is missing.",
            P_MINUS_Y,
            with_(d_scores=lambda z, y: (z - y) / len(z)),
            with_(d_scores=lambda z, y: z - y),
        ),
        bug(
            "of_squared_error",
            "These are the gradients of the mean squared error, not of cross-entropy.",
            P_MINUS_Y,
            with_(d_scores=lambda z, y: 2 * (z - y) / y.numel()),
        ),
        bug(
            "entry_by_entry",
            "Softmax is treated as if each probability depended on its own score alone: every "
            "score moves every probability of its row.",
            P_MINUS_Y,
            with_(d_scores=lambda z, y: y * (softmax(z) - y) / len(z)),
        ),
        bug(
            "updated_too_early",
            "W_2 is changed before it carries the gradient back to the hidden layer: compute all "
            "gradients first, then update.",
            BACKPROP,
            *(
                with_(through=lambda W_2, d_W_2, lr=lr: W_2 - lr * d_W_2)
                for lr in (1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01)
            ),
        ),
        bug(
            "gradient_for_weights",
            "d_W_2 carries the gradient back, where W_2 itself should: d_a = d_z_2 @ W_2.T.",
            BACKPROP,
            with_(through=lambda W_2, d_W_2: d_W_2),
        ),
        bug(
            "biases_not_summed",
            "The gradients of the biases are not summed over the batch: one bias serves all "
            "images, so their gradients add up.",
            LINEAR_GRADIENTS,
            with_(sum_up=lambda d: d),
        ),
        bug(
            "biases_without_axis",
            "The sum over the batch dropped its axis, so the biases' gradients are [H] and [K]: "
            "`sum(0, keepdim=True)` gives [1, H] and [1, K], like the biases.",
            LINEAR_GRADIENTS,
            with_(sum_up=lambda d: d.sum(0)),
        ),
        bug(
            "biases_averaged",
            "The biases' gradients are means over the batch, where they should be sums: p - y has "
            "been divided by B already.",
            LINEAR_GRADIENTS,
            with_(sum_up=lambda d: d.mean(0, keepdim=True)),
            with_(sum_up=lambda d: d.mean(0)),
        ),
        bug(
            "biases_one_number",
            "The biases' gradients are summed over everything: only the batch is summed over.",
            LINEAR_GRADIENTS,
            with_(sum_up=lambda d: d.sum()),
        ),
        bug(
            "weights_transposed",
            "The gradient of the weights is transposed: it is (input).T @ d_out and has the shape "
            "of the weights.",
            LINEAR_GRADIENTS,
            afterwards(d_W_1=lambda d, _: d.T, d_W_2=lambda d, _: d.T),
            afterwards(d_W_1=lambda d, _: d.T),
            afterwards(d_W_2=lambda d, _: d.T),
        ),
        bug(
            "other_order",
            "The gradients are right, but in another order: return d_W_1, d_b_1, d_W_2, d_b_2.",
            BACKPROP,
            in_order(2, 3, 0, 1),
            in_order(0, 2, 1, 3),
            in_order(3, 2, 1, 0),
            in_order(2, 0, 3, 1),
            in_order(1, 0, 3, 2),
        ),
        bug(
            "overflow",
            "`exp` of a large score overflows, or all of a row's vanish: take each row's largest "
            "score out first.",
            LARGEST_OUT,
            with_(d_scores=lambda z, y: (naive_softmax(z) - y) / len(z)),
        ),
    ),
)
