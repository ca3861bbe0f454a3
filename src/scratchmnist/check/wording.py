"""`Wrong`, and how numbers, shapes and places in the book are put into words."""

from __future__ import annotations

from torch import Tensor

from scratchmnist.check.kinds import PAGES

ROWS, COLUMNS = 5, 6  # what is shown of a tensor; the rest is dots


class Wrong(AssertionError):
    """A reader's function is wrong. The message says what was seen and what was expected.

    exercise: the check's name. bug: the name of the mistake, or None where no known one fits.
    cause: the likely cause in one sentence, or None. section: the page of the book, or
    page#label, that explains it, or None. brief: the cause, or else what was seen, in a line.
    """

    def __init__(self, message, exercise, bug=None, cause=None, section=None, brief=""):
        super().__init__(message)
        self.exercise, self.bug, self.cause, self.section = exercise, bug, cause, section
        self.brief = brief

    def _render_traceback_(self):
        """What a notebook shows: the message, without the way through our own code."""
        return f"Wrong: {self}".splitlines()


def complain(exercise: str, headline: str, facts=(), bug=None, cause=None, section=None) -> Wrong:
    """A `Wrong` to raise. facts: pairs (what, text), in the order shown, after the cause."""
    lines = [f"{exercise}: {headline}"]
    if cause:
        lines.append(f"  likely cause: {cause}")
    if section:
        lines.append(f"  explained in: {place(section)}")
    for what, text in facts:
        first, *more = str(text).split("\n")
        lines += [f"  {what}: {first}".rstrip(), *("    " + line for line in more)]
    brief = cause or ", ".join([headline, *(text for what, text in facts if what == "difference")])
    return Wrong("\n".join(lines), exercise, bug, cause, section, brief)


def place(section: str) -> str:
    """The chapter's title and its address in the book.

    >>> place("digit-as-a-number#eq-mse")
    'The digit as a number (digit-as-a-number.html#equation-eq-mse)'
    """
    page, _, label = section.partition("#")
    anchor = f"#equation-{label}" if label.startswith("eq-") else f"#{label}" * bool(label)
    return f"{PAGES[page]} ({page}.html{anchor})"


def shape(tensor: Tensor) -> str:
    """
    >>> import torch
    >>> shape(torch.zeros(2, 3))
    '[2, 3]'
    """
    return str(list(tensor.shape))


def number(value: float) -> str:
    """Short: all digits where seven places hold them, four significant ones elsewhere.

    >>> number(0.1234567), number(-2.0), number(1002.25), number(float("nan"))
    ('0.1235', '-2', '1002.25', 'nan')
    """
    text = f"{value:.6g}"
    return text if len(text.lstrip("-")) <= 7 else f"{value:.4g}"


def table(tensor: Tensor) -> str:
    """Shape first, then the numbers, a row a line.

    >>> import torch
    >>> print(table(torch.tensor([[1.0, 2.5], [-1.0, 0.125]])))
    [2, 2]
     1    2.5
    -1  0.125
    >>> print(table(torch.tensor(2.5)), "|", table(torch.tensor([1.0, 2.0])))
    [] 2.5 | [2] 1  2
    """
    if tensor.dim() < 2 or tensor.numel() == 0:
        values = [number(value) for value in tensor.flatten()[: 2 * COLUMNS].tolist()]
        dots = ["..."] if tensor.numel() > 2 * COLUMNS else []
        return f"{shape(tensor)} {'  '.join(values + dots)}".rstrip()
    rows = tensor.reshape(-1, tensor.shape[-1])
    shown = [[number(value) for value in row] for row in rows[:ROWS, :COLUMNS].tolist()]
    widths = [max(map(len, column)) for column in zip(*shown)]
    dots = "  ..." if rows.shape[1] > COLUMNS else ""
    lines = [
        "  ".join(f"{value:>{width}}" for value, width in zip(row, widths, strict=True)) + dots
        for row in shown
    ]
    return "\n".join([shape(tensor), *lines] + ["..."] * (len(rows) > ROWS))


def argument(value) -> str:
    return table(value) if isinstance(value, Tensor) else repr(value)
