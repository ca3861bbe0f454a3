"""What the explorables draw and say, from known numbers: bars, lines, pixels, sentences, code.

Each explorable stands alone on a small page with the book's scripts and style: nothing is built.
"""

import base64
import contextlib
import html
import math
import re

import numpy as np
import pytest
import torch
from conftest import ROOT
from scipy import ndimage
from scratchmnist_book.explorables import files_of

from scratchmnist import (
    Layer,
    cross_entropy,
    forward,
    mse,
    one_hot,
    softmax,
)
from scratchmnist.files.pictures import as_mnist
from scratchmnist.pages.explorables import explorable
from scratchmnist.pages.figures import student_t_95

SCRIPTS = ROOT / "book" / "_static" / "explorables"
PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>One explorable</title>
<style>:root {{ --pst-color-primary: rgb(0, 0, 200); --pst-color-danger: rgb(200, 0, 0);
--pst-color-text-muted: rgb(100, 100, 100); }} * {{ box-sizing: border-box; }}</style>
{files}
</head><body>{lines}<div class="cell">{html}</div></body></html>"""
BLUE, RED, GREY = "rgb(0, 0, 200)", "rgb(200, 0, 0)", "rgb(100, 100, 100)"


@contextlib.contextmanager
def opened(browser, tmp_path, name, options=None, **data):
    """The explorable on a page of its own; afterwards no script may have failed."""
    page = tmp_path / "page.html"
    lines = lines_of_the_page() if name == "backprop-stepper" else ""
    scripts, styles = files_of([name])
    files = [f'<script defer src="{SCRIPTS.as_uri()}/{script}"></script>' for script in scripts]
    files += [f'<link rel="stylesheet" href="{SCRIPTS.as_uri()}/{style}">' for style in styles]
    parts = {"files": "".join(files), "html": explorable(name, "Instead.", **data)}
    page.write_text(PAGE.format(lines=lines, **parts), encoding="utf-8")
    usual = {"viewport": {"width": 1280, "height": 1000}, "reduced_motion": "reduce"}
    context = browser.new_context(**(usual | (options or {})))
    shown, problems = context.new_page(), []
    shown.on("pageerror", lambda error: problems.append(str(error)))
    shown.on("console", lambda line: line.type == "error" and problems.append(line.text))
    shown.goto(page.as_uri())
    try:
        yield shown
        assert not problems
    finally:
        context.close()


# --- the data: every size another, every number another -------------------------------------------


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def networks():
    first = Layer(random(784, 6) / 12, 0.3 * random(1, 6, seed=1))
    two = [first, Layer(5 * random(6, 10, seed=2), random(1, 10, seed=3))]
    return {"two": two, "one": [Layer(random(784, 10, seed=4) / 2, random(1, 10, seed=5))]}


def pictures():
    """Twenty pictures [20, 784] as bytes: a spot at the top, an L, and speckles."""
    images = (random(20, 28, 28, seed=6) > 0.8) * (150 + 5 * torch.arange(20)[:, None, None])
    images[0], images[1] = 0, 0
    images[0, 2:7, 12:16] = 255
    images[1, 5:23, 8:11] = 200
    images[1, 20:23, 8:20] = 255
    images[6] = images[9]  # where the unit that is on most is not the one that says most
    return {"images": images.to(torch.uint8).flatten(1), "labels": torch.arange(20) // 2}


def in_float64(layers):
    return [Layer(*(part.double() for part in layer)) for layer in layers]


RUNS = [
    {
        "name": "two layers",
        "loss_name": "training loss (nats)",
        "rates": [0.01, 0.1, 1, 10],
        "loss": [
            [2.3, 2.3, 2.3, 2.3],
            [1.9, 0.9, 2.5, 81234.5],
            [1.5, 0.05, 3.25, None],
            [1.125, 0.02, 41.5, None],
        ],
        "accuracy": [
            [0.11, 0.11, 0.11, 0.11],
            [0.31, 0.42, 0.55, 0.2],
            [0.52, 0.9, 0.6, 0.1],
            [0.64, 0.93, 0.25, None],
        ],
    },
    {  # no two powers of ten on its axis of losses
        "name": "one layer",
        "loss_name": "squared error",
        "rates": [0.02, 0.2, 2],
        "loss": [[5.0] * 3, [4.75, 4.5, 6.0], [4.5, 4.1, 7.5]],
        "accuracy": [[0.1] * 3, [0.2, 0.3, 0.05], [0.35, 0.45, 0.15]],
    },
]
SCORES = [1.25, -0.5, 0.75]


def answers():
    """Sixty answers of a regression, two beyond the line; 50 of the pictures are shown."""
    labels = torch.arange(60) % 10
    said = 0.6 * labels + 1.8 + 1.5 * random(60, seed=7)
    said[0], said[19], said[34] = -4.25, 12.75, 3.496
    images = (random(50, 784, seed=8) > 1) * (100 + torch.arange(50)[:, None])
    return {"answers": said, "labels": labels.to(torch.uint8), "mean": 4.375} | {
        "places": [*range(4), *range(14, 60)], "images": images.to(torch.uint8)}  # fmt: skip


def recorded():
    """Forty runs of two models, in per cent with two decimals; every difference another."""
    worse = (91 + 0.2 * random(40, seed=9).double()).mul(100).round() / 100
    better = (93 + 0.5 * random(40, seed=10).double()).mul(100).round() / 100
    sizes = [3, 10, 25]
    return {"worse": worse.tolist(), "better": better.tolist(), "names": ["small", "large"]} | {
        "sizes": sizes, "factors": [student_t_95(size - 1) for size in sizes]}  # fmt: skip


def steps():
    """The arrays of the stepper; B = 3, D = 5, H = 4, K = 2. The gradients are autograd's."""
    given = {
        "X": (4 * random(3, 5)).round() / 4,
        "Y": one_hot(torch.tensor([1, 0, 1]), 2),
        "W_1": (2 * random(5, 4, seed=1)).round() / 2,
        "b_1": (16 * random(1, 4, seed=2)).round() / 16,
        "W_2": random(4, 2, seed=3).round(),
        "b_2": random(1, 2, seed=4),
    }
    given = {name: value.double() for name, value in given.items()}
    X, Y, W_1, b_1, W_2, b_2 = given.values()
    b_1[0, 0] = -(X[1] @ W_1[:, 0])  # a unit on the edge: its sum is 0
    leaves = [W_1, b_1, W_2, b_2]
    for leaf in leaves:
        leaf.requires_grad_()
    Z_1 = X @ W_1 + b_1
    A = Z_1.relu()
    Z = A @ W_2 + b_2
    L = torch.nn.functional.cross_entropy(Z, Y)
    found = {"Z_1": Z_1, "A": A, "Z": Z, "P": Z.softmax(-1), "L": L}
    names = ["Z", "W_2", "b_2", "A", "Z_1", "W_1", "b_1"]
    gradients = torch.autograd.grad(L, [(given | found)[name] for name in names])
    found |= {f"d_{name}": value for name, value in zip(names, gradients)}
    return {name: value.detach() for name, value in (given | found).items()}


DATA = {
    "draw-a-digit": networks() | pictures(),
    "hidden-unit-inspector": networks() | pictures(),
    "learning-rate-slider": {"runs": RUNS},
    "logit-sliders": {"scores": SCORES, "target": 2},
    "backprop-stepper": steps(),
    "number-line": answers(),
    "difference-step": {"x": 3, "smallest": -9},
    "draw-again": recorded(),
}

# --- reading the page -----------------------------------------------------------------------------


def fixed(value, digits=2):
    text = f"{float(value):.{digits}f}"
    return text.replace("-", "−") if re.search("[1-9]", text) else text.replace("-", "")


def signed(value):
    return ("+" if value > 0 else "") + fixed(value, 1)


def percent(value):
    return f"{100 * float(value):.1f} %"


