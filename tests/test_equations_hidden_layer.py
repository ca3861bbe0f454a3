"""Both sides of each displayed equation of the chapter on the hidden layer."""

from itertools import product

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import cross_entropy, forward, init_layers, linear, one_hot, relu, softmax
from scratchmnist.network import Layer

B, D, H, K = 5, 7, 4, 3  # all different, so that a transpose cannot hide


def point():
    """Inputs, targets and weights, with units that are on and units that are off."""
    x = random_point(B, D, seed=0)
    y = one_hot(torch.tensor([0, 2, 1, 1, 0]), K).double()
    layers = [
        Layer(random_point(D, H, seed=1), random_point(1, H, seed=2)),
        Layer(random_point(H, K, seed=3), random_point(1, K, seed=4)),
    ]
    return x, y, layers


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


@equation("eq-xor-line")
def test_no_line_parts_xor():
    w, b = random_point(2, seed=5), random_point(1, seed=6)

    def s(*picture):
        return torch.tensor(picture).double() @ w + b

    assert_equal(s(0, 1) + s(1, 0), (w[1] + b) + (w[0] + b))
    assert_equal(s(0, 1) + s(1, 0), b + (w[0] + w[1] + b))
    assert_equal(s(0, 1) + s(1, 0), s(0, 0) + s(1, 1))


@equation("eq-lines-collapse")
def test_two_linear_layers_are_one():
    x, _, ((w1, b1), (w2, b2)) = point()
    left = linear(linear(x, w1, b1)[0], w2, b2)[0]
    assert_equal(left, x @ w1 @ w2 + b1 @ w2 + b2)
    assert_equal(left, x @ (w1 @ w2) + (b1 @ w2 + b2))


@equation("eq-relu")
def test_relu():
    z = random_point(B, H, seed=7)
    z[0, 0] = 0
    assert_equal(relu(z)[0], torch.maximum(torch.zeros(()).double(), z))
    assert_equal(relu(z)[0], torch.where(z > 0, z, 0))


@equation("eq-xor-relu")
def test_two_relus_make_a_distance():
    x = random_point(50, 2, seed=8)
    left = relu(x[:, 0] - x[:, 1])[0] + relu(x[:, 1] - x[:, 0])[0]
    assert_equal(left, (x[:, 0] - x[:, 1]).abs())


@equation("eq-two-layers")
def test_two_layers():
    x, _, layers = point()
    (w1, b1), (w2, b2) = layers
    z1 = x @ w1 + b1
    a = z1.clamp(min=0)
    z = a @ w2 + b2
    assert z1.shape == a.shape == (B, H)
    assert z.shape == (B, K)
    assert_equal(forward(x, layers)[0], z)


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


# For the sizes: weights that are +s or -s, each with probability one half, have mean 0 and variance
# s**2, and are as likely to be w as -w. All 2**D of them can be gone through, so E is exact.
S = 0.6
ALL_WEIGHTS = torch.tensor(list(product((-S, S), repeat=D)), dtype=torch.float64)  # [2**D, D]
INPUT = random_point(D, seed=9)


@equation("eq-one-weight-size")
def test_size_behind_one_weight():
    w = ALL_WEIGHTS[:, 0]
    for x in INPUT:
        assert_equal((x * w).square().mean(), x**2 * w.square().mean())
        assert_equal((x * w).square().mean(), S**2 * x**2)


@equation("eq-unit-size")
def test_size_of_a_unit():
    w, x = ALL_WEIGHTS, INPUT
    left = (w @ x).square().mean()
    product_of_sums = (sum(x[j] * w[:, j] for j in range(D)) * (w @ x)).mean()
    pairs = product(range(D), range(D))
    over_pairs = sum(x[j] * x[k] * (w[:, j] * w[:, k]).mean() for j, k in pairs)
    assert_equal(left, product_of_sums)
    assert_equal(left, over_pairs)
    assert_equal(left, sum(x[j] ** 2 * w[:, j].square().mean() for j in range(D)))
    assert_equal(left, D * S**2 * x.square().sum() / D)


@equation("eq-relu-size")
def test_relu_halves_the_size():
    z = ALL_WEIGHTS @ INPUT
    assert_equal(relu(z)[0].square().mean(), z.square().mean() / 2)


@equation("eq-he-variance")
def test_he_variance():
    def size_of_outputs(weights):
        return relu(weights @ INPUT)[0].square().mean()

    size = INPUT.square().sum() / D
    assert_equal(size_of_outputs(ALL_WEIGHTS), D * S**2 / 2 * size)
    assert_equal(size_of_outputs(ALL_WEIGHTS / S * (2 / D) ** 0.5), size)  # variance 2/D keeps it
    drawn = init_layers([200, 5000], seed=0)[0].weights  # and that is what the package draws
    assert abs(drawn.var().item() / (2 / 200) - 1) < 0.01
    assert abs(drawn.mean().item()) < 1e-3
