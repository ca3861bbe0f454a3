"""Say a result once: ``record`` stores a number for the prose; ``show`` and ``table`` display.

In a chapter, ``record("softmax-accuracy", value, "{:.1%}")`` prints nothing; any page then
writes ``{result}`softmax-accuracy``` where it needs the number. ``tests/test_results.py``
compares all recorded values with ``tests/expected``.
"""

import io
import math
import re
import struct
import sys
from collections.abc import Sequence
from html import escape

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HIDDEN = "application/papermill.record/"  # MyST-NB keeps such an output out of the page


def record(name: str, value, text: str = "{:.3f}", tolerance: float = 1e-6) -> None:
    """Record one number of the book under a name that is unique in the whole book.

    Args:
        name: a slug, ``lower-case-with-hyphens``.
        value: an int, a float, or a tensor with one element.
        text: how the prose shows it, a format string: ``"{:.1%}"``, ``"{:,}"``, ``"{:.2g}"``.
        tolerance: how far off a later build may be, in the value's own unit.

    Outside a notebook it prints the name and the text.

    >>> record("accuracy-of-a-guess", 0.1, "{:.0%}")
    accuracy-of-a-guess: 10%
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"a result's name is lower-case-with-hyphens, not {name!r}")
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"result {name!r} must be one number, not {type(value).__name__}")
    if not tolerance >= 0:
        raise ValueError(f"result {name!r}: tolerance must be 0 or more, not {tolerance}")
    shown = text.format(value)
    if not _in_notebook():
        print(f"{name}: {shown}")
        return

    if not math.isfinite(value):
        value = repr(value)  # JSON has no nan or inf
    hand_over(name, shown, value=value, text=shown, tolerance=tolerance)


def hand_over(name: str, shown: str, **thing) -> None:
    """Give a named thing to the whole book, in an output that the page does not show."""
    from IPython.display import display

    about = {"name": name, "mime_prefix": HIDDEN, **thing}
    display({HIDDEN + "text/plain": shown}, raw=True, metadata={"scrapbook": about})


def show(fig, alt: str, *, png: bool = False) -> None:
    """Display a matplotlib figure with a text that says what it shows, and close it.

    Args:
        fig: the figure.
        alt: what a reader who cannot see the picture needs to know, in a sentence or two.
        png: True for pictures of digits and the like (many pixels, and colours that dark mode
            must keep); False draws a small SVG, whose colours dark mode inverts.

    Outside a notebook it prints the alt text.

    >>> import matplotlib.pyplot as plt
    >>> show(plt.figure(), alt="An empty figure.")
    [figure: An empty figure.]
    """
    if not alt.strip():
        raise ValueError("a figure needs an alt text that says what it shows")
    if _in_notebook():
        from IPython.display import display

        kind = "image/png" if png else "image/svg+xml"
        data = _draw(fig, png)
        width, height = _size_on_screen(data, png)
        about = {"alt": alt, "width": width, "height": height, "keep_colours": png}
        bundle = {kind: data if png else data.decode(), "text/plain": alt}
        if png:
            import base64

            bundle[kind] = base64.b64encode(data).decode()
        display(bundle, raw=True, metadata={kind: about})
    else:
        print(f"[figure: {alt}]")
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close(fig)


def table(caption: str, header: Sequence, *rows: Sequence) -> None:
    """Display a table with the names of its columns; columns of numbers stand to the right.

    Args:
        caption: what the table shows.
        header: the name of each column.
        rows: for each row its cells, texts or numbers, as many as the header has.

    Outside a notebook it prints the table with spaces between its columns.

    >>> table("Squares", ["number", "its square"], [2, 4], [10, 100])
    Squares
    number  its square
         2           4
        10         100
    """
    lines = [[str(cell) for cell in line] for line in (header, *rows)]
    for line in lines:
        if len(line) != len(header):
            raise ValueError(
                f"table {caption!r}: a row has {len(line)} cells, {line}, but the header names "
                f"{len(header)} columns; give each row one cell for each column"
            )
    columns = list(zip(*lines))
    right = [all(NUMERIC.match(cell) for cell in column[1:]) for column in columns]
    width = [max(map(len, column)) for column in columns]
    printed = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(line, width, right)).rstrip()
        for line in lines
    ]
    text = "\n".join([caption, *printed])
    if _in_notebook():
        from IPython.display import display

        html = _html_table(caption, lines, right)
        display({"text/html": html, "text/plain": text}, raw=True)
    else:
        print(text)


NUMERIC = re.compile(r"[-+−]?(\d|inf|nan)|[-–]?$")
MINUS = re.compile(r"^-(?=\d|inf)")


def _html_table(caption: str, lines: list[list[str]], right: list[bool]) -> str:
    """The caption above a box that scrolls sideways, of the class of the theme's own tables.

    A hyphen that stands for a minus becomes one.
    """
    sides = ["right" if to_the_right else "left" for to_the_right in right]

    def row(line, first, other):
        tags = [first] + [other] * (len(line) - 1)
        cells = (
            f'<{tag} style="text-align: {side}">{escape(MINUS.sub("−", cell))}</{tag.split()[0]}>'
            for tag, side, cell in zip(tags, sides, line)
        )
        return f"<tr>{''.join(cells)}</tr>"

    head = row(lines[0], 'th scope="col"', 'th scope="col"')
    body = "\n".join(row(line, 'th scope="row"', "td") for line in lines[1:])
    return (
        f'<p class="table-caption" aria-hidden="true">{escape(caption)}</p>\n'
        '<div class="pst-scrollable-table-container">'
        f'<table class="table" aria-label="{escape(caption)}">\n'
        f"<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table></div>"
    )


def _in_notebook() -> bool:
    """True where a display can carry more than text: in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return shell is not None and hasattr(shell, "kernel")


def _draw(fig, png: bool) -> bytes:
    """The figure as a file; the same figure gives the same bytes on every build."""
    import matplotlib

    file = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "scratchmnist"}):
        if png:  # twice the pixels, for sharp screens
            fig.savefig(
                file, format="png", dpi=2 * SCREEN_DPI, bbox_inches="tight", pad_inches=0.03
            )
        else:
            fig.savefig(
                file,
                format="svg",
                bbox_inches="tight",
                pad_inches=0.03,
                transparent=True,  # on the page's own background, light or dark
                metadata={"Date": None},
            )
    return file.getvalue()


SCREEN_DPI = 96
LARGER = 1.3  # figures are drawn for a phone; where there is room they are shown larger


def _size_on_screen(data: bytes, png: bool) -> tuple[int, int]:
    """Width and height in CSS pixels, so that the page keeps the room before the file is there."""
    if png:
        width, height = struct.unpack(">II", data[16:24])
        return round(LARGER * width / 2), round(LARGER * height / 2)
    points = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', data)
    return tuple(round(LARGER * float(size) * SCREEN_DPI / 72) for size in points.groups())
