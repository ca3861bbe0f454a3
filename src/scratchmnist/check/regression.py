"""The digit as a number: a weighted sum, the mean squared error, and a step down.

The wrong variants are written to be wrong. Shapes: B images, D inputs, H outputs, K numbers.
"""

from __future__ import annotations

from itertools import permutations

import torch

from scratchmnist.check.kinds import Exercise, Round, bug, some

MSE = "digit-as-a-number#eq-mse"
MSE_GRADIENT = "digit-as-a-number#eq-mse-gradient"
LINEAR = "digit-as-a-number#eq-linear"
LINEAR_GRADIENTS = "digit-as-a-number#eq-linear-gradients"
BROADCAST = "digit-as-a-number#eq-broadcast-bug"
STEP = "digit-as-a-number#eq-sgd"


# --- mean squared error ---------------------------------------------------------------------------


def pairs_of_all(y_pred, y_true):
    """Every prediction minus every truth: [B, B]."""
    return y_pred.reshape(-1, 1) - y_true.reshape(1, -1)


def mean_square(y_pred, y_true):
    return (y_pred - y_true).square().mean()


def silent_broadcast(ask) -> list[str]:
    """Not an error of the function, but one that will be made with it."""
    y_pred, y_true = some(5, 1, seed=5), some(5, seed=6)
    answer = ask((y_pred, y_true))
    if answer["error"] is not None:
        return []
    all_pairs = pairs_of_all(y_pred, y_true).square().mean().item()
    try:
        silent = abs(float(answer["value"]) - all_pairs) < 1e-3
    except (TypeError, ValueError, RuntimeError):
        return []
    if not silent:
        return []
    return [
        "beware: given y_pred [5, 1] and y_true [5] it silently compares every prediction "
        "with every truth"
    ]


PREDICTIONS = (  # y_pred and y_true, for the loss and for its gradient
    Round(
        "columns of 5 and 7 numbers",
        (
            (some(5, 1, seed=1), some(5, 1, seed=2)),
            (some(7, 1, seed=3), some(7, 1, seed=4)),
        ),
    ),
    Round("5 rows of 3 numbers", ((some(5, 3, seed=5), some(5, 3, seed=6)),)),
)

mean_squared_error = Exercise(
    name="mean_squared_error",
    arguments=("y_pred", "y_true"),
    outputs=("loss",),
    reference=mean_square,
    rounds=PREDICTIONS,
    bugs=(
        bug(
            "sum_for_mean",
            "The squares are added up, but not divided by how many there are: it is B K times "
            "the mean.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).square().sum(),
        ),
        bug(
            "every_pair",
            "A column [B, 1] minus a row [B] broadcasts to [B, B]: every prediction is compared "
            "with every truth.",
            BROADCAST,
            lambda y_pred, y_true: pairs_of_all(y_pred, y_true).square().mean(),
        ),
        bug(
            "root",
            "A square root is taken at the end: this is the root of the mean squared error.",
            MSE,
            lambda y_pred, y_true: mean_square(y_pred, y_true).sqrt(),
        ),
        bug(
            "half",
            "It is half the mean of the squares: a factor 1/2, which some texts put in front, is "
            "not in this book's definition.",
            MSE,
            lambda y_pred, y_true: mean_square(y_pred, y_true) / 2,
        ),
        bug(
            "absolute",
            "The differences are made positive, but not squared: this is the mean absolute error.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).abs().mean(),
        ),
        bug(
            "not_squared",
            "The differences are averaged without being squared, so that positive and negative "
            "ones cancel.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).mean(),
            lambda y_pred, y_true: (y_true - y_pred).mean(),
        ),
        bug(
            "mean_before_square",
            "The mean is taken first and squared afterwards: square each difference, then take "
            "the mean.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).mean().square(),
        ),
        bug(
            "difference_of_squares",
            "Each number is squared before the difference is taken: subtract first, then square.",
            MSE,
            lambda y_pred, y_true: (y_pred.square() - y_true.square()).mean(),
            lambda y_pred, y_true: (y_true.square() - y_pred.square()).mean(),
        ),
        bug(
            "not_averaged",
            "The squares come back one by one: the mean over the batch is missing.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).square(),
            lambda y_pred, y_true: (y_pred - y_true).square().flatten(),
        ),
        bug(
            "minus",
            "The loss has the wrong sign: squares are positive, and so is their mean.",
            MSE,
            lambda y_pred, y_true: -mean_square(y_pred, y_true),
        ),
        bug(
            "one_too_few",
            "The sum is divided by one less than the number of terms, as for the variance of a "
            "sample.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).square().sum() / (y_pred.numel() - 1),
        ),
        bug(
            "only_over_batch",
            "The sum is divided by the B rows only: the mean also runs over the K numbers of "
            "each row.",
            MSE,
            lambda y_pred, y_true: (y_pred - y_true).square().sum() / len(y_pred),
            lambda y_pred, y_true: (y_pred - y_true).square().mean(0),
        ),
    ),
    remarks=silent_broadcast,
)


