"""The explorables: their data, their arithmetic in the browser, their use by mouse and keyboard.

The pages are opened as files, as a reader does who has copied the folder.
"""

import base64
import contextlib
import io
import json
import math
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from conftest import LAY_OUT_ALL, ROOT, page_html, wake_explorables
from PIL import Image
from test_explorables_drawn import SECOND_FINGER
from torch import Tensor

from scratchmnist import (
    Layer,
    accuracy,
    cross_entropy,
    forward,
    load_mnist,
    mse,
    one_hot,
    softmax,
    split,
)
from scratchmnist.files.pictures import as_mnist
from scratchmnist.pages.explorables import as_json, explorable, two_of_each
from scratchmnist.pages.photographs import drawn, strokes

PAGES = {  # the explorables of each page, in their order
    "index": ["draw-a-digit"],
    "pictures-as-tensors": ["broadcast-shapes", "nearest-digits"],
    "digit-as-a-number": ["learning-rate-slider"],
    "why-regression-struggles": ["number-line"],
    "scores-to-probabilities": ["logit-sliders"],
    "hidden-layer": ["backprop-stepper"],
    "backpropagation": ["hidden-unit-inspector", "draw-a-digit"],
    "checking-gradients": ["difference-step"],
    "two-models-compared": ["draw-again"],
    "learning-rates": ["learning-rate-slider"],
}
PLACES = [(page, name) for page, names in PAGES.items() for name in names]

# --- the HTML -------------------------------------------------------------------------------------


