"""Reads a finished figure back: its words, colours and marks, and where they lie.

A page shows a figure as SVG (or PNG) with its alt text. Matplotlib's SVG says what each part is:
an axes, a line, a text with its words. So what a reader sees can be compared with what is expected,
however the figure was made.
"""

import base64
import io
import re
from xml.etree import ElementTree

from bs4 import BeautifulSoup
from PIL import Image

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
TILES = 8  # a picture is reduced to so many by so many colours


def figures_of(page):
    """[{"alt", "words", "marks" or "picture"}] of a built page (a file), in its order."""
    found = []
    html = BeautifulSoup(page.read_text("utf-8"), "html.parser")
    for image in html.select("img.line-plot, img.keep-colours"):
        file = page.parent / image["src"]
        if file.suffix == ".svg":
            parts = svg_parts(file.read_text("utf-8"))
        else:
            parts = {"picture": [tiles(file.read_bytes())]}
        found.append({"alt": image["alt"], **parts})
    return found


def tiles(data):
    """A PNG as TILES x TILES colours: a flat list of bytes."""
    picture = Image.open(io.BytesIO(data)).convert("RGBA")
    white = Image.new("RGBA", picture.size, "white")
    small = Image.alpha_composite(white, picture).convert("RGB").resize((TILES, TILES), Image.BOX)
    return list(small.tobytes())


def svg_parts(svg):
    """{"words": [[text, x, y, ...]], "marks": [[kind and style, how many numbers, where ...]]}"""
    parser = ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    root = ElementTree.fromstring(svg, parser)
    words, marks = [], []

    def walk(node, group):
        if node.tag is ElementTree.Comment or node.tag.endswith(("defs", "metadata")):
            return
        name = re.sub(r"_\d+$", "", node.get("id", ""))
        if name == "text":
            words.append(text_of(node, group))
        elif name == "line2d" and group.endswith("tick"):
            pass  # at the words of the tick
        elif name in ("line2d", "patch") or name.endswith(("Collection", "Mesh")):
            marks.append(mark_of(node, name, group))
        elif node.tag.endswith("image"):
            marks.append(mark_of(node, "picture", group))
        else:
            for child in node:
                walk(child, name or group)

    walk(root, "figure")
    return {"words": words, "marks": [mark for mark in marks if mark]}


def text_of(node, group):
    """[what it belongs to and the words, where they begin]"""
    words = " ".join(child.text.strip() for child in node if child.tag is ElementTree.Comment)
    places = [child.get("transform", "") for child in node if isinstance(child.tag, str)]
    numbers = NUMBER.findall(places[0]) if places else []
    return [f"{group}: {words}", *(round(float(number)) for number in numbers[:2])]


def mark_of(node, name, group):
    """[kind and styles, how many points, the first, the last, the least, the greatest, the mean]"""
    styles, x, y, pictures = {}, [], [], []
    form = ""
    for part in node.iter():
        if not isinstance(part.tag, str):
            continue
        tag = part.tag.rsplit("}", 1)[-1]
        if tag == "path" and part.get("id") is None:
            numbers = [float(n) for n in NUMBER.findall(part.get("d", ""))]
        elif tag == "use":
            numbers = [float(part.get("x", 0)), float(part.get("y", 0))]
        elif tag == "image":
            href = next(value for key, value in part.attrib.items() if key.endswith("href"))
            pictures += tiles(base64.b64decode(href.partition(",")[2]))
            numbers = [float(part.get(key, 0)) for key in ("x", "y", "width", "height")]
        elif tag == "path":  # the form of a marker
            form = f" marker of {len(NUMBER.findall(part.get('d', '')))}"
            continue
        else:
            continue
        x += numbers[::2]
        y += numbers[1::2]
        style = part.get("style", "")
        styles[style] = None
    if not x:
        return None
    where = [f(axis) for f in (first, last, min, max, mean) for axis in (x, y)]
    style = "; ".join(re.sub(r"stroke-line(cap|join): ", "", each) for each in list(styles)[:6])
    return [f"{group}: {name}{form} {style}", len(x), *map(round, where), *pictures]


def first(values):
    return values[0]


def last(values):
    return values[-1]


def mean(values):
    return sum(values) / len(values)


def text_sizes(svg):
    """({words: their size in points}, the figure's width in points) of an SVG by matplotlib.

    Sub- and superscripts of a formula are smaller than it and don't count.
    """
    root = ElementTree.fromstring(
        svg, ElementTree.XMLParser(target=ElementTree.TreeBuilder(insert_comments=True))
    )
    sizes = {}
    for node in root.iter():
        if isinstance(node.tag, str) and node.get("id", "").startswith("text_"):
            words = " ".join(
                child.text.strip() for child in node if child.tag is ElementTree.Comment
            )
            scales = [
                100 * float(scale)
                for child in node.iter()
                if isinstance(child.tag, str) and child.tag.endswith("}g")
                for scale in re.findall(r"scale\(([\d.]+)", child.get("transform", ""))
            ]
            sizes[words] = min(scales, default=0)
    return sizes, float(root.get("width").removesuffix("pt"))


def differences(expected, seen, bouncing=None):
    """In words, what is drawn otherwise: [{"alt", ...}] of a page against the same.

    bouncing: {number of a figure: how far off its places may be}. Of such a figure the words must
    be the same but for their numbers.
    """
    if len(expected) != len(seen):
        return [f"{len(seen)} figures, expected {len(expected)}"]
    found = []
    for number, (old, new) in enumerate(zip(expected, seen), start=1):
        off = (bouncing or {}).get(number)
        for part in sorted(old.keys() | new.keys()):
            was, now = old.get(part, []), new.get(part, [])
            if part == "alt":
                was, now = [[was]], [[now]]
            if len(was) != len(now):
                found.append(f"figure {number}: {len(now)} {part}, expected {len(was)}")
                continue
            found += [
                f"figure {number}, {part}: {shortened(b)}, expected {shortened(a)}"
                for a, b in zip(was, now)
                if not is_alike(a, b, off or 2, numbers=not off or part == "marks")
            ]
    return found


def shortened(mark):
    text = " ".join(map(str, mark))
    return text if len(text) < 300 else f"{text[:300]}..."


def is_alike(old, new, off=2, numbers=True):
    """The same words, with numbers nearly the same; places and colours off by `off` at most.

    numbers: False to leave the words' numbers aside.
    """
    if len(old) != len(new):
        return False
    for a, b in zip(old, new):
        if isinstance(a, str) != isinstance(b, str):
            return False
        if isinstance(a, str):
            if NUMBER.sub("0", a) != NUMBER.sub("0", b) or colours(a) != colours(b):
                return False
            pairs = zip(map(float, NUMBER.findall(a)), map(float, NUMBER.findall(b)))
            if numbers and any(abs(p - q) > 0.05 * max(abs(p), abs(q)) for p, q in pairs):
                return False
        elif abs(a - b) > off:
            return False
    return True


def colours(text):
    return re.findall(r"#[0-9a-f]{6}", text)


def unnamed(figure):
    """Words of a legend or an axis of which the alt text says nothing."""
    said = plain(figure["alt"])
    labels = [text.partition(": ")[::2] for text, *_ in figure.get("words", [])]
    names = [words for place, words in labels if place in ("legend", "matplotlib.axis")]
    return [name for name in names if not any(word in said for word in plain(name).split())]


def plain(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
