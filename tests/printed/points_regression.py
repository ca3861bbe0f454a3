"""Linear maps, squared error, its gradients, and least squares."""

import torch

from printed.check import Subject
from printed.points import Draw, ones_column
from scratchmnist import Layer, sgd_step

B, D, K, N = 4, 5, 3, 12


def one_image(seed):
    draw = Draw(seed)
    x, w, b, y = draw(1, D), draw(D, 1), draw(1, 1), draw(1, 1)
    said = x @ w + b
    return {
        "D": D, "x": x, "w": w, "b": b, "y": y, r"\hat y": said,
        "e": said - y, "L": (said - y).square().sum(),
    }  # fmt: skip


ONE_IMAGE = Subject(
    labels=("eq-weighted-sum", "eq-slope-one-image"),
    point=one_image,
    indices={"j": (1, D)},
)


def one_weight(seed):
    x, w, b, y = Draw(seed).numbers(4)
    said = w * x + b
    return {"x": x, "w": w, "b": b, r"\hat y": said, "e": said - y, "L": (said - y) ** 2}


ONE_WEIGHT = Subject(labels=("eq-slope-one-weight",), point=one_weight)


def one_output(seed):
    draw = Draw(seed)
    X, w, b, y = draw(B, D), draw(D, 1), draw(1, 1), draw(B, 1)
    e = X @ w + b - y
    return {"B": B, "D": D, "X": X, "w": w, "b": b, "e": e, "L": e.square().mean()}


ONE_OUTPUT = Subject(
    labels=("eq-slope-batch",),
    point=one_output,
    indices={"i": (1, B), "j": (1, D)},
)


def squared_error(seed):
    draw = Draw(seed)
    said, y = draw(B, K), draw(B, K)
    return {
        "B": B, "K": K, r"\hat Y": said, "Y": y,
        "E": said - y, "L": torch.nn.functional.mse_loss(said, y),
    }  # fmt: skip


SQUARED_ERROR = Subject(
    labels=("eq-mse", "eq-mse-gradient"),
    point=squared_error,
    indices={"i": (1, B), "k": (1, K)},
)


def linear_map(seed):
    """A batch goes through X W + b, and some loss follows."""
    draw = Draw(seed)
    X, W, b = draw(B, D), draw(D, K), draw(1, K)
    mix = draw(B, K).detach()

    def loss(W, b=b):
        return ((X @ W + b) * mix + (X @ W + b).square() / 3).sin().sum()

    Z = X @ W + b
    L = (Z * mix + Z.square() / 3).sin().sum()
    G, d_w, d_b = torch.autograd.grad(L, (Z, W, b), retain_graph=True)
    eta = draw.positive()
    ((new_w, new_b),) = sgd_step([Layer(W.detach(), b.detach())], [Layer(d_w, d_b)], eta.item())
    return {
        "B": B, "D": D, "K": K, "X": X, "W": W, "b": b, "Z": Z, "L": L, "L()": loss, "G": G,
        r"\eta": eta, r"W\leftarrow": new_w, r"b\leftarrow": new_b,
    }  # fmt: skip


LINEAR_MAP = Subject(
    labels=(
        "eq-linear",
        "eq-weights-chain",
        "eq-bias-and-input-chain",
        "eq-linear-gradients",
        "eq-sgd",
        "eq-descent",
    ),
    point=linear_map,
    indices={"i": (1, B), "j": (1, D), "k": (1, K), "m": (1, K)},
    tolerance=1e-8,
)


def broadcast_bug(seed):
    draw = Draw(seed)
    said, y = draw(B, 1), draw(B, 1)
    return {"B": B, r"\hat y": said, "y": y, r"\bar y": y.mean()}


BROADCAST_BUG = Subject(
    labels=("eq-broadcast-bug",),
    point=broadcast_bug,
    indices={"i": (1, B)},
    holds={"eq-broadcast-bug": {r"\bar y": {1, 2}}},
)


def parabola(seed):
    """Gradient descent on one weight."""
    lam, shift, w, eta = Draw(seed).numbers(4)
    path = [w]
    for _ in range(4):
        path.append(path[-1] - eta * (lam * path[-1] + shift))
    w = torch.stack(path)[:, None]
    return {r"\lambda": lam, r"\eta": eta, "w": w, "g": lam * w + shift}


PARABOLA = Subject(labels=("eq-slope-step",), point=parabola, indices={"t": (1, 4)})


def full_batch(seed):
    draw = Draw(seed)
    X, Y = ones_column(draw(N, D)), draw(N, 1)
    start, s = draw(D + 1, 1), draw(D + 1, 1)
    H = torch.autograd.functional.hessian(
        lambda w: (X @ w[:, None] - Y).square().mean(), torch.zeros(D + 1).double()
    )

    def g(w):
        w = w.detach().clone().requires_grad_()
        return torch.autograd.grad((X @ w - Y).square().mean(), w)[0]

    values, vectors = torch.linalg.eigh(H)
    eta = 0.999 * 2 / values[-1]
    weights = [start.detach()]
    for _ in range(4):
        weights.append(weights[-1] - eta * g(weights[-1]))
    which = seed % (D + 1)
    return {
        "N": N, "D": D, r"\tilde X": X, "Y": Y, r"\tilde w": start, "s": s, "g()": g, "H": H,
        "I": torch.eye(D + 1).double(), r"\eta": eta, "g": torch.stack([g(w) for w in weights]),
        "v": vectors[:, [which]], r"\lambda": values[which],
        r"\lambda_{\max}()": lambda A: torch.linalg.eigvalsh(A)[..., -1],
    }  # fmt: skip


