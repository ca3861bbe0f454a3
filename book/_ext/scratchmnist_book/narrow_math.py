r"""A displayed equation for a narrow screen: the same formulas, one below the other.

`narrow(latex)` breaks what stands side by side: reasons and shapes (the columns behind `&&` of an
`aligned`) go below their step, a long step begins on a new line with its equals sign, and what
`\qquad` sets apart gets a line of its own. A short left side stays on the line of the first equals
sign, and the others stand below that. It returns None for an equation that is short anyway.
Nothing is left out or added but line breaks (tests/test_narrow_math.py). The pages hold both forms
(offline_math.py) and show one of them, by the width of the screen (book.css).
"""

import re

ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}(.*)", re.DOTALL)
LONG = 22  # signs, about what a phone's width has room for at the size of the text
SHORT_LEFT, FITS = 6, 29  # with a left side as short as that a line may have a little more
TOKEN = re.compile(
    r"\\begin\{\w+\}|\\end\{\w+\}|\\left\b|\\right\b|\\\\(?:\[[^\]]*\])?|\\\W|\\\w+|.", re.S
)


def split(latex, separators):
    """The pieces between separators that stand in no braces and no inner environment."""
    pieces, depth = [""], 0
    for token in TOKEN.findall(latex):
        opens = token == "{" or token.startswith("\\begin") or token == "\\left"
        closes = token == "}" or token.startswith("\\end{") or token == "\\right"
        if depth == 0 and (token in separators or (token[:2] == "\\\\" and "\\\\" in separators)):
            pieces.append("")
            continue
        depth += opens - closes
        pieces[-1] += token
    return [piece.strip() for piece in pieces]


def signs(latex):
    """Roughly how many signs stand beside one another."""
    latex = re.sub(r"\\begin\{[bp]?(?:matrix|cases)\}.*?\\end\{\w+\}", "x" * 14, latex, flags=re.S)
    latex = re.sub(
        r"\\(?:t|d)?frac\s*(\{(?:[^{}]|\{[^{}]*\})*\})\s*(\{(?:[^{}]|\{[^{}]*\})*\})", larger, latex
    )
    latex = re.sub(
        r"\\under(?:brace|set)\s*(\{(?:[^{}]|\{[^{}]*\})*\})_?(\{(?:[^{}]|\{[^{}]*\})*\})",
        larger,
        latex,
    )
    latex = re.sub(r"\\(?:text|operatorname|mathbf|mathrm)\{([^}]*)\}", r"\1", latex)
    latex = re.sub(r"\\sum_(?:\{[^}]*\}|\w)(?:\^\{[^}]*\}|\^\w)?", "xxx", latex)
    latex = re.sub(r"[_^](?:\{[^}]*\}|\\?\w)", "'", latex)
    latex = re.sub(r"\\(?:log|max|min|exp|quad|qquad)\b", "xxx", latex)
    latex = re.sub(r"\\[,;:!]", "", latex)
    return len(re.sub(r"\\[a-zA-Z]+|[{}\s]", lambda m: "x" if m[0][0] == "\\" else "", latex))


def larger(match):
    return max(match.groups(), key=signs)


def pieces_of(part):
    """A long piece in lines: broken behind a comma, or at the wide spaces of a product."""
    pieces = split(part.replace(r", \quad", r",\qquad"), [r"\qquad"])
    lines = []
    for piece in pieces:
        factors = (
            split(piece, [r"\;"]) if signs(piece) > 2 * LONG or r"\underbrace" in piece else [piece]
        )
        line = ""
        for factor in factors:
            if line and weight(line) + weight(factor) > 2 * LONG:
                lines.append(line)
                line = ""
            line = rf"{line} \; {factor}" if line else factor
        lines.append(line)
    return lines


def weight(latex):
    return max(signs(latex), sum(len(text) for text in re.findall(r"\\text\{([^}]*)\}", latex)))


def has_room(left, right):
    return signs(left) + signs(right) <= (FITS if signs(left) <= SHORT_LEFT else LONG)


def lines_of(step, below=False):
    """A step (its columns left and right of the first &) as lines for an `aligned`.

    below: it begins below the equals sign of the step before.
    """
    left, right, *more = [*split(step, "&"), ""]
    parts = [line for part in split(right, ["\\qquad"]) for line in pieces_of(part)]
    if left and not has_room(left, parts[0]):
        lines = [rf"& {left}", rf"&\quad {parts[0]}"]
    elif left or below:
        lines = [rf"{left} & {parts[0]}"]
    else:
        lines = [rf"&\quad {parts[0]}"]
    lines += [rf"&\quad {part}" for part in parts[1:]]
    notes = [note for note in more if note]
    if sum(map(weight, notes)) <= LONG:
        notes = [r" \quad ".join(notes)] if notes else []
    return lines + [rf"&\qquad {{\small {note}}}" for note in notes]


def narrow(latex):
    """The equation with what stands side by side set below one another, or None."""
    text = latex.strip()
    found = ALIGNED.fullmatch(text)
    if found:
        steps = [step for step in split(found[1], ["\\\\"]) if step]
        after = found[2]
    else:
        steps, after = [step for piece in split(text, ["\\qquad"]) for step in chain(piece)], ""
    wide = [step for step in steps if signs(step.replace("&", "")) > LONG]
    if not wide and (found or signs(text) <= 1.5 * LONG):
        return None
    rows, below = [], True
    for step in steps:
        lines = lines_of(step, below)
        below = not lines[0].startswith("&")
        rows += lines
    if len(rows) == 1:
        return None
    spaced = r" \\[0.35em] ".join(rows)
    return rf"\begin{{aligned}} {spaced} \end{{aligned}}{after}"


def chain(text):
    """`a = b = c` as the steps of an `aligned`: one, if it fits on a line."""
    first, *rest = split(text, "=")
    if not rest:
        return [f"& {first}"]
    if has_room(first, "".join(rest)):
        rest = [" = ".join(rest)]
    return [f"{first} &= {rest[0]}", *(f"&= {part}" for part in rest[1:])]
