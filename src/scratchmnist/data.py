"""From files to tensors.

The data are MNIST: grey pictures of handwritten digits, 28 by 28 pixels, 60,000 to train on and
10,000 to test on (Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST database of handwritten
digits*). `load_mnist` gives them as tensors: by default the subset that the assignment's loading
code picks, which is stored in this package, and on request all of them.

Shapes: N images, B batch, D inputs (784 pixels), K outputs, R replicas.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

PARTS = {"training": 60_000, "testing": 10_000}  # MNIST's two folders, and how many images in each
IMAGES_PER_DIGIT = 500  # in each part of the assignment's subset
SIDE = 28  # pixels

SUBSET_FILE = Path(__file__).with_name("mnist_subset.npz")  # made by scripts/make_subset.py
SUBSET_SHA256 = "75d84f5a99265abc05de999881d407aa539c4a1015224fa73687ee2f2425c3a7"

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

# Rows gathered together by `minibatches`: one call for 32 batches of 16. More would leave the
# processor's cache before the steps come to read them (chapter "How fast?").
ROWS_AT_ONCE = 512

Digits = NamedTuple("Digits", [("images", Tensor), ("labels", Tensor)])
Digits.__doc__ = """Pictures of digits, and which digits they are.

images: float32 [N, 784], each picture's 28 rows one after the other; 0 is paper, 1 is ink.
labels: int64 [N], each 0 to 9.
"""


# --- tensors to train with ---------------------------------------------------------------------


def load_mnist(source: str = "subset") -> tuple[Digits, Digits]:
    """MNIST as tensors.

    source="subset": the assignment's 5000 + 5000 pictures, 500 of each digit from MNIST's
    training images and 500 from its test images. They take turns, 0, 1, ..., 9, 0, 1, ...,
    each digit in the order it was picked: a slice that starts and ends at multiples of 10
    holds every digit equally often. They come with the package; no network is needed.

    source="full": all 60,000 + 10,000 in MNIST's own order. fastai's `untar_data` downloads
    them as PNGs on first use. They are decoded once, into MNIST's original four files, which
    stay in a folder `mnist_idx` beside the PNGs.

    Returns (train, test), each a `Digits`. Raises ValueError for an unknown source and for a
    data file with another checksum than it should have (compared on every load),
    FileNotFoundError for missing files, ConnectionError if the download fails.

    >>> train, test = load_mnist()
    >>> train.images.shape, train.labels.shape
    (torch.Size([5000, 784]), torch.Size([5000]))
    >>> test.labels[:12]
    tensor([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1])
    """
    if source == "subset":
        images, labels, _ = read_subset()
        train, test = zip(images, labels)
    elif source == "full":
        train, test = read_full(download_mnist())
    else:
        raise ValueError(f"unknown source {source!r}: expected 'subset' or 'full'")
    return _to_digits(*train), _to_digits(*test)


def split(digits: Digits, held_out: int, seed: int = 0) -> tuple[Digits, Digits]:
    """Hold some pictures out, at random, to judge a model by pictures it was not trained on.

    Returns (the others, the held-out ones), each a `Digits`, in shuffled order. One seed
    always holds out the same pictures. Raises ValueError unless some are held out and some
    are left.

    >>> train, test = load_mnist()
    >>> train, valid = split(train, 1000)
    >>> len(train.labels), len(valid.labels)
    (4000, 1000)
    """
    n = len(digits.labels)
    if not 0 < held_out < n:
        raise ValueError(f"held_out must be 1 to {n - 1} of the {n} pictures, got {held_out}")
    order = torch.randperm(n, generator=Generator().manual_seed(seed))
    valid, train = order[:held_out], order[held_out:]
    return Digits(*(rows[train] for rows in digits)), Digits(*(rows[valid] for rows in digits))


def minibatches(
    images: Tensor, targets: Tensor, batch_size: int, generator: Generator | list[Generator]
) -> Iterator[tuple[Tensor, Tensor]]:
    """All the data once, shuffled, in batches. The last is short if `batch_size` does not divide N.

    images: [N, D]; targets: [N, K], or labels [N]. The order is drawn from `generator`, anew
    in each call. A list of R generators gives each of R replicas an order of its own: the one
    that its generator would give it alone.

    Yields (x [B, D], y [B, K]), or with a list of generators (x [R, B, D], y [R, B, K]).
    Raises ValueError for a batch size that is no positive integer, for images and targets of
    different lengths, for no images, and for a seed where a generator belongs.

    >>> images, targets = torch.arange(5.0).reshape(5, 1), torch.arange(5)
    >>> batches = list(minibatches(images, targets, 2, torch.Generator().manual_seed(0)))
    >>> [len(y) for x, y in batches]
    [2, 2, 1]
    >>> sorted(torch.cat([y for x, y in batches]).tolist())
    [0, 1, 2, 3, 4]
    """
    _check_batch_size(batch_size)
    if len(images) != len(targets):
        raise ValueError(f"expected a target for each image, got {len(targets)} for {len(images)}")
    if len(images) == 0:
        raise ValueError("expected at least one image to make batches of, got none")
    return _batches(images, targets, batch_size, _shuffled(len(images), generator))


def one_hot(labels: Tensor, classes: int = 10) -> Tensor:
    """A 1 in the column of each label, 0 elsewhere.

    labels: integers of any shape [...]. Returns float32 [..., classes]. Raises TypeError
    unless the labels are a tensor of integers, ValueError for a label outside 0 to
    classes - 1.

    >>> one_hot(torch.tensor([2, 0]), classes=3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    check_labels(labels, classes)
    return (labels[..., None] == torch.arange(classes, device=labels.device)).float()


def _to_digits(images: np.ndarray, labels: np.ndarray) -> Digits:
    """images uint8 [N, 784] from 0..255 to 0..1, labels uint8 [N] to int64."""
    return Digits(torch.from_numpy(images).float().div_(255), torch.from_numpy(labels).long())


def _shuffled(n: int, generator: Generator | list[Generator]) -> Tensor:
    """The numbers 0 to n - 1 in a random order [n], or in R random orders [R, n]."""
    if isinstance(generator, Generator):
        return torch.randperm(n, generator=generator)
    if not isinstance(generator, list) or not generator:
        raise ValueError(f"expected a torch.Generator, or a list of some, got {generator!r}")
    return torch.stack([torch.randperm(n, generator=g) for g in generator])


def _batches(images, targets, batch_size, order):
    """Yields (x [..., B, D], y [..., B, K]), following order [..., N]."""
    batch_axis = order.ndim - 1
    rows_of_a_batch = batch_size * order[..., 0].numel()  # B or R * B
    batches_at_once = max(1, ROWS_AT_ONCE // rows_of_a_batch)
    for some in order.split(batches_at_once * batch_size, dim=-1):
        yield from zip(
            _take(images, some).split(batch_size, batch_axis),
            _take(targets, some).split(batch_size, batch_axis),
        )


def _take(rows: Tensor, indices: Tensor) -> Tensor:
    """rows [N, D] at indices [..., B]: [..., B, D]. What rows[indices] gives, in half the time."""
    return rows.index_select(0, indices.flatten()).view(*indices.shape, *rows.shape[1:])


def _check_batch_size(batch_size: int) -> None:
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")


def check_labels(labels: Tensor, classes: int) -> None:
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels must be a tensor of integers, got {type(labels).__name__}")
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels must be integers, got {labels.dtype} {list(labels.shape)}")
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside) > 0:
        raise ValueError(f"labels must be 0 to {classes - 1}, got {outside[0].item()}")


# --- the assignment's loading code -------------------------------------------------------------


def homework_dataloaders(path: str | Path, batch_size: int = 16):
    """The assignment's own loading code, with fastai: 500 pictures of each digit from each part.

    path: a folder with MNIST's PNGs in `training/0` to `testing/9`. `untar_data(URLs.MNIST)`
    gives the full one, `export_pngs` one that needs no network; on either, the pictures are
    those of `load_mnist()`. As the assignment does, this seeds the global generators of
    Python, NumPy and torch with 0, and prints how many pictures there are.

    Returns fastai `DataLoaders` that yield (x float32 [B, 1, 28, 28] in 0..1, labels int64
    [B]). Raises FileNotFoundError for a missing folder, ValueError for too few pictures and
    for a batch size that is no positive integer.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dataloaders = homework_dataloaders(export_pngs(folder))
    5000 training images, 5000 validation images
    """
    from fastai.vision.data import (
        CategoryBlock,
        DataBlock,
        GrandparentSplitter,
        ImageBlock,
        PILImageBW,
        parent_label,
    )

    _check_batch_size(batch_size)
    data_block = DataBlock(
        blocks=(ImageBlock(PILImageBW), CategoryBlock),
        get_y=parent_label,
        splitter=GrandparentSplitter(train_name="training", valid_name="testing"),
    )
    dataloaders = data_block.dataloaders(pick_homework_images(path), bs=batch_size)
    print(f"{dataloaders.train.n} training images, {dataloaders.valid.n} validation images")
    return dataloaders


def pick_homework_images(path: str | Path):
    """The assignment's choice: an `L` of 10,000 paths, part by part, digit by digit.

    The assignment lists each folder in the file system's order, so that one seed picks other
    pictures on another machine. Here each listing is sorted before it is shuffled (by
    Python's `random`, which `set_seed` seeds).
    """
    from fastai.torch_core import set_seed
    from fastcore.foundation import L

    set_seed(0)
    items = L()
    for part in PARTS:
        for digit in range(10):
            folder = Path(path) / part / str(digit)
            pngs = _list_pngs(folder)
            if len(pngs) < IMAGES_PER_DIGIT:
                raise ValueError(
                    f"{folder} holds {len(pngs)} PNGs, expected at least {IMAGES_PER_DIGIT}: "
                    f"delete {path} and download or export it again"
                )
            items += pngs.sorted().shuffle()[:IMAGES_PER_DIGIT]
    return items


def _list_pngs(folder: Path):
    """The PNGs of one digit, in the file system's order: an `L` of paths."""
    import fastcore.xtras  # noqa: F401 - gives Path its `ls`

    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: expected MNIST's PNGs in training/0 to testing/9, "
            "as untar_data(URLs.MNIST) downloads them and export_pngs(folder) writes them"
        )
    return folder.ls(file_exts=".png")