def residual_gradient(y_pred, y_true):
    return 2 * (y_pred - y_true) / y_pred.numel()


mse_gradient = Exercise(
    name="mse_gradient",
    arguments=("y_pred", "y_true"),
    outputs=("d_y_pred",),
    reference=residual_gradient,
    rounds=PREDICTIONS,
    bugs=(
        bug(
            "not_divided",
            "The gradient is not divided by the number of terms in the mean, B K.",
            MSE_GRADIENT,
            lambda y_pred, y_true: 2 * (y_pred - y_true),
        ),
        bug(
            "no_two",
            "The factor 2, which comes from the derivative of the square, is missing.",
            MSE_GRADIENT,
            lambda y_pred, y_true: residual_gradient(y_pred, y_true) / 2,
        ),
        bug(
            "residual_alone",
            "This is the residual itself: the factor 2 is missing, and the division by B K.",
            MSE_GRADIENT,
            lambda y_pred, y_true: y_pred - y_true,
        ),
        bug(
            "minus",
            "The sign is reversed: the residual is y_pred - y_true, not y_true - y_pred. (The "
            "gradient points uphill; the minus of gradient descent comes with the step.)",
            MSE_GRADIENT,
            lambda y_pred, y_true: -residual_gradient(y_pred, y_true),
        ),
        bug(
            "loss_for_residual",
            "The loss stands where the residual belongs: every prediction gets the same gradient.",
            MSE_GRADIENT,
            lambda y_pred, y_true: torch.full_like(
                y_pred, 2 * mean_square(y_pred, y_true).item() / y_pred.numel()
            ),
            lambda y_pred, y_true: 2 * mean_square(y_pred, y_true) / y_pred.numel(),
        ),
        bug(
            "squares",
            "The residuals are still squared: the derivative of r^2 is 2 r.",
            MSE_GRADIENT,
            lambda y_pred, y_true: 2 * (y_pred - y_true).square() / y_pred.numel(),
            lambda y_pred, y_true: (y_pred - y_true).square() / y_pred.numel(),
        ),
        bug(
            "of_the_root",
            "This is the gradient of the root of the mean squared error.",
            MSE_GRADIENT,
            lambda y_pred, y_true: (
                residual_gradient(y_pred, y_true) / mean_square(y_pred, y_true).sqrt() / 2
            ),
        ),
        bug(
            "of_the_absolute",
            "Only the signs of the residuals are left: this is the gradient of the mean absolute "
            "error.",
            MSE_GRADIENT,
            lambda y_pred, y_true: (y_pred - y_true).sign() / y_pred.numel(),
        ),
        bug(
            "averaged",
            "The gradient is averaged into one number: each prediction has a gradient of its own.",
            MSE_GRADIENT,
            lambda y_pred, y_true: (2 * (y_pred - y_true)).mean(),
            lambda y_pred, y_true: residual_gradient(y_pred, y_true).mean(),
            lambda y_pred, y_true: residual_gradient(y_pred, y_true).mean(0),
        ),
        bug(
            "every_pair",
            "A column [B, 1] minus a row [B] broadcasts to [B, B]: every prediction is compared "
            "with every truth.",
            BROADCAST,
            lambda y_pred, y_true: 2 * pairs_of_all(y_pred, y_true) / y_pred.numel(),
            lambda y_pred, y_true: 2 * pairs_of_all(y_pred, y_true) / y_pred.numel() ** 2,
            lambda y_pred, y_true: 2 * pairs_of_all(y_pred, y_true).mean(1, True) / len(y_pred),
            lambda y_pred, y_true: 2 * pairs_of_all(y_pred, y_true),
        ),
        bug(
            "only_over_batch",
            "It is divided by the B rows only: the mean also runs over the K numbers of each row.",
            MSE_GRADIENT,
            lambda y_pred, y_true: 2 * (y_pred - y_true) / len(y_pred),
        ),
    ),
)


