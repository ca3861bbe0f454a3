"""Both sides of every displayed equation of the chapter "A classifier with one layer"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, forward, init_layers, linear, softmax
from scratchmnist.network import Layer

B, D, K = 6, 5, 4
CLASSES = torch.tensor([2, 0, 3, 3, 1, 2])
Y = torch.eye(K, dtype=torch.float64)[CLASSES]
X = random_point(B, D, seed=0)
W, BIAS = random_point(D, K, seed=1), random_point(1, K, seed=2)


def loss(weights, bias):
    return torch.nn.functional.cross_entropy(X @ weights + bias, CLASSES)  # the oracle


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


@equation("eq-gradient-row-sums")
def test_gradients_of_the_classes_add_up_to_zero():
    p = softmax(X @ W + BIAS)
    weights = W.clone().requires_grad_()
    (d_weights,) = torch.autograd.grad(loss(weights, BIAS), weights)
    by_class = (p - Y).sum(1)  # [B]
    assert_equal(d_weights.sum(1), (X * by_class[:, None]).sum(0) / B)
    assert_equal(by_class, p.sum(1) - Y.sum(1))
    assert_equal(d_weights.sum(1), torch.zeros(D, dtype=torch.float64))


def test_initial_loss_of_the_package_is_near_log_ten():
    images = random_point(20, 784, seed=1).float().abs().clamp(max=1) * 0.3
    logits, _ = forward(images, init_layers([784, 10], seed=0))
    measured, _ = cross_entropy(logits, torch.eye(10)[torch.arange(20) % 10])
    assert abs(measured - math.log(10)) < 0.5
