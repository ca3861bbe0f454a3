"""The figures, read back: what is drawn where, in which colour, under which label, in which words.

Each is drawn from data that are known, and all that a reader takes from it is compared with them.
"""

import math
import re
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import same_color, to_rgb
from matplotlib.text import Text
from scipy import optimize, stats

from scratchmnist.pages import figures

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#AA4499"
RED = "#d72d47"


@pytest.fixture(autouse=True)
def close_all():
    yield
    plt.close("all")


def pictures(fig):
    """The arrays of the pictures in a figure, axes by axes, and the axes."""
    return [(ax.get_images()[0], ax) for ax in fig.axes if ax.get_images()]


def shade(picture, row, column):
    """The colour (r, g, b) that one entry of a picture is drawn in."""
    return picture.cmap(picture.norm(picture.get_array()[row, column]))[:3]


# --- digits -----------------------------------------------------------------------------------


def test_digits_are_drawn_row_by_row_upright_and_dark_on_light():
    images = torch.zeros(3, 784)
    images[0, 5 * 28 + 20] = 1.0  # row 5, column 20
    images[1, :] = 0.5
    fig, alt = figures.digit_grid(images, titles=["a", "b\nc", "d"], columns=2, what="test digits")
    (first, ax), (second, _), (third, _) = pictures(fig)
    assert first.get_array()[5, 20] == 1
    assert first.get_array().sum() == 1
    assert first.origin == "upper"
    assert sum(shade(first, 5, 20)) < 0.05  # ink is black
    assert sum(shade(first, 20, 5)) > 2.95  # paper is white
    assert all(picture.get_clim() == (0, 1) for picture in (first, second, third))
    assert [ax.get_title() for ax in fig.axes] == ["a", "b\nc", "d", ""]
    assert ax.get_subplotspec().get_geometry()[:2] == (2, 2)
    assert alt == "3 test digits, in 2 rows of 2: a; b c; d"
    assert figures.digit_grid(images, columns=3)[1] == "3 digits, in 1 rows of 3"


def test_weights_are_blue_where_they_add_and_red_where_they_take_away():
    weights = torch.zeros(784, 3)
    weights[3 * 28 + 7, 0] = 0.375  # the largest is negative
    weights[3 * 28 + 8, 0] = -0.25
    weights[:, 1] = -0.5
    fig, alt = figures.weight_pictures(weights, ["zero", "one", "two"], columns=2)
    (first, ax), (second, _), _ = pictures(fig)[:3]
    assert first.get_array()[3, 7] == 0.375
    assert first.get_array()[3, 8] == -0.25
    assert first.origin == "upper"
    assert {picture.get_clim() for picture, _ in pictures(fig)[:3]} == {(-0.5, 0.5)}
    red, _, blue = shade(first, 3, 7)
    assert blue > 2 * red  # adds to the score: blue
    red, _, blue = shade(second, 0, 0)
    assert red > 2 * blue
    assert min(shade(first, 0, 0)) > 0.9  # nothing: white
    assert [ax.get_title() for ax in fig.axes][:3] == ["zero", "one", "two"]
    assert ax.get_subplotspec().get_geometry()[:2] == (2, 2)
    assert fig.axes[-1].get_ylabel() == "weight"
    assert alt == (
        "3 pictures of weights (zero, one, two), blue for positive and red for negative, "
        "between -0.50 and 0.50"
    )


# --- lines ------------------------------------------------------------------------------------


