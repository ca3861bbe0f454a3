"""No result is typed by hand: the prose holds no percentage and no decimal of its own.

Numbers belong in code, in mathematics, in the role {result} (which a cell feeds), or in a sentence
that cites whose number it is.
"""

import re

import pytest
from equations import BOOK
from prose import SENTENCE_END, prose_of

CHAPTERS = sorted(BOOK.glob("*.md"))

NOT_WORDS = re.compile(
    r"\{(?!cite)[\w:-]+\}`[^`]*`"  # roles, {result} among them
    r"|`+[^`]+`+"
    r"|\b(?:Python|WCAG) \d\.\d+"  # a version
    r"|\$[^$]+\$"
    r"|\]\([^)]*\)"  # where a link leads
    r"|^:[\w-]+:.*$",  # options of a directive
    re.MULTILINE,
)
NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|per ?cent)|\b\d+\.\d+\b")


def typed_numbers(text):
    """The percentages and decimals in the prose of a MyST text, each with its sentence."""
    prose = NOT_WORDS.sub(" ", prose_of(text))
    return [
        (number, " ".join(sentence.split()))
        for sentence in SENTENCE_END.split(prose)
        if "{cite" not in sentence
        for number in NUMBER.findall(sentence)
    ]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_result_is_typed(chapter):
    found = typed_numbers(chapter.read_text())
    assert not found, "\n".join(f"{number!r} in: {sentence}" for number, sentence in found)


def test_the_scan_finds_what_is_typed():
    text = (
        "---\nversion: 1.5\n---\n# One\n\nIt gets 91.3 % right. And 12% here, 0.5 there.\n\n"
        "```{code-cell} python3\nx = 0.25\n```\n\nHere {result}`acc`, $0.1$ and `0.2` are fine.\n"
        "{cite:t}`nielsen2015` reports 95.42 %. But 7.5 is mine.\n\n"
        "```{exercise}\n:label: ex-1\nShow that 33 % is wrong.\n```\n"
    )
    assert [number for number, _ in typed_numbers(text)] == ["91.3 %", "12%", "0.5", "7.5", "33 %"]
