"""Judging a function: call it, compare, and look among the named bugs for one that does the same.

Causes come from numbers alone. The reader's source is never read.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from scratchmnist.check.calling import (
    OutOfTime,
    call,
    copy_of,
    hint_for,
    in_numpy,
    readers_traceback,
    signature_problem,
)
from scratchmnist.check.kinds import Bug, Exercise, Round
from scratchmnist.check.wording import Wrong, argument, complain, number, shape, table

SECONDS = 5  # for all calls of one check together; a right function needs a hundredth of that
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # float32 carries seven digits, and sums lose one or two


def examine(exercise: Exercise, f: Callable) -> str:
    """The line that says `f` is right and what was tried; or raises `Wrong`."""
    check_callable(exercise, f)
    ask = caller(exercise, f)
    check_repeats(exercise, ask)
    for which, round_ in enumerate(exercise.rounds):
        answers = [ask(inputs) for inputs in round_.cases]
        expected = [reference(exercise, inputs) for inputs in round_.cases]
        for inputs, answer in zip(round_.cases, answers):
            if answer["error"] is not None:
                raise about_error(exercise, inputs, answer)
        outputs = [
            read_outputs(exercise, inputs, answer)
            for inputs, answer in zip(round_.cases, answers, strict=True)
        ]
        if not all(map(same_outputs, outputs, expected)):
            raise about_numbers(exercise, which, outputs, expected, answers)
        for inputs, answer in zip(round_.cases, answers):
            if set(answer["changed"]) - set(exercise.may_change):
                raise about_changed(exercise, inputs, answer)
    remarks = [*exercise.remarks(ask), *remarks_on(answers[0])]
    tried = ", ".join(round_.tried for round_ in exercise.rounds)
    return "; ".join([f"{exercise.name}: right. Tried: {tried}", *remarks])


def check_callable(exercise: Exercise, f) -> None:
    call_it = f"check.{exercise.name}(your_function)"
    if not callable(f):
        raise complain(
            exercise.name,
            f"got {kind_of(f)} where a function belongs",
            bug="not_a_function",
            cause=f"Give the function itself, without calling it: `{call_it}`.",
        )
    problem = signature_problem(f, exercise.arguments)
    if problem and inspect.isclass(f):
        raise complain(
            exercise.name,
            f"got the class {f.__name__} where a function belongs",
            bug="not_a_function",
            cause=f"Make an object of it first: `check.{exercise.name}({f.__name__}(...))`.",
        )
    if problem:
        raise complain(
            exercise.name,
            "the function takes other arguments",
            [("seen", problem)],
            bug="other_arguments",
            cause=f"The check calls f({', '.join(exercise.arguments)}), in this order.",
        )


def caller(exercise: Exercise, f: Callable) -> Callable[[tuple], dict]:
    """Calls `f`, with NumPy's arrays if it turns out to be a function of those."""
    deadline = time.monotonic() + SECONDS
    uses_numpy = False

    def ask(inputs: tuple) -> dict:
        nonlocal uses_numpy
        given = in_numpy(inputs) if uses_numpy else inputs
        answer = call(f, exercise.arguments, given, deadline)._asdict() | {"note": ""}
        if uses_numpy or not wants_numpy(answer):
            return answer | {"numpy": uses_numpy}
        with_arrays = call(f, exercise.arguments, in_numpy(inputs), deadline)._asdict()
        if with_arrays["error"] is not None:
            error = with_arrays["error"]
            note = f"{type(error).__name__}: {error}"
            return answer | {"numpy": False, "note": note}
        uses_numpy = True
        return with_arrays | {"numpy": True, "note": ""}

    return ask


def wants_numpy(answer: dict) -> bool:
    error = answer["error"]
    if error is None:
        value = answer["value"]
        values = value if isinstance(value, tuple | list) else [value]
        return any(isinstance(one, np.ndarray | np.generic) for one in values)
    hint = hint_for(error)
    return isinstance(error, Exception) and not (hint and hint.only_torch)


def reference(exercise: Exercise, inputs: tuple) -> list[Tensor]:
    """The right outputs, in float64."""
    return as_outputs(exercise.reference(*map(in_float64, inputs)))


def in_float64(value):
    floats = isinstance(value, Tensor) and value.is_floating_point()
    return value.double() if floats else copy_of(value)


def as_outputs(value) -> list[Tensor]:
    return [one.double() for one in (value if isinstance(value, tuple) else (value,))]


# --- reading what came back -----------------------------------------------------------------------


