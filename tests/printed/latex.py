"""A reader of LaTeX: formulas become functions that are evaluated at a point.

`read(latex, names)` reads a displayed equation and gives its steps: the two sides of each relation
of each chain, the shapes under braces and in columns, the formulas in the remarks. What it does not
know it refuses by name. It knows what it is told (`Names`) before what it may guess: `W_2` is first
a name, and only then the second W.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from printed.values import (
    Refused,
    Value,
    all_axes,
    as_value,
    divided,
    entry,
    entrywise,
    index_from,
    jacobian,
    mean_over_chance,
    negative,
    number,
    over_axis,
    plus,
    power,
    rank,
    settle,
    shape,
    sized_ones,
    spread,
    squeezed,
    times,
    together,
    transposed,
    whole,
)

# ---- tokens ---------------------------------------------------------------------------------


class Token(NamedTuple):
    kind: str  # text, command, digit, letter, sign, mark
    text: str
    start: int
    end: int
    checks: tuple = ()  # of a mark: what the columns beside a line say of its last value


PIECE = re.compile(
    r"""(?P<space>\s+|\\[,;:!\ ]|~|\\(?:big|Big|bigg|Bigg)[lrm]?(?![a-zA-Z])
      |\\(?:left|right)(?![a-zA-Z])
      |\\(?:textstyle|displaystyle|limits|nolimits)(?![a-zA-Z])|\\\[[^\]]*\])
      |(?P<text>\\(?:text|mathrm)\{(?:[^{}]|\{[^{}]*\})*\})
      |(?P<command>\\operatorname\*?\{[a-zA-Z-]+\}|\\[a-zA-Z]+\*?|\\\\(?:\s*\[[^\]]*\])?|\\[|{}%])
      |(?P<digit>\d)|(?P<letter>[a-zA-Z])|(?P<sign>[-+*/=<>()\[\]{}|_^&,.;:!?'])""",
    re.VERBOSE,
)
DOTS = ("\\dots", "\\cdots", "\\ldots", "\\vdots")
GAPS = ("\\quad", "\\qquad")
RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    "\\le": "<=",
    "\\leq": "<=",
    "\\ge": ">=",
    "\\geq": ">=",
    "\\approx": "~",
    "\\ne": "!=",
    "\\neq": "!=",
    "\\leftarrow": "<-",
    "\\in": "in",
}
ACCENTS = ("\\hat", "\\tilde", "\\bar", "\\mathcal", "\\mathbf", "\\boldsymbol")
PAIRS = {"(": ")", "[": "]", "{": "}", "\\{": "\\}"}
OPENING, CLOSING = {*PAIRS, "\\begin"}, {*PAIRS.values(), "\\end"}
GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau phi varphi chi psi omega ell Delta Sigma Lambda Omega Theta Phi"
)
LETTERS = {f"\\{name}" for name in GREEK.split()}


def tokens_of(latex: str) -> list[Token]:
    found, place = [], 0
    while place < len(latex):
        match = PIECE.match(latex, place)
        if not match:
            raise Refused(f"the sign {latex[place]!r}")
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match[0], match.start(), match.end()))
        place = match.end()
    return found


def canonical(text: str | list[Token]) -> str:
    """The name that these tokens are, whatever spaces and braces: `a'_{r}` is `a'_r`."""
    if isinstance(text, str):
        return canonical_of(text)
    return "".join(t.text if t.kind == "text" else t.text.strip("{}") for t in text)


@functools.cache
def canonical_of(text: str) -> str:
    return canonical(tokens_of(text))


def split_at(tokens: list[Token], separators: tuple[str, ...]) -> list[list[Token]]:
    """Parts between separators outside of all brackets, braces and environments."""
    parts, depth = [[]], 0
    for token in tokens:
        text = token.text
        if text in OPENING:
            depth += 1
        elif text in CLOSING:
            depth -= 1
        if depth == 0 and (text in separators or (text[:2] == "\\\\" in separators)):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


# ---- what a formula may mean, and where it is evaluated ---------------------------------------


@dataclass(frozen=True)
class Names:
    """What the names of a formula are: all others are refused."""

    values: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    indices: frozenset[str] = frozenset()
    from_zero: frozenset[str] = frozenset()  # names whose first index is 0

    @functools.cached_property
    def known(self) -> frozenset[str]:
        return self.values | self.functions


@dataclass
class Note:
    """What came out of one step: does it hold, in how many entries, how far apart at most."""

    holds: bool = True
    entries: int = 0
    largest: float = 0.0
    closest: float = math.inf  # of an inequality: the least distance of its sides at a point


@dataclass
class Point:
    """Where a formula is evaluated, and what came out."""

    values: dict[str, object]
    names: Names
    indices: Mapping[str, tuple[int, int]]
    originals: dict[str, object] = field(default_factory=dict)  # what derivatives are taken by
    bound: dict[str, Value] = field(default_factory=dict)
    tolerance: float = 1e-9
    approximate: float = 1e-9
    only: frozenset[int] | None = None  # these steps alone
    strict: bool = False  # the first step that does not hold ends the evaluation
    steps: dict[int, Note] = field(default_factory=dict)
    terms: dict[tuple, float] | None = None  # largest entry of each term of a sum, if wanted
    asked: set[str] = field(default_factory=set)  # the names that were read

    def with_bound(self, **changes) -> Point:
        other = Point(**{**self.__dict__, "bound": {**self.bound, **changes.pop("bound", {})}})
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def note(self, step: int, holds: bool, entries: int) -> Note:
        if self.strict and not holds:
            raise Refused(f"step {step} does not hold")
        note = self.steps.setdefault(step, Note())
        note.holds &= holds
        note.entries += entries
        return note

    def tensor(self, name: str) -> Tensor:
        value = self.originals.get(name, self.values.get(name))
        if not isinstance(value, Tensor):
            raise Refused(f"the derivative by {name}, which is no tensor here")
        return value

    def value(self, name: str) -> Value:
        if name in self.bound:
            return self.bound[name]
        base = name.rstrip("'")
        if base in self.indices and name not in self.values:
            low, high = self.indices[base]
            return index_from(name, low, high)
        if name not in self.values:
            raise Refused(f"{name} is not declared")
        self.asked.add(name)
        value = self.values[name]
        if callable(value):
            raise Refused(f"{name} is a function")
        return as_value(value)


Formula = Callable[[Point], Value]


class Step(NamedTuple):
    number: int
    run: Callable[[Point], None]
    kind: str  # "relation" or "shape"
    source: str


@dataclass
class Sentence:
    """A chain of relations."""

    run: Callable[[Point], Value | None]


# ---- comparisons --------------------------------------------------------------------------------


def compare(point: Point, step: int, relation: str, a: Value, b: Value, zero: bool, keep=None):
    """Note whether `a relation b` holds in every entry."""
    if point.only is not None and step not in point.only:
        return
    if not zero:
        a, b = settle(a, b)
        if shape(a) != shape(b):
            a, b = squeezed(a), squeezed(b)
        if shape(a) != shape(b):
            raise Refused(f"compares {shape(a)} and {shape(b)}")
    elif a.ones:
        raise Refused("compares ones and 0")
    elif rank(a):
        b = Value(b.axes, b.data[..., None, None])
    axes, (left, right) = together(a, b)
    left, right = torch.broadcast_tensors(left.detach(), right.detach())
    if keep is not None:
        mask = spread(keep, tuple(dict.fromkeys((*axes, *keep.axes))))
        if mask.ndim > len(axes):
            raise Refused("a condition on an index that the formula does not have")
        mask = mask.reshape((*mask.shape, *[1] * (left.ndim - len(axes)))).expand(left.shape)
        left, right = left[mask.bool()], right[mask.bool()]
    if left.numel() == 0:
        raise Refused("compares nothing")
    difference = (left - right).abs()
    scale = 1 + torch.maximum(left.abs(), right.abs())
    if relation in ("=", "<-", "~"):
        allowed = point.approximate if relation == "~" else point.tolerance
        holds = bool((difference <= allowed * scale).all())
        largest = (difference / scale).max().item()
    else:
        slack = point.tolerance * scale
        holds = {
            "<=": left <= right + slack,
            ">=": left >= right - slack,
            "<": left < right,
            ">": left > right,
            "!=": left != right,
        }[relation]
        holds, largest = bool(holds.all()), 0.0
    note = point.note(step, holds, left.numel())
    note.largest = max(note.largest, largest if relation != "~" else 0.0)
    note.closest = min(note.closest, difference.max().item())


