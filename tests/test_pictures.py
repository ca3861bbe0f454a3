"""Reading one's own handwriting: made photographs of every kind, and what is no digit at all."""

import contextlib
import io
import itertools
import sys
import time
import types

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from scipy.ndimage import gaussian_filter

from scratchmnist import (
    accuracy,
    fit,
    forward,
    init_layers,
    load_mnist,
    read_digit,
    read_digits,
    split,
)
from scratchmnist.files.pictures import BOX, STROKE, as_mnist, grown, stroke_width
from scratchmnist.pages.photographs import EFFECTS, FORMS, drawn, photograph, strokes

SIDES = torch.arange(28.0)


@pytest.fixture(scope="module")
def network():
    train, _ = split(load_mnist()[0], 1000, seed=0)
    return fit(init_layers([784, 30, 10], seed=0), train, lr=0.1, epochs=8)[0]


def ink_of(digit=5, seed=0, size=240, height=0.6, pen=0.05, at=(0.5, 0.5)):
    return drawn(strokes(digit, np.random.default_rng(seed)), size, height, pen, at)


def paper(ink, low=0.1, high=0.9):
    """Dark ink on light paper as bytes."""
    return np.uint8(np.round(255 * (high - (high - low) * ink)))


def differs(one, other):
    """The mean difference of two rows where either has ink."""
    one, other = one.image, other.image
    return float((one - other).abs().sum() / torch.maximum(one, other).sum())


# --- MNIST's recipe -------------------------------------------------------------------------------


def test_the_stroke_is_as_wide_as_mnists():
    """The constant is what the same measure gives on MNIST's own training images."""
    images = load_mnist()[0].images[:300].view(-1, 1, 28, 28)
    large = torch.nn.functional.interpolate(images, scale_factor=8, mode="bilinear")[:, 0]
    widths = [stroke_width(image.numpy() > 0.5) / 8 for image in large]
    assert np.mean(widths) == pytest.approx(STROKE, abs=0.1)


@pytest.mark.parametrize("wide", [4, 9, 20, 51])
def test_width_of_a_ring(wide):
    """A ring's width is known: the difference of its radii."""
    y, x = np.mgrid[:301, :301] - 150
    radius = np.hypot(y, x)
    assert stroke_width(np.abs(radius - 100) < wide / 2) == pytest.approx(wide, rel=0.12, abs=0.5)


@pytest.mark.parametrize("margin", [-3.0, -1.5, 0.0, 0.5, 4.0, 12.25])
def test_grown_moves_the_edge(margin):
    disc = np.hypot(*(np.mgrid[:101, :101] - 50)) < 30
    area = grown(disc, margin).sum()
    assert area == pytest.approx(np.pi * (30 + margin) ** 2, rel=0.03)


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("pen", [0.02, 0.06, 0.12])
def test_every_pen_becomes_mnists(digit, pen):
    """Whatever the pen: the same width, a box of 19, the centre of mass on pixel 14."""
    image = as_mnist(ink_of(digit, pen=pen, height=0.8))
    assert image.shape == (28, 28)
    assert image.min() >= 0
    assert image.max() <= 1 + 1e-9
    for axis in (0, 1):
        along = torch.from_numpy(image.sum(axis)).float()
        assert abs(along @ SIDES / along.sum() - 14) < 0.02
    large = np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BILINEAR)) > 0.5
    extents = [np.ptp(np.flatnonzero(large.any(axis))) / 8 for axis in (0, 1)]
    assert max(extents) == pytest.approx(BOX, abs=0.5)
    if digit != 4:  # whose narrow corner fills when it is measured at this size
        assert stroke_width(large) / 8 == pytest.approx(STROKE, abs=0.6)


def test_no_ink_and_a_dot_are_no_digit():
    with pytest.raises(ValueError, match="no ink"):
        as_mnist(np.zeros((20, 20)))
    with pytest.raises(ValueError, match="a dot"):
        as_mnist(np.hypot(*(np.mgrid[:101, :101] - 50)) < 30)


