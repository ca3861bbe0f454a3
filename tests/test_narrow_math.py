"""A wide equation's form for narrow screens says the same: nothing is left out, moved or added."""

import re

import pytest
from conftest import ROOT
from docutils import nodes
from docutils.utils import new_document
from scratchmnist_book.narrow_math import narrow, signs, split
from scratchmnist_book.tidy_pages import (
    keep_code_whole,
    keep_formulas_whole,
    keep_numbers_together,
    mark_columns,
)

MATH = re.compile(r"```\{math\}\n(?::[^\n]*\n)*\n?(.*?)```", re.DOTALL)
EQUATIONS = [
    (page.stem, latex)
    for page in sorted((ROOT / "book").glob("*.md"))
    for latex in MATH.findall(page.read_text("utf-8"))
]


def said(latex):
    """What an equation says, without what only places it."""
    latex = re.sub(
        r"\\(?:begin|end)\{aligned\}|\\\\(?:\[\d[^\]]*\])?|\\q?quad|\\small|\\;", "", latex
    )
    return re.sub(r"[&\s]", "", latex).replace("{\\text", "\\text")


def without_braces(text):
    return text.replace("{", "").replace("}", "")


@pytest.mark.parametrize(("page", "latex"), EQUATIONS)
def test_the_narrow_form_says_the_same(page, latex):
    second = narrow(latex)
    if second is not None:
        assert without_braces(said(second)) == without_braces(said(latex))
        assert second.count("{") == second.count("}")


def test_a_wide_equation_has_one_and_a_short_one_has_none():
    formed = [narrow(latex) is not None for _, latex in EQUATIONS]
    assert len(formed) > 120
    assert 0.5 < sum(formed) / len(formed) < 1
    assert narrow("x = 1") is None
    assert narrow(r"\frac{1}{2}") is None


@pytest.mark.parametrize(
    ("latex", "lines"),
    [
        (
            r"\begin{aligned} Z &= X W && \text{a product} && [B, D][D, K] = [B, K] \end{aligned}",
            [r"Z & = X W", r"{\small \text{a product}}", r"{\small [B, D][D, K] = [B, K]}"],
        ),
        (
            r"abcdefghijklm + nopqrstuvw = abcdefghij = k",
            ["& abcdefghijklm + nopqrstuvw", r"&\quad = abcdefghij", r"&\quad = k"],
        ),
        (
            r"f(x) = abcdefghijklmnopqrstuvwxyz, \qquad x \text{ between } y \text{ and } z",
            ["& f(x)", "abcdefghijklmnopqrstuvwxyz,", r"x \text{ between } y \text{ and } z"],
        ),
        (  # a short left side stays with its equals sign, and the next signs come below that
            r"f(x) = abcdefghijklmnopqrstu = vwxyzabcdefghijk",
            ["f(x) & = abcdefghijklmnopqrstu", " & = vwxyzabcdefghijk"],
        ),
        (  # and what is set apart is not broken, if it is short itself
            r"J = abcdefghijkl - mnopqrstuvw, \qquad J^\top = J, \qquad J \mathbf 1 = 0 .",
            [
                "J & = abcdefghijkl - mnopqrstuvw,",
                r"J^\top & = J,",
                r"J \mathbf 1 & = 0 .",
            ],
        ),
        (
            r"f(x) = abcdefghi = jklm, \qquad x = abcdefghijklmnopqrstuvw",
            ["f(x) & = abcdefghi = jklm,", "x & = abcdefghijklmnopqrstuvw"],
        ),
    ],
)
def test_what_goes_below(latex, lines):
    rows = re.split(r"\\\\\[0\.35em\]", narrow(latex))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines):
        assert line in row


def test_a_second_form_that_would_be_the_first_is_not_made():
    assert narrow(r"\varphi(\eta) = abcdefghijklmnopqrstu") is None
    assert narrow(r"\varphi(\eta) = abcdefghijklmnopqrstuvwxyz") is not None
    assert narrow("abcdefghij = klmnopqrst = uvwxy") is None
    assert narrow("abcdefghij = klmnopqrst = uvwxyzabcdefgh") is not None


def test_what_follows_the_steps_stays_behind_them():
    steps = r"abcdefghijkl &= mnopqrstuvw + xyz \\ &= abc"
    latex = rf"\begin{{aligned}} {steps} \end{{aligned}} \quad \text{{for all }} x"
    assert narrow(latex).endswith(r"\end{aligned} \quad \text{for all } x")


def test_separators_inside_braces_and_environments_do_not_count():
    latex = r"a &= \begin{cases} b & c \\ d & e \end{cases} \\ f &= {g \\ h}"
    first, second = split(latex, ["\\\\"])
    assert "cases" in first
    assert second == r"f &= {g \\ h}"
    assert split(r"\left( a = b \right) = c", "=") == [r"\left( a = b \right)", "c"]


