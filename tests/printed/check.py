"""Every step of a labelled equation, at several points, and where what it assumes fails."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from equations import BOOK, displayed_equations
from torch import Tensor

from printed.latex import Equation, Names, Note, Point, canonical, read
from printed.misprints import misprints
from printed.values import Random, Refused

POINTS = 10  # random points at which each equation is evaluated
VANISHED = 1e-12
REACHED = 1e-9  # an inequality is an equation there
# Torch refuses shapes, and a formula that ends too early runs out of tokens: faults of the formula.
UNREADABLE = (Refused, RuntimeError, LookupError, ValueError, TypeError, AttributeError)


@dataclass(frozen=True)
class Subject:
    """What the names of some equations mean.

    point: seed -> {name: number, tensor, Random or function}; names are written in LaTeX. A tensor
        is a matrix [rows, columns], or several of them [n, rows, columns]. `L()` is the function
        L, and `G[]` is what G means with an index, where that differs from G without one.
    indices: index -> (first, last)
    free: names that may have any value, beside those that were drawn. Every other tensor is tied
        to others (Z = X W + b): an equation that reads it must fail when it has another value.
    holds: label -> {name: steps that hold for any value of this name}: what a line does not
        assume. They are checked there, so that a term that vanishes only later is seen. Instead
        of a name, a function that gives other values (it is given one that looks values up).
    sharp: label -> steps that are inequalities and reach equality at some point. A bound that is
        looser than it need be is true, and is a misprint all the same.
    needs: label -> {step: {name: value}}: a step that speaks of a special case is checked there.
    """

    labels: tuple[str, ...]
    point: Callable[[int], dict]
    indices: dict[str, tuple[int, int]] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    from_zero: tuple[str, ...] = ()
    tolerance: float = 1e-9
    approximate: float = 1e-9
    holds: dict[str, dict[str | Callable, set[int]]] = field(default_factory=dict)
    needs: dict[str, dict[int, Callable[[dict], dict]]] = field(default_factory=dict)
    sharp: dict[str, set[int]] = field(default_factory=dict)
    zero: dict[str, str] = field(default_factory=dict)  # label -> why a term of it is always 0
    any_value: dict[str, dict[str, str]] = field(default_factory=dict)  # label -> {name: why}


@dataclass
class Outcome:
    """What came out for one equation."""

    steps: int = 0
    shapes: int = 0
    comparisons: int = 0
    points: int = 0
    trials: int = 0  # names given another value, after which the equation failed as it must
    difference: float = 0.0
    faults: list[str] = field(default_factory=list)


def printed_equations() -> dict[str, tuple[str, str]]:
    """label -> (page, LaTeX), of all pages."""
    return {
        label: (page.stem, body)
        for page in sorted(BOOK.glob("*.md"))
        for label, body in displayed_equations(page.read_text(encoding="utf-8"))
        if label
    }


@functools.cache
def drawn(subject_key: int, seed: int) -> dict:
    return canonical_names(SUBJECTS[subject_key].point(seed))


SUBJECTS: dict[int, Subject] = {}


def canonical_names(values: dict) -> dict:
    return {arrow(name): value for name, value in values.items()}


def arrow(name: str) -> str:
    """The canonical name; `W\\leftarrow` is what W becomes."""
    before, mark, _ = name.partition("\\leftarrow")
    return canonical(before) + mark


def values_at(subject: Subject, seed: int) -> dict:
    SUBJECTS[id(subject)] = subject
    return drawn(id(subject), seed)


def names_of(subject: Subject) -> Names:
    SUBJECTS[id(subject)] = subject
    return names_by_key(id(subject))


@functools.cache
def names_by_key(key: int) -> Names:
    subject = SUBJECTS[key]
    values = values_at(subject, 0)
    return Names(
        frozenset(n for n in values if not n.endswith("()")),
        frozenset(n[:-2] for n in values if n.endswith("()")),
        frozenset(subject.indices),
        frozenset(canonical(n) for n in subject.from_zero),
    )


def point_of(subject: Subject, values: dict, names: Names, **changes) -> Point:
    return Point(
        values=values,
        names=names,
        indices=subject.indices,
        tolerance=subject.tolerance,
        approximate=subject.approximate,
        **changes,
    )


def run(equation: Equation, point: Point, at: range | None = None) -> dict[int, Note]:
    """Evaluate all sentences (or those at a place in the source); step -> what came out."""
    for sentence in equation.sentences:
        start, end = getattr(sentence, "span", (0, math.inf))
        if at is None or (start <= at.stop and at.start <= end):
            sentence(point)
    return point.steps


def disturbed(value, seed: int):
    """Another value of the same shape."""
    generator = torch.Generator().manual_seed(1000 + seed)
    if callable(value):
        return lambda *inputs: 1.25 * value(*inputs) + 0.5
    data = value.data if isinstance(value, Random) else value
    noise = torch.rand(data.shape, generator=generator, dtype=torch.float64)
    other = data.detach() * (1.2 + 0.3 * noise) + 0.1 + 0.2 * noise
    return Random(other) if isinstance(value, Random) else other


def tied(subject: Subject, equation: Equation, values: dict) -> list[str]:
    """The names in the equation that are tied to others."""
    free = {canonical(name) for name in subject.free}
    return [
        name
        for name, value in values.items()
        if name not in free and "leftarrow" not in name and is_tied(value)
    ]


def is_tied(value) -> bool:
    if isinstance(value, Tensor):
        return not (value.is_leaf and value.requires_grad)  # such a one was drawn
    return isinstance(value, Random) or callable(value)


def changed(change: Callable, values: dict) -> dict:
    """What `change` makes of the values, which it asks for by their names."""
    return canonical_names(change(lambda name: values[canonical(name)]))


def evaluate(label: str, latex: str, subject: Subject, points: int = POINTS) -> Outcome:
    """All that is checked of one equation."""
    outcome = Outcome()
    try:
        names = names_of(subject)
        equation = read(latex, names)
    except UNREADABLE as refusal:
        outcome.faults.append(f"cannot be read: {refusal}")
        return outcome
    outcome.steps = sum(step.kind == "relation" for step in equation.steps)
    outcome.shapes = sum(step.kind == "shape" for step in equation.steps)
    general = frozenset(step.number for step in equation.steps) - set(subject.needs.get(label, ()))
    closest: dict[int, float] = {}  # of each step that was compared
    terms: dict[int, float] = {}
    asked: set[str] = set()
    try:
        for seed in range(points):
            for point, where in visits(label, subject, names, seed, general):
                point.terms, point.asked = terms, asked
                for number, note in sorted(run(equation, point).items()):
                    outcome.comparisons += note.entries
                    outcome.difference = max(outcome.difference, note.largest)
                    closest[number] = min(closest.get(number, 1.0), note.closest)
                    if not note.holds:
                        step = equation.steps[number - 1]
                        outcome.faults.append(
                            f"{step.kind} {number} ({step.source}) does not hold {where}"
                        )
            if outcome.faults:
                return outcome
    except UNREADABLE as refusal:
        outcome.faults.append(f"cannot be evaluated: {refusal}")
        return outcome
    outcome.points = points
    if not outcome.steps:
        outcome.faults.append("compares nothing")
    missing = {step.number for step in equation.steps} - set(closest)
    if missing:
        outcome.faults.append(f"steps {sorted(missing)} were never compared")
    for number in subject.sharp.get(label, ()):
        if closest.get(number, 1.0) > REACHED:
            outcome.faults.append(f"the bound of step {number} is not reached")
    vanished = [place for place, size in terms.items() if size < VANISHED]
    if bool(vanished) != (label in subject.zero):
        outcome.faults.append(
            f"a term is 0 at every point (terms {vanished}): nothing in it is checked"
            if vanished
            else "a term is said to be always 0, and none is"
        )
    outcome.faults += trials(label, equation, subject, names, asked, general, outcome)
    return outcome


def visits(label: str, subject: Subject, names: Names, seed: int, general: frozenset[int]):
    """The points of a seed: the plain one, the special cases, and those that assume less."""
    values = values_at(subject, seed)
    yield point_of(subject, values, names, only=general), f"at point {seed}"
    for number, change in subject.needs.get(label, {}).items():
        there = {**values, **changed(change, values)}
        yield point_of(subject, there, names, only=frozenset([number])), "in its case"
    for name, steps in subject.holds.get(label, {}).items():
        if callable(name):
            there, what = {**values, **changed(name, values)}, name.__name__
        else:
            what = canonical(name)
            there = {**values, what: disturbed(values[what], seed)}
        originals = there if callable(name) else values
        point = point_of(subject, there, names, only=frozenset(steps), originals=originals)
        yield point, f"for another {what}"


def misprints_of(latex: str, subject: Subject):
    """Every misprint of a formula, with the sizes and matrices of its page."""
    values = values_at(subject, 0)
    sizes = [name for name, v in values.items() if isinstance(v, int) and name.isupper()]
    matrices = {
        name for name, v in values.items()
        if isinstance(v, Tensor) and v.ndim == 2 and v.numel() > 1
    }  # fmt: skip
    return misprints(latex, names_of(subject), sizes, matrices)


def is_caught(label: str, latex: str, subject: Subject, at: range, points: int) -> bool:
    """Does an equation with a misprint at this place fail? The first failure decides."""
    try:
        names = names_of(subject)
        equation = read(latex, names)
        general = frozenset(s.number for s in equation.steps) - set(subject.needs.get(label, ()))
        closest: dict[int, float] = {}
        for seed in range(points):
            for point, _ in visits(label, subject, names, seed, general):
                point.strict = True
                for number, note in run(equation, point, at).items():
                    closest[number] = min(closest.get(number, 1.0), note.closest)
    except UNREADABLE:
        return True
    return any(closest.get(number, 0.0) > REACHED for number in subject.sharp.get(label, ()))


def trials(label, equation, subject, names, asked, general, outcome) -> list[str]:
    """Give each tied name another value, one at a time: the equation must fail."""
    faults, values = [], values_at(subject, 0)
    excused = {canonical(name) for name in subject.any_value.get(label, {})}
    for name in tied(subject, equation, values):
        if name not in asked:
            continue
        there = {**values, name: disturbed(values[name], 0)}
        try:
            point = point_of(subject, there, names, originals=values, only=general)
            results = run(equation, point)
            noticed = {number for number, note in results.items() if not note.holds}
        except UNREADABLE:
            noticed = {0}
        if noticed and name in excused:
            faults.append(f"{name} is said to be free, and the equation fails for another value")
        elif not noticed and name not in excused:
            faults.append(f"still holds when {name} has another value")
        outcome.trials += bool(noticed)
    return faults
