"""Pictures of the reader's own: from a photograph or a drawing to a row as MNIST has it.

The steps, in the file's order: open the picture, find the ink on the paper, take away the lines
that are printed on it, find the digits, and make of each what MNIST's makers made of theirs
(`as_mnist`). Pillow opens and scales, scipy filters, labels and measures distances.

Shapes: H, W height and width of the picture as it is worked on, its longer side SMALLEST to
LARGEST pixels. `ink` is 0 on bare paper and grows with the darkness of a stroke.
"""

from __future__ import annotations

from os import PathLike, fspath
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

SMALLEST, LARGEST = 256, 1024  # pixels along the longer side of a picture
# MNIST's digits fill a box of 20 x 20 pixels in a field of 28 x 28, their centre of mass in the
# middle of pixel 14: 14.5 from the picture's edge. There digits are moved by whole pixels. Here
# they may lie between pixels, where one of 20 reaches into 21: other people's digits are read
# better in a box of 19 (chapter "Your own digits").
BOX, FIELD, CENTRE = 19, 28, 14.5
STROKE = 2.6  # mean width of a stroke in the 5000 training images of the subset, in pixels
FINE = 200  # pixels along the longer side of a digit when its strokes are measured


class Step(NamedTuple):
    """One step of the way. picture: float32 [H, W], 0 is paper and 1 is ink, from `ink` on."""

    name: str
    decided: str
    picture: np.ndarray


class Reading(NamedTuple):
    """A digit as MNIST has it, and how it was found.

    image: float32 [1, 784], 0 is paper and 1 is ink, ready for `forward`.
    place: (left, top, right, bottom) of the digit, in pixels of the picture held upright.
    steps: what was done on the way, each a `Step` (name, decided, picture).
    """

    image: Tensor
    place: tuple[int, int, int, int]
    steps: tuple[Step, ...]


def read_digit(picture) -> Reading:
    """One handwritten digit, from a picture to a row as MNIST has it.

    picture: a path, a PIL image, or an array or tensor [H, W], [H, W, 3] or [H, W, 4]: bytes, or
    numbers from 0 to 1. Any size, either polarity, any paper. If several digits are on it, the
    one with the most ink is read (`read_digits` reads them all).

    Returns a `Reading`: image [1, 784], the digit's place, and the steps. Raises ValueError
    if no digit can be made out, saying what was seen instead, and for files that are no
    pictures; FileNotFoundError for a missing file.

    >>> sheet = np.full((300, 400), 255, np.uint8)
    >>> sheet[60:240, 190:202] = 0
    >>> reading = read_digit(sheet)
    >>> reading.image.shape, reading.place
    (torch.Size([1, 784]), (190, 60, 202, 240))
    >>> reading.image.view(28, 28)[14, 10:19].round(decimals=1)
    tensor([0.0000, 0.0000, 0.0000, 0.8000, 1.0000, 0.8000, 0.0000, 0.0000, 0.0000])
    """
    sheet = _find_glyphs(picture)
    return _read(sheet, _main_glyph(sheet))


def read_digits(picture) -> list[Reading]:
    """All the handwritten digits of one sheet, in reading order: line by line, left to right.

    picture: as for `read_digit`. Digits must not touch each other. What is less than 0.4 times
    as high and wide as the largest digit is taken for a speck. Returns a list of `Reading`;
    raises as `read_digit` does.

    >>> sheet = np.full((300, 400), 255, np.uint8)
    >>> sheet[60:240, 190:202] = sheet[60:240, 90:102] = 0
    >>> [reading.place for reading in read_digits(sheet)]
    [(90, 60, 102, 240), (190, 60, 202, 240)]
    """
    sheet = _find_glyphs(picture)
    largest = _main_glyph(sheet).long_side
    digits = [
        glyph
        for glyph in sheet.glyphs
        if 0.4 * largest <= glyph.long_side and not (glyph.at_edge and glyph.long_side > largest)
    ]
    return [_read(sheet, glyph) for glyph in _reading_order(digits)]


# ---- MNIST's recipe ----------------------------------------------------------------------------


