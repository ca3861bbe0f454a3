"""The numbers in the prose, and where each comes from.

`Page.unsourced` lists the numbers of a sentence that nothing on its page bears out. What may:

- a cell, its output, an equation, a listing or a true formula in the same section that has its
  value; numbers of three digits or more may come from anywhere on the page
- for `(0.6, 0.3, 0.1)`: the same numbers, in this order, in one of these places
- for a setting such as `\\eta = 0.1`: a cell of the page that sets it so
- for a number that somebody works out by hand: tests/worked.py, which works it out, too
"""

import math
import re
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from arithmetic import chains
from prose import ROOT, SENTENCE_END, blocks
from worked import GIVEN, SAID

NOT_WORDS = re.compile(
    r"\{[\w:-]+\}`[^`]*`"  # roles
    r"|\b(?:Python|WCAG) \d\.\d+"
    r"|`+[^`]+`+"
    r"|\[[^\]]*#\d+\]\([^)]*\)"  # somebody else's issue
    r"|\]\([^)]*\)|\{\.[^}]*\}"  # where a link leads, attributes
    r"|\b(?:[Ee]asy|[Mm]edium|[Hh]ard), \d+ min$"  # how long an exercise takes
    r"|^\s*\d+\. "  # items of a list
    r"|^:[\w-]+:.*$"  # options of a directive
    r"|^\([\w-]+\)=$"  # labels
    r"|^#+ .*$",
    re.MULTILINE,
)
FRACTION = r"\\[td]?frac\s*(?:(\d)\s*(\d)|\{(\d+)\}\s*(\d)|(\d)\s*\{(\d+)\}|\{(\d+)\}\s*\{(\d+)\})"
DECIMAL = r"(?<![\w.])\d{1,3}(?:(?:,|\{,\})\d{3})+(?![\d])|(?<![\w.])\d+(?:\.\d+)?(?:e[+-]?\d+)?"
QUOTED = re.compile(rf"{FRACTION}|(?P<plain>{DECIMAL})")
NOT_NUMBERS = (  # of an inline formula: spaces, powers, indices, words
    r"\\[,;!: ]|\\\\ |(?<=[\d)])\s*\^\s*(?:\{[^{}]*\}|\\\w+|\w)|10\s*\^"
    r"|[_^]\s*(?:\{[^{}]*\}|\\\w+|\w)|\\(?:text|mathrm|operatorname)\{[^{}]*\}"
)

COUNTED = range(13)  # small whole numbers count and number things: they need no source
NEAR = 50  # characters
# Sizes of the data and of the networks, and the words beside which they need no source.
SIZES = {
    16: r"[Bb]atch|images|by |times|\[16",
    28: r"pixel|rows?\b|columns?\b|by |28\]",
    30: r"units|hidden|weights|ReLU|784|epochs",
    60: r"lines",
    95: r"interval|in a hundred|of 100|%",
    100: r"in a|times|of ",
    255: r"level|bright|grey|divide|[Pp]ixel",
    784: r"pixel|inputs?\b|numbers|weights|D\b|784\]|784-30",
    785: r"weights|columns|numbers|D\b",
    4000: r"images|train",
    4999: r"0 to",
    5000: r"images|pictures|digits|test|train|5,000",
    7850: r"weights|numbers|parameters",
    23520: r"weights|numbers|parameters",
    23860: r"weights|numbers|parameters|H",
    60000: r"images|pictures|digits|MNIST",
    70000: r"pictures|images",
    79510: r"weights|numbers|parameters|H",
}


class Number(NamedTuple):
    value: float
    written: str  # 0.25, 1/4, 23,860
    unit: float  # of its last digit
    sign: int = 1
    start: int = 0  # in the text
    end: int = 0

    @property
    def is_fraction(self):
        return "/" in self.written

    @property
    def counts(self):
        """Is it so small that it counts or numbers something, or a year?"""
        year = 1900 <= self.value < 2100 and "," not in self.written
        return self.unit == 1 and (self.value in COUNTED or year)


def blank(match):
    return " " * len(match[0])


def numbers(text):
    """The numbers written in a text, those of its inline formulas included."""
    text = NOT_WORDS.sub(blank, text)
    text = re.sub(r"\$([^$]+)\$", lambda m: f" {re.sub(NOT_NUMBERS, blank, m[1])} ", text)
    found = []
    for match in QUOTED.finditer(text):
        minus = re.search(r"(?:^|[(\[,=&:|]|\s{2})\s*-\s*$", text[: match.start()])
        place = {"sign": -1 if minus else 1, "start": match.start(), "end": match.end()}
        if match["plain"]:
            written = match["plain"].replace("{,}", ",")
            mantissa = written.replace(",", "").partition("e")[0]
            unit = 10.0 ** -len(mantissa.partition(".")[2])
            found.append(Number(float(written.replace(",", "")), written, unit, **place))
        else:
            above, below = (int(d) for d in match.groups()[:-1] if d)
            if below:
                found.append(Number(above / below, f"{above}/{below}", 1e-9, **place))
    return found