def read_outputs(exercise: Exercise, inputs: tuple, answer: dict) -> list[Tensor]:
    """The reader's outputs as float64 tensors; `Wrong` if they are none."""
    value, names = answer["value"], exercise.outputs
    facts = facts_given(exercise, inputs)

    def refuse(headline, bug, cause):
        return complain(exercise.name, headline, [*facts, *printed(answer)], bug, cause)

    if value is None:
        if set(answer["changed"]) & set(exercise.may_change):
            cause = "The function changes its input and gives nothing back: return it as well."
        elif answer["printed"]:
            cause = "The function prints its result; `print` shows it, only `return` gives it back."
        else:
            cause = "There is no `return`, or it is not reached."
        raise refuse("the function returned None", "returned_none", cause)
    if hasattr(value, "__next__"):
        raise refuse(
            f"the function returned {kind_of(value)}",
            "yielded",
            "`yield` makes a generator of a function: `return` the result.",
        )
    if len(names) == 1:
        if isinstance(value, list) and any(isinstance(one, Tensor) for one in value):
            raise refuse(
                f"{names[0]} is a list of {len(value)} tensors",
                "returned_a_list",
                "Make one tensor of the list: `torch.stack(...)` lays rows under one another.",
            )
        if isinstance(value, tuple):
            raise refuse(
                f"the function returned {len(value)} values, {kind_of(value)}",
                "number_of_values",
                f"One value is expected, {names[0]}: a comma after it makes a tuple, and of "
                "(loss, backward) only the first is wanted.",
            )
        values = [value]
    else:
        if not isinstance(value, tuple | list) or len(value) != len(names):
            count = f"{len(value)} values" if isinstance(value, tuple | list) else kind_of(value)
            raise refuse(
                f"the function returned {count}",
                "number_of_values",
                f"{len(names)} values are expected: `return {', '.join(names)}`.",
            )
        values = list(value)
    read = []
    for name, one in zip(names, values, strict=True):
        tensor = as_tensor(one)
        if tensor is None:
            if isinstance(one, list | tuple):
                bug, cause = "returned_a_list", "Make a tensor of the list: `torch.tensor(...)`."
                if reference(exercise, inputs)[len(read)].dim() == 0:
                    cause = f"{name} is one number: add up the list, or take its mean."
            elif one is None:
                bug, cause = "returned_none", f"{name} is None: a function inside has no `return`."
            elif "bool" in kind_of(one):
                bug, cause = "returned_booleans", "A comparison gives True and False: `.float()`."
            elif isinstance(one, str):
                bug = "returned_something_else"
                cause = "This is text, for people to read: return the number itself."
            else:
                bug = "returned_something_else"
                cause = f"{name} should be a tensor of numbers, or a number."
            raise refuse(f"{name} is {kind_of(one)}", bug, cause)
        read.append(exercise.tidy(tensor))
    return read


def as_tensor(value) -> Tensor | None:
    """A tensor, an array or a number as a float64 tensor; None if it is none of these."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.number):
        return torch.tensor(float(value), dtype=torch.float64)
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
        return torch.from_numpy(value.astype("float64"))
    real = isinstance(value, Tensor) and not value.is_complex() and value.dtype != torch.bool
    if real:
        return torch.tensor(value.tolist(), dtype=torch.float64).reshape(value.shape)
    return None


def kind_of(value) -> str:
    """
    >>> kind_of(torch.zeros(2, 3)), kind_of([1, 2]), kind_of(None)
    ('a tensor of torch.float32 [2, 3]', 'a list of 2', 'None')
    """
    if value is None:
        return "None"
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} {shape(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {list(value.shape)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


# --- comparing ------------------------------------------------------------------------------------


def same(seen: Tensor, expected: Tensor) -> bool:
    """Equal up to float32's rounding; NaN equals NaN. One number may come in any shape."""
    if expected.dim() == 0 and seen.numel() == 1:
        seen = seen.reshape(())
    return seen.shape == expected.shape and not differs(seen, expected).any()


def differs(seen: Tensor, expected: Tensor) -> Tensor:
    """Where two tensors of one shape differ."""
    finite = expected[expected.isfinite()].abs()
    largest = finite.max().item() if len(finite) else 0.0
    return ~torch.isclose(seen, expected, RELATIVE, ABSOLUTE * largest, equal_nan=True)


def same_outputs(seen: list[Tensor], expected: list[Tensor]) -> bool:
    return len(seen) == len(expected) and all(map(same, seen, expected))


