"""Both sides of each displayed equation of the page of thirteen bugs."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, linear, one_hot


@equation("eq-directional")
def test_slope_along_a_direction():
    x, bias = random_point(5, 7, seed=7), random_point(1, 3, seed=8)
    weights, direction = random_point(7, 3, seed=9), random_point(7, 3, seed=10)
    y = one_hot(torch.tensor([0, 2, 1, 1, 0]), 3).double()

    def loss(weights):
        return torch.nn.functional.cross_entropy(x @ weights + bias, y)

    s = torch.zeros((), dtype=torch.float64, requires_grad=True)
    left = torch.autograd.grad(loss(weights + s * direction), s)[0]
    out, backward = linear(x, weights, bias)
    _, d_weights, _ = backward(cross_entropy(out, y)[1]())
    right = sum(d_weights[j, k] * direction[j, k] for j in range(7) for k in range(3))
    assert_equal(left, right)
