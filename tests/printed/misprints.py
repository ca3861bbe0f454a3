"""Every single misprint of a stated kind, planted in an equation: what the page would say then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from printed.latex import ACCENTS, LETTERS, RELATIONS, Names, Token, body_of, tokens_of

KINDS = {
    "sign": "+ for -, - for +, <= for >=",
    "index": "another index, two indices exchanged, W_1 for W_2, i for i'",
    "factor": "a fraction left out or upside down, another number, another size (B for K)",
    "transpose": "left out, or too many",
    "bound": "a sum from 0, to another size, to one less",
    "script": "an exponent or index left out, an index that is high, a hat or bar left out",
    "order": "two matrices of a product exchanged",
    "shape": "another size, or two sizes exchanged",
}


class Misprint(NamedTuple):
    kind: str
    latex: str
    at: range  # where in the LaTeX
    what: str  # `...before |was > is| after...`, for a person


class Place(NamedTuple):
    """A token, and where it stands: formula, sub, sup, low, high (of a sum), shape, words."""

    token: Token
    where: str


def places(tokens: list[Token]) -> list[Place]:
    """Where each token stands."""
    found, stack, following = [], [], None
    brace_after, in_brace = [], 0
    for n, token in enumerate(tokens):
        where = stack[-1] if stack else "formula"
        if following and token.text != "{":
            where, following = following, None
        if token.text == "{":
            stack.append(following or where)
            following = None
            if n and tokens[n - 1].text == "\\underbrace":
                brace_after.append(len(stack))
        elif token.text == "}":
            if brace_after and brace_after[-1] == len(stack):
                brace_after.pop()
                in_brace = n
            stack.pop()
        elif token.text in "_^" and len(token.text) == 1:
            before = tokens[n - 1].text if n else ""
            high = token.text == "^"
            if in_brace and in_brace == n - 1 and not high:
                following = where
            elif is_of_sum(tokens, n):
                following = "high" if high else "low"
            elif before:
                following = "sup" if high else "sub"
        found.append(Place(token, where))
    for start, end in shapes(tokens):
        for n in range(start, end):
            found[n] = Place(found[n].token, "shape")
    return found


def is_of_sum(tokens: list[Token], n: int) -> bool:
    """Is this _ or ^ that of a \\sum (or \\prod, \\max, \\lim)?"""
    big = ("\\sum", "\\prod", "\\max", "\\lim")
    depth, n = 0, n - 1
    while n >= 0:
        text = tokens[n].text
        depth += (text == "}") - (text == "{")
        if depth == 0 and text in big:
            return True
        if depth == 0 and text not in ("{", "_", "^") and tokens[n + 1].text not in ("_", "^"):
            return False
        if depth == 0 and text not in ("{", "_", "^") and tokens[n - 1].text not in ("_", "^"):
            return False
        n -= 1
    return False


def shapes(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Where [rows, columns] stand: from after the bracket to before the other."""
    for n, token in enumerate(tokens):
        if token.text == "[" and not (n and tokens[n - 1].text == "}"):
            end = next((m for m in range(n + 1, len(tokens)) if tokens[m].text in "[]"), n)
            inside = "".join(t.text for t in tokens[n + 1 : end])
            if tokens[end].text == "]" and re.fullmatch(r"[A-Z0-9+]+,[A-Z0-9+]+", inside):
                yield n + 1, end
        elif token.text == "[" and tokens[n - 1].text == "}":  # under a brace, after a name
            end = next((m for m in range(n + 1, len(tokens)) if tokens[m].text in "[]"), n)
            inside = "".join(t.text for t in tokens[n + 1 : end])
            before = [t.text for t in tokens[max(0, n - 4) : n]]
            if re.fullmatch(r"[A-Z0-9+]+,[A-Z0-9+]+", inside) and "\\mathbb" not in before:
                yield n + 1, end


def group_end(tokens: list[Token], n: int) -> int:
    """The place after the argument (a {group} or one token) that begins at n."""
    if n < len(tokens) and tokens[n].text == "{":
        depth = 0
        for m in range(n, len(tokens)):
            depth += (tokens[m].text == "{") - (tokens[m].text == "}")
            if depth == 0:
                return m + 1
    return n + 1


