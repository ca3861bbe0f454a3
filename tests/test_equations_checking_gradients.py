"""Both sides of each displayed equation of the page on checking gradients."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import numerical_gradient, relu
from scratchmnist.gradients import _relative_error

# exp is its own derivative, of every order, so the equations can be solved for their points xi.
POINTS = random_point(20, seed=0)
STEPS = (0.5, 0.1, 0.05)


def between(low, xi, high):
    return bool((low < xi).all() and (xi < high).all())


@equation("eq-taylor")
def test_taylor():
    x, f = POINTS, POINTS.exp()
    for h in STEPS:
        up = ((x + h).exp() - f - h * f - h**2 / 2 * f) * 6 / h**3  # f''' at xi_plus
        down = -((x - h).exp() - f + h * f - h**2 / 2 * f) * 6 / h**3
        assert between(x, up.log(), x + h)
        assert between(x - h, down.log(), x)


@equation("eq-forward-difference")
def test_forward_difference():
    x, f = POINTS, POINTS.exp()
    for h in STEPS:
        second = (((x + h).exp() - f) / h - f) * 2 / h
        assert between(x, second.log(), x + h)


@equation("eq-central-difference")
def test_central_difference():
    x, f = POINTS, POINTS.exp()
    for h in STEPS:
        up = ((x + h).exp() - f - h * f - h**2 / 2 * f) * 6 / h**3
        down = -((x - h).exp() - f + h * f - h**2 / 2 * f) * 6 / h**3
        left = ((x + h).exp() - (x - h).exp()) / (2 * h)
        assert_equal(left, (2 * h * f + h**3 / 6 * (up + down)) / (2 * h))
        assert_equal(left, f + h**2 / 6 * (up + down) / 2)
        third = (left - f) * 6 / h**2
        assert between(x - h, third.log(), x + h)
    measured = numerical_gradient(lambda x: (x**3).sum(), POINTS, h=0.1)  # its f''' is 6
    assert_equal(measured, 3 * POINTS**2 + 0.1**2 / 6 * 6)


@equation("eq-rounding-error")
def test_rounding_error():
    eps = 2.0**-23
    assert eps == torch.finfo(torch.float32).eps
    assert torch.finfo(torch.float64).eps == 2.0**-52
    for h in STEPS:
        up, down = (POINTS + h).exp(), (POINTS - h).exp()
        d_up = eps * (2 * torch.rand(20, generator=torch.Generator().manual_seed(1)).double() - 1)
        d_down = eps * (2 * torch.rand(20, generator=torch.Generator().manual_seed(2)).double() - 1)
        left = ((up * (1 + d_up) - down * (1 + d_down)) / (2 * h) - (up - down) / (2 * h)).abs()
        middle = (up * d_up - down * d_down).abs() / (2 * h)
        assert_equal(left / eps, middle / eps, tolerance=1e-7)
        assert (middle <= eps * (up.abs() + down.abs()) / (2 * h)).all()


def total_error(h, eps, size, third):
    return h**2 / 6 * third + eps * size / h


@equation("eq-total-error")
def test_total_error_bounds_what_is_measured():
    eps, points = 2.0**-23, torch.arange(1, 65).double() / 64  # on a grid, so that x + h is exact
    for h in (2.0**-k for k in range(1, 15)):
        x = points.float()
        measured = (((x + h).exp() - (x - h).exp()) / (2 * h)).double()
        size = third = (points + h).exp()
        error = (measured - points.exp()).abs()
        assert (error <= total_error(h, eps, size, third)).all()


@equation("eq-best-step")
def test_best_step():
    eps = 2.0**-52
    for size, third in random_point(10, 2, seed=3).abs() + 0.1:
        best = (3 * eps * size / third) ** (1 / 3)
        h = best.clone().requires_grad_()
        slope = torch.autograd.grad(total_error(h, eps, size, third), h)[0]
        assert_equal(slope, best * third / 3 - eps * size / best**2)  # the derivative
        assert_equal(slope / (best * third), torch.tensor(0.0).double())  # is zero there
        assert_equal(best**3 / eps, 3 * size / third)
        lowest = total_error(best, eps, size, third)
        assert_equal(lowest / eps ** (2 / 3), (best**2 / 6 + best**2 / 3) * third / eps ** (2 / 3))
        right = third / 2 * (3 * eps * size / third) ** (2 / 3)
        assert_equal(lowest / eps ** (2 / 3), right / eps ** (2 / 3))
        for factor in (0.5, 0.9, 1.1, 2):
            assert total_error(factor * best, eps, size, third) > lowest


@equation("eq-relative-error")
def test_relative_error():
    measured = random_point(6, 5, seed=4)
    measured[0] *= 1e-6  # small enough for the floor
    claimed = measured + 1e-3 * random_point(6, 5, seed=5)
    floor = 1e-3 * measured.abs().max()
    size = torch.stack([claimed.abs(), measured.abs(), floor.expand(6, 5)]).amax(0)
    assert (size == floor).any()
    assert_equal(_relative_error(claimed, measured), (claimed - measured).abs() / size)


@equation("eq-kink")
def test_kink():
    h = 0.01
    z = h * random_point(50, seed=6).clamp(-0.99, 0.99)
    left = (relu(z + h)[0] - relu(z - h)[0]) / (2 * h)
    assert_equal(left, ((z + h) - 0) / (2 * h))
    assert_equal(left, 0.5 + z / (2 * h))
