"""The explorables that measure: a regression's answers, a step, intervals; against torch.

Each stands alone on a small page, as in test_explorables_drawn.
"""

import base64
import io
import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image
from test_explorables_drawn import (
    BLUE,
    DATA,
    RED,
    dragged,
    fixed,
    opened,
    percent,
    the_bars_are,
    the_status_is,
)

from scratchmnist import nearest_digit
from scratchmnist.pages.figures import mean_and_interval

# Every mark of a chart: its class, the box of its shape (without the stroke) on the screen, colours
MARKS = """(svg) => {
  const onScreen = (part, x, y) => {
    const at = new DOMPoint(x, y).matrixTransform(part.getScreenCTM());
    return [at.x, at.y];
  };
  const box = (part) => {
    const { x, y, width, height } = part.getBBox();
    return [...onScreen(part, x, y), ...onScreen(part, x + width, y + height)];
  };
  return {
    label: svg.ariaLabel,
    texts: [...svg.querySelectorAll("text")].map((text) => ({ words: text.textContent,
      anchor: text.getAttribute("text-anchor"),
      at: onScreen(text, text.x.baseVal[0].value, text.y.baseVal[0].value),
      size: parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a })),
    grid: [...svg.querySelectorAll(".grid")].map((line) => box(line)[1]),
    marks: [...svg.querySelectorAll("svg svg :is(rect, path, circle, image)")].map((part) => ({
      kind: `${part.tagName} ${part.getAttribute("class")}`, box: box(part),
      points: part.tagName !== "path" ? [] : part.getAttribute("d").match(/[-\\d.]+ [-\\d.]+/g)
        .map((pair) => onScreen(part, ...pair.split(" ").map(Number))),
      href: part.getAttribute("href"),
      fill: getComputedStyle(part).fill, stroke: getComputedStyle(part).stroke,
      dashes: getComputedStyle(part).strokeDasharray,
      thick: parseFloat(getComputedStyle(part).strokeWidth) })),
  };
}"""
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def number(words):
    """From a label: a number, or a power of ten."""
    words = words.replace("−", "-")
    power = re.fullmatch(r"10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", words)
    return 10.0 ** int(power[1].translate(SUPERSCRIPTS)) if power else float(words)


def straight(ticks, change=float):
    """From values to places, by the labels of an axis [(value, place), ...], which must agree."""
    (low, start), *_, (high, end) = sorted(ticks)
    slope = (end - start) / (change(high) - change(low))
    for value, place in ticks:
        assert start + slope * (change(value) - change(low)) == pytest.approx(place, abs=0.1)
    return lambda value: start + slope * (change(value) - change(low))


def chart_of(shown, place=0, change=float, named=number):
    """The marks of a chart by kind, and the scales of its axes."""
    chart = shown.locator("svg.chart").nth(place).evaluate(MARKS)
    marks = {}
    for mark in chart["marks"]:
        marks.setdefault(mark["kind"], []).append(mark)
    below = [text for text in chart["texts"] if text["anchor"] == "middle"][:-1]
    beside = [text for text in chart["texts"] if text["anchor"] == "end"]
    for text, line in zip(beside, chart["grid"], strict=True):
        assert text["at"][1] == pytest.approx(line, abs=6)
    x = straight([(named(text["words"]), text["at"][0]) for text in below], change)
    y = beside and straight([(number(t["words"]), line) for t, line in zip(beside, chart["grid"])],
                            change)  # fmt: skip
    return chart, marks, x, y


def scientific(value):
    digits, power = f"{value:.0e}".split("e")
    return f"{digits} · 10" + str(int(power)).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


# --- on a phone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["number-line", "difference-step", "draw-again"])
def test_it_suits_a_finger_and_an_eye(browser, tmp_path, name):
    with opened(browser, tmp_path, name, **DATA[name]) as shown:
        shown.set_viewport_size({"width": 390, "height": 800})
        for target in shown.locator(".explorable :is(button, select, input, summary)").all():
            assert target.bounding_box()["height"] >= 44
        for chart in shown.locator("svg.chart").all():
            assert min(text["size"] for text in chart.evaluate(MARKS)["texts"]) >= 10
        assert shown.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", ["number-line", "draw-again"])
