"""The losses: closed forms, torch's own functions, extreme scores, and every refusal."""

import math

import oracles
import pytest
import torch
import torch.nn.functional as F
from oracles import normal
from torch import inf
from torch.testing import assert_close

from scratchmnist import cross_entropy, log_softmax, log_sum_exp, mse, one_hot, softmax

B, K, R = 6, 5, 4
SHAPES = [(B, K), (R, B, K), (1, K), (B, 2)]
DTYPES = [torch.float32, torch.float64]


def random_targets(*shape, seed):
    """One-hot rows, float64."""
    labels = normal(*shape, seed=seed).argmax(-1)
    return one_hot(labels, shape[-1]).double()


# --- mse ------------------------------------------------------------------------------------------


def test_mse_by_hand():
    y_pred, y_true = torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[0.0, 2.0], [3.0, 4.0]])
    loss, backward = mse(y_pred, y_true)
    assert loss.item() == (1 + 0 + 0 + 25) / 4  # a mean over the batch and the outputs
    assert backward().tolist() == [[2 / 4, 0], [0, 2 * 5 / 4]]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(B, K), (B, 1), (1, K), (1, 1)])
def test_mse_is_torchs(shape, dtype):
    y_pred, y_true = normal(*shape, seed=1).to(dtype), normal(*shape, seed=2).to(dtype)
    loss, backward = mse(y_pred, y_true)
    assert loss.shape == ()
    assert_close(loss, F.mse_loss(y_pred, y_true))
    assert backward().dtype == dtype


@pytest.mark.parametrize("shape", [(B, K), (B, 1), (1, K)])
def test_mse_gradient(shape):
    y_pred, y_true = normal(*shape, seed=3), normal(*shape, seed=4)
    _, backward = mse(y_pred, y_true)
    oracles.assert_gradients([backward()], lambda y: F.mse_loss(y, y_true), y_pred)


# --- softmax and its logarithms -------------------------------------------------------------------


def test_equal_scores():
    for value in (0.0, 3.0, -1e4, 1e4):
        logits = torch.full((2, 8), value, dtype=torch.float64)
        assert_close(softmax(logits), torch.full_like(logits, 1 / 8))
        assert_close(log_softmax(logits), torch.full_like(logits, -math.log(8)))
        assert_close(log_sum_exp(logits), torch.full((2, 1), value + math.log(8)).double())


def test_two_classes_are_the_logistic_function():
    z = normal(9, 1, seed=5) * 10
    probs = softmax(torch.cat([z, torch.zeros_like(z)], dim=1))
    assert_close(probs[:, :1], 1 / (1 + (-z).exp()))


