"""Whole networks: initial values, forward and backward against autograd, replicas, refusals."""

import numpy as np
import oracles
import pytest
import torch
import torch.nn.functional as F
from oracles import normal
from torch.testing import assert_close

from scratchmnist import (
    Layer,
    cross_entropy,
    forward,
    init_layers,
    mse,
    one_hot,
    sgd_step,
    stack_replicas,
)

B, D, H, K, R = 7, 6, 5, 3, 4
SIZES = {"one layer": [D, K], "two layers": [D, H, K], "three layers": [D, H, 4, K]}
LOSSES = {"mse": (mse, F.mse_loss), "cross_entropy": (cross_entropy, F.cross_entropy)}
each_depth = pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
each_loss = pytest.mark.parametrize(("loss", "torch_loss"), LOSSES.values(), ids=LOSSES)


def random_network(sizes, seed, replicas=()):
    return [Layer(*pair) for pair in oracles.random_layers(*sizes, seed=seed, replicas=replicas)]


def random_batch(seed):
    labels = normal(B, K, seed=seed + 1).argmax(-1)
    return normal(B, D, seed=seed), one_hot(labels, K).double()


def torch_network(x, *weights_and_biases):
    """The same network in torch's own functions, which store weights as [out, in]."""
    pairs = list(zip(weights_and_biases[::2], weights_and_biases[1::2]))
    for weights, bias in pairs[:-1]:
        x = F.relu(F.linear(x, weights.T, bias.squeeze(0)))
    return F.linear(x, pairs[-1][0].T, pairs[-1][1].squeeze(0))


def flatten(layers):
    return [tensor for layer in layers for tensor in layer]


# --- init_layers ----------------------------------------------------------------------------------


def test_initial_shapes_and_biases():
    layers = init_layers([D, H, K], seed=0)
    assert [tuple(t.shape) for t in flatten(layers)] == [(D, H), (1, H), (H, K), (1, K)]
    assert all(t.dtype == torch.float32 for t in flatten(layers))
    assert not any(layer.bias.any() for layer in layers)


@pytest.mark.parametrize(("inputs", "outputs"), [(784, 30), (30, 500), (784, 10)])
def test_initial_weights_are_he_normal(inputs, outputs):
    [layer] = init_layers([inputs, outputs], seed=1)
    n = inputs * outputs
    z = layer.weights.double() / (2 / inputs) ** 0.5  # standard normal, then
    assert abs(z.mean()) < 4 / n**0.5
    assert abs(z.square().mean() - 1) < 4 * (2 / n) ** 0.5
    assert abs(z.pow(4).mean() - 3) < 4 * (96 / n) ** 0.5


def test_signals_keep_their_size():
    """The point of 2/D: through 20 ReLU layers the mean square neither dies nor explodes."""
    x = normal(100, 500, seed=2).float()
    out, _ = forward(x, init_layers([500] * 21, seed=3))
    assert 0.2 < out.square().mean() / 2 < 5  # 2 after the last linear map, which no ReLU halves


