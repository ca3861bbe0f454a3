"""Both sides of every displayed equation of the page "The bowl"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point
from test_equations_one_layer_classifier import BIAS, CLASSES, B, D, K, W, X, Y, loss

from scratchmnist import cross_entropy, log_sum_exp, softmax

V, A = random_point(D, K, seed=3), random_point(1, K, seed=4)  # a direction of weights, of biases
PRICE = 0.3


def second_derivative(f, tau=0.0):
    tau = torch.tensor(tau, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(f(tau), tau, create_graph=True)
    return slope.detach(), torch.autograd.grad(slope, tau)[0]


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


def priced(weights, bias, alpha=PRICE):
    """The penalised loss, from PyTorch's own cross-entropy."""
    return loss(weights, bias) + alpha / 2 * (weights.square().sum() + bias.square().sum())


@equation("eq-penalty")
def test_gradients_of_the_penalised_loss():
    weights, bias = W.clone().requires_grad_(), BIAS.clone().requires_grad_()
    of_loss = torch.autograd.grad(loss(weights, bias), (weights, bias))
    of_priced = torch.autograd.grad(priced(weights, bias), (weights, bias))
    assert_equal(of_priced[0], of_loss[0] + PRICE * W)
    assert_equal(of_priced[1], of_loss[1] + PRICE * BIAS)


@equation("eq-penalty-curvature")
@pytest.mark.parametrize("tau", [-1.0, 0.0, 2.0])
def test_curvature_of_the_penalised_loss(tau):
    _, curvature = second_derivative(lambda t: priced(W + t * V, BIAS + t * A), tau)
    p = softmax(X @ (W + tau * V) + BIAS + tau * A)
    v = X @ V + A
    least = PRICE * (V.square().sum() + A.square().sum())
    of_loss = (p * (v - (p * v).sum(1, keepdim=True)).square()).sum() / B
    assert_equal(curvature, of_loss + least)
    assert curvature > least > 0


@equation("eq-penalty-ball")
@pytest.mark.parametrize("seed", range(5))
def test_outside_the_ball_the_loss_is_higher_than_at_zero(seed):
    weights, bias = random_point(D, K, seed=50 + seed), random_point(1, K, seed=60 + seed)
    zero = priced(torch.zeros_like(W), torch.zeros_like(BIAS))
    assert zero.item() == pytest.approx(math.log(K), rel=1e-12)
    size = weights.square().sum() + bias.square().sum()
    stretch = (1.001 * 2 * math.log(K) / PRICE / size).sqrt()  # to just outside the ball
    weights, bias = stretch * weights, stretch * bias
    half = PRICE / 2 * (weights.square().sum() + bias.square().sum())
    assert priced(weights, bias) >= half > zero


RATE, SHARE, CURVATURE = 0.3, 0.6, 1.7  # eta, beta, lambda


def momentum_on_a_parabola(steps, rate=RATE, share=SHARE, curvature=CURVATURE, start=1.0):
    """theta_0, theta_1, ... by the update of the page."""
    theta, move, seen = start, 0.0, [start]
    for _ in range(steps):
        move = share * move - rate * curvature * theta
        theta = theta + move
        seen.append(theta)
    return seen


@equation("eq-momentum")
def test_momentum_is_that_of_pytorch():
    theta = torch.tensor(random_point(5, seed=1).tolist(), dtype=torch.float64, requires_grad=True)
    curvatures = random_point(5, seed=2).square()
    optimiser = torch.optim.SGD([theta], lr=RATE, momentum=SHARE)
    ours, move = theta.detach().clone(), torch.zeros(5, dtype=torch.float64)
    for _ in range(6):
        optimiser.zero_grad()
        (curvatures * theta.square()).sum().div(2).backward()
        optimiser.step()
        move = SHARE * move - RATE * curvatures * ours
        ours = ours + move
        assert_equal(theta.detach(), ours)


@equation("eq-momentum-parabola")
def test_momentum_on_a_parabola_needs_the_last_two_places():
    theta = momentum_on_a_parabola(8)
    for t in range(1, 8):
        by_last_move = theta[t] + SHARE * (theta[t] - theta[t - 1]) - RATE * CURVATURE * theta[t]
        assert theta[t + 1] == pytest.approx(by_last_move, rel=1e-12)
        two_places = (1 + SHARE - RATE * CURVATURE) * theta[t] - SHARE * theta[t - 1]
        assert theta[t + 1] == pytest.approx(two_places, rel=1e-12)


@equation("eq-momentum-roots")
@pytest.mark.parametrize("curvature", [0.01, 1.7, 9.0])
def test_powers_of_the_roots_obey_the_recursion(curvature):
    middle = 1 + SHARE - RATE * curvature
    companion = torch.tensor([[middle, -SHARE], [1.0, 0.0]], dtype=torch.float64)
    for rho in torch.linalg.eigvals(companion):  # the oracle: the recursion as a matrix
        assert abs(rho**2 - middle * rho + SHARE) < 1e-12
        assert abs(rho**3 - (middle * rho**2 - SHARE * rho)) < 1e-12


@equation("eq-momentum-range")
def test_in_the_range_every_curvature_shrinks_by_the_root_of_beta():
    low, high = (1 - SHARE**0.5) ** 2 / RATE, (1 + SHARE**0.5) ** 2 / RATE
    for curvature in torch.linspace(0.2 * low, 1.2 * high, 200).tolist():
        middle = 1 + SHARE - RATE * curvature
        companion = torch.tensor([[middle, -SHARE], [1.0, 0.0]], dtype=torch.float64)
        pace = torch.linalg.eigvals(companion).abs().max().item()
        if low < curvature < high:
            assert pace == pytest.approx(SHARE**0.5, rel=1e-9)
        else:
            assert pace > SHARE**0.5


def pace(rate, share, curvatures):
    """The slowest factor a step over all curvatures."""
    factors = []
    for curvature in curvatures:
        middle = 1 + share - rate * curvature
        companion = torch.tensor([[middle, -share], [1.0, 0.0]], dtype=torch.float64)
        factors.append(torch.linalg.eigvals(companion).abs().max().item())
    return max(factors)


@equation("eq-momentum-best")
def test_the_best_rates_and_their_factors():
    least, most = 0.5, 18.0
    kappa, curvatures = most / least, torch.linspace(least, most, 60).tolist()
    root = (kappa**0.5 - 1) / (kappa**0.5 + 1)
    rate = 4 / (most**0.5 + least**0.5) ** 2
    assert pace(rate, root**2, curvatures) == pytest.approx(root, rel=1e-6)
    plain = 2 / (most + least)
    assert 1 - plain * least == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
    assert pace(plain, 0.0, curvatures) == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-9)
    for nearby in (0.9, 1.1):  # nothing near them is quicker
        assert pace(nearby * rate, root**2, curvatures) > root + 1e-3
        assert pace(rate, nearby * root**2, curvatures) > root + 1e-3
        assert pace(nearby * plain, 0.0, curvatures) > 1 - plain * least + 1e-3
