"""The noise of small batches: all batches of B pictures that can be drawn, one by one."""

from itertools import product

import torch

from printed.check import Subject
from printed.points import Draw, ones_column
from printed.values import Random

B, FEW = 3, 5
BATCHES = torch.tensor(list(product(range(FEW), repeat=B)))  # [125, B]


def jointly(places, batches):
    """Every place with every batch: the two know nothing of each other."""
    return (
        places.repeat_interleave(len(batches), 0),
        batches.repeat(len(places), *[1] * (batches.ndim - 1)),
    )


def pictures(seed):
    draw = Draw(seed)
    x, y = draw(FEW).detach() + 0.3, draw(FEW).detach()
    if seed == 1:
        x = x.sign()  # all pictures with one curvature
    return x, y, (x * y).sum() / x.square().sum(), draw


def one_batch(seed):
    draw = Draw(seed)
    x, w, best, y = draw(B, 1), draw.number(), draw.number(), draw(B, 1)
    return {
        "B": B, "x": x, "y": y, "w": w, r"\hat w": best, "d": w - best,
        "a": 2 * x.square().mean(), r"\nu": 2 * (x * (x * best - y)).mean(),
    }  # fmt: skip


ONE_BATCH = Subject(labels=("eq-batch-slope",), point=one_batch, indices={"i": (1, B)})


def steps_from(origin, seed):
    """Distances from the origin before and after a step of autograd's; a and nu of each batch."""
    x, y, _, draw = pictures(seed)
    eta, starts = draw.positive(), draw(5).detach()
    d, batch = jointly(starts, BATCHES)
    w = (origin + d).requires_grad_()
    loss = (x[batch] * w[:, None] - y[batch]).square().mean(1)
    (slope,) = torch.autograd.grad(loss.sum(), w)
    after = (w - eta * slope).detach() - origin
    xs, ys = x[batch], y[batch]
    return {
        r"\eta": eta, "d": Random(torch.stack([d, after], 1)[:, :, None].detach()),
        "a": Random((2 * xs.square()).mean(1)),
        r"\nu": Random((2 * xs * (xs * origin - ys)).mean(1)),
        r"\lambda": 2 * x.square().mean(),
    }  # fmt: skip


def noisy_steps(seed):
    return {**steps_from(pictures(seed)[2], seed), "seed": seed}


def another_origin(values):
    """Measured from elsewhere than the bottom, where the batches' slopes do not average to 0."""
    return steps_from(pictures(values("seed"))[2] + 0.7, values("seed"))


NOISY_STEPS = Subject(
    labels=("eq-noise-step", "eq-mean-step", "eq-mean-square"),
    point=noisy_steps,
    indices={"t": (1, 1)},
    holds={"eq-mean-step": {another_origin: {1}}, "eq-mean-square": {another_origin: {1}}},
)


def at_rest(seed):
    """One weight whose mean square no longer changes; the rate is a part of the edge."""
    x, y, bottom, _ = pictures(seed)
    xs, ys = x[BATCHES], y[BATCHES]
    a, nu = (2 * xs.square()).mean(1), (2 * xs * (xs * bottom - ys)).mean(1)
    lam = 2 * x.square().mean()
    eta = (0.3 + 0.05 * (seed % 8)) * 2 * lam / a.square().mean()
    square = torch.zeros((), dtype=torch.float64)
    for _ in range(1500):
        square = (1 - eta * a).square().mean() * square + eta**2 * nu.square().mean()
    d, a = jointly(square.sqrt() * torch.tensor([1.0, -1.0]).double(), a)
    return {
        "B": B, r"\eta": eta, r"\lambda": lam, "a": Random(a), "d": Random(d),
        r"\nu": Random(jointly(torch.zeros(2), nu)[1]),
        r"\sigma_a": (2 * x.square()).std(correction=0),
        r"\sigma_\nu": (2 * x * (x * bottom - y)).std(correction=0),
    }  # fmt: skip


AT_REST = Subject(
    labels=("eq-mean-square-edge", "eq-hovering"),
    point=at_rest,
    sharp={"eq-mean-square-edge": {3}},
    any_value={"eq-mean-square-edge": {r"\eta": "the first line is true of any rate"}},
)


