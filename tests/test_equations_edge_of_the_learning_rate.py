"""The equations of book/edge-of-the-learning-rate.md, both sides at random points.

An average over all batches is an average over all ways to draw one: with few pictures these can be
listed.
"""

from itertools import product

import torch
from equations import assert_equal, equation, random_point

N, D = 11, 4
ALL_X = torch.cat([random_point(N, D, seed=6), torch.ones(N, 1).double()], 1)  # a column of ones
ALL_Y = random_point(N, 1, seed=7)
START = random_point(D + 1, 1, seed=8)


def full_loss(w):
    return (ALL_X @ w - ALL_Y).square().mean()


def full_gradient(w):
    return ALL_X.T @ (2 / N * (ALL_X @ w - ALL_Y))


def hessian():
    return 2 / N * ALL_X.T @ ALL_X


@equation("eq-slope-step")
def test_slope_step():
    x, y, lr = random_point(N, seed=15), random_point(N, seed=16), 0.4
    curvature = 2 * x.square().mean()
    w = torch.tensor(1.7).double()

    def slope(w):
        return (2 * x * (x * w - y)).mean()

    new_w = w - lr * slope(w)
    assert_equal(slope(new_w), slope(w) + curvature * (new_w - w))
    assert_equal(slope(new_w), slope(w) + curvature * (-lr * slope(w)))
    assert_equal(slope(new_w), (1 - lr * curvature) * slope(w))


@equation("eq-full-gradient")
def test_full_gradient():
    w = START.clone().requires_grad_()
    full_loss(w).backward()
    assert_equal(full_gradient(START), w.grad)


@equation("eq-gradient-step")
def test_gradient_step():
    s, lr = random_point(D + 1, 1, seed=17), 0.1
    assert_equal(full_gradient(START + s), full_gradient(START) + hessian() @ s)
    by_autograd = torch.autograd.functional.hessian(
        lambda flat: full_loss(flat[:, None]), START[:, 0]
    )
    assert_equal(hessian(), by_autograd)
    g = full_gradient(START)
    assert_equal(full_gradient(START - lr * g), g + hessian() @ (-lr * g))
    assert_equal(full_gradient(START - lr * g), (torch.eye(D + 1).double() - lr * hessian()) @ g)


@equation("eq-mode-step")
def test_mode_step():
    lr = 0.1
    eigenvalues, eigenvectors = torch.linalg.eigh(hessian())
    g = full_gradient(START)
    new = full_gradient(START - lr * g)
    for value, vector in zip(eigenvalues, eigenvectors.T):
        v = vector[:, None]
        assert_equal(hessian() @ v, value * v)
        assert_equal(v.T @ new, v.T @ g - lr * v.T @ hessian() @ g)
        assert_equal(v.T @ new, (1 - lr * value) * (v.T @ g))
        assert_equal(v.T @ hessian() @ v, 2 / N * (ALL_X @ v).square().sum()[None, None])


@equation("eq-edge")
def test_edge():
    edge = 2 / torch.linalg.eigvalsh(hessian())[-1]
    assert_equal(edge, N / torch.linalg.eigvalsh(ALL_X.T @ ALL_X)[-1])
    best = torch.linalg.lstsq(ALL_X, ALL_Y).solution

    def distance_after(lr, steps=3000):
        w = START
        for _ in range(steps):
            w = w - lr * full_gradient(w)
        return (w - best).norm()

    assert distance_after(0.99 * edge) < 1e-6
    assert distance_after(1.01 * edge) > 1e6


# --- the noise of small batches ---

FEW, B = 4, 3
BATCHES = list(product(range(FEW), repeat=B))  # every way to draw B of 4 pictures
x1, y1 = random_point(FEW, seed=30), random_point(FEW, seed=31)
BOTTOM = (x1 * y1).sum() / x1.square().sum()
LAMBDA = 2 * x1.square().mean()


def mean(numbers):
    return sum(numbers) / len(numbers)


def curvature_and_slope(batch):
    x, y = x1[list(batch)], y1[list(batch)]
    return 2 / B * x.square().sum(), 2 / B * (x * (x * BOTTOM - y)).sum()


def after_a_step(d, batch, lr):
    """The distance from the bottom after a step that autograd's slope makes."""
    x, y = x1[list(batch)], y1[list(batch)]
    w = (BOTTOM + d).clone().requires_grad_()
    (x * w - y).square().mean().backward()
    return (w.detach() - lr * w.grad) - BOTTOM