def test_signs_count_what_stands_side_by_side():
    assert signs("abc") == 3
    assert signs(r"\frac{ab}{c}") == signs(r"\frac{c}{ab}") == 2
    assert signs(r"\operatorname{relu}(z)") == 7


# --- what stays on one line -----------------------------------------------------------------------


def page_of(*parts):
    """A document with one paragraph, of texts and nodes, and that paragraph."""
    paragraph = nodes.paragraph(
        "", "", *(nodes.Text(p) if isinstance(p, str) else p for p in parts)
    )
    document = new_document("page")
    document += paragraph
    return document, paragraph


LONG_FORMULA = "a + b + c + d + e + f + g + h + i + j"


@pytest.mark.parametrize(
    ("before", "latex", "after", "together", "rest"),
    [
        ("Take ", "p - y", ", so", "p - y,", " so"),
        ("Take ", "p - y", ".) And", "p - y.)", " And"),
        ("a number (", "K = 1", ") or", "(K = 1)", " or"),
        ("a run (", "K = 1", " or", "(K = 1", " or"),
        ("the ", "B", "-th root", "B-th", " root"),
        ("Take ", "p - y", " and", None, " and"),
        ("Take (", LONG_FORMULA, ", so", None, ", so"),
    ],
)
def test_punctuation_stays_with_a_short_formula(before, latex, after, together, rest):
    document, paragraph = page_of(before, nodes.math(latex, latex), after)
    text = paragraph.astext()
    keep_formulas_whole(None, document, "page")
    assert paragraph.astext() == text
    boxes = list(paragraph.findall(nodes.inline))
    assert [box.astext() for box in boxes] == ([together] if together else [])
    assert paragraph[-1].astext() == rest
    if together:
        assert boxes[0]["classes"] == ["whole"]


@pytest.mark.parametrize("after", ["", " steps", ", so"])
def test_a_short_formula_is_whole_and_a_long_one_may_break(after):
    short, long = nodes.math("P - 1", "P - 1"), nodes.math(LONG_FORMULA, LONG_FORMULA)
    document, _ = page_of(short, after, long, after)
    keep_formulas_whole(None, document, "page")
    assert (short["classes"], long["classes"]) == (["whole"], [])


@pytest.mark.parametrize(
    ("code", "whole"),
    [("[B, 1]", True), ("--nproc-per-node", True), ("torchrun --standalone program.py", False)],
)
def test_short_code_is_whole(code, whole):
    literal = nodes.literal(code, code)
    document, _ = page_of("Type ", literal, ".")
    keep_code_whole(None, document, "page")
    assert literal["classes"] == ["whole"] * whole


def test_what_is_whole_does_not_break():
    css = (ROOT / "book/_static/book.css").read_text("utf-8")
    rule = re.search(r"\.bd-article \.whole,\s*\.bd-article code\.whole \.pre \{(.*?)\}", css, re.S)
    assert "white-space: nowrap" in rule[1]
    assert "overflow-wrap: normal" in rule[1]


@pytest.mark.parametrize(
    "text",
    [
        "1.56_±_0.05_% wrong, and 89.5_% right",
        "200_µs + 2_µs an image, 50_ms, 3_s, 1_ns; 44_px, 5_min, 30_KB and 2_MB.",
        "a (easy, 5_min), 3_%_±_1_%",
        "2 samples, 5 minutes, 4 sand, 3 s-shaped, 7 MBit",
        "the share in % of all",
    ],
)
def test_a_number_and_its_unit_stay_together(text):
    document, paragraph = page_of(text.replace("_", " "))
    keep_numbers_together(None, document, "page")
    assert paragraph.astext() == text.replace("_", "\N{NO-BREAK SPACE}")


def test_so_do_recorded_numbers_and_formulas_and_what_surrounds_them():
    def number(text):
        return nodes.inline(text, text, classes=["result"])

    code = nodes.literal("7 % 2", "7 % 2")
    document, paragraph = page_of(
        number("1.5"), " ± ", number("0.1"), " % and ", nodes.math("12", "12"), " ms for ", code
    )
    paragraph += [nodes.Text(", not "), number("3 ms"), nodes.Text(" s")]
    keep_numbers_together(None, document, "page")
    assert paragraph.astext() == "1.5_±_0.1_% and 12_ms for 7 % 2, not 3_ms s".replace(
        "_", "\N{NO-BREAK SPACE}"
    )


TABLE_OF_THREE = "rate   loss   right\n0.1    0.52   90\n 0.2   nan    10"
SENTENCES = "epoch   1: loss 0.43\nepoch   2: loss 0.25\n    rate  10: loss 0.22"


@pytest.mark.parametrize(("text", "scrolls"), [(TABLE_OF_THREE, True), (SENTENCES, False)])
def test_an_output_with_columns_keeps_them(text, scrolls):
    output = nodes.container("", nodes.literal_block(text, text), nb_element="cell_code_output")
    document = new_document("page")
    document += output
    mark_columns(None, document, "page")
    assert output["classes"] == ["columns"] * scrolls
