"""The explorables: their data, their arithmetic in the browser, their use by mouse and keyboard.

The pages are opened as files, as a reader does who has copied the folder.
"""

import base64
import contextlib
import json
import math
import re

import pytest
import torch
from conftest import ROOT
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
from scratchmnist.explorables import as_json, explorable, two_of_each

PAGES = {  # the explorables of each page, in their order
    "index": ["draw-a-digit"],
    "digit-as-a-number": ["learning-rate-slider"],
    "scores-to-probabilities": ["logit-sliders"],
    "hidden-layer": ["backprop-stepper", "hidden-unit-inspector", "draw-a-digit"],
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


def test_text_cannot_leave_its_place():
    html = explorable("logit-sliders", "a < b", name="</script><b>")
    assert html.count("</script>") == 1
    assert "a &lt; b" in html
    assert data_in(html, "logit-sliders") == {"name": "</script><b>"}


def test_digits_are_of_the_training_part():
    _, valid = split(load_mnist()[0], 1000, seed=0)
    found = two_of_each(*valid)
    assert found["labels"].tolist() == [k // 2 for k in range(20)]
    for row, image in zip(found["labels"], found["images"]):
        same = ((valid.images * 255).round() == image).all(1)
        assert valid.labels[same].tolist() == [row]


# --- the pages ------------------------------------------------------------------------------------


def html_of(built_book, page):
    return (built_book / "html" / "book" / f"{page}.html").read_text(encoding="utf-8")


def test_a_page_loads_the_scripts_it_needs(built_book):
    for file in (built_book / "html" / "book").glob("*.html"):
        html = file.read_text(encoding="utf-8")
        scripts = re.findall(r'src="[^"]*explorables/([\w-]+)\.js', html)
        names = PAGES.get(file.stem, [])
        assert re.findall(r"<([\w-]+) source=", html) == names, file.stem
        assert sorted(scripts) == sorted({"shared", *names} if names else []), file.stem
        assert ("explorables.css" in html) == bool(names), file.stem


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
    pages = [html_of(built_book, page) for page in ("index", "hidden-layer")]
    for name in ("one", "two"):
        networks = [layers_of(data_in(html, "draw-a-digit"), name) for html in pages]
        for layer, other in zip(*networks):
            torch.testing.assert_close(layer.weights, other.weights, rtol=0, atol=1e-3)


def test_without_javascript_there_is_a_sentence(browser, built_book):
    context = browser.new_context(java_script_enabled=False)
    for page in PAGES:
        shown = context.new_page()
        shown.goto((built_book / "html" / "book" / f"{page}.html").as_uri())
        instead = shown.locator("p.instead")
        assert instead.count() == len(PAGES[page])
        assert all("JavaScript" in text and "can" in text for text in instead.all_inner_texts())
    context.close()


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
  ...[...element.querySelectorAll("canvas, svg.chart")].filter((part) =>
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
    data = data_in(html_of(built_book, "hidden-layer"), "draw-a-digit")
    with opened(browser, built_book, "hidden-layer") as shown:
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


def overlaps(side, scale, start):
    """How much of each of 28 target pixels lies on each source pixel: [28, side]."""
    target_from = (torch.arange(28.0, dtype=torch.float64)[:, None] - start) / scale
    source = torch.arange(side, dtype=torch.float64)[None]
    shared = torch.minimum(target_from + 1 / scale, source + 1) - torch.maximum(target_from, source)
    return scale * shared.clamp(min=0)


def prepare(ink: Tensor, centre: float = 14.0) -> Tensor:
    """The twin of the browser's preprocessing. ink: [side, side] in [0, 1] -> [28, 28].

    The ink fills a box of 20 x 20, each target pixel is the mean of what it covers, and the centre
    of mass lies on `centre`, counting pixels from 0 (14.0 is the middle of pixel 14).
    """
    rows, columns = ((ink > 0.1).any(axis).nonzero() for axis in (1, 0))
    height, width = (int(found[-1] - found[0]) + 1 for found in (rows, columns))
    scale = 20 / max(height, width)
    middles = torch.arange(len(ink), dtype=torch.float64) + 0.5
    top, left = (
        centre + 0.5 - scale * (ink.sum(axis) @ middles / ink.sum()).item() for axis in (1, 0)
    )
    return overlaps(len(ink), scale, top) @ ink @ overlaps(len(ink), scale, left).mT


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


def test_the_browser_prepares_as_the_twin(browser, built_book):
    drawings, _ = simulated_drawings(40)
    with opened(browser, built_book, "index") as shown:
        found = shown.evaluate(
            f"""(drawings) => {{
              {BYTES}
              return drawings.map((text) => {{
                const ink = Array.from(bytes(text), (byte) => byte / 255);
                return [explorables.prepare(ink, 280), explorables.shrink(ink, 280)];
              }});
            }}""",
            [packed(drawing * 255) for drawing in drawings],
        )
        empty = shown.evaluate("explorables.prepare(Array(280 * 280).fill(0), 280)")
    assert set(empty) == {0}
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
        assert 20 <= max(int((along > 0.2).sum()) for along in sums) <= 21
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
    assert right(lambda ink: prepare(ink, centre=13.0)) < right(prepare) - 0.05
    assert right(lambda ink: 1 - prepare(ink)) < 0.2


# --- draw a digit: use ----------------------------------------------------------------------------


def bars(element, column):
    """The numbers in one column of an explorable's table with bars."""
    texts = element.locator(f"table.bars tbody td:nth-child({column + 2})").all_inner_texts()
    return [float(re.sub(r"[^\d.-]", "", text.replace("−", "-"))) for text in texts]


@pytest.mark.parametrize("page", ["index", "hidden-layer"])
def test_draw_with_the_mouse(browser, built_book, page):
    with opened(browser, built_book, page) as shown:
        element = shown.locator("draw-a-digit")
        element.get_by_role("button", name="Clear").click()
        says(shown, "draw-a-digit", "An empty sheet")
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
        says(shown, "draw-a-digit", "Two layers say")
        assert "Your drawing" in pad.get_attribute("aria-label")


def test_draw_with_the_keyboard(browser, built_book):
    data = data_in(html_of(built_book, "index"), "draw-a-digit")
    with opened(browser, built_book, "index") as shown:
        element = shown.locator("draw-a-digit")
        ready = element.get_by_role("checkbox")
        element.get_by_role("combobox", name="Digit").focus()
        for _ in range(9):  # from the first 3 to the second 7
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


def test_backprop_stepper(browser, built_book):
    data = data_in(html_of(built_book, "hidden-layer"), "backprop-stepper")

    def shows(text):
        text = text.replace("−", "-")
        top, _, bottom = text.partition("/")
        return float(top) / float(bottom or 1)

    with opened(browser, built_book, "hidden-layer") as shown:
        element = shown.locator("backprop-stepper")
        names, order = set(), []
        slider = element.get_by_role("slider", name="Step")
        for step in range(1, 13):
            if step % 2:
                element.get_by_role("button", name="Next").click()
            else:
                slider.focus()
                shown.keyboard.press("ArrowRight")
            assert element.locator(".lines .now").count() == 1
            code = element.locator(".lines .now code").inner_text()
            name = code.split(" = ")[0]
            order.append(name)
            new = element.locator(".matrix.new")
            assert new.count() == 1
            rows = data[name] if isinstance(data[name], list) else [[data[name]]]
            cells = [shows(text) for text in new.locator("td").all_inner_texts()]
            for cell, entry in zip(cells, [entry for row in rows for entry in row], strict=True):
                sixteenths = (16 * entry) % 1 == 0  # such a number is shown as a fraction
                assert cell == pytest.approx(entry, abs=0 if sixteenths else 0.005)
            shape = "[ ]" if name == "L" else f"[{len(rows)}, {len(rows[0])}]"
            assert new.locator("caption").inner_text().endswith(shape)
            assert (
                element.locator(".matrix.used").count()
                == len(set(re.findall(r"\w+", code.replace("len(X)", "B"))) & set(data)) - 1
            )
            says(shown, "backprop-stepper", element.locator(".lines .now span").first.inner_text())
            names |= {name}
        assert order.index("Z_1") < order.index("L") < order.index("d_Z") < order.index("d_W_1")
        assert names == set(data) - {"X", "Y", "W_1", "b_1", "W_2", "b_2"}
        assert element.locator(".matrix.hidden").count() == 0
        element.get_by_role("button", name="Back").click()
        assert element.locator(".matrix.hidden").count() == 1


# --- hidden-unit inspector ------------------------------------------------------------------------


def test_hidden_unit_inspector(browser, built_book):
    data = data_in(html_of(built_book, "hidden-layer"), "hidden-unit-inspector")
    first, second = layers_of(data, "two")
    images = data["images"].float() / 255
    sums = images @ first.weights + first.bias
    activations = sums.clamp(min=0)
    scores, _ = forward(images, [first, second])
    with opened(browser, built_book, "hidden-layer") as shown:
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