def test_curves_have_their_own_labels_colours_and_dashes():
    x = torch.tensor([1.0, 2.0, 4.0])
    lines = {
        "up": torch.tensor([1.0, 2.0, 3.0]),
        "down": torch.tensor([3.0, 2.5, 0.5]),
        "flat": torch.tensor([2.0, 2.0, 2.0]),
        "valley": torch.tensor([2.2, 0.1, 2.4]),
    }
    fig, alt = figures.curves(x, lines, "steps", "loss")
    (ax,) = fig.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps", "loss")
    assert (ax.get_xscale(), ax.get_yscale()) == ("linear", "linear")
    drawn = ax.get_lines()
    assert [line.get_label() for line in drawn] == list(lines)
    assert [line.get_linestyle() for line in drawn] == ["-", "--", "-.", ":"]
    for line, colour, y in zip(
        drawn, (BLUE, VERMILLION, GREEN, PURPLE), lines.values(), strict=True
    ):
        assert same_color(line.get_color(), colour)
        assert list(line.get_xdata()) == x.tolist()
        assert list(line.get_ydata()) == y.tolist()
    written = {text.get_text(): text for text in ax.texts}
    assert set(written) == set(lines)
    for line in drawn:
        assert same_color(written[line.get_label()].get_color(), line.get_color())
    heights = {name: text.get_position()[1] for name, text in written.items()}
    assert sorted(heights, key=heights.get) == ["down", "flat", "valley", "up"]
    assert alt == (
        "Lines of loss over steps. up: from 1 at 1 to 3 at 4. down: from 3 at 1 to 0.5 at 4. "
        "flat: from 2 at 1 to 2 at 4. valley: from 2.2 at 1 to 2.4 at 4, lowest 0.1 at 2."
    )


def test_a_band_spans_all_runs_around_their_mean():
    x = torch.tensor([0.0, 1.0])
    runs = torch.tensor([[1.0, 3.0, 8.0], [2.0, 2.0, 5.0]])
    fig, alt = figures.curves(x, {"runs": runs}, "epoch", "accuracy", log_x=True, log_y=True)
    (ax,) = fig.axes
    assert list(ax.get_lines()[0].get_ydata()) == [4, 3]
    (band,) = ax.collections
    corners = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    assert {(0, 1), (0, 8), (1, 2), (1, 5)} == corners
    assert to_rgb(band.get_facecolor()[0][:3]) == pytest.approx(to_rgb(BLUE))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert alt.endswith("The band spans all runs.")


def test_what_is_not_finite_leaves_a_gap_and_is_told():
    x = torch.tensor([1.0, 2.0, 3.0])
    fig, alt = figures.curves(x, {"lost": torch.tensor([1.0, 2.0, math.inf])}, "x", "y")
    assert math.isnan(fig.axes[0].get_lines()[0].get_ydata()[2])
    assert "lost: from 1 at 1 to 2 at 2, then no longer finite" in alt
    _, alt = figures.curves(x, {"never": torch.full((3,), math.nan)}, "x", "y")
    assert "never: no finite value" in alt


def test_a_line_of_a_single_finite_point_has_no_name():
    one, two = torch.tensor([1.0, math.inf, math.nan]), torch.tensor([1.0, 2.0, math.nan])
    fig, alt = figures.curves(torch.arange(3), {"one": one, "two": two}, "x", "y")
    assert [text.get_text() for text in fig.axes[0].texts] == ["two"]
    assert "one: from 1 at 0 to 1 at 0, then no longer finite" in alt


LEARNING_CURVES = {
    "300 hidden units": 0.05, "30 hidden units": 0.24, "nearest neighbour": 0.26,
    "random features": 0.36, "one layer, cross-entropy": 0.56, "one layer, squared error": 0.78,
    "average digit": 0.86,
}  # fmt: skip
LEVEL = dict.fromkeys("abcde", 1.0)