def test_mnists_own_digits_stay_what_they_are(network):
    """Read as if they were photographs, they are recognised nearly as well as before."""
    _, valid = split(load_mnist()[0], 1000, seed=0)
    images, labels = valid.images[:200], valid.labels[:200]
    again = torch.cat([read_digit(image.view(28, 28)).image for image in images])
    before, after = (accuracy(forward(x, network)[0], labels) for x in (images, again))
    assert after > before - 0.05


# --- the made photographs show what they say ------------------------------------------------------


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_lies_where_it_is_put(digit):
    """The middle of its box is the place (x, y); its size is that of its strokes and the pen."""
    lines = strokes(digit, np.random.default_rng(digit))
    points = np.concatenate(lines)
    for height, pen, at in ((0.5, 0.05, (0.35, 0.6)), (0.25, 0.02, (0.7, 0.2))):
        ink = drawn(lines, 400, height, pen, at) > 0.5
        box = [np.flatnonzero(ink.any(axis))[[0, -1]] + (0, 1) for axis in (0, 1)]  # x, y
        assert [low + high for low, high in box] == pytest.approx([800 * at[0], 800 * at[1]], abs=3)
        sizes = 400 * (height * np.ptp(points, axis=0) + pen)
        assert [high - low for low, high in box] == pytest.approx(sizes.tolist(), abs=3)
    thin = drawn(lines, 400, 0.8, 0.02) > 0.5  # where no corner fills
    assert stroke_width(thin) == pytest.approx(8, abs=1.5)


@pytest.mark.parametrize("digit", [2, 3, 5, 9])  # written in one way only
def test_strokes_that_meet_stay_together(digit):
    (form,) = FORMS[digit]
    lines = strokes(digit, np.random.default_rng(1))
    for k, (before, after) in enumerate(itertools.pairwise(form)):
        assert before[-1] == after[0]
        np.testing.assert_allclose(lines[k][-1], lines[k + 1][0], atol=1e-9)


def test_every_digit_is_written_as_itself(network):
    for digit in range(10):
        shots = [photograph(digit, "paint program", seed) for seed in range(12)]
        x = torch.cat([read_digit(shot.image).image for shot in shots])
        found = forward(x, network)[0].argmax(1)
        assert (found == digit).sum() > 6, (digit, found.tolist())


def test_pens_sizes_and_places_are_many():
    """And others for another digit with the same seed; the same arguments give the same picture."""

    def measures(digit, seed):
        ink = 1 - np.asarray(photograph(digit, "paint program", seed).image) / 255 > 0.5
        (left, right), (top, bottom) = (np.flatnonzero(ink.any(a))[[0, -1]] for a in (0, 1))
        pen = stroke_width(ink)
        high, wide = bottom - top - pen, right - left - pen
        return high / 240, wide / high, pen / high, (left + right) / 480, (top + bottom) / 480

    found = np.array([measures(digit, seed) for digit in (0, 2, 3, 5, 8) for seed in range(20)])
    high, wide, pen, x, y = found.T
    assert high.min() < 0.42 < 0.65 < high.max() < 0.9
    assert 0.5 < np.median(wide) < 0.8
    assert pen.min() < 0.045 < 0.11 < pen.max()
    for place in (x, y):
        assert 0.39 < place.min() < 0.43 < 0.57 < place.max() < 0.61
        one_seed = place.reshape(5, 20)
        assert one_seed.std(0).mean() > 0.03
    pixels = [photograph(4, "blur", seed=2).image.tobytes() for _ in range(2)]
    assert pixels[0] == pixels[1] != photograph(4, "blur", seed=3).image.tobytes()


def seen(name, ink):
    """What a photograph shows: the light on bare paper, and under full ink."""
    light = EFFECTS[name](ink, np.random.default_rng(3))
    return light, light[ink == 0], light[ink == 1]


def groups(dark):
    """How many dark pieces lie along a line."""
    return int((np.diff(np.r_[0, dark.astype(int)]) == 1).sum())