def test_in_forced_colours_right_and_wrong_differ(browser, tmp_path, name):
    with opened(browser, tmp_path, name, **DATA[name]) as shown:
        shown.add_style_tag(path=str(ROOT / "book" / "_static" / "book.css"))
        shown.emulate_media(forced_colors="active")
        _, marks, *_ = chart_of(shown)
        good, bad = (
            ("rect right", "rect wrong")
            if name == "number-line"
            else ("circle holds", "circle misses")
        )
        highlight, canvas = shown.evaluate(
            """() => ["Highlight", "Canvas"].map((colour) => {
              document.body.style.backgroundColor = colour;
              return getComputedStyle(document.body).backgroundColor;
            })"""
        )
        assert {mark["fill"] for mark in marks[good]} == {highlight}
        assert {mark["fill"] for mark in marks[bad]} == {canvas} != {highlight}


# --- number line ----------------------------------------------------------------------------------


def check_line(shown, digit, place):
    """digit: 10 for all of them; place: which of its pictures, by the size of its answer."""
    data = DATA["number-line"]
    answers, labels = data["answers"], data["labels"].long()
    rows = (labels == digit).nonzero()[:, 0] if digit < 10 else torch.arange(len(labels))
    names = nearest_digit(answers[:, None])
    right = names == labels
    by_answer = sorted((p for p, row in enumerate(data["places"]) if row in rows.tolist()),
                       key=lambda p: answers[data["places"][p]].item())  # fmt: skip
    picture = by_answer[place]
    row = data["places"][picture]
    answer = answers[row].item()

    count = int(right[rows].sum())
    what = "pictures" if digit > 9 else f"pictures of a {digit}"
    mean = answers[rows].double().mean().item()
    if digit > 9:
        middle = [sum(3 <= n <= 6 for n in values.tolist()) for values in (names, labels)]
        story = f"{middle[0]} of {len(rows)} are named 3, 4, 5 or 6, and only {middle[1]} are that."
    else:
        gap = f"{fixed(abs(mean - digit))} too {'large' if mean > digit else 'small'}"
        story = f"Their mean answer is {fixed(mean)}: {gap}."
    said = fixed(answer, 3 if fixed(answer).endswith(".50") else 2)
    which = f", a {labels[row]}," if digit > 9 else ""
    the_status_is(
        shown,
        f"{count} of {len(rows)} {what} are named right. {story} The one shown{which} gets {said}: "
        f"named {names[row]}, {'right' if right[row] else 'wrong'}.",
    )
    assert shown.get_by_role("slider").get_attribute("aria-valuetext") == said
    assert shown.locator("table.bars caption").inner_text() == (
        f"What the {len(rows)} {what} are named"
    )
    shares = [(names[rows] == d).double().mean().item() for d in range(10)]
    marked = digit if digit < 10 else None
    columns = {"share of them": (shares, percent, 0, 1, marked)}
    the_bars_are(shown, [str(d) for d in range(10)], columns)

    chart, marks, x, y = chart_of(shown)
    assert "number line" in chart["label"]
    near = lambda *place: pytest.approx(place, abs=0.1)  # noqa: E731
    expected = {"rect right": [], "rect wrong": []}
    bins = ((answers.double() + 3) * 4).floor().clamp(0, 59).long()
    for b in range(60):
        inside = [r for r in rows.tolist() if bins[r] == b]
        good = sum(right[r].item() for r in inside)
        for kind, low, high in (("right", 0, good), ("wrong", good, len(inside))):
            if high > low:
                sides = [x(b / 4 - 3), y(high), x(b / 4 - 2.75), y(low)]
                expected[f"rect {kind}"].append(near(*sides))
    for kind, boxes in expected.items():
        assert [mark["box"] for mark in marks.get(kind, [])] == boxes
    assert all(mark["fill"] == BLUE for mark in marks.get("rect right", []))
    assert all(mark["stroke"] == RED != mark["fill"] for mark in marks.get("rect wrong", []))
    cuts = [(mark["box"][0], mark["box"][2], mark["box"][3]) for mark in marks["path cut"]]
    assert cuts == [near(x(d + 0.5), x(d + 0.5), y(0)) for d in range(9)]
    if digit < 10:
        (home,) = marks["rect home"]
        sides = [-3 if digit == 0 else digit - 0.5, 12 if digit == 9 else digit + 0.5]
        assert [home["box"][0], home["box"][2]] == near(*map(x, sides))
    else:
        assert "rect home" not in marks
    (average,), (dot,), (post,), (image,) = (
        marks[kind] for kind in ("path average", "circle chosen", "path post", "image digit")
    )
    assert average["box"][0] == pytest.approx(x(data["mean"]), abs=0.1)
    left, top, edge, bottom = dot["box"]
    assert [(left + edge) / 2, (top + bottom) / 2] == near(x(mean), y(0))
    at = x(min(12, max(-3, answer)))
    assert [post["box"][0], post["box"][3]] == near(at, y(0))
    assert (image["box"][0] + image["box"][2]) / 2 == pytest.approx(at, abs=0.1)
    assert image["box"][3] <= post["box"][1] + 0.1
    shows = Image.open(io.BytesIO(base64.b64decode(image["href"].split(",")[1]))).convert("L")
    pixels = torch.tensor(np.array(shows)).int().view(784)
    assert (pixels - (255 - data["images"][picture].int())).abs().max() <= 1


