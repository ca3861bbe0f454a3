"""The subset in this package: 5000 + 5000 of MNIST's pictures, as the assignment picks them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from scratchmnist.files.idx import PARTS, SIDE
from scratchmnist.files.whole import appears_whole, read_checked

SUBSET_FILE = Path(__file__).with_name("mnist_subset.npz")  # made by scripts/make_subset.py
SMALLEST_PNG = 67  # bytes; a picture of one pixel has as many
SUBSET_SHA256 = "75d84f5a99265abc05de999881d407aa539c4a1015224fa73687ee2f2425c3a7"


def read_subset() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The stored arrays; on the first axis the training part, then the test part.

    Returns images uint8 [2, 5000, 784], labels uint8 [2, 5000], and the place of each image
    in MNIST's original files, indices uint16 [2, 5000].
    """
    data = read_checked(SUBSET_FILE, "sha256", SUBSET_SHA256, "install scratchmnist again")
    with np.load(io.BytesIO(data)) as arrays:
        return arrays["images"], arrays["labels"], arrays["indices"]


def export_pngs(folder: str | Path) -> Path:
    """Write the subset as PNGs, laid out like fastai's MNIST: the assignment's code runs on them.

    The files are `folder/mnist_png/{training,testing}/{0..9}/INDEX.png`, where INDEX is the
    picture's place in MNIST's original file. All of them appear, or none; if they are there
    already, nothing is written.

    Returns the path of `folder/mnist_png`. Raises FileExistsError if that is there but holds
    other files.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_pngs(folder)
    ...     print(path.name, len(list(path.glob("training/7/*.png"))))
    mnist_png 500
    """
    pngs = {
        f"{part}/{label}/{index}.png": pixels.reshape(SIDE, SIDE)
        for part, *arrays in zip(PARTS, *read_subset())
        for pixels, label, index in zip(*arrays)
    }
    path = Path(folder) / "mnist_png"
    if not path.exists():
        _write_pngs(path, pngs)
        return path
    found = {
        file.relative_to(path).as_posix(): file.stat().st_size
        for file in path.glob("*/*/*")
        if not file.name.startswith(".")
    }
    if found.keys() != pngs.keys() or min(found.values()) < SMALLEST_PNG:
        raise FileExistsError(
            f"{path} holds other files than the subset, or some that were cut short: "
            "choose another folder, or delete this one"
        )
    return path


def _write_pngs(path: Path, pngs: dict[str, np.ndarray]) -> None:
    """A folder of pictures, from the pixels uint8 [28, 28] of each file."""
    from PIL import Image

    with appears_whole(path) as draft:
        for name, pixels in pngs.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(draft / name)
