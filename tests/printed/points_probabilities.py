"""Softmax, cross-entropy, their derivatives, and the first loss."""

from itertools import product

import torch

from printed.check import Subject
from printed.points import Draw, leaf
from printed.values import Random

B, D, K = 4, 5, 3


def distribution(x):
    return (x.square() + 0.05) / (x.square() + 0.05).sum(-1, keepdim=True)


def one_picture(seed):
    """Scores z of one picture, probabilities p, targets y that add up to 1."""
    draw = Draw(seed)
    z, s, q = draw(1, K), draw.number(), draw.number()
    y = distribution(draw(1, K)).detach()
    p = z.softmax(-1)
    J = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z.detach()[0])
    a = 1 + 0.3 * draw.number() if seed % 2 else torch.tensor(1.0).double()  # equality at 1
    return {
        "K": K, "z": z, "s": s, "q": q, "y": y, "p": p, "S": z.exp().sum(), "J": J,
        r"\ell": -(y * p.log()).sum(), "a": a.detach().requires_grad_(), "b": draw.positive(),
    }  # fmt: skip


ONE_PICTURE = Subject(
    labels=(
        "eq-softmax-odds",
        "eq-softmax-shift",
        "eq-log-sum-exp",
        "eq-lse-shift",
        "eq-softmax-jacobian",
        "eq-softmax-jacobian-table",
        "eq-p-minus-y-one",
        "eq-p-minus-y-row",
        "eq-lse-gradient",
        "eq-p-minus-y-direct",
    ),
    point=one_picture,
    indices={"k": (1, K), "m": (1, K)},
)


def largest_factor(seed):
    """As above, with positive a for a logarithm."""
    values = one_picture(seed)
    return {**values, "a": (values["a"].abs() + 0.1).detach().requires_grad_()}


LARGEST_FACTOR = Subject(
    labels=("eq-lse-max",), point=largest_factor, indices={"k": (1, K), "m": (1, K)}
)


def bounds_of_lse(seed):
    """Equality on the right where all scores are the same, nearly so on the left far apart."""
    z = [torch.full((1, K), 0.7).double(), 40 * torch.arange(K).double()[None]]
    return {"K": K, "z": (z[seed] if seed < 2 else Draw(seed)(1, K)).detach().requires_grad_()}


BOUNDS_OF_LSE = Subject(
    labels=("eq-lse-bounds",),
    point=bounds_of_lse,
    indices={"k": (1, K), "m": (1, K)},
    sharp={"eq-lse-bounds": {1, 2}},
)


def gibbs(seed):
    """k runs over the classes with y_k > 0; equality in the first point."""
    draw = Draw(seed)
    y, p = distribution(draw(1, K)).detach(), distribution(draw(1, K)).detach()
    p = y.clone() if seed == 0 else p if seed == 1 else 0.8 * p
    a = torch.ones(()).double() if seed == 0 else draw.positive()
    return {"y": y, "p": p.requires_grad_(), "a": a.detach().requires_grad_()}


GIBBS = Subject(
    labels=("eq-gibbs",),
    point=gibbs,
    indices={"k": (1, K)},
    sharp={"eq-gibbs": {1, 4, 6}},
)


def two_events(seed):
    draw = Draw(seed)
    return {"p": draw.positive(), "p'": draw.positive()}


TWO_EVENTS = Subject(labels=("eq-surprise-adds",), point=two_events)


def two_classes(seed):
    """Scores of two classes, the first one right."""
    z = Draw(seed)(1, 2)
    p = z.softmax(-1)
    y = torch.tensor([[1.0, 0.0]]).double()
    return {
        "z": z, "p": p[0, 0], "y": 1.0, "c": 1,
        r"\ell": torch.nn.functional.mse_loss(p, y),
    }  # fmt: skip


TWO_CLASSES = Subject(labels=("eq-mse-softmax-two",), point=two_classes)


def squared_error_of_softmax(seed):
    draw = Draw(seed)
    z, y = draw(1, K), distribution(draw(1, K)).detach().requires_grad_()
    p = z.softmax(-1)
    return {"K": K, "z": z, "y": y, "p": p, r"\ell": torch.nn.functional.mse_loss(p, y)}


SQUARED_ERROR_OF_SOFTMAX = Subject(
    labels=("eq-mse-softmax-gradient",),
    point=squared_error_of_softmax,
    indices={"k": (1, K), "m": (1, K)},
)


def epsilon_in_the_log(seed):
    draw = Draw(seed)
    z, c = draw(1, K), seed % K
    return {
        "K": K, "z": z, "p": z.softmax(-1), "c": c + 1, r"\epsilon": leaf(0.1 * draw.positive()),
        "y": torch.eye(K).double()[[c]],
    }  # fmt: skip


EPSILON_IN_THE_LOG = Subject(
    labels=("eq-epsilon-gradient",), point=epsilon_in_the_log, indices={"m": (1, K)}
)


