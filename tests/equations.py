"""The register of checked equations: which test answers for which labelled equation of the book."""

import re
from pathlib import Path

import torch
from oracles import normal as random_point  # noqa: F401 - the tests of equations take it from here

BOOK = Path(__file__).parent.parent / "book"
CHECKED: dict[str, str] = {}  # equation label -> name of the test that evaluates its two sides

DIRECTIVE = re.compile(r"^(`{3,}|:{3,})\{math\}[^\n]*\n(.*?)^\1", re.MULTILINE | re.DOTALL)
DOLLARS = re.compile(r"\$\$(.+?)\$\$[ \t]*(?:\(([\w-]+)\))?", re.DOTALL)
CODE = re.compile(r"^(`{3,}|:{3,})\{(?:code-cell|literalinclude)\}.*?^\1", re.MULTILINE | re.DOTALL)


def equation(*labels):
    """Mark a test as the one that evaluates both sides of these labelled equations."""

    def register(test):
        for label in labels:
            if label in CHECKED:
                raise ValueError(f"{label} is checked twice: {CHECKED[label]} and {test.__name__}")
            CHECKED[label] = test.__name__
        return test

    return register


def displayed_equations(text):
    """The displayed equations of a MyST text: pairs of label (None when it has none) and body."""
    text = CODE.sub("", text)
    found = []
    for match in DIRECTIVE.finditer(text):
        label = re.search(r"^:label:\s*(\S+)", match[2], re.MULTILINE)
        found.append((label[1] if label else None, match[2]))
    for match in DOLLARS.finditer(DIRECTIVE.sub("", text)):
        found.append((match[2], match[1]))
    return found


def assert_equal(left, right, tolerance=1e-10):
    """Both sides of an equation agree, entry by entry, and have one shape."""
    left, right = torch.as_tensor(left), torch.as_tensor(right)
    assert left.shape == right.shape, f"shapes differ: {list(left.shape)} and {list(right.shape)}"
    torch.testing.assert_close(left, right, rtol=tolerance, atol=tolerance)