FULL_BATCH = Subject(
    labels=("eq-full-gradient", "eq-gradient-step", "eq-mode-step", "eq-edge"),
    point=full_batch,
    indices={"t": (1, 4)},
)


def spread_of_labels(seed):
    draw = Draw(seed)
    y, c, said = draw(N, 1), draw.number(), draw(N, 1)
    mean = y.mean()
    R2 = 1 - torch.nn.functional.mse_loss(said, y) / y.var(correction=0)
    return {"N": N, "y": y, "c": c, r"\bar y": mean, r"\hat y": said, "R^2": R2}


SPREAD_OF_LABELS = Subject(
    labels=("eq-best-constant", "eq-r-squared"),
    point=spread_of_labels,
    indices={"i": (1, N)},
)


def least_squares(seed):
    draw = Draw(seed)
    X, Y = ones_column(draw(N, D).detach()), draw(N, 1).detach()
    best, s = torch.linalg.lstsq(X, Y).solution, draw(D + 1, 1)
    said, mean = X @ best, Y.mean()
    e = said - Y
    return {
        "N": N, "D": D, r"\tilde X": X, "Y": Y, r"\hat w": best, "s": s,
        "L()": lambda w: (X @ w - Y).square().mean((-2, -1)),
        "y": Y, r"\hat y": said, r"\bar y": mean, "e": e,
        "R^2": 1 - e.square().sum() / (Y - mean).square().sum(),
    }  # fmt: skip


def not_the_best(values):
    said = values(r"\hat y") + values("y") ** 2 + 0.1 * values("y")
    return {r"\hat y": said, "e": said - values("y"), r"\bar y": values(r"\bar y") + 0.3}


LEAST_SQUARES = Subject(
    labels=("eq-normal-equations", "eq-least-squares", "eq-floor", "eq-shrinkage"),
    point=least_squares,
    indices={"i": (1, N)},
    holds={"eq-floor": {r"\hat w": {1, 2}}, "eq-shrinkage": {not_the_best: {1, 3}}},
)


def ridge(seed):
    draw = Draw(seed)
    X, Y, alpha = ones_column(draw(N, D).detach()), draw(N, 1).detach(), draw.positive()
    w = torch.linalg.solve(X.T @ X + alpha * torch.eye(D + 1).double(), X.T @ Y)
    return {
        "N": N, "D": D, r"\tilde X": X, "Y": Y, r"\alpha": alpha,
        "I": torch.eye(D + 1).double(), r"\tilde w": w,
    }  # fmt: skip


RIDGE = Subject(labels=("eq-ridge",), point=ridge)


def descent_in_modes(seed):
    """Gradient descent where two eigenvalues are 0: a blank column, and one that is there twice."""
    draw = Draw(seed)
    X = ones_column(draw(N, 3).detach())
    X, Y = torch.cat([torch.zeros(N, 1).double(), X[:, :1], X], 1), draw(N, 1).detach()
    H = 2 / N * X.T @ X
    values, vectors = torch.linalg.eigh(H)
    values = torch.where(values.abs() < 1e-10, 0.0, values)
    eta, t = 0.5 / values[-1], 3 + seed % 4
    start = draw(X.shape[1], 1).detach()
    path = [start]
    for _ in range(t):
        path.append(path[-1] - eta * 2 / N * X.T @ (X @ path[-1] - Y))
    c = vectors.T @ (2 / N * X.T @ (X @ start - Y))
    return {
        "N": N, "D": X.shape[1] - 1, r"\tilde X": X, "Y": Y, r"\eta": eta, "t": t,
        r"\lambda": values[:, None], "v": vectors.T[:, :, None], "c": c,
        r"\tilde w": torch.stack(path), r"\hat w": torch.linalg.pinv(X) @ Y,
        "L()": lambda w: (X @ w - Y).square().mean((-2, -1)),
    }  # fmt: skip


DESCENT_IN_MODES = Subject(
    labels=("eq-weights-at-step", "eq-excess-loss"),
    point=descent_in_modes,
    indices={"m": (1, 6), r"\tau": (0, 2)},
    from_zero=(r"\tilde w",),
)