def batch(seed):
    """A batch with one right class a picture, through one layer."""
    draw = Draw(seed)
    X, W, b = draw(B, D), draw(D, K), draw(1, K)
    labels = (torch.arange(B) * 2 + seed) % K
    Z = X @ W + b
    P, Y = Z.softmax(-1), torch.eye(K).double()[labels]
    losses = torch.nn.functional.cross_entropy(Z, labels, reduction="none")
    return {
        "B": B, "D": D, "K": K, "X": X, "W": W, "b": b, "Z": Z, "P": P, "Y": Y,
        "L": torch.nn.functional.cross_entropy(Z, Y), "c": labels[:, None] + 1,
        "z": Z[1:2], "p": P[1:2], r"\ell": losses[:, None],
    }  # fmt: skip


def another_link(values):
    """Squared error of the scores: a gradient (Z - Y) / B whose rows do not add up to 0."""
    Z, Y = values("Z"), values("Y")
    return {"P": Z, "L": (Z - Y).square().sum() / (2 * B)}


BATCH = Subject(
    labels=(
        "eq-softmax",
        "eq-cross-entropy",
        "eq-likelihood",
        "eq-one-layer-gradients",
        "eq-gradient-row-sums",
    ),
    point=batch,
    indices={"i": (1, B), "j": (1, D), "k": (1, K), "m": (1, K)},
    holds={"eq-gradient-row-sums": {another_link: {1}}},
)


def soft_batch(seed):
    """A batch whose targets are shares of all classes."""
    draw = Draw(seed)
    Z, Y = draw(B, K), distribution(draw(B, K)).detach()
    losses = -(Y * Z.log_softmax(-1)).sum(-1, keepdim=True)
    return {
        "B": B, "K": K, "Z": Z, "P": Z.softmax(-1), "Y": Y, r"\ell": losses,
        "L": torch.nn.functional.cross_entropy(Z, Y),
    }  # fmt: skip


SOFT_BATCH = Subject(
    labels=("eq-p-minus-y",),
    point=soft_batch,
    indices={"i": (1, B), "k": (1, K), "m": (1, K)},
)


def weights_zero(seed):
    loss = torch.nn.functional.cross_entropy(
        torch.zeros(B, K).double(), (torch.arange(B) + seed) % K
    )
    return {"B": B, "K": K, "L": loss}


WEIGHTS_ZERO = Subject(labels=("eq-initial-loss-zero",), point=weights_zero, indices={"i": (1, B)})


def line_of_scores(seed):
    """lse along a line of scores, tau v."""
    draw = Draw(seed)
    tau, v = draw.number(), draw(1, K)
    z = tau * v
    p = z.softmax(-1)
    return {
        "K": K, r"\tau": tau, "v": v, "z": z, "p": p, r"\bar v": (p * v).sum(),
        "f()": lambda tau: (tau[..., None, None] * v).logsumexp((-2, -1)),
    }  # fmt: skip


LINE_OF_SCORES = Subject(
    labels=("eq-lse-curvature",),
    point=line_of_scores,
    indices={"k": (1, K), "m": (1, K)},
)


def small_scores(seed):
    v = (1e-3 * Draw(seed)(1, K)).detach().requires_grad_()
    return {"K": K, "v": v, r"\bar v": v.mean()}


SMALL_SCORES = Subject(
    labels=("eq-lse-small",),
    point=small_scores,
    indices={"k": (1, K)},
    tolerance=1e-12,
    approximate=2e-9,
)


def small_weights(seed):
    """All weights +sigma or -sigma, every combination."""
    draw = Draw(seed)
    inputs, sigma = 2, 1e-3 * draw.positive()
    x = draw(1, inputs)
    signs = torch.tensor(list(product((-1.0, 1.0), repeat=inputs * K))).double()
    z = x @ (sigma * signs.reshape(-1, inputs, K))
    losses = (z.logsumexp(-1) - z[..., seed % K])[:, 0].detach()
    return {
        "D": inputs, "K": K, "x": x, r"\sigma": sigma.detach().requires_grad_(),
        r"\ell": Random(losses),
    }  # fmt: skip


SMALL_WEIGHTS = Subject(labels=("eq-initial-loss",), point=small_weights, approximate=3e-11)


def convex(seed):
    draw = Draw(seed)
    X, labels = draw(B, D).detach(), (torch.arange(B) + seed) % K
    tau = torch.rand((), generator=torch.Generator().manual_seed(seed)).double()
    one, other, shift = draw(D, K), draw(D, K), -10 * (seed % 2)  # a loss may be negative
    if seed < 2:  # equality
        other = one.detach().clone().requires_grad_()
    return {
        r"\theta": one, r"\theta'": other, r"\tau": tau.requires_grad_(),
        "L()": lambda theta: torch.nn.functional.cross_entropy(X @ theta, labels) + shift,
    }  # fmt: skip


