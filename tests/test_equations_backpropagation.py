"""Both sides of each displayed equation of the page on backpropagation."""

from itertools import product

import torch
from equations import assert_equal, equation
from test_equations_hidden_layer import B, D, H, K, point

from scratchmnist import cross_entropy, forward, relu, softmax
from scratchmnist.network import Layer


def by_autograd():
    """Every quantity of the network and, by autograd, the gradient of the loss at it."""
    x, y, layers = point()
    values = {"W1": layers[0].weights, "b1": layers[0].bias}
    values |= {"W2": layers[1].weights, "b2": layers[1].bias}
    for value in values.values():
        value.requires_grad_()
    values["Z1"] = x @ values["W1"] + values["b1"]
    values["A"] = values["Z1"].relu()
    values["Z"] = values["A"] @ values["W2"] + values["b2"]
    loss = torch.nn.functional.cross_entropy(values["Z"], y)
    d = dict(zip(values, torch.autograd.grad(loss, list(values.values()))))
    values = {name: value.detach() for name, value in values.items()}
    mask = (values["Z1"] > 0).double()
    assert 0 < mask.mean() < 1
    return x, y, values, d, mask


@equation("eq-hidden-score")
def test_a_score_is_a_sum_over_hidden_units():
    _, _, v, _, _ = by_autograd()
    for i, k in product(range(B), range(K)):
        total = sum(v["A"][i, u] * v["W2"][u, k] for u in range(H)) + v["b2"][0, k]
        assert_equal(v["Z"][i, k], total)


@equation("eq-hidden-paths")
def test_blame_collects_over_all_paths():
    _, _, v, d, _ = by_autograd()
    transposed = v["W2"].mT
    for i, u in product(range(B), range(H)):
        a = v["A"][i].clone().requires_grad_()
        scores = a @ v["W2"] + v["b2"][0]
        slopes = [torch.autograd.grad(scores[k], a, retain_graph=True)[0][u] for k in range(K)]
        left = d["A"][i, u]
        assert_equal(left, sum(d["Z"][i, k] * slopes[k] for k in range(K)))
        assert_equal(left, sum(d["Z"][i, k] * v["W2"][u, k] for k in range(K)))
        assert_equal(left, sum(d["Z"][i, k] * transposed[k, u] for k in range(K)))
    assert_equal(d["A"], d["Z"] @ transposed)


@equation("eq-relu-gradient")
def test_relu_gradient():
    _, _, v, d, mask = by_autograd()
    z1 = v["Z1"].clone().requires_grad_()
    slope = torch.autograd.grad(z1.relu().sum(), z1)[0]
    assert_equal(d["Z1"], d["A"] * slope)
    assert_equal(d["Z1"], torch.where(v["Z1"] > 0, d["A"], 0))
    assert_equal(d["Z1"], d["A"] * mask)
    assert_equal(d["Z1"], relu(v["Z1"])[1](d["A"]))


@equation("eq-backprop")
def test_backprop():
    x, y, v, d, mask = by_autograd()
    ones = torch.ones(B, 1).double()
    assert_equal(d["Z"], (softmax(v["Z"]) - y) / B)
    assert_equal(d["W2"], v["A"].mT @ d["Z"])
    assert_equal(d["b2"], ones.mT @ d["Z"])
    assert_equal(d["A"], d["Z"] @ v["W2"].mT)
    assert_equal(d["Z1"], d["A"] * mask)
    assert_equal(d["W1"], x.mT @ d["Z1"])
    assert_equal(d["b1"], ones.mT @ d["Z1"])
    out, backward = forward(x, [Layer(v["W1"], v["b1"]), Layer(v["W2"], v["b2"])])
    first, second = backward(cross_entropy(out, y)[1]())
    for ours, name in zip((*first, *second), ("W1", "b1", "W2", "b2")):
        assert_equal(ours, d[name])


@equation("eq-first-weight")
def test_one_weight_unfolded():
    x, y, v, d, mask = by_autograd()
    p = softmax(v["Z"])
    for j, u in product(range(D), range(H)):
        total = sum(
            x[i, j] * mask[i, u] * v["W2"][u, k] * (p[i, k] - y[i, k]) / B
            for i, k in product(range(B), range(K))
        )
        assert_equal(d["W1"][j, u], total)
