"""The HTML of an explorable: the chapter's own numbers, and the element that shows them.

The scripts in `book/_static/explorables` bring the elements to life; where they are missing (in a
downloaded notebook, or without JavaScript), the reader sees a sentence and a picture in their
place; so does a reader on paper.
"""

from __future__ import annotations

import base64
import html
import io
import json
import math

import torch
from torch import Tensor

from .results import SCREEN_DPI


def explorable(element: str, instead: str, still=None, source: str = "", **data) -> str:
    """The HTML of one explorable.

    element: the name of the HTML element, such as "draw-a-digit". instead: a sentence for readers
    whose page cannot show it. still: a matplotlib figure and its text, to stand in its place then.
    data: its numbers, by name: tensors, layers, lists, dicts, texts. source: the name of another
    element on the page, to use its data in place of data of its own.

    >>> print(explorable("logit-sliders", "Three sliders.", scores=torch.tensor([2.0, -1.0])))
    <script type="application/json" id="logit-sliders-data">{"scores": [2.0, -1.0]}</script>
    <logit-sliders source="logit-sliders-data"><p class="instead">Three sliders.</p></logit-sliders>
    """
    start = f'<{element} source="{source or element}-data">'
    picture = _picture(*still) if still else ""
    line = f'{start}<p class="instead">{html.escape(instead)}</p>{picture}</{element}>'
    if source:
        return line
    values = json.dumps(as_json(data), allow_nan=False).replace("<", r"\u003c")
    return f'<script type="application/json" id="{element}-data">{values}</script>\n{line}'


def _picture(fig, alt: str) -> str:
    """A figure as part of the page, closed: a PNG of few colours, 1.5 times the pixels."""
    from matplotlib import pyplot
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    fig.savefig(drawn, format="png", dpi=1.5 * SCREEN_DPI, bbox_inches="tight", facecolor="white")
    pyplot.close(fig)
    colours = 64 if any(ax.images for ax in fig.axes) else 16
    image = Image.open(drawn).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    image.save(small, format="PNG", optimize=True)
    width, height = (round(side / 1.5) for side in image.size)
    data = base64.b64encode(small.getvalue()).decode()
    return (
        f'<img class="still" alt="{html.escape(alt)}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{data}">'
    )


def as_json(value):
    """A value as JSON can hold it; a number that is not finite becomes None.

    Tensors become nested lists, and above 100 elements base64: of bytes when they are uint8, of
    float32 otherwise, which is exact. Named tuples become dicts.

    >>> as_json({"loss": torch.tensor([0.5, float("nan")]), "lr": [0.1, float("inf")]})
    {'loss': [0.5, None], 'lr': [0.1, None]}
    >>> as_json(torch.zeros(784, 30))["shape"]
    [784, 30]
    """
    if isinstance(value, Tensor):
        return as_json(value.tolist()) if value.numel() <= 100 else _packed(value)
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {name: as_json(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _packed(values: Tensor) -> dict:
    """A tensor in base64, row after row, little-endian."""
    kind, dtype = ("uint8", "<u1") if values.dtype == torch.uint8 else ("float32", "<f4")
    raw = values.contiguous().numpy().astype(dtype).tobytes()
    return {"shape": list(values.shape), kind: base64.b64encode(raw).decode()}


def two_of_each(images: Tensor, labels: Tensor) -> dict:
    """The first two pictures of every digit, as bytes; images [N, 784] in [0, 1], labels [N].

    >>> pictures = two_of_each(torch.ones(40, 784), torch.arange(40) % 10)
    >>> pictures["images"].shape, pictures["labels"][:4].tolist()
    (torch.Size([20, 784]), [0, 0, 1, 1])
    """
    rows = torch.cat([(labels == digit).nonzero()[:2, 0] for digit in range(10)])
    return {"images": (images[rows] * 255).round().to(torch.uint8), "labels": labels[rows]}
