"""Both sides of every displayed equation of the chapter "A classifier with one layer"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, forward, init_layers, linear, log_sum_exp, softmax
from scratchmnist.network import Layer

B, D, K = 6, 5, 4
CLASSES = torch.tensor([2, 0, 3, 3, 1, 2])
Y = torch.eye(K, dtype=torch.float64)[CLASSES]
X = random_point(B, D, seed=0)
W, BIAS = random_point(D, K, seed=1), random_point(1, K, seed=2)
V, A = random_point(D, K, seed=3), random_point(1, K, seed=4)  # a direction of weights, of biases


def loss(weights, bias):
    return torch.nn.functional.cross_entropy(X @ weights + bias, CLASSES)  # the oracle


def second_derivative(f, tau=0.0):
    tau = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(f(tau), tau, create_graph=True)
    return slope.detach(), torch.autograd.grad(slope, tau)[0]


@equation("eq-one-layer-gradients")
def test_gradients_of_one_layer():
    weights, bias = W.clone().requires_grad_(), BIAS.clone().requires_grad_()
    d_weights, d_bias = torch.autograd.grad(loss(weights, bias), (weights, bias))
    logits, backward = linear(X, W, BIAS)
    p, ones = softmax(logits), torch.ones(B, 1, dtype=torch.float64)
    d_logits = cross_entropy(logits, Y)[1]()
    assert_equal(d_weights, X.mT @ d_logits)
    assert_equal(d_weights, X.mT @ (p - Y) / B)
    assert_equal(d_bias, ones.mT @ d_logits)
    assert_equal(d_bias, ones.mT @ (p - Y) / B)
    _, by_package, bias_by_package = backward(d_logits)
    assert_equal(d_weights, by_package)
    assert_equal(d_bias, bias_by_package)


@equation("eq-initial-loss-zero")
@pytest.mark.parametrize("classes", [2, 4, 10])
def test_loss_of_zero_weights(classes):
    layers = [Layer(torch.zeros(D, classes).double(), torch.zeros(1, classes).double())]
    targets = torch.eye(classes, dtype=torch.float64)[CLASSES % classes]
    measured, _ = cross_entropy(forward(X, layers)[0], targets)
    assert measured.item() == pytest.approx(sum(-math.log(1 / classes) for _ in range(B)) / B)
    assert measured.item() == pytest.approx(math.log(classes), rel=1e-14)


@equation("eq-lse-curvature")
@pytest.mark.parametrize("tau", [-1.5, 0.0, 0.7])
def test_slope_and_curvature_of_log_sum_exp(tau):
    z, v = random_point(K, seed=5), random_point(K, seed=6)
    slope, curvature = second_derivative(lambda t: (z + t * v).logsumexp(-1), tau)
    p = softmax((z + tau * v)[None])[0]
    mean = (p * v).sum()
    assert_equal(slope, mean)
    jacobian = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z + tau * v)  # [k, m]
    assert_equal(curvature, ((jacobian @ v) * v).sum())
    delta = torch.eye(K, dtype=torch.float64)
    terms = p[:, None] * (delta - p[None]) * v[None] * v[:, None]  # [k, m]
    assert_equal(curvature, terms.sum())
    assert_equal(curvature, (p * v.square()).sum() - (p * v).sum().square())
    assert_equal(curvature, (p * (v - mean).square()).sum())


@equation("eq-lse-small")
def test_log_sum_exp_of_small_scores():
    v = random_point(K, seed=7)
    errors = []
    for size in (1e-1, 1e-2):
        small = size * v
        expansion = math.log(K) + small.mean() + (small - small.mean()).square().sum() / (2 * K)
        errors.append(abs(log_sum_exp(small[None]).squeeze() - expansion).item())
    assert errors[0] < 1e-3  # third order: ten times smaller scores, a thousand times less error
    assert errors[1] == pytest.approx(errors[0] / 1000, rel=0.5)


@equation("eq-initial-loss")
def test_mean_loss_of_small_random_weights():
    sigma, runs = 0.1, 200_000
    scores = sigma * random_point(runs, D, K, seed=8).mul(X[0, :, None]).sum(1)  # x @ W, many W
    measured = log_sum_exp(scores).squeeze(-1) - scores[:, 2]
    predicted = math.log(K) + (1 - 1 / K) * sigma**2 * X[0].square().sum() / 2
    standard_error = measured.std() / runs**0.5
    above = predicted - math.log(K)
    assert abs(measured.mean() - predicted) < 4 * standard_error + 0.05 * above
    assert 10 * standard_error < above  # else the comparison would say nothing


@equation("eq-gradient-row-sums")
def test_gradients_of_the_classes_add_up_to_zero():
    p = softmax(X @ W + BIAS)
    weights = W.clone().requires_grad_()
    (d_weights,) = torch.autograd.grad(loss(weights, BIAS), weights)
    by_class = (p - Y).sum(1)  # [B]
    assert_equal(d_weights.sum(1), (X * by_class[:, None]).sum(0) / B)
    assert_equal(by_class, p.sum(1) - Y.sum(1))
    assert_equal(d_weights.sum(1), torch.zeros(D, dtype=torch.float64))


@equation("eq-convex")
@pytest.mark.parametrize("seed", range(5))
def test_loss_lies_below_its_chords(seed):
    here = random_point(D, K, seed=10 + seed), random_point(1, K, seed=20 + seed)
    there = 3 * random_point(D, K, seed=30 + seed), random_point(1, K, seed=40 + seed)
    for tau in torch.linspace(0, 1, 11).double():
        between = [(1 - tau) * a + tau * b for a, b in zip(here, there)]
        assert loss(*between) <= (1 - tau) * loss(*here) + tau * loss(*there) + 1e-12


@equation("eq-loss-curvature")
@pytest.mark.parametrize("tau", [-1.0, 0.0, 2.0])
def test_curvature_of_the_loss_is_a_mean_of_variances(tau):
    _, curvature = second_derivative(lambda t: loss(W + t * V, BIAS + t * A), tau)
    p = softmax(X @ (W + tau * V) + BIAS + tau * A)
    v = X @ V + A
    assert_equal(curvature, (p * (v - (p * v).sum(1, keepdim=True)).square()).sum() / B)
    assert curvature >= 0
    same_for_all_classes = random_point(D, 1, seed=9).expand(D, K)
    _, flat = second_derivative(lambda t: loss(W + t * same_for_all_classes, BIAS), tau)
    assert_equal(flat, 0.0 * flat)


@equation("eq-separable")
@pytest.mark.parametrize("tau", [0.5, 1.0, 3.0])
def test_scaling_separating_scores(tau):
    z = random_point(B, K, seed=5) + 5 * Y  # the right class ahead
    lead = (z * Y).sum(1, keepdim=True) - z  # [B, K]
    margin = lead[Y == 0].min()
    assert margin > 0
    for i, c in enumerate(CLASSES):
        measured = cross_entropy(tau * z[i : i + 1], Y[i : i + 1])[0]
        others = [k for k in range(K) if k != c]
        assert_equal(measured, log_sum_exp(tau * z[i : i + 1]).squeeze() - tau * z[i, c])
        assert_equal(measured, sum((tau * (z[i, k] - z[i, c])).exp() for k in range(K)).log())
        rest = sum((-tau * (z[i, c] - z[i, k])).exp() for k in others)
        assert_equal(measured, (1 + rest).log())
        assert measured <= (1 + (K - 1) * (-tau * margin).exp()).log() + 1e-12


def test_initial_loss_of_the_package_is_near_log_ten():
    images = random_point(20, 784, seed=1).float().abs().clamp(max=1) * 0.3
    logits, _ = forward(images, init_layers([784, 10], seed=0))
    measured, _ = cross_entropy(logits, torch.eye(10)[torch.arange(20) % 10])
    assert abs(measured - math.log(10)) < 0.5
