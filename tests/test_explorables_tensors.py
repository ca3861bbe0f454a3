"""The two explorables of "Pictures as tensors": broadcasting, and what is nearest to a drawing.

What they show and say is compared with PyTorch's own broadcasting and with distances computed here.
"""

import contextlib
import itertools
import math
import re

import pytest
import torch
from test_explorables_drawn import (
    BLUE,
    DATA,
    SECOND_FINGER,
    after_a_frame,
    assert_ink,
    check_announcements,
    fixed,
    opened,
    pictures,
    pixels,
    random,
    sheet,
    the_bars_are,
    the_status_is,
    with_the_pen,
)

# --- broadcasting ---------------------------------------------------------------------------------

PAIRS = [([3, 1], [1, 2]), ([5, 4], [5]), ([2, 1, 3], [4, 3]), ([4], [4, 1]), ([], [2, 2])]
LIT = "rgb(200, 0, 200)"


def shapes(sizes, axes):
    return [list(shape) for n in range(axes + 1) for shape in itertools.product(sizes, repeat=n)]


def sum_of(a, b):
    """The shape of the sum; or, for a clash, what PyTorch says."""
    try:
        return list((torch.ones(a) + torch.ones(b)).shape)
    except RuntimeError as error:
        return str(error)


def test_the_browser_broadcasts_as_pytorch_does(browser, tmp_path):
    """Pairs of shapes of up to three axes: the shape, the clash, where the last entry is from."""
    pairs = list(itertools.product(shapes([1, 2, 3], 3), shapes([1, 2, 5], 3)))
    with opened(browser, tmp_path, "broadcast-shapes", pairs=PAIRS) as shown:
        found = shown.evaluate(
            """(pairs) => pairs.map(([a, b]) => {
              const { shape, clash } = explorables.broadcast(a, b);
              const last = shape.map((n) => n - 1);
              return [shape, clash, [a, b].map((own) => explorables.source(own, last))];
            })""",
            pairs,
        )
    clashes = 0
    for (a, b), (shape, clash, sources) in zip(pairs, found, strict=True):
        expected = sum_of(a, b)
        if isinstance(expected, str):
            assert expected.endswith(f"dimension {clash}"), (a, b)
            clashes += 1
            continue
        assert (shape, clash) == (expected, -1), (a, b)
        for own, at in zip((a, b), sources):
            entries = torch.arange(math.prod(own)).view(own)
            last = entries.expand(shape)[tuple(n - 1 for n in shape)]
            assert entries[tuple(at)] == last, (a, b)
    assert 300 < clashes < len(pairs) - 300


MATRICES = """() => [...document.querySelectorAll(".matrix")].map((matrix) => ({
  name: matrix.dataset.name, title: matrix.querySelector("p").textContent,
  labels: [...matrix.querySelectorAll("table")].map((table) => table.ariaLabel),
  slices: [...matrix.querySelectorAll("table")].map((table) => [...table.rows].map((row) =>
    [...row.cells].map((cell) => {
      const [look, box] = [getComputedStyle(cell), cell.getBoundingClientRect()];
      return { text: cell.textContent, kind: cell.className, edge: look.borderTopColor,
        line: look.borderTopStyle, bold: +look.fontWeight > 600, pale: look.color,
        at: [box.left, box.top], checked: cell.querySelector("input")?.checked ?? null,
        label: cell.querySelector("input")?.ariaLabel ?? null };
    }))),
}))"""
ROWS = """(table) => [...table.rows].map((row) => [...row.cells].map((cell) =>
  cell.querySelector("select")?.selectedOptions[0].textContent ?? cell.textContent))"""


def named(name, index):
    return f"{name}{list(index)}" if len(index) else name.strip()


def in_words(times):
    return "twice" if times == 2 else f"{times} times"