# --- the weighted sum -----------------------------------------------------------------------------


def weighted_sums(x, weights, bias):
    return x @ weights + bias


linear = Exercise(
    name="linear",
    arguments=("x", "weights", "bias"),
    outputs=("out",),
    reference=weighted_sums,
    rounds=(
        Round(
            "5 images of 3 numbers and 2 of 6, with 4 and 3 outputs",
            (
                (some(5, 3, seed=1), some(3, 4, seed=2), some(1, 4, seed=3)),
                (some(2, 6, seed=4), some(6, 3, seed=5), some(1, 3, seed=6)),
            ),
        ),
        Round(
            "one image, one output", ((some(1, 4, seed=7), some(4, 1, seed=8), some(1, 1, seed=9)),)
        ),
    ),
    bugs=(
        bug(
            "no_bias",
            "The bias is not added.",
            LINEAR,
            lambda x, weights, bias: x @ weights,
        ),
        bug(
            "minus_bias",
            "The bias is subtracted; it should be added.",
            LINEAR,
            lambda x, weights, bias: x @ weights - bias,
        ),
        bug(
            "bias_in_the_sum",
            "The bias is added once for each of the D inputs: add it once, after the sum.",
            LINEAR,
            lambda x, weights, bias: x @ weights + x.shape[1] * bias,
        ),
        bug(
            "result_transposed",
            "The result is transposed: rows are images, columns are outputs, [B, H].",
            LINEAR,
            lambda x, weights, bias: weighted_sums(x, weights, bias).T,
        ),
        bug(
            "relu_inside",
            "Negative results are cut to 0: a linear layer keeps them.",
            LINEAR,
            lambda x, weights, bias: weighted_sums(x, weights, bias).clamp(min=0),
        ),
        bug(
            "mean_for_sum",
            "The products are averaged over the D inputs; they should be added up.",
            LINEAR,
            lambda x, weights, bias: x @ weights / x.shape[1] + bias,
        ),
        bug(
            "last_term_only",
            "Only the last input counts: the loop sets the sum anew (`=`) where it should add "
            "(`+=`).",
            LINEAR,
            lambda x, weights, bias: x[:, -1:] * weights[-1:] + bias,
        ),
        bug(
            "first_image_only",
            "Every row is the result of one and the same image: the loop over the images uses a "
            "fixed row of x.",
            LINEAR,
            lambda x, weights, bias: weighted_sums(x[:1], weights, bias).repeat(len(x), 1),
            lambda x, weights, bias: weighted_sums(x[-1:], weights, bias).repeat(len(x), 1),
        ),
        bug(
            "summed_over_outputs",
            "The outputs are added into one number an image: each output has a column of its own.",
            LINEAR,
            lambda x, weights, bias: weighted_sums(x, weights, bias).sum(1),
            lambda x, weights, bias: weighted_sums(x, weights, bias).sum(1, keepdim=True),
        ),
        bug(
            "squeezed",
            "An axis of length 1 got lost (`squeeze`, or an index): one image with one output is "
            "still [1, 1].",
            LINEAR,
            lambda x, weights, bias: weighted_sums(x, weights, bias).squeeze(),
            lambda x, weights, bias: weighted_sums(x, weights, bias).squeeze(0),
            lambda x, weights, bias: weighted_sums(x, weights, bias).squeeze(1),
        ),
    ),
)


def three_gradients(x, weights, d_out):
    return d_out @ weights.T, x.T @ d_out, d_out.sum(0, keepdim=True)


def gradients_of_x(**changes):
    """The right gradients, some of them changed: `change(right one, x, weights, d_out)`."""

    def wrong(*inputs):
        right = dict(zip(("d_x", "d_weights", "d_bias"), three_gradients(*inputs), strict=True))
        return tuple(
            changes[name](d, *inputs) if name in changes else d for name, d in right.items()
        )

    return wrong


