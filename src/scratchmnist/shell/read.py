"""`scratchmnist read`: which digits are on these pictures?"""

from __future__ import annotations

import argparse
import json
import sys

EXAMPLE = """examples:
  scratchmnist read photo.jpg --model model.safetensors
  scratchmnist read sheet.png --several --json --model model.safetensors
"""
SHADES = " .:-=+*#%@"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Read the handwritten digit on each picture, and show what was seen of it."
    parser.epilog = EXAMPLE
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("pictures", nargs="+", metavar="PICTURE")
    parser.add_argument(
        "--model", required=True, metavar="FILE",
        help="a network that `scratchmnist train --save FILE` wrote",
    )  # fmt: skip
    parser.add_argument("--several", action="store_true", help="several digits on each picture")
    parser.add_argument("--show", metavar="OUT.png", help="write the 28 x 28 pictures it saw")
    parser.add_argument("--json", action="store_true", help="one JSON list, for programs")


def as_text(image) -> str:
    """A row of 784 pixels as 28 lines of characters, two for a pixel: dark is ink.

    >>> import torch
    >>> as_text(torch.ones(784)).splitlines()[0] == "@@" * 28
    True
    """
    levels = (image.reshape(28, 28).clamp(0, 1) * (len(SHADES) - 1)).round().int().tolist()
    return "\n".join("".join(SHADES[level] * 2 for level in row).rstrip() for row in levels)


def run(arguments: argparse.Namespace) -> int:
    import torch

    from scratchmnist import forward, predicted_digits, read_digit, read_digits, softmax
    from scratchmnist.files.models import load

    layers = load(arguments.model)
    rows, failed = [], 0
    for picture in arguments.pictures:
        try:
            found = read_digits(picture) if arguments.several else [read_digit(picture)]
        except (ValueError, OSError) as error:
            failed += 1
            rows.append({"picture": picture, "error": str(error)})
            if not arguments.json:
                print(f"{picture}: {error}", file=sys.stderr)
            continue
        for reading in found:
            out, _ = forward(reading.image, layers)
            digit = predicted_digits(out).item()
            row = {"picture": picture, "digit": digit, "place": list(reading.place)}
            if out.shape[1] > 1:
                row["probability"] = softmax(out).max().item()
            else:
                row["number"] = out.item()
            rows.append(row | {"image": reading.image})
            if not arguments.json:
                how_sure = (
                    f"p = {row['probability']:.3f}" if "probability" in row
                    else f"predicted {row['number']:.2f}"
                )  # fmt: skip
                print(f"{picture}: {digit} ({how_sure})")
                print(as_text(reading.image))
    images = [row.pop("image") for row in rows if "image" in row]
    if arguments.json:
        print(json.dumps(rows, indent=1))
    if arguments.show and images:
        write_png(torch.cat(images), arguments.show)
    return 1 if failed else 0


def write_png(images, file: str) -> None:
    """Pictures [N, 784] side by side in one PNG."""
    from pathlib import Path

    from PIL import Image

    from scratchmnist.files.whole import appears_whole

    strip = images.reshape(-1, 28, 28).swapaxes(0, 1).reshape(28, -1)
    pixels = (strip.clamp(0, 1) * 255).round().byte().numpy()
    with appears_whole(Path(file)) as draft:
        Image.fromarray(pixels).save(draft, format="PNG")