def as_mnist(ink: np.ndarray) -> np.ndarray:
    """A digit as MNIST's makers would have prepared it, drawn with MNIST's mean pen.

    ink: [H, W], 0 to 1, one digit on bare paper, large (its strokes some 4 pixels wide
    or more). Each side of the strokes is moved in or out until they are `STROKE` wide;
    the digit is scaled to a box of 19 x 19 (keeping its proportions) by averaging over
    each pixel, and laid with its centre of mass on pixel (14, 14) of 28 x 28.

    Returns [28, 28] in 0 to 1. Raises ValueError if there is no ink, or only a dot.

    >>> bar = np.zeros((200, 200))
    >>> bar[10:190, 95:105] = 1
    >>> small = as_mnist(bar)
    >>> small.shape, *(float(small.sum(axis).max().round(1)) for axis in (0, 1))
    ((28, 28), 19.0, 2.6)
    """
    mask = np.pad(np.asarray(ink) > 0.5, 1)  # beyond the edge is paper
    if not mask.any():
        raise ValueError("there is no ink")
    width = stroke_width(mask)
    box = max(_extent(mask))
    if box < 2 * width:
        raise ValueError(f"a dot: {box} pixels long, and the pen is {width:.0f} wide")
    scale = (BOX - STROKE) / (box - width)  # the path of the pen fills its box
    drawn = grown(mask, (STROKE / scale - width) / 2)
    middles = [np.arange(side) + 0.5 for side in drawn.shape]
    top = CENTRE - scale * (drawn.sum(1) @ middles[0]) / drawn.sum()
    left = CENTRE - scale * (drawn.sum(0) @ middles[1]) / drawn.sum()
    rows = _overlaps(drawn.shape[0], scale, top)  # [28, H]
    columns = _overlaps(drawn.shape[1], scale, left)  # [28, W]
    return rows @ drawn @ columns.T


def stroke_width(mask: np.ndarray) -> float:
    """The mean width of the strokes in a mask bool [H, W], in its pixels.

    In a stroke n pixels wide, the distances to the nearest paper are 1, 2, ..., n/2, ..., 2, 1:
    their mean is n/4 + 1/2.

    >>> bar = np.zeros((50, 100), bool)
    >>> bar[20:28] = True
    >>> stroke_width(bar)
    8.0
    """
    from scipy.ndimage import distance_transform_edt

    # Beyond the picture's edge a stroke is taken to go on: only paper inside it counts.
    return max(1.0, 4 * float(distance_transform_edt(mask)[mask].mean()) - 2)


def grown(mask: np.ndarray, margin: float) -> np.ndarray:
    """The ink of a mask, each edge moved outwards by `margin` pixels (inwards if negative).

    mask: bool [H, W]. Returns float64, larger on each side by as much as the margin needs; an
    edge that falls within a pixel leaves it grey.
    """
    from scipy.ndimage import distance_transform_edt

    mask = np.pad(mask, 1 + max(0, int(np.ceil(margin))))
    inside, outside = distance_transform_edt(mask), distance_transform_edt(~mask)
    from_edge = np.where(mask, 0.5 - inside, outside - 0.5)  # negative inside
    return np.clip(0.5 + margin - from_edge, 0, 1)


def _overlaps(side: int, scale: float, start: float) -> np.ndarray:
    """How much of each of 28 target pixels lies on each source pixel: [28, side].

    A source pixel is `scale` target pixels wide; the first one begins at `start`.
    """
    begins = (np.arange(FIELD)[:, None] - start) / scale
    pixels = np.arange(side)[None]
    shared = np.minimum(begins + 1 / scale, pixels + 1) - np.maximum(begins, pixels)
    return scale * shared.clip(0)


def _extent(mask: np.ndarray) -> tuple[int, int]:
    """Height and width of what is true in a mask."""
    return tuple(int(np.ptp(np.flatnonzero(mask.any(axis)))) + 1 for axis in (1, 0))


# ---- opening a picture -------------------------------------------------------------------------


def _opened(picture):
    """The picture as a PIL image."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(picture, Image.Image):
        return picture
    if not isinstance(picture, str | PathLike):
        return Image.fromarray(_as_bytes(picture))
    _open_heic_too()
    try:
        image = Image.open(picture)
    except UnidentifiedImageError:
        raise ValueError(_why_unreadable(fspath(picture))) from None
    image.draft("RGB", (LARGEST, LARGEST))  # a JPEG is decoded at half or a quarter of its size
    try:
        image.load()
    except (OSError, SyntaxError) as error:  # Pillow's words for files that end too soon
        raise ValueError(f"{fspath(picture)} is damaged: {error}") from None
    return image


def _open_heic_too() -> None:
    """Pillow learns HEIC, the format of many phones, where pillow-heif is installed."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return
    register_heif_opener()


