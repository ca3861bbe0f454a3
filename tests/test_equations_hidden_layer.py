"""Both sides of each displayed equation of the page on the hidden layer."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import forward, linear, one_hot, relu
from scratchmnist.network import Layer

B, D, H, K = 5, 7, 4, 3  # all different, so that a transpose cannot hide


def point():
    """Inputs, targets and weights, with units that are on and units that are off."""
    x = random_point(B, D, seed=0)
    y = one_hot(torch.tensor([0, 2, 1, 1, 0]), K).double()
    layers = [
        Layer(random_point(D, H, seed=1), random_point(1, H, seed=2)),
        Layer(random_point(H, K, seed=3), random_point(1, K, seed=4)),
    ]
    return x, y, layers


@equation("eq-xor-line")
def test_no_line_parts_xor():
    w, b = random_point(2, seed=5), random_point(1, seed=6)

    def s(*picture):
        return torch.tensor(picture).double() @ w + b

    assert_equal(s(0, 1) + s(1, 0), (w[1] + b) + (w[0] + b))
    assert_equal(s(0, 1) + s(1, 0), b + (w[0] + w[1] + b))
    assert_equal(s(0, 1) + s(1, 0), s(0, 0) + s(1, 1))


@equation("eq-lines-collapse")
def test_two_linear_layers_are_one():
    x, _, ((w1, b1), (w2, b2)) = point()
    left = linear(linear(x, w1, b1)[0], w2, b2)[0]
    assert_equal(left, x @ w1 @ w2 + b1 @ w2 + b2)
    assert_equal(left, x @ (w1 @ w2) + (b1 @ w2 + b2))


@equation("eq-relu")
def test_relu():
    z = random_point(B, H, seed=7)
    z[0, 0] = 0
    assert_equal(relu(z)[0], torch.maximum(torch.zeros(()).double(), z))
    assert_equal(relu(z)[0], torch.where(z > 0, z, 0))


@equation("eq-xor-relu")
def test_two_relus_make_a_distance():
    x = random_point(50, 2, seed=8)
    left = relu(x[:, 0] - x[:, 1])[0] + relu(x[:, 1] - x[:, 0])[0]
    assert_equal(left, (x[:, 0] - x[:, 1]).abs())


@equation("eq-two-layers")
def test_two_layers():
    x, _, layers = point()
    (w1, b1), (w2, b2) = layers
    z1 = x @ w1 + b1
    a = z1.clamp(min=0)
    z = a @ w2 + b2
    assert z1.shape == a.shape == (B, H)
    assert z.shape == (B, K)
    assert_equal(forward(x, layers)[0], z)
