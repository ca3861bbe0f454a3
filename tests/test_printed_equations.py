"""The equations as they are printed hold, and a misprint in them would be seen."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import docutils.utils
import pytest
import torch
from docutils.nodes import math_block
from printed import inline
from printed.check import Subject, evaluate
from printed.latex import Names, Point, read, tokens_of
from printed.table import TABLE
from printed.values import Refused
from scratchmnist_book import equation_marks
from scratchmnist_book.equation_marks import digest

HERE = Path(__file__).parent


def test_every_printed_equation_holds_and_misprints_are_seen():
    done = subprocess.run(
        [sys.executable, HERE / "printed"], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-3000:]


def test_formulas_in_a_line_are_sorted_by_what_they_are(monkeypatch):
    monkeypatch.setattr(inline, "subjects_of", lambda page: [subject()])

    def kind(latex):
        return inline.classify(inline.Inline("page", latex)).kind

    assert kind(r"\bar x = \frac1K \sum_k x_k") == "evaluated"
    assert kind(r"\bar x = \sum_k x_k") == "fault"
    assert kind("2 + 2 = 4") == "numbers"
    assert kind("[B, H][H, D] = [B, D]") == "shapes"
    assert kind("[B, H][D, H] = [B, D]") == "fault"
    assert kind(r"\eta = 0.1") == "definition"
    assert kind("D = H") == "case"
    assert kind("q = 2 x") == "fault"


def test_few_formulas_in_a_line_are_not_evaluated():
    assert sum(map(len, inline.NOT_EVALUATED.values())) <= 0.03 * sum(inline.COUNTS.values())


# ---- the mark on the page ---------------------------------------------------------------------


def test_only_an_equation_that_is_as_it_was_checked_gets_a_mark(monkeypatch, tmp_path):
    table = tmp_path / "equations.json"
    row = {"digest": digest("a = b"), "steps": 1, "shapes": 2, "points": 10, "difference": 3e-15}
    table.write_text(json.dumps({"eq-one": row, "eq-two": row}))
    assert TABLE == equation_marks.TABLE
    monkeypatch.setattr(equation_marks, "TABLE", table)
    document = docutils.utils.new_document("page")
    body = ""
    for label, latex in (("eq-one", " a\n= b"), ("eq-two", "a = c"), ("eq-three", "a = b")):
        document += math_block(latex, latex, label=label)
        body += f'<div class="math" id="equation-{label}">\n<span class="eqno">(1)<a>#</a></span>'
    uri = SimpleNamespace(get_relative_uri=lambda page, other: "there.html")
    app = SimpleNamespace(builder=uri, env=SimpleNamespace(found_docs={"book/reproducibility"}))
    context = {"body": body}
    equation_marks.add_marks(app, "page", None, context, document)
    first, *others = context["body"].split("<div")[1:]
    assert "1 step, 2 shapes, 10 random points, largest difference 3e-15" in first
    assert 'href="there.html#printed-equations"' in first
    assert not any("equation-check" in other for other in others)


# ---- the reader of LaTeX, by itself ---------------------------------------------------------

A = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)
C = torch.tensor([[1.0, 0.5], [2.0, -1.0], [0.0, 3.0]], dtype=torch.float64)
SQUARE = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
VALUES = {
    "A": A, "C": C, "S": SQUARE, "r": A[:1], "W_2": 10 * A, "W": A, "N": 2, "M": 3, "c": 2,
    "x": torch.tensor(0.7, dtype=torch.float64), "f()": lambda x: x**3,
}  # fmt: skip


def point(**values):
    values = VALUES | values
    names = Names(
        frozenset(n for n in values if not n.endswith("()")),
        frozenset(n[:-2] for n in values if n.endswith("()")),
        frozenset("ijk"),
    )
    return Point(values, names, {"i": (1, 2), "j": (1, 3), "k": (1, 2)})


def holds(latex, **values):
    where = point(**values)
    equation = read(latex, where.names)
    for sentence in equation.sentences:
        sentence(where)
    assert where.steps, "nothing was compared"
    return all(note.holds for note in where.steps.values())


TRUE = [
    r"\sum_{i=1}^{N} \sum_{j=1}^{M} A_{ij} = 21",
    r"\sum_{i,j} A_{ij} = 21",
    r"\sum_{j \ne 2} A_{ij} = A_{i1} + A_{i3}",
    r"\prod_{j=1}^{3} A_{1j} = 6",
    r"\max_j A_{1j} = 3 = \max A - \frac{6}{2}",
    r"(A C)_{ik} = \sum_j A_{ij} C_{jk}",
    r"(A^\top)_{ji} = A_{ij}",
    r"A \odot A = A \odot A",
    r"S^{-1} S = S S^{-1}",
    r"W_{2,ij} = 10 W_{ij}",
    r"W_2 = 10 W",
    r"A_{ij} < W_{2,ij} \le 10 A_{ij}",
    r"2 + 3 \cdot 4^2 / 8 - 1 = 7",
    r"\tfrac12 + \frac1N = 1",
    r"-x^2 = -(x \cdot x)",
    r"\log e^{x} = x = |{-x}|",
    r"f'(x) = 3 x^2, \qquad f''(x) = 6 x",
    r"\frac{d}{dx} f(x) = 3 x^2",
    r"\underbrace{A}_{[2, 3]} \underbrace{C}_{[M, N]} = \underbrace{A C}_{[2, 2]}",
    r"\begin{aligned} A C &= A C && [2, 3][3, 2] = [2, 2] \\ &= (A C) && \text{so} \end{aligned}",
    r"\begin{aligned} x + x &= x \\ &\quad + x && \text{since } 1 + 1 = 2 \end{aligned}",
    r"A \mathbf 1 = (\mathbf 1^\top A^\top)^\top",
    r"\sum_{k} \delta_{ki} S_{kk} = S_{ii}",
    r"\max(0, x) = \begin{cases} x & \text{if } x > 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\sqrt{4} \binom{3}{2} = 6",
    r"A_{c j} = A_{2j}, \quad (j = 1, \dots, M)",
    r"\lVert r \rVert^2 = 14",
    r"\operatorname{softmax}(r)_j = \frac{e^{r_j}}{e^{\operatorname{lse}(r)}}",
    r"r = (1, N, \frac62)",
    r"A = \begin{bmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{bmatrix}",
]


@pytest.mark.parametrize("latex", TRUE)
def test_what_is_true_is_found_true(latex):
    values = VALUES["x"].clone().requires_grad_()
    assert holds(latex, x=values)


FALSE = [
    r"\sum_{i=1}^{N} \sum_{j=1}^{2} A_{ij} = 21",
    r"(A C)_{ik} = \sum_j A_{ij} C_{jk} + 1",
    r"A_{ij} \ge W_{2,ij}",
    r"\underbrace{A}_{[3, 2]} C = A C",
    r"\begin{aligned} A C &= A C && [2, 3][3, 2] = [2, 3] \end{aligned}",
    r"\begin{aligned} A C &= A C && [2, 2][2, 2] \end{aligned}",
    r"\begin{aligned} x &= x && \text{since } 1 + 1 = 3 \end{aligned}",
    r"\max(0, x) = \begin{cases} x & \text{if } x < 0 \\ 0 & \text{otherwise} \end{cases}",
    r"\max(0, x) = \begin{cases} x & \text{if } x < 0 \end{cases}",
    r"\underbrace{x}_{2 x} = x",
    r"x = x, \quad (j = 1, \dots, N)",
    r"f'(x) = 3 x",
    r"r = (1, 3, 2)",
    r"A = \begin{bmatrix} 1 & 2 & 3 \\ 4 & 6 & 5 \end{bmatrix}",
]


@pytest.mark.parametrize("latex", FALSE)
def test_what_is_false_is_found_false(latex):
    assert not holds(latex)


REFUSED = {
    "an unknown name": r"q = 1",
    "an unknown function": r"\operatorname{sinc}(x) = 1",
    "an unknown command": r"\oint x = 1",
    "an unknown sign": r"x = 1 \# 2",
    "a product of shapes that do not fit": r"A A = A",
    "a sum of shapes that do not fit": r"A + C = A",
    "shapes that differ, compared": r"A = C",
    "a number and a matrix": r"A + x = A",
    "an index outside": r"\sum_{j=0}^{3} A_{1j} = 6",
    "a bound outside": r"\sum_{j=1}^{4} A_{1j} = 6",
    "an index on a number": r"x_1 = x",
    "an index that is not declared": r"\sum_{q=1}^{2} q = 3",
    "a free index on the right alone": r"x = A_{ij}",
    "no comparison": r"A C",
    "words alone": r"\text{nothing}",
    "a derivative by what is not there": r"\frac{\partial x}{\partial A_{ij}} = 0",
    "a slash before a product": r"x / x x = 1",
    "an open bracket": r"(x = x",
    "half an equation": r"x =",
    "a cell that is no shape": r"\begin{aligned} A &= A && [2, 3] - [2, 3] \end{aligned}",
    "an unknown environment": r"x = \begin{array}{c} 1 \end{array}",
    "ones in no number": r"\mathbf 1 = 1",
    "a row of matrices": r"r = (A, r)",
    "rows of two lengths": r"A = \begin{bmatrix} 1 & 2 & 3 \\ 4 & 5 \end{bmatrix}",
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_known_is_refused(what):
    with pytest.raises((Refused, AssertionError)):
        holds(REFUSED[what])


def test_a_refusal_names_what_it_does_not_know():
    for latex, named in ((r"x = q_i", "q"), (r"x = \oint x", "oint"), ("x = §", "§")):
        with pytest.raises(Refused, match=named):
            holds(latex)


def test_tokens_keep_their_places():
    latex = r"\frac{1}{B}\, X^\top (P - Y)"
    assert all(latex[t.start : t.end] == t.text for t in tokens_of(latex))


# ---- what is checked beside the steps -------------------------------------------------------


def draw(seed):
    x = torch.tensor([[1.0, 2.0, 4.0 + seed]], dtype=torch.float64).requires_grad_()
    return {"K": 3, "x": x, r"\bar x": x.mean()}


def subject(**more):
    return Subject(labels=("eq",), point=draw, indices={"k": (1, 3)}, **more)


def faults(latex, **more):
    return " ".join(evaluate("eq", latex, subject(**more)).faults)


def test_an_equation_that_compares_nothing_fails():
    assert "compares nothing" in faults(r"\underbrace{x}_{[1, K]}")


def test_a_term_that_is_always_zero_fails():
    latex = r"\sum_k x_k = K \bar x + 7 \sum_k (x_k - \bar x)"
    assert "is 0 at every point" in faults(latex)
    assert "still holds" not in faults(latex)
    assert not faults(latex, zero={"eq": "seen by a test"})


def test_a_name_that_may_have_any_value_fails():
    assert "still holds when \\barx" in faults(r"\sum_k x_k - \bar x = -\bar x + \sum_k x_k")


def test_a_loose_bound_fails():
    latex = r"\max_k x_k \le 2 \sum_k x_k"
    assert not faults(latex)
    assert "is not reached" in faults(latex, sharp={"eq": {1}})
