"""Accuracy, predicted digits and confusion, by hand and by counting."""

import pytest
import torch
from torch import inf, nan

from scratchmnist import accuracy, confusion_matrix, nearest_digit, predicted_digits


def digits(n, seed, classes=10):
    return torch.randint(classes, (n,), generator=torch.Generator().manual_seed(seed))


# --- nearest_digit and predicted_digits -----------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "digit"),
    [
        *[(0, 0), (4.4, 4), (4.6, 5), (8.7, 9), (-0.4, 0), (-3, 0), (9.4, 9), (12, 9), (1e30, 9)],
        *[(inf, 9), (-inf, 0), (nan, -1), (0.5, 0), (1.5, 2), (2.5, 2)],
    ],
)
def test_nearest_digit(number, digit):
    out = nearest_digit(torch.tensor([[number]], dtype=torch.float32))
    assert out.tolist() == [digit]
    assert out.dtype == torch.int64


def test_largest_score_wins():
    out = torch.tensor([[0.1, 2.0, -1.0], [-5.0, -7.0, -6.0], [0.0, 1.0, inf]])
    assert predicted_digits(out).tolist() == [1, 0, 2]
    assert predicted_digits(torch.tensor([[6.8], [2.2]])).tolist() == [7, 2]


def test_not_a_number_is_no_digit():
    out = torch.tensor([[0.0, nan, 1.0], [nan, nan, nan], [0.0, 1.0, 0.0]])
    assert predicted_digits(out).tolist() == [-1, -1, 1]
    assert accuracy(out, torch.tensor([1, 0, 1])) == pytest.approx(1 / 3)
    assert accuracy(torch.full((5, 1), nan), torch.arange(5)) == 0


def test_replicas_are_judged_one_by_one():
    generator = torch.Generator().manual_seed(0)
    labels = digits(8, seed=1)
    for outputs in (10, 1):
        out = 9 * torch.rand(3, 8, outputs, generator=generator)
        assert predicted_digits(out).shape == (3, 8)
        assert accuracy(out, labels).shape == (3,)
        for r in range(3):
            assert torch.equal(predicted_digits(out)[r], predicted_digits(out[r]))
            assert accuracy(out, labels)[r] == accuracy(out[r], labels)


@pytest.mark.parametrize("shape", [(4,), (4, 2), ()])
def test_nearest_digit_refuses(shape):
    with pytest.raises(ValueError, match=r"y_pred must be \[B, .*1\].*; got torch.float32 \["):
        nearest_digit(torch.zeros(shape))


def test_predicted_digits_refuses_a_vector():
    with pytest.raises(ValueError, match=r"out must be \[B, K\] .*; got torch.float32 \[4\]"):
        predicted_digits(torch.zeros(4))


# --- accuracy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("right", range(8))
def test_accuracy_is_a_fraction(right):
    labels = digits(7, seed=2)
    predicted = torch.where(torch.arange(7) < right, labels, (labels + 3) % 10)
    for out in (predicted, torch.eye(10)[predicted], predicted[:, None].float() + 0.2):
        assert accuracy(out, labels).item() == pytest.approx(right / 7)


REFUSED = {
    "one-hot targets for labels": [
        (torch.zeros(4, 10), torch.zeros(4, 10)),
        r"labels must be integers; got torch.float32 \[4, 10\]",
    ],
    "labels as floats": [
        (torch.zeros(4, 10), torch.zeros(4)),
        r"labels must be integers; got torch.float32 \[4\]",
    ],
    "labels as a column": [
        (torch.zeros(4, 10), torch.zeros(4, 1, dtype=torch.int64)),
        r"must be \[B\], .* predictions \[4\] and labels \[4, 1\]",
    ],
    "another batch size": [
        (torch.zeros(4, 10), torch.zeros(5, dtype=torch.int64)),
        r"one B; got predictions \[4\] and labels \[5\]",
    ],
    "an empty batch": [
        (torch.zeros(0, 10), torch.zeros(0, dtype=torch.int64)),
        "the batch is empty",
    ],
}


@pytest.mark.parametrize("case", REFUSED)
def test_accuracy_refuses(case):
    inputs, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        accuracy(*inputs)


# --- confusion_matrix -----------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [10, 3, 30])
def test_confusion_by_counting(classes):
    predicted, labels = digits(200, 3, classes), digits(200, 4, classes)
    expected = torch.zeros(classes, classes, dtype=torch.int64)
    for p, t in zip(predicted, labels):
        expected[t, p] += 1  # rows are the true digit
    matrix = confusion_matrix(predicted, labels, classes)
    assert torch.equal(matrix, expected)
    assert matrix.dtype == torch.int64
    # bytes hold at most 255, and 29 * 30 is more
    assert torch.equal(confusion_matrix(predicted.byte(), labels.byte(), classes), expected)


def test_confusion_and_accuracy_agree():
    predicted, labels = digits(100, 5), digits(100, 6)
    matrix = confusion_matrix(predicted, labels)
    assert matrix.trace() / 100 == accuracy(predicted, labels)
    assert torch.equal(matrix.sum(1), labels.bincount(minlength=10))


@pytest.mark.parametrize(("bad", "seen"), [(10, "10"), (-1, "-1")])
def test_confusion_refuses_what_is_no_digit(bad, seen):
    good = torch.tensor([0, 1, 0])
    with pytest.raises(ValueError, match=rf"predicted must be integers 0 to 9; got {seen}"):
        confusion_matrix(torch.tensor([0, 1, bad]), good)
    with pytest.raises(ValueError, match=rf"labels must be integers 0 to 9; got {seen}"):
        confusion_matrix(good, torch.tensor([0, 1, bad]))


def test_confusion_refuses_shapes_and_floats():
    good = torch.tensor([0, 1, 0])
    with pytest.raises(ValueError, match=r"predicted must be integers; got .* \[3, 10\]"):
        confusion_matrix(torch.zeros(3, 10), good)
    with pytest.raises(ValueError, match=r"predicted must be integers; got torch.float32 \[3\]"):
        confusion_matrix(good.float(), good)
    with pytest.raises(ValueError, match=r"predictions \[3\] and labels \[2\]"):
        confusion_matrix(good, good[:2])
    with pytest.raises(ValueError, match="batch is empty"):
        confusion_matrix(good[:0], good[:0])