def test_which_of_paper_and_ink_is_light():
    ink = ink_of(5)
    for name in EFFECTS:
        _, paper, under = seen(name, ink)
        light, dark = (under, paper) if name == "white on black" else (paper, under)
        assert np.median(light) > np.median(dark) + 0.25, name
    for name, levels in (("paint program", (1, 0)), ("white on black", (0, 1))):
        _, paper, under = seen(name, ink)
        assert (set(paper.tolist()), set(under.tolist())) == tuple({level} for level in levels)


def test_half_the_paper_lies_in_the_shade():
    ink = ink_of(5)
    light, paper, _ = seen("uneven light", ink)
    bare = EFFECTS["uneven light"](np.zeros_like(ink), np.random.default_rng(3))
    np.testing.assert_allclose(light[ink == 1], 0.25 * bare[ink == 1])
    assert paper.min() < 0.4 < 0.85 < paper.max() <= 1
    assert 0.3 < (paper < 0.62).mean() < 0.7
    assert np.abs(np.diff(bare, axis=0)).max() < 0.01  # and no edge between


def test_there_is_grain_and_there_are_specks():
    _, paper, _ = seen("grain and specks", np.zeros((240, 240), np.float32))
    specks = paper < 0.45
    assert 24 <= specks.sum() <= 12 * 4
    assert 0.02 < paper[~specks].std() < 0.05


def test_out_of_focus_there_are_no_edges():
    ink = ink_of(5)
    steepest = np.abs(np.diff(seen("blur", ink)[0], axis=0)).max() / 0.6
    assert 0.05 < steepest < 0.2 < np.abs(np.diff(ink, axis=0)).max()


def test_squares_have_lines_both_ways():
    light, _, _ = seen("squared paper", np.zeros((240, 240), np.float32))
    lines = light < 0.6
    assert 0.04 < lines.mean() < 0.15
    for one in (lines, lines.T):  # mostly six squares of 40 pixels; a line across may be met
        assert np.median([groups(row) for row in one]) in (5, 6, 7)
    assert seen("squared paper", ink_of(5))[2].max() < light.min()


def test_a_pen_fails_now_and_then():
    ink = ink_of(1, height=0.8)
    light, _, _ = seen("broken strokes", ink)
    written, gone = (1 - light).sum(1), ink.sum(1) > (1 - light).sum(1)
    assert written[gone].max() == 0
    assert (light[~gone] == 1 - ink[~gone]).all()
    assert groups(gone) in (4, 5, 6)
    assert 0.01 < gone.mean() < 0.1


def test_turned_and_transparent_files():
    turned = photograph(7, "turned flag", seed=5).image
    upright = ImageOps.exif_transpose(turned)
    assert turned.getexif()[0x0112] == 6  # a quarter to the right makes it upright
    np.testing.assert_array_equal(np.rot90(np.asarray(turned), -1), np.asarray(upright))
    clear = photograph(7, "transparent", seed=5).image
    assert clear.mode == "LA"
    grey, alpha = np.moveaxis(np.asarray(clear), 2, 0)
    assert grey.max() == 0
    assert (alpha == 0).mean() > 0.8
    assert (alpha == 255).mean() > 0.005
    assert alpha[[0, -1]].max() == 0


# --- photographs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", EFFECTS)
def test_photographs_are_read(effect, network):
    shots = [photograph(k % 10, effect, seed=100 + k) for k in range(20)]
    x = torch.cat([read_digit(shot.image).image for shot in shots])
    right = accuracy(forward(x, network)[0], torch.tensor([shot.digit for shot in shots]))
    assert right >= 0.75, f"{effect}: {right:.0%}"


@pytest.mark.parametrize("digit", [2, 4, 5, 8])
def test_the_effects_leave_no_trace(digit):
    """One drawing, plain and in every photograph: nearly the same row."""
    ink = ink_of(digit)
    plain = read_digit(paper(ink, 0, 1))
    for name, effect in EFFECTS.items():
        light = effect(ink, np.random.default_rng(1))
        bound = 0.3 if name in ("squared paper", "grain and specks", "blur") else 0.12
        found = read_digit(np.uint8(255 * np.clip(light, 0, 1)))
        assert differs(plain, found) < bound, name


