"""The equations of book/floor-under-regression.md, both sides at random points."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import one_hot

N, D = 12, 4
X = torch.cat([random_point(N, D, seed=1), torch.ones(N, 1).double()], 1)  # [N, D + 1]
Y = random_point(N, 1, seed=2)
EYE = torch.eye(D + 1, dtype=torch.float64)
BEST = torch.linalg.lstsq(X, Y).solution
LABELS = torch.randint(0, 10, (N,), generator=torch.Generator().manual_seed(3))
ONE_HOT = one_hot(LABELS).double()


def loss(w):
    return (X @ w - Y).square().mean()


def gradient(w):
    return 2 / N * X.T @ (X @ w - Y)


@equation("eq-normal-equations")
def test_normal_equations():
    assert_equal(gradient(BEST), torch.zeros(D + 1, 1).double())
    w = BEST.clone().requires_grad_()
    loss(w).backward()
    assert_equal(w.grad, torch.zeros(D + 1, 1).double())


@equation("eq-least-squares")
def test_least_squares():
    assert_equal(X.T @ X @ BEST, X.T @ Y)


@equation("eq-floor")
def test_floor():
    s = random_point(D + 1, 1, seed=5)
    first = (X @ BEST - Y + X @ s).square().sum() / N
    second = loss(BEST) + s.T @ gradient(BEST) + (X @ s).square().sum() / N
    third = loss(BEST) + (X @ s).square().sum() / N
    assert_equal(loss(BEST + s), first)
    assert_equal(loss(BEST + s)[None, None], second)
    assert_equal(loss(BEST + s), third)


@equation("eq-ridge")
def test_ridge():
    alpha = 0.3
    w = torch.linalg.solve(X.T @ X + alpha * EYE, X.T @ Y).requires_grad_()
    (N * loss(w) + alpha * w.square().sum()).backward()
    assert_equal(w.grad, torch.zeros(D + 1, 1).double())
    assert_equal((X.T @ X + alpha * EYE) @ w.detach(), X.T @ Y)


@equation("eq-shrinkage")
def test_shrinkage():
    said, true, mean = (X @ BEST)[:, 0], Y[:, 0], Y.mean()
    e = said - true
    a, b = said - mean, true - mean
    assert_equal((a * b).sum(), (a * a).sum() - (a * e).sum())
    assert_equal((a * b).sum(), (a * a).sum())
    assert_equal((b * b).sum(), (a * a).sum() - 2 * (a * e).sum() + (e * e).sum())
    assert_equal((b * b).sum(), (a * a).sum() + (e * e).sum())
    r_squared = 1 - (e * e).sum() / (b * b).sum()
    assert_equal((a * b).sum() / (b * b).sum(), ((b * b).sum() - (e * e).sum()) / (b * b).sum())
    assert_equal((a * b).sum() / (b * b).sum(), r_squared)
    assert_equal(said.mean(), mean)


def descend(steps, lr, x=X):
    w = random_point(x.shape[1], 1, seed=6)
    for _ in range(steps):
        w = w - lr * 2 / N * x.T @ (x @ w - Y)
    return w


# with a pixel that is always blank and a pixel that repeats another: two eigenvalues are zero
SINGULAR = torch.cat([torch.zeros(N, 1).double(), X[:, :1], X], 1)


def modes(x, lr):
    values, vectors = torch.linalg.eigh(2 / N * x.T @ x)
    kept = values > 1e-10
    start = random_point(x.shape[1], 1, seed=6)
    c = vectors.T @ (2 / N * x.T @ (x @ start - Y))
    return start, values[kept, None], vectors[:, kept], c[kept]


@equation("eq-weights-at-step")
def test_weights_at_step():
    steps, lr = 7, 0.15
    for x, zero_values in ((X, 0), (SINGULAR, 2)):
        start, values, vectors, c = modes(x, lr)
        assert len(values) == x.shape[1] - zero_values
        total = lr * sum((1 - lr * values) ** tau for tau in range(steps))
        closed = (1 - (1 - lr * values) ** steps) / values
        assert_equal(total, closed)
        assert_equal(start - vectors @ (c * total), descend(steps, lr, x))


@equation("eq-excess-loss")
def test_excess_loss():
    steps, lr = 7, 0.15
    for x in (X, SINGULAR):
        _, values, _, c = modes(x, lr)
        floor = (x @ torch.linalg.pinv(x) @ Y - Y).square().mean()
        excess = (c**2 / (2 * values) * (1 - lr * values) ** (2 * steps)).sum()
        assert_equal((x @ descend(steps, lr, x) - Y).square().mean(), floor + excess)


@equation("eq-filter-ridge")
def test_filter_ridge():
    alpha, least = 0.3, torch.linalg.pinv(SINGULAR) @ Y
    size = SINGULAR.shape[1]
    gram = SINGULAR.T @ SINGULAR + alpha * torch.eye(size).double()
    solved = torch.linalg.solve(gram, SINGULAR.T @ Y)
    values, vectors = torch.linalg.eigh(2 / N * SINGULAR.T @ SINGULAR)
    for value, vector in zip(values, vectors.T):
        part, of_least = vector @ solved, vector @ least
        assert_equal((N / 2 * value + alpha) * part, N / 2 * value * of_least)
        assert_equal(part, value / (value + 2 * alpha / N) * of_least)


@equation("eq-filter-descent")
def test_filter_descent():
    steps, lr, least = 7, 0.15, torch.linalg.pinv(SINGULAR) @ Y
    w = torch.zeros(SINGULAR.shape[1], 1).double()
    first = 2 / N * SINGULAR.T @ (SINGULAR @ w - Y)
    for _ in range(steps):
        w = w - lr * 2 / N * SINGULAR.T @ (SINGULAR @ w - Y)
    values, vectors = torch.linalg.eigh(2 / N * SINGULAR.T @ SINGULAR)
    for value, vector in zip(values, vectors.T):
        if value > 1e-10:
            c = vector @ first
            closed = -c * (1 - (1 - lr * value) ** steps) / value
            assert_equal(vector @ w, closed)
            assert_equal(vector @ w, (1 - (1 - lr * value) ** steps) * (vector @ least))


@equation("eq-filter-match")
def test_filter_match():
    alpha, lr = 3.0, 1e-4
    t = N / (2 * lr * alpha)
    ratios = []
    for value in (1e-3, 1e-4, 1e-5):  # the flatter, the better they agree
        ridge = value / (value + 2 * alpha / N)
        descent = 1 - (1 - lr * value) ** t
        ratios.append(ridge / descent)
    assert abs(ratios[2] - 1) < 1e-4
    assert abs(ratios[0] - 1) > 9 * abs(ratios[1] - 1) > 81 * abs(ratios[2] - 1)


@equation("eq-relabelled")
def test_relabelled():
    alpha = 0.3
    name = torch.randperm(10, generator=torch.Generator().manual_seed(7))
    column = name.double()[:, None]  # [10, 1]
    assert_equal(ONE_HOT @ column, name[LABELS].double()[:, None])
    inverse = torch.linalg.inv(X.T @ X + alpha * EYE)
    direct = torch.linalg.solve(X.T @ X + alpha * EYE, X.T @ name[LABELS].double()[:, None])
    assert_equal(inverse @ X.T @ (ONE_HOT @ column), direct)
    assert_equal((inverse @ X.T @ ONE_HOT) @ column, direct)


@equation("eq-rows-sum-to-one")
def test_rows_sum_to_one():
    weights = torch.linalg.lstsq(X, ONE_HOT).solution  # [D + 1, 10]
    ones_out, ones_rows = torch.ones(10, 1).double(), torch.ones(N, 1).double()
    left = X.T @ (X @ weights @ ones_out - ones_rows)
    assert_equal(left, X.T @ (X @ weights - ONE_HOT) @ ones_out)
    assert_equal(left, torch.zeros(D + 1, 1).double())
    assert_equal(X @ weights @ ones_out, ones_rows)
