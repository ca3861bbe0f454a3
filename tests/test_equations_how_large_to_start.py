"""Both sides of each displayed equation of the page on how large to start."""

from itertools import product

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import init_layers, relu

D = 7

# For the sizes: weights that are +s or -s, each with probability one half, have mean 0 and variance
# s**2, and are as likely to be w as -w. All 2**D of them can be gone through, so E is exact.
S = 0.6
ALL_WEIGHTS = torch.tensor(list(product((-S, S), repeat=D)), dtype=torch.float64)  # [2**D, D]
INPUT = random_point(D, seed=9)


@equation("eq-one-weight-size")
def test_size_behind_one_weight():
    w = ALL_WEIGHTS[:, 0]
    for x in INPUT:
        assert_equal((x * w).square().mean(), x**2 * w.square().mean())
        assert_equal((x * w).square().mean(), S**2 * x**2)


@equation("eq-unit-size")
def test_size_of_a_unit():
    w, x = ALL_WEIGHTS, INPUT
    left = (w @ x).square().mean()
    product_of_sums = (sum(x[j] * w[:, j] for j in range(D)) * (w @ x)).mean()
    pairs = product(range(D), range(D))
    over_pairs = sum(x[j] * x[k] * (w[:, j] * w[:, k]).mean() for j, k in pairs)
    assert_equal(left, product_of_sums)
    assert_equal(left, over_pairs)
    assert_equal(left, sum(x[j] ** 2 * w[:, j].square().mean() for j in range(D)))
    assert_equal(left, D * S**2 * x.square().sum() / D)


@equation("eq-relu-size")
def test_relu_halves_the_size():
    z = ALL_WEIGHTS @ INPUT
    assert_equal(relu(z)[0].square().mean(), z.square().mean() / 2)


@equation("eq-he-variance")
def test_he_variance():
    def size_of_outputs(weights):
        return relu(weights @ INPUT)[0].square().mean()

    size = INPUT.square().sum() / D
    assert_equal(size_of_outputs(ALL_WEIGHTS), D * S**2 / 2 * size)
    assert_equal(size_of_outputs(ALL_WEIGHTS / S * (2 / D) ** 0.5), size)  # variance 2/D keeps it
    drawn = init_layers([200, 5000], seed=0)[0].weights  # and that is what the package draws
    assert abs(drawn.var().item() / (2 / 200) - 1) < 0.01
    assert abs(drawn.mean().item()) < 1e-3