def test_all_kinds_of_input_are_one(tmp_path):
    grey = paper(ink_of())
    expected = read_digit(grey)
    file = tmp_path / "five.png"
    Image.fromarray(grey).save(file)
    colour = np.repeat(grey[..., None], 3, axis=2)
    opaque = np.concatenate([colour, np.full_like(colour[..., :1], 255)], axis=2)
    others = [file, str(file), Image.fromarray(grey), colour, opaque, grey[..., None], grey / 255]
    for other in [*others, torch.from_numpy(grey), torch.from_numpy(grey).float() / 255]:
        torch.testing.assert_close(read_digit(other).image, expected.image, rtol=0, atol=0.02)
    assert expected.image.dtype == torch.float32
    assert expected.image.shape == (1, 784)


def test_the_other_polarity():
    grey = paper(ink_of())
    for picture in (255 - grey, paper(ink_of(), 0.4, 0.6), 255 - paper(ink_of(), 0.4, 0.6)):
        assert differs(read_digit(grey), read_digit(picture)) < 0.05


@pytest.mark.parametrize("orientation", [2, 3, 4, 5, 6, 7, 8])
def test_the_camera_flag(orientation, tmp_path):
    """A file whose flag says how to turn it is read as the upright picture is."""
    upright = Image.fromarray(paper(ink_of()))
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # PIL's own numbers
    stored = upright.transpose(Image.Transpose(back))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "turned.png", exif=exif)
    reading = read_digit(tmp_path / "turned.png")
    expected = read_digit(upright)
    torch.testing.assert_close(reading.image, expected.image, rtol=0, atol=0.02)
    assert reading.place == pytest.approx(expected.place, abs=2)


@pytest.mark.parametrize("tone", [0, 255])
def test_transparent_paper(tone):
    """Ink of one tone, the rest transparent; and a white page with a transparent margin."""
    ink = ink_of()
    alpha = np.uint8(np.round(255 * ink))
    rgba = np.dstack([np.full((*ink.shape, 3), tone, np.uint8), alpha])
    assert differs(read_digit(rgba), read_digit(paper(ink, 0, 1))) < 0.05
    page = np.dstack([np.repeat(paper(ink, 0, 1)[..., None], 3, 2), np.full_like(alpha, 255)])
    page[:20] = page[:, :20] = 0
    assert differs(read_digit(page), read_digit(paper(ink, 0, 1))) < 0.05


def test_deep_greys_and_palettes():
    grey = paper(ink_of())
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    palette = Image.fromarray(grey).convert("RGB").quantize(16)
    for picture in (deep, palette, Image.fromarray(grey).convert("CMYK")):
        assert differs(read_digit(grey), read_digit(picture)) < 0.1


def test_place_and_steps():
    reading = read_digit(paper(ink_of(1, height=0.5, pen=0.02, size=2000, at=(0.3, 0.6))))
    left, top, right, bottom = reading.place
    assert 0.5 * (top + bottom) == pytest.approx(1200, abs=20)
    assert 0.5 * (left + right) == pytest.approx(600, abs=20)
    assert bottom - top == pytest.approx(1040, abs=120)
    names = [step.name for step in reading.steps]
    assert names == ["opened", "light", "threshold", "digit", "as MNIST"]
    assert all(step.picture.ndim == 2 and step.decided for step in reading.steps)
    np.testing.assert_allclose(reading.steps[-1].picture.ravel(), reading.image[0], atol=1e-6)


def test_near_pieces_stay_and_specks_go():
    grey = paper(ink_of(5), 0, 1)
    whole = read_digit(grey)
    cut = grey.copy()
    rows = np.flatnonzero((grey < 128).any(1))
    cut[rows[0] + 14 : rows[0] + 20] = 255  # the bar of the 5 has come off
    assert differs(whole, read_digit(cut)) < 0.15
    dirty = grey.copy()
    dirty[10:13, 10:13] = dirty[225:229, 30:33] = 0
    torch.testing.assert_close(read_digit(dirty).image, whole.image, rtol=0, atol=0.02)