VALUE = re.compile(
    rf"{FRACTION}|(\d+)\s*/\s*(\d+)"
    r"|(?P<plain>\d{1,3}(?:,\d{3})+(?!\d)|\d[\d_]*(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)"
)


def values_in(text):
    """Every number that a code, an output or an equation holds, in their order."""
    text = re.sub(r"\\[,;!: ]", "", text.replace("{,}", ","))
    found = []
    for match in VALUE.finditer(text):
        if match["plain"]:
            found.append(float(re.sub("[,_]", "", match["plain"])))
        else:
            above, below = (int(d) for d in match.groups()[:-1] if d)
            found += [above / below] if below else []
    return found


class Sources(NamedTuple):
    """What a section holds that may bear a number out."""

    rows: list  # of numbers in their order: a line of an output, a row of a matrix, a formula
    written: set  # fractions and decimals as they are written there: "2/8", "1.0"
    values: frozenset = frozenset()  # all numbers


def rows_in(text):
    lines = re.split(r"\n|\\\\|\], *\[", text)
    return [row for row in map(values_in, lines) if row]


def parts_in(text):
    """The numbers that stand alone in a text, also as a part of another: 4 and 9 of 4/9."""
    return [float(digits) for digits in re.findall(r"\d+", text.replace("{,}", ""))]


def written_in(text):
    found = re.findall(r"(\d+)\s*/\s*(\d+)", text)
    found += [[d for d in m.groups() if d] for m in re.finditer(FRACTION, text)]
    return {f"{above}/{below}" for above, below in found} | set(re.findall(r"\d+\.\d+", text))


def source(text):
    return Sources([*rows_in(text), parts_in(text)], written_in(text))


def formulas_as_source(sentence):
    """The formulas of numbers in a sentence, their parts and what they come to."""
    rows, as_written = [], set()
    for formula, sides, _ in chains(sentence):
        rows += [values_in(formula), parts_in(formula)]
        rows += [np.abs(value).flatten().tolist() for _, value in sides]
        as_written |= written_in(formula)
    return Sources(rows, as_written)


def joined(sources):
    sources = list(sources)
    rows = [row for source in sources for row in source.rows]
    values = frozenset(value for row in rows for value in row)
    return Sources(rows, {text for source in sources for text in source.written}, values)


def outputs_by_section(notebook):
    """{section: text of its cells' outputs}, from the executed notebook of the page."""
    found, section = {}, 0
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            section += len([b for b in text.splitlines() if re.match(r"##? ", b)])
            continue
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = output.get("text") or data.get("text/plain") or ""
            found[section] = found.get(section, "") + "\n" + "".join(text)
    return found


class Sentence(NamedTuple):
    section: int
    text: str
    block: str  # the block that it stands in, and where
    start: int


class Page:
    """What is known of a page: its sentences, and by section what may bear their numbers out."""

    def __init__(self, name, text, notebook):
        parts = blocks(text)
        self.name = name
        self.sentences = [
            Sentence(b.section, b.text[start:end], b.text, start)
            for b in parts
            if b.kind in ("prose", "caption")
            for start, end in sentences_of(b.text)
        ]
        outputs = outputs_by_section(notebook)
        self.cells = {b.section: [source(outputs.get(b.section, ""))] for b in parts}
        for b in parts:
            if b.kind in ("code", "equation"):
                self.cells[b.section].append(source(b.text))
                if file := re.search(r"\.\./(src/\S+\.py)$", b.text.splitlines()[0]):
                    self.cells[b.section].append(source((ROOT / file[1]).read_text("utf-8")))
        self.code = {b.section: [] for b in parts}
        for b in parts:
            self.code[b.section] += [b.text] * (b.kind == "code")
        self.formulas = [formulas_as_source(s.text) for s in self.sentences]
        self.sources = {section: self.sources_of(section) for section in self.cells}

    def sources_of(self, section, number=None, text=""):
        """What a section holds, where the sentence of this number has another text."""
        formulas = [
            formulas_as_source(text) if place == number else self.formulas[place]
            for place, sentence in enumerate(self.sentences)
            if sentence.section == section
        ]
        return joined([*self.cells[section], *formulas])

    def unsourced(self, number, text=None):
        """The numbers of a sentence that nothing bears out; of the sentence with another text."""
        sentence = self.sentences[number]
        text = sentence.text if text is None else text
        if "{cite" in text:
            return []
        end = sentence.start + len(sentence.text)
        block = sentence.block[: sentence.start] + text + sentence.block[end:]
        worked = worked_out(self.name, block)
        found, sources = [], dict(self.sources)
        if text != sentence.text:
            sources[sentence.section] = self.sources_of(sentence.section, number, text)
        for n in numbers(text):
            if sentence.start + n.start in worked:
                right = is_value(n, worked[sentence.start + n.start])
            else:
                right = has_source(n, text, sentence.section, sources, self.code)
            found += [] if right else [n]
        return found


