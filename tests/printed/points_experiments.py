"""Pictures as rows; means, intervals, tests and calibration; finite differences."""

from itertools import product

import torch
from scipy import stats

from printed.check import Subject
from printed.points import Draw
from printed.values import Random, Value

B, D, K = 6, 11, 10


def picture(seed):
    p = torch.randint(0, 256, (28, 28), generator=torch.Generator().manual_seed(seed)).double()
    return {"p": p.requires_grad_(), "x": (p / 255).reshape(1, 784)}


PICTURE = Subject(
    labels=("eq-flatten",),
    point=picture,
    indices={"r": (0, 27), "c": (0, 27)},
    from_zero=("p", "x"),
)


def table_of_pictures(seed):
    X = Draw(seed)(B, 784)
    return {"N": B, "D": 784, "X": X.detach(), r"\text{picture }()": lambda n: X[[int(n) - 1]],
            "x": X}  # fmt: skip


TABLE_OF_PICTURES = Subject(labels=("eq-data-matrix",), point=table_of_pictures)


def means_of_digits(seed):
    draw = Draw(seed)
    N, digits = 9, 3
    labels = (torch.arange(N) * 2 + seed) % digits
    x, members = draw(N, D), torch.eye(digits).double()[labels].T  # [digits, N]
    return {
        "D": D, "N": members.sum(1, keepdim=True), r"\mathcal{I}": members,
        "m": torch.stack([x[labels == k].mean(0) for k in range(digits)]), "x": x,
    }  # fmt: skip


MEANS_OF_DIGITS = Subject(
    labels=("eq-mean-digit",), point=means_of_digits, indices={"i": (1, 9), "k": (1, 3)}
)


def distances(seed):
    draw = Draw(seed)
    x, m, X = draw(1, D), draw(K, D), draw(B, D)
    d = torch.cdist(x, m).square().T
    scores = -0.5 * (torch.cdist(X, m).square() - X.square().sum(1, keepdim=True))
    return {
        "B": B, "D": D, "x": x, "m": m, "M": m, "d": d, "X": X, "Z": scores,
        "b": -0.5 * m.square().sum(1)[None],
    }  # fmt: skip


DISTANCES = Subject(
    labels=("eq-distance", "eq-distance-expanded", "eq-means-as-scores"),
    point=distances,
    indices={"j": (1, D), "k": (1, K)},
)


def mean_of_runs(seed):
    """Every way that R = 3 independent runs can come out, from four equally likely values."""
    values = Draw(seed)(4).detach()
    runs = torch.tensor(list(product(values.tolist(), repeat=3)), dtype=torch.float64)[:, :, None]
    return {
        "R": 3, "a": Random(runs), r"\bar a": Random(runs.mean((1, 2))), r"\mu": values.mean(),
        r"\sigma": values.std(correction=0),
    }  # fmt: skip


MEAN_OF_RUNS = Subject(
    labels=("eq-cmp-variance-of-mean",),
    point=mean_of_runs,
    indices={"r": (1, 3)},
    holds={"eq-cmp-variance-of-mean": {r"\mu": {1, 2, 3}}},
)


def pairs_of_runs(seed):
    R, draw = 6, Draw(seed)
    first, second = draw(R, 1), draw(R, 1)
    d = first - second
    test = stats.ttest_rel(first.detach()[:, 0], second.detach()[:, 0])
    return {
        "R": R, "a": first, "a'": second, "d": d, r"\bar a": first.mean(),
        r"\bar a'": second.mean(), r"\bar d": d.mean(), "s_a": first.std(),
        "s_{a'}": second.std(), "s_d": d.std(),
        "T": torch.tensor(test.statistic, dtype=torch.float64),
    }  # fmt: skip


def interval(seed):
    R = 6
    a = Draw(seed)(R, 1)
    ends = stats.t.interval(0.95, R - 1, a.mean().item(), stats.sem(a.detach()[:, 0]))
    return {
        "R": R, "a": a, r"\bar a": a.mean(), "s": a.std(),
        "q_{R-1}": float(stats.t.ppf(0.975, R - 1)),
        r"\text{stated}": Value(("\\pm",), torch.tensor(ends[::-1], dtype=torch.float64)),
    }  # fmt: skip