def _as_bytes(picture) -> np.ndarray:
    """An array or tensor as uint8 [H, W], [H, W, 3] or [H, W, 4]."""
    array = np.asarray(picture)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if not fits or 0 in array.shape:
        raise ValueError(
            "a picture as an array is [H, W], [H, W, 3] or [H, W, 4]; got "
            f"{list(array.shape)}. A row of MNIST's: row.view(28, 28)"
        )
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "fbiu":
        raise ValueError(f"a picture is bytes, or numbers from 0 to 1; got {array.dtype}")
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= 1):  # written so that NaN fails too
        raise ValueError(
            f"a picture is bytes (uint8), or numbers from 0 to 1; got {array.dtype} from "
            f"{low:g} to {high:g}"
        )
    return np.round(255 * array.astype(float)).astype(np.uint8)


def _why_unreadable(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(16)
    if start[4:8] == b"ftyp" and start[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return (
            f"{path} is a HEIC photograph, which Pillow cannot open alone. Install pillow-heif "
            "(pip install pillow-heif) and try again, or save the photograph as JPEG"
        )
    return f"{path} is no picture that Pillow can open: expected a JPEG, PNG, WebP or the like"


def _grey(image) -> tuple[np.ndarray, float, list[str]]:
    """How light each pixel is, float32 [H, W] in 0 to 1; the scale it has; what was done.

    A photograph is turned as its camera held it; transparent parts become paper.
    """
    from PIL import Image, ImageOps

    done = []
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) != 1:  # the tag "Orientation"
        done.append("turned as the camera's flag says")
    image = upright
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):  # deep greys
        values = np.asarray(image, np.float32)
        image = Image.fromarray(np.uint8(255 * values / max(values.max(), 1)))
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    long_side = max(image.size)
    scale = min(max(long_side, SMALLEST), LARGEST) / long_side
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=2)
    channels = np.asarray(image, np.float32) / 255
    grey = channels[..., :3] @ np.float32([0.299, 0.587, 0.114])
    if image.mode == "RGBA" and channels[..., 3].min() < 1:
        grey = _on_paper(grey, channels[..., 3])
        done.append("laid on paper")
    return grey, scale, done


def _on_paper(grey: np.ndarray, opaque: np.ndarray) -> np.ndarray:
    """A transparent picture on paper: of its own paper's tone, or in contrast to its ink."""
    seen = grey[opaque > 0.5]
    darkest, lightest = np.percentile(seen, [2, 98]) if seen.size else (0, 0)
    own_paper = lightest - darkest > 0.25  # paper and ink are both among what is opaque
    paper = np.median(seen) if own_paper else float(not seen.size or seen.mean() < 0.5)
    return (opaque * grey + (1 - opaque) * paper).astype(np.float32)


# ---- ink on paper ------------------------------------------------------------------------------


class _Sheet(NamedTuple):
    """A picture in which the ink has been found."""

    ink: np.ndarray  # [H, W], lines taken away
    scale: float  # pixels here for one of the picture held upright
    size: tuple[int, int]  # (width, height) of that
    pieces: np.ndarray  # int [H, W]: the number of the piece of ink each pixel belongs to
    glyphs: list[_Glyph]
    steps: tuple[Step, ...]


class _Glyph(NamedTuple):
    """Pieces of ink that are taken for one sign. Boxes are top, bottom, left, right."""

    pieces: tuple[int, ...]
    box: tuple[int, int, int, int]
    area: float
    at_edge: bool

    @property
    def long_side(self) -> int:
        top, bottom, left, right = self.box
        return max(bottom - top, right - left)


