"""Handwritten digits drawn by script, and photographs of them by simulation.

The book's own pictures for the chapter "Your own digits" and for its tests: no hand has written
them, so they are no measure of how well people's digits are read. They show what a camera and
paper do to a picture, one effect at a time.

A digit is some strokes, each a list of points (x, y) in a box 1 high, y downwards. Ink and light
are float32 [H, W]; ink is 1 in a stroke and 0 on bare paper, light is 0 black to 1 white.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

RING = [(0.5, 0), (0.2, 0.12), (0.08, 0.5), (0.22, 0.88), (0.5, 1), (0.8, 0.88), (0.92, 0.5)]

# Several ways to write each digit. A stroke of two points is straight; a longer one is a smooth
# curve through its points.
FORMS: dict[int, list[list[list[tuple[float, float]]]]] = {
    0: [[[*RING, (0.8, 0.13), (0.5, 0)]], [[*RING, (0.78, 0.1), (0.45, 0.02)]]],
    1: [[[(0.5, 0), (0.5, 1)]], [[(0.3, 0.2), (0.55, 0)], [(0.55, 0), (0.55, 1)]]],
    2: [
        [
            [(0.15, 0.25), (0.3, 0.05), (0.6, 0), (0.8, 0.2), (0.68, 0.48), (0.4, 0.75), (0.1, 1)],
            [(0.1, 1), (0.88, 0.98)],
        ]
    ],
    3: [
        [
            [(0.18, 0.1), (0.5, 0), (0.78, 0.15), (0.7, 0.38), (0.42, 0.48)],
            [(0.42, 0.48), (0.78, 0.6), (0.8, 0.85), (0.5, 1), (0.14, 0.9)],
        ]
    ],
    4: [
        [[(0.3, 0), (0.12, 0.58)], [(0.12, 0.58), (0.9, 0.56)], [(0.7, 0.15), (0.66, 1)]],
        [[(0.62, 0), (0.08, 0.66)], [(0.08, 0.66), (0.92, 0.64)], [(0.62, 0), (0.62, 1)]],
    ],
    5: [
        [
            [(0.8, 0), (0.25, 0.02)],
            [(0.25, 0.02), (0.2, 0.45)],
            [(0.2, 0.45), (0.55, 0.38), (0.82, 0.6), (0.72, 0.9), (0.42, 1), (0.12, 0.9)],
        ]
    ],
    6: [
        [
            [
                *((0.68, 0), (0.35, 0.2), (0.16, 0.6), (0.28, 0.95), (0.6, 0.98)),
                *((0.78, 0.75), (0.6, 0.52), (0.34, 0.58), (0.19, 0.76)),
            ]
        ]
    ],
    7: [
        [[(0.12, 0.02), (0.84, 0)], [(0.84, 0), (0.6, 0.42), (0.4, 1)]],
        [
            [(0.12, 0.02), (0.84, 0)],
            [(0.84, 0), (0.6, 0.42), (0.4, 1)],
            [(0.34, 0.5), (0.8, 0.48)],
        ],
    ],
    8: [
        [
            [
                *((0.72, 0.12), (0.48, 0), (0.24, 0.14), (0.3, 0.36), (0.54, 0.5), (0.77, 0.7)),
                *((0.7, 0.94), (0.46, 1), (0.22, 0.9), (0.22, 0.7), (0.5, 0.48), (0.74, 0.28)),
                (0.72, 0.12),
            ]
        ]
    ],
    9: [
        [
            [(0.76, 0.18), (0.5, 0), (0.22, 0.2), (0.3, 0.44), (0.56, 0.46), (0.76, 0.2)],
            [(0.76, 0.2), (0.72, 0.55), (0.6, 1)],
        ]
    ],
}


def strokes(digit: int, generator: np.random.Generator) -> list[np.ndarray]:
    """A digit as one hand might write it: [n, 2] points for each stroke, in a box about 1 high.

    Each point of a form is moved a little, and the whole is made wider or narrower, slanted and
    turned.

    >>> [line.shape for line in strokes(1, np.random.default_rng(3))]
    [(2, 2), (2, 2)]
    """
    from scipy.interpolate import make_interp_spline

    form = FORMS[digit][generator.integers(len(FORMS[digit]))]
    wide, slant, turn = np.exp(generator.normal(-0.25, 0.15)), *generator.normal(0, [0.15, 0.07])
    moved = {}  # points that two strokes share stay together
    change = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    change = np.array([[wide, 0], [-slant, 1]]) @ change
    lines = []
    for points in form:
        for point in points:
            moved.setdefault(point, (np.array(point) + generator.normal(0, 0.025, 2)) @ change)
        line = np.array([moved[point] for point in points])
        if len(line) > 2:  # a smooth curve
            steps = np.r_[0, np.cumsum(np.hypot(*np.diff(line, axis=0).T))]
            line = make_interp_spline(steps, line, k=min(3, len(line) - 1))(
                np.linspace(0, steps[-1], 60)
            )
        lines.append(line)
    return lines


def drawn(lines: list[np.ndarray], size: int, height: float, pen: float, at=(0.5, 0.5)):
    """Ink [size, size]: strokes drawn with a round pen on a square sheet.

    height: of a box 1 high, and pen: the stroke's width, both in parts of the sheet; at: the
    middle of the digit (x, y), in the same.
    """
    from PIL import Image, ImageDraw

    fine = 4 * size  # drawn four times as large and averaged: soft edges
    points = np.concatenate(lines)
    middle = (points.min(0) + points.max(0)) / 2
    sheet = Image.new("L", (fine, fine))
    draw, radius = ImageDraw.Draw(sheet), pen * fine / 2
    for line in lines:
        path = ((line - middle) * height + at) * fine
        draw.line([tuple(point) for point in path], fill=255, width=max(1, round(2 * radius)))
        for x, y in path:
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    sheet = sheet.resize((size, size), Image.Resampling.BOX)
    return np.asarray(sheet, np.float32) / 255


# ---- what happens to it until it is a file -----------------------------------------------------


def plain(ink, generator):
    """Black on white, as a paint program saves it."""
    return 1 - ink


def dark_sheet(ink, generator):
    """White on black."""
    return ink


def uneven_light(ink, generator):
    """Grey ink on paper that lies half in the shade."""
    height, width = ink.shape
    y, x = np.mgrid[:height, :width] / max(ink.shape)
    angle = generator.uniform(0, 2 * np.pi)
    across = np.cos(angle) * (x - 0.5) + np.sin(angle) * (y - 0.5)
    light = 0.62 + 0.33 * np.tanh(2.5 * across)
    return light * (1 - 0.75 * ink)


def grainy(ink, generator):
    """Pencil on grey paper with a grain, and a few specks."""
    light = 0.65 - 0.35 * ink + generator.normal(0, 0.03, ink.shape)
    for y, x in generator.integers(0, np.array(ink.shape) - 2, (12, 2)):
        light[y : y + 2, x : x + 2] = 0.35
    return light


def blurred(ink, generator):
    """Out of focus."""
    from scipy.ndimage import gaussian_filter

    return 0.8 - 0.6 * gaussian_filter(ink, 0.012 * max(ink.shape))


def squared(ink, generator):
    """Blue-black ink on squared paper, lines as dark as in an exercise book, a little turned."""
    height, width = ink.shape
    y, x = np.mgrid[:height, :width]
    turn, step = generator.uniform(-0.05, 0.05), max(ink.shape) / 6
    lines = [(v % step) < max(1, step / 25) for v in (x + turn * y + 7, y - turn * x + 11)]
    return np.minimum(0.85 - 0.4 * (lines[0] | lines[1]), 0.85 - 0.75 * ink)


def broken(ink, generator):
    """A pen that fails now and then: gaps as wide as half a stroke."""
    height = len(ink)
    gaps = np.arange(height) % (height // 6) < max(1, height // 90)
    return 1 - ink * ~gaps[:, None]


EFFECTS: dict[str, Callable] = {
    "paint program": plain,
    "white on black": dark_sheet,
    "uneven light": uneven_light,
    "grain and specks": grainy,
    "blur": blurred,
    "squared paper": squared,
    "broken strokes": broken,
    "turned flag": uneven_light,
    "transparent": plain,
}


class Photograph(NamedTuple):
    """image: a PIL image, as a file would give it; digit and effect: what it shows."""

    image: object
    digit: int
    effect: str


def photograph(digit: int, effect: str, seed: int, size: int = 240) -> Photograph:
    """One digit, written and photographed: thin and thick pens, small and large, anywhere.

    effect: a name in `EFFECTS`. The same arguments give the same picture.

    >>> shot = photograph(3, "uneven light", seed=0)
    >>> shot.image.size, shot.digit
    ((240, 240), 3)
    """
    from PIL import Image

    generator = np.random.default_rng([seed, digit, *effect.encode()])
    height = generator.uniform(0.35, 0.75)
    pen = height * np.exp(generator.uniform(np.log(0.03), np.log(0.16)))
    at = 0.5 + generator.uniform(-0.1, 0.1, 2)
    ink = drawn(strokes(digit, generator), size, height, pen, at)
    light = EFFECTS[effect](ink, generator)
    image = Image.fromarray(np.uint8(np.round(255 * light.clip(0, 1))))
    if effect == "turned flag":  # the pixels lie on their side, and the flag says so
        image = image.transpose(Image.Transpose.ROTATE_90)
        image.getexif()[0x0112] = 6
    if effect == "transparent":  # black everywhere; only the alpha channel shows the ink
        alpha = Image.fromarray(255 - np.asarray(image))
        image = Image.merge("LA", (Image.new("L", image.size), alpha))
    return Photograph(image, digit, effect)