def repeats_of(shape, result):
    """{axis from the right: times}"""
    padded = [1] * (len(result) - len(shape)) + shape
    pairs = enumerate(zip(padded, result))
    return {k - len(result): n for k, (own, n) in pairs if own != n}


def check_table(shown, a, b, result):
    """Shapes in columns by their right ends; what is repeated; the sum's shape, or the clash."""
    head, *rows = shown.locator("table.sizes").evaluate(ROWS)
    assert head == ["axis", "−3", "−2", "−1"]
    assert [row[0] for row in rows] == ["a", "b", "repeated", "a + b"]
    for shape, row in zip((a, b), rows):
        assert row[1:] == ["none"] * (3 - len(shape)) + [str(n) for n in shape]
    clash = isinstance(result, str)
    for column in (-3, -2, -1):
        m, n = (shape[column] if len(shape) >= -column else 1 for shape in (a, b))
        axes = max(len(a), len(b))
        repeated, total = rows[2][column], rows[3][column]
        if m != n and 1 not in (m, n):
            assert (repeated, total) == ("clash", f"{m} ≠ {n}")
            assert clash
        elif m != n:
            assert repeated == f"{'a' if m == 1 else 'b'}, {in_words(max(m, n))}"
            assert total == str(max(m, n))
        else:
            assert (repeated, total) == ("", str(m) if axes >= -column else "")
        if not clash and axes >= -column:
            assert total == str(result[column])


def check_numbers(matrix, title, values, kinds):
    """values: the tensor that is shown; kinds: by entry, the classes of its cell."""
    assert matrix["title"] == title
    three = values.view([1] * (3 - values.dim()) + list(values.shape))
    assert len(matrix["slices"]) == len(three)
    labels = [f"{title}, {s} on axis −3" for s in range(len(three))]
    assert matrix["labels"] == (labels if values.dim() == 3 else [title])
    cells = [cell for rows in matrix["slices"] for row in rows for cell in row]
    assert [[len(row) for row in rows] for rows in matrix["slices"]] == [
        [three.shape[2]] * three.shape[1]
    ] * len(three)
    for cell, value, kind in zip(cells, values.flatten().tolist(), kinds, strict=True):
        copy = "copy" in kind
        assert cell["text"] == ("copy of " if copy else "") + str(value)
        assert set(cell["kind"].split()) == kind
        assert cell["line"] == ("dotted" if copy else "solid")
        if kind & {"used", "new"}:
            assert cell["edge"] == (BLUE if "used" in kind else LIT)
        assert cell["bold"] == (bool(kind & {"used", "new"}) and not copy)
        assert (cell["pale"] == "rgb(100, 100, 100)") == copy
    for before, after in itertools.pairwise(matrix["slices"]):  # one below the other
        assert after[0][0]["at"][0] == before[0][0]["at"][0]
        assert after[0][0]["at"][1] > before[-1][0]["at"][1] + 15
    for rows in matrix["slices"]:  # each in its row, in its column
        for r, c in itertools.product(range(len(rows)), range(len(rows[0]))):
            x, y = rows[r][c]["at"]
            assert c == 0 or (x > rows[r][c - 1]["at"][0] + 20 and y == rows[r][c - 1]["at"][1])
            assert r == 0 or (y > rows[r - 1][c]["at"][1] + 15 and x == rows[r - 1][c]["at"][0])