INTERVAL = Subject(labels=("eq-cmp-interval",), point=interval, indices={"r": (1, 6)})

PAIRS_OF_RUNS = Subject(
    labels=("eq-cmp-variance-of-difference", "eq-cmp-paired-t"),
    point=pairs_of_runs,
    indices={"r": (1, 6)},
)


def right_or_wrong(seed):
    N = 20
    right = (Draw(seed)(N, 1) > -0.5).double()
    return {"N": N, "c": right, r"\bar c": right.mean()}


RIGHT_OR_WRONG = Subject(
    labels=("eq-cmp-image-noise",),
    point=right_or_wrong,
    indices={"i": (1, 20)},
    holds={"eq-cmp-image-noise": {r"\bar c": {1, 2}, "c": {2}}},
)


def disagreements(seed):
    plus, minus = [(4, 0), (7, 1), (5, 5), (3, 9), (6, 2), (2, 2), (10, 3), (1, 6)][seed % 8]
    p = stats.binomtest(plus, plus + minus, 0.5).pvalue
    return {
        "n_+": plus, "n_-": minus, "n": plus + minus,
        r"\text{p-value}": torch.tensor(p, dtype=torch.float64),
    }  # fmt: skip


DISAGREEMENTS = Subject(labels=("eq-cmp-mcnemar",), point=disagreements, indices={"i": (0, 20)})


def calibration(seed):
    """Shares of right answers in G groups of confidence."""
    N, G, draw = 40, 4, Draw(seed)
    confidence = draw(N).detach().sigmoid()
    right = (draw(N).detach().sigmoid() < confidence).double()
    order = confidence.argsort()
    groups = order.split([5, 8, 12, 15])
    gaps = [(right[g].sum() - confidence[g].sum()).abs() / N for g in groups]
    return {
        "N": N, "G": G, r"\mathrm{ECE}": sum(gaps),
        "N[]": torch.tensor([[len(g)] for g in groups]).double(),
        "a": torch.stack([right[g].mean() for g in groups])[:, None],
        r"\bar p": torch.stack([confidence[g].mean() for g in groups])[:, None],
    }  # fmt: skip


CALIBRATION = Subject(labels=("eq-cmp-ece",), point=calibration, indices={"g": (1, 4)})


def power_law(seed):
    """Two errors on one curve."""
    draw = Draw(seed)
    beta, N_1, N_2, constant = (draw.positive() for _ in range(4))
    e_1, e_2 = ((constant * N**-beta).detach().requires_grad_() for N in (N_1, N_2))
    return {r"\beta": beta, "N_1": N_1, "N_2": N_2, "e_1": e_1, "e_2": e_2}


POWER_LAW = Subject(labels=("eq-all-power",), point=power_law)


def sets_of_runs(seed):
    a = Draw(seed)(4, 6)
    return {
        "S": 4, "R": 6, "a": a, r"\bar a": a.mean(1, keepdim=True),
        r"s_{\text{seed}}": a.var(1).mean().sqrt(),
    }  # fmt: skip


SETS_OF_RUNS = Subject(
    labels=("eq-all-luck",), point=sets_of_runs, indices={"i": (1, 4), "r": (1, 6)}
)


def shuffled_pixels(seed):
    draw = Draw(seed)
    order = torch.randperm(D, generator=torch.Generator().manual_seed(seed))
    return {
        "B": B, "D": D, "K": K, "X": draw(B, D), "W": draw(D, K), "G": draw(B, K),
        r"\eta": draw.positive(), r"\Pi": torch.eye(D, dtype=torch.float64)[:, order],
    }  # fmt: skip


SHUFFLED_PIXELS = Subject(
    labels=("eq-all-shuffled", "eq-all-shuffled-step"),
    point=shuffled_pixels,
    any_value={"eq-all-shuffled-step": {r"\Pi": "a product turned round, whatever its factors"}},
)

RATE = 1.5  # f(x) = exp(RATE x): its derivatives differ, and can be solved for their points xi


def f(x):
    return torch.exp(RATE * x)


def where_third(value):
    return (value / RATE**3).log() / RATE