def find_bug(exercise: Exercise, failed: int, seen, expected) -> tuple[Bug | None, int, bool]:
    """The bug that gives what was seen, the first wrong output, and whether all outputs fit.

    It must also be right in the rounds before, as the function was. A bug that explains the first
    wrong output and spoils none that is right, if it is the only one, is named even where a later
    output holds another mistake.
    """
    round_ = exercise.rounds[failed]
    first = next(k for k in exercise.order if not all_same(seen, expected, k))
    partly = []
    for bug, form in ((each, form) for each in exercise.bugs for form in each.forms):
        outputs = [form_outputs(form, inputs) for inputs in round_.cases]
        if not round_.extreme and not any(o.isfinite().any() for case in outputs for o in case):
            continue  # two functions that give nothing but NaN need not be the same
        if not all_same(seen, outputs, first) or all_same(outputs, expected, first):
            continue
        if not right_in(exercise, exercise.rounds[:failed], form):
            continue
        if all(map(same_outputs, seen, outputs)):
            return bug, first, True
        others_right = all(
            all_same(outputs, expected, k) for k in exercise.order if all_same(seen, expected, k)
        )
        if others_right and bug not in partly:
            partly.append(bug)
    if len(partly) == 1 and len(exercise.outputs) > 1:
        return partly[0], first, False
    return None, first, False


def all_same(some_cases, other_cases, k: int) -> bool:
    return all(
        len(one) == len(other) and same(one[k], other[k])
        for one, other in zip(some_cases, other_cases, strict=True)
    )


def right_in(exercise: Exercise, rounds: tuple[Round, ...], form: Callable) -> bool:
    return all(
        same_outputs(form_outputs(form, inputs), reference(exercise, inputs))
        for round_ in rounds
        for inputs in round_.cases
    )


def form_outputs(form: Callable, inputs: tuple) -> list[Tensor]:
    """What a wrong variant gives; no outputs if it raises."""
    try:
        return as_outputs(form(*map(copy_of, inputs)))
    except (RuntimeError, IndexError, ValueError, TypeError):
        return []


def relation(seen: Tensor, expected: Tensor) -> tuple[str, str] | None:
    """A simple relation between what was seen and what was expected: its name, in words."""
    if seen.numel() == expected.numel() and seen.shape != expected.shape:
        if same(seen.flatten(), expected.flatten()) and not (
            seen.dim() == 2 and expected.dim() == 2 and min(expected.shape) > 1
        ):
            return (
                "other_shape",
                f"The numbers are right, but the shape is {shape(seen)} and should be "
                f"{shape(expected)}.",
            )
        if seen.dim() == 2 and same(seen.T, expected):
            return "transposed", "It is the transpose of what is expected."
    if seen.shape != expected.shape or not seen.isfinite().all():
        return None
    if same(seen, -expected):
        return "reversed_sign", "Every number has the opposite sign."
    return None


def pattern(seen: Tensor, expected: Tensor) -> str | None:
    """A regularity worth telling, without a cause: the same factor or difference everywhere."""
    if expected.numel() < 2 or not (seen.isfinite().all() and expected.isfinite().all()):
        return None
    sizable = expected.abs() > 1e-3 * expected.abs().max()
    ratio = (seen[sizable] / expected[sizable]).median()
    if abs(ratio) > 1e-6 and same(seen, ratio * expected):
        return f"exactly {number(ratio.item())} times what is expected, everywhere"
    difference = (seen - expected).median()
    if same(seen, expected + difference):
        return f"exactly {number(abs(difference.item()))} too " + (
            "much, everywhere" if difference > 0 else "little, everywhere"
        )
    return None


# --- complaints -----------------------------------------------------------------------------------


def about_numbers(exercise: Exercise, failed: int, seen, expected, answers) -> Wrong:
    round_ = exercise.rounds[failed]
    bug, k, complete = find_bug(exercise, failed, seen, expected)
    i = next(i for i in range(len(seen)) if not same(seen[i][k], expected[i][k]))
    got, want, inputs, answer = seen[i][k], expected[i][k], round_.cases[i], answers[i]
    name = exercise.outputs[k]
    facts = [
        *facts_given(exercise, inputs),
        (f"expected {name}", table(want)),
        (f"seen {name}", table(got)),
    ]
    name_of_bug, cause, section = None, None, None
    if bug:
        name_of_bug, cause, section = bug.name, bug.cause, bug.section
        if not complete:
            facts.append(("besides", "another output is wrong too; look at this one first"))
    elif related := relation(got, want):
        name_of_bug, cause = related
    else:
        facts.append(("difference", how_far(got, want)))
    if answer["changed"]:
        facts.append(("besides", f"the function also changed {' and '.join(answer['changed'])}"))
    facts += printed(answer)
    headline = f"wrong {name} for {round_.tried}"
    return complain(exercise.name, headline, facts, name_of_bug, cause, section)