def labelled(inches, ends):
    """Labels of lines that end at {label: height, from 0 to 1}, in a figure so high.

    {label: (its box as drawn, where its line ends, the annotation)} in inches above the axes' foot,
    and the axes' height.
    """
    with plt.rc_context(figures.STYLE | {"figure.figsize": (figures.WIDTH, inches)}):
        fig, ax = plt.subplots()
        for label, end in ends.items():
            ax.plot([0, 1], [0.5, end], label=label)
        ax.set(xlabel="x", ylabel="y", ylim=(0, 1))
        figures.label_lines(ax)
        fig.draw_without_rendering()
    foot, height = ax.bbox.y0 / fig.dpi, ax.bbox.height / fig.dpi
    found = {}
    for text in ax.texts:
        label = text.get_text().replace("\n", " ")
        box = Text.get_window_extent(text)  # without its leader
        found[label] = (
            (box.y0 / fig.dpi - foot, box.y1 / fig.dpi - foot), ends[label] * height, text
        )  # fmt: skip
    return found, height


@pytest.mark.parametrize("inches", [2.8, 4])
@pytest.mark.parametrize(
    "ends", [LEARNING_CURVES, LEVEL, dict.fromkeys(LEVEL, 0.0), dict.fromkeys(LEVEL, 0.5)]
)
def test_labels_of_lines_keep_order_and_distance_and_stay_within_the_axes(ends, inches):
    found, height = labelled(inches, ends)
    assert found.keys() == ends.keys()
    boxes = {label: box for label, (box, *_) in found.items()}
    for lower, upper in pairwise(sorted(boxes.values())):
        assert lower[1] < upper[0]
    assert min(low for low, _ in boxes.values()) >= 0
    assert max(high for _, high in boxes.values()) <= height
    for (box_1, end_1, _), (box_2, end_2, _) in combinations(found.values(), 2):
        if end_1 != end_2:  # exchanged, both labels would be farther from the ends of their lines
            assert (end_1 - end_2) * (sum(box_1) - sum(box_2)) > 0


def test_each_label_is_nearest_to_the_end_of_its_own_line():
    found, _ = labelled(4, LEARNING_CURVES)
    ends = {label: end for label, (_, end, _) in found.items()}
    for label, ((low, high), *_) in found.items():
        assert min(ends, key=lambda other: abs(ends[other] - (low + high) / 2)) == label


@pytest.mark.parametrize("inches", [2.8, 4])
def test_a_label_with_room_stands_at_the_end_of_its_line(inches):
    _, height = labelled(inches, LEVEL)
    ends = {f"some words, label {i}": (0.2 + 0.4 * i) / height for i in range(4)}
    for (low, high), end, text in labelled(inches, ends)[0].values():
        assert (low + high) / 2 == pytest.approx(end, abs=0.02)
        assert text.arrow_patch is None


@pytest.mark.parametrize("inches", [2.8, 4])
def test_a_leader_goes_from_the_end_of_a_line_to_a_label_that_moved(inches):
    found, _ = labelled(inches, LEVEL)
    moved = [text for (_, high), end, text in found.values() if high < end - 0.1]
    assert len(moved) == 4
    for text in moved:
        leader = text.arrow_patch
        to_axes = leader.get_transform() + text.axes.transAxes.inverted()
        start, *_, end = to_axes.transform(leader.get_path().vertices)
        assert start == pytest.approx(text.get_position(), abs=0.03)
        assert end == pytest.approx((1.05 / 1.1, 1), abs=0.001)  # margins of 5 %
        assert same_color(leader.get_edgecolor(), text.get_color())