def note_shape(point: Point, step: int, seen: list[int], stated: list[int]) -> None:
    if point.only is not None and step not in point.only:
        return
    point.note(step, (seen or [1, 1]) == (stated or [1, 1]), 1)


# ---- the reader -----------------------------------------------------------------------------


class Reader:
    """A recursive descent: sentence, chain, sum, product, factor. Each gives a Formula."""

    def __init__(self, tokens, names: Names, steps: list[Step] | None = None, terms=None):
        self.tokens = tokens
        self.place = 0
        self.names = names
        self.steps = steps if steps is not None else []
        self.terms = terms if terms is not None else []  # all terms of sums, for the audit

    # -- small things

    def peek(self, ahead=0) -> str:
        place = self.place + ahead
        return self.tokens[place].text if place < len(self.tokens) else ""

    def kind(self, ahead=0) -> str:
        place = self.place + ahead
        return self.tokens[place].kind if place < len(self.tokens) else "end"

    def take(self, expected: str | None = None) -> str:
        text = self.peek()
        if not text or (expected is not None and text != expected):
            raise Refused(f"expected {expected or 'more'}, found {text or 'the end'}")
        self.place += 1
        return text

    def skip(self, text: str) -> bool:
        if self.peek() == text:
            self.place += 1
            return True
        return False

    def inside(self) -> list[Token]:
        """The tokens of a {group} or the single token here, as TeX takes an argument."""
        if self.peek() != "{":
            if not self.peek():
                raise Refused("an argument is missing")
            self.place += 1
            return self.tokens[self.place - 1 : self.place]
        return self.bracketed("{")

    def bracketed(self, opening: str) -> list[Token]:
        self.take(opening)
        start, depth = self.place, 1
        while depth:
            text = self.peek()
            if not text:
                raise Refused(f"{opening} is not closed")
            if opening == "{" or text not in "{}":
                depth += (text == opening) - (text == PAIRS[opening])
            self.place += 1
        return self.tokens[start : self.place - 1]

    def sub(self, tokens: list[Token]) -> Reader:
        return Reader(tokens, self.names, self.steps, self.terms)

    def new_step(self, kind: str, tokens: list[Token]) -> int:
        self.steps.append(Step(len(self.steps) + 1, None, kind, words(tokens)))
        return len(self.steps)

    def whole_sum(self, tokens: list[Token]) -> Formula:
        """A sum that takes all of these tokens."""
        reader = self.sub(tokens)
        formula = reader.sum()
        if reader.place < len(tokens):
            raise Refused(f"{reader.peek()} is not understood in {words(tokens)}")
        return formula

    def whole_chain(self, tokens: list[Token]) -> Formula:
        reader = self.sub(tokens)
        formula, _ = reader.chain()
        if reader.place < len(tokens):
            raise Refused(f"{reader.peek()} is not understood in {words(tokens)}")
        return formula

    # -- relations

    def relation(self) -> str:
        return RELATIONS.get(self.peek(), "")

    def chain(self, mask: list[Formula] | None = None):
        """a = b <= c ...; gives the last value, and how many relations there were."""
        start = self.place
        links = [("", self.sum_or_state(), self.is_zero(start), None, self.marks())]
        while self.relation():
            relation = RELATIONS[self.take()]
            start = self.place
            formula = self.sum_or_state()
            step = self.new_step("relation", self.tokens[start : self.place])
            links.append((relation, formula, self.is_zero(start), step, self.marks()))
        conditions = list(mask or [])

        def run(point):
            keep = None
            for condition in conditions:
                value = condition(point)
                keep = value if keep is None else truth_and(keep, value)
            before, before_zero, axes = None, False, None
            for relation, formula, zero, step, marks in links:
                value = formula(point)
                if axes is None and not zero:
                    axes = set(value.axes)
                elif relation == "=" and axes is not None and set(value.axes) - axes:
                    raise Refused(f"a free index: {', '.join(set(value.axes) - axes)}")
                if step is not None:
                    if relation == "<-":
                        before = point.value(next_name(links[0][1]))
                    if zero or not before_zero:
                        compare(point, step, relation, before, value, zero, keep)
                    else:
                        compare(point, step, turned(relation), value, before, True, keep)
                for mark in marks:
                    mark(point, value, formula)
                before, before_zero = value, zero
            return before

        run.links = links
        return run, len(links) - 1

    def is_zero(self, start: int) -> bool:
        return [t.text for t in self.tokens[start : self.place]] == ["0"]

    def sum_or_state(self) -> Formula:
        return self.sum()

    def marks(self) -> list:
        """What stands in the columns beside a line: shapes, checked against its last value."""
        found = []
        while self.kind() == "mark":
            found.extend(self.tokens[self.place].checks)
            self.place += 1
        return found

    # -- sums and products

    def sum(self) -> Formula:
        terms, sign = [], 1
        if self.peek() in ("-", "+"):
            sign = -1 if self.take() == "-" else 1
        terms.append((sign, self.product()))
        while self.peek() in ("+", "-", "\\pm"):
            sign = {"+": 1, "-": -1, "\\pm": 0}[self.take()]
            terms.append((sign, self.product()))
        if len(terms) == 1 and terms[0][0] == 1:
            return terms[0][1]
        mine = len(self.terms)
        self.terms.extend((mine + i, term) for i, (_, term) in enumerate(terms))

        def run(point):
            total = None
            for i, (sign, term) in enumerate(terms):
                value = term(point)
                if point.terms is not None and len(terms) > 1:
                    size = value.data.detach().abs().max().item()
                    point.terms[mine + i] = max(point.terms.get(mine + i, 0.0), size)
                if total is None:
                    total = value if sign == 1 else negative(value)
                elif sign:
                    total = plus(total, value, sign)
                else:
                    both = Value(("\\pm",), torch.tensor([1.0, -1.0], dtype=torch.float64))
                    total = plus(total, times(both, value))
            return total

        run.parts = [term for _, term in terms]
        return run

    ENDS = frozenset(
        ["", *"+-)]},.;:&!?", "\\pm", "\\\\", "\\end", "\\to", "\\}", *DOTS, *GAPS, *RELATIONS]
    )

    def at_end(self) -> bool:
        text = self.peek()
        if text == "|" and self.peek(1) != "_":
            return True  # it closes: an opening one is where a factor is expected
        if self.kind() == "text":
            name = canonical(self.tokens[self.place : self.place + 1])
            return name not in self.known() and name not in COMMANDS
        return text in self.ENDS or self.kind() == "mark" or text == "\\rVert"

    def known(self):
        return self.names.known

    def product(self, before: tuple[str, ...] = ()) -> Formula:
        """A product, to its end or to one of these."""
        factors, operations = [self.factor()], []
        while True:
            if self.peek() == "|" and self.peek(1) == "_":
                if "|" in before:
                    break
                self.place += 1
                factors = [self.evaluated_at(joined(factors, operations))]
                operations = []
                continue
            if self.peek() == "|" and self.opens_here():
                pass
            elif self.at_end() or self.peek() in before:
                break
            operation = "*"
            if self.peek() in ("\\cdot", "\\times"):
                self.place += 1
            elif self.peek() in ("\\odot", "/"):
                operation = self.take()
            factors.append(self.factor())
            operations.append(operation)
            if operation == "/" and not self.at_end() and self.peek() != "\\cdot":
                raise Refused(f"a / b followed by {self.peek()}: what does the slash divide?")
        return joined(factors, operations)

    def opens_here(self) -> bool:
        """Does this bar open, after a factor? It does if as many bars before it are closed."""
        bars = [t for t in self.tokens[: self.place] if t.text == "|"]
        return len(bars) % 2 == 0

    # -- factors

    def factor(self) -> Formula:
        text, kind = self.peek(), self.kind()
        if kind == "digit":
            return self.powers(self.digits())
        if text in ("(", "["):
            inside = self.bracketed(text)
            if any(t.text in ("\\cdots", "\\dots") for t in inside) and text == "[":
                return self.powers(self.side_by_side(inside))
            if text == "(" and len(entries := split_at(inside, (",",))) > 1:
                return self.powers(row_of([self.whole_sum(entry) for entry in entries]))
            formula = self.whole_chain(inside)
            return self.indexed(wrapped(formula), "(" + words(inside) + ")")
        if text == "{":
            return self.powers(wrapped(self.whole_chain(self.bracketed("{"))))
        if text == "|":
            self.place += 1
            formula = self.sum()
            self.take("|")
            return self.powers(lambda point: mapped(formula(point), torch.abs))
        if text == "\\lVert":
            self.place += 1
            formula = self.sum()
            self.take("\\rVert")
            return self.powers(lambda point: norm(formula(point)))
        if text in COMMANDS:
            self.place += 1
            return COMMANDS[text](self)
        if text.startswith("\\operatorname") and canonical(text) not in self.known():
            self.place += 1
            return self.named_function(text)
        if text == "\\partial":
            return self.slope_with_a_slash()
        if kind in ("letter", "text") or text in LETTERS or text in ACCENTS or text in self.known():
            return self.name()
        if text.startswith("\\operatorname"):
            return self.name()
        raise Refused(f"{text or 'the end'} where a factor was expected")

    def digits(self) -> Formula:
        text = ""
        while self.kind() == "digit":
            if text and self.tokens[self.place].start != self.tokens[self.place - 1].end:
                break
            text += self.take()
        if self.peek() == "." and self.kind(1) == "digit":
            text += self.take() + self.take()
            while self.kind() == "digit":
                text += self.take()
        value = number(float(text))
        return lambda point: value

    def powers(self, formula: Formula) -> Formula:
        """What is high on the right: a power, a transpose, an inverse."""
        while self.peek() == "^":
            self.place += 1
            formula = self.raised(formula, self.inside())
        return formula

    def raised(self, formula: Formula, tokens: list[Token]) -> Formula:
        if [t.text for t in tokens] == ["\\top"]:
            return lambda point: transposed(formula(point))
        if len(tokens) > 2 and tokens[0].text == "(" and tokens[-1].text == ")":
            inner = tokens[1:-1]
            if getattr(formula, "is_stack", False):
                index = self.whole_sum(inner)
                return lambda point: entry(formula(point), [index(point)], 1, words(tokens))
        exponent = self.whole_sum(tokens)
        return lambda point: power(formula(point), exponent(point))

    def indexed(self, formula: Formula, what: str) -> Formula:
        """A bracket or a function with an index, a power, or both."""
        while self.peek() in ("_", "^"):
            if self.take() == "_":
                indices = self.index_list(self.inside())
                inner = formula
                formula = lambda point, inner=inner, indices=indices: entry(  # noqa: E731
                    inner(point), [i(point) for i in indices], 1, what
                )
                formula.table = inner
            else:
                formula = self.raised(formula, self.inside())
        return formula

    def index_list(self, tokens: list[Token]) -> list[Formula]:
        indices = []
        for part in split_at(tokens, (",",)):
            if any(len(piece) != len(part) for piece in split_at(part, ("+", "-"))):
                indices.append(self.whole_sum(part))
                continue
            reader = self.sub(part)
            while reader.peek():
                indices.append(reader.digits() if reader.kind() == "digit" else reader.name())
        if not indices:
            raise Refused("an empty index")
        return indices

    # -- names

    def raw_name(self):
        """Tokens of a name with accent and primes, then the tokens low and high beside it."""
        base = []
        if self.peek() in ACCENTS:
            accent = self.take()
            base_tokens = self.inside()
            base = [accent, *(t.text for t in base_tokens)]
        else:
            base = [self.take()]
        primes = low = high = None
        primes = ""
        while self.peek() == "'":
            primes += self.take()
        while self.peek() in ("_", "^"):
            if self.peek() == "_" and low is None:
                self.place += 1
                low = self.inside()
            elif self.peek() == "^" and high is None:
                self.place += 1
                high = self.inside()
            else:
                break
            while self.peek() == "'" and low is not None and not primes:
                primes += self.take()
        if high and high[0].text == "*":
            primes += "^*"
            high = high[1:] or None
        return canonical("".join(f" {part}" for part in base)), primes, low, high

    def resolve(self, base: str, primes: str, low):
        """The declared name, and the formulas of its indices."""
        name = base + primes
        if low is None:
            return name, []
        full = f"{name}_{canonical(low)}"
        if full in self.known():
            return full, []
        parts = split_at(low, (",",))
        for length in range(len(parts) - 1, 0, -1):
            head = [t for n, part in enumerate(parts[:length]) for t in part]
            if f"{name}_{canonical(head)}" in self.known():
                rest = [t for part in parts[length:] for t in part]
                return f"{name}_{canonical(head)}", self.index_list(rest)
        if base == "\\delta" and name not in self.known():
            return "\\delta", self.index_list(low)
        if f"{name}[]" in self.known():
            name = f"{name}[]"
        if name not in self.known():
            raise Refused(f"{full} is not declared, nor {name}")
        return name, self.index_list(low)

    def name(self) -> Formula:
        start = self.place
        base, primes, low, high = self.raw_name()
        what = words(self.tokens[start : self.place])
        if base == "\\mathbf1":
            ones = Value((), torch.ones((), dtype=torch.float64), "column")
            formula = lambda point: ones  # noqa: E731
            return self.raised(formula, high) if high else formula
        if (
            high
            and low is None
            and f"{base}{primes}^{canonical(high)}" in self.names.values | self.names.indices
        ):
            full = f"{base}{primes}^{canonical(high)}"
            return lambda point: point.value(full)
        if base == "e" and not primes and low is None and high and "e" not in self.known():
            exponent = self.whole_sum(high)
            return lambda point: exponential(exponent(point))
        if low is None and set(primes) <= {"'"}:
            if base + primes in self.names.functions and self.is_call(base + primes):
                return self.call(base + primes, 0, high)
            if primes and base in self.names.functions:
                return self.call(base, len(primes), high)
        name, indices = self.resolve(base, primes, low)
        if name == "\\delta" and "\\delta" not in self.known() and indices:
            if len(indices) != 2:
                raise Refused(f"{what}: a delta has two indices")
            a, b = indices

            def formula(point):
                axes, (left, right) = together(whole(a(point), what), whole(b(point), what))
                return Value(axes, (left == right).double())

        elif indices:
            first = 0 if name in self.names.from_zero else 1

            def formula(point):
                return entry(point.value(name), [i(point) for i in indices], first, what)

            formula.entry_of = (name, indices, first)

        elif name in self.names.functions and name not in self.names.values:
            if not self.is_call(name):
                raise Refused(f"the function {name} without its argument")
            return self.call(name, 0, high)
        else:
            is_index = name.rstrip("'") in self.names.indices
            if name not in self.names.values and not is_index:
                raise Refused(f"{name} is not declared")

            def formula(point):
                return point.value(name)

            formula.name = name
            formula.is_stack = name in self.names.values
        return self.raised(formula, high) if high else formula

    def is_call(self, name: str) -> bool:
        if self.peek() == "(":
            return True
        return name.startswith("\\text") and not self.at_end()

    def call(self, name: str, order: int, high) -> Formula:
        if high is not None:
            raise Refused(f"a power between the function {name} and its argument")
        start = self.place
        bracket = self.peek() == "("
        arguments = self.arguments(self.bracketed("(")) if bracket else [self.factor()]
        what = name + words(self.tokens[start : self.place])

        def formula(point):
            function = point.values[name + "()"]
            point.asked.add(name + "()")
            values = [a for argument in arguments for a in flat(argument(point))]
            axes = all_axes(*values)
            inputs = [spread(value, axes) for value in values]
            if order:
                if len(inputs) != 1:
                    raise Refused(f"{what}: the derivative of a function of several")
                result = derivative(function, inputs[0], order)
            else:
                result = torch.as_tensor(function(*inputs), dtype=torch.float64)
            return Value(axes, result)

        return self.indexed(formula, what)

    def arguments(self, tokens: list[Token]) -> list:
        parts = split_at(tokens, (",",))
        if words(parts[-1]) in ("\\dots", "\\ldots", "\\cdots"):
            return [self.continued(parts[:-1])]
        return [self.whole_sum(part) for part in parts]

    def continued(self, parts: list[list[Token]], last: list[Token] | None = None):
        """w_1 - g_1, w_2 - g_2, ...: as far as the list goes (or to the last that is given)."""
        if len(parts) < 2 and last is None:
            raise Refused("a list with dots has less than two members")
        second = parts[1] if len(parts) > 1 else last
        places = [n for n, (a, b) in enumerate(zip(parts[0], second)) if a.text != b.text]
        if len(parts[0]) != len(second) or not places:
            raise Refused(f"how {words(parts[0])}, {words(second)}, ... goes on")
        for count, part in enumerate(parts, 1):
            changed = [part[n].text for n in places] if len(part) == len(parts[0]) else []
            kept = [t.text for n, t in enumerate(part) if n not in places]
            same = [t.text for n, t in enumerate(parts[0]) if n not in places]
            if changed != [str(count)] * len(places) or kept != same:
                raise Refused(f"how {words(parts[0])}, {words(second)}, ... goes on")
        limit = None
        if last is not None:
            after = len(last) - len(parts[0])
            changed = [last[n].text for n in places] if after == 0 else []
            if len(set(changed)) != 1 or [
                t.text for n, t in enumerate(last) if n not in places
            ] != [t.text for n, t in enumerate(parts[0]) if n not in places]:
                raise Refused(f"... {words(last)} does not end {words(parts[0])}, ...")
            limit = self.sub([last[places[0]]]).name()

        counter = [
            Token("letter", "\\count", t.start, t.end) if n in places else t
            for n, t in enumerate(parts[0])
        ]
        reader = Reader(
            counter,
            Names(
                self.names.values,
                self.names.functions,
                self.names.indices | {"\\count"},
                self.names.from_zero,
            ),
            self.steps,
            self.terms,
        )
        member = reader.sum()
        if reader.place < len(counter):
            raise Refused(f"{reader.peek()} is not understood in {words(parts[0])}")

        def members(point):
            found = []
            end = int(limit(point).data) if limit else 10**6
            for n in range(1, end + 1):
                try:
                    found.append(member(point.with_bound(bound={"\\count": number(n)})))
                except Refused:
                    if limit or n < 3:
                        raise
                    break
            return found

        return members

    def side_by_side(self, tokens: list[Token]) -> Formula:
        """[ a b ... z ]: blocks beside each other. Blocks are told apart by their repetition."""
        before, after = [*split_at(tokens, ("\\cdots", "\\dots")), []][:2]
        if not after or len(before) % 2:
            raise Refused(f"the blocks of [{words(tokens)}]")
        half = len(before) // 2
        members = self.continued([before[:half], before[half:]], after)

        def formula(point):
            blocks = members(point)
            if any(rank(block) != 2 for block in blocks):
                raise Refused(f"[{words(tokens)}]: a block that is a number")
            axes, data = together(*blocks)
            return Value(axes, torch.cat(data, -1))

        return formula

    # -- functions by name

    def named_function(self, text: str) -> Formula:
        name = text.replace("\\operatorname", "").strip("{}*")
        if name not in FUNCTIONS:
            raise Refused(f"the function {name}")
        order = 0
        while self.skip("'"):
            order += 1
        if self.peek() != "(":
            raise Refused(f"{name} without a bracket")
        inside = self.bracketed("(")
        argument = self.whole_sum(inside)
        function = FUNCTIONS[name]

        def formula(point):
            value = argument(point)
            if order:
                return Value(value.axes, derivative(function, value.data, order))
            return Value(value.axes, function(value.data))

        return self.indexed(formula, f"{name}({words(inside)})")

    def evaluated_at(self, formula: Formula) -> Formula:
        self.take("_")
        inside = self.inside()
        parts = split_at(inside, ("=",))
        if len(parts) != 2 or len(parts[0]) != 1:
            raise Refused(f"|_{words(inside)}")
        name, value = parts[0][0].text, self.whole_sum(parts[1])
        if name not in self.known():
            raise Refused(f"{name} is not declared")

        def run(point):
            there = value(point).data.detach().clone().requires_grad_()
            values = {**point.values, name: there}
            originals = {**point.originals, name: there}
            return formula(point.with_bound(values=values, originals=originals))

        return run

    # -- derivatives

    def variable(self):
        """What a derivative is taken by: after d or \\partial."""
        base, primes, low, high = self.raw_name()
        if high:
            raise Refused(f"a power of {base} below a derivative")
        name, indices = self.resolve(base, primes, low)
        if name not in self.names.values:
            raise Refused(f"{name} is not declared: no derivative by it")
        first = 0 if name in self.names.from_zero else 1
        return name, indices, first

    def slope(self, above: list[Token], below: list[Token]) -> Formula | None:
        """d a / d b; None if this fraction is no derivative."""
        if not below or below[0].text not in ("\\partial", "d"):
            return None
        if not above or above[0].text != below[0].text or len(below) < 2:
            return None
        if below[0].text == "d" and (below[1].text in "_^'+-" or "d" in self.known()):
            return None
        order = 1
        reader = self.sub(above[1:])
        if reader.peek() == "^":
            reader.place += 1
            order = int("".join(t.text for t in reader.inside()))
        lower = self.sub(below[1:])
        lower_order = 1
        if order > 1:  # d\tau^2
            if [t.text for t in below[-2:-1]] != ["^"] and below[-1].text != "}":
                raise Refused(f"a derivative of order {order} by {words(below)}")
            cut = max(n for n, t in enumerate(below) if t.text == "^")
            lower_order = int("".join(t.text for t in below[cut + 1 :] if t.text not in "{}"))
            lower = self.sub(below[1:cut])
        if order != lower_order:
            raise Refused(f"a derivative of order {order} and {lower_order}")
        name, indices, first = lower.variable()
        if lower.peek():
            raise Refused(f"{lower.peek()} below a derivative")
        if reader.peek():
            start = reader.place
            body = reader.product()
            if reader.peek():
                raise Refused(f"{reader.peek()} above a derivative")
            what = f"d({words(above[start:])}) / d{name}"
        else:
            body = self.product(before=("|",))
            what = f"d/d{name}"

        def formula(point):
            below = point.tensor(name)
            if order == 1 and hasattr(body, "entry_of"):
                value = slope_of_entry(point, *body.entry_of, below, what)
            else:
                value = squeezed(body(point))
                for n in range(order):
                    again = n + 1 < order
                    value = jacobian(value, below, what, again, keep=hasattr(body, "name"))
            if indices:
                return entry(value, [i(point) for i in indices], first, what)
            return value

        return formula

    def slope_with_a_slash(self) -> Formula:
        self.take("\\partial")
        start = self.place
        self.raw_name()
        above = self.tokens[start : self.place]
        self.take("/")
        self.take("\\partial")
        below_start = self.place
        self.raw_name()
        mark = Token("command", "\\partial", 0, 0)
        return self.slope([mark, *above], [mark, *self.tokens[below_start : self.place]])