def test_number_line(browser, tmp_path):
    with opened(browser, tmp_path, "number-line", **DATA["number-line"]) as shown:
        check_line(shown, 9, 2)  # the middle one of five
        digits, slider = shown.get_by_role("combobox"), shown.get_by_role("slider")
        digits.focus()
        shown.keyboard.press("ArrowDown")
        check_line(shown, 10, 25)
        with dragged(shown, slider, 0.1) as k:
            assert 0 < k < 10
            check_line(shown, 10, int(k))
        slider.focus()
        for key, place in (("Home", 0), ("ArrowRight", 1), ("End", 49)):
            shown.keyboard.press(key)
            check_line(shown, 10, place)
        for digit in (0, 4, 6):
            digits.select_option(f"pictures of a {digit}")
            check_line(shown, digit, 2)


def test_a_tie_is_not_hidden_by_rounding(browser, tmp_path):
    """An answer of 3.496 is named 3, and is not shown as 3.50."""
    data = DATA["number-line"] | {"answers": DATA["number-line"]["answers"].clone()}
    data["answers"][19] = 3.496
    with opened(browser, tmp_path, "number-line", **data) as shown:
        slider = shown.get_by_role("slider")
        shown.get_by_role("slider").focus()
        shown.keyboard.press("Home")
        assert slider.get_attribute("aria-valuetext") == "3.496"


# --- the step of a difference ---------------------------------------------------------------------

TYPES = {"float64": torch.float64, "float32": torch.float32}


def cube(x):
    return x * x * x


def slopes_by(dtype, x, k):
    """Central and one-sided difference of the cube, in torch: two numbers."""
    x, h = torch.tensor(float(x), dtype=dtype), torch.tensor(float(f"1e-{k}"), dtype=dtype)
    central = (cube(x + h) - cube(x - h)) / (2 * h)
    return [central.item(), ((cube(x + h) - cube(x)) / h).item()]


def shortest(value, digits):
    """As a script shows a number with so many digits, without zeros at its end."""
    return f"{float(f'{value:.{digits}g}'):.{digits}g}"