def how_far(seen: Tensor, expected: Tensor) -> str:
    """How far off, and where first: all that can be said without a known cause.

    >>> print(how_far(torch.tensor([[1.0, 2.0, 3.5]]), torch.tensor([[1.0, 2.5, 3.0]])))
    off by up to 0.5; 2 of 3 numbers differ, the first at [0, 1]: 2 where 2.5 is expected
    """
    if seen.shape != expected.shape:
        return f"the shape is {shape(seen)} and should be {shape(expected)}"
    wrong = differs(seen, expected)
    where = wrong.nonzero()[0].tolist()
    place = f" at {where}" if where else ""
    here = f"{number(seen[tuple(where)])} where {number(expected[tuple(where)])} is expected"
    first = f"{wrong.sum()} of {wrong.numel()} numbers differ, the first{place}: {here}"
    if expected.numel() == 1:
        first = here
    off = (seen - expected).abs()
    if not off.isfinite().all():
        return f"not all numbers are finite; {first}"
    regular = pattern(seen, expected)
    return f"{regular or f'off by up to {number(off.max().item())}'}; {first}"


def about_error(exercise: Exercise, inputs: tuple, answer: dict) -> Wrong:
    error = answer["error"]
    facts = facts_given(exercise, inputs)
    if isinstance(error, OutOfTime):
        return complain(
            exercise.name,
            "the function did not return, and was ended",
            [("it was here", "\n" + readers_traceback(error)), *facts, *printed(answer)],
            bug="never_returns",
            cause=f"Not ready after {SECONDS} seconds: a loop whose condition never becomes false, "
            "most likely.",
        )
    hint = hint_for(error)
    facts = [("your traceback", "\n" + readers_traceback(error)), *facts, *printed(answer)]
    if answer["note"] and not hint:
        facts.insert(1, ("with numpy's arrays instead", answer["note"]))
    return complain(
        exercise.name,
        f"the function raised {type(error).__name__}",
        facts,
        hint.name if hint else "raised",
        hint.cause if hint else None,
        hint.section if hint else None,
    )


def about_changed(exercise: Exercise, inputs: tuple, answer: dict) -> Wrong:
    names = [name for name in answer["changed"] if name not in exercise.may_change]
    return complain(
        exercise.name,
        f"the result is right, but the function changed {' and '.join(names)}",
        [*facts_given(exercise, inputs), *printed(answer)],
        bug="changes_inputs",
        cause="An operation in place (`-=`, `x[...] = `, `clamp_`, `sort_`) works on the caller's "
        "own tensor: write `x = x - ...`, or begin with `x = x.clone()`.",
        section="when-nothing-learns",
    )


def check_repeats(exercise: Exercise, ask: Callable) -> None:
    """`Wrong` if the first inputs, given twice in a row, are answered rightly only once."""
    inputs = exercise.rounds[0].cases[0]
    expected = reference(exercise, inputs)
    answer = ask(inputs)
    if answer["error"] is not None:
        raise about_error(exercise, inputs, answer)
    if not same_outputs(read_outputs(exercise, inputs, answer), expected):
        return  # wrong from the start: the rounds look into it
    answer = ask(inputs)
    if answer["error"] is not None:
        raise about_error(exercise, inputs, answer)
    seen = read_outputs(exercise, inputs, answer)
    if same_outputs(seen, expected):
        return
    k = next(k for k in exercise.order if not same(seen[k], expected[k]))
    raise complain(
        exercise.name,
        "right at first, and wrong when called again with the same inputs",
        [
            *facts_given(exercise, inputs),
            (f"expected {exercise.outputs[k]}", table(expected[k])),
            (f"seen {exercise.outputs[k]}", table(seen[k])),
        ],
        bug="remembers",
        cause="Something is kept from call to call, as a sum that is never set back to zero: "
        "begin each call with fresh tensors.",
        section="when-nothing-learns",
    )


def facts_given(exercise: Exercise, inputs: tuple) -> list[tuple[str, str]]:
    return [(f"given {name}", argument(value)) for name, value in zip(exercise.arguments, inputs)]


def printed(answer: dict) -> list[tuple[str, str]]:
    text = answer["printed"].strip()
    if not text:
        return []
    lines = text.splitlines()
    more = [f"... {len(lines) - 5} lines more"] if len(lines) > 5 else []
    return [("it printed", "\n".join([line[:100] for line in lines[:5]] + more))]


def remarks_on(answer: dict) -> list[str]:
    remarks = ["called with numpy arrays"] if answer["numpy"] else []
    lines = len(answer["printed"].splitlines())
    return remarks + ([f"it prints {lines} line{'s' * (lines > 1)}"] if lines else [])
