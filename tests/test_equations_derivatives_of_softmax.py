"""Both sides of every displayed equation of the page "Softmax and its derivatives"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point
from test_equations_scores_to_probabilities import (
    B,
    K,
    autograd,
    distributions,
    one_hot_rows,
    scores,
)

from scratchmnist import cross_entropy, log_sum_exp, mse, softmax


@equation("eq-gibbs")
def test_honest_probabilities_score_best():
    for p, y in zip(softmax(scores()), distributions()):
        seen = y > 0
        p, y = p[seen], y[seen]
        excess = -(y * p.log()).sum() - -(y * y.log()).sum()
        assert_equal(excess, -(y * (p / y).log()).sum())
        bound = -(y * (p / y - 1)).sum()
        assert excess > bound > 0
        assert_equal(bound, y.sum() - p.sum())
        assert_equal(bound, 1 - p.sum())
    a = torch.linspace(0.01, 5, 500, dtype=torch.float64)
    assert (a.log() <= a - 1).all()


@equation("eq-likelihood")
def test_cross_entropy_is_minus_log_likelihood_per_image():
    z, classes = scores(), torch.tensor([2, 0, 3, 3, 1])
    right = softmax(z)[torch.arange(B), classes]
    loss, _ = cross_entropy(z, one_hot_rows(classes))
    assert_equal(-right.prod().log() / B, -right.log().sum() / B)
    assert_equal(-right.prod().log() / B, loss)
    assert_equal(right.prod(), (-B * loss).exp())


@equation("eq-lse-bounds")
@pytest.mark.parametrize("scale", [0.0, 0.1, 1.0, 1e4])
def test_log_sum_exp_is_a_soft_maximum(scale):
    z = scale * scores()
    largest, slack = z.amax(-1, keepdim=True), 1e-12 * max(scale, 1)
    assert (log_sum_exp(z) >= largest - slack).all()
    assert (log_sum_exp(z) <= largest + math.log(K) + slack).all()


@equation("eq-lse-shift")
@pytest.mark.parametrize("s", [-3.0, 0.5, 7.0])
def test_log_sum_exp_shifts_along(s):
    assert_equal(log_sum_exp(scores() + s), log_sum_exp(scores()) + s)


@equation("eq-epsilon-gradient")
@pytest.mark.parametrize("epsilon", [1e-7, 1e-2])
def test_epsilon_in_the_logarithm_changes_the_gradient(epsilon):
    for z, c in zip(scores(), [2, 0, 3, 3, 1]):
        p, y = softmax(z[None])[0], one_hot_rows(c)
        gradient = autograd(lambda z, c=c: -(z.softmax(-1)[c] + epsilon).log(), z)
        d_right = autograd(lambda z, c=c: z.softmax(-1)[c], z)
        assert_equal(d_right, p[c] * (y - p))
        assert_equal(gradient, -1 / (p[c] + epsilon) * d_right)
        assert_equal(gradient, -1 / (p[c] + epsilon) * p[c] * (y - p))
        assert_equal(gradient, p[c] / (p[c] + epsilon) * (p - y))


@equation("eq-softmax-jacobian")
def test_softmax_jacobian_entry_by_entry():
    z = scores()[0]
    exps, total, p = z.exp(), z.exp().sum(), softmax(z[None])[0]
    by_autograd = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z)  # [k, m]
    for k in range(K):
        for m in range(K):
            delta = float(k == m)
            quotient_rule = (delta * exps[k] * total - exps[k] * exps[m]) / total**2
            assert_equal(by_autograd[k, m], quotient_rule)
            two_terms = delta * exps[k] / total - exps[k] / total * exps[m] / total
            assert_equal(by_autograd[k, m], two_terms)
            assert_equal(by_autograd[k, m], delta * p[k] - p[k] * p[m])
            assert_equal(by_autograd[k, m], p[k] * (delta - p[m]))


@equation("eq-softmax-jacobian-table")
def test_softmax_jacobian_as_a_table():
    z = scores()[:1]  # [1, K]
    p = softmax(z)
    table = torch.diag(p[0]) - p.mT @ p
    by_autograd = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z[0]).mT  # [m, k]
    assert_equal(by_autograd, table)
    assert_equal(table.mT, table)
    assert_equal(table @ torch.ones(K, 1).double(), torch.zeros(K, 1).double())


@equation("eq-p-minus-y-one")
def test_p_minus_y_for_one_score():
    for z, y in zip(scores(), distributions()):
        p = softmax(z[None])[0]
        oracle = autograd(lambda z, y=y: -(y * z.log_softmax(-1)).sum(), z)
        table = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z)  # [k, m]
        d_p = autograd(lambda p, y=y: -(y * p.log()).sum(), p)
        for m in range(K):
            delta = one_hot_rows(m)
            assert_equal(oracle[m], sum(d_p[k] * table[k, m] for k in range(K)))
            assert_equal(oracle[m], sum(-y[k] / p[k] * p[k] * (delta[k] - p[m]) for k in range(K)))
            assert_equal(oracle[m], -sum(y[k] * (delta[k] - p[m]) for k in range(K)))
            assert_equal(oracle[m], -(y * delta).sum() + p[m] * y.sum())
            assert_equal(oracle[m], -y[m] + p[m] * y.sum())
            assert_equal(oracle[m], p[m] - y[m])


@equation("eq-p-minus-y-row")
def test_p_minus_y_for_a_row():
    for z, y in zip(scores()[:, None], distributions()[:, None]):  # [1, K] each
        p = softmax(z)
        oracle = autograd(lambda z, y=y: -(y * z.log_softmax(-1)).sum(), z)
        table = torch.autograd.functional.jacobian(lambda z: z.softmax(-1), z[0]).mT  # [m, k]
        d_p = autograd(lambda p, y=y: -(y * p.log()).sum(), p)
        assert_equal(oracle, d_p @ table)
        assert_equal(oracle, -(y / p) @ (torch.diag(p[0]) - p.mT @ p))
        assert_equal(oracle, -(y / p) @ torch.diag(p[0]) + ((y / p) @ p.mT) @ p)
        assert_equal(oracle, -y + y.sum() * p)
        assert_equal(oracle, p - y)


@equation("eq-mse-softmax-gradient")
def test_gradient_of_mse_behind_softmax():
    for z, y in zip(scores(), distributions()):
        p = softmax(z[None])[0]
        oracle = autograd(lambda z, y=y: (z.softmax(-1) - y).square().mean(), z)
        d_p = mse(p[None], y[None])[1]()[0]
        assert_equal(d_p, 2 / K * (p - y))
        for m in range(K):
            delta = one_hot_rows(m)
            assert_equal(oracle[m], (2 / K * (p - y) * p * (delta - p[m])).sum())
            assert_equal(oracle[m], 2 / K * ((p[m] - y[m]) * p[m] - p[m] * ((p - y) * p).sum()))
            assert_equal(oracle[m], 2 / K * p[m] * ((p[m] - y[m]) - ((p - y) * p).sum()))


@equation("eq-mse-softmax-two")
def test_mse_behind_softmax_with_two_classes():
    y = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for z in random_point(6, 2, seed=3):
        p = softmax(z[None])[0, 0]
        assert_equal((softmax(z[None])[0] - y).square().mean(), (1 - p).square())
        squared = autograd(lambda z: (z.softmax(-1) - y).square().mean(), z)[0]
        surprise = autograd(lambda z: -z.log_softmax(-1)[0], z)[0]
        assert_equal(squared, -2 * p * (1 - p) ** 2)
        assert_equal(surprise, -(1 - p))
        assert_equal(squared, 2 * p * (1 - p) * surprise)