def check_shapes(shown, a, b, chosen=None):
    """Everything that is shown of a + b; chosen: the entry of the sum that is lit (its place)."""
    result = sum_of(a, b)
    numbers = [torch.arange(1, math.prod(a) + 1).view(a)]
    numbers.append(10 * torch.arange(1, math.prod(b) + 1).view(b))
    check_table(shown, a, b, result)
    title = f"{a} + {b}"
    if isinstance(result, str):
        clash = int(result[-1]) - max(len(a), len(b))
        m, n = a[clash], b[clash]
        the_status_is(
            shown,
            f"{title} is an error: on axis −{-clash}, {m} meets {n}, and neither is 1. "
            f"PyTorch says: “{result}”.",
        )
        found = shown.evaluate(MATRICES)
        assert [matrix["name"] for matrix in found] == ["a", "b"]
        for matrix, name, shape, values in zip(found, "ab", (a, b), numbers):
            check_numbers(matrix, f"{name} {shape}", values, [set()] * values.numel())
        assert "does not fit" in shown.locator(".matrices").inner_text()
        return
    total = numbers[0] + numbers[1]
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(chosen), total.shape))
    sources, said = [], []
    found = shown.evaluate(MATRICES)
    assert [matrix["name"] for matrix in found] == ["a", "b", "sum"]
    for matrix, name, shape, values in zip(found, "ab", (a, b), numbers):
        repeated = values.expand(total.shape)
        seen, kinds = set(), []
        for k, value in enumerate(repeated.flatten().tolist()):
            kind = {"copy"} if value in seen else set()
            if value == repeated[index] and (k == chosen or value not in seen):
                kind.add("used")
            seen.add(value)
            kinds.append(kind)
        stretched = "" if shape == result else f" → {result}"
        check_numbers(matrix, f"{name} {shape}{stretched}", repeated, kinds)
        at = (values == repeated[index]).nonzero()[0].tolist()
        sources.append((named(name, at), values[tuple(at)].item()))
        ways = [f"{in_words(n)} along axis −{-k}" for k, n in repeats_of(shape, result).items()]
        said += [f"{name} is repeated {' and '.join(ways)}"] if ways else []
    kinds = [{"new"} if k == chosen else set() for k in range(total.numel())]
    check_numbers(found[2], f"a + b {result}", total, kinds)
    cells = [cell for rows in found[2]["slices"] for row in rows for cell in row]
    for k, (cell, value) in enumerate(zip(cells, total.flatten().tolist(), strict=True)):
        place = [int(i) for i in torch.unravel_index(torch.tensor(k), total.shape)]
        assert cell["label"] == f"{named('entry ', place)}: {value}"
        assert cell["checked"] == (k == chosen)
    (one, m), (other, n) = sources
    sizes = [values.numel() for values in numbers]
    more = f"From {sizes[0]} and {sizes[1]} entries come {total.numel()}. "
    the_status_is(
        shown,
        f"{title} gives {result}: {', '.join(said) or 'nothing is repeated'}. "
        + (more if total.numel() > max(sizes) else "")
        + f"{named('Entry ', index)} is {one} + {other} = {m} + {n} = {m + n}.",
    )


@contextlib.contextmanager
def broadcasting(browser, tmp_path, **options):
    with opened(browser, tmp_path, "broadcast-shapes", options, pairs=PAIRS) as shown:
        shown.add_style_tag(
            content=f":root {{ --pst-color-accent: {LIT}; --pst-color-text-base: black; }}"
        )
        yield shown


def size(shown, name, axis):
    return shown.get_by_role("combobox", name=f"{name}, axis {axis}")


def test_two_shapes_are_lined_up_and_repeated(browser, tmp_path):
    with broadcasting(browser, tmp_path) as shown:
        examples = shown.get_by_role("combobox", name="Example")
        check_shapes(shown, [3, 1], [1, 2], 3)
        for (a, b), chosen in zip(PAIRS[1:], [None, 4, 5, 3]):
            examples.select_option(f"{a} + {b}")
            check_shapes(shown, a, b, chosen)