def several_weights(seed, scale=1.0, share=0.3):
    """Gradients of all batches, around the bottom."""
    draw = Draw(seed)
    X, Y = ones_column(draw(FEW, 2).detach()), scale * draw(FEW, 1).detach()  # 3 weights
    best = torch.linalg.lstsq(X, Y).solution
    H, x, y = 2 / FEW * X.T @ X, X[BATCHES], Y[BATCHES]
    eta = share / torch.linalg.eigvalsh(x.mT @ x).max()
    return {
        "N": FEW, "B": B, "D": 2, "H": H, r"\hat w": best, r"\eta": eta, "x": X,
        "L()": lambda w: (X @ w - Y).square().mean((-2, -1)),
        "I": torch.eye(3, dtype=torch.float64),
    }, 2 / B * x.mT @ x, 2 / B * x.mT @ (x @ best - y), draw  # fmt: skip


def two_places(seed):
    values, hessians, noise, draw = several_weights(seed)
    places = draw(2, 3, 1).detach()
    d, h = jointly(places, hessians)
    g = h @ d + jointly(places, noise)[1]
    path = torch.stack([d, d - values[r"\eta"] * g], 1)
    return {**values, "d[]": Random(path), "d": places[0].requires_grad_(), "g": Random(g)}


TWO_PLACES = Subject(
    labels=("eq-height", "eq-rest-identity"), point=two_places, indices={"t": (1, 1)}
)


def resting(seed, scale=1.0, share=0.3):
    values, hessians, noise, _ = several_weights(seed, scale, share)
    eta, eye = values[r"\eta"], values["I"]
    step = eye - eta * hessians
    # M = mean(step M step) + eta^2 mean(noise noise^T), a linear equation in the entries of M
    both = torch.einsum("bij,bkl->ikjl", step, step).reshape(9, 9) / len(step)
    constant = eta**2 * (noise @ noise.mT).mean(0)
    M = torch.linalg.solve(torch.eye(9).double() - both, constant.reshape(9)).reshape(3, 3)
    root = torch.linalg.cholesky((M + M.T) / 2) * 3**0.5
    places = torch.cat([root.T, -root.T])[:, :, None]  # [6, 3, 1], their mean square is M
    d, h = jointly(places, hessians)
    return {**values, "d": Random(d), "g": Random(h @ d + jointly(places, noise)[1])}


RESTING = Subject(
    labels=("eq-hovering-all",),
    point=resting,
    any_value={
        "eq-hovering-all": {r"\hat w": "d averages to 0: the height is E d^T H d / 2 anywhere"}
    },
)


def resting_at_small_rates(seed):
    """So far below the edge that the rest is in proportion to the rate; large, to be compared."""
    scale, share = 1e6, 1e-5
    values = resting(seed, scale, share)
    draw = Draw(seed)
    X, Y = ones_column(draw(FEW, 2).detach()), scale * draw(FEW, 1).detach()
    lengths = (2 * X * (X @ values[r"\hat w"] - Y)).square().sum(1)
    return {**values, "V": lengths.mean()}


RESTING_AT_SMALL_RATES = Subject(
    labels=("eq-eta-over-b",),
    point=resting_at_small_rates,
    approximate=1e-3,
    any_value={"eq-eta-over-b": {r"\eta": "both sides are in proportion to it"}},
)


def mean_squares(seed):
    """The mean square of distances as a matrix, without the noise."""
    values, hessians, _, draw = several_weights(seed)
    places = draw(2, 3, 1).detach()
    d, h = jointly(places, hessians)
    after = d - values[r"\eta"] * h @ d
    M = torch.stack([(d @ d.mT).mean(0), (after @ after.mT).mean(0)])
    return {**values, "M": M, "H_B": Random(h)}


MEAN_SQUARES = Subject(labels=("eq-mean-square-matrix",), point=mean_squares, indices={"t": (1, 1)})


def any_square(seed):
    return {**mean_squares(seed), "M": Draw(seed + 60)(3, 3)}


ANY_SQUARE = Subject(labels=("eq-batch-pairs",), point=any_square, indices={"i": (1, FEW)})
