"""MNIST's original files: arrays of bytes behind a short header (the IDX format)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scratchmnist.files.whole import appears_whole, check, read_checked

PARTS = {"training": 60_000, "testing": 10_000}  # MNIST's two folders, and how many images in each
SIDE = 28  # pixels

IDX_FILES = {  # MNIST's four original files
    "training": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "testing": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
IDX_MD5 = {  # their published checksums
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def write_idx(cache: Path, full: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """MNIST's four original files, from the images and labels of each part."""
    remedy = f"delete {cache.with_name('mnist_png')} and try again"
    files = {}
    for part, (images, labels) in full.items():
        for name, array in zip(IDX_FILES[part], (images.reshape(-1, SIDE, SIDE), labels)):
            files[name] = idx_header(*array.shape) + array.tobytes()
            check(files[name], f"{name}, made from the PNGs,", "md5", IDX_MD5[name], remedy)
    with appears_whole(cache) as draft:
        draft.mkdir()
        for name, data in files.items():
            (draft / name).write_bytes(data)


def has_idx(cache: Path) -> bool:
    """True if all four files are there."""
    return all((cache / name).is_file() for names in IDX_FILES.values() for name in names)


def read_idx(cache: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """images uint8 [N, 784], labels uint8 [N] of one part, from two of MNIST's original files."""
    n = PARTS[part]
    images, labels = (
        read_checked(cache / name, "md5", IDX_MD5[name], f"delete {cache} and try again")
        for name in IDX_FILES[part]
    )
    images, labels = images[len(idx_header(n, SIDE, SIDE)) :], labels[len(idx_header(n)) :]
    return images.reshape(n, SIDE * SIDE), labels


def idx_header(*shape: int) -> bytes:
    """How an IDX file of bytes begins: 0, 0, 8 (bytes), the number of axes, and their lengths."""
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">u4").tobytes()
