"""The formulas with an equals sign within the lines of the trunk's pages.

Each is one of these, tried in this order:

- numbers: nothing but numbers, which are calculated (tests/arithmetic.py)
- shapes: [B, H][H, D] = [B, D], multiplied out
- evaluated: true at the random points of a subject of its page, and not of just anything
- a definition: one name, and what it is in an example or from here on
- a case: names that are alike in what is spoken of, or positive
- listed in NOT_EVALUATED, with a reason
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from arithmetic import chains
from equations import BOOK
from prose import blocks

from printed.check import Subject, evaluate, is_caught, misprints_of, printed_equations
from printed.points_inline import MORE
from printed.subjects import subjects

POINTS = 4
# How many there are of each kind. A misprint can make a definition of a formula that is evaluated:
# then these numbers no longer agree.
COUNTS = {
    "numbers": 60,
    "evaluated": 79,
    "shapes": 8,
    "definition": 52,
    "case": 10,
    "not evaluated": 5,
}
# Misprints that are not seen since they change no value, and why.
SAME = {
    r"\lVert |x > x^\top| \rVert^2 ": "a row is as long as its transpose",
    r"\hat y = |x w > w x| + b": "of one weight and one pixel the product is the same",
    r"c = \varphi''(|0 > 1|)": "a parabola's curvature is the same everywhere",
    r"ta^* = \lVert |g > g^\top| \rVert^2 ": "a gradient is as long as its transpose",
    r"c = \lVert |g > g^\top| \rVert^2 ": "the same",
}
KINDS = ("numbers", "shapes", "evaluated", "definition", "case", "not evaluated")
RELATION = re.compile(r"=|\\approx|\\leq?(?![a-z])|\\geq?(?![a-z])|<|>|\\sim|\\ne(?![a-z])")


class Inline(NamedTuple):
    page: str
    latex: str


class Found(NamedTuple):
    kind: str  # one of KINDS, or fault
    subject: Subject | None = None
    why: str = ""


def trunk() -> list[str]:
    """The pages before the first part that is not of the trunk, in their order."""
    toc = (BOOK.parent / "_toc.yml").read_text("utf-8").partition("Your turn")[0]
    return re.findall(r"book/([\w-]+)", toc)


def inline_formulas() -> list[Inline]:
    return [
        Inline(page, " ".join(latex.split()))
        for page in trunk()
        for block in blocks((BOOK / f"{page}.md").read_text("utf-8"))
        if block.kind in ("prose", "caption")
        for latex in re.findall(r"\$([^$]+)\$", block.text)
        if RELATION.search(latex)
    ]


@functools.cache
def subjects_of(page: str) -> list[Subject]:
    """What is declared for the equations of a page, and for its inline formulas alone."""
    labels = [label for label, (where, _) in printed_equations().items() if where == page]
    declared = [subjects()[label] for label in labels if label in subjects()]
    once = {id(subject): subject for subject in declared}
    return [*once.values(), *MORE.get(page, [])]


SHAPE = r"\[\s*(\w+)\s*,\s*(\w+)\s*\]"


def is_shapes(latex: str) -> bool:
    return bool(re.fullmatch(rf"\s*(?:{SHAPE}\s*)+=\s*{SHAPE}\s*", latex))


def shapes_hold(latex: str) -> bool:
    """[a, b][b, c] = [a, c]"""
    *factors, result = re.findall(SHAPE, latex)
    fits = all(left[1] == right[0] for left, right in pairwise(factors))
    return fits and (factors[0][0], factors[-1][1]) == result


NOT_EVALUATED = {
    "digit-as-a-number": {
        r"\hat y = x_1 w_1 + \dots + x_D w_D + b": "a sum with dots; eq-weighted-sum is the same",
    },
    "hidden-layer": {
        r"P = \operatorname{softmax}(Z)": "of a table, row by row; eq-softmax has its entries",
        r"L = -\sum Y \log P / B": "a sum over all entries, without an index",
        r"\partial L / \partial Z_1 = \partial L / \partial A \odot (Z_1 > 0)": "a condition as a "
        "factor; eq-backprop has the mask",
        r"\partial L / \partial Z_1 = \partial L / \partial A": "what a mistake would make of it",
    },
}

NAME = r"(?:\\(?:hat|tilde|bar)\s*)?(?:\\?[a-zA-Z]+|\\varepsilon)(?:_\{?\w+\+?\}?|\^\*)?'*"
DEFINED = re.compile(
    rf"{NAME}(?:\(\w+\))?\s*(?:=|\\approx)\s*"
    r"(?:-?[\d.,{{}}/^ \\-]+(?:\\dots \w+)?|\\[td]?frac\s*\{?\d+\}?\{?\d+\}?|\([^()]*\)"
    r"|\\begin\{bmatrix\}.*\\end\{bmatrix\}|\w\^\d|e\^x|\w \\cdot \w)"
)


CASE = re.compile(rf"{NAME}(?:\s*=\s*{NAME})+(?:\s*=\s*\d+)?|\w+_\{{[\w,]+\}}\s*[=>]\s*0")


def classify(formula: Inline) -> Found:
    latex = formula.latex.rstrip(".,; ")
    if any(True for _ in chains(f"${latex}$")):
        return Found("numbers")
    if is_shapes(latex):
        return Found("shapes") if shapes_hold(latex) else Found("fault", why="shapes do not fit")
    reasons = []
    for subject in subjects_of(formula.page):
        outcome = evaluate("", latex, subject, POINTS)
        if not outcome.faults:
            return Found("evaluated", subject)
        reasons.append(outcome.faults[0])
    if formula.latex in NOT_EVALUATED.get(formula.page, {}):
        return Found("not evaluated", why=NOT_EVALUATED[formula.page][formula.latex])
    if CASE.fullmatch(latex):
        return Found("case")
    if DEFINED.fullmatch(latex):
        return Found("definition")
    return Found("fault", why="; ".join(dict.fromkeys(reasons)))


class Report(NamedTuple):
    counts: dict[str, int]
    faults: list[str]
    planted: int
    caught: int


def report() -> Report:
    """All inline formulas, and every misprint of those that are evaluated."""
    counts, faults, survivors, planted = Counter(), [], [], 0
    used = set()
    for formula in inline_formulas():
        found = classify(formula)
        counts[found.kind] += 1
        where = f"{formula.page}: ${formula.latex}$"
        if found.kind == "fault":
            faults.append(f"{where} is none of {', '.join(KINDS)}: {found.why}")
        elif found.kind == "not evaluated":
            used.add((formula.page, formula.latex))
        elif found.kind == "evaluated":
            for misprint in misprints_of(formula.latex, found.subject):
                planted += 1
                if not is_seen(formula, misprint):
                    survivors.append((where, misprint.what))
    listed = {(page, latex) for page, why in NOT_EVALUATED.items() for latex in why}
    faults += [f"{page}: {latex} is said to be not evaluated" for page, latex in listed - used]
    if not faults and counts != COUNTS:
        faults.append(f"inline formulas: {dict(counts)}, and COUNTS in inline.py is {COUNTS}")
    faults += [
        f"{at}: a misprint is not seen: {what}" for at, what in survivors if what not in SAME
    ]
    seen = SAME.keys() - {what for _, what in survivors}
    faults += [f"a misprint said to be unseen is seen: {what}" for what in sorted(seen)]
    return Report(dict(counts), faults, planted, planted - len(survivors))


def is_seen(formula: Inline, misprint) -> bool:
    return all(
        is_caught("", misprint.latex.rstrip(".,; "), subject, misprint.at, 2)
        for subject in subjects_of(formula.page)
    )