def test_adding_a_number_to_a_row():
    logits, shift = normal(B, K, seed=6), 100 * normal(B, 1, seed=7)
    assert_close(softmax(logits + shift), softmax(logits))  # changes nothing ...
    assert_close(log_softmax(logits + shift), log_softmax(logits))
    assert_close(log_sum_exp(logits + shift), log_sum_exp(logits) + shift)  # ... but here it does


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0, 1e2, 1e4])
@pytest.mark.parametrize("shape", SHAPES)
def test_softmax_family_is_torchs(shape, scale, dtype):
    logits = (scale * normal(*shape, seed=19).tanh()).to(dtype)
    logits[..., 0, :] = scale  # a row of equal scores
    assert_close(softmax(logits), torch.softmax(logits, -1))
    assert_close(log_softmax(logits), torch.log_softmax(logits, -1))
    assert_close(log_sum_exp(logits), torch.logsumexp(logits, -1, keepdim=True))
    assert_close(softmax(logits).sum(-1), torch.ones(shape[:-1], dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_very_different_size(dtype):
    """Taking out the largest score of the whole batch, not of each row, gives log(0) here."""
    logits = torch.tensor([[1e4, 1e4], [-1e4, -1e4], [1e4, -1e4], [0, 1]], dtype=dtype)
    for function in (softmax, log_softmax, log_sum_exp):
        assert function(logits).isfinite().all()
    e = math.e
    expected = [[0.5, 0.5], [0.5, 0.5], [1, 0], [1 / (1 + e), e / (1 + e)]]
    assert_close(softmax(logits), torch.tensor(expected, dtype=dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_of_minus_infinity(dtype):
    logits = torch.tensor([[-inf, 2.5, -inf], [-inf, 0.0, 0.0]], dtype=dtype)
    assert softmax(logits).tolist() == [[0, 1, 0], [0, 0.5, 0.5]]
    assert_close(log_softmax(logits), torch.log_softmax(logits, -1))
    assert_close(log_sum_exp(logits), torch.logsumexp(logits, -1, keepdim=True))


def test_small_probabilities_keep_their_digits():
    """In float32, 1e4 + log(2) has few digits of log(2) left: 1e4 must not be added back first."""
    logits = torch.tensor([[1e4, 1e4, 1e4 - 1]])
    assert_close(log_softmax(logits), log_softmax(logits.double()).float(), rtol=1e-6, atol=0)


# --- cross_entropy --------------------------------------------------------------------------------


def test_cross_entropy_by_hand():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])  # probabilities 1/2, 1/2 and 3/4, 1/4
    loss, backward = cross_entropy(logits, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)
    assert_close(backward(), torch.tensor([[-0.5, 0.5], [0.75, -0.75]]) / 2)  # (p - y) / B


def test_equal_scores_cost_log_K():
    loss, _ = cross_entropy(torch.zeros(B, 10), one_hot(torch.arange(B)))
    assert loss.item() == pytest.approx(2.302585, abs=1e-6)  # log 10


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scale", [1e-4, 1.0, 30.0, 1e2, 1e4])
@pytest.mark.parametrize("shape", [(B, K), (1, K), (B, 2)])
def test_cross_entropy_is_torchs(shape, scale, dtype):
    logits = (scale * normal(*shape, seed=8).tanh()).to(dtype)
    targets = random_targets(*shape, seed=9).to(dtype)
    loss, backward = cross_entropy(logits, targets)
    assert loss.shape == ()
    assert_close(loss, F.cross_entropy(logits, targets))
    (expected,) = oracles.autograd(lambda z: F.cross_entropy(z, targets), logits)
    assert_close(backward(), expected)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [(B, K), (1, K), (B, 2)])
def test_cross_entropy_gradient(shape, seed):
    logits, targets = 3 * normal(*shape, seed=seed), random_targets(*shape, seed=seed + 10)
    _, backward = cross_entropy(logits, targets)
    oracles.assert_gradients([backward()], lambda z: F.cross_entropy(z, targets), logits)


def test_targets_may_be_any_distribution():
    logits, targets = normal(B, K, seed=11), torch.softmax(normal(B, K, seed=12), -1)
    loss, backward = cross_entropy(logits, targets)
    assert_close(loss, F.cross_entropy(logits, targets))
    oracles.assert_gradients([backward()], lambda z: F.cross_entropy(z, targets), logits)


def test_certain_and_right_costs_nothing():
    logits = torch.tensor([[-inf, 3.0, -inf], [-1e4, -1e4, 1e4]])
    loss, backward = cross_entropy(logits, one_hot(torch.tensor([1, 2]), 3))
    assert loss == 0  # not NaN: 0 * -inf adds nothing
    assert not backward().any()


def test_certain_and_wrong():
    targets = torch.tensor([[0.0, 1.0]])
    loss, backward = cross_entropy(torch.tensor([[1e4, -1e4]]), targets)
    assert loss == 2e4  # an epsilon within the logarithm would stop it at 16
    assert backward().tolist() == [[1, -1]]
    assert cross_entropy(torch.tensor([[0.0, -inf]]), targets)[0] == inf


def test_not_a_number_is_not_hidden():
    for nan_at in ([[torch.nan, 0.0]], [[0.0, torch.nan]]):
        assert cross_entropy(torch.tensor(nan_at), torch.tensor([[1.0, 0.0]]))[0].isnan()
        assert mse(torch.tensor(nan_at), torch.tensor([[1.0, 0.0]]))[0].isnan()
    assert cross_entropy(torch.zeros(1, 2), torch.tensor([[torch.nan, 0.0]]))[0].isnan()


# --- both losses ----------------------------------------------------------------------------------

LOSSES = pytest.mark.parametrize("loss", [mse, cross_entropy])


@LOSSES
def test_a_mean_not_a_sum(loss):
    y_pred, y_true = normal(B, K, seed=13), random_targets(B, K, seed=14)
    assert_close(loss(y_pred.repeat(3, 1), y_true.repeat(3, 1))[0], loss(y_pred, y_true)[0])


@LOSSES
@pytest.mark.parametrize("replicas", [R, B, 1])  # as many as images, too
@pytest.mark.parametrize("shared_targets", [True, False])
def test_replicas_are_separate_losses(loss, replicas, shared_targets):
    y_pred, y_true = normal(replicas, B, K, seed=15), random_targets(replicas, B, K, seed=16)
    if shared_targets:
        y_true = y_true[0]
    value, backward = loss(y_pred, y_true)
    assert value.shape == (replicas,)
    for r in range(replicas):
        alone, backward_alone = loss(y_pred[r], y_true if shared_targets else y_true[r])
        assert_close(value[r], alone)
        assert_close(backward()[r], backward_alone())


@LOSSES
def test_nothing_is_changed(loss):
    y_pred, y_true = normal(B, K, seed=17), random_targets(B, K, seed=18)
    assert_unchanged = oracles.snapshot(y_pred, y_true)
    _, backward = loss(y_pred, y_true)
    first = backward()
    first_as_it_was = first.clone()
    first += 1  # what one call returned is not what the next one starts from
    assert torch.equal(backward(), first_as_it_was)
    assert_unchanged()


REFUSED = {
    "a column against a vector": [
        (torch.zeros(B, 1), torch.zeros(B)),
        r"(y_true|targets) must be \[6, 1\], .* got torch.float32 \[6\]\. A column .* is \[B, 1\]",
    ],
    "a vector against a column": [
        (torch.zeros(B), torch.zeros(B, 1)),
        r"must be \[B, K\]; got torch.float32 \[6\]",
    ],
    "two vectors": [
        (torch.zeros(B), torch.zeros(B)),
        r"must be \[B, K\]; got torch.float32 \[6\]",
    ],
    "numbers without a batch": [
        (torch.tensor(1.0), torch.tensor(2.0)),
        r"must be \[B, K\]; got torch.float32 \[\]",
    ],
    "another batch size": [
        (torch.zeros(B, K), torch.zeros(B - 1, K)),
        r"must be \[6, 5\], .* got torch.float32 \[5, 5\]",
    ],
    "one target for all": [
        (torch.zeros(B, K), torch.zeros(1, K)),
        r"must be \[6, 5\], .* got torch.float32 \[1, 5\]",
    ],
    "another number of outputs": [
        (torch.zeros(B, K), torch.zeros(B, 1)),
        r"must be \[6, 5\], .* got torch.float32 \[6, 1\]",
    ],
    "integer labels": [
        (torch.zeros(B, K), torch.zeros(B, dtype=torch.int64)),
        r"must be floats .*; got torch.int64 \[6\]\. .*one_hot\(labels\)",
    ],
    "integer one-hot rows": [
        (torch.zeros(B, K), torch.zeros(B, K, dtype=torch.int64)),
        r"must be floats .* got torch.int64 \[6, 5\]",
    ],
    "replicas of the targets only": [
        (torch.zeros(B, K), torch.zeros(R, B, K)),
        r"\[6, 5\], .* got torch.float32 \[4, 6, 5\]\. .*replica axis that \w+ does not share",
    ],
    "another number of replicas": [
        (torch.zeros(R, B, K), torch.zeros(1, B, K)),
        r"\[4, 6, 5\], .* got torch.float32 \[1, 6, 5\]\. .*replica axis that .* does not share",
    ],
    "an empty batch": [
        (torch.zeros(0, K), torch.zeros(0, K)),
        r"got torch.float32 \[0, 5\]\. The batch is empty",
    ],
}


@LOSSES
@pytest.mark.parametrize("case", REFUSED)
def test_losses_refuse(loss, case):
    inputs, message = REFUSED[case]
    with pytest.raises(ValueError, match=message) as error:
        loss(*inputs)
    assert str(error.value).startswith(loss.__name__ + ":")


def test_cross_entropy_refuses_a_single_output():
    with pytest.raises(ValueError, match=r"at least 2 classes; got torch.float32 \[6, 1\]"):
        cross_entropy(torch.zeros(B, 1), torch.zeros(B, 1))
