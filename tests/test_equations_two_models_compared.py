"""The equations of the chapter "Two models, compared"."""

import pytest
from equations import assert_equal, equation, random_point
from scipy import stats

from scratchmnist.pages import figures


@equation("eq-cmp-interval")
def test_interval():
    runs = random_point(7, seed=1)
    R = len(runs)
    s = ((runs - runs.mean()).square().sum() / (R - 1)).sqrt()
    mean, half = figures.mean_and_interval(runs)
    assert_equal(mean, runs.mean().item())
    assert_equal(half, (stats.t.ppf(0.975, R - 1) * s / R**0.5).item())
    low, high = stats.t.interval(0.95, R - 1, loc=runs.mean(), scale=stats.sem(runs))
    assert_equal(mean - half, float(low))
    assert_equal(mean + half, float(high))


def test_factors_in_the_text():
    assert f"{figures.student_t_95(9):.2f} {figures.student_t_95(2):.2f}" == "2.26 4.30"
    assert f"{figures.student_t_95(10**7):.2f}" == "1.96"


def test_interval_covers_the_truth_95_times_in_100():
    experiments = random_point(20_000, 10, seed=2)  # true mean 0
    mean, s = experiments.mean(1), experiments.std(1)
    covered = mean.abs() < figures.student_t_95(9) * s / 10**0.5
    assert covered.double().mean().item() == pytest.approx(0.95, abs=0.005)