def worked_out(page, block):
    """{place: value} of the numbers in a block that tests/worked.py works out."""
    found = {}
    for said in (*SAID, *GIVEN):
        if said.page == page and (place := said.place_in(block)) is not None:
            behind = (n for n in numbers(block) if n.start >= place)
            found |= {n.start: float(value) for n, value in zip(behind, said.numbers, strict=False)}
    return found


def is_value(number, value):
    """The number is this value, sign included, or the value rounded to its digits."""
    return abs(number.sign * number.value - value) <= 0.5000001 * number.unit + 1e-9


def sentences_of(text):
    """[(start, end)] of the sentences in a text."""
    ends = [(m.start(), m.end()) for m in SENTENCE_END.finditer(text)]
    return list(zip([0, *(e for _, e in ends)], [*(s for s, _ in ends), len(text)], strict=True))


def agrees(number, value):
    """The number is the value, or the value rounded to the number's digits; % understood."""
    for scale in (1, 100):
        exact = abs(value * scale - number.value) <= 1e-9 * max(1, abs(number.value))
        rounded = (
            not number.is_fraction
            and abs(number.value) >= 10 * number.unit
            and abs(value * scale - number.value) <= 0.5000001 * number.unit
        )
        if exact or rounded:
            return True
    return False


# How a sentence says what a number sets, before it, and what the code calls that.
SETTINGS = {
    r"\\eta\s*(?:=|\\approx)\s*$|\b[Rr]ates? (?:of |= )?\$?$": r"lr|eta|rates?|RATES?|LR|\w+_lr",
    r"\\alpha\s*=\s*$|\b[Pp]rice (?:of )?\$?$": r"alphas?|prices?|PRICES?",
    r"\bh\s*=\s*$": r"h",
}


def setting_of(sentence, number):
    """What the code calls this number, where the sentence says what it sets."""
    before = sentence[max(0, number.start - 40) : number.start]
    if re.match(r"\$? times", sentence[number.end :]):
        return None
    return next((called for said, called in SETTINGS.items() if re.search(said, before)), None)


def set_in(cells, called):
    """The numbers that some cells give to a name, or let it run through."""
    value = r"(?:\{[^}]*\}|\[[^]]*\]|\([^)]*\)|torch\.\w+\([^)]*\)|[\d._]+)"
    found = re.findall(rf"\b(?:{called})\b\s*(?:=|:| in)\s*({value})", "\n".join(cells))
    return {number for text in found for number in values_in(text)}


def row_of(sentence, number):
    """The numbers of the bracket `(0.6, 0.3, 0.1)` that the number stands in, if all are such."""
    start, end = sentence.rfind("(", 0, number.start), sentence.find(")", number.end)
    inside = sentence[start + 1 : end]
    if start < 0 or end < 0 or ")" in sentence[start : number.start] or "," not in inside:
        return None
    entries = [re.sub(r"\\[,;! ]|\s", "", entry) for entry in inside.split(",")]
    if not all(re.fullmatch(rf"-?(?:\d+(?:\.\d+)?|{FRACTION})", entry) for entry in entries):
        return None
    return numbers(f"${inside}$")


def holds_row(sources, row):
    for there in sources.rows:
        for start in range(len(there) - len(row) + 1):
            if all(agrees(n, v) for n, v in zip(row, there[start:], strict=False)):
                return True
    return False


def has_source(number, sentence, section, sources, code):
    """Does anything on the page bear the number out? The docstring above says what may."""
    if number.counts:
        return True
    here = sources[section]
    row = row_of(sentence, number)
    if row and len(row) > 1:
        return holds_row(here, row)
    called = setting_of(sentence, number)
    if called:
        page = [cell for cells in code.values() for cell in cells]
        if values := set_in(code[section], called) or set_in(page, called):
            return any(agrees(number, value) for value in values)
    near = sentence[max(0, number.start - NEAR) : number.end + NEAR]
    if number.unit == 1 and re.search(SIZES.get(number.value, r"(?!)"), near):
        return True
    if number.is_fraction:
        above, below = map(int, number.written.split("/"))
        if math.gcd(above, below) > 1 or below == 1:
            return number.written in here.written
        exact = Fraction(above, below)
        return any(abs(value - exact) < 1e-12 for value in here.values)
    if number.unit < 1 and number.value == round(number.value):  # 1.0 is a rounding, or a slip
        return number.written in here.written
    places = [here] if number.value / number.unit < 99.5 else sources.values()
    return any(agrees(number, value) for there in places for value in there.values)