def check_step(shown, name, x, smallest, k):
    slope, steps = 3 * x**2, range(1 - smallest)
    digits = {"float64": 12, "float32": 7}
    table = {kind: [slopes_by(dtype, x, n) for n in steps] for kind, dtype in TYPES.items()}
    wrong = lambda value: abs(value - slope) / slope  # noqa: E731
    h = "10" + f"{-k}".translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
    h = "10⁰" if k == 0 else h
    lost = [
        cube(torch.tensor(x, dtype=TYPES[name]) + way * float(f"1e-{k}")).item() for way in (1, -1)
    ]
    if lost[0] == lost[1]:
        both = f"{x} + h and {x} − h are both rounded to {x}, and nothing is left to divide."
        the_status_is(shown, f"h = {h} in {name}: {both}")
    else:
        step, parts = Fraction(1, 10**k), []
        for q, (kind, lost_by_step) in enumerate(
            [("central", step**2), ("one-sided", 3 * x * step + step**2)]
        ):
            found = table[name][k][q]
            rounding = abs(Fraction(found) - slope - lost_by_step)
            best = min(wrong(row[q]) for row in table[name]) == wrong(found)
            parts.append(
                f"{kind} {shortest(found, digits[name])}, relative error "
                f"{scientific(wrong(found))}, mostly "
                f"{'rounding' if rounding > lost_by_step else 'truncation'}"
                f"{', the least of all steps' if best else ''}"
            )
        the_status_is(shown, f"h = {h} in {name}: {'; '.join(parts)}.")

    caption = shown.locator("table.values caption").inner_text()
    assert caption == f"The slope of x³ at {x} is {slope}; measured with h = {h}"
    head, *rows = [row.split("\t") for row in shown.locator("table.values tr").all_inner_texts()]
    assert head == ["difference", "slope", "relative error"]
    assert rows == [
        [f"{kind}, {other}", shortest(found, digits[other]), scientific(wrong(found))]
        for other in TYPES
        for kind, found in zip(("central", "one-sided"), table[other][k])
    ]
    bold = shown.locator("table.values .now th").all_inner_texts()
    assert bold == [f"central, {name}", f"one-sided, {name}"]

    # the errors, on logarithmic axes: smaller steps to the right, larger errors above
    chart, marks, across, up = chart_of(shown, 1, math.log10)
    assert across(1e-4) > across(1)
    assert up(1) < up(1e-4)
    (other,) = set(TYPES) - {name}
    for format_, kind in ((name, "chosen"), (other, "other")):
        for q, dashed in ((0, ""), (1, " dashed")):
            (line,) = marks[f"path {kind}{dashed}"]
            assert (line["dashes"] != "none") == bool(dashed)
            assert (line["stroke"] == BLUE) == (kind == "chosen")
            places = [
                (across(10.0**-n), up(max(1e-13, wrong(table[format_][n][q])))) for n in steps
            ]
            assert [tuple(at) for at in line["points"]] == [
                pytest.approx(at, abs=0.1) for at in places
            ]
    lit = [centre_of(mark) for mark in marks["circle chosen"]]
    assert lit == [
        pytest.approx((across(10.0**-k), up(wrong(table[name][k][q]))), abs=0.1) for q in (1, 0)
    ]

    # the microscope: the curve around x as wide for every step
    at = {"x − h": -1.0, "x": 0.0, "x + h": 1.0}
    chart = shown.locator("svg.chart").first.evaluate(MARKS)
    below = [t for t in chart["texts"] if t["words"] in at]
    across = straight([(at[t["words"]], t["at"][0]) for t in below])
    up = straight([(number(t["words"]), line) for t, line in zip(
        [t for t in chart["texts"] if t["anchor"] == "end"], chart["grid"])])  # fmt: skip
    marks = {mark["kind"]: mark for mark in chart["marks"]}
    h = torch.tensor(float(f"1e-{k}"), dtype=TYPES[name]).double()
    t = 1.5 * torch.linspace(-1, 1, 301).double()

    def height(t):
        """How much the cube rises over t steps, in steps: each number rounded to the format."""
        moved = (x + torch.as_tensor(t).double() * h).to(TYPES[name])
        rise = cube(moved).double() - cube(torch.tensor(float(x), dtype=TYPES[name])).double()
        return (rise / h).clamp(-9 * slope, 9 * slope)

    points = torch.tensor(marks["path curve"]["points"]).double()
    places = torch.stack([torch.tensor([across(v.item()) for v in t]),
                          torch.tensor([up(v.item()) for v in height(t)])], 1)  # fmt: skip
    same = (points - places.double()).abs().amax(1) < 0.1
    assert same.float().mean() > 0.97  # where t · h falls on the edge of a step of the staircase
    for kind, ends in (("", (-1, 1)), (" dashed", (0, 1))):
        line = marks[f"path chosen{kind}"]
        assert (line["dashes"] != "none") == bool(kind)
        assert [tuple(p) for p in line["points"]] == [
            pytest.approx((across(end), up(height(end).item())), abs=0.1) for end in ends
        ]
    dots = [centre_of(mark) for mark in chart["marks"] if mark["kind"] == "circle chosen"]
    assert dots == [pytest.approx((across(e), up(height(e).item())), abs=0.1) for e in (-1, 0, 1)]
    ends = marks["path average"]["points"]
    rise = [(ends[1][k] - ends[0][k]) for k in (0, 1)]
    assert rise[1] / rise[0] == pytest.approx((up(slope) - up(0)) / (across(1) - across(0)))


