"""No result is typed by hand: the prose holds no percentage and no decimal of its own.

Numbers belong in code, in mathematics, in the role {result} (which a cell feeds), or in a sentence
that cites whose number it is.
"""

import re

import pytest
from equations import BOOK

CHAPTERS = sorted(BOOK.glob("*.md"))

FENCE = re.compile(r"^(`{3,}|:{3,})\s*(.*)$")
CODE_DIRECTIVES = ("{code", "{literalinclude", "{math", "{bibliography", "{eval-rst", "{raw")
NOT_WORDS = re.compile(
    r"\{(?!cite)[\w:-]+\}`[^`]*`"  # roles, {result} among them
    r"|`+[^`]+`+"
    r"|\$[^$]+\$"
    r"|\]\([^)]*\)"  # where a link leads
    r"|^:[\w-]+:.*$",  # options of a directive
    re.MULTILINE,
)
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z*_{\[(])|\n\s*\n|\n(?=\s*[-*|] )")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*\s?(?:%|per ?cent)|\b\d+\.\d+\b")


def prose_of(text):
    """A MyST text without its front matter, comments, code and displayed mathematics."""
    text = re.sub(r"\A---\n.*?^---$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^\$\$.*?\$\$[^\n]*$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines, open_fences = [], []  # of each open fence: its characters, and whether it holds code
    for line in text.splitlines():
        fence = FENCE.match(line)
        in_code = bool(open_fences) and open_fences[-1][1]
        if fence and open_fences and fence[1] == open_fences[-1][0] and not fence[2]:
            open_fences.pop()
            lines.append("")
        elif fence and not in_code:
            is_prose = fence[2].startswith("{") and not fence[2].startswith(CODE_DIRECTIVES)
            open_fences.append((fence[1], not is_prose))
            lines += ["", fence[2].partition("}")[2] if is_prose else "", ""]
        elif not in_code:
            lines.append(line)
    assert not open_fences, f"a fence is never closed: {open_fences}"
    return "\n".join(lines)


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