def test_a_seed_decides_the_weights():
    first, again, other = (flatten(init_layers([D, H, H, K], seed=s)) for s in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again))
    assert not torch.equal(first[0], other[0])
    square_1, square_2 = (layer.weights for layer in init_layers([D, D, D], seed=5))
    assert not torch.equal(square_1, square_2)  # no layer repeats another's numbers


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    init_layers([D, H, K], seed=0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("seeds", [[5, 0, 7], range(3), (2,), np.arange(2), torch.tensor([3, 1])])
def test_seeds_give_replicas(seeds):
    together = flatten(init_layers([D, H, K], seeds))
    for r, seed in enumerate(seeds):
        for of_all, alone in zip(together, flatten(init_layers([D, H, K], int(seed)))):
            assert of_all.shape == (len(seeds), *alone.shape)
            assert torch.equal(of_all[r], alone)


def test_numpys_integers_are_seeds():
    one, other = (init_layers([D, K], seed)[0].weights for seed in (np.int64(6), 6))
    assert torch.equal(one, other)


@pytest.mark.parametrize("sizes", [[784], [], [784, 0], [-1, 10]])
def test_init_layers_refuses_sizes(sizes):
    with pytest.raises(ValueError, match=r"two or more positive widths; got \[") as error:
        init_layers(sizes, seed=0)
    assert str(sizes) in str(error.value)


def test_init_layers_refuses_seeds():
    with pytest.raises(ValueError, match=r"at least one network; got \[\]"):
        init_layers([D, K], seed=[])
    with pytest.raises(TypeError, match=r"seed must be an integer, .* got \[0, 1\.5\]"):
        init_layers([D, K], seed=[0, 1.5])


def test_stack_replicas_refuses_networks_of_several_depths():
    message = r"same shapes and type, \[\[6, 6\], \[6, 3\]\]; got \[\[6, 3\]\]"
    with pytest.raises(ValueError, match=message):
        stack_replicas([init_layers([D, D, K], 0), init_layers([D, K], 0)])


# --- forward and backward -------------------------------------------------------------------------


def test_a_network_by_hand():
    """One input, two hidden units of which one is off, one output, which may be negative."""
    layers = [
        Layer(torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 0.0]])),
        Layer(torch.tensor([[-3.0], [5.0]]), torch.tensor([[4.0]])),
    ]
    out, backward = forward(torch.tensor([[3.0]]), layers)
    assert out.item() == -3 * (2 * 3 + 1) + 4

    first, second = backward(torch.tensor([[1.0]]))
    assert second.weights.flatten().tolist() == [7, 0]
    assert second.bias.item() == 1
    assert first.weights.flatten().tolist() == [-9, 0]
    assert first.bias.flatten().tolist() == [-3, 0]


@each_depth
@each_loss
@pytest.mark.parametrize("seed", [0, 100])
def test_gradients_of_whole_networks(sizes, loss, torch_loss, seed):
    layers, (x, targets) = random_network(sizes, seed), random_batch(seed + 20)
    out, backward = forward(x, layers)
    value, d_loss = loss(out, targets)
    grads = backward(d_loss())

    def by_torch(*parameters):
        return torch_loss(torch_network(x, *parameters), targets)

    assert_close(value, by_torch(*flatten(layers)))
    assert all(isinstance(grad, Layer) for grad in grads)
    oracles.assert_gradients(flatten(grads), by_torch, *flatten(layers))


@each_depth
@each_loss
@pytest.mark.parametrize("shared_x", [True, False])
@pytest.mark.parametrize("replicas", [R, B, 1])  # as many as images, too
def test_replicas_are_separate_networks(sizes, loss, torch_loss, shared_x, replicas):
    together = random_network(sizes, seed=1, replicas=(replicas,))
    x, targets = random_batch(seed=30)
    if not shared_x:
        x = normal(replicas, B, D, seed=40)
    out, backward = forward(x, together)
    values, d_loss = loss(out, targets)
    grads = backward(d_loss())
    assert values.shape == (replicas,)

    for r in range(replicas):
        alone = [Layer(weights[r], bias[r]) for weights, bias in together]
        out_alone, backward_alone = forward(x if shared_x else x[r], alone)
        value_alone, d_loss_alone = loss(out_alone, targets)
        assert_close(out[r], out_alone)
        assert_close(values[r], value_alone)
        for grad, grad_alone in zip(flatten(grads), flatten(backward_alone(d_loss_alone()))):
            assert_close(grad[r], grad_alone)


def test_nothing_is_changed_or_kept():
    """No cached state: other passes, and a new network, leave this backward what it was."""
    layers, (x, targets) = random_network([D, H, K], seed=2), random_batch(seed=50)
    assert_unchanged = oracles.snapshot(x, targets, *flatten(layers))
    out, backward = forward(x, layers)
    d_out = cross_entropy(out, targets)[1]()
    first = backward(d_out)
    forward(-x, random_network([D, H, K], seed=3))
    sgd_step(layers, first, lr=1.0)
    for grad, again in zip(flatten(first), flatten(backward(d_out))):
        assert torch.equal(grad, again)
    assert_unchanged()


def test_forward_refuses():
    x = torch.zeros(B, D)
    with pytest.raises(ValueError, match=r"at least one layer; got \[\]"):
        forward(x, [])
    with pytest.raises(ValueError, match=r"x must be \[B, 8\], .* \[7, 6\]"):
        forward(x, init_layers([8, K], seed=0))
    layers = [*init_layers([D, H], seed=0), *init_layers([H + 1, K], seed=0)]
    with pytest.raises(ValueError, match=r"x must be \[B, 6\], .* \[7, 5\]"):
        forward(x, layers)