def centre_of(mark):
    left, top, right, bottom = mark["box"]
    return (left + right) / 2, (top + bottom) / 2


@pytest.mark.parametrize(("x", "smallest"), [(3, -9), (2, -16)])
def test_difference_step(browser, tmp_path, x, smallest):
    with opened(browser, tmp_path, "difference-step", x=x, smallest=smallest) as shown:
        check_step(shown, "float64", x, smallest, 0)
        slider, formats = shown.get_by_role("slider"), shown.get_by_role("combobox")
        with dragged(shown, slider, 0.4) as k:
            assert 0 < k < -smallest
            check_step(shown, "float64", x, smallest, int(k))
        slider.focus()
        shown.keyboard.press("Home")
        for k in range(1, 1 - smallest):
            shown.keyboard.press("ArrowRight")
            assert slider.input_value() == str(k)
            check_step(shown, "float64", x, smallest, k)
        formats.select_option("float32")
        for k in (-smallest, 8, 6, 2, 0):
            slider.fill(str(k))
            check_step(shown, "float32", x, smallest, k)


# --- draw again -----------------------------------------------------------------------------------

QUESTIONS = ["accuracy, large", "difference, in pairs", "difference, not in pairs"]


def truth_of(question, data):
    worse, better = (torch.tensor(data[name]).double() for name in ("worse", "better"))
    return (better if question == 0 else better - worse).mean().item()


def numbers_in(text):
    return [float(n) for n in re.findall(r"-?\d+\.\d+", text.replace("−", "-"))]