def the_status_is(shown, text):
    """The sentence, whole, within a second or two."""
    status = shown.get_by_role("status")
    with contextlib.suppress(Exception):
        shown.wait_for_function(
            "([status, text]) => status.textContent === text",
            arg=[status.element_handle(), text],
            timeout=1500,
        )
    assert status.inner_text() == text


BARS = """(table) => {
  const texts = (part, kind) =>
    [...part.querySelectorAll(kind)].map((cell) => cell.innerText.trim());
  return [texts(table, "thead th[scope=col]"), [...table.tBodies[0].rows].map((row) => [
    texts(row, "th[scope=row]")[0],
    [...row.querySelectorAll("td")].map((cell) => {
      const [bar, fill] = [".bar", ".fill"].map((kind) => cell.querySelector(kind));
      const [outer, inner] = [bar, fill].map((part) => part.getBoundingClientRect());
      const at = (x) => (x - outer.left) / outer.width;
      return {
        from: at(inner.left), to: at(inner.right), tall: inner.height / outer.height,
        zero: parseFloat(bar.style.getPropertyValue("--zero")) / 100,
        colour: getComputedStyle(fill).backgroundColor,
        text: cell.querySelector(".value").innerText,
        bold: +getComputedStyle(cell.querySelector(".value")).fontWeight > 600,
      };
    }),
  ])];
}"""


def the_bars_are(shown, rows, columns):
    """columns: {title: (values, say, least, largest, the marked row or None)}."""
    (corner, *titles), found = shown.locator("table.bars").evaluate(BARS)
    assert corner
    assert titles == list(columns)
    assert [row for row, _ in found] == rows
    for column, (values, say, least, largest, marked) in enumerate(columns.values()):
        for row, value in enumerate(map(float, values)):
            bar = found[row][1][column]
            zero = -least / (largest - least)
            end = (min(max(value, least), largest) - least) / (largest - least)
            assert bar["text"] == say(value)
            assert (bar["from"], bar["to"]) == pytest.approx(sorted([zero, end]), abs=0.01)
            assert bar["zero"] == pytest.approx(zero)
            assert bar["tall"] == pytest.approx(1, abs=0.01)
            assert bar["colour"] == (RED if value < 0 else BLUE)
            assert bar["bold"] == (row == marked)


def pixels(canvas):
    """The colours of a canvas: [height, width, 3]."""
    text = canvas.evaluate(
        """(canvas) => {
          const { width, height } = canvas;
          const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
          let text = "";
          for (let k = 0; k < data.length; k += 4) {
            text += String.fromCharCode(data[k], data[k + 1], data[k + 2]);
          }
          return [btoa(text), height, width];
        }"""
    )
    raw = bytearray(base64.b64decode(text[0]))
    return torch.frombuffer(raw, dtype=torch.uint8).view(text[1], text[2], 3).int()


def assert_ink(canvas, values):
    """Black on white: values [784] in [0, 1], 1 is ink."""
    expected = (255 * (1 - values.double())).view(28, 28, 1).expand(-1, -1, 3)
    assert (pixels(canvas) - expected).abs().max() <= 1


def assert_weights(canvas, values, limit):
    """Blue adds, red takes away, the more the darker; white is nothing. values: [784]"""
    colours, size = pixels(canvas).view(784, 3), (values / limit).clamp(-1, 1)
    bluer, light = colours[:, 2] - colours[:, 0], colours.sum(1)
    plain = size.abs() > 0.02
    assert (bluer[plain] * size[plain] > 0).all()
    assert (light[size.abs() < 1e-4] > 3 * 240).all()
    for sign, darkest in ((1, [5, 48, 97]), (-1, [103, 0, 31])):
        side = sign * size > 0
        order = size[side].abs().argsort()
        assert (light[side][order].diff() <= 3).all()
        full = side & (size.abs() == 1)
        assert ((colours[full] - torch.tensor(darkest)).abs() <= 1).all()
        half = side & ((size.abs() - 0.5).abs() < 0.02)
        assert ((light[half] > 350) & (light[half] < 440)).all()


@contextlib.contextmanager
def dragged(shown, slider, to=0.8):
    """Within, the thumb is at `to` and the pointer still down."""
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    y = box["y"] + box["height"] / 2
    was = slider.input_value()
    shown.mouse.move(box["x"] + box["width"] / 2, y)
    shown.mouse.down()
    shown.mouse.move(box["x"] + to * box["width"], y, steps=4)
    assert slider.input_value() != was
    yield float(slider.input_value())
    shown.mouse.up()


# --- announcements --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATA)
def test_changes_are_announced_politely(browser, tmp_path, name):
    check_announcements(browser, tmp_path, name, DATA[name])


def check_announcements(browser, tmp_path, name, data):
    """One live region, polite, always the same element; a quick drag makes it speak once."""
    with opened(browser, tmp_path, name, **data) as shown:
        status = shown.get_by_role("status")
        assert status.count() == 1
        assert status.get_attribute("aria-live") == "polite"
        assert status.get_attribute("aria-atomic") in (None, "true")
        assert status.is_visible()
        assert shown.get_by_role("group").first.get_attribute("aria-label")
        before = status.inner_text()
        said = shown.evaluate(
            """async (name) => {
              const [status] = document.querySelectorAll("[role=status]");
              const said = [];
              const heard = ([...records]) =>
                said.push(...records.map(({ addedNodes }) => addedNodes[0]?.textContent));
              new MutationObserver(heard).observe(status, { childList: true, subtree: true });
              const slider = document.querySelector("input[type=range]");
              const radios = [...document.querySelectorAll("input[type=radio]")];
              const select = document.querySelector("select");
              const choose = (k) => {
                select.value = k;
                select.dispatchEvent(new Event("change"));
              };
              if (name === "draw-a-digit") choose(5);
              for (let k = 1; k <= 4; k++) {
                if (slider) slider.value = +slider.min + k * (slider.max - slider.min) / 5;
                if (slider) slider.dispatchEvent(new Event("input"));
                else if (radios.length) radios[k].click();
                else choose(k);
              }
              await new Promise((done) => setTimeout(done, 500));
              return [said, status === document.querySelector("[role=status]")];
            }""",
            name,
        )
        assert said == [[status.inner_text()], True]
        assert said[0][0] != before


# --- logit sliders --------------------------------------------------------------------------------


def check_logits(shown, scores, right):
    z = torch.tensor([scores], dtype=torch.float64)
    y = one_hot(torch.tensor([right]), 3).double()
    p = softmax(z)
    loss, d_loss = cross_entropy(z, y)
    squared, d_squared = mse(p, y)
    d_scores = p * (d_squared() - (d_squared() * p).sum(-1, keepdim=True))
    three = lambda value: fixed(value, 3)  # noqa: E731
    columns = {
        "probability p": (p[0], three, 0, 1, right),
        "cross-entropy: p − y": (d_loss()[0], three, -1, 1, None),
        "squared error": (d_scores[0], three, -1, 1, None),
    }
    the_bars_are(shown, ["first", "second", "third"], columns)
    for slider, score in zip(shown.get_by_role("slider").all(), scores, strict=True):
        assert slider.get_attribute("aria-valuetext") == fixed(score)
        assert slider.locator("xpath=..").inner_text().endswith(fixed(score))
    the_status_is(
        shown,
        f"The right class has p = {three(p[0, right])}: surprise {fixed(loss)} nats, squared error "
        f"{three(squared)}. Along its score the cross-entropy has the slope "
        f"{three(p[0, right] - 1)}, the squared error {three(d_scores[0, right])}.",
    )


