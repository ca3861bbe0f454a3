"""The equations of the page "One pair of runs"."""

import re
from itertools import product
from math import comb

import pytest
import torch
from equations import BOOK, assert_equal, equation, random_point
from scipy import stats
from scipy.special import stdtr

from scratchmnist.pages import figures


def from_chapter(*names):
    """The functions of these names, as a cell of the page defines them."""
    text = (BOOK / "one-pair-of-runs.md").read_text()
    scope = {"torch": torch, "comb": comb, "figures": figures, "stdtr": stdtr}
    for name in names:
        code = re.search(rf"^def {name}\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0]
        exec(code, scope)
    return [scope[name] for name in names]


@equation("eq-cmp-variance-of-mean")
def test_variance_of_a_mean():
    """Every way that R = 3 independent runs can come out, from four equally likely values."""
    values = random_point(4, seed=0)
    mu, variance = values.mean(), (values - values.mean()).square().mean()
    runs = torch.tensor(list(product(values.tolist(), repeat=3)), dtype=torch.float64)  # [64, R]
    R = runs.shape[1]
    off = runs - mu
    line0 = (runs.mean(1) - mu).square().mean()
    line1 = (off.sum(1) / R).square().mean()
    products = (off[:, :, None] * off[:, None, :]).mean(0)  # E[(a_r - mu)(a_s - mu)]  [R, R]
    line2 = products.sum() / R**2
    line3 = off.square().mean(0).sum() / R**2
    assert_equal(products - torch.diag(products.diagonal()), torch.zeros(R, R, dtype=torch.float64))
    for line in (line1, line2, line3, variance / R):
        assert_equal(line0, line)


@equation("eq-cmp-variance-of-difference")
def test_variance_of_a_difference():
    first, second = random_point(6, seed=3), random_point(6, seed=4)
    d, R = first - second, 6
    line0 = (d - d.mean()).square().sum() / (R - 1)
    line1 = ((first - first.mean()) - (second - second.mean())).square().sum() / (R - 1)
    covariance = ((first - first.mean()) * (second - second.mean())).sum() / (R - 1)
    line2 = first.var() + second.var() - 2 * covariance
    assert_equal(d.var(), line0)
    assert_equal(line0, line1)
    assert_equal(line0, line2)


@equation("eq-cmp-paired-t")
def test_paired_t():
    (paired_test,) = from_chapter("paired_test")
    first, second = random_point(8, seed=5) + 0.3, random_point(8, seed=6)
    d = first - second
    reference = stats.ttest_rel(first, second)
    assert_equal((d.mean() / (d.std() / 8**0.5)).item(), float(reference.statistic))
    mean, half, p_value = paired_test(first, second)
    assert_equal(p_value, float(reference.pvalue))
    assert_equal(mean, d.mean().item())
    low, _ = reference.confidence_interval(0.95)
    assert_equal(mean - half, float(low))


@equation("eq-cmp-image-noise")
def test_noise_of_the_test_images():
    right = (random_point(50, seed=7) > -0.8).double()
    mean = right.mean()
    line0 = (right - mean).square().mean()
    line1 = right.square().mean() - 2 * mean * right.mean() + mean**2
    line2 = mean - 2 * mean**2 + mean**2
    for line in (line1, line2, mean * (1 - mean)):
        assert_equal(line0, line)


@equation("eq-cmp-mcnemar")
@pytest.mark.parametrize(
    ("n_plus", "n_minus"), [(4, 0), (7, 1), (5, 5), (3, 9), (226, 133), (249, 73)]
)
def test_mcnemar(n_plus, n_minus):
    (mcnemar,) = from_chapter("mcnemar")
    n = n_plus + n_minus
    written = min(1.0, 2 * sum(comb(n, i) * 2.0**-n for i in range(min(n_plus, n_minus) + 1)))
    assert_equal(mcnemar(n_plus, n_minus), written)
    reference = stats.binomtest(n_plus, n, 0.5).pvalue
    assert mcnemar(n_plus, n_minus) == pytest.approx(reference, rel=1e-9)


def test_mcnemar_counts_tosses():
    """All 2^5 results of five tosses, counted one by one."""
    (mcnemar,) = from_chapter("mcnemar")
    tosses = [sum(t) for t in product((0, 1), repeat=5)]
    lopsided = sum(heads <= 1 or heads >= 4 for heads in tosses) / len(tosses)
    assert_equal(mcnemar(1, 4), lopsided)
