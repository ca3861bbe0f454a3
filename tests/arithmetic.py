"""The arithmetic in sentences: formulas that are all numbers, are they true?

`wrong_arithmetic` lists those that are not.
"""

import math
import re
from itertools import pairwise

import numpy as np
from prose import SENTENCE_END

RELATION = re.compile(r"=|\\approx|\\le(?![a-z])|\\ge(?![a-z])|<|>|\\sim")
WORDS = {
    r"\cdot": "*",
    r"\times": "*",
    r"\log": " log",
    r"\sqrt": " sqrt",
    r"\exp": " exp",
    r"\big": "",
    r"\Big": "",
    r"\left": "",
    r"\right": "",
    r"\,": "",
    r"\ ": " ",
    r"\;": "",
}
VECTOR = "vector"


def value_of(latex):
    """The value of a formula that is all numbers, or None: a number, or an array for `(1, 2)`."""
    text = latex.replace("{,}", "")
    text = re.sub(r"(\d+)!", lambda m: str(math.factorial(int(m[1]))), text)
    for _ in range(3):
        text = re.sub(
            r"\\[td]?frac\s*(\d|\{[^{}]*\})\s*(\d|\{[^{}]*\})",
            lambda m: f"(({m[1].strip('{}')})/({m[2].strip('{}')}))",
            text,
        )
    text = re.sub(
        r"\\[td]?frac\s*(\d|\{[^{}]*\})\s*(\d|\{[^{}]*\})",
        lambda m: f"(({m[1].strip('{}')})/({m[2].strip('{}')}))",
        text,
    )
    for word, code in WORDS.items():
        text = re.sub(re.escape(word) + r"(?![a-z])", lambda m, code=code: code, text)
    text = text.replace("\\%", "").replace("^", "**").replace("{", "(").replace("}", ")")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"\b(log|sqrt)\s*(\d+(?:\.\d+)?)", r"\1(\2)", text)
    text = re.sub(r"\b(log)\s*(\(\(\d+\)/\(\d+\)\))", r"\1(\2)", text)
    if not re.fullmatch(r"(?:[\d.+\-*/(), ]|\blog\b|\bsqrt\b|\bexp\b|\babs\b|\be\b)+", text):
        return None
    if not re.search(r"\d", text):
        return None
    text = re.sub(r"(\d|\))\s+(?=\d)", r"\1*", text)
    text = re.sub(r"(\d|\)|\be\b)\s*(?=\(|log|sqrt|exp|abs|\be\b)", r"\1*", text)
    text = re.sub(r"\)\s*(?=\d)", ")*", text)
    text = with_vectors(text.strip().rstrip(",."))
    try:
        with np.errstate(all="ignore"):
            value = eval(text, {"__builtins__": {}}, NAMES)  # digits and a few names only
    except (SyntaxError, TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    value = np.asarray(value, dtype=float)
    return value if np.isfinite(value).all() else None


NAMES = {
    "log": np.log,
    "sqrt": np.sqrt,
    "exp": np.exp,
    "abs": np.abs,
    "e": math.e,
    VECTOR: lambda *entries: np.array(entries),
}


def with_vectors(text):
    """`(1, 2)` written as `vector(1, 2)`."""
    commas, opened = set(), []
    for place, sign in enumerate(text):
        if sign == "(":
            opened.append(place)
        elif sign == ")" and opened:
            opened.pop()
        elif sign == "," and opened:
            commas.add(opened[-1])
    return "".join(VECTOR + s if i in commas else s for i, s in enumerate(text))


def chains(sentence):
    """The chains of a sentence that hold at least two formulas of numbers only, with their values.

    `$a = b$` is one, and so are `$a$, about $b$` and `$a$: $b$` when the first is a calculation.
    """
    joined = re.sub(
        r"\$,? (?:or|which is|that is)?\s*about \$?(\d[\d.,]*\d)?\$?",
        lambda m: r" \approx " + (m[1].replace(",", "{,}") + "$" if m[1] else ""),
        sentence,
    )
    for formula in re.findall(r"\$([^$]+)\$", joined):
        sides = RELATION.split(formula)
        relations = RELATION.findall(formula)
        valued = [(i, value_of(side)) for i, side in enumerate(sides)]
        valued = [(i, v) for i, v in valued if v is not None]
        if len(valued) >= 2:
            yield formula, [(sides[i], v) for i, v in valued], relations


def last_unit(side):
    """The unit of the last digit of a side that is written in decimals, else 0."""
    decimals = re.findall(r"\d+\.(\d+)", side)
    return 10.0 ** -min(map(len, decimals)) if decimals else 0.0


def wrong_arithmetic(text):
    """[(formula, what its sides come to)] of the formulas in the prose that are not true."""
    found = []
    for sentence in SENTENCE_END.split(NOT_FORMULAS.sub(" ", text)):
        for formula, sides, relations in chains(sentence):
            if set(relations) - {"=", r"\approx"}:
                continue
            for (one, a), (two, b) in pairwise(sides):
                near = 1e-9 * (1 + np.abs(a).max())
                if r"\approx" in relations:
                    near = max(
                        near,
                        0.51 * last_unit(two),
                        0.51 * (not last_unit(two)) * (r"\approx" in relations),
                    )
                if a.shape != b.shape or (np.abs(a - b) > near).any():
                    found.append((formula.strip(), f"{one.strip()} = {a}, {two.strip()} = {b}"))
    return found


NOT_FORMULAS = re.compile(r"\{[\w:-]+\}`[^`]*`|`+[^`]+`+")