def ten_columns(seed, alpha=None):
    draw = Draw(seed)
    X = ones_column(draw(2 * N, D).detach())
    labels = torch.randint(0, 10, (2 * N,), generator=torch.Generator().manual_seed(seed))
    Y1 = torch.eye(10).double()[labels]
    alpha = draw.positive() if alpha is None else torch.tensor(alpha).double()
    gram = X.T @ X + alpha * torch.eye(D + 1).double()
    names = torch.randperm(10, generator=torch.Generator().manual_seed(seed)).double()[:, None]
    return {
        "N": 2 * N, "D": D, r"\tilde X": X, "Y_1": Y1, r"\alpha": alpha, r"\pi": names,
        "I": torch.eye(D + 1).double(), r"\hat W": torch.linalg.solve(gram, X.T @ Y1),
        r"w_\pi": torch.linalg.solve(gram, X.T @ (Y1 @ names)),
    }  # fmt: skip


RELABELLED = Subject(labels=("eq-relabelled",), point=ten_columns)
ROWS_SUM_TO_ONE = Subject(labels=("eq-rows-sum-to-one",), point=lambda seed: ten_columns(seed, 0.0))


def two_pictures(seed):
    """One weight, two pictures."""
    w, b, x1, x2, y1, y2 = Draw(seed).numbers(6)
    one, other = w * x1 + b, w * x2 + b
    loss = ((one - y1) ** 2 + (other - y2) ** 2) / 2
    return {"w": w, r"\hat y_1": one, r"\hat y_2": other, "L": loss}


TWO_PICTURES = Subject(labels=("eq-two-ways",), point=two_pictures)


def one_column(seed):
    draw = Draw(seed)
    X, w, b, y = draw(B, D), draw(D, 1), draw(1, 1), draw(B, 1)
    said = X @ w + b
    return {
        "B": B, "D": D, "X": X, "w": w, "b": b, "Y": y, r"\hat Y": said,
        "L": torch.nn.functional.mse_loss(said, y),
    }  # fmt: skip


ONE_COLUMN = Subject(labels=("eq-gradient-one-output",), point=one_column, indices={"i": (1, B)})


def renamed_steps(seed):
    """Steps of ten columns at once, by autograd."""
    draw = Draw(seed)
    X, W, b = draw(B, D).detach(), draw(D, 10), draw(1, 10)
    labels = torch.randint(0, 10, (B,), generator=torch.Generator().manual_seed(seed))
    Y, eta = torch.eye(10, dtype=torch.float64)[labels], draw.positive()
    weights, biases = [W.detach()], [b.detach()]
    for _ in range(2):
        W, b = weights[-1].requires_grad_(), biases[-1].requires_grad_()
        slopes = torch.autograd.grad((X @ W + b - Y).square().sum(1).mean(), (W, b))
        weights.append((W - eta * slopes[0]).detach())
        biases.append((b - eta * slopes[1]).detach())
    names = torch.randperm(10, generator=torch.Generator().manual_seed(seed)).double()[:, None]
    return {
        "B": B, "D": D, "X": X, r"\eta": eta, "Y_1": Y, r"\pi": names.requires_grad_(),
        "W": torch.stack(weights).detach(), "b": torch.stack(biases).detach(),
    }  # fmt: skip


RENAMED_STEPS = Subject(labels=("eq-renamed-step",), point=renamed_steps, indices={"t": (1, 2)})


def filters(seed):
    """What ridge and gradient descent from zero keep of the best weights, along each direction."""
    draw = Draw(seed)
    X, Y, alpha = ones_column(draw(N, D).detach()), draw(N, 1).detach(), draw.positive().detach()
    H, eye = 2 / N * X.T @ X, torch.eye(D + 1, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(H)
    eta, t = 0.6 / values[-1], 3 + seed % 3
    path = [torch.zeros(D + 1, 1, dtype=torch.float64)]
    for _ in range(t):
        path.append(path[-1] - eta * 2 / N * X.T @ (X @ path[-1] - Y))
    return {
        "N": N, r"\alpha": alpha, r"\lambda": values[:, None], "v": vectors.T[:, :, None],
        r"\tilde w": torch.linalg.solve(X.T @ X + alpha * eye, X.T @ Y), "t": t, r"\eta": eta,
        r"\tilde w[]": torch.stack(path), r"\hat w": torch.linalg.lstsq(X, Y).solution,
        "c": vectors.T @ (-2 / N * X.T @ Y),
    }  # fmt: skip


FILTERS = Subject(
    labels=("eq-filter-ridge", "eq-filter-descent"),
    point=filters,
    indices={"m": (1, D + 1)},
    from_zero=(r"\tilde w[]",),
)


def same_filter(seed):
    """t so that both filters rise alike from 0: their slopes there are compared."""
    draw = Draw(seed)
    eta, alpha, zero = draw.positive(), draw.positive(), torch.zeros(()).double()

    def slope(filter_factor):
        return torch.autograd.functional.jacobian(filter_factor, zero)

    price = slope(lambda curve: N * curve / 2 / (N * curve / 2 + alpha.detach()))
    return {
        "N": N,
        r"\eta": eta,
        r"\alpha": alpha,
        "t": price / slope(lambda curve: eta.detach() * curve),
    }


SAME_FILTER = Subject(labels=("eq-filter-match",), point=same_filter)
