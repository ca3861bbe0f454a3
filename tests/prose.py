"""The book's prose as data: its blocks and sentences.

`blocks` cuts a MyST text into prose and everything else.
"""

import re
from pathlib import Path
from typing import NamedTuple

from scratchmnist_book.reading_time import OPAQUE, pieces

ROOT = Path(__file__).parents[1]
SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+(?=[A-Z*_{\[($])|\n\s*\n|\n(?=\s*[-*|] )")


class Block(NamedTuple):
    section: int  # the how-manieth heading of first or second level it stands under
    kind: str  # "prose", "code", "equation" or "caption"
    text: str


def prose_of(text):
    """A MyST text without its front matter, comments, code and displayed mathematics."""
    return "\n".join(b.text for b in blocks(text) if b.kind == "prose")


def blocks(text):
    """The blocks of a MyST text in their order, without front matter and comments."""
    text = re.sub(r"\A---\n.*?^---$|<!--.*?-->", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(
        r"^\$\$(.*?)\$\$[^\n]*$", r"```{math}\n\1\n```", text, flags=re.MULTILINE | re.DOTALL
    )
    found, lines, section = [], [], 0

    def close(kind):
        if any(line.strip() for line in lines):
            body = "\n".join(lines)
            if kind == "code" and (caption := re.search(CAPTION, body)):
                found.append(Block(section, "caption", " ".join(caption[1].split())))
            found.append(Block(section, kind, body))
        lines.clear()

    open_kinds = ["prose"]  # of the text itself, and of each open fence
    for event, block, line in pieces(text):
        if event == "line":
            if open_kinds[-1] == "prose" and re.match(r"##? ", line):
                close("prose")
                section += 1
            lines.append(line)
            continue
        close(open_kinds[-1])
        if event == "close":
            open_kinds.pop()
            continue
        name, argument, _ = block
        code = name.startswith(OPAQUE)
        open_kinds.append("equation" if name == "math" else "code" if code else "prose")
        if not code:
            lines += [argument, ""]
        elif name == "literalinclude":
            lines.append(argument)
    assert len(open_kinds) == 1, f"a fence is never closed; the last one opened: {name} {argument}"
    close("prose")
    return found


CAPTION = re.compile(r"caption: \|\n((?:[ ]{6}.*\n)+)")