def test_logit_sliders(browser, tmp_path):
    with opened(browser, tmp_path, "logit-sliders", **DATA["logit-sliders"]) as shown:
        check_logits(shown, SCORES, 2)
        sliders = shown.get_by_role("slider").all()
        for place, slider in enumerate(sliders):
            with dragged(shown, slider) as value:
                assert value > 2
                found = [float(other.input_value()) for other in sliders]
                assert found == [*found[:place], value, *SCORES[place + 1 :]]
                check_logits(shown, found, 2)
        shown.get_by_role("combobox").select_option("second")
        check_logits(shown, found, 1)
        shown.get_by_role("button", name="confidently wrong").click()
        check_logits(shown, [0, -6, 6], 1)
        shown.get_by_role("button", name="Back").click()
        check_logits(shown, SCORES, 2)
        shown.get_by_role("button", name="Add 1").click()
        assert [float(slider.input_value()) for slider in sliders] == [z + 1 for z in SCORES]
        check_logits(shown, [z + 1 for z in SCORES], 2)
        shown.get_by_role("button", name="confidently wrong").click()
        for more in (1, 2):  # the probabilities stay what they are
            shown.get_by_role("button", name="Add 1").click()
            check_logits(shown, [6 + more, more, more - 6], 2)


# --- learning-rate slider -------------------------------------------------------------------------

CHART = """(svg) => {
  const on = (part, x, y) => {
    const at = new DOMPoint(x, y).matrixTransform(part.getScreenCTM());
    return [at.x, at.y];
  };
  const centre = (part) => {
    const box = part.getBoundingClientRect();
    return [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  };
  const look = getComputedStyle;
  const whole = svg.getAttribute("viewBox").split(" ").map(Number);
  const [x, y, width, height] = ["x", "y", "width", "height"].map((name) =>
    svg.querySelector("svg")[name].baseVal);  // the part where lines are drawn
  return {
    label: svg.getAttribute("aria-label"),
    texts: [...svg.querySelectorAll("text")].map((text) => ({ words: text.textContent,
      anchor: text.getAttribute("text-anchor"), x: on(text, text.x.baseVal[0].value, 0)[0],
      y: centre(text)[1] })),
    grid: [...svg.querySelectorAll(".grid")].map((line) => centre(line)[1]),
    box: [...on(svg, 0, 0), ...on(svg, whole[2], whole[3])],
    sight: [...on(svg, x.value, y.value),
      ...on(svg, x.value + width.value, y.value + height.value)],
    lines: [...svg.querySelectorAll("path:not(.grid)")].map((path) => ({
      colour: look(path).stroke,
      points: path.getAttribute("d").match(/[-\\d.]+ [-\\d.]+/g).map((pair) =>
        on(path, ...pair.split(" ").map(Number))) })),
    dots: [...svg.querySelectorAll("circle")].map((dot) => ({ colour: look(dot).fill,
      at: centre(dot), large: dot.r.baseVal.value })),
  };
}"""


def scale_of(ticks, log):
    """From a value to its place, by the labels of an axis: {value: place}."""
    change = math.log10 if log else float
    (low, start), *_, (high, end) = sorted(ticks.items())
    slope = (end - start) / (change(high) - change(low))

    def place(value):
        return start + slope * (change(value) - change(low))

    for value, found in ticks.items():
        assert place(value) == pytest.approx(found, abs=0.6)
    return place, slope


def axes_of(chart, log_x, log_y):
    """Scales of both axes; to the right and upwards the values grow."""
    y_labels = [text for text in chart["texts"] if text["anchor"] == "end"]
    assert len(y_labels) == len(chart["grid"]) >= 2
    for text, line in zip(y_labels, chart["grid"]):
        assert text["y"] == pytest.approx(line, abs=3)
    value = {text["words"]: float(text["words"].removesuffix(" %")) for text in y_labels}
    factor = 0.01 if y_labels[0]["words"].endswith("%") else 1
    y_ticks = {factor * value[text["words"]]: line for text, line in zip(y_labels, chart["grid"])}
    *x_labels, _ = [text for text in chart["texts"] if text["anchor"] == "middle"]
    x, right = scale_of({float(text["words"]): text["x"] for text in x_labels}, log_x)
    y, down = scale_of(y_ticks, log_y)
    assert right > 0 > down
    assert all(text["y"] > max(chart["grid"]) for text in x_labels if log_y is False)
    return x, y


def lies_in(box, at):
    left, top, right, bottom = box
    return left <= at[0] <= right and top <= at[1] <= bottom


def loss_text(value):
    if value is None:
        return "not a number"
    if value < 10000:
        return f"{value:.{3 if value < 10 else 2 if value < 100 else 0}f}"
    digits, power = f"{value:.1e}".split("e+")
    return f"{digits} · 10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(d)] for d in str(int(power)))


def check_rate(shown, run, k):
    losses, ends = (chart.evaluate(CHART) for chart in shown.locator("svg.chart").all())
    rates, epochs = run["rates"], range(len(run["loss"]))
    order = [r for r in range(len(rates)) if r != k] + [k]  # the chosen one lies on top

    for chart in (losses, ends):
        for text in chart["texts"]:
            assert lies_in(chart["box"], (text["x"], text["y"])), text["words"]
        for line in chart["grid"]:
            assert lies_in(chart["sight"], (chart["sight"][0], line))
    x, y = axes_of(losses, log_x=False, log_y=True)
    words = [text["words"] for text in losses["texts"] if text["anchor"] == "start"]
    assert words == [run["loss_name"]]
    assert losses["texts"][-1]["words"] == "epochs"
    assert "loss" in losses["label"]
    assert not losses["dots"]
    for line, r in zip(losses["lines"], order, strict=True):
        assert line["colour"] == (BLUE if r == k else GREY)
        values = [row[r] for row in run["loss"]]
        known = values[: values.index(None)] if None in values else values
        assert len(line["points"]) == min(len(known) + 1, len(values))
        for epoch, (at, value) in enumerate(zip(line["points"], known)):
            assert at == pytest.approx([x(epoch), y(value)], abs=0.6)
            if value < 8 * run["loss"][0][r]:  # what explodes leaves the chart
                assert lies_in(losses["sight"], at)
        if len(known) < len(values):  # it leaves the picture at the top
            assert line["points"][-1][0] == pytest.approx(x(len(known)), abs=0.6)
            assert line["points"][-1][1] < min(losses["grid"]) - 100

    x, y = axes_of(ends, log_x=True, log_y=False)
    words = [text["words"] for text in ends["texts"] if text["anchor"] == "start"]
    assert words == [f"held-out accuracy after {epochs[-1]} epochs"]
    assert ends["texts"][-1]["words"] == "learning rate"
    assert "accuracy" in ends["label"]
    assert not ends["lines"]
    for dot, r in zip(ends["dots"], order, strict=True):
        assert dot["colour"] == (BLUE if r == k else GREY)
        assert dot["at"] == pytest.approx([x(rates[r]), y(run["accuracy"][-1][r] or 0)], abs=0.6)
        assert lies_in(ends["sight"], dot["at"])
        assert dot["large"] == max(other["large"] for other in ends["dots"]) or r != k

    head, *rows = [row.split("\t") for row in shown.locator("table.values tr").all_inner_texts()]
    assert head == ["epochs", run["loss_name"], "held-out accuracy"]
    accuracies = [row[k] for row in run["accuracy"]]
    assert rows == [
        [f"{epoch}", loss_text(run["loss"][epoch][k]), percent(right) if right else loss_text(None)]
        for epoch, right in enumerate(accuracies)
    ]
    caption = shown.locator("table.values caption").inner_text()
    assert caption == f"{run['name']}, learning rate {rates[k]}"

    start, *_, end = losses_of_it = [row[k] for row in run["loss"]]
    if None in losses_of_it:
        lost = losses_of_it.index(None)
        story = f"The loss explodes: from epoch {lost} on it is no longer a number, "
        story += "and the model is lost."
    elif end > start:
        story = f"The loss has grown from {loss_text(start)} to {loss_text(end)}."
    else:
        story = f"The loss has come down from {loss_text(start)} to {loss_text(end)}."
    end = percent(run["accuracy"][-1][k] or 0)
    the_status_is(shown, f"Learning rate {rates[k]}: {story} Held-out accuracy at the end: {end}.")