def unpack(value):
    """What `as_json` packed, as tensors; other values as they are."""
    if isinstance(value, dict) and "shape" in value:
        kind = torch.uint8 if "uint8" in value else torch.float32
        raw = bytearray(base64.b64decode(value.get("uint8") or value["float32"]))
        return torch.frombuffer(raw, dtype=kind).view(value["shape"])
    if isinstance(value, dict):
        return {name: unpack(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [unpack(entry) for entry in value]
    return value


def data_in(html, element):
    """The data of an explorable, from the text of a page."""
    source = re.search(rf'<{element} source="([\w-]+)">', html)[1]
    script = rf'<script type="application/json" id="{source}">(.*?)</script>'
    (values,) = re.findall(script, html, re.DOTALL)
    return unpack(json.loads(values))


def layers_of(data, name):
    return [
        Layer(*(torch.as_tensor(layer[part]) for part in Layer._fields)) for layer in data[name]
    ]


def test_tensors_arrive_exactly():
    values = torch.randn(7, 30).mT  # not contiguous
    data = {"big": values, "small": torch.eye(2), "bytes": torch.arange(200).to(torch.uint8)}
    data["layers"] = [Layer(values, torch.zeros(1, 7))]
    found = data_in(explorable("draw-a-digit", "", **data), "draw-a-digit")
    torch.testing.assert_close(found["big"], values, rtol=0, atol=0)
    assert found["small"] == [[1, 0], [0, 1]]
    assert torch.equal(found["bytes"], data["bytes"])
    torch.testing.assert_close(found["layers"][0]["weights"], values, rtol=0, atol=0)


def test_no_number_that_json_has_not():
    assert as_json([math.nan, -math.inf, 1.5, 2, None, "x"]) == [None, None, 1.5, 2, None, "x"]
    assert as_json(torch.tensor([math.inf, 0.0])) == [None, 0]


def test_two_can_share_their_data():
    html = explorable("hidden-unit-inspector", "Instead.", source="draw-a-digit")
    assert html.startswith('<hidden-unit-inspector source="draw-a-digit-data">')
    assert "<script" not in html


def test_text_cannot_leave_its_place():
    html = explorable("logit-sliders", "a < b", name="</script><b>")
    assert html.count("</script>") == 1
    assert "a &lt; b" in html
    assert data_in(html, "logit-sliders") == {"name": "</script><b>"}


def test_digits_are_of_the_training_part():
    _, valid = split(load_mnist()[0], 1000, seed=0)
    found = two_of_each(*valid)
    assert found["labels"].tolist() == [k // 2 for k in range(20)]
    labels = valid.labels.tolist()
    places = [[i for i, label in enumerate(labels) if label == k][:2] for k in range(10)]
    first = valid.images[torch.tensor(places).flatten()]
    assert torch.equal(found["images"], (first * 255).round().byte())


def test_the_nearest_are_training_pictures_and_what_is_chosen_is_not(built_book):
    """The averages are those of the training part; thirty of its pictures of each digit."""
    train, valid = split(load_mnist()[0], 1000, seed=0)
    found = data_in(html_of(built_book, "pictures-as-tensors"), "nearest-digits")
    means = torch.stack([train.images[train.labels == k].mean(0) for k in range(10)])
    torch.testing.assert_close(found["averages"], means, rtol=0, atol=0)
    assert found["known"]["labels"].bincount().tolist() == [30] * 10
    for name, part in (("known", train), ("unseen", valid)):
        images = found[name]["images"].double() / 255
        for label, image in zip(found[name]["labels"], images, strict=True):
            same = (part.images - image).abs().amax(1) < 1e-6
            assert part.labels[same].tolist() == [label]


# --- the pages ------------------------------------------------------------------------------------


def html_of(built_book, page):
    return page_html(built_book, page)


def test_a_page_loads_the_scripts_it_needs(built_book):
    for file in (built_book / "html" / "book").glob("*.html"):
        html = file.read_text(encoding="utf-8")
        scripts = re.findall(r'src="[^"]*explorables/([\w-]+)\.js', html)
        names = PAGES.get(file.stem, [])
        assert re.findall(r"<([\w-]+) source=", html) == names, file.stem
        shared = ["shared"] if names else []
        if {"draw-a-digit", "nearest-digits"} & {*names}:
            shared.append("drawing")
        assert scripts[: len(shared)] == shared, file.stem  # what others need comes first
        assert sorted(scripts) == sorted([*shared, *names]), file.stem


def test_the_scripts_are_ours_and_small():
    scripts = list((ROOT / "book" / "_static" / "explorables").iterdir())
    assert {file.suffix for file in scripts} == {".js", ".css"}
    for file in scripts:
        text = file.read_text(encoding="utf-8")
        assert len(text) < 16_000, file.name
        assert not re.search(r"\bfetch\(|XMLHttp|\bimport\b|https?://(?!www\.w3\.org)", text), (
            file.name
        )


def test_one_network_on_both_pages(built_book):
    pages = [html_of(built_book, page) for page in ("index", "backpropagation")]
    for name in ("one", "two"):
        networks = [layers_of(data_in(html, "draw-a-digit"), name) for html in pages]
        for layer, other in zip(*networks):
            torch.testing.assert_close(layer.weights, other.weights, rtol=0, atol=1e-3)


def test_without_javascript_there_is_a_sentence(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    for page in PAGES:
        shown = context.new_page()
        shown.goto((built_book / "html" / "book" / f"{page}.html").as_uri())
        shown.evaluate(LAY_OUT_ALL)
        instead = shown.locator("p.instead")
        assert instead.count() == len(PAGES[page])
        assert all("JavaScript" in text and "can" in text for text in instead.all_inner_texts())
        stills_stand_in(shown, page)
    context.close()


def stills_stand_in(shown, page):
    """Where each explorable would be there is its picture, drawn, not tiny, and described."""
    for name in PAGES[page]:
        still = shown.locator(f"{name} .still")
        assert still.count() == 1, name
        assert still.is_visible(), name
        box = still.bounding_box()
        assert box["width"] > 250, name
        assert box["height"] > 100, name
        assert shown.locator(f"{name} .explorable:visible").count() == 0, name
    if page == "hidden-layer":
        assert shown.locator("ol:has(+ .cell backprop-stepper)").is_visible()


@pytest.mark.parametrize("page", PAGES)
def test_on_paper_there_is_a_picture(browser, built_book, page):
    with opened(browser, built_book, page) as shown:
        for name in PAGES[page]:
            assert not shown.locator(f"{name} .still").is_visible(), name
        if page == "hidden-layer":
            assert not shown.locator("ol:has(+ .cell backprop-stepper)").is_visible()
        shown.emulate_media(media="print")
        stills_stand_in(shown, page)
        assert not shown.locator("p.instead:visible").count()


def test_stills_are_small_and_say_the_numbers(built_book):
    for page, name in PLACES:
        html = html_of(built_book, page)
        still = re.search(rf"<{name} [^>]*>.*?(<img class=\"still\".*?>)</{name}>", html, re.DOTALL)
        alt, source = re.search(r'alt="([^"]*)".*base64,([^"]*)"', still[1]).groups()
        picture = Image.open(io.BytesIO(base64.b64decode(source)))
        assert len(base64.b64decode(source)) <= 24_000, (page, name)
        assert len(picture.convert("RGB").getcolors()) > 3, (page, name)
        number = r"\b\d+\b" if name == "broadcast-shapes" else r"\d+\.\d|\d/\d"
        assert len(re.findall(number, alt)) > 8, (page, name)
    (loss,) = re.findall(r"L = \[([\d.]+)\]", html_of(built_book, "hidden-layer"))
    assert float(loss) == pytest.approx(1.5 * math.log(2), abs=0.005)


def test_a_still_is_the_figure_that_was_drawn():
    figure, axes = plt.subplots(figsize=(2, 1))
    axes.set(position=[0, 0, 1, 1], facecolor="#0072B2")
    html = explorable("logit-sliders", "Instead.", (figure, 'Blue, "all" of it.'))
    assert not plt.fignum_exists(figure.number)  # or the notebook would show it a second time
    assert 'alt="Blue, &quot;all&quot; of it."' in html
    width, height, source = re.search(r'width="(\d+)" height="(\d+)" .*,([^"]*)"', html).groups()
    picture = Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB")
    assert picture.size == pytest.approx((1.5 * int(width), 1.5 * int(height)), abs=1)
    assert picture.getpixel((picture.width // 3, picture.height // 3)) == (0, 0x72, 0xB2)


@contextlib.contextmanager
def opened(browser, built_book, page, **options):
    """A page of the book in the browser; afterwards nothing may have gone wrong."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    shown, problems = context.new_page(), []
    shown.on("pageerror", lambda error: problems.append(f"error: {error}"))
    shown.on("console", lambda message: message.type == "error" and problems.append(message.text))
    shown.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    shown.on(
        "request",
        lambda request: (
            request.url.startswith(("file:", "data:", "blob:"))
            or problems.append(f"outside: {request.url}")
        ),
    )
    shown.goto((built_book / "html" / "book" / f"{page}.html").as_uri())
    wake_explorables(shown)
    yield shown
    context.close()
    problems = [text for text in problems if "invalid theme mode" not in text]  # the theme's own
    assert not problems, f"{page}: {problems}"


SPILLING = """(element) => {
  const edge = Math.min(element.getBoundingClientRect().right, innerWidth) + 1;
  return [...element.querySelectorAll("*")].filter((part) =>
    part.getBoundingClientRect().right > edge && getComputedStyle(part).position !== "absolute"
  ).map((part) => part.outerHTML.slice(0, 80));
}"""
NAMELESS = """(element) => [
  ...[...element.querySelectorAll("input, select")].filter((part) =>
    ![...part.labels].some((label) => label.textContent.trim())),
  ...[...element.querySelectorAll("canvas, svg.chart, svg.network")].filter((part) =>
    !part.ariaLabel && part.getAttribute("aria-hidden") !== "true"),
].map((part) => part.outerHTML)"""


@pytest.mark.parametrize("page", PAGES)
def test_it_fits_and_has_names(browser, built_book, page):
    with opened(browser, built_book, page, color_scheme="dark") as shown:
        for width in (1280, 390, 320):
            shown.set_viewport_size({"width": width, "height": 800})
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
            for name in PAGES[page]:
                spilling = shown.locator(name).evaluate(SPILLING)
                assert not spilling, f"{name} at {width}"
        for name in PAGES[page]:
            element = shown.locator(name)
            assert element.locator(".explorable").count() == 1, name
            assert not element.locator("p.instead").is_visible(), name
            assert element.get_by_role("status").inner_text(timeout=3000), name
            assert not element.evaluate(NAMELESS), name


def test_the_stepper_suits_a_finger(browser, built_book):
    with opened(
        browser, built_book, "hidden-layer", viewport={"width": 390, "height": 800}
    ) as shown:
        element = shown.locator("backprop-stepper")
        for step in range(1, 13):
            element.get_by_role("slider").fill(f"{step}")
            assert shown.evaluate("document.documentElement.scrollWidth") <= 390
            assert not element.evaluate(SPILLING), step
            for target in element.locator("button, input").all():
                box = target.bounding_box()
                assert min(box["width"], box["height"]) >= 44, (step, target.inner_text())


def test_still_for_those_who_ask(browser, built_book):
    """No animation with prefers-reduced-motion; nothing starts by itself in any case."""
    durations = {}
    for motion in ("reduce", "no-preference"):
        with opened(browser, built_book, "index", reduced_motion=motion) as shown:
            fill = shown.locator("draw-a-digit .fill").first
            durations[motion] = fill.evaluate("(part) => getComputedStyle(part).transitionDuration")
            before = shown.locator("draw-a-digit").inner_text()
            shown.wait_for_timeout(300)
            assert shown.locator("draw-a-digit").inner_text() == before
    assert durations["reduce"] == "0s" != durations["no-preference"]


def says(shown, element, text):
    """Wait until the explorable's status holds the text."""
    status = shown.locator(element).get_by_role("status")
    shown.wait_for_function(
        "([status, text]) => status.textContent.includes(text)",
        arg=[status.element_handle(), text],
        timeout=5000,
    )
    return status.inner_text()


# --- draw a digit: arithmetic ---------------------------------------------------------------------

BYTES = "const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));"


def packed(values: Tensor) -> str:
    return base64.b64encode(values.to(torch.uint8).contiguous().numpy().tobytes()).decode()


def test_the_browser_finds_our_logits(browser, built_book):
    _, test = load_mnist()
    images = (test.images[torch.randperm(5000)[:1000]] * 255).round()
    data = data_in(html_of(built_book, "backpropagation"), "draw-a-digit")
    with opened(browser, built_book, "backpropagation") as shown:
        found = shown.evaluate(
            f"""(images) => {{
              {BYTES}
              const pixels = bytes(images);
              const data = explorables.read(document.querySelector("draw-a-digit"));
              return Array.from({{length: pixels.length / 784}}, (_, i) => {{
                const x = Array.from(pixels.subarray(784 * i, 784 * i + 784), (byte) => byte / 255);
                return ["two", "one"].map((name) =>
                  Array.from(explorables.forward(x, data[name]).at(-1)));
              }});
            }}""",
            packed(images),
        )
    for k, name in enumerate(["two", "one"]):
        logits, _ = forward(images / 255, layers_of(data, name))
        browsers = torch.tensor([both[k] for both in found])
        torch.testing.assert_close(browsers, logits, rtol=0, atol=1e-4)


def prepare(ink: Tensor) -> Tensor:
    """What `read_digit` makes of a drawing: [side, side] in [0, 1] -> [28, 28]."""
    return torch.from_numpy(as_mnist(ink.numpy()))


def simulated_drawings(n: int) -> tuple[Tensor, Tensor]:
    """Test digits as if drawn on a big sheet: sharp, of any size, anywhere. [n, 280, 280]."""
    _, test = load_mnist()
    generator = torch.Generator().manual_seed(0)
    chosen = torch.randperm(5000, generator=generator)[:n]
    pixels = test.images[chosen].view(n, 1, 28, 28)
    big = torch.nn.functional.interpolate(pixels, size=(280, 280), mode="bicubic")
    sharp = (4 * big - 1.5).clamp(0, 1)
    size = 0.5 + 0.6 * torch.rand(n, generator=generator)
    shift = (torch.rand(n, 2, generator=generator) - 0.5) * (1.2 - 0.8 * size)[:, None]
    move = torch.zeros(n, 2, 3)
    move[:, 0, 0] = move[:, 1, 1] = 1 / size
    move[:, :, 2] = shift / size[:, None]
    grid = torch.nn.functional.affine_grid(move, [n, 1, 280, 280], align_corners=False)
    drawn = torch.nn.functional.grid_sample(sharp, grid, align_corners=False)[:, 0]
    return (drawn * 255).round().double() / 255, test.labels[chosen]


def pens_and_sizes() -> list[Tensor]:
    """Drawings [280, 280] by thin and thick pens, large and small."""
    return [
        torch.from_numpy(drawn(strokes(k, np.random.default_rng(k)), 280, height, pen)).double()
        for k, (height, pen) in enumerate(
            [(0.8, 0.1), (0.3, 0.02), (0.6, 0.01), (0.15, 0.02), (0.9, 0.03), (0.12, 0.015)]
        )
    ]


def test_the_browser_prepares_as_read_digit_does(browser, built_book):
    drawings = [*simulated_drawings(20)[0], *pens_and_sizes()]
    drawings = [(drawing * 255).round() / 255 for drawing in drawings]
    with opened(browser, built_book, "index") as shown:
        found = shown.evaluate(
            f"""(drawings) => {{
              {BYTES}
              return drawings.map((text) => {{
                const ink = Array.from(bytes(text), (byte) => byte / 255);
                return [explorables.prepare(ink, 280), explorables.shrink(ink, 280)];
              }});
            }}""",
            [packed((drawing * 255).round()) for drawing in drawings],
        )
        dot = (
            "Array.from({length: 78400}, (_, i) => +(Math.hypot(i % 280 - 99, i / 280 - 99) < 15))"
        )
        for nothing in ("Array(78400).fill(0)", dot):
            assert shown.evaluate(f"explorables.prepare({nothing}, 280)") is None
    indices = torch.arange(28.0, dtype=torch.float64)
    for drawing, (prepared, shrunk) in zip(drawings, found):
        prepared = torch.tensor(prepared, dtype=torch.float64).view(28, 28)
        torch.testing.assert_close(prepared, prepare(drawing), rtol=0, atol=1e-9)
        shrunk = torch.tensor(shrunk, dtype=torch.float64).view(28, 28)
        means = drawing.view(28, 10, 28, 10).mean((1, 3))
        torch.testing.assert_close(shrunk, means, rtol=0, atol=1e-9)
        sums = [prepared.sum(axis) for axis in (0, 1)]
        for along in sums:
            assert abs(along @ indices / along.sum() - 14) < 0.05
        assert 19 <= max(int((along > 0.2).sum()) for along in sums) <= 21
        assert prepared.min() >= 0
        assert prepared.max() <= 1 + 1e-9


def test_why_a_drawing_is_prepared(built_book):
    """MNIST's digits are centred where `prepare` puts a drawing, and the network expects it."""
    train, _ = load_mnist()
    pictures, indices = train.images.view(-1, 28, 28), torch.arange(28.0)
    for axis in (1, 2):
        centres = (pictures.sum(axis) * indices).sum(1) / pictures.sum((1, 2))
        assert abs(centres.mean() - 14) < 0.05

    drawings, labels = simulated_drawings(400)
    layers = layers_of(data_in(html_of(built_book, "index"), "draw-a-digit"), "two")

    def right(change):
        x = torch.stack([change(drawing) for drawing in drawings]).view(-1, 784).float()
        return accuracy(forward(x, layers)[0], labels).item()

    assert right(prepare) > 0.85
    assert right(lambda ink: ink.view(28, 10, 28, 10).mean((1, 3))) < 0.7
    assert right(lambda ink: prepare(ink).roll((-1, -1), (0, 1))) < right(prepare) - 0.05
    assert right(lambda ink: 1 - prepare(ink)) < 0.2


# --- draw a digit: use ----------------------------------------------------------------------------


def bars(element, column):
    """The numbers in one column of an explorable's table with bars."""
    texts = element.locator(f"table.bars tbody td:nth-child({column + 2})").all_inner_texts()
    return [float(re.sub(r"[^\d.-]", "", text.replace("−", "-"))) for text in texts]


@pytest.mark.parametrize("page", ["index", "backpropagation"])
def test_draw_with_the_mouse(browser, built_book, page):
    with opened(browser, built_book, page) as shown:
        element = shown.locator("draw-a-digit")
        element.get_by_role("button", name="Clear").click()
        says(shown, "draw-a-digit", "An empty sheet: nothing to read")
        assert {*element.locator("table.bars tbody td").all_inner_texts()} == {"–"}
        pad = element.locator(".pad")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()

        def go(x, y):
            shown.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)

        go(0.5, 0.2)
        shown.mouse.down()
        go(0.5, 0.8)
        shown.mouse.up()
        says(shown, "draw-a-digit", "Two layers say 1")
        assert bars(element, 0)[1] == max(bars(element, 0)) > 50
        assert sum(bars(element, 1)) == pytest.approx(100, abs=0.6)
        shown.mouse.move(box["x"] + 5, box["y"] + 5)  # the pen is up: nothing more is drawn
        assert "Your drawing" in pad.get_attribute("aria-label")


def test_draw_with_a_finger(browser, built_book):
    with opened(browser, built_book, "index", has_touch=True) as shown:
        pad = shown.locator("draw-a-digit .pad")
        shown.locator("draw-a-digit").get_by_role("button", name="Clear").tap()
        pad.tap()
        says(shown, "draw-a-digit", "Only a dot: nothing to read")
        assert "Your drawing" in pad.get_attribute("aria-label")


DRAW = """([lines, ids]) => {
  const pad = document.querySelector("draw-a-digit .pad");
  pad.setPointerCapture = () => {};
  const box = pad.getBoundingClientRect();
  const fire = (kind, [x, y], pointerId) => pad.dispatchEvent(new PointerEvent(kind, { pointerId,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true }));
  lines.forEach((line, k) => {
    fire("pointerdown", line[0], ids[k]);
    if (ids[k] !== 1) return;
    line.forEach((point) => fire("pointermove", point, 1));
    fire("pointerup", line.at(-1), 1);
  });
}"""


@pytest.mark.parametrize(("size", "least"), [(0.7, 25), (0.25, 25), (1 / 7, 25)])
def test_a_drawing_of_any_size_is_read(browser, built_book, size, least):
    """31 drawings: strokes on the pad, as large as most of it, a quarter, a seventh."""
    right = 0
    with opened(browser, built_book, "index") as shown:
        element = shown.locator("draw-a-digit")
        for k in range(31):
            lines = strokes(k % 10, np.random.default_rng(k))
            points = np.concatenate(lines)
            middle, at = (points.min(0) + points.max(0)) / 2, np.array([0.4, 0.6])
            element.get_by_role("button", name="Clear").click()
            placed = [((line - middle) * size + at).tolist() for line in lines]
            shown.evaluate(DRAW, [placed, [1] * len(placed)])
            shown.wait_for_timeout(60)
            chances = bars(element, 0)
            right += chances.index(max(chances)) == k % 10
    assert right >= least


def test_one_pointer_only(browser, built_book):
    """While one finger draws, another changes nothing."""
    with opened(browser, built_book, "index") as shown:
        element = shown.locator("draw-a-digit")
        stroke = [[0.5, 0.2], [0.5, 0.8]]
        shown.evaluate(DRAW, [[stroke], [1]])
        says(shown, "draw-a-digit", "Two layers say 1")
        alone = element.locator(".pad").evaluate("(pad) => pad.toDataURL()")
        element.get_by_role("button", name="Clear").click()
        shown.evaluate(SECOND_FINGER, stroke)
        shown.wait_for_timeout(100)
        assert element.locator(".pad").evaluate("(pad) => pad.toDataURL()") == alone


def test_draw_with_the_keyboard(browser, built_book):
    data = data_in(html_of(built_book, "index"), "draw-a-digit")
    with opened(browser, built_book, "index") as shown:
        element = shown.locator("draw-a-digit")
        ready = element.get_by_role("checkbox")
        element.get_by_role("combobox", name="Digit").focus()
        for _ in range(16):  # from the empty sheet to the second 7
            shown.keyboard.press("ArrowDown")
        says(shown, "draw-a-digit", "Two layers say 7")
        prepared = bars(element, 0)
        ready.focus()
        shown.keyboard.press("Space")  # without preparation it is MNIST's own picture

        shown.wait_for_timeout(100)
        image = data["images"][15].float()[None] / 255
        for column, name in enumerate(["two", "one"]):
            logits, _ = forward(image, layers_of(data, name))
            ours = 100 * softmax(logits)[0]
            assert bars(element, column) == pytest.approx(ours.tolist(), abs=0.06)
        raw = bars(element, 0)

        shown.keyboard.press("Space")
        element.get_by_role("slider", name="Left, right").focus()
        for _ in range(6):
            shown.keyboard.press("ArrowRight")
        assert (
            element.get_by_role("slider", name="Left, right").get_attribute("aria-valuetext")
            == "6 pixels right"
        )
        assert bars(element, 0) == pytest.approx(prepared, abs=2)  # moved, centred again
        ready.focus()
        shown.keyboard.press("Space")
        assert bars(element, 0) != pytest.approx(raw, abs=3)  # and not centred

        for label, key in (
            ("Turn", "ArrowLeft"),
            ("Stroke", "ArrowRight"),
            ("Up, down", "ArrowUp"),
        ):
            before = element.locator(".pad").evaluate("(pad) => pad.toDataURL()")
            element.get_by_role("slider", name=label).focus()
            shown.keyboard.press(key)
            assert element.locator(".pad").evaluate("(pad) => pad.toDataURL()") != before, label


# --- logit sliders --------------------------------------------------------------------------------


def squared_gradient(logits, targets):
    """Of the squared error behind a softmax, by autograd."""
    logits = logits.clone().requires_grad_()
    torch.nn.functional.mse_loss(logits.softmax(-1), targets).backward()
    return logits.grad


def test_logit_sliders(browser, built_book):
    with opened(browser, built_book, "scores-to-probabilities") as shown:
        element = shown.locator("logit-sliders")

        def check(scores, right):
            z, y = (
                torch.tensor([scores], dtype=torch.float64),
                one_hot(torch.tensor([right]), 3).double(),
            )
            loss, d_loss = cross_entropy(z, y)
            for column, ours in enumerate([softmax(z), d_loss(), squared_gradient(z, y)]):
                assert bars(element, column) == pytest.approx(ours[0].tolist(), abs=6e-4)
            squared, _ = mse(softmax(z), y)
            says(shown, "logit-sliders", f"surprise {loss:.2f} nats, squared error {squared:.3f}")

        example = [math.log(6), math.log(3), 0]
        check(example, 0)
        element.get_by_role("button", name="confidently wrong").click()
        check([-6, 6, 0], 0)
        assert bars(element, 1)[0] == -1
        assert bars(element, 2)[0] == 0
        element.get_by_role("combobox", name="The right class").select_option("third")
        check([-6, 6, 0], 2)
        element.get_by_role("button", name="Back").click()
        check(example, 0)
        before = bars(element, 0)
        element.get_by_role("button", name="Add 1").click()
        assert bars(element, 0) == before  # shift invariance

        slider = element.get_by_role("slider", name="First")
        slider.focus()
        shown.keyboard.press("End")
        check([8, example[1] + 1, 1], 0)
        shown.keyboard.press("ArrowLeft")
        check([float(slider.input_value()), example[1] + 1, 1], 0)
        assert float(slider.input_value()) < 8


# --- broadcasting, and the nearest ----------------------------------------------------------------


def test_broadcasting_on_its_page(browser, built_book):
    html = html_of(built_book, "pictures-as-tensors")
    clashes = 0
    with opened(browser, built_book, "pictures-as-tensors") as shown:
        example = shown.locator("broadcast-shapes").get_by_role("combobox", name="Example")
        for a, b in data_in(html, "broadcast-shapes")["pairs"]:
            example.select_option(f"{a} + {b}")
            try:
                expected = f"gives {list((torch.ones(a) + torch.ones(b)).shape)}: "
            except RuntimeError as error:
                expected = f"PyTorch says: “{error}”."
                clashes += 1
            said = says(shown, "broadcast-shapes", expected)
            assert said.startswith(f"{a} + {b} ")
    assert clashes == 1


def test_the_rules_of_the_chapter_on_digits_that_they_have_not_met(browser, built_book):
    data = data_in(html_of(built_book, "pictures-as-tensors"), "nearest-digits")
    known, answers = data["known"]["images"].double() / 255, set()
    with opened(browser, built_book, "pictures-as-tensors") as shown:
        digits = shown.locator("nearest-digits").get_by_role("combobox", name="Digit")
        for k, image in enumerate(data["unseen"]["images"].double() / 255, start=1):
            digits.select_option(index=k)
            from_average = (data["averages"].double() - image).square().sum(1)
            from_picture = (known - image).square().sum(1)
            average = int(from_average.argmin())
            picture = int(data["known"]["labels"][from_picture.argmin()])
            nearest = f"the average {average} is the nearest ({from_average.min():.1f})"
            said = says(shown, "nearest-digits", nearest)
            assert f"nearest picture is a {picture} ({from_picture.min():.1f})" in said
            assert said.startswith("Both" if average == picture else "The rules disagree")
            answers.add(average == picture)
    assert answers == {True, False}


# --- learning-rate slider -------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["digit-as-a-number", "learning-rates"])
def test_learning_rate_slider(browser, built_book, page):
    runs = data_in(html_of(built_book, page), "learning-rate-slider")["runs"]
    with opened(browser, built_book, page) as shown:
        element = shown.locator("learning-rate-slider")
        for place, run in enumerate(runs):
            if len(runs) > 1:
                element.get_by_role("combobox", name="Model").select_option(str(place))
            slider = element.get_by_role("slider", name="Rate")
            slider.focus()
            shown.keyboard.press("Home")
            for k, rate in enumerate(run["rates"]):
                assert slider.get_attribute("aria-valuetext") == f"{rate}".rstrip("0").rstrip(".")
                rows = element.locator("table.values tbody tr").all_inner_texts()
                assert len(rows) == len(run["loss"])
                for row, losses, accuracies in zip(rows, run["loss"], run["accuracy"]):
                    _, loss, right = row.split("\t")
                    if losses[k] is None:
                        assert loss == "not a number"
                    elif losses[k] < 10:
                        assert loss == f"{losses[k]:.3f}"
                    assert right == f"{100 * accuracies[k]:.1f} %"
                if run["loss"][-1][k] is None:
                    says(shown, "learning-rate-slider", "no longer a number")
                assert element.locator("svg .chosen").count() == 2
                shown.keyboard.press("ArrowRight")
        box = slider.bounding_box()
        shown.mouse.click(box["x"] + 8, box["y"] + box["height"] / 2)
        assert slider.input_value() == "0"
    assert any(row[-1] is None for run in runs for row in run["loss"]), "no run diverges"


# --- backprop stepper -----------------------------------------------------------------------------


def number_of(built_book, href):
    """The number that an equation has on its page, from the address of a link to it."""
    path, anchor = href.split("#")
    html = html_of(built_book, path.removesuffix(".html") or "hidden-layer")
    return re.search(rf'id="{anchor}">\s*<span class="eqno">(\([\d.]+\))', html)[1]


def test_backprop_stepper(browser, built_book):
    data = data_in(html_of(built_book, "hidden-layer"), "backprop-stepper")

    def shows(text):
        text = text.replace("−", "-")
        top, _, bottom = text.partition("/")
        return float(top) / float(bottom or 1)

    with opened(browser, built_book, "hidden-layer") as shown:
        element = shown.locator("backprop-stepper")
        order, numbers = [], set()
        slider = element.get_by_role("slider", name="Step")
        for step in range(1, 13):
            line = element.locator(".line")
            code = line.locator("code").inner_text()
            name = code.split(" = ")[0]
            order.append(name)
            assert line.locator(".katex").count() == 2  # the formula and the shapes, typeset
            for formula in line.locator(".katex").all():
                box = formula.bounding_box()
                assert box["height"] > 10, name
                assert box["width"] > 10, name
            link = line.locator("a")
            assert link.inner_text() == number_of(built_book, link.get_attribute("href"))
            numbers.add(link.inner_text())

            cells = element.locator(".result td")
            assert set(cells.all_inner_texts()) == {"?"}
            rows = data[name] if isinstance(data[name], list) else [[data[name]]]
            entries = [entry for row in rows for entry in row]
            for cell, entry in zip(cells.all(), entries, strict=True):
                cell.locator("button").click()
                element.get_by_role("button", name="Show", exact=True).click()
                sixteenths = (16 * entry) % 1 == 0  # such a number is shown as a fraction
                told = shows(cell.inner_text())
                assert told == pytest.approx(entry, abs=0 if sixteenths else 0.005)
            says(shown, "backprop-stepper", f" {cell.inner_text()}.")
            if step % 2:
                element.get_by_role("button", name="Next").click()
            else:
                slider.focus()
                shown.keyboard.press("ArrowRight")
        assert order.index("Z_1") < order.index("L") < order.index("d_Z") < order.index("d_W_1")
        assert {*order} == set(data) - {"X", "Y", "W_1", "b_1", "W_2", "b_2"}
        assert len(numbers) == 6


# --- hidden-unit inspector ------------------------------------------------------------------------


def test_hidden_unit_inspector(browser, built_book):
    data = data_in(html_of(built_book, "backpropagation"), "hidden-unit-inspector")
    first, second = layers_of(data, "two")
    images = data["images"].float() / 255
    sums = images @ first.weights + first.bias
    activations = sums.clamp(min=0)
    scores, _ = forward(images, [first, second])
    with opened(browser, built_book, "backpropagation") as shown:
        element = shown.locator("hidden-unit-inspector")

        def check(image, unit):
            added = activations[image, unit] * second.weights[unit]
            assert bars(element, 0) == pytest.approx(added.tolist(), abs=0.06)
            assert bars(element, 1) == pytest.approx(scores[image].tolist(), abs=0.06)
            on = activations[image, unit] > 0
            says(shown, "hidden-unit-inspector", f"Unit {unit} is {'on' if on else 'off'}")
            assert f"{sums[image, unit]:.2f}".replace("-", "−") in element.inner_text()
            lit = element.locator(".units li.on").count()
            assert lit == (activations[image] > 0).sum()

        start = int(element.locator("input:checked").get_attribute("value"))
        check(6, start)
        element.locator(".units label").nth(12).click()
        check(6, 12)
        shown.keyboard.press("ArrowRight")
        check(6, 13)
        element.get_by_role("combobox", name="Image").focus()
        shown.keyboard.press("ArrowDown")
        check(7, 13)
