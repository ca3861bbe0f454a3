"""The equations of the page "More knobs"."""

from equations import assert_equal, equation
from test_equations_learning_rates import B, batch, gradients, network, numbers


@equation("eq-lr-linear-scaling")
def test_k_small_steps_and_one_large_step():
    layers, eta, k = network(), 0.3, 3
    x, y = batch(30, count=k * B)
    small = [numbers(gradients(layers, xs, ys)) for xs, ys in zip(x.split(B), y.split(B))]
    steps = sum(eta * g for g in small)
    assert_equal(steps, k * eta * (sum(small) / k))
    assert_equal(steps, k * eta * numbers(gradients(layers, x, y)))
