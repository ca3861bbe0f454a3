"""Every displayed equation of the book has a label, and a test that evaluates both its sides."""

import importlib
from pathlib import Path

import pytest
from equations import BOOK, CHECKED, displayed_equations

CHAPTERS = sorted(BOOK.glob("*.md"))
for file in sorted(Path(__file__).parent.glob("test_equations_*.py")):
    importlib.import_module(file.stem)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_displayed_equations_have_labels(chapter):
    bare = [body.strip() for label, body in displayed_equations(chapter.read_text()) if not label]
    assert not bare, f"{chapter.name} displays math without a label: {bare}"


def test_equations_and_checks_match():
    labels = [
        label
        for chapter in CHAPTERS
        for label, _ in displayed_equations(chapter.read_text())
        if label
    ]
    assert len(labels) == len(set(labels)), "a label stands twice"
    assert set(labels) - set(CHECKED) == set(), "labelled equations that no test checks"
    assert set(CHECKED) - set(labels) == set(), "checks of equations that the book does not have"
    assert labels, "the book has no equation at all: is it being read?"


def test_reader_of_equations_sees_each_form():
    text = (
        "```{math}\n:label: eq-one\na = b\n```\n\n$$ c = d $$ (eq-two)\n\n$$\ne = f\n$$\n\n"
        "```{code-cell} python3\nprint('$$ x $$')\n```\n\n:::{math}\n:label: eq-three\ng\n:::\n"
    )
    labels = [label for label, _ in displayed_equations(text)]
    assert labels == ["eq-one", "eq-three", "eq-two", None]
