"""Draws the book's logo, its cover and its preview picture from digits of the embedded subset.

    python scripts/make_art.py

Writes book/_static/{logo.svg, cover.svg, preview.png}. Each run draws the same; nothing but the
digits and this file goes into them.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from scratchmnist import load_mnist

STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
BLUE, PAPER = "#0b63a5", "#ffffff"
MIDDLE, GREY = "#2f80c3", "#7d8691"  # stand out from white and from the dark page alike
LOGO_DIGIT, COVER_DIGIT = 3, 5  # which of ten digits in `chosen_digits`
SIDE = 28


def chosen_digits():
    """One picture of each digit: uint8 [10, 28, 28].

    The nearest to the mean of its class, of those with no ink in the outer rows and columns.
    """
    (images, labels), _ = load_mnist()
    outer = torch.ones(SIDE, SIDE)
    outer[3:-3, 3:-3] = 0
    clean = images @ outer.view(-1) == 0
    found = []
    for digit in range(10):
        pictures = images[clean & (labels == digit)]
        distances = ((pictures - pictures.mean(0)) ** 2).sum(1)
        found.append((pictures[distances.argmin()] * 255).round().byte())
    return np.stack([picture.view(SIDE, SIDE).numpy() for picture in found])


def svg(width, height, body):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}">\n{body}\n</svg>\n'
    )


def runs(picture, levels):
    """Equal neighbours that are not paper: (row, first column, length, level 1..levels)."""
    quantised = (picture.astype(int) * levels + 127) // 255
    for y, row in enumerate(quantised):
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        for start, end in zip(starts, [*starts[1:], SIDE]):
            if row[start]:
                yield y, int(start), int(end - start), int(row[start])


def pixels(picture, colour, levels=5, cell=1, left=0, top=0):
    """The picture's pixels as squares: one path for each level of grey."""
    paths = dict.fromkeys(range(1, levels + 1), "")
    for y, x, length, level in runs(picture, levels):
        paths[level] += (
            f"M{left + x * cell} {top + y * cell}h{length * cell}v{cell}h-{length * cell}z"
        )
    return "\n".join(
        f'<path fill="{colour}" fill-opacity="{level / levels:g}" d="{path}"/>'
        for level, path in paths.items()
        if path
    )


def logo(digits):
    """A digit in white on a blue tile."""
    tile = f'<rect width="26" height="26" rx="5" fill="{BLUE}"/>'
    return svg(26, 26, tile + "\n" + pixels(digits[LOGO_DIGIT], PAPER, left=-1, top=-1))


def numbers(picture, cell, left, top):
    """The picture's pixels as digits 0 to 9, the zeros fainter."""
    tenths = picture.astype(int) * 9 // 255
    lines = []
    for y, row in enumerate(tenths):
        for ink, style in (
            (False, f'fill="{GREY}" fill-opacity="0.6"'),
            (True, f'fill="{MIDDLE}"'),
        ):
            places = [x for x in range(SIDE) if bool(row[x]) == ink]
            if places:
                xs = " ".join(f"{left + x * cell}" for x in places)
                text = "".join(str(row[x]) for x in places)
                lines.append(f'<text x="{xs}" y="{top + y * cell + cell}" {style}>{text}</text>')
    font = f'font-family="ui-monospace, monospace" font-size="{cell + 1}" font-weight="600"'
    return f"<g {font}>\n" + "\n".join(lines) + "\n</g>"


def cover(digits):
    """A picture, its pixels as numbers, and below all of them as one row of 784."""
    cell, gap = 9, 84
    size, width = SIDE * cell, 784
    left = (width - 2 * size - gap) // 2
    right, middle = left + size + gap, left + size + gap // 2
    frame = f'<rect x="{left}" y="1" width="{size}" height="{size}" rx="6" fill="{BLUE}"/>'
    arrow = (
        f'<path d="M{middle - 18} {size // 2}h36m-9 -9l9 9l-9 9" fill="none" '
        f'stroke="{GREY}" stroke-width="3"/>'
    )
    stripes = "".join(
        f'<rect x="{x}" y="{size + 20}" width="1" height="14" fill="{MIDDLE}" '
        f'fill-opacity="{int(value) / 255:.2f}"/>'
        for x, value in enumerate(digits[COVER_DIGIT].reshape(-1))
        if value
    )
    band = (
        f'<rect x="0.5" y="{size + 19.5}" width="{width - 1}" height="15" fill="none" '
        f'stroke="{GREY}" stroke-opacity="0.6"/>'
    )
    picture = pixels(digits[COVER_DIGIT], PAPER, cell=cell, left=left, top=1)
    table = numbers(digits[COVER_DIGIT], cell, right, 0)
    return svg(width, size + 36, "\n".join([frame, picture, arrow, table, stripes, band]))


def preview(digits):
    """The ten digits on tiles, 1200 x 630, as sites show it beside a link: uint8 [630, 1200, 3]."""
    paper, blue = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) for c in (PAPER, BLUE))
    sheet = np.full((630, 1200, 3), 245, np.uint8)
    scale, pitch = 7, 224
    for k, digit in enumerate(digits):
        ink = digit.repeat(scale, 0).repeat(scale, 1)[..., None] / 255
        row, column = divmod(k, 5)
        top, left = 105 + row * pitch, 54 + column * pitch
        tile = (blue + (paper - blue) * ink).round().astype(np.uint8)
        sheet[top : top + SIDE * scale, left : left + SIDE * scale] = tile
    return sheet


def png(picture):
    """The bytes of a PNG file. picture: uint8 [H, W, 3]."""

    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    height, width, _ = picture.shape
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def draw():
    """{file name: its bytes}"""
    digits = chosen_digits()
    return {
        "logo.svg": logo(digits).encode(),
        "cover.svg": cover(digits).encode(),
        "preview.png": png(preview(digits)),
    }


if __name__ == "__main__":
    for name, content in draw().items():
        (STATIC / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")