@pytest.mark.parametrize("seed", range(10))
def test_labels_move_no_more_than_they_must(seed):
    torch.manual_seed(seed)
    wanted = torch.rand(5, dtype=torch.double).sort().values.numpy()
    heights = (0.05 + 0.1 * torch.rand(5, dtype=torch.double)).numpy()
    apart = (heights[1:] + heights[:-1]) / 2
    best = optimize.minimize(
        lambda y: ((y - wanted) ** 2).sum(),
        wanted,
        method="SLSQP",
        bounds=list(zip(heights / 2, 1 - heights / 2)),
        constraints={"type": "ineq", "fun": lambda y: y[1:] - y[:-1] - apart},
        options={"ftol": 1e-12},
    )
    assert best.success
    assert figures.spread(wanted, heights) == pytest.approx(best.x, abs=1e-4)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize(
    ("low", "high", "places", "said"),
    [
        (20, 1500, [30, 100, 300, 1000], ["30", "100", "300", "1,000"]),
        (0.21, 0.55, [0.3, 0.4, 0.5], ["0.3", "0.4", "0.5"]),
        (0.001, 2, [0.001, 0.01, 0.1, 1], ["0.001", "0.01", "0.1", "1"]),
        (2e-9, 1e-5, [1e-8, 1e-7, 1e-6, 1e-5], ["10⁻⁸", "10⁻⁷", "10⁻⁶", "10⁻⁵"]),
        (2e5, 4e6, [2e5, 5e5, 1e6, 2e6], ["2·10⁵", "5·10⁵", "10⁶", "2·10⁶"]),
    ],
)
def test_logarithmic_axes_say_plain_numbers(low, high, places, said):
    ax = plt.figure().add_subplot()
    ax.set(xscale="log", xlim=(low, high))
    figures.log_ticks(ax)
    assert ax.get_xticks() == pytest.approx(places)
    assert [label.get_text() for label in ax.get_xticklabels()] == said
    assert not len(ax.xaxis.get_minorticklocs())
    assert len(ax.get_yticks()) > 4  # not logarithmic: left alone


def test_curves_say_plain_numbers_too():
    x = torch.tensor([1.0, 10.0, 100.0])
    fig, _ = figures.curves(x, {"y": x}, "x", "y", log_x=True, log_y=True)
    for labels in (fig.axes[0].get_xticklabels(), fig.axes[0].get_yticklabels()):
        assert {"1", "10", "100"} <= {label.get_text() for label in labels}


# --- tables and intervals ---------------------------------------------------------------------


def test_the_confusion_table_has_true_digits_as_rows():
    matrix = torch.tensor([[50, 7, 0], [1, 40, 2], [3, 0, 30]])
    fig, alt = figures.confusion_figure(matrix)
    (ax,) = fig.axes
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted digit", "true digit")
    at = {text.get_position(): text for text in ax.texts}
    for row in range(3):
        for column in range(3):
            assert at[column, row].get_text() == str(matrix[row, column].item())
            assert at[column, row].get_weight() == ("bold" if row == column else "normal")
    picture = ax.get_images()[0]
    assert picture.get_array()[0, 1] == 7  # row 0, true; column 1, predicted
    assert picture.get_array()[1, 0] == 1
    assert picture.get_array().diagonal().sum() == 0  # what is right is not shaded
    assert sum(shade(picture, 0, 1)) < sum(shade(picture, 1, 2)) < sum(shade(picture, 0, 2))
    assert at[1, 0].get_color() == "white"  # on the darkest shade
    assert at[0, 1].get_color() == "black"
    assert list(ax.get_xticks()) == list(ax.get_yticks()) == [0, 1, 2]
    low, high = ax.get_ylim()
    assert low > high  # row 0 at the top
    assert alt == (
        "Table of true digit (rows) by predicted digit (columns): 120 of 133 on the diagonal. "
        "Most common mistakes: 0 taken for 1 (7 times), 2 taken for 0 (3 times), "
        "1 taken for 2 (2 times)"
    )


def test_numbers_of_the_confusion_table_stay_within_their_cells():
    fig, _ = figures.confusion_figure(1213 * torch.eye(10, dtype=torch.int))
    fig.draw_without_rendering()
    (ax,) = fig.axes
    assert max(text.get_window_extent().width for text in ax.texts) < ax.bbox.width / 10 - 1