def test_learning_rate_slider(browser, tmp_path):
    with opened(browser, tmp_path, "learning-rate-slider", runs=RUNS) as shown:
        slider = shown.get_by_role("slider")
        check_rate(shown, RUNS[0], 1)  # the best at first
        with dragged(shown, slider, 0.97) as k:
            assert k == 3
            check_rate(shown, RUNS[0], 3)
        slider.focus()
        for k in (2, 1, 0):
            shown.keyboard.press("ArrowLeft")
            assert slider.get_attribute("aria-valuetext") == f"{RUNS[0]['rates'][k]}"
            check_rate(shown, RUNS[0], k)
        shown.get_by_role("combobox").select_option("one layer")
        check_rate(shown, RUNS[1], 1)
        slider.focus()
        shown.keyboard.press("End")
        check_rate(shown, RUNS[1], 2)


def test_one_model_is_no_choice(browser, tmp_path):
    with opened(browser, tmp_path, "learning-rate-slider", runs=RUNS[1:]) as shown:
        check_rate(shown, RUNS[1], 1)
        assert shown.get_by_role("combobox").count() == 0


# --- backprop stepper -----------------------------------------------------------------------------

CHAPTER = (ROOT / "book" / "hidden-layer.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\d+\. \$(.+?)\$ `(.+?)` \$(.+?)\$ \{eq\}`(.+?)`$", CHAPTER, re.MULTILINE)
IN_CODE = [  # from LaTeX to Python; what stands side by side is multiplied
    (r"\\partial L / \\partial ", "d_"),
    (r"\\operatorname\{(\w+)\}", r"\1"),
    (r"-\\sum Y \\log P / B", "-(Y*P.log()).sum()/len(X)"),
    (r"\\mathbf\{1\}\^\\top", "ones.mT"),
    (r"\^\\top", ".mT"),
    (r"\\odot", "*"),
    (r" / B", "/len(X)"),
    (r" ?\\,", ""),
    (r"(?<=[\w]) (?=[A-Za-z])", " @ "),
]


def in_code(latex):
    for old, new in IN_CODE:
        latex = re.sub(old, new, latex)
    return latex


def lines_of_the_page():
    """The list before the stepper, as the page has it; a formula stands there as it is typed."""
    items = "".join(
        f"<li><p><span class='math'>{html.escape(formula)}</span> <code>{html.escape(code)}</code> "
        f"<span class='math'>{shapes}</span> <a href='#equation-{label}'>({label})</a></p></li>"
        for formula, code, shapes, label in LINES
    )
    return f"<ol>{items}</ol>"


def in_cells(value):
    """As the stepper shows a number: a fraction with up to 16 below, or two decimals."""
    for bottom in (1, 2, 4, 8, 16):
        top = round(value * bottom)
        if abs(value * bottom - top) < 1e-9:
            return ("−" if top < 0 else "") + f"{abs(top)}" + (f"/{bottom}" if bottom > 1 else "")
    return fixed(value)


AXES = {"X": "image pixel", "Y": "image class", "W_1": "pixel unit", "b_1": "- unit"} | {
    "Z_1": "image unit", "A": "image unit", "W_2": "unit class", "b_2": "- class"} | {
    "Z": "image class", "P": "image class", "L": ""}  # fmt: skip


def in_words(name):
    return name.replace("d_", "∂L/∂").replace("_1", "₁").replace("_2", "₂")


def place_of(name, entry):
    axes = AXES[name.removeprefix("d_")].split()
    return ", ".join(f"{axis} {k}" for axis, k in zip(axes, entry) if axis != "-")


def feeds(code, space, arrays, operand, cell, entry):
    """Whether an entry of the result changes when one cell of an operand does, by running the line.

    The cell becomes no number, the opposite, one more: a mask hides the first, zeros the second.
    """

    def result(value):
        changed = {k: v.clone() for k, v in arrays.items()}
        torch.atleast_2d(changed[operand])[cell] = value
        exec(code, space, changed)
        return torch.atleast_2d(changed[code.split(" = ")[0]])[entry]

    now = result(torch.atleast_2d(arrays[operand])[cell])
    value = torch.atleast_2d(arrays[operand])[cell]
    others = (math.nan, -value, value + 1)
    return any(not torch.equal(result(other), now) for other in others)


def worked(text):
    """The number that a sum in words comes to."""
    text = text.replace("−", "-").replace("·", "*")
    text = re.sub(r"log ([\d./]+)", r"math.log(\1)", text).replace("exp", "math.exp")
    return eval(text, {"math": math})


STEPPER = """() => ({
  matrices: [...document.querySelectorAll(".matrix")].map((matrix) => ({
    name: matrix.dataset.name,
    title: matrix.querySelector("p").textContent,
    label: matrix.querySelector("table").ariaLabel,
    rows: [...matrix.querySelectorAll("tr")].map((row) => [...row.cells].map((cell) => ({
      text: cell.innerText, kind: cell.className, label: cell.firstElementChild?.ariaLabel ?? null,
      pressed: cell.firstElementChild?.ariaPressed ?? null,
      bold: +getComputedStyle(cell.firstElementChild ?? cell).fontWeight > 600,
      edge: getComputedStyle(cell.firstElementChild ?? cell).borderTopColor }))),
  })),
  diagram: Object.fromEntries([...document.querySelectorAll("[data-part]")].map((part) =>
    [part.dataset.part, part.getAttribute("class")])),
  labels: Object.fromEntries([...document.querySelectorAll(".network text")].map((text) =>
    [text.textContent, text.getAttribute("class")])),
  back: document.querySelector(".arrow").classList.contains("back"),
  tip: document.querySelector(".arrow").getAttribute("d"),
  about: document.querySelector(".network").ariaLabel,
})"""


def part_of(name, cell):
    plain = name.removeprefix("d_")
    return f"{plain} {cell[0]} {cell[1]}" if plain[0] == "W" else f"{plain} {cell[1]}"


def cells_of(value):
    rows, columns = torch.atleast_2d(value).shape
    return [(r, c) for r in range(rows) for c in range(columns)]


def asks(shown, name, entry):
    where = place_of(name, entry)
    return f"What is {in_words(name)}{f' for {where}' if where else ''}?"


def waits_for(shown, ending):
    status = shown.get_by_role("status")
    with contextlib.suppress(Exception):
        shown.wait_for_function(
            "([status, end]) => status.textContent.endsWith(end)",
            arg=[status.element_handle(), ending],
            timeout=1500,
        )
    assert status.inner_text().endswith(ending)
    return status.inner_text()


def check_lit(shown, code, space, before, name, entry, revealed):
    """Lit are the entries that make the chosen one, in matrices and diagram, and no other."""
    found = shown.evaluate(STEPPER)
    *operands, result = found["matrices"]
    used = [word for word in re.findall(r"\w+", code.replace("len(X)", "")) if word in before]
    assert sorted(matrix["name"] for matrix in operands) == sorted(set(used))
    assert result["name"] == name
    expected, lit = {}, []
    for matrix in operands:
        values = torch.atleast_2d(before[matrix["name"]])
        for cell in cells_of(values):
            shows = matrix["rows"][cell[0]][cell[1]]
            makes = feeds(code, space, before, matrix["name"], cell, entry)
            assert shows["text"] == in_cells(values[cell].item())
            assert (shows["kind"] == "used") == makes, (name, entry, matrix["name"], cell)
            assert shows["bold"] == makes
            assert (shows["edge"] == BLUE) == makes
            if makes:
                expected[part_of(matrix["name"], cell)] = "used"
                lit.append(matrix["name"])
    expected[part_of(name, entry)] = "new"
    for matrix in found["matrices"]:
        value = DATA["backprop-stepper"][matrix["name"]]
        shape = f"{list(value.shape)}" if value.dim() else "[ ]"
        assert matrix["label"] == f"{in_words(matrix['name'])} {shape}"
        assert matrix["title"] == matrix["label"].replace("₁", "1").replace("₂", "2")
    values = torch.atleast_2d(DATA["backprop-stepper"][name])
    for cell in cells_of(values):
        shows, value = result["rows"][cell[0]][cell[1]], in_cells(values[cell].item())
        assert shows["text"] == (value if cell in revealed else "?")
        where = place_of(name, cell) or in_words(name)
        assert shows["label"] == f"{where}: {value if cell in revealed else 'not shown yet'}"
        assert (shows["pressed"] == "true") == (shows["kind"] == "new") == (cell == entry)
    assert {part: kind for part, kind in found["diagram"].items() if kind} == expected
    for label, kind in found["labels"].items():
        (its,) = (k for k in DATA["backprop-stepper"] if in_words(k).translate(PLAIN) == label)
        known = "" if its in before else "unknown"
        assert kind == ("new" if its == name else "used" if its in lit else known), (name, its)
    assert found["back"] == (name[:2] == "d_")
    assert re.match("M346 158H22m8" if found["back"] else "M22 158H346m-8", found["tip"])
    assert in_words(name) in found["about"]