A_AND_NU = [curvature_and_slope(batch) for batch in BATCHES]
E_A_SQUARE = mean([a**2 for a, _ in A_AND_NU])
E_NU_SQUARE = mean([nu**2 for _, nu in A_AND_NU])
D_T = random_point(5, seed=32)  # where five runs are, each equally likely


@equation("eq-batch-slope")
def test_batch_slope():
    w, batch = torch.tensor(1.3).double(), (0, 2, 3)
    x, y = x1[list(batch)], y1[list(batch)]
    left = 2 / B * (x * (x * w - y)).sum()
    a, nu = curvature_and_slope(batch)
    middle = 2 / B * x.square().sum() * (w - BOTTOM) + 2 / B * (x * (x * BOTTOM - y)).sum()
    assert_equal(left, middle)
    assert_equal(left, a * (w - BOTTOM) + nu)
    leaf = w.clone().requires_grad_()
    (x * leaf - y).square().mean().backward()
    assert_equal(leaf.grad, left)


@equation("eq-noise-step")
def test_noise_step():
    lr, d = 0.3, D_T[0]
    for batch, (a, nu) in zip(BATCHES, A_AND_NU):
        new = after_a_step(d, batch, lr)
        assert_equal(new, d - lr * (a * d + nu))
        assert_equal(new, (1 - lr * a) * d - lr * nu)


@equation("eq-mean-step")
def test_mean_step():
    lr = 0.3
    new = mean([after_a_step(d, batch, lr) for d in D_T for batch in BATCHES])
    assert_equal(mean([a for a, _ in A_AND_NU]), LAMBDA)
    assert_equal(mean([nu for _, nu in A_AND_NU]), torch.zeros(()).double())
    middle = mean([1 - lr * a for a, _ in A_AND_NU]) * D_T.mean()
    assert_equal(new, middle - lr * mean([nu for _, nu in A_AND_NU]))
    assert_equal(new, (1 - lr * LAMBDA) * D_T.mean())


@equation("eq-mean-square")
def test_mean_square():
    lr = 0.3
    new = mean([after_a_step(d, batch, lr) ** 2 for d in D_T for batch in BATCHES])
    factor = mean([(1 - lr * a) ** 2 for a, _ in A_AND_NU])
    mixed = mean([(1 - lr * a) * nu for a, nu in A_AND_NU])
    assert abs(mixed) > 0.01  # or the middle term would not be seen
    right = factor * D_T.square().mean() - 2 * lr * mixed * D_T.mean() + lr**2 * E_NU_SQUARE
    assert_equal(new, right)


@equation("eq-mean-square-edge")
def test_mean_square_edge():
    variance = (2 * x1.square()).var(correction=0)
    edge = 2 * LAMBDA / E_A_SQUARE
    assert_equal(E_A_SQUARE, LAMBDA**2 + variance / B)
    assert_equal(edge, 2 * LAMBDA / (LAMBDA**2 + variance / B))
    assert edge < 2 / LAMBDA
    for lr in (0.3, edge):
        factor = mean([(1 - lr * a) ** 2 for a, _ in A_AND_NU])
        assert_equal(factor, 1 - 2 * lr * LAMBDA + lr**2 * E_A_SQUARE)
    assert_equal(factor, torch.ones(()).double())  # at the edge


@equation("eq-hovering")
def test_hovering():
    edge = (2 * LAMBDA / E_A_SQUARE).item()
    variance = (2 * x1 * (x1 * BOTTOM - y1)).var(correction=0)
    assert_equal(E_NU_SQUARE, variance / B)
    for lr in (0.1 * edge, 0.8 * edge):
        factor = mean([(1 - lr * a) ** 2 for a, _ in A_AND_NU])
        mixed = mean([(1 - lr * a) * nu for a, nu in A_AND_NU])
        at, square = torch.tensor(2.0).double(), torch.tensor(4.0).double()  # all runs at 2
        for _ in range(3000):  # the recursion, until it rests
            square = factor * square - 2 * lr * mixed * at + lr**2 * E_NU_SQUARE
            at = (1 - lr * LAMBDA) * at
        assert_equal(square, lr**2 * E_NU_SQUARE / (1 - factor))
        assert_equal(square, lr * E_NU_SQUARE / (2 * LAMBDA - lr * E_A_SQUARE))
        height = lr / B * variance / (4 - 2 * lr * E_A_SQUARE / LAMBDA)
        assert_equal(LAMBDA / 2 * square, height)


BEST = torch.linalg.lstsq(ALL_X, ALL_Y).solution
PAIRS = list(product(range(N), repeat=2))  # every batch of two