def differences(seed):
    draw = Draw(seed)
    x, h = draw.number().detach(), 0.3 * draw.positive().detach()
    e, slope, second = f(x), RATE * f(x), RATE**2 * f(x)
    up = (f(x + h) - e - h * slope - h**2 / 2 * second) * 6 / h**3
    down = -(f(x - h) - e + h * slope - h**2 / 2 * second) * 6 / h**3
    central = ((f(x + h) - f(x - h)) / (2 * h) - slope) * 6 / h**2
    return {
        "x": x.requires_grad_(), "h": h.requires_grad_(), "f()": f,
        r"\xi_+": where_third(up), r"\xi_-": where_third(down), r"\xi": where_third(central),
    }  # fmt: skip


DIFFERENCES = Subject(
    labels=("eq-taylor", "eq-central-difference"), point=differences, free=("f()",)
)


def forward_difference(seed):
    values = differences(seed)
    x, h = values["x"].detach(), values["h"].detach()
    second = ((f(x + h) - f(x)) / h - RATE * f(x)) * 2 / h
    return {**values, r"\xi": (second / RATE**2).log() / RATE}


FORWARD_DIFFERENCE = Subject(
    labels=("eq-forward-difference",), point=forward_difference, free=("f()",)
)


def rounding(seed):
    """Every combination of the largest roundings is among the points: there `=` is reached."""
    draw = Draw(seed)
    f_up, f_down, h, eps = draw.number(), draw.number(), draw.positive(), 0.1 * draw.positive()
    share = torch.rand(2, generator=torch.Generator().manual_seed(seed)).double() * 2 - 1
    if seed % 2 == 0:
        share = torch.stack([f_up.sign(), -f_down.sign()])
    up, down = (share * eps).detach()
    return {
        "f_+": f_up, "f_-": f_down, r"\delta_+": up.requires_grad_(),
        r"\delta_-": down.requires_grad_(), "h": h, r"\varepsilon": eps.detach().requires_grad_(),
    }  # fmt: skip


ROUNDING = Subject(labels=("eq-rounding-error",), point=rounding, sharp={"eq-rounding-error": {2}})


def best_step(seed):
    draw = Draw(seed)
    eps, size, third = draw.positive(), draw.positive(), draw.positive()
    best = (3 * eps * size / third).pow(1 / 3)

    def e(h):
        return h.square() * third / 6 + eps / h * size

    return {
        r"\varepsilon": eps, "F": size, "F_3": third, "h^*": best, "h": best, "e()": e,
    }  # fmt: skip


def any_step(seed):
    return {**best_step(seed), "h": Draw(seed + 50).positive()}


TOTAL_ERROR = Subject(labels=("eq-total-error",), point=any_step)
BEST_STEP = Subject(labels=("eq-best-step",), point=best_step)


def relative_error(seed):
    """Entries where each of the three sizes below the line is the largest one."""
    draw = Draw(seed)
    measured = draw(6, 5).detach()
    measured[0] *= 1e-6
    claimed = (measured + 1e-3 * draw(6, 5)).detach()
    floor = 1e-3 * measured.abs().max().expand(6, 5)
    size = torch.stack([claimed.abs(), measured.abs(), floor]).amax(0)
    return {
        "g": claimed.requires_grad_(), r"\tilde g": measured.requires_grad_(),
        r"\text{relative error}": ((claimed - measured).abs() / size).detach(),
    }  # fmt: skip


RELATIVE_ERROR = Subject(labels=("eq-relative-error",), point=relative_error)


def kink(seed):
    draw = Draw(seed)
    h = draw.positive()
    share = torch.rand((), generator=torch.Generator().manual_seed(seed)).double() * 1.9 - 0.95
    return {"h": h, "z": (share * h).detach().requires_grad_()}


KINK = Subject(
    labels=("eq-kink",),
    point=kink,
    zero={"eq-kink": "relu(z - h) is 0 where |z| < h, and is written as 0"},
)


def direction(seed):
    draw = Draw(seed)
    X, W, V = draw(4, 5), draw(5, 3), draw(5, 3)

    def loss(W):
        return torch.sin(X @ W).square().sum()

    return {"D": 5, "K": 3, "W": W, "V": V, "s": draw.number(), "L()": loss, "L": loss(W)}


DIRECTION = Subject(
    labels=("eq-directional",),
    point=direction,
    indices={"j": (1, 5), "k": (1, 3)},
    zero={"eq-directional": "s V is 0 at s = 0; its derivative is not"},
)
