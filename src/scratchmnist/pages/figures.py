"""Figures of the book: each function returns a matplotlib figure and its text alternative.

The text says what the figure shows, computed from the same data. This is the only module that
imports matplotlib; the rest of the package does without.

All are drawn for a phone, whose column of text is 350 px wide: no wider than `WIDTH`, with no text
smaller than `SMALLEST`, which makes 10 px there. `show` displays them larger where there is room.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor, log10
from textwrap import wrap

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

# The Okabe-Ito colours that keep a contrast of 3:1 on white.
COLOURS = {"blue": "#0072B2", "vermillion": "#D55E00", "green": "#009E73", "purple": "#AA4499"}
RED = "#d72d47"  # of what is negative, as in the explorables
LINES = ["-", "--", "-.", ":"]
WIDTH = 4.2  # inches
SMALLEST = 9  # points: 9 / 72 in of 4.2 in, or 10.4 px of 350
STYLE = {
    "figure.figsize": (WIDTH, 2.8),
    "figure.constrained_layout.use": True,
    "font.size": SMALLEST,
    "axes.titlesize": "medium",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


def broken(label: str, width: int = 14) -> str:
    """A long label in lines of at most so many characters, broken between words.

    >>> broken("one layer, one-hot")
    'one layer,\\none-hot'
    """
    return "\n".join(wrap(label, width, break_on_hyphens=False))


def line_style(index: int) -> dict:
    """The colour and dash pattern of the index-th line: told apart without colour too."""
    colours = list(COLOURS.values())
    return {"color": colours[index % len(colours)], "linestyle": LINES[index % len(LINES)]}


def digit_grid(
    images: Tensor, titles: Sequence[str] = (), columns: int = 10, what: str = "digits"
) -> tuple[Figure, str]:
    """Pictures of digits in rows. images: [N, 784] in [0, 1]; titles: one for each, or none."""
    rows = -(-len(images) // columns)
    lines = max((title.count("\n") + 1 for title in titles), default=0)
    height = rows * (WIDTH / columns + 0.16 * lines)
    with plt.rc_context(STYLE | {"axes.grid": False}):
        fig, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
        for ax in axes.flat:
            ax.axis("off")
        for index, (ax, image) in enumerate(zip(axes.flat, images)):
            ax.imshow(image.reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
            if titles:
                ax.set_title(titles[index], pad=2)
    alt = f"{len(images)} {what}, in {rows} rows of {columns}"
    return fig, alt + (": " + "; ".join(t.replace("\n", " ") for t in titles) if titles else "")


def weight_pictures(weights: Tensor, titles: Sequence[str], columns: int = 5) -> tuple[Figure, str]:
    """Columns of a weight matrix as 28x28 pictures: blue adds to the score, red takes away.

    weights: [784, H]; titles: H.
    """
    rows = -(-weights.shape[1] // columns)
    limit = weights.abs().max().item()
    with plt.rc_context(STYLE | {"axes.grid": False}):
        height = rows * (0.8 * WIDTH / columns + 0.35)
        fig, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), squeeze=False)
        for ax in axes.flat:
            ax.axis("off")
        for ax, column, title in zip(axes.flat, weights.T, titles):
            picture = ax.imshow(column.reshape(28, 28), cmap="RdBu", vmin=-limit, vmax=limit)
            ax.set_title(title, pad=2)
        fig.colorbar(picture, ax=axes, shrink=0.8, label="weight")
    alt = (
        f"{weights.shape[1]} pictures of weights ({', '.join(titles)}), blue for positive and red "
        f"for negative, between {-limit:.2f} and {limit:.2f}"
    )
    return fig, alt


def curves(
    x: Tensor,
    lines: dict[str, Tensor],
    xlabel: str,
    ylabel: str,
    log_y: bool = False,
    log_x: bool = False,
) -> tuple[Figure, str]:
    """Labelled lines over x. Each line is [N], or [N, R] for R runs: their mean and full range.

    Values that are not finite leave a gap.
    """
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots()
        sentences = []
        for index, (label, y) in enumerate(lines.items()):
            y = y.double()
            y = torch.where(y.isfinite(), y, torch.nan)
            centre = y.mean(1) if y.dim() == 2 else y
            style = line_style(index)
            ax.plot(x, centre, label=label, **style)
            if y.dim() == 2:
                ax.fill_between(
                    x, y.amin(1), y.amax(1), color=style["color"], alpha=0.2, linewidth=0
                )
            sentences.append(f"{label}: {describe_line(x, centre)}")
        if log_y:
            ax.set_yscale("log")
        if log_x:
            ax.set_xscale("log")
        ax.set(xlabel=xlabel, ylabel=ylabel)
        log_ticks(ax)
        label_lines(ax)
    band = " The band spans all runs." if any(y.dim() == 2 for y in lines.values()) else ""
    return fig, f"Lines of {ylabel} over {xlabel}. " + ". ".join(sentences) + "." + band


def log_ticks(ax, most: int = 5) -> None:
    """Plain numbers on the logarithmic axes: 30, 100, 300; powers of ten where they go far.

    most: how many numbers an axis has room for.
    """
    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            low, high = sorted(axis.get_view_interval())
            ticks = _log_ticks(low, high, most)
            plain = ticks[0] >= 1e-3 and ticks[-1] < 1e5
            axis.set_ticks(ticks, [f"{t:,.15g}" if plain else power(t) for t in ticks])
            axis.set_ticks([], minor=True)


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Numbers between two, `most` of them or fewer, in steps as equal as their scale allows.

    >>> _log_ticks(20, 1500, most=5)
    [30.0, 100.0, 300.0, 1000.0]
    >>> _log_ticks(2.4, 35, most=5)
    [3.0, 5.0, 10.0, 20.0, 30.0]
    >>> _log_ticks(2.4, 35, most=3)
    [5.0, 10.0, 20.0]
    """
    first, last = floor(log10(low)), ceil(log10(high))
    for digits in ([1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]):
        ticks = [float(f"{d}e{n}") for n in range(first, last + 1) for d in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: -(-len(ticks) // most)]


def power(value: float) -> str:
    """A number as a power of ten, its exponent in characters of their own: as large as other text.

    >>> power(1e-12), power(3e5)
    ('10⁻¹²', '3·10⁵')
    """
    factor, exponent = f"{value:.1e}".replace(".0", "").split("e")
    raised = f"{int(exponent)}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return ("" if factor == "1" else f"{factor}·") + f"10{raised}"


def describe_line(x: Tensor, y: Tensor) -> str:
    """From where to where a line goes, and its extreme on the way, in words."""
    seen = y.isfinite()
    if not seen.any():
        return "no finite value"
    xs, ys = torch.as_tensor(x)[seen], y[seen]
    text = f"from {ys[0]:.3g} at {xs[0]:.3g} to {ys[-1]:.3g} at {xs[-1]:.3g}"
    for name, where in (("lowest", ys.argmin()), ("highest", ys.argmax())):
        if 0 < where < len(ys) - 1:
            text += f", {name} {ys[where]:.3g} at {xs[where]:.3g}"
    return text + ("" if seen.all() else ", then no longer finite")


def label_lines(ax) -> None:
    """Write each line's label beside its end, in the line's colour, without overlaps.

    A thin line leads to a label that had to move. What else stands around the axes must be there
    before: it decides how high they are.
    """
    ax.figure.draw_without_rendering()
    inches = ax.get_window_extent().height / ax.figure.dpi
    line_height = 1.2 * plt.rcParams["font.size"] / 72 / inches
    ends = line_ends(ax)
    labels = [broken(line.get_label()) for *_, line in ends]
    heights = [line_height * (label.count("\n") + 1.4) for label in labels]
    middles = spread([y for _, y, _ in ends], heights)
    for (x, y, line), label, height, middle in zip(ends, labels, heights, middles):
        colour = line.get_color()
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.6}
        to_its_left = {"patchA": None, "relpos": (0, 0.5), "shrinkB": 0}
        ax.annotate(
            label,
            xy=(x, y),
            xytext=(1.02, middle),
            xycoords="axes fraction",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops=leader | to_its_left if abs(middle - y) > 0.51 * height else None,
        )


def line_ends(ax) -> list[tuple]:
    """Where each labelled line ends, as shares of the axes, and the line; the lowest end first.

    Without those of fewer than two points, which draw no line.
    """
    to_axes = ax.transData + ax.transAxes.inverted()
    ends = []
    for line in ax.get_lines():
        seen = [point for point in line.get_xydata() if point[1] == point[1]]
        if len(seen) > 1 and not line.get_label().startswith("_"):
            x, y = to_axes.transform(seen[-1]).clip(0, 1).tolist()
            ends.append((x, y, line))
    return sorted(ends, key=lambda end: end[1])


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Middles for labels of these heights in [0, 1], near where each is wanted, lowest first.

    Labels that would overlap are pooled: they stand stacked around the mean of their places. Where
    there is no room for all, they move together.

    >>> spread([0.5, 0.5, 0.875], [0.25, 0.25, 0.25])
    [0.375, 0.625, 0.875]
    """
    heights = [height / max(1, sum(heights)) for height in heights]
    stacked = [sum(heights[:i]) + height / 2 for i, height in enumerate(heights)]
    pools = []  # (how far above the stack at the bottom, how many labels)
    for place, lowest in zip(wanted, stacked):
        lift, count = place - lowest, 1
        while pools and pools[-1][0] > lift:
            other, more = pools.pop()
            lift, count = (lift * count + other * more) / (count + more), count + more
        pools.append((lift, count))
    lifts = [lift for lift, count in pools for _ in range(count)]
    room = 1 - sum(heights)
    return [low + max(0, min(lift, room)) for low, lift in zip(stacked, lifts)]


def confusion_figure(matrix: Tensor) -> tuple[Figure, str]:
    """A confusion matrix [K, K] as a table of counts, the mistakes shaded."""
    mistakes = matrix.clone().fill_diagonal_(0)
    classes = len(matrix)
    with plt.rc_context(STYLE | {"axes.grid": False, "figure.figsize": (WIDTH, 3.9)}):
        fig, ax = plt.subplots()
        ax.imshow(mistakes, cmap="Oranges")
        for row in range(classes):
            for column in range(classes):
                dark = mistakes[row, column] > 0.6 * mistakes.max()
                weight = "bold" if row == column and matrix.max() < 1000 else "normal"
                ax.text(
                    column,
                    row,
                    f"{matrix[row, column]}",
                    ha="center",
                    va="center",
                    weight=weight,
                    color="white" if dark else "black",
                )
        ax.set(xlabel="predicted digit", ylabel="true digit")
        ax.set_xticks(range(classes))
        ax.set_yticks(range(classes))
        ax.tick_params(length=0, pad=5)
        ax.spines[:].set_visible(False)  # the numbers reach up to the edge
    worst = mistakes.flatten().argsort(descending=True)[:3]
    worst_words = ", ".join(
        f"{w // classes} taken for {w % classes} ({mistakes.flatten()[w]} times)"
        for w in worst.tolist()
    )
    alt = (
        f"Table of true digit (rows) by predicted digit (columns): {matrix.diagonal().sum()} of "
        f"{matrix.sum()} on the diagonal. Most common mistakes: {worst_words}"
    )
    return fig, alt


def intervals(values: dict[str, Tensor], xlabel: str, scale: float = 1.0) -> tuple[Figure, str]:
    """One row for each name: every run as a dot, the mean and its 95 % interval beside them.

    values: name -> [R] runs; scale: what to multiply by for display (100 for per cent).
    """
    with plt.rc_context(STYLE | {"figure.figsize": (WIDTH, 0.42 * len(values) + 0.6)}):
        fig, ax = plt.subplots()
        sentences = []
        for row, (name, runs) in enumerate(values.items()):
            runs = runs.double() * scale
            mean, half = mean_and_interval(runs)
            ax.plot(runs, torch.full_like(runs, row), "o", color="#767676", markersize=3, alpha=0.7)
            ax.errorbar(
                mean, row + 0.22, xerr=half, fmt="s", color=COLOURS["blue"], capsize=3, markersize=4
            )
            sentences.append(f"{name}: {mean:.2f}, interval {mean - half:.2f} to {mean + half:.2f}")
        ax.set_yticks(range(len(values)), [broken(name, 16) for name in values])
        ax.set(xlabel=xlabel, ylim=(len(values) - 0.5, -0.5))
    count = len(next(iter(values.values())))
    return fig, f"{xlabel}, {count} runs each, mean and 95 % interval. " + "; ".join(sentences)


def mean_and_interval(runs: Tensor) -> tuple[float, float]:
    """Mean of R runs and the half-width of its 95 % interval (Student's t, R - 1 degrees).

    >>> mean, half = mean_and_interval(torch.tensor([1.0, 2.0, 3.0]))
    >>> mean, round(half, 3)
    (2.0, 2.484)
    """
    half = student_t_95(len(runs) - 1) * runs.double().std().item() / len(runs) ** 0.5
    return runs.double().mean().item(), half


def student_t_95(degrees: int) -> float:
    """The t that 95 % of Student's distribution lies within, by its degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))


def broadcast_drawing(column: Sequence[int], row: Sequence[int]) -> tuple[Figure, str]:
    """A column plus a row, drawn: what is repeated is pale. column: [n] numbers; row: [m]."""
    n, m = len(column), len(row)
    tables = [
        ([[c] * m for c in column], lambda i, j: j == 0, f"[{n}, 1]"),
        ([list(row)] * n, lambda i, j: i == 0, f"[1, {m}]"),
        ([[c + r for r in row] for c in column], lambda i, j: True, f"[{n}, {m}]"),
    ]
    with plt.rc_context(STYLE | {"figure.figsize": (WIDTH, 1.6)}):
        fig, axes = plt.subplots(1, 3)
        for ax, (table, is_own, shape), sign in zip(axes, tables, ("+", "=", "")):
            for i in range(n):
                for j in range(m):
                    own = is_own(i, j)
                    edge = COLOURS["blue"] if own else "#b0b0b0"
                    line = "-" if own else ":"
                    ax.add_patch(plt.Rectangle((j, -i), 0.94, -0.94, fill=False, ec=edge, ls=line))
                    ax.text(j + 0.47, -i - 0.47, table[i][j], ha="center", va="center",
                            color="black" if own else "#767676")  # fmt: skip
            ax.text(m / 2, -n - 0.45, shape, ha="center", va="center")
            ax.text(m + 0.45, -n / 2, sign, ha="center", va="center", fontsize=14)
            ax.set(xlim=(-0.1, m + 0.8), ylim=(-n - 0.8, 0.1), aspect="equal")
            ax.axis("off")
    return fig, (
        f"The column {list(column)} of shape [{n}, 1], repeated {m} times side by side, plus the "
        f"row {list(row)} of shape [1, {m}], repeated {n} times one below the other, gives the "
        f"table {tables[2][0]} of shape [{n}, {m}]."
    )


def product_drawing(products: Sequence[tuple]) -> tuple[Figure, str]:
    """Matrix products as boxes: the row and the column that make one entry are filled.

    products: for each one (title, (left, rows, middle), (right, middle, columns), result).
    """
    lengths = {"B": 1.0, "D": 2.2, "K": 0.75, "H": 1.3}
    with plt.rc_context(STYLE | {"figure.figsize": (WIDTH, 1.3 + 1.35 * len(products))}):
        fig, axes = plt.subplots(len(products), 1, squeeze=False)
        for ax, (title, (left, rows, middle), (right, _, columns), result) in zip(
            axes.flat, products
        ):
            x = 0.0
            for name, height, width, fill, sign in (
                (left, rows, middle, "row", ""),
                (right, middle, columns, "column", "="),
                (result, rows, columns, "entry", ""),
            ):
                h, w = lengths[height], lengths[width]
                ax.add_patch(plt.Rectangle((x, -h / 2), w, h, fill=False, ec="black"))
                spot = {
                    "row": (x, h / 2 - 0.4, w, 0.16),
                    "column": (x + 0.25, -h / 2, 0.16, h),
                    "entry": (x + 0.25, h / 2 - 0.4, 0.16, 0.16),
                }[fill]
                colour = COLOURS["vermillion" if fill == "entry" else "blue"]
                ax.add_patch(plt.Rectangle(spot[:2], *spot[2:], color=colour, lw=0))
                ax.text(
                    x + w / 2, -h / 2 - 0.16, f"{name}  [{height}, {width}]", ha="center", va="top"
                )
                ax.text(x + w + 0.45, 0, sign, ha="center", va="center", fontsize=14)
                x += w + 0.9
            ax.set_title(title, loc="left")
            ax.set(xlim=(-0.2, 6.2), ylim=(-1.6, 1.2), aspect="equal")
            ax.axis("off")
    sentences = [
        f"{title}: {left} [{rows}, {middle}] times {right} [{middle}, {columns}] gives {result} "
        f"[{rows}, {columns}]; one row of {left} and one column of {right}, each of length "
        f"{middle}, make one entry"
        for title, (left, rows, middle), (right, _, columns), result in products
    ]
    alt = "Boxes for matrices. " + ". ".join(sentences) + "."
    for tex, words in ((r"^\top", " transposed"), (r"\partial ", "d"), ("$", "")):
        alt = alt.replace(tex, words)
    return fig, alt


def pictures_and_bars(
    pictures: dict[str, Tensor], bars: dict[str, Tensor], names: Sequence[str] = tuple("0123456789")
) -> tuple[Figure, str]:
    """Pictures in a row, then charts of bars of one scale, one bar for each class.

    pictures: by title, [784], ink in [0, 1] or signed weights. bars: by title, [K]. names: K.
    """
    parts = len(pictures) + len(bars)
    with plt.rc_context(
        STYLE | {"figure.figsize": (min(WIDTH, 1.75 * parts), 0.8 + 0.17 * len(names))}
    ):
        fig, axes = plt.subplots(1, parts, squeeze=False)
        for ax, picture in zip(axes.flat, pictures.values()):
            limit = picture.abs().max().item()
            signed = {"cmap": "RdBu", "vmin": -limit, "vmax": limit}
            ink = {"cmap": "gray_r", "vmin": 0, "vmax": 1}
            ax.imshow(picture.reshape(28, 28), **(signed if picture.min() < 0 else ink))
            ax.axis("off")
        for ax, values in zip(axes.flat[len(pictures) :], bars.values()):
            ax.sharex(axes.flat[-1])
            colours = [RED if value < 0 else COLOURS["blue"] for value in values]
            ax.barh(names, values, color=colours)
            ax.axvline(0, color="black", linewidth=0.8)
            ax.invert_yaxis()
            ax.xaxis.set_major_locator(MaxNLocator(2))
        titles = [broken(title) for title in (*pictures, *bars)]
        breaks = max(title.count("\n") for title in titles)
        for ax, title in zip(axes.flat, titles):  # all begin at one height
            ax.set_title(title + "\n" * (breaks - title.count("\n")))
    listed = [
        f"{title}: "
        + ", ".join(f"{name} {value:.3g}" for name, value in zip(names, values.tolist()))
        for title, values in bars.items()
    ]
    shown = f"Pictures: {', '.join(pictures)}. " if pictures else ""
    return fig, f"{shown}Bars. {'. '.join(listed)}."


def worked_step(rows: Sequence[Sequence[tuple[str, str, Tensor]]]) -> tuple[Figure, str]:
    """Arrays with their numbers between brackets, in rows; what stands before each is a sign.

    rows: for each row of the figure [(sign, name, [n, m] or []), ...]; matplotlib sets the names. A
    row that is too wide goes on in the next.
    """
    cell = 0.5  # inches; a row of the figure is as high as its highest array
    arrays = []
    for row in rows:
        room = 0.0
        for sign, name, value in row:
            value = torch.atleast_2d(value)
            needed = 0.55 + cell * value.shape[1]
            if needed > room:
                arrays.append([])
                room = WIDTH
            arrays[-1].append((sign, name, value))
            room -= needed
    heights = [0.3 + 0.22 * max(len(value) for *_, value in row) for row in arrays]
    width = max(sum(0.55 + cell * value.shape[1] for *_, value in row) for row in arrays)
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots(figsize=(width, sum(heights) + 0.2 * len(arrays)))
    top, sentences = 0.0, []
    for row, height in zip(arrays, heights):
        x, middle = 0.0, top - 0.3 - (height - 0.3) / 2
        for sign, name, value in row:
            n, m = value.shape
            ax.text(x + 0.2, middle, sign, ha="center", va="center", fontsize=12)
            x += 0.45
            ax.text(x + cell * m / 2, top - 0.12, f"${name}$", ha="center", va="center",
                    fontsize=10)  # fmt: skip
            high, low = middle + 0.11 * n, middle - 0.11 * n
            for edge, inward in ((x, 0.06), (x + cell * m, -0.06)):
                ax.plot([edge + inward, edge, edge, edge + inward], [high, high, low, low],
                        color="black", linewidth=1)  # fmt: skip
            for r in range(n):
                for c in range(m):
                    at = x + cell * (c + 0.5), high - 0.22 * (r + 0.5)
                    number = _number(value[r, c].item())
                    ax.text(*at, number, ha="center", va="center", fontsize=9)
            x += cell * m + 0.1
            plain = name.replace(r"\partial ", "d ").replace(" / ", "/").replace(r"\,", "")
            listed = "; ".join(", ".join(map(_number, line)) for line in value.tolist())
            sentences.append(f"{plain} = [{listed}]")
        top -= height + 0.2
    ax.set(xlim=(0, width), ylim=(top, 0), aspect="equal")
    ax.axis("off")
    return fig, "Arrays with their numbers, row by row. " + ". ".join(sentences) + "."


def _number(value: float) -> str:
    """A fraction with 2, 4, 8 or 16 below where that is exact, else two decimals."""
    part = Fraction(value).limit_denominator(16)
    exact = abs(part - Fraction(value)) < 1e-9 and part.denominator in (1, 2, 4, 8, 16)
    return (f"{part}" if exact else f"{value:.2f}").replace("-", "−")