def _shrunk(values: np.ndarray, side: int) -> np.ndarray:
    """Smaller, by averaging, until the longer side is at most `side`."""
    from PIL import Image

    factor = min(1, side / max(values.shape))
    size = [max(1, round(length * factor)) for length in values.shape[::-1]]
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def _ink_is_light(grey: np.ndarray) -> bool:
    """Whether the ink is lighter than the paper.

    An even rim is paper, and the mean differs from it towards the ink. Else a few pixels are much
    lighter than what is around them, or much darker.
    """
    from scipy.ndimage import median_filter

    small = _shrunk(grey, 64)
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    low, middle, high = np.percentile(rim, [10, 50, 90])
    if high - low < 0.05:
        return bool(small.mean() > middle)
    around = median_filter(small, max(3, min(small.shape) // 3), mode="nearest")
    return bool(((small - around) ** 3).sum() > 0)


def _ink(grey: np.ndarray) -> np.ndarray:
    """How much darker each pixel is than the paper at its place would be: 0 paper, 1 black.

    The paper's light is what a closing leaves: everything dark is filled in that is narrower
    than a quarter of the picture.
    """
    from PIL import Image
    from scipy.ndimage import grey_closing, median_filter, uniform_filter

    small = median_filter(_shrunk(grey, 256), 3, mode="nearest")
    window = max(3, min(small.shape) // 4)
    paper = grey_closing(small, window, mode="nearest")
    paper = uniform_filter(paper, max(3, window // 2), mode="nearest")
    paper = Image.fromarray(paper).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    return 1 - grey / np.maximum(np.asarray(paper), 0.05)


def _threshold(ink: np.ndarray) -> float:
    """Halfway between the mean of what lies below it and the mean of what lies above it.

    From above, so that a little ink on much paper is enough (T. W. Ridler and S. Calvard,
    "Picture thresholding using an iterative selection method", 1978).
    """
    threshold = 0.6 * float(np.percentile(ink, 99.9))
    for _ in range(50):
        above = ink > threshold
        if not above.any() or above.all():
            break
        new = float(ink[above].mean() + ink[~above].mean()) / 2
        if abs(new - threshold) < 1e-4:
            break
        threshold = new
    return threshold


# ---- lines printed on the paper ----------------------------------------------------------------

SLOPES = np.linspace(-0.1, 0.1, 41)  # of lines, up to 6 degrees off


def _ruled(ink: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The pixels that belong to straight lines from edge to edge. bool [H, W].

    ink: [H, W]; mask: where it is dark enough for a line. Where a stroke crosses a line, it
    stays, if it is darker or much thicker than the line.
    """
    (rows, across, thin_across), (columns, down, thin_down) = (
        _lines(ink, mask),
        _lines(ink.T, mask.T),
    )
    lines = thin_across | thin_down.T | (across & down.T)
    alone = rows + columns == 1 and (mask & ~lines).sum() < 0.2 * lines.sum()
    return np.zeros_like(mask) if alone else lines  # a 1 that fills its picture


def _lines(ink: np.ndarray, mask: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """How many lines go from left to right; their pixels, none darker than they; the thin ones."""
    height, width = mask.shape
    thickness = _run_lengths(mask)
    y, x = np.nonzero(mask & (thickness <= max(3, height // 25)))
    some = y[::4], x[::4]  # a quarter of the pixels will do
    slope = max(SLOPES, key=lambda slope: (_profile(*some, slope, mask.shape) ** 2).sum())
    profile = _profile(y, x, slope, mask.shape)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    count, found, thin = 0, np.zeros_like(mask), np.zeros_like(mask)
    while profile.max() >= 0.3 * width:
        start = int(profile.argmax())
        profile[max(0, start - 3) : start + 4] = 0
        near = np.abs(y - start - slope * (x - width / 2)) <= max(3, 0.02 * width)
        line = _line_through(y[near], x[near], slope, mask)
        if line is None:
            continue
        middle = np.round(line).astype(int).clip(0, height - 1), columns
        on = mask[middle]
        level, wide = (np.median(values[middle][on]) for values in (ink, thickness))
        if wide > max(3, height // 25):  # no printed line, but the edge of something
            continue
        band = (np.abs(rows - line) <= 1.5 + wide / 2) & (ink <= 1.25 * level)
        count += 1
        found |= band
        thin |= band & (thickness <= 3 * wide + 2)
    return count, found, thin


def _profile(y: np.ndarray, x: np.ndarray, slope: float, shape: tuple[int, int]) -> np.ndarray:
    """How many of the points (x, y) lie on each line of this slope, by its height in the middle."""
    height, width = shape
    starts = np.round(y - slope * (x - width / 2)).astype(int)
    counts = np.bincount(starts[(starts >= 0) & (starts < height)], minlength=height)
    return np.convolve(counts, [0.5, 1, 0.5], "same")  # a line lies between two rows


def _line_through(y, x, slope: float, mask: np.ndarray) -> np.ndarray | None:
    """The straight line through most of the points, as its height in each column [W].

    None if it does not go from edge to edge: through 0.7 of the columns, and to both ends.
    """
    height, width = mask.shape
    tilts = slope + np.linspace(-0.02, 0.02, 9)
    tilt = max(tilts, key=lambda tilt: _profile(y, x, tilt, mask.shape).max())
    start = int(_profile(y, x, tilt, mask.shape).argmax())
    line = start + tilt * (np.arange(width) - width / 2)
    inside = np.flatnonzero((line > -1) & (line < height))  # it may leave by the top or bottom
    rows = np.round(line[inside]).astype(int).clip(0, height - 1)
    near = [mask[(rows + step).clip(0, height - 1), inside] for step in (-2, -1, 0, 1, 2)]
    columns = inside[np.any(near, axis=0)]
    ends = max(2, width // 30)
    if len(columns) < max(1, 0.7 * len(inside)) or len(inside) < 0.3 * width:
        return None
    if columns[0] > inside[0] + ends or columns[-1] < inside[-1] - ends:
        return None
    return line


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    """For each pixel, how many pixels of its column are ink without a break: int [H, W]."""
    lengths = np.zeros(mask.shape, int)
    run = np.zeros(mask.shape[1], int)
    for row in range(len(mask)):
        run = (run + 1) * mask[row]
        lengths[row] = run
    for row in range(len(mask) - 2, -1, -1):
        lengths[row] = np.where(mask[row] & mask[row + 1], lengths[row + 1], lengths[row])
    return lengths


# ---- finding the digits ------------------------------------------------------------------------


def _find_glyphs(picture) -> _Sheet:
    grey, scale, opened = _grey(_opened(picture))
    size = tuple(round(side / scale) for side in grey.shape[::-1])
    steps = [Step("opened", ", ".join(opened) or "as it is", grey)]
    if _ink_is_light(grey):
        grey = 1 - grey
        steps.append(Step("polarity", "light ink on dark paper: inverted", grey))
    ink = _ink(grey)
    threshold = _threshold(ink)
    _check_contrast(ink, threshold)
    steps.append(Step("light", "each pixel compared with the paper around it", ink.clip(0, 1)))
    lines = _ruled(ink, ink > threshold / 2)
    if lines.any():
        ink = np.where(lines, 0, ink)
        threshold = _threshold(ink)
        _check_contrast(ink, threshold)
        steps.append(Step("lines", "lines from edge to edge taken away", ink.clip(0, 1)))
    mask = ink > threshold
    steps.append(Step("threshold", f"ink is more than {threshold:.2f}", mask.astype(np.float32)))
    if mask.mean() > 0.45:
        raise ValueError(
            f"no digit found: {mask.mean():.0%} of the picture is darker than its surroundings. "
            "This looks like a picture of something else than ink on paper"
        )
    pieces, glyphs = _glyphs(mask)
    glyphs = _not_of_lines(pieces, glyphs, lines)
    return _Sheet(ink / (2 * threshold), scale, size, pieces, glyphs, tuple(steps))


def _check_contrast(ink: np.ndarray, threshold: float) -> None:
    """Ink differs from the paper by more than the paper from itself, and there is little of it."""
    above = ink > threshold
    paper = ink[~above]
    noise = 1.5 * float(np.median(np.abs(paper - np.median(paper)))) if paper.size else 0.0
    contrast = float(ink[above].mean() - np.median(paper)) if above.any() and paper.size else 0.0
    if contrast < max(0.08, 4 * noise):
        raise ValueError(
            f"no digit found: the picture is blank, or all ink (the darkest parts differ from "
            f"the rest by {contrast:.0%}, and its grain by {noise:.0%})"
        )


def _glyphs(mask: np.ndarray) -> tuple[np.ndarray, list[_Glyph]]:
    """The pieces of ink, numbered, and what belongs together, largest first."""
    from scipy.ndimage import find_objects, label, maximum_filter, sum_labels

    pen = _rough_pen(mask)
    joined = maximum_filter(mask, int(1.5 * pen) | 1)  # gaps of up to 1.5 strokes are no gaps
    pieces, count = label(joined, np.ones((3, 3)))
    pieces *= mask
    areas = sum_labels(mask, pieces, np.arange(1, count + 1))
    sides = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    edge = np.bincount(sides, minlength=count + 1)  # pixels of each piece on the picture's edge
    glyphs = []
    for number, place in enumerate(find_objects(pieces, count), start=1):
        rows, columns = place
        area = float(areas[number - 1])
        if area >= 0.8 * pen**2:  # less than a dot of the pen is a speck
            box = (rows.start, rows.stop, columns.start, columns.stop)
            glyph = _Glyph((number,), box, area, bool(edge[number]))
            on_edge = edge[number] >= 0.5 * glyph.long_side  # a shadow, or the table
            if not on_edge and not _along_an_edge(box, mask.shape):
                glyphs.append(glyph)
    return pieces, _merged(sorted(glyphs, key=lambda glyph: -glyph.area))


def _along_an_edge(box: tuple[int, int, int, int], shape: tuple[int, int]) -> bool:
    """Whether a box is a narrow strip along one edge of the picture, as a row of line ends is."""
    top, bottom, left, right = box
    across, down = right - left, bottom - top
    if min(across, down) > 0.2 * max(across, down):
        return False
    near, far = (left == 0, right == shape[1]) if down > across else (top == 0, bottom == shape[0])
    return near != far  # a 1 that fills its picture lies along both


def _not_of_lines(pieces: np.ndarray, glyphs: list[_Glyph], lines: np.ndarray) -> list[_Glyph]:
    """Without what is left of lines: pieces mostly beside one, and lines that were not found.

    The bound: on made photographs of ruled and squared paper, 0.68 or more of such pieces touched
    a line that was taken away, and 0.28 or less of digits written across the lines.
    """
    from scipy.ndimage import maximum_filter

    if not lines.any():
        return glyphs
    beside = maximum_filter(lines, 3)
    ink = np.bincount(pieces.ravel())
    touching = np.bincount(pieces.ravel(), weights=beside.ravel())

    def is_a_line(glyph: _Glyph) -> bool:
        top, bottom, left, right = glyph.box
        (long, whole), (short, _) = sorted(zip((bottom - top, right - left), lines.shape))[::-1]
        return long == whole and short < 0.1 * long

    return [
        glyph
        for glyph in glyphs
        if touching[list(glyph.pieces)].sum() <= 0.5 * ink[list(glyph.pieces)].sum()
        and not is_a_line(glyph)
    ]


def _rough_pen(mask: np.ndarray) -> float:
    """The width of a stroke: its area by half its outline, which pixels make 4 / pi too long."""
    outline = (mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum()
    return max(1.0, 2 * mask.sum() / max(1, np.pi / 4 * outline))


def _merged(glyphs: list[_Glyph]) -> list[_Glyph]:
    """Pieces near a larger one belong to it: small ones, and those above or below it."""
    whole: list[_Glyph] = []
    for piece in glyphs:
        for place, glyph in enumerate(whole):
            if _belongs(piece, glyph):
                whole[place] = _together(glyph, piece)
                break
        else:
            whole.append(piece)
    return sorted(whole, key=lambda glyph: -glyph.area)


def _belongs(piece: _Glyph, glyph: _Glyph) -> bool:
    tops, bottoms, lefts, rights = zip(piece.box, glyph.box)
    overlap = min(rights) - max(lefts)  # negative: a gap
    gap = max(max(tops) - min(bottoms), -overlap)
    small = piece.long_side < 0.5 * glyph.long_side
    narrower = min(right - left for left, right in zip(lefts, rights))
    stacked = overlap >= 0.5 * narrower
    return gap <= 0.15 * glyph.long_side and (small or stacked) and not piece.at_edge


def _together(one: _Glyph, other: _Glyph) -> _Glyph:
    tops, bottoms, lefts, rights = zip(one.box, other.box)
    box = (min(tops), max(bottoms), min(lefts), max(rights))
    return _Glyph(
        one.pieces + other.pieces, box, one.area + other.area, one.at_edge or other.at_edge
    )


def _main_glyph(sheet: _Sheet) -> _Glyph:
    """The glyph with the most ink, an edge of the table or of the picture left aside."""
    height, width = sheet.ink.shape
    least = 0.05 * max(height, width)
    large = [glyph for glyph in sheet.glyphs if glyph.long_side >= least]
    inner = [glyph for glyph in large if not glyph.at_edge]
    if not large:
        raise ValueError("no digit found: only specks, no stroke of a pen")
    best = inner[0] if inner else large[0]
    rival = large[0]  # a digit that fills its picture may touch the edge
    top, bottom, left, right = rival.box
    in_the_middle = top < height / 2 < bottom and left < width / 2 < right
    return rival if in_the_middle and rival.area > 3 * best.area else best


def _read(sheet: _Sheet, glyph: _Glyph) -> Reading:
    """One glyph as MNIST has it."""
    top, bottom, left, right = glyph.box
    here = (slice(top, bottom), slice(left, right))
    own = np.isin(sheet.pieces[here], glyph.pieces)
    ink = _enlarged(sheet.ink[here], own)
    _check_strokes(ink > 0.5)
    image = as_mnist(ink)
    others = len(sheet.glyphs) - 1
    found = f"{others} other pieces left aside" if others else "the only one"
    steps = (
        *sheet.steps,
        Step("digit", found, ink),
        Step("as MNIST", f"pen drawn {STROKE} wide, box of {BOX}", image.astype(np.float32)),
    )
    width, height = sheet.size
    place = (
        max(0, int(left / sheet.scale)),
        max(0, int(top / sheet.scale)),
        min(width, int(np.ceil(right / sheet.scale))),
        min(height, int(np.ceil(bottom / sheet.scale))),
    )
    return Reading(torch.from_numpy(image).float().view(1, FIELD * FIELD), place, steps)


def _enlarged(ink: np.ndarray, own: np.ndarray) -> np.ndarray:
    """The ink of one glyph, its longer side FINE pixels, and a little paper around it."""
    from PIL import Image
    from scipy.ndimage import binary_dilation

    own = binary_dilation(np.pad(own, 2), np.ones((3, 3)))  # with its soft edge
    ink = np.pad(ink, 2).clip(0, 1) * own
    factor = FINE / max(_extent(ink > 0.5))
    size = [max(1, round(side * factor)) for side in ink.shape[::-1]]
    ink = Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
    return np.asarray(ink).clip(0, 1)


def _check_strokes(mask: np.ndarray) -> None:
    """A digit is drawn with a pen: its ink is long and thin, evenly wide, and not too long.

    It does not lie flat, and it is more than specks.

    The bounds: of 300 pictures of digits, other people's and the book's own, none had a product of
    length and unevenness above 6; of 14 photographs of other things two had one below 7.
    """
    from scipy.ndimage import distance_transform_edt, label

    width, box = stroke_width(mask), max(_extent(mask))
    if box < 2.5 * width:
        raise ValueError(
            "no digit found: the largest piece of ink is a dot or a blot, "
            f"{box / width:.1f} times as long as it is wide"
        )
    height, across = _extent(mask)
    if across > 4 * height:
        raise ValueError(
            f"no digit found: the largest dark piece is {across / height:.0f} times as wide as it "
            "is high. It may be part of a line, or the picture lies on its side"
        )
    pieces, _ = label(mask, np.ones((3, 3)))
    largest = np.bincount(pieces.ravel())[1:].max() / mask.sum()
    if largest < 0.1:
        raise ValueError(
            "no digit found: there are only specks and no stroke of a pen (the largest of them "
            f"has {largest:.0%} of the ink)"
        )
    length = mask.sum() / width / box  # of the pen's path, in sides of the box
    unevenness = 2 * float(distance_transform_edt(mask).max()) / width
    if length * unevenness > 7:
        raise ValueError(
            "no digit found: this looks like a picture of something else than a digit. Drawn with "
            f"a pen, the largest dark piece would be a line {length:.1f} times as long as its box, "
            f"and {unevenness:.1f} times as wide at one place as in the mean"
        )


def _reading_order(glyphs: list[_Glyph]) -> list[_Glyph]:
    """Line by line, and in each line from left to right."""
    lines: list[list[_Glyph]] = []
    for glyph in sorted(glyphs, key=lambda glyph: glyph.box[0] + glyph.box[1]):
        middle = (glyph.box[0] + glyph.box[1]) / 2
        if lines and middle < np.mean([other.box[1] for other in lines[-1]]):
            lines[-1].append(glyph)
        else:
            lines.append([glyph])
    return [glyph for line in lines for glyph in sorted(line, key=lambda glyph: glyph.box[2])]