def test_an_interval_is_students_for_the_runs_that_are_drawn():
    runs = {"one": torch.tensor([0.90, 0.92, 0.91, 0.95]), "two": torch.tensor([0.5, 0.6])}
    fig, alt = figures.intervals(runs, "accuracy, %", scale=100)
    (ax,) = fig.axes
    assert ax.get_xlabel() == "accuracy, %"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row at the top
    dots = [line for line in ax.get_lines() if line.get_marker() == "o"]
    assert len(dots) == len(ax.containers) == 2
    for row, (values, dot, interval) in enumerate(zip(runs.values(), dots, ax.containers)):
        assert dot.get_xdata() == pytest.approx((100 * values.double()).numpy())
        assert set(dot.get_ydata()) == {row}
        mean, error = (100 * values.double()).mean().item(), stats.sem(100 * values.numpy())
        low, high = stats.t.interval(0.95, len(values) - 1, mean, error)
        point, _, (bar,) = interval.lines
        assert point.get_xdata()[0] == pytest.approx(mean, rel=1e-6)
        assert same_color(point.get_color(), BLUE)
        (start, end) = bar.get_segments()[0]
        assert (start[0], end[0]) == pytest.approx((low, high), rel=1e-5)
        assert row < start[1] < row + 0.5
        name = list(runs)[row]
        assert f"{name}: {mean:.2f}, interval {low:.2f} to {high:.2f}" in alt
    assert alt.startswith("accuracy, %, 4 runs each, mean and 95 % interval. ")


# --- drawings ---------------------------------------------------------------------------------


def test_the_broadcast_drawing_repeats_and_adds():
    fig, alt = figures.broadcast_drawing([10, 20], [1, 2, 3])
    tables = []
    for ax in fig.axes:
        numbers = {text.get_position(): text for text in ax.texts if text.get_text().isdigit()}
        columns = sorted({x for x, _ in numbers})
        rows = sorted({y for _, y in numbers}, reverse=True)
        tables.append([[int(numbers[x, y].get_text()) for x in columns] for y in rows])
    assert tables == [
        [[10, 10, 10], [20, 20, 20]],
        [[1, 2, 3], [1, 2, 3]],
        [[11, 12, 13], [21, 22, 23]],
    ]
    shapes = [text.get_text() for ax in fig.axes for text in ax.texts if "[" in text.get_text()]
    assert shapes == ["[2, 1]", "[1, 3]", "[2, 3]"]
    own = [sum(patch.get_linestyle() == "-" for patch in ax.patches) for ax in fig.axes]
    assert own == [2, 3, 6]  # the rest is repeated, and dotted
    assert "[[11, 12, 13], [21, 22, 23]] of shape [2, 3]" in alt
    assert "repeated 3 times side by side" in alt


def test_the_product_drawing_fills_a_row_a_column_and_their_entry():
    product = ("forward", ("$X$", "B", "D"), ("$W$", "D", "K"), "$Z$")
    fig, alt = figures.product_drawing([product])
    (ax,) = fig.axes
    names = [text.get_text() for text in ax.texts if "[" in text.get_text()]
    assert names == ["$X$  [B, D]", "$W$  [D, K]", "$Z$  [B, K]"]
    assert ax.get_title(loc="left") == "forward"
    filled = [patch for patch in ax.patches if patch.get_fill()]
    sizes = [(patch.get_width(), patch.get_height()) for patch in filled]
    frames = [patch for patch in ax.patches if not patch.get_fill()]
    assert sizes[0][0] == frames[0].get_width()  # a whole row of X
    assert sizes[1][1] == frames[1].get_height()  # a whole column of W
    assert sizes[2] == (sizes[1][0], sizes[0][1])  # one entry of Z
    assert frames[0].get_width() == frames[1].get_height()  # the axis that is added over
    for patch, colour in zip(filled, (BLUE, BLUE, VERMILLION), strict=True):
        assert same_color(patch.get_facecolor(), colour)
    assert "X [B, D] times W [D, K] gives Z [B, K]; one row of X and one column of W" in alt
    assert not re.search(r"[$\\]", alt)


# --- pictures with bars ---------------------------------------------------------------------------