def misprints(latex: str, names: Names, sizes: list[str], matrices: set[str]) -> list[Misprint]:
    body = body_of(latex)
    tokens = tokens_of(body)
    spots = places(tokens)
    found: dict[str, Misprint] = {}

    def plant(kind: str, start: int, end: int, text: str):
        """Tokens start to end (not included) become `text`."""
        a, b = tokens[start].start, tokens[end - 1].end
        was = body[a:b]
        latex = body[:a] + " " + text + " " + body[b:]
        if text.strip() != was and latex not in found:
            before = body[max(0, a - 14) : a].split("\n")[-1]
            after = body[b : b + 10].split("\n")[0]
            found[latex] = Misprint(
                kind, latex, range(a, a + len(text) + 4), f"{before}|{was} > {text.strip()}|{after}"
            )

    indices = [
        i
        for i in sorted(names.indices)
        if any(s.token.text == i and s.where in ("sub", "low") for s in spots)
    ]
    in_use = [s for s in sizes if any(t.text == s for t in tokens)]
    for n, (token, where) in enumerate(spots):
        text = token.text
        after = tokens[n + 1].text if n + 1 < len(tokens) else ""
        before = tokens[n - 1].text if n else ""
        if token.kind == "text":
            continue
        if where == "shape":
            if text in names.values or text == "1" or text in sizes:
                for other in [*in_use, "1"]:
                    if other != text and not (after == "+" or before == "+"):
                        plant("shape", n, n + 1, other)
            continue
        # sign
        if text in "+-" and len(text) == 1:
            plant("sign", n, n + 1, "-" if text == "+" else "+")
        other = {"\\le": "\\ge", "\\ge": "\\le", "<": ">", ">": "<"}.get(text)
        if other:
            plant("sign", n, n + 1, other)
        # index
        if where == "sub" and text in names.indices and after != "'" and before != "\\mathcal":
            for other in indices:
                if other != text:
                    plant("index", n, n + 1, other)
            if after in names.indices and spots[n + 1].where == "sub":
                plant("index", n, n + 2, f"{after} {text}")
        if where == "sub" and text in ("0", "1", "2") and after not in ("+", "-"):
            plant("index", n, n + 1, {"0": "1", "1": "2", "2": "1"}[text])
        if text == "'" and before in names.indices:
            plant("index", n - 1, n + 1, before)
        # bound
        if where == "low" and token.kind == "digit" and before == "=":
            plant("bound", n, n + 1, "1" if text == "0" else "0")
        if where == "high" and (token.kind == "letter" or text in LETTERS) and before != "'":
            for other in in_use:
                if other != text and text in sizes:
                    plant("bound", n, n + 1, other)
            if after in ("}",) or before == "^":
                plant("bound", n, n + 1, "{" + text + " - 1}")
        # factor
        if text in ("\\frac", "\\tfrac"):
            middle = group_end(tokens, n + 1)
            end = group_end(tokens, middle)
            above = body[tokens[n + 1].start : tokens[middle - 1].end]
            below = body[tokens[middle].start : tokens[end - 1].end]
            slope = tokens[n + 2].text in ("\\partial", "d") if tokens[n + 1].text == "{" else False
            if not slope:
                plant("factor", n, end, f"\\frac {below} {above}")
                following = tokens[end].text if end < len(tokens) else ""
                if not re.search(r"sum|max|_", above) and can_go(before, following):
                    plant("factor", n, end, "")
        if token.kind == "digit" and where in ("formula", "sup", "high"):
            alone = before != "_" and not (after.isdigit() or before.isdigit())
            kind = "script" if where == "sup" and before == "^" else "factor"
            if alone:
                plant(kind, n, n + 1, str(int(text) + 1))
        if where == "formula" and text in sizes and after not in "_^'(":
            for other in in_use:
                if other != text:
                    plant("factor", n, n + 1, other)
        # transpose
        if text == "^" and after == "\\top":
            plant("transpose", n, n + 2, "")
        if text == "^" and after == "{" and tokens[n + 2].text == "\\top":
            plant("transpose", n, n + 4, "")
        name_end = atom_end(tokens, n)
        if where == "formula" and name_end and before not in ACCENTS:
            name = "".join(t.text for t in tokens[n:name_end] if t.text not in "{}")
            nothing = tokens[name_end].text if name_end < len(tokens) else ""
            if name in matrices and nothing not in ("^", "_", "'", "("):
                plant(
                    "transpose",
                    n,
                    name_end,
                    body[token.start : tokens[name_end - 1].end] + "^\\top",
                )
        # scripts
        if text == "^" and where not in ("high",) and after.isdigit() and not is_of_sum(tokens, n):
            plant("script", n, n + 2, "")
        if text == "_" and not is_of_sum(tokens, n) and spots[n + 1].where == "sub":
            end = group_end(tokens, n + 1)
            plant("script", n, end, "")
            if end >= len(tokens) or tokens[end].text != "^":
                plant("script", n, n + 1, "^")
        if text in ("\\hat", "\\tilde", "\\bar"):
            end = group_end(tokens, n + 1)
            plant("script", n, end, body[tokens[n + 1].start : tokens[end - 1].end])
    for start, end in shapes(tokens):
        comma = next(m for m in range(start, end) if tokens[m].text == ",")
        left = body[tokens[start].start : tokens[comma - 1].end]
        right = body[tokens[comma + 1].start : tokens[end - 1].end]
        plant("shape", start, end, f"{right}, {left}")
    for first, second, end in neighbours(tokens, spots, matrices):
        one = body[tokens[first].start : tokens[second - 1].end]
        other = body[tokens[second].start : tokens[end - 1].end]
        plant("order", first, end, f"{other} {one}")
    return list(found.values())