# --- the subset in this package ----------------------------------------------------------------


def read_subset() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The stored arrays; on the first axis the training part, then the test part.

    Returns images uint8 [2, 5000, 784], labels uint8 [2, 5000], and the place of each image
    in MNIST's original files, indices uint16 [2, 5000].
    """
    data = _read_checked(SUBSET_FILE, "sha256", SUBSET_SHA256, "install scratchmnist again")
    with np.load(io.BytesIO(data)) as arrays:
        return arrays["images"], arrays["labels"], arrays["indices"]


def export_pngs(folder: str | Path) -> Path:
    """Write the subset as PNGs, laid out like fastai's MNIST: the assignment's code runs on them.

    The files are `folder/mnist_png/{training,testing}/{0..9}/INDEX.png`, where INDEX is the
    picture's place in MNIST's original file. All of them appear, or none; if they are there
    already, nothing is written.

    Returns the path of `folder/mnist_png`. Raises FileExistsError if that is there but holds
    other files.

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
    elif {file.relative_to(path).as_posix() for file in path.glob("*/*/*")} != pngs.keys():
        raise FileExistsError(f"{path} holds other files than the subset: choose another folder")
    return path


def _write_pngs(path: Path, pngs: dict[str, np.ndarray]) -> None:
    """A folder of pictures, from the pixels uint8 [28, 28] of each file."""
    from PIL import Image

    with appears_whole(path) as draft:
        for name, pixels in pngs.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(draft / name)