def test_the_sizes_are_set_by_keyboard_and_axes_are_missing_at_the_left_only(browser, tmp_path):
    with broadcasting(browser, tmp_path) as shown:
        size(shown, "a", "−1").focus()
        shown.keyboard.press("ArrowDown")
        check_shapes(shown, [3, 2], [1, 2], 3)
        for key in ("Tab", "Tab", "ArrowUp"):  # b on axis −2: none
            shown.keyboard.press(key)
        assert shown.get_by_role("combobox", name="Example").input_value() == f"{len(PAIRS)}"
        check_shapes(shown, [3, 2], [2], 3)
        size(shown, "b", "−3").select_option("3")
        check_shapes(shown, [3, 2], [3, 1, 2], 3)
        size(shown, "a", "−1").select_option("none")
        check_shapes(shown, [], [3, 1, 2], 1)
        size(shown, "a", "−3").select_option("2")
        check_shapes(shown, [2, 1, 1], [3, 1, 2])
        size(shown, "b", "−2").select_option("none")
        check_shapes(shown, [2, 1, 1], [2], 1)
        size(shown, "b", "−1").select_option("none")
        check_shapes(shown, [2, 1, 1], [], 0)
        size(shown, "a", "−1").select_option("none")
        check_shapes(shown, [], [], 0)


def test_each_entry_of_the_sum_shows_where_it_comes_from(browser, tmp_path):
    with broadcasting(browser, tmp_path) as shown:
        examples = shown.get_by_role("combobox", name="Example")
        examples.select_option("[4] + [4, 1]")
        entries = shown.get_by_role("radio")
        for chosen in (0, 7, 14):
            shown.locator(".result label").nth(chosen).click()
            check_shapes(shown, [4], [4, 1], chosen)
        shown.keyboard.press("ArrowRight")
        check_shapes(shown, [4], [4, 1], 15)
        shown.keyboard.press("ArrowUp")
        assert entries.nth(14).evaluate("(one) => one === document.activeElement")
        check_shapes(shown, [4], [4, 1], 14)
        examples.select_option("[2, 1, 3] + [4, 3]")  # the lit entry stays near where it was
        check_shapes(shown, [2, 1, 3], [4, 3], 11)
        shown.locator(".result label").nth(19).click()
        check_shapes(shown, [2, 1, 3], [4, 3], 19)


def test_the_entries_suit_a_finger_and_fit(browser, tmp_path):
    options = {"viewport": {"width": 390, "height": 800}}
    with broadcasting(browser, tmp_path, **options) as shown:
        for name in "ab":
            for axis, value in (("−3", "3"), ("−2", "5"), ("−1", "5")):
                size(shown, name, axis).select_option(value)
        for target in shown.locator(".result label, select").all():
            box = target.bounding_box()
            assert min(box["width"], box["height"]) >= 44
        boxes = shown.locator(".result label").evaluate_all(
            "(all) => all.map((one) => Object.values(one.getBoundingClientRect().toJSON()))"
        )
        assert len({tuple(box[:2]) for box in boxes}) == 75
        for width in (390, 320):
            shown.set_viewport_size({"width": width, "height": 800})
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
            right = shown.locator(".brackets").evaluate_all(
                "(all) => Math.max(...all.map((one) => one.getBoundingClientRect().right))"
            )
            assert right <= width - 16


def test_in_forced_colours_copies_and_lit_cells_differ(browser, tmp_path):
    with broadcasting(browser, tmp_path) as shown:
        shown.emulate_media(forced_colors="active")
        looks = [
            shown.locator(f".matrix {kind}").first.evaluate(
                "(cell) => [getComputedStyle(cell).borderTopStyle, "
                "getComputedStyle(cell).borderTopColor].join(' ')"
            )
            for kind in ("td[class='']", "td.copy:not(.used)", "td.used:not(.copy)", "td.copy.used")
        ]
        assert len(set(looks)) == 4
        assert looks[2] == shown.locator("td.new").evaluate(
            "(cell) => ['solid', getComputedStyle(cell).borderTopColor].join(' ')"
        )


# --- the nearest ----------------------------------------------------------------------------------