def test_pictures_stand_before_bars_and_keep_their_signs():
    image, weights = torch.zeros(784), torch.zeros(784)
    image[28 * 3 + 5], weights[28 * 3 + 5], weights[28 * 9 + 1] = 1.0, 2.0, -2.0
    values = torch.tensor([0.5, -1.25, 0.0])
    fig, alt = figures.pictures_and_bars(
        {"image": image, "weights": weights}, {"adds": values, "all": 4 * values}, ["p", "q", "r"]
    )
    assert [ax.get_title() for ax in fig.axes] == ["image", "weights", "adds", "all"]
    assert [ax.axison for ax in fig.axes] == [False, False, True, True]
    (ink, _), (signed, _) = pictures(fig)
    assert shade(ink, 3, 5) == (0, 0, 0)
    assert shade(ink, 5, 3) == (1, 1, 1)
    assert shade(signed, 3, 5)[2] > shade(signed, 3, 5)[0] + 0.3  # blue adds
    assert shade(signed, 9, 1)[0] > shade(signed, 9, 1)[2] + 0.2
    bars = fig.axes[2]
    assert [bar.get_width() for bar in bars.patches] == values.tolist()
    colours = [bar.get_facecolor() for bar in bars.patches]
    assert [same_color(colour, RED) for colour in colours] == [False, True, False]
    assert [text.get_text() for text in bars.get_yticklabels()] == ["p", "q", "r"]
    assert bars.yaxis_inverted()  # the first is on top
    assert bars.get_xlim() == fig.axes[3].get_xlim()  # a bar twice as long is twice as much
    assert bars.get_xlim()[0] < -5 < 2 < bars.get_xlim()[1]
    assert alt == (
        "Pictures: image, weights. Bars. adds: p 0.5, q -1.25, r 0. all: p 2, q -5, r 0."
    )


def test_bars_side_by_side_keep_numbers_and_titles_apart():
    values = torch.tensor([0.3, -0.4, 0.1])
    titles = "probability p", "cross-entropy: p - y", "squared error"
    names = "first", "second", "third"
    fig, _ = figures.pictures_and_bars({}, dict.fromkeys(titles, values), names)
    fig.draw_without_rendering()
    tops = [ax.title.get_window_extent().y1 for ax in fig.axes]
    assert max(tops) - min(tops) < 3  # pixels; a line has 12
    for ax in fig.axes:
        boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
        seen = [box for box in boxes if ax.bbox.x0 <= (box.x0 + box.x1) / 2 <= ax.bbox.x1]
        assert len(seen) > 1
        assert all(left.x1 + 4 < right.x0 for left, right in pairwise(seen))


def test_the_worked_step_has_every_number_between_its_brackets():
    first = torch.tensor([[0.5, -0.375], [3.0, 0.6931]])
    fig, alt = figures.worked_step(
        [[("", "W_1", first)], [("=", r"\partial L / \partial b", torch.tensor(2.0))]]
    )
    (ax,) = fig.axes
    texts = {text.get_text(): text.get_position() for text in ax.texts}
    assert {"1/2", "−3/8", "3", "0.69", "2", "=", "$W_1$"} <= texts.keys()
    assert texts["1/2"][0] == texts["3"][0] < texts["−3/8"][0] == texts["0.69"][0]
    assert texts["1/2"][1] == texts["−3/8"][1] > texts["3"][1] == texts["0.69"][1] > texts["2"][1]
    for (left, right), inside in (
        (ax.lines[:2], ["1/2", "−3/8", "3", "0.69"]),
        (ax.lines[2:], "2"),
    ):
        xs = [*left.get_xdata(), *right.get_xdata()]
        ys = left.get_ydata()
        for text in inside:
            assert min(xs) < texts[text][0] < max(xs)
            assert min(ys) < texts[text][1] < max(ys)
    assert alt == (
        "Arrays with their numbers, row by row. W_1 = [1/2, −3/8; 3, 0.69]. d L/d b = [2]."
    )
