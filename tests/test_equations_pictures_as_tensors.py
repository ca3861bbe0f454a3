"""The equations of the chapter on pictures as tensors."""

import torch
from equations import assert_equal, equation, random_point

from scratchmnist import Digits, linear, load_mnist
from scratchmnist.files.subset import read_subset

B, D = 6, 11


@equation("eq-flatten")
def test_flatten():
    raw = torch.from_numpy(read_subset()[0][0, 3].reshape(28, 28)).double()
    x = load_mnist()[0].images[3].double()
    for r in range(28):
        for c in range(28):
            assert_equal(x[28 * r + c], raw[r, c] / 255, tolerance=1e-7)


@equation("eq-data-matrix")
def test_data_matrix():
    images = read_subset()[0][0]
    X = load_mnist()[0].images
    assert X.shape == (5000, 784)
    for i in (0, 1234, 4999):
        assert_equal((X[i] * 255).round().int(), torch.from_numpy(images[i]).int())


@equation("eq-mean-digit")
def test_mean_digit():
    digits = Digits(random_point(B, D, seed=0), torch.tensor([0, 2, 1, 2, 0, 2]))
    by_mean = digits.images[digits.labels == 2].mean(0)
    by_sum = (digits.images[1] + digits.images[3] + digits.images[5]) / 3
    assert_equal(by_mean, by_sum)


@equation("eq-distance")
def test_distance():
    x, m = random_point(D, seed=1), random_point(D, seed=2)
    assert_equal((x - m).square().sum(), torch.dist(x, m) ** 2)


@equation("eq-distance-expanded")
def test_distance_expanded():
    x, m = random_point(1, D, seed=3), random_point(1, D, seed=4)
    first = (x - m).square().sum()
    second = x.square().sum() - 2 * (x * m).sum() + m.square().sum()
    third = x.square().sum() - 2 * (x @ m.mT).squeeze() + m.square().sum()
    assert_equal(first, second)
    assert_equal(first, third)


@equation("eq-means-as-scores")
def test_means_as_scores():
    X, M = random_point(B, D, seed=5), random_point(10, D, seed=6)
    Z, _ = linear(X, M.mT, -0.5 * M.square().sum(1)[None, :])
    distances = torch.cdist(X, M) ** 2
    assert_equal(Z, -0.5 * (distances - X.square().sum(1, keepdim=True)))
    assert_equal(Z.argmax(1), distances.argmin(1))