def known():
    """Sixty pictures [60, 784] as bytes, in no order; each like one of `unseen`, with speckles."""
    like = pictures()["images"].float()[torch.arange(60) % 20]
    speckled = (like + 60 * random(60, 784, seed=8)).clamp(0, 255).round().to(torch.uint8)
    order = torch.randperm(60, generator=torch.Generator().manual_seed(1))
    labels = (torch.arange(60) % 20 // 2 + (torch.arange(60) % 7 == 3)) % 10  # some of them wrong
    return {"images": speckled[order], "labels": labels[order].to(torch.uint8)}


def data():
    """The averages are those of `known`, but a 3 and a 4 exchanged: so the rules disagree."""
    pictures_known = known()
    images, labels = pictures_known["images"].float() / 255, pictures_known["labels"]
    averages = torch.stack([images[labels == k].mean(0) for k in range(10)])
    averages[[3, 4]] = averages[[4, 3]]
    return {"averages": averages, "known": pictures_known, "unseen": pictures()}


NEAREST = data()
NAMES = [f"a {k // 2}, {'second' if k % 2 else 'first'} example" for k in range(20)]


def one(value):
    return fixed(value, 1)


def check_nearest(shown, x, tolerance=0.0):
    """All that is shown of the digit x [784]. Returns whether the two rules agree."""
    x = x.double()
    images, labels = NEAREST["known"]["images"].double() / 255, NEAREST["known"]["labels"]
    from_average = (NEAREST["averages"].double() - x).square().sum(1)
    distances = (images - x).square().sum(1)
    order = distances.argsort(stable=True)[:5]
    from_picture = torch.stack([distances[labels == k].min() for k in range(10)])
    average, picture = int(from_average.argmin()), int(labels[order[0]])
    nearest = [int(labels[k]) for k in order]
    assert_ink(shown.locator(".seen canvas"), x)
    for canvas, k in zip(shown.locator(".nearest canvas").all(), order, strict=True):
        assert_ink(canvas, images[k])
    if tolerance:
        texts = shown.locator(".nearest li").all_inner_texts()
        for text, k in zip(texts, order, strict=True):
            label, distance = re.fullmatch(r"\s*a (\d): ([\d.]+)\s*", text).groups()
            assert int(label) == labels[k]
            assert float(distance) == pytest.approx(distances[k].item(), abs=tolerance)
        said = shown.get_by_role("status").inner_text()
        assert said.endswith(f"The five nearest: {', '.join(map(str, nearest))}.")
        return average == picture
    columns = {
        "from its average": (from_average, one, 0, 120, average),
        "from its nearest picture": (from_picture, one, 0, 120, picture),
    }
    the_bars_are(shown, [f"{k}" for k in range(10)], columns)
    assert [text.strip() for text in shown.locator(".nearest li").all_inner_texts()] == [
        f"a {labels[k]}: {one(distances[k])}" for k in order
    ]
    start = (
        f"Both rules say {average}: the average {average} is the nearest "
        f"({one(from_average[average])}), and the nearest picture is a {picture}"
        if average == picture
        else f"The rules disagree: the average {average} is the nearest "
        f"({one(from_average[average])}), but the nearest picture is a {picture}"
    )
    the_status_is(
        shown,
        f"{start} ({one(distances[order[0]])}). The five nearest: {', '.join(map(str, nearest))}.",
    )
    return average == picture


def nothing_is_compared(shown, what):
    the_status_is(shown, f"{what}: nothing to compare. Draw a digit, or choose one.")
    assert set(shown.locator("table.bars .value").all_inner_texts()) == {"–"}
    assert set(shown.locator(".nearest .value").all_inner_texts()) == {"–"}
    for canvas in shown.locator(".seen canvas, .nearest canvas").all():
        assert pixels(canvas).min() == 255
    fills = shown.locator("table.bars .fill")
    assert fills.evaluate_all("(fills) => fills.every((fill) => fill.offsetWidth === 0)")


def test_the_nearest_of_chosen_digits(browser, tmp_path):
    agree = set()
    with opened(browser, tmp_path, "nearest-digits", **NEAREST) as shown:
        nothing_is_compared(shown, "An empty sheet")
        for canvas, average in zip(
            shown.locator("th canvas").all(), NEAREST["averages"], strict=True
        ):
            assert_ink(canvas, average)
        assert "nearest of 60 pictures" in shown.locator(".explorable").inner_text()
        shown.get_by_role("combobox", name="Digit").focus()
        for k, name in enumerate(NAMES):
            shown.keyboard.press("ArrowDown")
            image = NEAREST["unseen"]["images"][k].double() / 255
            agree.add(check_nearest(shown, image))
            assert shown.locator(".pad").get_attribute("aria-label") == f"The drawing: {name}"
            large = image.view(28, 1, 28, 1).expand(-1, 10, -1, 10).reshape(280, 280)
            assert (sheet(shown) - large).abs().max() < 0.01
        shown.get_by_role("button", name="Clear").press("Enter")
        nothing_is_compared(shown, "An empty sheet")
    assert agree == {True, False}


def draw(shown, lines):
    with with_the_pen(shown) as go:
        for line in lines:
            go(*line[0])
            shown.mouse.down()
            for point in line[1:]:
                go(*point)
            shown.mouse.up()
    after_a_frame(shown)


def test_a_drawing_is_prepared_by_the_one_recipe_and_compared(browser, tmp_path):
    """An L: the same 28 x 28 pixels as <draw-a-digit> makes of it; their distances."""
    lines = [[(90, 40), (90, 200)], [(90, 210), (210, 205)]]
    seen = {}
    for name, its in (("draw-a-digit", DATA["draw-a-digit"]), ("nearest-digits", NEAREST)):
        with opened(browser, tmp_path, name, **its) as shown:
            draw(shown, lines)
            assert shown.locator(".pad").get_attribute("aria-label") == "Your drawing"
            seen[name] = pixels(shown.locator(".seen canvas"))
            if name == "nearest-digits":
                x = 1 - seen[name][..., 0].double().flatten() / 255
                check_nearest(shown, x, tolerance=0.5)
                shown.get_by_role("combobox", name="Digit").select_option(NAMES[4])
                check_nearest(shown, NEAREST["unseen"]["images"][4] / 255)
                draw(shown, [[(100, 100), (101, 100)]])
                nothing_is_compared(shown, "Only a dot")
    assert torch.equal(*seen.values())
    assert 19 <= (seen["nearest-digits"][..., 0].amin(1) < 200).sum() <= 21


def test_the_pen_begins_a_new_sheet_after_a_chosen_digit(browser, tmp_path):
    with opened(browser, tmp_path, "nearest-digits", **NEAREST) as shown:
        digits = shown.get_by_role("combobox", name="Digit")
        digits.select_option(NAMES[9])
        box = shown.locator(".pad").bounding_box()
        shown.mouse.move(box["x"] + 70, box["y"] + 60)
        shown.mouse.down()
        shown.mouse.move(box["x"] + 200, box["y"] + 60, steps=6)
        shown.mouse.up()
        after_a_frame(shown)
        ink = sheet(shown)
        assert ink[60, 72:199].min() == 1
        assert ink[90:].max() == 0
        assert digits.input_value() == "0"
        assert shown.locator(".pad").get_attribute("aria-label") == "Your drawing"


CLEARED = """() => {
  const pad = document.querySelector(".pad");
  pad.setPointerCapture = () => {};
  const fire = (kind, clientX) => pad.dispatchEvent(
    new PointerEvent(kind, { pointerId: 1, clientX, clientY: 100 }));
  fire("pointerdown", 100);
  document.querySelector("button").click();
  fire("pointermove", 200);
}"""


def test_one_pointer_only_and_a_sheet_cleared_under_the_pen(browser, tmp_path):
    with opened(browser, tmp_path, "nearest-digits", **NEAREST) as shown:
        shown.evaluate(SECOND_FINGER, [[0.5, 0.2], [0.5, 0.8]])
        after_a_frame(shown)
        ink = sheet(shown)
        assert ink[60:220, 140].min() == 1
        assert ink[:, :120].max() == ink[:, 160:].max() == 0
        shown.evaluate(CLEARED)
        after_a_frame(shown)
        nothing_is_compared(shown, "An empty sheet")


@pytest.mark.parametrize("name", ["draw-a-digit", "nearest-digits"])
def test_a_pale_sample_is_written_once(browser, tmp_path, name):
    """It grows for a second and a half and stays; with less motion it stands there at once."""
    its = (DATA | {"nearest-digits": NEAREST})[name]
    last = {}
    for motion in ("reduce", "no-preference"):
        with opened(browser, tmp_path, name, {"reduced_motion": motion}, **its) as shown:
            shown.wait_for_timeout(100)
            ink = [float(sheet(shown).sum())]
            for wait in (600, 1400, 500):
                shown.wait_for_timeout(wait)
                ink.append(float(sheet(shown).sum()))
            last[motion] = sheet(shown)
            assert 0.05 < last[motion].max() < 0.2
            assert ink[2] == ink[3] > 300
            assert (ink[0] == ink[2]) == (motion == "reduce")
            shown.get_by_role("combobox", name="Digit").select_option(index=1)
            shown.get_by_role("button", name="Clear").click()
            shown.wait_for_timeout(300)
            assert sheet(shown).max() == 0  # it does not come again
    assert torch.equal(*last.values())


def test_the_sample_gives_way_to_the_pen(browser, tmp_path):
    options = {"reduced_motion": "no-preference"}
    with opened(browser, tmp_path, "nearest-digits", options, **NEAREST) as shown:
        shown.wait_for_timeout(300)
        box = shown.locator(".pad").bounding_box()
        shown.mouse.move(box["x"] + 40, box["y"] + 40)
        shown.mouse.down()
        shown.mouse.move(box["x"] + 40, box["y"] + 200, steps=4)
        shown.mouse.up()
        shown.wait_for_timeout(1800)
        ink = sheet(shown)
        assert ink[50:190, 40].min() == 1
        assert ink[:, 80:].max() == 0


def test_the_nearest_suit_a_finger(browser, tmp_path):
    options = {"viewport": {"width": 390, "height": 800}, "has_touch": True}
    with opened(browser, tmp_path, "nearest-digits", options, **NEAREST) as shown:
        shown.get_by_role("combobox", name="Digit").select_option(NAMES[0])
        for target in shown.locator("button, select").all():
            assert min(target.bounding_box()[side] for side in ("width", "height")) >= 44
        assert (
            shown.locator(".pad").evaluate("(pad) => getComputedStyle(pad).touchAction") == "none"
        )
        for width in (390, 320):
            shown.set_viewport_size({"width": width, "height": 800})
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        sizes = shown.locator(".explorable *").evaluate_all(
            "(all) => all.filter((part) => part.childElementCount === 0 && part.textContent.trim())"
            ".map((part) => parseFloat(getComputedStyle(part).fontSize))"
        )
        assert min(sizes) >= 10
        status = shown.get_by_role("status")  # it stays in sight from the first stroke on
        shown.locator(".pad").scroll_into_view_if_needed()
        shown.set_viewport_size({"width": 390, "height": 600})
        foot = "(part) => part.getBoundingClientRect().bottom"
        for drawn in (False, True):
            if drawn:
                shown.locator(".pad").tap()
            shown.evaluate("scrollTo(0, 0)")
            at_the_edge = status.evaluate(foot) == pytest.approx(600, abs=1)
            assert at_the_edge == drawn


# --- both -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["broadcast-shapes", "nearest-digits"])
def test_changes_are_announced_politely(browser, tmp_path, name):
    its = NEAREST if name == "nearest-digits" else {"pairs": PAIRS}
    check_announcements(browser, tmp_path, name, its)