def can_go(before: str, after: str) -> bool:
    """Is there another factor, so that a fraction can be left out?"""
    ends = ("", "+", "-", ")", "]", "}", "&", "\\\\", ",", ".", "\\qquad", *RELATIONS)
    return after not in ends or (before not in ("", "+", "-", "(", "{", "&", "[", *RELATIONS))


def atom_end(tokens: list[Token], n: int) -> int:
    """The place after a name with accent and digits below (`W_2`), or 0 if none begins here."""
    start = n
    if tokens[n].text in ("\\hat", "\\tilde", "\\bar"):
        n = group_end(tokens, n + 1)
    elif tokens[n].kind == "letter" or tokens[n].text in LETTERS:
        n += 1
    else:
        return 0
    if n + 1 < len(tokens) and tokens[n].text == "_" and tokens[n + 1].text.isdigit():
        n += 2
    return n if n > start else 0


def neighbours(tokens, spots, matrices) -> Iterator[tuple[int, int, int]]:
    """Two matrices beside each other: names, with ^\\top, under braces, derivatives."""

    def operand(n: int) -> int:
        if n >= len(tokens) or spots[n].where in ("sub", "low", "high", "shape"):
            return 0
        text = tokens[n].text
        if text == "\\underbrace":
            end = group_end(tokens, n + 1)
            inside = [t.text for t in tokens[n:end]]
            under = [t.text for t in tokens[end : group_end(tokens, end + 1)]]
            if ("[" in under and "1" not in under[:4]) or "\\top" in inside:
                return group_end(tokens, end + 1)
            return group_end(tokens, end + 1) if "[" in under else 0
        if text == "\\frac" and tokens[n + 2].text == "\\partial":
            end = group_end(tokens, group_end(tokens, n + 1))
            below = "".join(t.text for t in tokens[group_end(tokens, n + 1) + 2 : end - 1])
            return end if below.strip("{}") in matrices else 0
        end = atom_end(tokens, n)
        name = "".join(t.text for t in tokens[n:end] if t.text not in "{}")
        if not end or name not in matrices:
            return 0
        if end < len(tokens) and tokens[end].text in ("_", "'", "("):
            return 0
        if end + 1 < len(tokens) and tokens[end].text == "^":
            return end + 2 if tokens[end + 1].text == "\\top" else 0
        return end

    for n in range(len(tokens)):
        if n and tokens[n - 1].text in ("\\hat", "\\tilde", "\\bar"):
            continue
        second = operand(n)
        end = operand(second) if second else 0
        if end:
            yield n, second, end
