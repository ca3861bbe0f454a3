"""The equations of the page "All of MNIST"."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import init_layers, linear


@equation("eq-all-power")
def test_exponent_of_a_power_law():
    constant, beta = random_point(2, seed=0).abs() + 0.2
    sizes = torch.tensor([500.0, 60_000.0], dtype=torch.float64)
    e_1, e_2 = constant * sizes**-beta
    assert_equal(e_1 / e_2, (sizes[1] / sizes[0]) ** beta)
    assert_equal(beta, (e_1 / e_2).log() / (sizes[1] / sizes[0]).log())


@equation("eq-all-luck")
def test_scatter_within_sets():
    """Of S sets with R runs each: the mean of the sets' variances, whatever the sets' means."""
    a = random_point(4, 6, seed=1)
    variance = sum(sum((x - row.mean()) ** 2 for x in row) / 5 for row in a) / 4
    assert_equal(variance, a.var(1).mean())
    assert_equal(variance, (a + random_point(4, 1, seed=2)).var(1).mean())


@equation("eq-all-shuffled")
def test_shuffled_pixels_and_shuffled_weights_give_the_same_scores():
    X, W = random_point(5, 7, seed=3), random_point(7, 3, seed=4)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    shuffle = torch.eye(7, dtype=torch.float64)[:, order]
    assert_equal(X @ shuffle, X[:, order])
    assert_equal(shuffle.T @ W, W[order])
    assert_equal(shuffle @ shuffle.T, torch.eye(7, dtype=torch.float64))
    assert_equal((X @ shuffle) @ (shuffle.T @ W), X @ W)


@equation("eq-all-shuffled-step")
def test_a_step_keeps_shuffled_weights_shuffled():
    X, G, eta = random_point(5, 7, seed=5), random_point(5, 3, seed=6), 0.3
    [layer] = [layer._replace(weights=layer.weights.double()) for layer in init_layers([7, 3], 0)]
    order = torch.randperm(7, generator=torch.Generator().manual_seed(1))

    def step(X, W):
        _, backward = linear(X, W, torch.zeros(1, 3, dtype=torch.float64))
        return W - eta * backward(G)[1]

    W = layer.weights
    assert_equal(step(X[:, order], W[order]), step(X, W)[order])
    assert_equal(W[order] - eta * X[:, order].T @ G, (W - eta * X.T @ G)[order])