linear_gradients = Exercise(
    name="linear_gradients",
    arguments=("x", "weights", "d_out"),
    outputs=("d_x", "d_weights", "d_bias"),
    reference=three_gradients,
    rounds=(
        Round(
            "5 images of 3 numbers and 2 of 6, with 4 and 3 outputs",
            (
                (some(5, 3, seed=1), some(3, 4, seed=2), some(5, 4, seed=3)),
                (some(2, 6, seed=4), some(6, 3, seed=5), some(2, 3, seed=6)),
            ),
        ),
    ),
    order=(0, 1, 2),
    bugs=(
        bug(
            "d_weights_transposed",
            "d_weights is transposed: it is x.T @ d_out, [D, B] @ [B, H], and has the shape of "
            "weights.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_weights=lambda d, *_: d.T),
        ),
        bug(
            "d_x_transposed",
            "d_x is transposed: it is d_out @ weights.T, [B, H] @ [H, D], and has the shape of x.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_x=lambda d, *_: d.T),
        ),
        bug(
            "both_transposed",
            "d_x and d_weights are both transposed: each has the shape of what it belongs to.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_x=lambda d, *_: d.T, d_weights=lambda d, *_: d.T),
        ),
        bug(
            "d_bias_not_summed",
            "d_bias is not summed over the batch: one bias serves all B images, so their "
            "gradients add up.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_bias=lambda d, x, weights, d_out: d_out),
        ),
        bug(
            "d_bias_without_axis",
            "The sum over the batch dropped its axis, so d_bias is [H] and the bias [1, H]: "
            "`sum(0, keepdim=True)`.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_bias=lambda d, *_: d[0]),
        ),
        bug(
            "d_bias_over_outputs",
            "d_bias is summed over the outputs, where it should be summed over the batch (axis 0).",
            LINEAR_GRADIENTS,
            gradients_of_x(d_bias=lambda d, x, weights, d_out: d_out.sum(1, keepdim=True)),
            gradients_of_x(d_bias=lambda d, x, weights, d_out: d_out.sum(1)),
            gradients_of_x(d_bias=lambda d, x, weights, d_out: d_out.sum(1)[None]),
        ),
        bug(
            "d_bias_one_number",
            "d_bias is summed over everything: only the batch is summed over, and each output "
            "keeps its own.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_bias=lambda d, *_: d.sum()),
        ),
        bug(
            "d_bias_averaged",
            "d_bias is the mean over the batch, where it should be the sum: the loss has divided "
            "by B already.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_bias=lambda d, x, *_: d / len(x)),
        ),
        bug(
            "d_weights_averaged",
            "d_weights is divided by B once more: d_out already comes from a mean.",
            LINEAR_GRADIENTS,
            gradients_of_x(d_weights=lambda d, x, *_: d / len(x)),
        ),
        bug(
            "averaged",
            "d_weights and d_bias are divided by B once more: d_out already comes from a mean.",
            LINEAR_GRADIENTS,
            gradients_of_x(
                d_weights=lambda d, x, *_: d / len(x), d_bias=lambda d, x, *_: d / len(x)
            ),
            lambda x, weights, d_out: tuple(d / len(x) for d in three_gradients(x, weights, d_out)),
        ),
        bug(
            "other_order",
            "The gradients are right, but in another order: return d_x, d_weights, d_bias.",
            LINEAR_GRADIENTS,
            *(
                lambda x, weights, d_out, order=order: tuple(
                    three_gradients(x, weights, d_out)[k] for k in order
                )
                for order in permutations(range(3))
                if order != (0, 1, 2)
            ),
        ),
        bug(
            "minus",
            "All signs are reversed: the minus of gradient descent comes with the step, not with "
            "the gradient.",
            LINEAR_GRADIENTS,
            lambda x, weights, d_out: tuple(-d for d in three_gradients(x, weights, d_out)),
        ),
        bug(
            "product_of_sums",
            "x and d_out are summed over the batch before they are multiplied: multiply image by "
            "image, then add.",
            LINEAR_GRADIENTS,
            gradients_of_x(
                d_weights=lambda d, x, weights, d_out: x.sum(0)[:, None] * d_out.sum(0)[None]
            ),
        ),
        bug(
            "d_out_left_out",
            "d_out is left out: this is the slope of `out`, and the chain rule multiplies it by "
            "d_out.",
            LINEAR_GRADIENTS,
            lambda x, weights, d_out: three_gradients(x, weights, torch.ones_like(d_out)),
            gradients_of_x(
                d_bias=lambda d, x, weights, d_out: torch.ones_like(d_out).sum(0, keepdim=True)
            ),
            gradients_of_x(d_bias=lambda d, *_: torch.ones_like(d)),
            gradients_of_x(d_weights=lambda d, x, weights, d_out: x.T @ torch.ones_like(d_out)),
            gradients_of_x(d_x=lambda d, x, weights, d_out: torch.ones_like(d_out) @ weights.T),
        ),
        bug(
            "last_image_only",
            "Only the last image counts: the loop over the batch sets the gradient anew (`=`) "
            "where it should add (`+=`).",
            LINEAR_GRADIENTS,
            gradients_of_x(
                d_weights=lambda d, x, weights, d_out: x[-1:].T @ d_out[-1:],
                d_bias=lambda d, x, weights, d_out: d_out[-1:],
            ),
            gradients_of_x(d_weights=lambda d, x, weights, d_out: x[-1:].T @ d_out[-1:]),
            gradients_of_x(d_bias=lambda d, x, weights, d_out: d_out[-1:]),
        ),
    ),
)


