"""The full MNIST: fastai's PNGs, decoded once into MNIST's original files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from scratchmnist.files.homework import list_pngs
from scratchmnist.files.idx import PARTS, SIDE, has_idx, read_idx, write_idx

CACHE = "mnist_idx"  # the folder beside the PNGs with what they were decoded into


def find_mnist() -> Path:
    """The folder of MNIST's PNGs, or where it would be if the decoded files beside it are there.

    First where fastai keeps data by default, without asking it: it would write into a folder
    that may be read-only, and look for a network.
    """
    home = Path(os.environ.get("FASTAI_HOME", "~/.fastai")).expanduser()
    path = home / "data" / "mnist_png"
    if has_idx(path.with_name(CACHE)) or all((path / part).is_dir() for part in PARTS):
        return path
    return download_mnist()


def download_mnist() -> Path:
    """The folder of MNIST's PNGs, which fastai downloads unless it is there already."""
    from fastai.data.external import URLs, untar_data

    try:
        return Path(untar_data(URLs.MNIST))
    except Exception as error:  # whatever the network, the disk or the archive may raise
        raise ConnectionError(
            f"could not get MNIST from {URLs.MNIST} ({error}): check the network and try again, or "
            "unpack that archive in the folder `data` of $FASTAI_HOME (by default ~/.fastai). "
            "load_mnist() needs no download"
        ) from error


def read_full(path: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """(images uint8 [N, 784], labels uint8 [N]) of each part, from the folder of MNIST's PNGs.

    The PNGs are decoded once, into MNIST's original files: tensors of bytes, behind a short
    header. As their checksums are published, one comparison vouches for the download, the
    decoding and the copy on disk.
    """
    cache = path.with_name(CACHE)
    if not cache.exists():
        decoded = {part: _decode_pngs(path / part, n) for part, n in PARTS.items()}
        try:
            write_idx(cache, decoded)
        except PermissionError:  # a read-only place: the checksums were compared all the same
            return list(decoded.values())
    return [read_idx(cache, part) for part in PARTS]


def _decode_pngs(folder: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All of one part, in MNIST's order: images uint8 [N, 784], labels uint8 [N]."""
    files = [file for digit in range(10) for file in list_pngs(folder / str(digit))]
    if len(files) != n:
        raise ValueError(
            f"{folder} holds {len(files)} PNGs, expected {n}: delete {folder.parent} and try again"
        )
    files.sort(key=lambda file: int(file.stem))
    images = np.stack([_decode_png(file) for file in files])
    return images, np.array([int(file.parent.name) for file in files], dtype=np.uint8)


def _decode_png(file: Path) -> np.ndarray:
    """The pixels of one picture: uint8 [784]."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            pixels = np.asarray(image)
    except OSError as error:
        raise ValueError(
            f"{file} is no readable PNG ({error}): delete {file.parents[2]} and try again"
        ) from error
    if pixels.shape != (SIDE, SIDE) or pixels.dtype != np.uint8:
        raise ValueError(
            f"{file} must hold {SIDE} x {SIDE} grey bytes, got {pixels.dtype} {pixels.shape}"
        )
    return pixels.ravel()