# ---- helpers of the reader --------------------------------------------------------------------


def words(tokens) -> str:
    return " ".join(t.text for t in tokens if t.kind != "mark")


def flat(value):
    return value if isinstance(value, list) else [value]


def next_name(formula) -> str:
    name = getattr(formula, "name", None)
    if name is None:
        raise Refused("an arrow into what is no name")
    return f"{name}\\leftarrow"


def turned(relation: str) -> str:
    return {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(relation, relation)


def truth_and(a: Value, b: Value) -> Value:
    axes, (left, right) = together(a, b)
    return Value(axes, (left.bool() & right.bool()).double())


def mapped(value: Value, function) -> Value:
    if value.ones:
        raise Refused("a function of ones in a number that is not said")
    return Value(value.axes, function(value.data))


def exponential(value: Value) -> Value:
    if rank(value) and shape(value)[0] != 1:
        raise Refused(f"e to the power of {shape(value)}")
    return mapped(value, torch.exp)


def norm(value: Value) -> Value:
    if rank(value) == 2:
        return Value(value.axes, value.data.square().sum((-2, -1)).sqrt())
    raise Refused("the norm of a number")


def slope_of_entry(point: Point, name: str, indices, first: int, below: Tensor, what: str):
    """The derivative of an entry: that of the whole table, which is computed once, and its row."""
    table = point.value(name)
    if table.axes or rank(table) != 2:
        value = entry(table, [i(point) for i in indices], first, what)
        return jacobian(value, below, what)
    count = table.data.numel()
    number_of = Value((), torch.arange(count).reshape(table.data.shape))
    which = entry(number_of, [i(point) for i in indices], first, what)
    if rank(which):
        raise Refused(f"{what}: the derivative of a row")
    rows = jacobian(Value(("row", "column"), table.data), below, what, keep=True).data
    return Value(which.axes, rows.reshape((count, *below.shape))[which.data])


def wrapped(formula: Formula) -> Formula:
    """A bracket: what is in it counts as one operand, or as its own."""

    def run(point):
        value = formula(point)
        if value is None:
            raise Refused("a bracket without a value")
        return value

    run.inner = formula.links[0][1] if len(getattr(formula, "links", [])) == 1 else formula
    return run


def row_of(entries: list[Formula]) -> Formula:
    """(a, b, c): numbers beside each other."""

    def run(point):
        values = [squeezed(entry(point)) for entry in entries]
        if any(rank(value) or value.ones for value in values):
            raise Refused("a row of what are no numbers")
        axes, data = together(*values)
        return Value(axes, torch.stack(torch.broadcast_tensors(*data), -1)[..., None, :])

    return run


def joined(factors: list[Formula], operations: list[str]) -> Formula:
    if not operations:
        return factors[0]

    def run(point):
        value = factors[0](point)
        for operation, factor in zip(operations, factors[1:]):
            other = factor(point)
            if operation == "*":
                value = times(value, other)
            elif operation == "/":
                value = divided(value, other)
            else:
                value = entrywise(value, other, torch.mul)
        return value

    run.factors = factors
    return run


def derivative(function, x: Tensor, order: int) -> Tensor:
    """The derivative of a function, entry by entry, by automatic differentiation."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        y = function(x)
        for n in range(order):
            if not y.requires_grad:
                return torch.zeros_like(x)
            (y,) = torch.autograd.grad(y.sum(), x, create_graph=n + 1 < order)
    return y


def softmax_of_rows(x: Tensor) -> Tensor:
    if x.ndim < 2 or x.shape[-2] != 1:
        raise Refused(f"softmax of {list(x.shape)}")
    return x.softmax(-1)


def lse_of_rows(x: Tensor) -> Tensor:
    if x.ndim < 2 or x.shape[-2] != 1:
        raise Refused(f"lse of {list(x.shape)}")
    return x.logsumexp((-2, -1))


def diagonal(x: Tensor) -> Tensor:
    if x.ndim < 2 or x.shape[-2] != 1:
        raise Refused(f"diag of {list(x.shape)}")
    return torch.diag_embed(x[..., 0, :])


FUNCTIONS = {
    "relu": torch.relu,
    "softmax": softmax_of_rows,
    "lse": lse_of_rows,
    "diag": diagonal,
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
}


def fraction(reader: Reader) -> Formula:
    above, below = reader.inside(), reader.inside()
    slope = reader.slope(above, below)
    if slope is not None:
        return reader.powers(slope)
    top, bottom = reader.whole_sum(above), reader.whole_sum(below)
    return reader.powers(lambda point: divided(top(point), bottom(point)))


def root(reader: Reader) -> Formula:
    formula = reader.whole_sum(reader.inside())
    return reader.powers(lambda point: mapped(squeezed(formula(point)), torch.sqrt))


def logarithm(reader: Reader) -> Formula:
    formula = reader.factor()
    return lambda point: mapped(formula(point), torch.log)


def exponential_of(reader: Reader) -> Formula:
    formula = reader.factor()
    return lambda point: exponential(formula(point))


def expectation(reader: Reader) -> Formula:
    if [t.text for t in reader.inside()] != ["E"]:
        raise Refused("\\mathbb of another letter than E")
    if reader.peek() == "[":
        formula = reader.whole_sum(reader.bracketed("["))
    else:  # E a b: of the product, as far as it goes or to the next E
        formula = reader.product(before=("\\mathbb",))
    return reader.powers(lambda point: mean_over_chance(formula(point)))


def mean_of(reader: Reader) -> Formula:
    formula = reader.factor()
    return lambda point: mean_over_chance(formula(point))


def binomial(reader: Reader) -> Formula:
    above, below = (reader.whole_sum(reader.inside()) for _ in range(2))

    def formula(point):
        axes, (n, k) = together(above(point), below(point))
        n, k = torch.broadcast_tensors(n, k)
        counts = [
            math.comb(round(a), round(b))
            for a, b in zip(n.flatten().tolist(), k.flatten().tolist())
        ]
        return Value(axes, torch.tensor(counts, dtype=torch.float64).reshape(n.shape))

    return formula


def condition_of(reader: Reader, tokens: list[Token]) -> Formula:
    """lambda_m > 0, k != c_i, i in I_k: 1 where it holds."""
    inner = reader.sub(tokens)
    left = inner.sum()
    relation = inner.relation()
    if not relation:
        raise Refused(f"the condition {words(tokens)}")
    inner.place += 1
    if relation == "in":
        base, primes, low, high = inner.raw_name()
        name, indices = inner.resolve(base, primes, low)
        if high or inner.peek() or name not in reader.names.values:
            raise Refused(f"the set {words(tokens)}")

        def member(point):
            return entry(
                point.value(name), [*(i(point) for i in indices), left(point)], 1, words(tokens)
            )

        return member
    right = inner.sum()
    if inner.peek():
        raise Refused(f"the condition {words(tokens)}")
    compared = {
        "=": torch.eq,
        "!=": torch.ne,
        "<": torch.lt,
        ">": torch.gt,
        "<=": torch.le,
        ">=": torch.ge,
    }[relation]

    def run(point):
        axes, (a, b) = together(left(point), right(point))
        return Value(axes, compared(a, b).double())

    return run


def big_operator(reduce: str):
    """\\sum, \\prod: what is under it, what is above it, and the rest of the product."""

    def read_operator(reader: Reader) -> Formula:
        low = high = None
        while reader.peek() in ("_", "^"):
            if reader.take() == "_":
                low = reader.inside()
            else:
                high = reader.inside()
        if low is None:
            if reduce == "max":
                return largest_entry(reader, reduce)
            raise Refused(f"\\{reduce} over what?")
        conditions, start, names = [], None, []
        if high is not None:
            name, start = split_at(low, ("=",)) if "=" in words(low) else (low, None)
            if start is None:
                raise Refused(f"\\{reduce} from where?")
            names = [words(name).replace(" ", "")]
            start, end = reader.whole_sum(start), reader.whole_sum(high)
        else:
            parts = split_at(low, (":",))
            first, *others = split_at(parts[0], (",",))
            names = [words(p).replace(" ", "") for p in ([first, *others])]
            if len(parts) == 2:
                conditions = [condition_of(reader, part) for part in split_at(parts[1], (",",))]
            elif any(t.text in RELATIONS for t in first):
                conditions = [condition_of(reader, first)]
                names = [words(split_at(first, tuple(RELATIONS))[0]).replace(" ", "")]
        for name in names:
            if name.rstrip("'") not in reader.names.indices:
                raise Refused(f"{name} is not declared as an index")
        body = reader.product()

        def formula(point):
            inner, axes = point, []
            for name in names:
                if start is not None:
                    low_end, high_end = (
                        int(whole(squeezed(f(point)), "a bound").data) for f in (start, end)
                    )
                else:
                    low_end, high_end = point.indices[name.rstrip("'")]
                if high_end < low_end:
                    return number(0.0 if reduce == "sum" else 1.0)
                FRESH[0] += 1
                axis = f"{name}#{FRESH[0]}"
                run_of = index_from(axis, low_end, high_end)
                inner = inner.with_bound(bound={name: run_of})
                axes.append((axis, len(run_of.data)))
            keep = None
            for condition in conditions:
                other = condition(inner)
                keep = other if keep is None else truth_and(keep, other)
            if keep is not None and len(axes) == 1 and keep.axes == (axes[0][0],):
                run_of = run_of.data[keep.data.bool()]  # the same indices are left out everywhere
                inner = inner.with_bound(bound={name: Value((axis,), run_of)})
                axes, keep = [(axis, len(run_of))], None
            value = body(inner)
            for n, (axis, count) in enumerate(axes):
                value = over_axis(value, axis, count, keep if n == 0 else None, reduce)
            return value

        return formula

    return read_operator


FRESH = [0]


def largest_entry(reader: Reader, reduce: str) -> Formula:
    """max(a, b, ...) entry by entry, or the largest entry of a matrix."""
    if reader.peek() == "(":
        arguments = [reader.whole_sum(part) for part in split_at(reader.bracketed("("), (",",))]

        def several(point):
            values = [argument(point) for argument in arguments]
            if len(values) < 2:
                raise Refused(f"{reduce} of one")
            ranks = max(rank(value) for value in values)
            axes, data = together(
                *(
                    value
                    if rank(value) == ranks
                    else Value(value.axes, value.data[..., None, None])
                    for value in values
                )
            )
            pick = torch.maximum if reduce == "max" else torch.minimum
            result = data[0]
            for other in data[1:]:
                result = pick(result, other)
            return Value(axes, result)

        return several
    formula = reader.factor()

    def run(point):
        value = formula(point)
        if rank(value) != 2:
            raise Refused(f"the {reduce} of a number")
        pick = torch.amax if reduce == "max" else torch.amin
        return Value(value.axes, pick(value.data, (-2, -1)))

    return run


def extreme(reduce: str):
    over = big_operator(reduce)

    def read_extreme(reader: Reader) -> Formula:
        return over(reader) if reader.peek() == "_" else largest_entry(reader, reduce)

    return read_extreme


def limit(reader: Reader) -> Formula:
    """lim_{x -> 0}: by extrapolation from small x (the parabola's formula of Richardson)."""
    reader.take("_")
    inside = reader.inside()
    parts = split_at(inside, ("\\to",))
    if len(parts) != 2 or len(parts[0]) != 1 or words(parts[1]) != "0":
        raise Refused(f"\\lim of {words(inside)}")
    name = parts[0][0].text
    if name not in reader.names.values:
        raise Refused(f"{name} is not declared")
    body = reader.product()

    def formula(point):
        rows = []
        for n in range(9):
            there = torch.tensor(0.05 / 2**n, dtype=torch.float64)
            rows.append(body(point.with_bound(values={**point.values, name: there})))
        data = [row.data.detach() for row in rows]
        for order in range(1, len(data)):
            data = [b + (b - a) / (2**order - 1) for a, b in pairwise(data)]
        return Value(rows[0].axes, data[-1])

    return formula


def environment(reader: Reader) -> Formula:
    kind = "".join(t.text for t in reader.inside())
    start, depth = reader.place, 1
    while depth:
        text = reader.take()
        depth += (text == "\\begin") - (text == "\\end")
    inside = reader.tokens[start : reader.place - 1]
    if "".join(t.text for t in reader.inside()) != kind:
        raise Refused(f"\\begin{{{kind}}} ends with another name")
    rows = [split_at(row, ("&",)) for row in split_at(inside, ("\\\\",)) if row]
    if kind == "cases":
        return cases(reader, rows)
    if kind == "pmatrix":
        return stacked(reader, rows)
    if kind == "bmatrix":
        return matrix(reader, rows)
    raise Refused(f"the environment {kind}")


def cases(reader: Reader, rows) -> Formula:
    branches = []
    for row in rows:
        if len(row) != 2:
            raise Refused("a case without its condition")
        value, when = reader.whole_sum(row[0]), [t for t in row[1] if t.kind != "text"]
        said = [t.text for t in row[1] if t.kind == "text"]
        if not when:
            if "otherwise" not in said[0]:
                raise Refused(f"the condition {said}")
            branches.append((value, None))
        else:
            if said and not re.fullmatch(r"\\text\{(if|for|where)?[ ]?\}", said[0]):
                raise Refused(f"the condition {said}")
            branches.append((value, condition_of(reader, when)))

    def formula(point):
        result, others = number(float("nan")), None
        for value, when in reversed(branches):
            value = value(point)
            if when is None:
                result = value
                continue
            where = when(point)
            if others is not None and bool(truth_and(where, others).data.any()):
                raise Refused("two cases at once")
            others = where
            axes, (a, b, keep) = together(value, result, where)
            result = Value(axes, torch.where(keep.bool(), a, b))
        return result

    return formula


def matrix(reader: Reader, rows) -> Formula:
    """A matrix of numbers, entry by entry."""
    rows = [row_of([reader.whole_sum(entry) for entry in row]) for row in rows]

    def formula(point):
        axes, data = together(*(row(point) for row in rows))
        if len({row.shape[-1] for row in data}) > 1:
            raise Refused("a matrix whose rows are not of one length")
        return Value(axes, torch.cat(data, -2))

    return formula


def stacked(reader: Reader, rows) -> Formula:
    """A column of rows, with dots: as many as its last one says."""
    if any(len(row) != 1 for row in rows):
        raise Refused("a matrix of several columns")
    rows = [row[0] for row in rows]
    dots = [n for n, row in enumerate(rows) if words(row) == "\\vdots"]
    if len(dots) != 1 or dots[0] != len(rows) - 2:
        raise Refused("a column without dots before its last row")
    members = reader.continued(rows[: dots[0]], rows[-1])

    def formula(point):
        axes, data = together(*members(point))
        return Value(axes, torch.cat(data, -2))

    return formula


def under_brace(reader: Reader) -> Formula:
    """What is over the brace has the shape, or equals the formula, that is under it."""
    body = reader.whole_chain(reader.inside())
    notes = []
    if reader.peek() == "_":
        reader.place += 1
        notes = notes_of(reader, reader.inside())

    def formula(point):
        value = body(point)
        for note in notes:
            if value.ones and getattr(note, "size", None):
                value = note.size(point, value)
            note(point, value, body)
        return value

    formula.inner = body.links[0][1] if len(body.links) == 1 else body
    return reader.indexed(formula, "what is over a brace")


COMMANDS = {
    "\\frac": fraction,
    "\\tfrac": fraction,
    "\\dfrac": fraction,
    "\\sqrt": root,
    "\\log": logarithm,
    "\\exp": exponential_of,
    "\\mathbb": expectation,
    "\\text{mean of }": mean_of,
    "\\binom": binomial,
    "\\sum": big_operator("sum"),
    "\\prod": big_operator("prod"),
    "\\max": extreme("max"),
    "\\min": extreme("min"),
    "\\lim": limit,
    "\\begin": environment,
    "\\underbrace": under_brace,
}


# ---- what stands beside and below: shapes and remarks --------------------------------------------


def is_shape(tokens: list[Token]) -> bool:
    """[B, D] [D, H] + [1, H] = [B, H], perhaps with brackets around parts."""
    inside = re.sub(r"\[[^\[\]]*,[^\[\]]*\]", "S", "".join(t.text for t in tokens))
    return bool(re.fullmatch(r"[S+=()]*S(?:\\odot|[S+=()])*[.,]?", inside))


def size_of(reader: Reader, tokens: list[Token]) -> tuple[Formula, Formula]:
    parts = split_at(tokens, (",",))
    if len(parts) != 2:
        raise Refused(f"the shape [{words(tokens)}]")
    return tuple(reader.whole_sum(part) for part in parts)


def stated(point: Point, sizes) -> list[int]:
    return [int(whole(squeezed(size(point)), "a size").data) for size in sizes]


def shape_side(reader: Reader, tokens: list[Token]):
    """The shapes on one side, and what comes of them."""
    reader = reader.sub([t for t in tokens if t.text not in (".", ",") or t is not tokens[-1]])
    listed = []

    def total():
        value = row()
        while reader.peek() in ("+", "\\odot"):
            sign = reader.take()
            value = combined(sign, value, row())
        return value

    def row():
        value = one()
        while reader.peek() in ("[", "("):
            value = combined("*", value, one())
        return value

    def one():
        if reader.peek() == "(":
            reader.take("(")
            value = total()
            reader.take(")")
            return value
        sizes = size_of(reader, reader.bracketed("["))
        listed.append(sizes)
        return lambda point: stated(point, sizes)

    def combined(sign, a, b):
        def run(point):
            left, right = a(point), b(point)
            if sign == "*":
                if left == [1, 1] and right[0] != 1:
                    return right
                if left[1] != right[0]:
                    raise Refused(f"states a product of {left} and {right}")
                return [left[0], right[1]]
            if left != right and not (
                sign == "+" and left[1] == right[1] and 1 in (left[0], right[0])
            ):
                raise Refused(f"states {left} {sign} {right}")
            return max(left, right)

        return run

    value = total()
    if reader.peek():
        raise Refused(f"{reader.peek()} among shapes")
    return value, listed


def operands(formula, point: Point, deep: bool) -> list[list[int]]:
    """The shapes of the matrices that a formula is made of, numbers left out."""
    if hasattr(formula, "parts"):
        return [s for part in formula.parts for s in operands(part, point, deep)]
    if hasattr(formula, "factors"):
        return [s for part in formula.factors for s in operands(part, point, deep)]
    if deep and hasattr(formula, "inner"):
        return operands(formula.inner, point, deep)
    value = formula(point)
    if value.ones:
        return [["ones"]]
    return [shape(value)] if rank(value) else []


def same_operands(seen, listed) -> bool:
    listed = [s for s in listed if s != [1, 1]]
    seen = [s for s in seen if s != [1, 1]]
    return len(seen) == len(listed) and all(a in (b, ["ones"]) for a, b in zip(seen, listed))


def shape_note(reader: Reader, tokens: list[Token]):
    """A check that a line's last value has the shape, and its operands those, that are stated."""
    sides = [shape_side(reader, side) for side in split_at(tokens, ("=",))]
    single = [n for n, (_, listed) in enumerate(sides) if len(listed) == 1]
    step = reader.new_step("shape", tokens)

    def note(point, value, formula):
        if value is None:
            raise Refused("a shape beside no formula")
        if rank(value) == 0 and hasattr(formula, "table"):  # (A B)_{jk}: the shapes are A's and B's
            formula = formula.table
            value = formula(point)
        results = [side(point) for side, _ in sides]
        note_shape(point, step, shape(value), results[0])
        for result in results[1:]:
            note_shape(point, step, shape(value), result)
        for n, (_, listed) in enumerate(sides):
            if n in single:
                continue
            sizes = [stated(point, sizes) for sizes in listed]
            quiet = point.with_bound(steps={}, terms=None)
            agree = any(
                same_operands(operands(formula, quiet, deep), sizes) for deep in (False, True)
            )
            note_shape(point, step, [int(agree)], [1])

    if len(sides) == 1 and single:
        sizes = sides[0][1][0]

        def size(point, value):
            rows, columns = stated(point, sizes)
            return sized_ones(value, columns if value.ones == "row" else rows)

        note.size = size
    return note


def notes_of(reader: Reader, tokens: list[Token]) -> list:
    """What is under a brace: a shape, a formula with the same value, words, or some of these."""
    notes, chunk = [], []

    def close():
        if not chunk:
            return
        if is_shape(chunk):
            notes.append(shape_note(reader, list(chunk)))
        else:
            cut = next((n for n, t in enumerate(chunk) if t.text == "[" and n), None)
            if cut and is_shape(chunk[cut:]):
                notes.extend([same_note(reader, chunk[:cut]), shape_note(reader, chunk[cut:])])
            else:
                notes.append(same_note(reader, list(chunk)))
        chunk.clear()

    texts = [t.text for t in tokens if t.kind == "text"]
    for n, token in enumerate(tokens):
        if token.kind == "text":
            if re.fullmatch(r"\\text\{ is \}", token.text) and is_shape(tokens[n + 1 :]):
                formula = reader.whole_sum(list(chunk))
                return [note_on(formula, shape_note(reader, tokens[n + 1 :]))]
            if texts and not re.fullmatch(r"\\text\{[^}]*: \}", token.text):
                return notes  # words, with letters among them
        else:
            chunk.append(token)
    close()
    return notes


def note_on(formula: Formula, note):
    """A note on another formula than the one that it stands under."""
    return lambda point, value, _: note(point, formula(point), formula)


def same_note(reader: Reader, tokens: list[Token]):
    formula = reader.whole_sum(tokens)
    step = reader.new_step("relation", tokens)
    return lambda point, value, _: compare(point, step, "=", value, formula(point), False)


# ---- a whole equation -------------------------------------------------------------------------


class Equation(NamedTuple):
    sentences: list  # functions of a point, each a chain
    steps: list[Step]
    terms: list
    tokens: list[Token]


RANGE = re.compile(r"\(?((?:[a-z],)*[a-z])=(\w),\\[lc]?dots,(\w+)\)?[.,]?")


def body_of(latex: str) -> str:
    """The equation without the options of its directive."""
    return re.sub(r"^:[a-z]+:.*$", "", latex, flags=re.MULTILINE).strip()


def read(latex: str, names: Names) -> Equation:
    tokens = tokens_of(body_of(latex))
    reader = Reader(tokens, names)
    if tokens and tokens[0].text == "\\begin" and words(tokens[2:3] or []) == "a":
        name = "".join(t.text for t in tokens[2:9])
        if name != "aligned" or tokens[-8].text != "a":
            raise Refused("an aligned with something beside it")
        tokens = tokens[10:-10]
    rows = [split_at(row, ("&",)) for row in split_at(tokens, ("\\\\",))]
    sentences, notes = [], []  # sentences: token lists, with marks
    waiting = []
    for n, row in enumerate(rows):
        row = [strip_gaps(cell) for cell in row]
        main = strip_gaps([*row[0], *(row[1] if len(row) > 1 else [])])
        if not main and len(rows) == 1:
            raise Refused("an empty equation")
        first_text = main[0].text if main else ""
        goes_on = n > 0 and not row[0] and (first_text in RELATIONS or first_text in "+-")
        if goes_on and first_text in "+-" and waiting:
            sentences[-1].pop()  # the shapes of a line that goes on belong to its end
        elif goes_on:
            waiting = []
        pieces = [strip_gaps(piece) for piece in split_at(main, GAPS)]
        for m, piece in enumerate(pieces):
            if m == 0 and goes_on:
                sentences[-1].extend(piece)
            elif piece:
                if is_shape(piece) and sentences:
                    mark(sentences[-1], [shape_note(reader, piece)], piece)
                else:
                    sentences.append(list(piece))
        beside = [note for cell in row[2:] if cell for note in cell_notes(reader, cell, notes)]
        if not (goes_on and first_text in "+-"):
            waiting = []
        waiting = [*waiting, *beside]
        if waiting:
            mark(sentences[-1], waiting, [t for cell in row[2:] for t in cell])
    formulas = []
    for tokens_of_sentence in sentences:
        formulas.extend(read_sentence(reader, tokens_of_sentence))
    return Equation([*formulas, *notes], reader.steps, reader.terms, reader.tokens)


def mark(sentence: list[Token], checks: list, cells: list[Token]) -> None:
    ends = [t.start for t in cells], [t.end for t in cells]
    sentence.append(Token("mark", "beside", min(ends[0]), max(ends[1]), tuple(checks)))


def strip_gaps(tokens: list[Token]) -> list[Token]:
    start, end = 0, len(tokens)
    while start < end and tokens[start].text in GAPS:
        start += 1
    while end > start and tokens[end - 1].text in GAPS:
        end -= 1
    return tokens[start:end]


def read_sentence(reader: Reader, tokens: list[Token]) -> list:
    """Chains, one after the other; words before, between and after them are words."""
    plain = [t for t in tokens if t.kind != "mark"]
    found = RANGE.fullmatch("".join(t.text for t in plain))
    if found:
        return [range_of(reader, plain, *found.groups())]
    reader = reader.sub(tokens)
    chains = []
    while reader.peek():
        if reader.kind() == "text" and reader.at_end():
            said = reader.take()
            if said == "\\text{ between }":
                chains[-1] = between(reader, chains[-1])
            continue
        if reader.peek() in (",", ".", ";"):
            reader.place += 1
            continue
        if reader.peek() in PAIRS and is_bracketed_range(reader):
            chains.append(is_bracketed_range(reader))
            reader.place = len(tokens)
            continue
        start, steps_before = reader.place, len(reader.steps)
        chain, relations = reader.chain()
        chain.source = words(tokens[start : reader.place])
        chain.span = (min(t.start for t in tokens), max(t.end for t in tokens))
        if not relations and "\\text{stated}" in reader.known():
            chain = as_stated(reader, chain, tokens[start : reader.place])
        elif len(reader.steps) == steps_before and not any(
            t.kind == "mark" for t in tokens[start : reader.place]
        ):
            beside = [reader.kind(), tokens[start - 1].kind if start else ""]
            if reader.place < len(tokens) and "text" not in beside:
                raise Refused(f"{chain.source} says nothing that can be compared")
            if "text" in beside and reader.peek() != "\\text{ between }":
                continue  # a letter among words
            if "text" not in beside:
                raise Refused(f"{chain.source} says nothing that can be compared")
        chains.append(chain)
        if reader.peek() and reader.kind() != "text" and reader.peek() not in (",", ".", ";"):
            raise Refused(f"{reader.peek()} is not understood in {words(tokens)}")
    return chains


def as_stated(reader: Reader, chain, tokens: list[Token]):
    """A formula without a relation is compared with what it is declared to give."""
    step = reader.new_step("relation", tokens)

    def run(point):
        compare(point, step, "=", chain(point), point.value("\\text{stated}"), False)

    run.links, run.span = chain.links, chain.span
    return run


def is_bracketed_range(reader: Reader):
    rest = [t for t in reader.tokens[reader.place :] if t.kind != "mark"]
    found = RANGE.fullmatch("".join(t.text for t in rest))
    return range_of(reader, rest, *found.groups()) if found else None


def range_of(reader: Reader, tokens, names: str, low: str, high: str):
    """j = 1, ..., D: what the index j is declared to run over."""
    start, end = (reader.whole_sum(tokens_of(text)) for text in (low, high))
    step = reader.new_step("relation", tokens)

    def run(point):
        for name in names.split(","):
            if name not in point.indices:
                raise Refused(f"{name} is not declared as an index")
            for bound, formula in zip(point.indices[name], (start, end)):
                compare(point, step, "=", number(bound), formula(point), False)

    run.links = [("", None), ("=", None)]
    return run


def between(reader: Reader, inner):
    """x between a and b."""
    low = reader.sum()
    if reader.take() != "\\text{ and }":
        raise Refused("between what?")
    high = reader.sum()
    step = reader.new_step("relation", reader.tokens)
    value_of = inner.links[-1][1]

    def run(point):
        value, ends = value_of(point), (low(point), high(point))
        axes, (a, b) = together(*ends)
        for reduce, relation in ((torch.minimum, ">="), (torch.maximum, "<=")):
            compare(point, step, relation, value, Value(axes, reduce(a, b)), False)

    run.links = [("", None), ("<=", None)]
    return run


def cell_notes(reader: Reader, cell: list[Token], sentences: list) -> list:
    """The notes of a cell beside a line: shapes go with the line, relations are sentences."""
    if is_shape(cell):
        return [shape_note(reader, cell)]
    notes, mask = [], []
    parts = pieces_between_words(cell)
    for piece in parts:
        while piece and piece[-1].text in (".", ",", ";", ":"):
            piece = piece[:-1]
        if not piece:
            continue
        if is_shape(piece):
            notes.append(shape_note(reader, piece))
        elif not any(t.text in RELATIONS for t in piece):
            if len(piece) == len(cell):
                raise Refused(f"{words(cell)} beside a line is neither shape nor relation")
            sentences.append(mention(reader, piece))
        else:
            bare = condition_on_indices(reader, piece)
            if bare is not None:
                mask.append(bare)
                continue
            inner = reader.sub(piece)
            chain, count = inner.chain(mask)
            if inner.peek() or not count:
                raise Refused(f"{inner.peek()} is not understood in the remark {words(cell)}")
            chain.span = (cell[0].start, cell[-1].end)
            sentences.append(chain)
    return notes


def mention(reader: Reader, tokens: list[Token]):
    """A formula among words: it has to be one that has a value."""
    formula = reader.whole_sum(tokens)

    def run(point):
        formula(point.with_bound(steps={}, terms=None))

    run.span = (tokens[0].start, tokens[-1].end)
    return run


def pieces_between_words(cell: list[Token]) -> list[list[Token]]:
    parts = [[]]
    for token in cell:
        if token.kind == "text":
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def condition_on_indices(reader: Reader, tokens: list[Token]):
    """m = k, i' != i, k = c_i: a remark that says of which indices the line speaks."""
    sides = split_at(tokens, tuple(RELATIONS))
    first = {words(side).split(" ")[0].rstrip("'") for side in sides}
    subject = words(sides[0]).replace(" ", "").rstrip("'")
    if len(sides) == 2 and subject in first <= reader.names.indices | {"c"}:
        return condition_of(reader, tokens)
    return None