def test_an_edge_of_the_table_is_no_digit():
    grey = paper(ink_of(7), 0.1, 0.9)
    grey[:, :30] = 20
    assert differs(read_digit(grey), read_digit(paper(ink_of(7)))) < 0.1


def test_twelve_megapixels_in_a_second(tmp_path):
    light = EFFECTS["uneven light"](ink_of(5, size=1000), np.random.default_rng(0))
    image = Image.fromarray(np.uint8(255 * light)).resize((4000, 3000)).convert("RGB")
    image.save(tmp_path / "large.jpg")
    read_digit(tmp_path / "large.jpg")
    started = time.process_time()
    read_digit(tmp_path / "large.jpg")
    assert time.process_time() - started < 1


# --- several digits -------------------------------------------------------------------------------


def test_a_sheet_of_digits(network):
    rows = [[3, 1, 4, 1], [5, 9, 2, 6]]
    sheet = np.zeros((600, 1000), np.float32)
    for r, row in enumerate(rows):
        for c, digit in enumerate(row):
            tile = ink_of(digit, seed=10 * r + c, size=220, height=0.6)
            top, left = 60 + 250 * r + 6 * c, 40 + 235 * c
            sheet[top : top + 220, left : left + 220] += tile
    readings = read_digits(paper(sheet))
    assert len(readings) == 8
    x = torch.cat([reading.image for reading in readings])
    found = forward(x, network)[0].argmax(1).tolist()
    assert sum(a == b for a, b in zip(found, [digit for row in rows for digit in row])) >= 7
    for k, reading in enumerate(readings):
        left, top, right, bottom = reading.place
        assert (left + right) / 2 == pytest.approx(150 + 235 * (k % 4), abs=15)
        assert (top + bottom) / 2 == pytest.approx(170 + 250 * (k // 4) + 6 * (k % 4), abs=15)


# --- what is no digit -----------------------------------------------------------------------------

NOISE = np.random.default_rng(0)
NOTHING = {
    "white": (np.full((300, 300), 255, np.uint8), "blank, or all ink"),
    "black": (np.zeros((300, 300), np.uint8), "blank, or all ink"),
    "one pixel": (np.zeros((1, 1), np.uint8), "blank, or all ink"),
    "grey paper": (0.7 + 0.03 * NOISE.normal(size=(300, 300)).clip(-3, 3), "blank"),
    "shade": (EFFECTS["uneven light"](np.zeros((300, 300)), NOISE), "no digit found"),
    "grain": (NOISE.random((300, 300)), "blank"),
    "blob": (np.pad(np.zeros((200, 200)), 50, constant_values=1), "dot or a blot"),
    "dot": (1.0 * (np.hypot(*(np.mgrid[:300, :300] - 150)) > 20), "dot or a blot"),
    "checks": ((np.indices((240, 240)) // 20).sum(0) % 2, "something else"),
    "steep light": (np.tile(np.linspace(0, 1, 300), (300, 1)), "no digit found"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_digit_is_refused(name):
    picture, said = NOTHING[name]
    for read in (read_digit, read_digits):
        with pytest.raises(ValueError, match=said):
            read(picture)


def lined_paper(kind, seed, size=300):
    """Bare paper with lines, photographed: turned a little, in half shade, blurred, with grain."""
    g = np.random.default_rng([seed, len(kind)])
    y, x = np.mgrid[:size, : int(1.2 * size)]
    turn, step = g.uniform(-0.06, 0.06), size / g.uniform(4, 14)
    wide = max(1, step * g.uniform(0.02, 0.1))
    across, down = ((v + g.uniform(0, step)) % step < wide for v in (y - turn * x, x + turn * y))
    light = 0.85 - g.uniform(0.1, 0.5) * (across | down if kind == "squared" else across)
    if kind == "margin":
        light -= 0.3 * (np.abs(x + turn * y - 30) < wide)
    if g.random() < 0.5:
        light = EFFECTS["uneven light"](1 - light / 0.85, g)
    if g.random() < 0.5:
        light = gaussian_filter(light, g.uniform(0.3, 1.5))
    return light + g.normal(0, g.choice([0, 0.01, 0.03]), light.shape)


def as_bytes(light):
    return np.uint8(255 * np.clip(light, 0, 1))


@pytest.mark.parametrize("kind", ["ruled", "squared", "margin"])
def test_lined_paper_without_a_digit_is_refused(kind):
    """Of 20 sheets each: what is left of the lines is not taken for a digit (once it may be)."""
    found = []
    for seed in range(20):
        with contextlib.suppress(ValueError):
            found.append((seed, read_digit(as_bytes(lined_paper(kind, seed))).place))
    assert len(found) <= 1, found


@pytest.mark.parametrize("kind", ["ruled", "squared", "margin"])
def test_a_digit_on_lined_paper_is_found(kind):
    """The same sheets, with a digit written over the lines: it is found, and nothing else."""
    missed = 0
    for seed in range(20):
        light, ink = lined_paper(kind, seed), np.zeros((300, 360), np.float32)
        ink[:, 30:330] = ink_of(seed % 10, seed, 300, height=0.45, pen=0.035)
        y, x = np.nonzero(ink > 0.5)
        try:
            place = read_digit(as_bytes(light * (1 - 0.8 * ink))).place
        except ValueError:
            missed += 1
            continue
        missed += max(np.abs(np.subtract(place, (x.min(), y.min(), x.max(), y.max())))) > 15
    assert missed <= 2


def test_a_line_and_scattered_specks_are_no_digit():
    line = np.full((300, 400), 230, np.uint8)
    line[150:156, 60:340] = 60
    with pytest.raises(ValueError, match="times as wide as it is high"):
        read_digit(line)
    specks = np.full((300, 400), 230, np.uint8)
    y, x = np.mgrid[:300, :400]
    specks[(y % 6 < 4) & (x % 6 < 4) & (y // 60 == 2) & (x // 100 == 1)] = 60
    with pytest.raises(ValueError, match="the largest of them"):
        read_digit(specks)


def test_heic_is_read_where_pillow_heif_is_installed(tmp_path, monkeypatch):
    photograph = tmp_path / "IMG_0001.HEIC"
    photograph.write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # cannot be imported
    with pytest.raises(ValueError, match="pip install pillow-heif"):
        read_digit(photograph)
    picture = Image.fromarray(paper(ink_of()))
    installed = types.ModuleType("pillow_heif")
    installed.register_heif_opener = lambda: monkeypatch.setattr(Image, "open", lambda _: picture)
    monkeypatch.setitem(sys.modules, "pillow_heif", installed)
    assert torch.equal(read_digit(photograph).image, read_digit(picture).image)


def test_files_that_are_no_pictures(tmp_path):
    text = tmp_path / "notes.jpg"
    text.write_text("not a picture")
    with pytest.raises(ValueError, match="no picture that Pillow can open"):
        read_digit(text)
    with pytest.raises(FileNotFoundError):
        read_digit(tmp_path / "nowhere.png")
    whole = io.BytesIO()
    Image.fromarray(paper(ink_of())).save(whole, "PNG")
    cut = tmp_path / "cut.png"
    cut.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    with pytest.raises(ValueError, match=r"cut\.png"):
        read_digit(cut)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros(784), r"\[784\]"),
        (np.zeros((1, 28, 28)), r"\[1, 28, 28\]"),
        (np.zeros((0, 5)), r"\[0, 5\]"),
        (np.full((9, 9), 7.0), "from 7 to 7"),
        (np.full((9, 9), np.nan), "from nan"),
        (np.full((9, 9), "x"), "<U1"),
    ],
)
def test_arrays_that_are_no_pictures(array, said):
    with pytest.raises(ValueError, match=said):
        read_digit(array)