def batch_gradient(w, batch):
    x, y = ALL_X[list(batch)], ALL_Y[list(batch)]
    return 2 / len(batch) * x.T @ (x @ w - y)


@equation("eq-height")
def test_height():
    d = random_point(D + 1, 1, seed=33)
    assert_equal((full_loss(BEST + d) - full_loss(BEST))[None, None], d.T @ hessian() @ d / 2)


@equation("eq-rest-identity")
def test_rest_identity():
    lr = 0.1
    places = [random_point(D + 1, 1, seed=34), random_point(D + 1, 1, seed=35)]
    steps = [(d, batch_gradient(BEST + d, batch)) for d in places for batch in PAIRS]
    left = mean([(d - lr * g).square().sum() for d, g in steps])
    lengths = mean([d.square().sum() for d in places])
    square = mean([g.square().sum() for _, g in steps])
    curved = mean([(d.T @ hessian() @ d).squeeze() for d in places])
    heights = mean([full_loss(BEST + d) for d in places]) - full_loss(BEST)
    assert_equal(left, lengths - 2 * lr * curved + lr**2 * square)
    assert_equal(left, lengths - 4 * lr * heights + lr**2 * square)


def mean_square_at_rest(lr):
    """E d d^T of runs that rest, by repeating the exact step with all batches of two."""
    count = len(PAIRS)
    x = ALL_X[torch.tensor(PAIRS)]  # [pairs, 2, D + 1]
    hessians = x.mT @ x  # 2 / 2 x^T x
    noise = torch.stack([batch_gradient(BEST, batch) for batch in PAIRS])  # [pairs, D + 1, 1]
    step = torch.eye(D + 1).double() - lr * hessians
    M = torch.zeros(D + 1, D + 1).double()
    for _ in range(3000):
        M = (step @ M @ step.mT).sum(0) / count + lr**2 * (noise @ noise.mT).sum(0) / count
    return M, hessians, noise


@equation("eq-hovering-all")
def test_hovering_all():
    lr = 0.05
    M, hessians, noise = mean_square_at_rest(lr)
    height = (hessian() * M).sum() / 2
    # E |g|^2 with g = H_B d + noise, and E d = 0 at rest
    square = torch.einsum("bij,jk,bik->", hessians, M, hessians) / len(PAIRS)
    square = square + noise.square().sum() / len(PAIRS)
    assert_equal(height, lr / 4 * square, 1e-8)


@equation("eq-eta-over-b")
def test_eta_over_b():
    single = [batch_gradient(BEST, (i,)).square().sum() for i in range(N)]
    errors = []
    for lr in (0.02, 0.01, 0.005):
        M, _, _ = mean_square_at_rest(lr)
        height = (hessian() * M).sum() / 2
        errors.append((height / (lr / 2 * mean(single) / 4) - 1).item())
    assert 0 < errors[2] < 0.02  # the ratio goes to 1 ...
    assert 1.8 < errors[0] / errors[1] < 2.3  # ... in proportion to the rate
    assert 1.8 < errors[1] / errors[2] < 2.3


@equation("eq-mean-square-matrix")
def test_mean_square_matrix():
    lr, eye = 0.1, torch.eye(D + 1).double()
    places = [random_point(D + 1, 1, seed=36), random_point(D + 1, 1, seed=37)]
    M = mean([d @ d.T for d in places])
    hessians = [ALL_X[list(batch)].T @ ALL_X[list(batch)] for batch in PAIRS]  # 2 / 2
    new = [(eye - lr * h) @ d for h in hessians for d in places]
    left = mean([d @ d.T for d in new])
    assert_equal(left, mean([(eye - lr * h) @ M @ (eye - lr * h) for h in hessians]))
    spread = mean([h @ M @ h for h in hessians])
    assert_equal(left, M - lr * (hessian() @ M + M @ hessian()) + lr**2 * spread)


@equation("eq-batch-pairs")
def test_batch_pairs():
    root = random_point(D + 1, D + 1, seed=38)
    M = root @ root.T
    left = mean(
        [x.T @ x @ M @ x.T @ x for x in (ALL_X[list(batch)] for batch in PAIRS)]  # H_B is x^T x
    )
    rows = [ALL_X[i : i + 1] for i in range(N)]
    same = 4 / N * sum((x @ M @ x.T) * (x.T @ x) for x in rows)
    assert_equal(left, (1 - 1 / 2) * hessian() @ M @ hessian() + 1 / 2 * same)
