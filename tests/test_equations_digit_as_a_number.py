"""The equations of book/digit-as-a-number.md, both sides at random points."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import Layer, linear, mse, numerical_gradient, sgd_step

B, D, K = 5, 4, 3
X, W, b = random_point(B, D, seed=1), random_point(D, K, seed=2), random_point(1, K, seed=3)
Y = random_point(B, K, seed=4)
G = random_point(B, K, seed=5)  # stands for dL/dZ, whatever comes after the linear map


@equation("eq-weighted-sum")
def test_weighted_sum():
    x, w, bias = X[:1], W[:, :1], b[:, :1]
    total = sum(x[0, j] * w[j, 0] for j in range(D)) + bias[0, 0]
    assert_equal(total[None, None], x @ w + bias)


@equation("eq-linear")
def test_linear():
    z = torch.empty(B, K).double()
    for i in range(B):
        for k in range(K):
            z[i, k] = sum(X[i, j] * W[j, k] for j in range(D)) + b[0, k]
    assert_equal(z, X @ W + b)
    assert_equal(z, linear(X, W, b)[0])


@equation("eq-mse")
def test_mse():
    pred = X @ W + b
    resid = pred - Y
    total = sum(resid[i, k] ** 2 for i in range(B) for k in range(K))
    assert_equal(total / (B * K), mse(pred, Y)[0])


@equation("eq-broadcast-bug")
def test_broadcast_bug():
    pred, y = random_point(B, 1, seed=9), random_point(B, seed=10)
    mean = y.mean()
    first = sum((pred[i, 0] - y[m]) ** 2 for i in range(B) for m in range(B)) / B**2
    second = (
        sum(((pred[i, 0] - mean) + (mean - y[m])) ** 2 for i in range(B) for m in range(B)) / B**2
    )
    middle = 2 / B**2 * (pred - mean).sum() * (mean - y).sum()
    third = (pred - mean).square().sum() / B + middle + (mean - y).square().sum() / B
    last = (pred - mean).square().sum() / B + (y - mean).square().sum() / B
    for line in (second, third, last):
        assert_equal(first, line)
    assert_equal(middle, torch.zeros(()).double())
    assert_equal(first, (pred - y).square().mean())  # what the bug computes


@equation("eq-slope-one-weight")
def test_slope_one_weight():
    x, w, bias, y = random_point(4, seed=11)

    def loss(w, bias):
        return (x * w + bias - y) ** 2

    e = x * w + bias - y
    assert_equal(numerical_gradient(lambda w: loss(w, bias), w), 2 * e * x, 1e-6)
    assert_equal(numerical_gradient(lambda bias: loss(w, bias), bias), 2 * e, 1e-6)
    # each factor of the chain rule by itself
    prediction = x * w + bias
    assert_equal(numerical_gradient(lambda p: (p - y) ** 2, prediction), 2 * e, 1e-6)
    assert_equal(numerical_gradient(lambda w: x * w + bias, w), x, 1e-6)


@equation("eq-slope-one-image")
def test_slope_one_image():
    x, w, bias, y = X[:1], W[:, :1], b[:, :1], Y[:1, :1]
    e = (x @ w + bias - y).item()
    by_autograd = [t.clone().requires_grad_() for t in (w, bias)]
    (x @ by_autograd[0] + by_autograd[1] - y).square().sum().backward()
    for j in range(D):
        assert_equal(by_autograd[0].grad[j, 0], 2 * e * x[0, j])
    assert_equal(by_autograd[1].grad[0, 0], torch.tensor(2 * e, dtype=torch.float64))


@equation("eq-slope-batch")
def test_slope_batch():
    w = W[:, :1].clone().requires_grad_()
    resid = X @ w + b[:, :1] - Y[:, :1]
    resid.square().mean().backward()
    e = resid.detach()[:, 0]
    for j in range(D):
        first = sum(2 * e[i] * X[i, j] for i in range(B)) / B
        second = sum(X[i, j] * (2 * e[i] / B) for i in range(B))
        assert_equal(first, second)
        assert_equal(first, w.grad[j, 0])


@equation("eq-two-ways")
def test_two_ways():
    x, y, w = random_point(2, seed=20), random_point(2, seed=21), random_point(1, seed=22)[0]

    def loss(w):
        return (x * w - y).square().mean()

    e = x * w - y
    two_ways = 2 / 2 * e[0] * x[0] + 2 / 2 * e[1] * x[1]
    assert_equal(numerical_gradient(loss, w), two_ways, 1e-6)
    # the numbers of the text
    x, y, w = torch.tensor([1.0, 2.0]).double(), torch.tensor([5.0, 4.0]).double(), 3
    assert loss(w) == 4
    assert (2 / 2 * (x * w - y)).tolist() == [-2, 2]
    assert_equal((x * 3.01 - y).tolist(), [-1.99, 2.02])
    assert_equal(loss(3.01), torch.tensor(4.02025, dtype=torch.float64))


@equation("eq-gradient-one-output")
def test_gradient_one_output():
    w, bias, y = W[:, :1].clone().requires_grad_(), b[:, :1].clone().requires_grad_(), Y[:, :1]
    y_pred = X @ w + bias
    y_pred.retain_grad()
    (y_pred - y).square().mean().backward()
    column = 2 / B * (y_pred.detach() - y)
    assert_equal(y_pred.grad, column)
    assert_equal(w.grad, X.T @ column)
    assert_equal(bias.grad, sum(column[i] for i in range(B))[None])


@equation("eq-mse-gradient")
def test_mse_gradient():
    pred = random_point(B, K, seed=12).requires_grad_()
    (pred - Y).square().mean().backward()
    array = 2 / (B * K) * (pred.detach() - Y)
    assert_equal(pred.grad, array)
    assert_equal(mse(pred.detach(), Y)[1](), array)
    for i in range(B):
        for k in range(K):
            assert_equal(1 / (B * K) * 2 * (pred.detach()[i, k] - Y[i, k]), array[i, k])


def autograd_of_linear():
    """dL/dX, dL/dW, dL/db for a loss whose dL/dZ is G."""
    x, w, bias = (t.clone().requires_grad_() for t in (X, W, b))
    ((x @ w + bias) * G).sum().backward()
    return x.grad, w.grad, bias.grad


@equation("eq-weights-chain")
def test_weights_chain():
    _, d_w, _ = autograd_of_linear()
    for j in range(D):
        for k in range(K):
            all_ways = sum(G[i, m] * (X[i, j] if m == k else 0) for i in range(B) for m in range(K))
            only_k = sum(G[i, k] * X[i, j] for i in range(B))
            transposed = sum(X.T[j, i] * G[i, k] for i in range(B))
            for line in (all_ways, only_k, transposed, (X.T @ G)[j, k]):
                assert_equal(line, d_w[j, k])


@equation("eq-bias-and-input-chain")
def test_bias_and_input_chain():
    d_x, _, d_b = autograd_of_linear()
    for k in range(K):
        assert_equal(sum(G[i, k] for i in range(B)), d_b[0, k])
    for i in range(B):
        for j in range(D):
            assert_equal(sum(G[i, k] * W[j, k] for k in range(K)), d_x[i, j])
            assert_equal(sum(G[i, k] * W.T[k, j] for k in range(K)), d_x[i, j])


@equation("eq-linear-gradients")
def test_linear_gradients():
    d_x, d_w, d_b = autograd_of_linear()
    ones = torch.ones(B, 1).double()
    for ours, theirs in zip((G @ W.T, X.T @ G, ones.T @ G), (d_x, d_w, d_b)):
        assert_equal(ours, theirs)
    for ours, theirs in zip(linear(X, W, b)[1](G), (d_x, d_w, d_b)):
        assert_equal(ours, theirs)


@equation("eq-sgd")
def test_sgd():
    d_w, d_b, lr = random_point(D, K, seed=13), random_point(1, K, seed=14), 0.3
    [after] = sgd_step([Layer(W, b)], [Layer(d_w, d_b)], lr)
    assert_equal(after.weights, W - lr * d_w)
    assert_equal(after.bias, b - lr * d_b)


@equation("eq-descent")
def test_descent():
    def loss(w):
        return mse(X @ w + b, Y)[0]

    gradient = X.T @ mse(X @ W + b, Y)[1]()
    limit = -gradient.square().sum()
    errors = [
        abs((loss(W - lr * gradient) - loss(W)) / lr - limit).item() for lr in (1e-2, 1e-3, 1e-4)
    ]
    assert errors[2] < 1e-3 * abs(limit)
    assert errors[0] > 9 * errors[1] > 81 * errors[2]  # proportional to lr: the limit is right
    assert_equal(sum(g * -g for g in gradient.flatten()), limit)
