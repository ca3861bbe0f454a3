"""Both sides of every displayed equation of the chapter "From scores to probabilities"."""

import math

import pytest
import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, log_softmax, log_sum_exp, softmax

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
