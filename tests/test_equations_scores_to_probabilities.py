"""Both sides of every displayed equation of the chapter "From scores to probabilities"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, log_softmax, log_sum_exp, mse, softmax

B, K = 5, 4


def scores(seed=0):
    return 2 * random_point(B, K, seed=seed)  # [B, K]


def distributions(seed=1):
    """Rows that are not negative and sum to 1, with a zero in each."""
    y = random_point(B, K, seed=seed).square()
    y[torch.arange(B), torch.arange(B) % K] = 0
    return y / y.sum(-1, keepdim=True)


def one_hot_rows(classes):
    return torch.eye(K, dtype=torch.float64)[classes]


def autograd(f, x):
    """The gradient of the scalar f at x, by PyTorch's autograd: the oracle."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(f(x), x)[0]


@equation("eq-softmax")
def test_softmax():
    z = scores()
    p = torch.empty(B, K, dtype=torch.float64)
    for i in range(B):
        for k in range(K):
            p[i, k] = math.exp(z[i, k]) / sum(math.exp(z[i, m]) for m in range(K))
    assert_equal(softmax(z), p)
    assert_equal(softmax(z[:1]), p[:1])  # one image is a batch of one


@equation("eq-softmax-odds")
def test_odds_depend_on_the_difference_of_scores():
    z = scores()
    p = softmax(z)
    assert_equal(p[:, :, None] / p[:, None, :], z.exp()[:, :, None] / z.exp()[:, None, :])
    assert_equal(p[:, :, None] / p[:, None, :], (z[:, :, None] - z[:, None, :]).exp())


@equation("eq-softmax-shift")
@pytest.mark.parametrize("s", [-3.0, 0.5, 7.0])
def test_softmax_is_shift_invariant(s):
    z = scores()
    total = z.exp().sum(-1, keepdim=True)
    assert_equal(softmax(z + s), (z + s).exp() / (z + s).exp().sum(-1, keepdim=True))
    assert_equal(softmax(z + s), math.exp(s) * z.exp() / (math.exp(s) * total))
    assert_equal(softmax(z + s), softmax(z))


@equation("eq-surprise-adds")
def test_surprises_add():
    p, other = softmax(scores(0)), softmax(scores(1))
    assert_equal(-(p * other).log(), -p.log() + -other.log())


@equation("eq-cross-entropy")
def test_cross_entropy_is_average_surprise():
    z, classes = scores(), torch.tensor([2, 0, 3, 3, 1])
    y, p = one_hot_rows(classes), softmax(z)
    double_sum = -sum(y[i, k] * p[i, k].log() for i in range(B) for k in range(K)) / B
    picked = sum(-p[i, c].log() for i, c in enumerate(classes)) / B
    assert_equal(cross_entropy(z, y)[0], double_sum)
    assert_equal(double_sum, picked)


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


@equation("eq-log-sum-exp")
def test_log_probability_from_log_sum_exp():
    z = scores()
    lse = z.exp().sum(-1, keepdim=True).log()
    assert_equal(log_sum_exp(z), lse)
    assert_equal(softmax(z).log(), (z.exp() / z.exp().sum(-1, keepdim=True)).log())
    assert_equal(softmax(z).log(), z - lse)
    assert_equal(log_softmax(z), z - lse)


@equation("eq-lse-max")
@pytest.mark.parametrize("q", [-2.0, 0.0, 1.5, "largest"])
def test_any_number_can_be_taken_out(q):
    z = scores()
    q = z.amax(-1, keepdim=True) if q == "largest" else torch.full((B, 1), q, dtype=torch.float64)
    rest = (z - q).exp().sum(-1, keepdim=True)
    assert_equal(log_sum_exp(z), (q.exp() * (z - q).exp()).sum(-1, keepdim=True).log())
    assert_equal(log_sum_exp(z), (q.exp() * rest).log())
    assert_equal(log_sum_exp(z), q + rest.log())


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


@equation("eq-p-minus-y")
def test_p_minus_y_for_a_batch():
    z, y = scores(), distributions()

    def image_loss(i):
        return lambda z: -(y[i] * z[i].log_softmax(-1)).sum()

    each = torch.stack([autograd(image_loss(i), z) for i in range(B)])  # [B, B, K]
    own = each[torch.arange(B), torch.arange(B)]  # [B, K]: only image i feels row i
    oracle = autograd(lambda z: torch.nn.functional.cross_entropy(z, y), z)
    assert_equal(oracle, each.sum(0) / B)
    assert_equal(oracle, own / B)
    assert_equal(oracle, (softmax(z) - y) / B)
    assert_equal(oracle, cross_entropy(z, y)[1]())


@equation("eq-lse-gradient")
def test_gradient_of_log_sum_exp_is_softmax():
    z = scores()[0]
    total = z.exp().sum()
    oracle = autograd(lambda z: z.logsumexp(-1), z)
    assert_equal(oracle, autograd(lambda z: z.exp().sum().log(), z))
    assert_equal(oracle, autograd(lambda z: z.exp().sum(), z) / total)
    assert_equal(oracle, z.exp() / total)
    assert_equal(oracle, softmax(z[None])[0])


@equation("eq-p-minus-y-direct")
def test_direct_route():
    for z, y in zip(scores(), distributions()):
        lse = log_sum_exp(z[None]).squeeze()
        loss = cross_entropy(z[None], y[None])[0]
        assert_equal(loss, -(y * (z - lse)).sum())
        assert_equal(loss, lse - (y * z).sum())
        oracle = autograd(lambda z, y=y: z.logsumexp(-1) - (y * z).sum(), z)
        assert_equal(oracle, softmax(z[None])[0] - y)


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
