"""The checker is checked: on derivatives known from calculus, and on wrong ones it must find."""

import pytest
import torch
from oracles import autograd, normal, random_layers, relative_error, snapshot
from torch.testing import assert_close

from scratchmnist import (
    Layer,
    check_gradients,
    cross_entropy,
    forward,
    linear,
    numerical_gradient,
    one_hot,
    relu,
)

KNOWN = {  # f, and its derivative from calculus
    "cubes": (lambda x: (x**3).sum(), lambda x: 3 * x**2),
    "exponentials": (lambda x: x.exp().sum(), lambda x: x.exp()),
    "a mean": (lambda x: x.sin().mean(), lambda x: x.cos() / x.numel()),
    "a product": (lambda x: x.prod(), lambda x: x.prod() / x),
    "a constant": (lambda x: torch.tensor(5.0).double(), lambda x: 0 * x),
}
each_known = pytest.mark.parametrize(("f", "derivative"), KNOWN.values(), ids=KNOWN)


@each_known
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 1, 3), (1,)])
def test_numerical_gradient_is_calculus(f, derivative, shape):
    x = normal(*shape, seed=1)
    assert_unchanged = snapshot(x)
    assert_close(numerical_gradient(f, x), derivative(x), rtol=1e-7, atol=1e-9)
    assert_unchanged()


def test_both_sides_are_measured():
    """A one-sided difference would be off by h/2 * f'' = h here."""
    x = torch.tensor([1.0]).double()
    assert_close(numerical_gradient(lambda x: x.square().sum(), x, h=0.1), 2 * x)


def test_a_transposed_tensor_keeps_its_order():
    x = normal(3, 2, seed=2).T
    coefficients = torch.arange(6.0).double().reshape(2, 3)
    assert_close(numerical_gradient(lambda x: (coefficients * x).sum(), x), coefficients)


@each_known
def test_true_gradients_pass(f, derivative):
    x = normal(2, 3, seed=3)
    assert check_gradients(f, {"x": x}, {"x": derivative(x)})["x"] < 1e-7


def test_the_error_is_relative():
    """A gradient 0.1 % too large is 0.1 % off, whatever the size of f."""
    x = normal(4, seed=4)
    for scale in (1e-6, 1.0, 1e6):

        def f(x, scale=scale):
            return scale * x.square().sum()

        with pytest.raises(AssertionError, match=r"relative error 1\.0e-03 > 1e-06"):
            check_gradients(f, {"x": x}, {"x": 1.001 * 2 * scale * x})
        errors = check_gradients(f, {"x": x}, {"x": 1.001 * 2 * scale * x}, tolerance=0.01)
        assert errors["x"] == pytest.approx(1e-3, rel=0.01)


def test_small_entries_count():
    """An entry a hundredth of the largest has its own scale; under a thousandth, a thousandth."""
    x = torch.zeros(2).double()
    for slope, error in ((1.0, 0.01 / 1.01), (0.001, 0.00001 / 0.1)):
        slopes = torch.tensor([100.0, slope]).double()
        claimed = slopes * torch.tensor([1.0, 1.01]).double()
        errors = check_gradients(
            lambda x, s=slopes: (s * x).sum(), {"x": x}, {"x": claimed}, tolerance=1
        )
        assert errors["x"] == pytest.approx(error, rel=1e-3)


def random_check(seed, sizes=(5, 4, 3), batch=6):
    """A two-layer network with cross-entropy: loss(w_1, b_1, w_2, b_2), inputs, and gradients."""
    names = ["w_1", "b_1", "w_2", "b_2"]
    pairs = random_layers(*sizes, seed=seed)
    x = normal(batch, sizes[0], seed=seed + 1)
    targets = one_hot(normal(batch, sizes[-1], seed=seed + 2).argmax(1), sizes[-1]).double()

    def run(w_1, b_1, w_2, b_2):
        out, backward = forward(x, [Layer(w_1, b_1), Layer(w_2, b_2)])
        loss, d_loss = cross_entropy(out, targets)
        return loss, lambda: backward(d_loss())

    inputs = dict(zip(names, (tensor for pair in pairs for tensor in pair)))
    grads = run(**inputs)[1]()
    gradients = dict(zip(names, (tensor for grad in grads for tensor in grad)))
    return lambda **inputs: run(**inputs)[0], inputs, gradients