PLAIN = str.maketrans("₁₂", "12")
ABOUT = {
    "Z_1": "hidden unit weighs the pixels", "A": "negative is cut off",
    "Z": "class weighs the hidden units", "P": "become probabilities",
    "L": "surprise at the right classes", "d_Z": "minus what was so",
    "d_W_2": "how strongly its unit was on", "d_b_2": "reaches every image",
    "d_A": "from the classes it feeds", "d_Z_1": "0 where it was off",
    "d_W_1": "with pixels for activations", "d_b_1": "the whole of backpropagation",
}  # fmt: skip


def test_the_stepper_asks_and_then_tells(browser, tmp_path):
    data = DATA["backprop-stepper"]
    sizes = {"B": 3, "D": 5, "H": 4, "K": 2}
    space = {
        "softmax": softmax,
        "relu": lambda z: z.clamp(min=0),
        "ones": torch.ones(3, 1).double(),
    }
    known = {name: data[name] for name in ("X", "Y", "W_1", "b_1", "W_2", "b_2")}
    sentences = {}
    with opened(browser, tmp_path, "backprop-stepper", **data) as shown:
        slider = shown.get_by_role("slider")
        show, go_on = (
            shown.get_by_role("button", name=word, exact=True) for word in ("Show", "Next")
        )
        assert len(LINES) == len(data) - len(known) == 12
        assert not shown.locator("ol").is_visible()
        assert shown.get_by_role("button", name="Back").get_attribute("aria-disabled") == "true"
        for step, (formula, code, shapes, label) in enumerate(LINES, 1):
            assert slider.get_attribute("aria-valuetext") == f"{step} of 12"
            line = shown.locator(".line")
            assert line.locator(".math").all_inner_texts() == [formula, shapes]
            assert line.locator("code").all_inner_texts() == [code]
            link = line.locator("a")
            assert link.get_attribute("href") == f"#equation-{label}"

            # formula, code and shapes agree with autograd's numbers
            before = dict(known)
            exec(code, space, known)
            (name,) = known.keys() - before.keys()
            torch.testing.assert_close(known[name], data[name], rtol=0, atol=1e-12)
            left, right = formula.split(" = ", 1)
            assert in_code(left) == name
            by_formula = eval(in_code(right), space, before)
            torch.testing.assert_close(by_formula, data[name], rtol=0, atol=1e-12)
            *operands, out = [
                [sizes[letter] if letter in sizes else int(letter) for letter in shape.split(", ")]
                for shape in re.findall(r"\[([^\]\\]*)", shapes)
                if shape
            ] or [[]]
            assert out == list(data[name].shape)
            factors = re.split(" @ ", in_code(right).split(" + ")[0])
            assert len(operands) == (len(factors) if len(factors) > 1 else 0)
            for operand, factor in zip(operands, factors):
                assert operand == list(eval(factor, space, before).shape)

            # the answer is hidden; each entry can be asked for, and is told when asked
            way = "Backward" if name[:2] == "d_" else "Forward"
            entries, revealed = cells_of(data[name]), set()
            for k, entry in enumerate([None, *entries]):
                if entry is None:
                    entry = shown.evaluate(
                        """() => { const cell = document.querySelector("td.new");
                        return [cell.parentNode.rowIndex, cell.cellIndex]; }"""
                    )
                    entry = tuple(entry)
                elif entry in revealed:
                    continue
                else:
                    button = shown.locator(".result button").nth(entries.index(entry))
                    if k % 2:
                        button.click()
                    else:
                        button.focus()
                        shown.keyboard.press("Enter")
                        assert button.evaluate("(one) => one === document.activeElement")
                check_lit(shown, code, space, before, name, entry, revealed)
                said = waits_for(shown, asks(shown, name, entry))
                assert said.startswith(f"{way}. ")
                sentences[name] = said.rsplit(" What is", 1)[0]
                assert go_on.count() == 0
                show.click()
                revealed.add(entry)
                value = torch.atleast_2d(data[name])[entry].item()
                said = waits_for(shown, f" {in_cells(value)}.")
                where = place_of(name, entry)
                start = f"{in_words(name)}{f' for {where}' if where else ''}: "
                assert said.startswith(start)
                sum_in_words, sign, _ = re.split(" ([=≈]) ", said.removeprefix(start))
                exact = not re.search(r"\.|exp|log", sum_in_words + in_cells(value))
                assert sign == ("=" if exact else "≈")
                near = 1e-9 if exact else 0.006 if name == "d_Z_1" else 0.06
                assert worked(sum_in_words) == pytest.approx(value, abs=near)
                if k < 3:
                    check_lit(shown, code, space, before, name, entry, revealed)
                assert show.count() == 0
            if step < 12:
                go_on.focus()
                shown.keyboard.press("Space" if step % 2 else "Enter")
        assert go_on.get_attribute("aria-disabled") == "true"
        go_on.press("Enter")
        assert slider.get_attribute("aria-valuetext") == "12 of 12"
        assert "?" not in shown.locator(".result td").all_inner_texts()  # it stays as it is
        for name, words in ABOUT.items():  # of this step and of no other
            assert [other for other, said in sentences.items() if words in said] == [name]

        shown.get_by_role("button", name="Back").click()
        assert slider.get_attribute("aria-valuetext") == "11 of 12"
        assert set(shown.locator(".result td").all_inner_texts()) == {"?"}  # hidden again
        with dragged(shown, slider, 0.02) as step:
            assert step == 1
            waits_for(shown, asks(shown, "Z_1", (0, 0)))


def test_each_line_names_the_equation_that_has_it():
    """The equation whose number a line gives has the line's left side."""
    pages = {
        label: body
        for page in (ROOT / "book").glob("*.md")
        for label, body in re.findall(
            r"```\{math\}\n:label: ([\w-]+)\n(.*?)```", page.read_text("utf-8"), re.DOTALL
        )
    }
    found = {code.split(" = ")[0]: pages[label] for _, code, _, label in LINES}
    lefts = {"Z_1": "Z_1 &=", "A": "A &=", "Z": "Z &=", "P": "{P_{ik}}_{", "L": "L = "} | {
        f"d_{name}": rf"\partial L}}{{\partial {name}}} &="
        for name in ("W_2", "b_2", "A", "W_1", "b_1")
    }
    lefts |= {
        "d_Z": r"\partial L}{\partial Z}}_{[B, K]}",
        "d_Z_1": r"\partial L}{\partial Z_{1,iu}}",
    }
    assert {name: lefts[name] in body for name, body in found.items()} == dict.fromkeys(lefts, True)