def check_draw(shown, question, size, factor, number_):
    """The last draw by its runs; the table, the picture and the sentence by each other."""
    data = DATA["draw-again"]
    worse, better = data["worse"], data["better"]
    pairs = [round(b - w, 2) for b, w in zip(better, worse)]
    truth = truth_of(question, data)
    first, _, second = shown.locator(".note").text_content().partition("; and, of the other model")
    groups = [numbers_in(first), numbers_in(second)]
    assert [len(group) for group in groups] == [size, size if question == 2 else 0]
    assert set(groups[0]) <= {round(v, 2) for v in (pairs if question == 1 else better)}
    assert set(groups[1]) <= set(worse)
    ours, others = (torch.tensor(group).double() for group in groups)
    if question < 2:
        mean, half = mean_and_interval(ours)
        half *= factor / data["factors"][data["sizes"].index(size)]
    else:
        mean = ours.mean().item() - others.mean().item()
        half = factor * ((ours.var() + others.var()) / size).sqrt().item()
    holds = abs(mean - truth) <= half

    rows = shown.locator("table.values tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    kept = min(number_, 40)
    assert [int(row[0]) for row in rows] == list(range(number_, number_ - kept, -1))
    assert numbers_in(" ".join(rows[0][1:4])) == pytest.approx(
        [mean, mean - half, mean + half], abs=0.0051
    )
    assert rows[0][4] == ("yes" if holds else "no")

    chart, marks, x, _ = chart_of(shown)
    assert "newest at the top" in chart["label"]
    (line,) = marks["path average"]
    assert line["box"][0] == pytest.approx(x(truth), abs=0.1)
    drawn = [mark for mark in chart["marks"] if mark["kind"] in ("path holds", "path misses")]
    dots = [mark for mark in chart["marks"] if mark["kind"] in ("circle holds", "circle misses")]
    drawn, dots = (sorted(marks, key=lambda mark: mark["box"][1]) for marks in (drawn, dots))
    top, row_height = line["box"][1], (line["box"][3] - line["box"][1]) / 40.2
    heights = [top + (0.6 + k) * row_height for k in range(kept)]  # forty have room
    assert [centre_of(dot)[1] for dot in dots] == pytest.approx(heights, abs=0.1)
    assert [mark["box"][1] for mark in drawn] == pytest.approx(heights, abs=0.1)
    unit = x(truth + 0.01) - x(truth)
    for row, mark, dot in zip(rows, drawn, dots, strict=True):
        middle, low, high = numbers_in(" ".join(row[1:4]))
        kind = "holds" if row[4] == "yes" else "misses"
        assert (mark["kind"], dot["kind"]) == (f"path {kind}", f"circle {kind}")
        assert mark["stroke"] == (BLUE if kind == "holds" else RED)
        assert mark["thick"] == (1.5 if kind == "holds" else 3)
        assert (dot["fill"] == BLUE) == (kind == "holds")
        assert centre_of(dot)[0] == pytest.approx(x(middle), abs=0.6 * unit)
        for end, value in ((mark["box"][0], low), (mark["box"][2], high)):
            cut = abs(value - truth) > 1.5  # far outside the picture
            assert cut or end == pytest.approx(x(value), abs=0.6 * unit)
        assert (kind == "holds") == (low - 0.005 <= truth <= high + 0.005) or min(
            abs(low - truth), abs(high - truth)) < 0.006  # fmt: skip
    return half, holds


def said_by(shown):
    """How many draws, of how many runs, how many hold, their share, their mean reach."""
    shown.wait_for_timeout(200)  # the sentence waits for a pause
    text = shown.get_by_role("status").inner_text()
    found = re.fullmatch(
        r"(\d+) draws? of (\d+) runs: (\d+) of the intervals hold the mean of all runs, "
        r"([\d.]+) (?:%|points)\. That is ([\d.]+) %\. On average they reach ([\d.]+) to either "
        r"side\. The last, from ([−\d.]+) to ([−\d.]+), (holds|misses) it\.",
        text,
    )
    assert found, text
    return found.groups()


def table_says(shown, question):
    row = shown.locator("table.bars tbody tr").nth(question).inner_text()
    return numbers_in(row)


@pytest.mark.parametrize("question", range(3))
def test_each_draw_is_judged_as_the_package_does(browser, tmp_path, question):
    data = DATA["draw-again"]
    with opened(browser, tmp_path, "draw-again", **data) as shown:
        assert said_by(shown)[:2] == ("100", "10")
        check_draw(shown, 0, 10, data["factors"][1], 100)
        shown.get_by_role("combobox", name="Picture").select_option(QUESTIONS[question])
        check_draw(shown, question, 10, data["factors"][1], 100)
        slider, once = shown.get_by_role("slider"), shown.get_by_role("button", name="Draw once")
        for key, size, factor in (("Home", 3, 0), ("End", 25, 0), ("Home", 3, 1)):
            slider.focus()
            shown.keyboard.press(key)
            shown.get_by_role("combobox", name="Factor").select_option(str(factor))
            assert said_by(shown)[1] == str(size)
            assert slider.get_attribute("aria-valuetext") == f"{size} in a draw"
            shown.get_by_role("button", name="Start anew").press("Enter")
            q = 1.96 if factor else data["factors"][data["sizes"].index(size)]
            halves, held = [], 0
            last = 42 if key == "End" else 8  # more than the picture keeps
            for n in range(1, last + 1):
                half, holds = check_draw(shown, question, size, q, n)
                halves.append(half)
                held += holds
                if n in (1, 2, last):
                    said = said_by(shown)
                    assert said[:3] == (str(n), str(size), str(held))
                    assert float(said[3]) == pytest.approx(truth_of(question, data), abs=0.0051)
                    assert said[4] == f"{100 * held / n:.1f}"
                    assert float(said[5]) == pytest.approx(sum(halves) / n, abs=0.0055)
                    assert said[8] == ("holds" if holds else "misses")
                    assert table_says(shown, question) == [float(said[4]), float(said[5])]
                once.press("Space" if n % 2 else "Enter")


def coverage(data, question, size, factor, draws=20_000):
    """The share of intervals that hold the truth, and their mean reach, by torch's own chance."""
    worse, better = (torch.tensor(data[name]).double() for name in ("worse", "better"))
    generator = torch.Generator().manual_seed(5)
    one, two = (torch.randint(len(worse), (draws, size), generator=generator) for _ in range(2))
    groups = {0: [better[one]], 1: [(better - worse)[one]], 2: [better[one], worse[two]]}[question]
    mean = groups[0].mean(1) - (groups[1].mean(1) if len(groups) > 1 else 0)
    half = factor * (sum(group.var(1) for group in groups) / size).sqrt()
    holds = (mean - truth_of(question, data)).abs() <= half
    return holds.double().mean().item(), half.mean().item()


@pytest.mark.parametrize(("place", "always"), [(0, 0), (0, 1), (1, 0), (2, 0)])
def test_the_share_that_holds_is_the_share_that_torch_finds(browser, tmp_path, place, always):
    data = DATA["draw-again"]
    with opened(browser, tmp_path, "draw-again", **data) as shown:
        shown.get_by_role("slider").fill(str(place))
        shown.get_by_role("combobox", name="Factor").select_option(str(always))
        more = shown.get_by_role("button", name="Draw 100 times")
        for _ in range(39):
            more.click()
        assert shown.locator("table.bars caption").inner_text() == (
            "Of 4000 intervals for each question"
        )
        for question in range(3):
            share, reach = table_says(shown, question)
            factor = 1.96 if always else data["factors"][place]
            expected, half = coverage(data, question, data["sizes"][place], factor)
            scatter = (expected * (1 - expected) * (1 / 4000 + 1 / 20_000)) ** 0.5
            assert share / 100 == pytest.approx(expected, abs=3.5 * scatter)
            assert reach == pytest.approx(half, rel=0.03)


def test_the_pictures_kind_changes_no_draw(browser, tmp_path):
    """Another picture shows the same draws; another size or factor draws as often."""
    with opened(browser, tmp_path, "draw-again", **DATA["draw-again"]) as shown:
        before = shown.locator("table.bars").inner_text()
        shown.get_by_role("combobox", name="Picture").select_option(QUESTIONS[2])
        assert shown.locator("table.bars").inner_text() == before
        with dragged(shown, shown.get_by_role("slider"), 0.95):
            assert shown.locator("table.bars").inner_text() != before
            assert said_by(shown)[:2] == ("100", "25")
        shown.locator("summary").press("Enter")
        assert shown.locator("details table").is_visible()
