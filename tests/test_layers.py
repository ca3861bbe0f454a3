"""linear and relu: by hand, against torch, and every refusal."""

import oracles
import pytest
import torch
from oracles import normal
from torch.testing import assert_close

from scratchmnist import linear, relu

B, D, H, R = 7, 5, 3, 4  # all different, so that a transposed matrix cannot pass

SHAPES = {  # of x, weights, bias, and of the output
    "one network": [(B, D), (D, H), (1, H), (B, H)],
    "replicas with an x of their own": [(R, B, D), (R, D, H), (R, 1, H), (R, B, H)],
    "replicas that share x": [(B, D), (R, D, H), (R, 1, H), (R, B, H)],
    "a batch of one": [(1, D), (D, H), (1, H), (1, H)],
    "one input, one output": [(B, 1), (1, 1), (1, 1), (B, 1)],
}


def random_inputs(case, seed):
    return [normal(*shape, seed=10 * seed + i) for i, shape in enumerate(SHAPES[case])]


# --- linear ---------------------------------------------------------------------------------------


def test_linear_by_hand():
    x = torch.tensor([[1.0, 2.0]])
    weights = torch.tensor([[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
    bias = torch.tensor([[0.5, 0.0, -0.5]])
    out, backward = linear(x, weights, bias)
    assert out.tolist() == [[15.5, 18.0, 20.5]]

    d_x, d_weights, d_bias = backward(torch.tensor([[1.0, 10.0, 100.0]]))
    assert d_x.tolist() == [[543.0, 876.0]]
    assert d_weights.tolist() == [[1.0, 10.0, 100.0], [2.0, 20.0, 200.0]]
    assert d_bias.tolist() == [[1.0, 10.0, 100.0]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", SHAPES)
def test_linear_is_torchs(case, dtype):
    x, weights, bias, _ = (tensor.to(dtype) for tensor in random_inputs(case, seed=1))
    out, _ = linear(x, weights, bias)
    assert out.shape == SHAPES[case][-1]
    assert_close(out, torch.einsum("...bd,...dh->...bh", x, weights) + bias)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", SHAPES)
def test_linear_gradients(case, seed):
    x, weights, bias, d_out = random_inputs(case, seed)
    ours = linear(x, weights, bias)[1](d_out)
    # Replicas that share x each have a d_x of their own, as if each had its own copy.
    x = x.expand(*weights.shape[:-2], -1, -1)
    oracles.assert_gradients(ours, lambda x, w, b: ((x @ w + b) * d_out).sum(), x, weights, bias)


@pytest.mark.parametrize("case", ["replicas with an x of their own", "replicas that share x"])
def test_replicas_are_separate_runs(case):
    x, weights, bias, d_out = random_inputs(case, seed=2)
    out, backward = linear(x, weights, bias)
    together = (out, *backward(d_out))
    for r in range(R):
        out, backward = linear(x[r] if x.dim() == 3 else x, weights[r], bias[r])
        for all_of_them, alone in zip(together, (out, *backward(d_out[r]))):
            assert_close(all_of_them[r], alone)


def test_without_d_x_the_rest_is_the_same():
    x, weights, bias, d_out = random_inputs("one network", seed=3)
    _, backward = linear(x, weights, bias)
    d_x, d_weights, d_bias = backward(d_out, need_d_x=False)
    assert d_x is None
    assert torch.equal(d_weights, backward(d_out)[1])
    assert torch.equal(d_bias, backward(d_out)[2])


def test_memory_order_does_not_matter():
    x, weights, bias, d_out = random_inputs("one network", seed=4)
    out, backward = linear(x, weights, bias)
    out_2, backward_2 = linear(x.T.clone().T, weights.T.clone().T, bias)
    assert_close(out, out_2)
    for one, other in zip(backward(d_out), backward_2(d_out.T.clone().T)):
        assert_close(one, other)


# --- relu -----------------------------------------------------------------------------------------


def test_relu_by_hand():
    out, backward = relu(torch.tensor([-torch.inf, -2.0, -0.0, 0.0, 1e-30, 3.0, torch.inf]))
    assert out.tolist() == [0, 0, 0, 0, pytest.approx(1e-30), 3, torch.inf]
    assert backward(torch.full((7,), 5.0)).tolist() == [0, 0, 0, 0, 5, 5, 5]  # at 0 the slope is 0
    assert relu(torch.tensor([torch.nan]))[0].isnan().all()  # a NaN must not be hidden


@pytest.mark.parametrize("shape", [(B,), (B, D), (R, B, D)])
def test_relu_gradient(shape):
    x, d_out = normal(*shape, seed=5), normal(*shape, seed=6)
    out, backward = relu(x)
    assert torch.equal(out, torch.relu(x))
    oracles.assert_gradients([backward(d_out)], lambda x: (torch.relu(x) * d_out).sum(), x)


# --- both -----------------------------------------------------------------------------------------


def test_nothing_is_changed_or_kept():
    x, weights, bias, d_out = random_inputs("one network", seed=7)
    assert_unchanged = oracles.snapshot(x, weights, bias, d_out)
    for out, backward in (linear(x, weights, bias), relu(d_out)):
        first = backward(d_out)
        linear(2 * x, 3 * weights, bias), relu(-out)  # other work in between
        for one, again in zip(first, backward(d_out)):
            assert torch.equal(one, again)
    assert_unchanged()


ZEROS = torch.zeros
REFUSED = {
    "bias without its batch axis": [
        (ZEROS(B, D), ZEROS(D, H), ZEROS(H)),
        r"bias must be \[1, 3\], .* got torch.float32 \[3\]\. .*batch axis",
    ],
    "bias without it, R = B": [  # would add bias r to image r of every replica, in silence
        (ZEROS(B, D), ZEROS(B, D, H), ZEROS(B, H)),
        r"bias must be \[7, 1, 3\], .* got torch.float32 \[7, 3\]",
    ],
    "one bias for all replicas": [
        (ZEROS(B, D), ZEROS(R, D, H), ZEROS(1, 1, H)),
        r"bias must be \[4, 1, 3\], .* got torch.float32 \[1, 1, 3\]",
    ],
    "a bias for each image": [
        (ZEROS(B, D), ZEROS(D, H), ZEROS(B, H)),
        r"bias must be \[1, 3\], .* got torch.float32 \[7, 3\]",
    ],
    "one bias for all outputs": [
        (ZEROS(B, D), ZEROS(D, H), ZEROS(1, 1)),
        r"bias must be \[1, 3\], .* got torch.float32 \[1, 1\]",
    ],
    "wrong image width": [
        (ZEROS(B, D + 1), ZEROS(D, H), ZEROS(1, H)),
        r"x must be \[B, 5\], as weights \[5, 3\] expect; got torch.float32 \[7, 6\]",
    ],
    "weights transposed": [
        (ZEROS(B, D), ZEROS(H, D), ZEROS(1, H)),
        r"x must be \[B, 3\], as weights \[3, 5\] expect; got torch.float32 \[7, 5\]",
    ],
    "one image without its batch axis": [
        (ZEROS(D), ZEROS(D, H), ZEROS(1, H)),
        r"x must be \[B, D\]; got torch.float32 \[5\]\. .* x\[None\]",
    ],
    "weights that are a vector": [
        (ZEROS(B, D), ZEROS(D), ZEROS(1, 1)),
        r"weights must be \[D, H\]; got torch.float32 \[5\]",
    ],
    "pixels as bytes": [
        (ZEROS(B, D, dtype=torch.uint8), ZEROS(D, H), ZEROS(1, H)),
        r"x must be torch.float32, .* got torch.uint8 .*images.float\(\) / 255",
    ],
    "two precisions": [
        (ZEROS(B, D), ZEROS(D, H), ZEROS(1, H).double()),
        r"bias must be torch.float32, as the weights are; got torch.float64",
    ],
    "replicas of x without replicas of weights": [
        (ZEROS(R, B, D), ZEROS(D, H), ZEROS(1, H)),
        r"x must be \[B, 5\] .*; got torch.float32 \[4, 7, 5\]\. Each replica needs",
    ],
    "two numbers of replicas": [
        (ZEROS(1, B, D), ZEROS(R, D, H), ZEROS(R, 1, H)),
        r"x must be \[B, 5\] or \[4, B, 5\], .* got torch.float32 \[1, 7, 5\]",
    ],
}


@pytest.mark.parametrize("case", REFUSED)
def test_linear_refuses(case):
    inputs, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        linear(*inputs)
