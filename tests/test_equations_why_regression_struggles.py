"""The equations of book/why-regression-struggles.md, both sides at random points."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import one_hot

N, D = 12, 4
X = torch.cat([random_point(N, D, seed=1), torch.ones(N, 1).double()], 1)  # [N, D + 1]
Y = random_point(N, 1, seed=2)


@equation("eq-best-constant")
def test_best_constant():
    c, y = torch.tensor(0.7, dtype=torch.float64), Y[:, 0]
    mean = sum(y) / N
    left = sum((c - y[i]) ** 2 for i in range(N)) / N
    variance = sum((y[i] - mean) ** 2 for i in range(N)) / N
    assert_equal(left, (c - mean) ** 2 + variance)
    assert_equal(variance, y.var(correction=0))


@equation("eq-r-squared")
def test_r_squared():
    said, mean = X @ random_point(D + 1, 1, seed=4), Y.mean()
    definition = 1 - (said - Y).square().sum() / (Y - mean).square().sum()
    in_the_chapter = 1 - (said - Y).square().mean((-2, -1)) / Y.var(correction=0)
    assert_equal(definition, in_the_chapter)


@equation("eq-renamed-step")
def test_renamed_step():
    B, lr, x = 9, 0.2, X[:9, :D]
    labels = torch.randint(0, 10, (B,), generator=torch.Generator().manual_seed(3))
    names = torch.randperm(10, generator=torch.Generator().manual_seed(4)).double()[:, None]
    W, b = random_point(D, 10, seed=5), random_point(1, 10, seed=6)
    hot = one_hot(labels).double()
    assert_equal(hot @ names, names[labels])
    leaf = W.clone().requires_grad_()
    (x @ leaf + b - hot).square().mean(0).sum().backward()  # ten regressions
    step = W - lr * 2 / B * x.T @ (x @ W + b - hot)
    assert_equal(step, W - lr * leaf.grad)
    column = (W @ names).requires_grad_()
    (x @ column + b @ names - names[labels]).square().mean().backward()
    assert_equal(step @ names, column.detach() - lr * column.grad)
    renamed = W @ names - lr * 2 / B * x.T @ (x @ W @ names + b @ names - hot @ names)
    assert_equal(step @ names, renamed)
