"""The equations of the chapter "How fast?"."""

import torch
from equations import assert_equal, equation, random_point
from torch.utils.flop_counter import FlopCounterMode

from scratchmnist import cross_entropy, forward, init_layers, one_hot


@equation("eq-step-operations")
def test_step_operations():
    B, D, H, K = 7, 11, 5, 3
    layers = init_layers([D, H, K], seed=0)
    x, targets = torch.rand(B, D), one_hot(torch.arange(B) % K, K)
    with FlopCounterMode(display=False) as forward_counter:
        out, backward = forward(x, layers)
        _, d_loss = cross_entropy(out, targets)
    with FlopCounterMode(display=False) as backward_counter:
        backward(d_loss())
    counted = forward_counter.get_total_flops(), backward_counter.get_total_flops()
    assert counted == (2 * B * D * H + 2 * B * H * K, 2 * B * D * H + 2 * B * H * K + 2 * B * H * K)
    assert sum(counted) == 2 * B * (2 * D * H + 3 * H * K)


@equation("eq-turned-product")
def test_turned_product():
    B, D, H = 4, 6, 3
    X, W, G = random_point(B, D, seed=0), random_point(D, H, seed=1), random_point(B, H, seed=2)
    assert_equal(X @ W, (W.T @ X.T).T)
    assert_equal(X.T @ G, (G.T @ X).T)


@equation("eq-wide-product")
def test_wide_product():
    R, B, D, H = 5, 4, 6, 3
    X, W = random_point(B, D, seed=0), random_point(R, D, H, seed=1)
    side_by_side = torch.cat(list(W), dim=1)  # [D, RH]
    assert side_by_side.shape == (D, R * H)
    assert_equal(X @ side_by_side, torch.cat([X @ W[r] for r in range(R)], dim=1))


@equation("eq-time-model")
def test_time_model():
    a, c = random_point(2, seed=0).abs()
    knee = a / c
    assert_equal(a + c * knee, 2 * a)
    assert_equal(c * knee, a)