def test_the_stepper_first_asks_what_the_chapter_works_out(browser, tmp_path):
    space = {}
    exec(re.search(r"^example = dict\(.*?^\)$", CHAPTER, re.DOTALL | re.MULTILINE)[0], space)
    data = {
        name: torch.tensor(value, dtype=torch.float64) for name, value in space["example"].items()
    }
    with opened(browser, tmp_path, "backprop-stepper", **data) as shown:
        slider = shown.get_by_role("slider")
        for step, text in [
            (1, "Z₁ for image 0, unit 0: 1/2 · 2 + 0 · (−1) + 1 · (−1) + 0 · 1 + 1 = 1."),
            (2, "A for image 1, unit 2: max(0, −1) = 0."),
            (9, "∂L/∂A for image 1, unit 2: (−1/4) · 2 + 1/8 · 1 + 1/8 · 0 = −3/8."),
            (10, "∂L/∂Z₁ for image 1, unit 2: (−3/8) · 0 = 0."),
            (11, "∂L/∂W₁ for pixel 0, unit 0: 1/2 · 1/4 + 1 · (−3/4) = −5/8."),
        ]:
            slider.fill(f"{step}")
            shown.get_by_role("button", name="Show", exact=True).click()
            the_status_is(shown, text)


GEOMETRY = """() => Object.fromEntries([...document.querySelectorAll("[data-part]")].map((part) => [
  part.dataset.part, part.tagName === "path"
    ? part.getAttribute("d").match(/[\\d.]+/g).map(Number)
    : part.tagName === "circle" ? [part.cx.baseVal.value, part.cy.baseVal.value]
    : [part.x.baseVal.value + part.width.baseVal.value / 2, part.y.baseVal.value]]))"""


def test_the_diagram_is_the_network(browser, tmp_path):
    """A circle for each number, a line from pixel j to unit u for the weight [j, u]; all apart."""
    with opened(browser, tmp_path, "backprop-stepper", **DATA["backprop-stepper"]) as shown:
        parts = shown.evaluate(GEOMETRY)
        size = {"X": 5, "Z_1": 4, "A": 4, "Z": 2, "P": 2, "L": 1}
        circles = {f"{name} {k}": parts[f"{name} {k}"] for name in size for k in range(size[name])}
        assert len({tuple(at) for at in circles.values()}) == len(circles) == 18
        lefts = [parts[f"{name} 0"][0] for name in size]
        assert lefts == sorted(lefts)
        for name in size:  # the first is on top, as in the matrices
            heights = [parts[f"{name} {k}"][1] for k in range(size[name])]
            assert heights == sorted(heights)
        for weights, left, right in (("W_1", "X", "Z_1"), ("W_2", "A", "Z")):
            for j in range(size[left]):
                for u in range(size[right]):
                    ends = [*parts[f"{left} {j}"], *parts[f"{right} {u}"]]
                    assert parts[f"{weights} {j} {u}"] == pytest.approx(ends)
        for bias, name in (("b_1", "Z_1"), ("b_2", "Z")):
            for k in range(size[name]):
                assert parts[f"{bias} {k}"][0] == parts[f"{name} {k}"][0]
        for k in range(2):
            assert parts[f"P {k}"][0] < parts[f"Y {k}"][0] < parts["L 0"][0]


def test_in_forced_colours_the_lit_entries_differ(browser, tmp_path):
    with opened(browser, tmp_path, "backprop-stepper", **DATA["backprop-stepper"]) as shown:
        shown.emulate_media(forced_colors="active")
        edges, strokes = shown.evaluate(
            """() => [
              [".matrix .used", ".matrix td:not(.used, .result td)"].map((kind) =>
                getComputedStyle(document.querySelector(kind)).borderTopColor),
              [".network circle.used", '.network circle[class=""]'].map((kind) =>
                getComputedStyle(document.querySelector(kind)).stroke)]"""
        )
        assert edges[0] != edges[1]
        assert strokes[0] != strokes[1]


# --- hidden-unit inspector ------------------------------------------------------------------------


def check_unit(shown, image, unit):
    first, second = in_float64(DATA["hidden-unit-inspector"]["two"])
    x = DATA["hidden-unit-inspector"]["images"][image].double() / 255
    limit = 0.6 * first.weights.abs().max()
    sums = (x @ first.weights + first.bias)[0]
    activations = sums.clamp(min=0)
    scores = forward(x[None], [first, second])[0][0]
    z, a, b = sums[unit], activations[unit], first.bias[0, unit]

    canvases = shown.locator("figure canvas").all()
    assert_ink(canvases[0], x)
    assert_weights(canvases[1], first.weights[:, unit], limit)
    assert_weights(canvases[2], x * first.weights[:, unit], limit)
    captions = ["the image", f"weights of unit {unit}", "pixel times weight"]
    assert shown.locator("figcaption").all_inner_texts() == captions
    says = "and the ReLU lets it through" if z > 0 else "and the ReLU makes it 0"
    assert shown.locator(".pictures + p").inner_text() == (
        f"Pixels times weights add up to {fixed(z - b)}; with the bias {fixed(b)} that is "
        f"{fixed(z)}. It is {'' if z > 0 else 'not '}positive, {says}."
    )
    added, answer = a * second.weights[unit], int(scores.argmax())
    columns = {
        "added by this unit": (added, signed, -8, 8, None),
        "score, all together": (scores, signed, -20, 20, answer),
    }
    the_bars_are(shown, [f"{k}" for k in range(10)], columns)
    caption = shown.locator("table.bars caption").inner_text()
    assert caption == f"What unit {unit} adds to the score of each digit"
    up, down = int(added.argmax()), int(added.argmin())
    the_status_is(
        shown,
        f"Unit {unit} is on ({fixed(a)}): it speaks most for {up} ({signed(added[up])}) and most "
        f"against {down} ({signed(added[down])}). The network says {answer}."
        if a > 0
        else f"Unit {unit} is off for this image and adds nothing. The network says {answer}.",
    )
    items = shown.locator(".units li").all()
    for u, (item, active) in enumerate(zip(items, activations, strict=True)):
        assert ("on" in (item.get_attribute("class") or "").split()) == (active > 0)
        words = fixed(active, 1) if active > 0 else "off"
        assert re.sub(r"\s+", " ", item.locator("label").inner_text()).strip() == (
            f"unit {u}: {words}"
        )
        assert item.get_by_role("radio").is_checked() == (u == unit)
        assert_weights(item.locator("canvas"), x * first.weights[:, u], limit)
    return activations


def test_hidden_unit_inspector(browser, tmp_path):
    data = DATA["hidden-unit-inspector"]
    first, second = in_float64(data["two"])
    x = data["images"][6].double()[None] / 255
    scores, _ = forward(x, [first, second])
    activations = (x @ first.weights + first.bias).clamp(min=0)[0]
    adds = activations * second.weights[:, scores.argmax()]
    assert adds.argmax() != activations.argmax()
    with opened(browser, tmp_path, "hidden-unit-inspector", **data) as shown:
        on = (
            check_unit(shown, 6, int(adds.argmax())) > 0
        )  # the unit that speaks most for the answer
        assert on.any()
        assert not on.all()
        for unit in (on.nonzero()[-1].item(), on.logical_not().nonzero()[0].item()):
            shown.get_by_role("radio", name=f"unit {unit}:").check(force=True)
            check_unit(shown, 6, unit)
        shown.get_by_role("combobox").select_option("a 0, second example")
        check_unit(shown, 1, unit)


# --- draw a digit ---------------------------------------------------------------------------------