# --- the full set ------------------------------------------------------------------------------


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
    cache = path.with_name("mnist_idx")
    if not cache.exists():
        _write_idx(cache, {part: _decode_pngs(path / part, n) for part, n in PARTS.items()})
    return [_read_idx(cache, part) for part in PARTS]


def _decode_pngs(folder: Path, n: int) -> tuple[np.ndarray, np.ndarray]:
    """All of one part, in MNIST's order: images uint8 [N, 784], labels uint8 [N]."""
    files = [file for digit in range(10) for file in _list_pngs(folder / str(digit))]
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


def _write_idx(cache: Path, full: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """MNIST's four original files, from the images and labels of each part."""
    remedy = f"delete {cache.with_name('mnist_png')} and try again"
    with appears_whole(cache) as draft:
        draft.mkdir()
        for part, (images, labels) in full.items():
            for name, array in zip(IDX_FILES[part], (images.reshape(-1, SIDE, SIDE), labels)):
                data = _idx_header(*array.shape) + array.tobytes()
                _check(data, f"{name}, made from the PNGs,", "md5", IDX_MD5[name], remedy)
                (draft / name).write_bytes(data)


def _read_idx(cache: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """images uint8 [N, 784], labels uint8 [N] of one part, from two of MNIST's original files."""
    n = PARTS[part]
    images, labels = (
        _read_checked(cache / name, "md5", IDX_MD5[name], f"delete {cache} and try again")
        for name in IDX_FILES[part]
    )
    images, labels = images[len(_idx_header(n, SIDE, SIDE)) :], labels[len(_idx_header(n)) :]
    return images.reshape(n, SIDE * SIDE), labels


def _idx_header(*shape: int) -> bytes:
    """How an IDX file of bytes begins: 0, 0, 8 (bytes), the number of axes, and their lengths."""
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">u4").tobytes()


# --- files that are right, or not there --------------------------------------------------------


def _read_checked(file: Path, algorithm: str, expected: str, remedy: str) -> np.ndarray:
    """The bytes of a file, uint8 [size], if it has the expected checksum."""
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: {remedy}")
    data = np.fromfile(file, dtype=np.uint8)
    _check(data, file, algorithm, expected, remedy)
    return data


def _check(data, name, algorithm: str, expected: str, remedy: str) -> None:
    seen = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if seen != expected:
        raise ValueError(
            f"{name} is damaged: its {algorithm} is {seen}, expected {expected}; {remedy}"
        )


@contextmanager
def appears_whole(path: Path) -> Iterator[Path]:
    """Gives the block another place to write a file or a folder, then moves it to `path`.

    If the block fails, nothing is left of it: whoever finds `path` finds all of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        draft = Path(scratch) / path.name
        yield draft
        try:
            draft.replace(path)
        except OSError:
            if not path.is_dir():  # otherwise another process has just written the same folder
                raise
