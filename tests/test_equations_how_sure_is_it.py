"""The equations of the page "How sure is it?"."""

import re

import torch
from equations import BOOK, assert_equal, equation, random_point


def from_page(name):
    """The function of this name, as a cell of the page defines it."""
    text = (BOOK / "how-sure-is-it.md").read_text()
    scope = {"torch": torch}
    code = re.search(rf"^def {name}\(.*?(?=^\S)", text, re.MULTILINE | re.DOTALL)[0]
    exec(code, scope)
    return scope[name]


@equation("eq-cmp-ece")
def test_calibration_error():
    calibration = from_page("calibration")
    confidence = random_point(400, seed=8).sigmoid() * 0.9 + 0.1
    right = (random_point(400, seed=9).sigmoid() < confidence).double()
    total = 0.0
    for g in range(10):
        inside = [i for i in range(400) if g / 10 <= confidence[i] < (g + 1) / 10]
        if inside:
            total += len(inside) / 400 * abs(right[inside].mean() - confidence[inside].mean())
    assert_equal(calibration(confidence, right)[-1], total)