@pytest.mark.parametrize("seed", range(10))
def test_no_false_alarm_and_no_fault_missed(seed):
    """Ten random networks pass; then one entry of one gradient goes wrong by a thousandth."""
    loss, inputs, gradients = random_check(seed)
    errors = check_gradients(loss, inputs, gradients)
    assert errors.keys() == inputs.keys()
    assert max(errors.values()) < 1e-6
    for name in inputs:
        largest = gradients[name].abs() == gradients[name].abs().max()
        wrong = torch.where(largest, 1.001 * gradients[name], gradients[name])
        with pytest.raises(AssertionError, match=rf"d_{name}\["):
            check_gradients(loss, inputs, {**gradients, name: wrong})


def test_the_message_names_the_worst_entry():
    x, claimed = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).double(), torch.full((2, 2), 2.0).double()
    claimed[1, 0] = -7.0
    with pytest.raises(
        AssertionError,
        match=r"^d_x\[1, 0\] is -7, central differences give 2: relative error 1\.3e\+00 > ",
    ):
        check_gradients(lambda x: 2 * x.sum(), {"x": x}, {"x": claimed})


def test_a_gradient_that_is_nan_fails():
    x = normal(3, seed=5)
    for bad in (torch.nan, torch.inf):
        with pytest.raises(AssertionError, match=r"d_x\[1\] is (nan|inf)"):
            check_gradients(lambda x: x.sum(), {"x": x}, {"x": torch.tensor([1, bad, 1]).double()})


def test_zero_gradients():
    x, zero = normal(3, seed=6), torch.zeros(3).double()
    assert check_gradients(lambda x: torch.tensor(1.0), {"x": x}, {"x": zero})["x"] == 0
    with pytest.raises(
        AssertionError, match=r"relative error 1\.0e\+00"
    ):  # claimed, but there is none
        check_gradients(lambda x: torch.tensor(1.0), {"x": x}, {"x": zero + 1e-3})
    with pytest.raises(
        AssertionError, match=r"relative error 1\.0e\+00"
    ):  # there is one, but not claimed
        check_gradients(lambda x: x.sum(), {"x": x}, {"x": zero})


def test_near_a_kink_the_step_shrinks():
    """3e-6 from ReLU's kink a step of 1e-5 straddles it: smaller steps find the true slope."""
    x = torch.tensor([3e-6, -3e-6, 3e-7, 1.0]).double()
    _, backward = relu(x)
    true = backward(torch.ones(4).double())
    assert relative_error(numerical_gradient(lambda x: relu(x)[0].sum(), x), true) > 0.1
    check_gradients(lambda x: relu(x)[0].sum(), {"x": x}, {"x": true})
    with pytest.raises(AssertionError, match=r"d_x\[1\]"):
        check_gradients(lambda x: relu(x)[0].sum(), {"x": x}, {"x": torch.ones(4).double()})


def test_autograd_says_the_same():
    x, weights, bias = normal(4, 3, seed=7), normal(3, 2, seed=8), normal(1, 2, seed=9)

    def f(x, weights, bias):
        return linear(x, weights, bias)[0].tanh().sum()

    expected = autograd(f, x, weights, bias)
    inputs = {"x": x, "weights": weights, "bias": bias}
    check_gradients(f, inputs, dict(zip(inputs, expected)), tolerance=1e-8)
    for seen, true in zip((numerical_gradient(lambda w: f(x, w, bias), weights),), expected[1:2]):
        assert relative_error(seen, true) < 1e-8


def test_inputs_that_nobody_claims_a_gradient_for():
    x, labels = normal(3, seed=10), torch.tensor([0, 1, 2])
    errors = check_gradients(
        lambda x, labels: (x * labels).sum(), {"x": x, "labels": labels}, {"x": labels.double()}
    )
    assert list(errors) == ["x"]


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_only_float64_is_exact_enough(dtype):
    x = torch.ones(3, dtype=dtype)
    message = rf"x must be float64; got {dtype} .*x\.double\(\)"
    with pytest.raises(ValueError, match=message):
        numerical_gradient(lambda x: x.sum(), x)
    with pytest.raises(ValueError, match=message):
        check_gradients(lambda x: x.sum(), {"x": x}, {"x": torch.ones(3).double()})


def test_shapes_and_names_must_agree():
    x = normal(3, 2, seed=11)
    with pytest.raises(ValueError, match=r"d_x must be .* \[3, 2\]; got torch.float64 \[2, 3\]"):
        check_gradients(lambda x: x.sum(), {"x": x}, {"x": torch.ones(2, 3).double()})
    with pytest.raises(ValueError, match=r"gradients of \['y'\] and inputs \['x'\]"):
        check_gradients(lambda x: x.sum(), {"x": x}, {"y": torch.ones(3, 2).double()})
    with pytest.raises(ValueError, match=r"gradients of \[\] and inputs"):  # nothing was checked
        check_gradients(lambda x: x.sum(), {"x": x}, {})
