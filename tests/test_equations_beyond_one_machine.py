"""The equations of "Beyond one machine", with the package's functions where it has them."""

import math

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import Layer, cross_entropy, forward, init_layers, one_hot

B, P, D, K = 7, 3, 5, 4  # shards of 3, 2 and 2


def network():
    return [Layer(*(tensor.double() for tensor in layer)) for layer in init_layers([D, 6, K], 0)]


def gradient(x, targets, layers):
    out, backward = forward(x, layers)
    _, d_loss = cross_entropy(out, targets)
    return torch.cat([tensor.flatten() for layer in backward(d_loss()) for tensor in layer])


def batch():
    return random_point(B, D, seed=1), one_hot(torch.arange(B) % K, K).double()


@equation("eq-shard-mean")
def test_the_gradient_of_a_batch_from_those_of_its_shards():
    (x, y), layers = batch(), network()
    whole = gradient(x, y, layers)
    one_by_one = sum(gradient(x[i : i + 1], y[i : i + 1], layers) for i in range(B)) / B
    shards = zip(x.tensor_split(P), y.tensor_split(P))
    weighted = sum(len(x_r) / B * gradient(x_r, y_r, layers) for x_r, y_r in shards)
    assert_equal(one_by_one, whole)
    assert_equal(weighted, whole)


@equation("eq-mean-of-means")
def test_the_error_of_the_mean_of_means():
    (x, y), layers = batch(), network()
    parts = [
        (len(x_r), gradient(x_r, y_r, layers))
        for x_r, y_r in zip(x.tensor_split(P), y.tensor_split(P))
    ]
    error = sum(g for _, g in parts) / P - gradient(x, y, layers)
    assert error.norm() > 1e-3
    assert_equal(error, sum((1 / P - b / B) * g for b, g in parts))


@equation("eq-shard-product")
def test_a_product_falls_into_the_products_of_the_shards():
    x, W, y = random_point(B, D, seed=1), random_point(D, K, seed=2), batch()[1]
    out, backward = forward(x, [Layer(W, torch.zeros(1, K).double())])
    G = cross_entropy(out, y)[1]()
    parts = zip(x.tensor_split(P), G.tensor_split(P))
    assert_equal(sum(x_r.T @ g_r for x_r, g_r in parts), backward(G)[0].weights)


@equation("eq-ring-sent")
def test_the_numbers_that_a_process_sends_in_a_ring():
    """Counted: chunks passed on in two rounds of P - 1 steps."""
    for count in (2, 3, 4, 8):
        n = 24
        sent = sum(n // count for _ in range(2) for _ in range(count - 1))
        assert sent == 2 * (count - 1) * n / count == 2 * n - 2 * n / count < 2 * n


def time_of_step(a, c, batch_size, alpha, beta, n, count):
    """Every step of the two rounds, one after the other."""
    rounds = sum(alpha + beta * n / count for _ in range(2) for _ in range(count - 1))
    return a + c * (batch_size / count) + rounds


@equation("eq-step-time")
def test_the_time_of_a_step():
    a, c, size, alpha, beta, n = random_point(6, seed=3).abs()
    for count in (1, 2, 5):
        printed = a + c * size / count + 2 * (count - 1) * (alpha + beta * n / count)
        assert_equal(printed, time_of_step(a, c, size, alpha, beta, n, count))


@equation("eq-break-even")
def test_at_the_break_even_batch_one_is_as_fast_as_many():
    a, c, _, alpha, beta, n = random_point(6, seed=4).abs()
    for count in (2, 5):
        even = 2 * (alpha * count + beta * n) / c
        many, one = (time_of_step(a, c, even, alpha, beta, n, p) for p in (count, 1))
        assert_equal(many, one)


@equation("eq-snapshot-loss")
def test_the_best_interval_between_snapshots():
    delta, M = 0.7, 190.0

    def loss(tau):
        return delta / tau + tau / (2 * M)

    tau = torch.linspace(1, 100, 99_001, dtype=torch.float64)
    best = tau[loss(tau).argmin()].item()
    assert abs(best - math.sqrt(2 * delta * M)) < 1e-3
    assert_equal(loss(math.sqrt(2 * delta * M)), math.sqrt(2 * delta / M))
    h = 1e-4
    assert_equal((loss(9 + h) - loss(9 - h)) / (2 * h), -delta / 81 + 1 / (2 * M), 1e-8)
