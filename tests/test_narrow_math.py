"""A wide equation's form for narrow screens says the same: nothing is left out, moved or added."""

import re

import pytest
from conftest import ROOT
from docutils import nodes
from docutils.utils import new_document
from scratchmnist_book.narrow_math import narrow, signs, split
from scratchmnist_book.tidy_pages import keep_punctuation, mark_columns

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
            r"f(x) = abcdefghijklmnopqrstu, \qquad x \text{ between } y \text{ and } z",
            ["& f(x)", "abcdefghijklmnopqrstu,", r"x \text{ between } y \text{ and } z"],
        ),
    ],
)
def test_what_goes_below(latex, lines):
    rows = re.split(r"\\\\\[0\.35em\]", narrow(latex))
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines):
        assert line in row


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


# --- punctuation behind a short formula stays on its line -----------------------------------------


@pytest.mark.parametrize(
    ("latex", "after", "together", "rest"),
    [
        ("p - y", ", so", "p - y,", " so"),
        ("p - y", ".) And", "p - y.)", " And"),
        ("p - y", " and", None, None),
        ("a + b + c + d + e + f + g + h + i + j", ", so", None, None),
    ],
)
def test_punctuation_stays_with_a_short_formula(latex, after, together, rest):
    paragraph = nodes.paragraph("", "", nodes.Text("Take "), nodes.math(latex, latex))
    paragraph += nodes.Text(after)
    document = new_document("page")
    document += paragraph
    text = paragraph.astext()
    keep_punctuation(None, document, "page")
    assert paragraph.astext() == text
    boxes = list(paragraph.findall(nodes.inline))
    assert [box.astext() for box in boxes] == ([together] if together else [])
    if together:
        assert boxes[0]["classes"] == ["with-punctuation"]
        assert paragraph[-1].astext() == rest


TABLE_OF_THREE = "rate   loss   right\n0.1    0.52   90\n 0.2   nan    10"
SENTENCES = "epoch   1: loss 0.43\nepoch   2: loss 0.25\n    rate  10: loss 0.22"


@pytest.mark.parametrize(("text", "scrolls"), [(TABLE_OF_THREE, True), (SENTENCES, False)])
def test_an_output_with_columns_keeps_them(text, scrolls):
    output = nodes.container("", nodes.literal_block(text, text), nb_element="cell_code_output")
    document = new_document("page")
    document += output
    mark_columns(None, document, "page")
    assert output["classes"] == ["columns"] * scrolls
