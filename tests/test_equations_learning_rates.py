"""The equations of the chapter "Learning rates"."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import Layer, cross_entropy, forward, mse, one_hot, sgd_step

B, D, H, K = 5, 4, 3, 6


def network(seed=0):
    return [
        Layer(random_point(D, H, seed=seed), random_point(1, H, seed=seed + 1)),
        Layer(random_point(H, K, seed=seed + 2), random_point(1, K, seed=seed + 3)),
    ]


def batch(seed, count=B):
    labels = torch.arange(count) * 7 % K
    return random_point(count, D, seed=seed), one_hot(labels, K).double()


def gradients(layers, x, y, loss=cross_entropy):
    out, backward = forward(x, layers)
    return backward(loss(out, y)[1]())


def numbers(layers):
    """All weights and biases as one list: w_1, w_2, ..."""
    return torch.cat([tensor.flatten() for layer in layers for tensor in layer])


def loss_of(w, x, y):
    """The loss as a function of the one list of numbers."""
    w1, b1, w2, b2 = w.split([D * H, H, H * K, K])
    hidden = (x @ w1.reshape(D, H) + b1).relu()
    return torch.nn.functional.cross_entropy(hidden @ w2.reshape(H, K) + b2, y)


@equation("eq-lr-line")
def test_a_step_moves_all_weights_along_one_line():
    layers, (x, y) = network(), batch(10)
    grads = gradients(layers, x, y)
    w, g = numbers(layers), numbers(grads)
    for eta in (0.01, 0.5, 3.0):
        moved = sgd_step(layers, grads, eta)
        assert_equal(cross_entropy(forward(x, moved)[0], y)[0], loss_of(w - eta * g, x, y))


@equation("eq-lr-slope")
def test_slope_along_the_line():
    layers, (x, y) = network(), batch(10)
    w = numbers(layers).requires_grad_()
    (g,) = torch.autograd.grad(loss_of(w, x, y), w)
    w = w.detach()
    eta = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(loss_of(w - eta * g, x, y), eta)
    moving = torch.autograd.functional.jacobian(lambda e: w - e * g, torch.zeros_like(eta))
    assert_equal(slope, (g * moving).sum())  # first line: each weight's share
    assert_equal(slope, -g.square().sum())
    assert_equal(numbers(gradients(layers, x, y)), g)


@equation("eq-lr-parabola")
def test_parabola_for_mse_and_one_layer():
    layers = [Layer(random_point(D, K, seed=20), random_point(1, K, seed=21))]
    x, y = random_point(B, D, seed=22), random_point(B, K, seed=23)
    grads = gradients(layers, x, y, mse)
    square = numbers(grads).square().sum()

    def phi(eta):
        return mse(forward(x, sgd_step(layers, grads, eta))[0], y)[0]

    # the curvature: mse is the mean of squared residuals, which move by -eta * (x dW + db)
    c = 2 * (x @ grads[0].weights + grads[0].bias).square().mean()
    start = mse(forward(x, layers)[0], y)[0]
    best = square / c
    for eta in (0.1, 0.7, 2.0):
        assert_equal(phi(eta), start - eta * square + 0.5 * eta**2 * c)
        assert_equal(phi(eta), start - eta * square * (1 - eta / (2 * best)))
    assert phi(best.item()) < min(phi(0.9 * best.item()), phi(1.1 * best.item()))
    assert_equal(phi(2 * best.item()), start)