def check_answers(shown, x, data):
    """Bars, units and sentence for what the networks got: x [784]."""
    two, one = (in_float64(data[name]) for name in ("two", "one"))
    x = x.double()[None]
    activations = (x @ two[0].weights + two[0].bias).clamp(min=0)[0]
    p, q = (softmax(forward(x, layers)[0])[0] for layers in (two, one))
    best, other = int(p.argmax()), int(q.argmax())
    columns = {"two layers": (p, percent, 0, 1, best), "one layer": (q, percent, 0, 1, other)}
    the_bars_are(shown, [f"{k}" for k in range(10)], columns)
    assert best != other
    on, chances = int((activations > 0).sum()), [f"({percent(values.max())})" for values in (p, q)]
    the_status_is(
        shown,
        f"Two layers say {best} {chances[0]}, one layer says {other} {chances[1]}. "
        f"{on} of 6 hidden units are on."
        if p.max() >= 0.7
        else f"Not sure: no digit has 70 %. Two layers lean to {best} {chances[0]}, "
        f"one layer to {other} {chances[1]}.",
    )
    widths = shown.locator(".units li").evaluate_all(
        """(items) => items.map((item) => [".fill", ".bar"]
          .map((kind) => item.querySelector(kind).getBoundingClientRect().width))"""
    )
    items = shown.locator(".units li").all()
    for item, (fill, bar), active in zip(items, widths, activations, strict=True):
        assert item.locator(".value").inner_text() == (fixed(active, 1) if active > 0 else "off")
        assert ("on" in (item.get_attribute("class") or "").split()) == (active > 0)
        assert fill / bar == pytest.approx(float(active / max(activations.max(), 4)), abs=0.02)
    return p.max()


def sheet(shown):
    """How black each of the 280 x 280 pixels of the sheet is, from 0 to 1."""
    return 1 - pixels(shown.locator(".pad"))[..., 0].double() / 255


def centre(ink):
    places = torch.arange(280) + 0.5
    return [float((ink.sum(axis) * places).sum() / ink.sum()) for axis in (0, 1)]  # x, y


def choose(shown, name):
    shown.get_by_role("combobox", name="Digit").select_option(name)


def test_a_chosen_digit_is_upright_and_read(browser, tmp_path):
    data = DATA["draw-a-digit"]
    limit = 0.6 * data["two"][0].weights.abs().max()
    with opened(browser, tmp_path, "draw-a-digit", **data) as shown:
        for u, canvas in enumerate(shown.locator(".units canvas").all()):
            assert_weights(canvas, data["two"][0].weights[:, u], limit)
            assert canvas.get_attribute("aria-label") == f"Weights of hidden unit {u}"
        for place, name in ((15, "a 7, second example"), (8, "a 4, first example")):
            choose(shown, name)
            shown.get_by_role("checkbox").uncheck()  # which is answered at once
            image = data["images"][place].double() / 255
            large = image.view(28, 1, 28, 1).expand(-1, 10, -1, 10).reshape(280, 280)
            assert (sheet(shown) - large).abs().max() < 0.01
            assert shown.locator(".pad").get_attribute("aria-label") == f"The drawing: {name}"
            assert_ink(shown.locator(".seen canvas"), image)
            assert check_answers(shown, image, data) > 0.8


def test_an_answer_that_is_not_sure(browser, tmp_path):
    first, second = DATA["draw-a-digit"]["two"]
    data = DATA["draw-a-digit"] | {"two": [first, Layer(second.weights / 40, second.bias)]}
    with opened(browser, tmp_path, "draw-a-digit", **data) as shown:
        shown.get_by_role("checkbox").uncheck()
        choose(shown, "a 7, second example")
        assert check_answers(shown, data["images"][15].double() / 255, data) < 0.65


def test_nothing_to_read(browser, tmp_path):
    with (
        opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown,
        with_the_pen(shown) as go,
    ):
        for what in ("An empty sheet", "Only a dot"):
            the_status_is(shown, f"{what}: nothing to read. Draw a digit, or choose one.")
            assert set(shown.locator("table.bars .value").all_inner_texts()) == {"–"}
            fills = shown.locator("table.bars .fill")
            assert fills.evaluate_all("(fills) => fills.every((fill) => fill.offsetWidth === 0)")
            go(100, 100)
            shown.mouse.down()
            shown.mouse.up()


def test_a_digit_is_moved_while_the_slider_is_held(browser, tmp_path):
    with opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown:
        shown.get_by_role("checkbox").uncheck()

        def slid(name, to):
            """Before and after: value of the slider, its words, the ink's centre and sum."""
            choose(shown, "a 0, first example")  # all sliders in the middle; a spot at the top
            before = sheet(shown)
            slider = shown.get_by_role("slider", name=name)
            answers = shown.locator("table.bars").inner_text()
            with dragged(shown, slider, to) as value:
                after = sheet(shown)
                assert shown.locator("table.bars").inner_text() != answers
                words = slider.get_attribute("aria-valuetext")
            moved = [b - a for a, b in zip(centre(before), centre(after))]
            return value, words, moved, float(after.sum() / before.sum())

        for name, to, axis, way in (
            ("Left, right", 0.7, 0, "right"),
            ("Left, right", 0.3, 0, "left"),
            ("Up, down", 0.7, 1, "down"),
            ("Up, down", 0.47, 1, "up"),
        ):
            value, words, moved, _ = slid(name, to)
            assert (value > 0) == (to > 0.5)
            assert words == f"{abs(value):.0f} pixel{'s' * (abs(value) != 1)} {way}"
            assert moved[axis] == pytest.approx(10 * value, abs=0.5)
            assert moved[1 - axis] == pytest.approx(0, abs=0.5)
        for to, way in ((0.85, "right"), (0.15, "left")):  # what is above goes that way
            value, words, moved, _ = slid("Turn", to)
            assert words == f"{abs(value):.0f}° {way}"
            arm = 140 - 45  # the spot above the middle
            turned = [
                arm * math.sin(math.radians(value)),
                arm * (1 - math.cos(math.radians(value))),
            ]
            assert moved == pytest.approx(turned, abs=1)
            assert (moved[0] > 0) == (way == "right")
        for to, words, more in (
            (0.98, "much thicker", True),
            (0.65, "a little thicker", True),
            (0.18, "thinner", False),
        ):
            _, said, _, ink = slid("Stroke", to)
            assert said == words
            assert (ink > 1.1) if more else (ink < 0.9)


def test_a_stroke_grows_and_shrinks_by_halves(browser, tmp_path):
    """A step: each pixel comes halfway to the darkest, or the lightest, of its four neighbours."""
    cross = ndimage.generate_binary_structure(2, 1)
    with opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown:
        choose(shown, "a 7, second example")
        for way, extreme in ((1, ndimage.grey_dilation), (-1, ndimage.grey_erosion)):
            picture = DATA["draw-a-digit"]["images"][15].double().view(28, 28).numpy() / 255
            for step in (1, 2, 3):
                framed = np.pad(picture, 1)  # the paper goes on
                picture = (framed + extreme(framed, footprint=cross))[1:-1, 1:-1] / 2
                shown.get_by_role("slider", name="Stroke").fill(f"{way * step}")
                seen = sheet(shown).view(28, 10, 28, 10).mean((1, 3))
                assert (seen - torch.from_numpy(picture)).abs().max() < 0.01


def test_the_sliders_go_both_ways_step_by_step(browser, tmp_path):
    with opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown:
        for name, step, end, most in (
            ("Left, right", "1 pixel right", "10 pixels right", 10),
            ("Up, down", "1 pixel down", "10 pixels down", 10),
            ("Turn", "5° right", "45° right", 45),
            ("Stroke", "a little thicker", "much thicker", 3),
        ):
            slider = shown.get_by_role("slider", name=name)
            assert slider.get_attribute("aria-valuetext") == "as it is"
            slider.press("ArrowRight")
            assert slider.get_attribute("aria-valuetext") == step
            slider.press("End")
            assert slider.get_attribute("aria-valuetext") == end
            slider.press("Home")
            assert slider.input_value() == f"{-most}"