# --- the step -------------------------------------------------------------------------------------


def descent(weights, d_weights, lr):
    return weights - lr * d_weights


sgd_step = Exercise(
    name="sgd_step",
    arguments=("weights", "d_weights", "lr"),
    outputs=("weights",),
    reference=descent,
    rounds=(
        Round(
            "weights of 5 x 3 and 4 x 2, learning rates 0.1 and 0.25",
            (
                (some(5, 3, seed=1), some(5, 3, seed=2), 0.1),
                (some(4, 2, seed=3), some(4, 2, seed=4), 0.25),
            ),
        ),
    ),
    may_change=("weights",),
    bugs=(
        bug(
            "ascent",
            "The step goes uphill: the gradient is added, and should be subtracted.",
            STEP,
            lambda weights, d_weights, lr: weights + lr * d_weights,
        ),
        bug(
            "unchanged",
            "The weights come back unchanged: the new ones are computed, but not returned, or "
            "not stored.",
            STEP,
            lambda weights, d_weights, lr: weights,
        ),
        bug(
            "no_lr",
            "The gradient is subtracted whole: the learning rate is missing.",
            STEP,
            lambda weights, d_weights, lr: weights - d_weights,
        ),
        bug(
            "step_alone",
            "This is the step alone: it has to be subtracted from the weights.",
            STEP,
            lambda weights, d_weights, lr: lr * d_weights,
            lambda weights, d_weights, lr: -lr * d_weights,
        ),
        bug(
            "divided_by_lr",
            "The gradient is divided by the learning rate, where it should be multiplied by it.",
            STEP,
            lambda weights, d_weights, lr: weights - d_weights / lr,
        ),
        bug(
            "lr_times_all",
            "The learning rate multiplies the weights too: it belongs to the gradient only.",
            STEP,
            lambda weights, d_weights, lr: lr * (weights - d_weights),
            lambda weights, d_weights, lr: lr * weights - d_weights,
        ),
        bug(
            "weights_for_gradient",
            "The weights are made smaller in proportion to themselves: the weights stand where "
            "the gradient belongs.",
            STEP,
            lambda weights, d_weights, lr: weights - lr * weights,
        ),
        bug(
            "exchanged",
            "Weights and gradient are exchanged: this is d_weights - lr * weights.",
            STEP,
            lambda weights, d_weights, lr: d_weights - lr * weights,
        ),
        bug(
            "sign_only",
            "Only the sign of the gradient is used: every weight moves by lr, whatever its slope.",
            STEP,
            lambda weights, d_weights, lr: weights - lr * d_weights.sign(),
        ),
        bug(
            "twice",
            "The step is taken twice: once in place (`-=`), and once more on the way out.",
            STEP,
            lambda weights, d_weights, lr: weights - 2 * lr * d_weights,
        ),
        bug(
            "averaged",
            "Every weight moves by the same amount: the gradient is averaged over the weights "
            "first.",
            STEP,
            lambda weights, d_weights, lr: weights - lr * d_weights.mean(),
        ),
    ),
)
