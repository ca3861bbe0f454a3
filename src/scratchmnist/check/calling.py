"""Calling a reader's function: it may print, change what it is given, raise, or never return."""

from __future__ import annotations

import contextlib
import ctypes
import inspect
import io
import re
import signal
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

HERE = Path(__file__).parent


class OutOfTime(BaseException):
    """The time is up. No Exception: a reader's `except Exception` must not swallow it."""


class Call(NamedTuple):
    """What came of a call: `value`, or else `error`."""

    value: object
    error: BaseException | None
    printed: str
    changed: list[str]  # names of inputs that are no longer what they were


def call(f: Callable, names: tuple[str, ...], inputs: tuple, deadline: float) -> Call:
    """Call `f` with copies of the inputs.

    deadline: on the clock of `time.monotonic`. KeyboardInterrupt passes through; whatever else
    `f` raises, OutOfTime and SystemExit too, is returned.
    """
    given = tuple(copy_of(value) for value in inputs)
    printed = io.StringIO()
    value, error = None, None
    try:
        with (
            time_limit(deadline - time.monotonic()),
            contextlib.redirect_stdout(printed),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # of overflow, or of NumPy about tensors: we judge
            value = f(*given)
    except KeyboardInterrupt:
        raise
    except BaseException as caught:
        error = caught
    changed = [
        name for name, now, before in zip(names, given, inputs) if not unchanged(now, before)
    ]
    return Call(value, error, printed.getvalue(), changed)


def copy_of(value):
    if isinstance(value, Tensor):
        return value.clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def unchanged(now, before) -> bool:
    if isinstance(before, Tensor):
        return now.shape == before.shape and torch.equal(now, before)
    if isinstance(before, np.ndarray):
        return np.array_equal(now, before)
    return now == before


def in_numpy(inputs: tuple) -> tuple:
    return tuple(value.numpy() if isinstance(value, Tensor) else value for value in inputs)


# --- time -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise OutOfTime in the block when the seconds are over.

    In the main thread of Unix an alarm does it, which ends a `sleep` as well. Elsewhere
    (Windows, other threads) a second thread asks the interpreter to raise, which it does before
    the next Python instruction: a single call into C that never returns is not ended. Neither
    ends a loop with a bare `except:` inside. The command line runs it all in a process of its
    own, which can always be ended.
    """
    seconds = max(seconds, 0.001)
    alarm = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    with _by_alarm(seconds) if alarm else _by_thread(seconds):
        yield


@contextlib.contextmanager
def _by_alarm(seconds: float) -> Iterator[None]:
    armed = True

    def ring(*_):
        if armed:
            raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    others = signal.setitimer(signal.ITIMER_REAL, seconds, 1)  # rings again if it was swallowed
    started = time.monotonic()
    try:
        yield
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if others[0]:  # somebody else's alarm goes on
            left = others[0] - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), others[1])


@contextlib.contextmanager
def _by_thread(seconds: float) -> Iterator[None]:
    this = ctypes.c_ulong(threading.get_ident())
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    done, lock = threading.Event(), threading.Lock()

    def watch():
        left = seconds
        while not done.wait(left):
            with lock:
                if not done.is_set():
                    raise_in(this, ctypes.py_object(OutOfTime))
            left = 1  # again, if it was swallowed

    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            done.set()
        raise_in(this, None)  # one that has not arrived yet


# --- errors ---------------------------------------------------------------------------------------


class Hint(NamedTuple):
    """A usual error message, and what it mostly means."""

    name: str
    message: str  # a regular expression, searched in "TypeError: what it says"
    cause: str
    section: str
    only_torch: bool = False  # NumPy would not complain: no reason to try with arrays


HINTS = (
    Hint(
        "blank",
        r"NotImplementedError",
        "This is still a blank: write your code in place of the line that raises the error.",
        "workbook",
        only_torch=True,
    ),
    Hint(
        "shapes_of_a_product",
        r"mat1 and mat2 shapes|matmul: Input operand|vec.*mat.*shapes|size mismatch.*mat|"
        r"inconsistent tensor size, expected tensor|shapes .* not aligned",
        "In a product `a @ b` the columns of a must be as many as the rows of b, "
        "[B, D] @ [D, H]: one of the two is transposed, or they stand in the wrong order.",
        "digit-as-a-number#eq-linear-gradients",
    ),
    Hint(
        "fastai_types",
        r"'TensorImage|'TensorCategory|__torch_function__",
        "fastai gives its tensors types of its own, which do not mix: make plain tensors of "
        "them first, `torch.Tensor.as_subclass(x, torch.Tensor)`.",
        "pictures-as-tensors",
        only_torch=True,
    ),
    Hint(
        "mean_of_integers",
        r"could not infer output dtype|mean\(\): input dtype should be",
        "`mean` takes floats, and these are integers or True and False: `.float()` first.",
        "pictures-as-tensors",
        only_torch=True,
    ),
    Hint(
        "mixed_dtypes",
        r"expected scalar type|to have the same dtype|must have the same dtype",
        "float32 meets float64 (or integers) in a product: make them alike, with `.float()` or "
        "by making new tensors with `dtype=x.dtype`.",
        "pictures-as-tensors",
        only_torch=True,
    ),
    Hint(
        "shapes_do_not_broadcast",
        r"size of tensor a .* must match the size of tensor b|could not be broadcast|"
        r"shape mismatch|not broadcastable",
        "Two shapes do not go together: most often a sum or a maximum over the classes lost its "
        "axis (keep it with `keepdim=True`), it ran over the wrong axis, or a column meets a row.",
        "pictures-as-tensors",
    ),
    Hint(
        "overflow",
        r"OverflowError|Result too large",
        "`exp` of a large number overflows: take the largest score of the row out first.",
        "scores-to-probabilities#eq-lse-max",
    ),
    Hint(
        "log_of_zero",
        r"math domain error|expected a positive input",
        "This is the logarithm of 0, or of a negative number: take the logarithm of the softmax "
        "in one go, as score minus log-sum-exp.",
        "scores-to-probabilities#eq-log-sum-exp",
    ),
    Hint(
        "division_by_zero",
        r"ZeroDivisionError",
        "The function divides by 0: a count that is still 0, or `exp` of very low scores that "
        "all vanished.",
        "scores-to-probabilities#eq-lse-max",
    ),
    Hint(
        "labels_are_floats",
        r"tensors used as indices must be|only integer tensors|arrays used as indices|"
        r"only integers, slices|slice indices must be integers|expected.*int64",
        "Floats are used as positions: labels that pick rows or columns must be integers, "
        "`.long()`.",
        "pictures-as-tensors",
    ),
    Hint(
        "truth_of_a_tensor",
        r"Boolean value of Tensor|truth value of an array",
        "`if` and Python's `max` ask one question, and a tensor has many answers: compare entry "
        "by entry, as in `x * (x > 0)` or `x.clamp(min=0)`.",
        "hidden-layer#eq-relu",
    ),
    Hint(
        "minus_of_booleans",
        r"with a bool tensor is not supported|boolean subtract",
        "A comparison gives True and False; make numbers of them before you subtract: `.float()`.",
        "pictures-as-tensors",
    ),
    Hint(
        "dimension_out_of_range",
        r"Dimension out of range|axis \d+ is out of bounds",
        "The tensor has fewer axes than this line thinks: a sum or an index took one away "
        "earlier, or it was [B] where [B, 1] was meant.",
        "pictures-as-tensors",
    ),
    Hint(
        "index_out_of_range",
        r"index \S+ is out of bounds|index out of range",
        "A position outside the tensor: rows and columns are exchanged, or the counting starts "
        "at 1 instead of 0.",
        "pictures-as-tensors",
    ),
    Hint(
        "one_number_expected",
        r"a Tensor with \d+ elements cannot be converted|only one element tensors|"
        r"can only convert an array of size 1|only .*0-dim|only length-1 arrays",
        "One number is asked for (`.item()`, `float(...)`, `math.exp(...)`), and the tensor has "
        "several: take their mean first, or use the tensor's own method, such as `x.exp()`.",
        "pictures-as-tensors",
    ),
    Hint(
        "autograd_left_over",
        r"requires grad|does not require grad|grad_fn|requires_grad",
        "This is PyTorch's automatic differentiation, which the exercise does without: write the "
        "gradient yourself.",
        "digit-as-a-number#eq-mse-gradient",
    ),
    Hint(
        "nothing_inside",
        r"NoneType",
        "Something in here is None: a function of yours that is called inside has no `return`.",
        "when-nothing-learns",
    ),
    Hint(
        "unknown_name",
        r"NameError|UnboundLocalError",
        "The name is not defined where the function runs: a spelling, an import, or a cell that "
        "has not been run.",
        "pictures-as-tensors",
    ),
    Hint(
        "calls_itself",
        r"RecursionError",
        "The function calls itself without end: inside, the name of another function is meant, "
        "most likely (`torch.softmax`, `z.relu()`), or a step of your own.",
        "pictures-as-tensors",
        only_torch=True,
    ),
    Hint(
        "stop_itself",
        r"SystemExit",
        "`exit()` or `quit()` ends Python; `return` ends a function.",
        "pictures-as-tensors",
    ),
)


def hint_for(error: BaseException) -> Hint | None:
    """The hint that belongs to an error, if it is one of the usual ones.

    >>> hint_for(RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)")).name
    'shapes_of_a_product'
    """
    said = f"{type(error).__name__}: {error}"
    return next((hint for hint in HINTS if re.search(hint.message, said)), None)


def readers_traceback(error: BaseException) -> str:
    """The error's traceback from the reader's own function on, without our calls around it."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if Path(frame.filename).parent != HERE]
    if isinstance(error, OutOfTime):
        return "".join(traceback.format_list(frames)).rstrip()
    return "".join(traceback.format_list(frames) + traceback.format_exception_only(error)).rstrip()


def signature_problem(f, names: tuple[str, ...]) -> str | None:
    """What is wrong with the arguments that `f` takes, or None."""
    try:
        signature = inspect.signature(f)
    except (TypeError, ValueError):  # built-in functions need not tell
        return None
    try:
        signature.bind(*names)
    except TypeError as error:
        return f"it takes {signature}, and is called with ({', '.join(names)}): {error}"
    return None