@contextlib.contextmanager
def with_the_pen(shown):
    """A function that moves the pointer to a place on the sheet, in its 280 x 280 pixels."""
    shown.get_by_role("button", name="Clear").click()
    pad = shown.locator(".pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()

    def go(x, y):
        shown.mouse.move(
            box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280, steps=6
        )

    yield go


# A stroke that the browser ends, because it scrolls the page, say; then the pointer moves on. In a
# browser that reports rarely, the points between come with the event.
CANCELLED = """() => {
  const pad = document.querySelector(".pad");
  pad.setPointerCapture = () => {};
  const box = pad.getBoundingClientRect();
  const at = ([x, y]) => ({ clientX: box.left + x * box.width / 280, pointerId: 1,
    clientY: box.top + y * box.height / 280 });
  const fire = (kind, place, more) =>
    pad.dispatchEvent(new PointerEvent(kind, { ...at(place), ...more }));
  fire("pointerdown", [40, 40]);
  const between = [[40, 140], [240, 140], [240, 40]];
  fire("pointermove", [240, 40], { coalescedEvents:
    between.map((place) => new PointerEvent("pointermove", at(place))) });
  fire("pointercancel", [240, 40]);
  fire("pointermove", [240, 250]);
}"""


def test_a_cancelled_stroke_ends_and_has_all_its_points(browser, tmp_path):
    with (
        opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown,
        with_the_pen(shown),
    ):
        shown.evaluate(CANCELLED)
        after_a_frame(shown)
        ink = sheet(shown)
        assert ink[140, 40:241].min() == 1
        assert ink[40:141, 40].min() == ink[40:141, 240].min() == 1
        assert ink[:100, 80:200].max() == ink[200:].max() == 0


INKED = """() => {
  const pad = document.querySelector(".pad");
  const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
  return data.some((value) => value < 255);
}"""


def sample(browser, tmp_path, options):
    """The sheet as soon as there is anything on it, and two seconds later."""
    with opened(browser, tmp_path, "draw-a-digit", options, **DATA["draw-a-digit"]) as shown:
        shown.wait_for_function(INKED)
        soon = sheet(shown)
        shown.wait_for_timeout(2000)
        assert shown.get_by_role("status").inner_text().startswith("An empty sheet")
        return soon, sheet(shown)


MOVING = {"reduced_motion": "no-preference"}


def test_a_pale_sample_is_written_and_stands_there_at_once_for_who_wants_no_motion(
    browser, tmp_path
):
    soon, late = sample(browser, tmp_path, {})
    assert (soon == late).all()
    assert 0.05 < late.max() < 0.3
    for _ in range(5):  # a busy machine may show the first of it late
        soon, written = sample(browser, tmp_path, MOVING)
        assert (written == late).all()
        if soon.sum() < late.sum():
            break
    else:
        pytest.fail("it was never seen being written")


def test_the_sample_leaves_when_one_draws(browser, tmp_path):
    with opened(browser, tmp_path, "draw-a-digit", MOVING, **DATA["draw-a-digit"]) as shown:
        shown.evaluate(SECOND_FINGER, [[0.2, 0.9], [0.8, 0.9]])  # while it is being written
        shown.wait_for_timeout(2000)
        assert sheet(shown)[250, 60:220].min() == 1
        assert sheet(shown)[:230].max() == 0


# A line by the first finger, while a second one comes, moves and lifts; then the first moves on.
SECOND_FINGER = """(line) => {
  const pad = document.querySelector(".pad");
  pad.setPointerCapture = () => {};
  const box = pad.getBoundingClientRect();
  const fire = (kind, [x, y], pointerId) => pad.dispatchEvent(new PointerEvent(kind, {
    pointerId, clientX: box.left + x * box.width, clientY: box.top + y * box.height }));
  fire("pointerdown", line[0], 1);
  fire("pointerdown", [0.1, 0.9], 2);
  fire("pointermove", [0.9, 0.9], 2);
  fire("pointerup", [0.9, 0.9], 2);
  line.forEach((point) => fire("pointermove", point, 1));
  fire("pointerup", line[1], 1);
  fire("pointermove", [0.9, 0.1], 1);
}"""


def after_a_frame(shown):
    shown.evaluate("() => new Promise((done) => setTimeout(done, 80))")


def test_the_pen_draws_under_the_pointer_and_lifts(browser, tmp_path):
    """An L of two strokes that do not touch; nothing is joined, nothing drawn with the pen up."""
    with (
        opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown,
        with_the_pen(shown) as go,
    ):
        assert shown.locator(".pad").get_attribute("aria-label") == "An empty sheet to draw on"
        go(80, 40)
        shown.mouse.down()
        dot = shown.locator("table.bars").inner_text()
        go(80, 140)
        after_a_frame(shown)
        assert sheet(shown)[130, 80] == 1  # while the pen is down
        assert shown.locator("table.bars").inner_text() != dot
        go(80, 220)
        after_a_frame(shown)
        shown.mouse.up()
        go(140, 150)  # in the air
        after_a_frame(shown)
        first = sheet(shown)
        assert first[40:221, 80].min() == 1
        assert first[:, 100:].max() == 0
        assert 24 <= first[130].sum() <= 28
        go(130, 220)
        shown.mouse.down()
        go(230, 220)
        after_a_frame(shown)
        shown.mouse.up()
        both = sheet(shown)
        assert both[220, 130:231].min() == 1
        assert both[:, 100:112].max() == 0
        assert (both[:, :100] == first[:, :100]).all()
        assert shown.locator(".pad").get_attribute("aria-label") == "Your drawing"

        go(200, 60)
        shown.mouse.down(button="right")
        go(220, 100)
        shown.mouse.up(button="right")
        after_a_frame(shown)
        assert (sheet(shown) == both).all()

        # what the networks get: the L upright, as large as MNIST's, its centre in the middle
        seen = 1 - pixels(shown.locator(".seen canvas"))[..., 0].double() / 255
        assert seen[8:14, 4:12].max() > 0.9
        assert seen[:14, 18:].max() < 0.1
        assert seen[18:, 18:].max() > 0.9
        places = torch.arange(28.0).double()
        for axis in (0, 1):
            along = seen.sum(axis)
            assert (along @ places / along.sum()).item() == pytest.approx(14, abs=0.1)
        assert 18 <= (seen.amax(1) > 0.1).sum() <= 22

        shown.get_by_role("button", name="Clear").click()
        after_a_frame(shown)
        assert sheet(shown).max() < 0.3  # at most a pale sample
        shown.wait_for_function(
            "document.querySelector('[role=status]').textContent.startsWith('An empty sheet')"
        )


def reads_as_the_sheet(shown):
    """What the networks get is what `as_mnist` makes of the sheet that one sees."""
    expected = torch.from_numpy(as_mnist(sheet(shown).numpy())).double()
    seen = 1 - pixels(shown.locator(".seen canvas"))[..., 0].double() / 255
    return (seen - expected).abs().sum() / expected.sum() < 0.15


def test_the_pen_follows_a_sheet_that_was_moved(browser, tmp_path):
    """A stroke lies under the pointer after the drawing was pushed and turned, too."""
    with (
        opened(browser, tmp_path, "draw-a-digit", **DATA["draw-a-digit"]) as shown,
        with_the_pen(shown) as go,
    ):
        for name, key in (("Left, right", "ArrowRight"), ("Turn", "ArrowRight")):
            shown.get_by_role("slider", name=name).focus()
            for _ in range(4):
                shown.keyboard.press(key)
        go(60, 70)
        shown.mouse.down()
        go(200, 70)
        after_a_frame(shown)
        shown.mouse.up()
        ink = sheet(shown)
        assert ink[70, 62:199].min() == 1
        assert ink[90:].max() == 0
        assert reads_as_the_sheet(shown)
        for key, least, most in (("End", 36, 60), ("Home", 4, 18)):
            shown.get_by_role("slider", name="Stroke").focus()
            shown.keyboard.press(key)
            assert least <= sheet(shown)[:, 130].sum() <= most

        choose(shown, "a 7, second example")  # the pen begins a new sheet
        go(60, 70)
        shown.mouse.down()
        go(200, 70)
        after_a_frame(shown)
        shown.mouse.up()
        ink = sheet(shown)
        assert ink[70, 62:199].min() == 1
        assert ink[90:].max() == 0
        assert shown.get_by_role("combobox", name="Digit").input_value() == "0"