CONVEX = Subject(labels=("eq-convex",), point=convex, free=("L()",), sharp={"eq-convex": {1}})


def curvature_of_loss(seed):
    draw = Draw(seed)
    X, W, b, V, a, tau = draw(B, D), draw(D, K), draw(1, K), draw(D, K), draw(1, K), draw.number()
    labels = (torch.arange(B) + seed) % K
    P = (X @ (W + tau * V) + b + tau * a).softmax(-1).detach()
    v = (X @ V + a).detach()
    return {
        "B": B, "D": D, "K": K, "X": X, "W": W, "b": b, "V": V, "a": a, r"\tau": tau, "P": P,
        "L()": lambda W, b: torch.nn.functional.cross_entropy(X @ W + b, labels),
        "v": v, r"\bar v": (P * v).sum(-1, keepdim=True),
    }  # fmt: skip


CURVATURE_OF_LOSS = Subject(
    labels=("eq-loss-curvature",),
    point=curvature_of_loss,
    indices={"i": (1, B), "k": (1, K)},
    tolerance=1e-8,
)


def separable(seed):
    """The right score is the largest one; all margins are gamma at some points."""
    draw = Draw(seed)
    labels = (torch.arange(B) * 2 + seed) % K
    Z, rows, gamma = draw(B, K).detach(), torch.arange(B), draw.positive()
    others = Z.clone()
    others[rows, labels] = -torch.inf
    Z[rows, labels] = others.amax(-1) + gamma.detach()
    if seed % 2 == 0:
        Z = Z[rows, labels][:, None] - gamma.detach() * (1 - torch.eye(K).double()[labels])
    tau = draw.positive()
    return {
        "K": K, r"\tau": tau, "Z": Z, "c": labels[:, None] + 1, r"\gamma": gamma,
        r"\ell": torch.nn.functional.cross_entropy(tau * Z, labels, reduction="none")[:, None],
    }  # fmt: skip


SEPARABLE = Subject(
    labels=("eq-separable",),
    point=separable,
    indices={"i": (1, B), "k": (1, K)},
    sharp={"eq-separable": {4}},
)


def penalised(seed):
    values = batch(seed)
    alpha = Draw(seed + 70).positive()
    L, W, b = values["L"], values["W"], values["b"]
    return {
        **values,
        r"\alpha": alpha,
        r"L_\alpha": L + alpha / 2 * torch.cat([W, b]).square().sum(),
    }


PENALISED = Subject(labels=("eq-penalty",), point=penalised)


def penalised_curvature(seed):
    """Equality in the last line at the second point: all scores of a picture move alike."""
    values = curvature_of_loss(seed)
    loss, alpha = values["L()"], Draw(seed + 70).positive()
    if seed == 1:
        V, a = (values[name].detach()[:, :1].repeat(1, K) for name in "Va")
        X, tau = values["X"], values[r"\tau"]
        v = (X @ V + a).detach()
        P = (X @ (values["W"] + tau * V) + values["b"] + tau * a).softmax(-1).detach()
        mean = (P * v).sum(-1, keepdim=True)
        values = {**values, "V": leaf(V), "a": leaf(a), "v": v, "P": P, r"\bar v": mean}

    def penalised_loss(W, b):
        return loss(W, b) + alpha / 2 * (W.square().sum() + b.square().sum())

    return {**values, r"\alpha": alpha, r"L_\alpha()": penalised_loss}


PENALISED_CURVATURE = Subject(
    labels=("eq-penalty-curvature",),
    point=penalised_curvature,
    indices={"i": (1, B), "k": (1, K)},
    tolerance=1e-8,
    sharp={"eq-penalty-curvature": {2}},
)


def outside_the_ball(seed):
    """Weights a little longer than they may be; at the first point nothing is wrong, L is 0."""
    draw = Draw(seed)
    X, W, b, alpha = draw(B, D).detach(), draw(D, K).detach(), draw(1, K).detach(), draw.positive()
    length = (torch.cat([W, b]).square().sum() * alpha / 2 / torch.tensor(K).double().log()).sqrt()
    W, b = ((1 + 1e-11) * x / length for x in (W, b))
    b = b.detach()
    if seed == 0:
        X = 1e4 * X
    labels = (X @ W + b).argmax(-1)

    def table(w, *shape):
        return w if w.ndim else w.expand(shape)  # a number: all weights alike

    def loss(W, b):
        W, b = table(W, D, K), table(b, 1, K)
        size = W.square().sum() + b.square().sum()
        return torch.nn.functional.cross_entropy(X @ W + b, labels) + alpha / 2 * size

    return {
        "K": K, "W": leaf(W), "b": leaf(b), r"\alpha": alpha.detach(), r"L_\alpha()": loss,
    }  # fmt: skip


OUTSIDE_THE_BALL = Subject(
    labels=("eq-penalty-ball",), point=outside_the_ball, sharp={"eq-penalty-ball": {1, 2, 4}}
)
