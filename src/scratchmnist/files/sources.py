"""MNIST in the other files that people have it in, and sets of pictures that are made like it.

A folder with four IDX files, plain or gzipped, as MNIST, Fashion-MNIST, KMNIST and EMNIST name
them; Keras' `mnist.npz`; Kaggle's `train.csv`; a folder of PNGs, `training/7/1234.png`. Each
becomes two parts, training and test, of (images uint8 [N, pixels], labels uint8 [N]).
"""

from __future__ import annotations

import gzip
import hashlib
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from scratchmnist.files.idx import IDX_MD5, idx_header

Part = tuple[np.ndarray, np.ndarray]

IMAGES = re.compile(r"(?:(?P<set>emnist-\w+)-)?(?P<part>train|test|t10k)-images[-.]idx3-ubyte")
GZ_MD5 = {  # published with the gzipped files; the names of the files are the same in all three
    "MNIST": (
        *("f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432"),
        *("9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "Fashion-MNIST": (
        *("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe"),
        *("bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "KMNIST": (
        *("bdb82020997e1d708af4cf47b453dcf7", "e144d726b3acfaa3e44228e80efcd344"),
        *("5c965bf0a639b31b8f53240b1b52f4d7", "7320c461ea6c1c855c0b718fb2a4b134"),
    ),
}
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".joblib")
EXPECTED = (
    "a folder with four IDX files (train-images-idx3-ubyte and so on, plain or .gz), Keras' "
    "mnist.npz, Kaggle's train.csv, or a folder of PNGs (training/0 to testing/9)"
)


def read_source(path: Path, test_images: int | None = None) -> tuple[Part, Part]:
    """The training and the test part in a file or folder of one of the kinds above.

    test_images: how many rows at the end of a CSV file become the test part (by default a
    sixth); the other kinds have a test part of their own.

    Raises FileNotFoundError for what is not there, ValueError for what is damaged, not of these
    kinds, or a pickle, naming the file.
    """
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}: expected {EXPECTED}")
    kind = "".join(path.suffixes[-2:]).removesuffix(".gz")
    if kind in PICKLES or path.suffix in PICKLES:
        raise ValueError(
            f"{path} is a pickle, and loading one runs whatever code is in it: not read. If you "
            "trust it, load it yourself and keep its arrays: np.savez('mnist.npz', x_train=..., "
            "y_train=..., x_test=..., y_test=...), which load_mnist('mnist.npz') reads"
        )
    if path.is_dir():
        found = [file for file in sorted(path.iterdir()) if IMAGES.match(file.name)]
        return read_idx_folder(path, found) if found else read_png_folder(path)
    if path.suffix == ".npz":
        parts = read_npz(path)
    elif kind == ".csv":
        parts = read_csv(path, test_images)
    else:
        raise ValueError(f"{path} is of no kind that is known here: expected {EXPECTED}")
    return parts


# --- IDX files --------------------------------------------------------------------------------


def read_idx_folder(folder: Path, image_files: list[Path]) -> tuple[Part, Part]:
    """Two parts from four IDX files in one folder."""
    names = {IMAGES.match(file.name)["set"] for file in image_files}
    if len(names) > 1:
        listed = ", ".join(sorted(name or "MNIST" for name in names))
        raise ValueError(f"{folder} holds several sets ({listed}): give each a folder of its own")
    files = []
    for part in ("train", "t10k|test"):
        images = [file for file in image_files if IMAGES.match(file.name)["part"] in part]
        if len({file.name.removesuffix(".gz") for file in images}) != 1:
            raise ValueError(
                f"{folder} must hold one file of images for {part.replace('|', ' or ')}, "
                f"got {[file.name for file in images]}"
            )
        files += [images[0], _labels_beside(images[0])]
    contents = [_read_idx(file) for file in files]
    _check_known(files, contents)
    train, test = contents[:2], contents[2:]
    return tuple(_as_part(files[2 * i], *arrays) for i, arrays in enumerate((train, test)))


def _labels_beside(images: Path) -> Path:
    """The file of labels that belongs to a file of images."""
    name = images.name.removesuffix(".gz").replace("images", "labels").replace("idx3", "idx1")
    for candidate in (name + ".gz", name) if images.suffix == ".gz" else (name, name + ".gz"):
        if images.with_name(candidate).exists():
            return images.with_name(candidate)
    raise FileNotFoundError(f"{images.with_name(name)} is missing: the labels of {images.name}")


def _read_idx(file: Path) -> np.ndarray:
    """The array of bytes in one IDX file; the header must agree with the size."""
    data = file.read_bytes()
    if file.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{file} is damaged: it cannot be unpacked ({error}). Get it again"
            ) from error
    axes = 3 if "idx3" in file.name else 1
    if len(data) < 4 + 4 * axes or data[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(
            f"{file} is no IDX file of bytes with {axes} axes: it begins with {data[:4].hex(' ')}, "
            f"expected 00 00 08 {axes:02x}"
        )
    shape = np.frombuffer(data, dtype=">u4", count=axes, offset=4).astype(int)
    expected = 4 + 4 * axes + int(np.prod(shape))
    if len(data) != expected:
        raise ValueError(
            f"{file} has {len(data)} bytes, expected {expected} for {shape.tolist()}: it was cut "
            "short or added to. Get it again"
        )
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape)


def _check_known(files: list[Path], contents: list[np.ndarray]) -> None:
    """Of a known set all four files must be the published ones: one other file is an altered one.

    A set of which no file is known is nobody's that we could compare with.
    """
    seen = [
        (hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest(), _idx_md5(array))
        for file, array in zip(files, contents)
    ]
    published = {name: [{gz} for gz in md5s] for name, md5s in GZ_MD5.items()}
    for known, plain in zip(published["MNIST"], IDX_MD5.values()):
        known.add(plain)
    for name, expected in published.items():
        same = [bool(known & set(both)) for known, both in zip(expected, seen)]
        if any(same) and not all(same):
            file, known, both = next(
                row for row, right in zip(zip(files, expected, seen), same) if not right
            )
            raise ValueError(
                f"{file} is damaged: the files beside it are {name}'s, and its md5 is {both[0]}, "
                f"expected {' or '.join(sorted(known))}. Get it again"
            )


def _idx_md5(array: np.ndarray) -> str:
    data = idx_header(*array.shape) + array.tobytes()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


# --- other files ------------------------------------------------------------------------------


def read_npz(file: Path) -> tuple[Part, Part]:
    """Keras' `mnist.npz`: x_train [N, 28, 28], y_train [N], x_test, y_test."""
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            if missing := [name for name in names if name not in arrays.files]:
                raise ValueError(f"{file} lacks {', '.join(missing)}: it holds {arrays.files}")
            contents = [arrays[name] for name in names]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise ValueError(f"{file} is damaged: it cannot be read ({error}). Get it again") from error
    return _as_part(file, *contents[:2]), _as_part(file, *contents[2:])


def read_csv(file: Path, test_images: int | None = None) -> tuple[Part, Part]:
    """Kaggle's `train.csv`: a line a picture, the label first, then its pixels; header or not."""
    opened = gzip.open if file.suffix == ".gz" else open
    with opened(file, "rt", encoding="utf-8") as lines:
        first = lines.readline()
    header = 0 if re.match(r"\s*\d", first) else 1
    try:
        rows = np.loadtxt(file, dtype=np.int64, delimiter=",", skiprows=header, ndmin=2)
    except ValueError as error:
        raise ValueError(
            f"{file} must hold a line for each picture, its label and then its pixels, all whole "
            f"numbers: {error}"
        ) from error
    if rows.shape[1] == 784:
        raise ValueError(
            f"{file} has 784 numbers a line, expected 785, the label first: Kaggle's test.csv has "
            "no labels"
        )
    if test_images is None:
        test_images = len(rows) // 6
    if not 0 < test_images < len(rows):
        raise ValueError(f"test_images must be 1 to {len(rows) - 1} of {file}, got {test_images}")
    labels, images = rows[:, 0], rows[:, 1:]
    cut = len(rows) - test_images
    return _as_part(file, images[:cut], labels[:cut]), _as_part(file, images[cut:], labels[cut:])


def read_png_folder(folder: Path) -> tuple[Part, Part]:
    """A folder for each part, training and testing, and in it one for each label."""
    from PIL import Image

    parts = []
    for names in (("training", "train"), ("testing", "test", "valid")):
        inside = [folder / name for name in names if (folder / name).is_dir()]
        if not inside:
            raise ValueError(
                f"{folder} holds neither IDX files nor a folder {names[0]}: expected {EXPECTED}"
            )
        files = sorted(file for file in inside[0].glob("*/*.png") if not file.name.startswith("."))
        if not files:
            raise ValueError(f"{inside[0]} holds no PNGs: expected 7/1234.png and so on in it")
        images = []
        for file in files:
            try:
                with Image.open(file) as image:
                    images.append(np.asarray(image.convert("L")))
            except OSError as error:
                raise ValueError(f"{file} is no readable PNG ({error})") from error
            if images[-1].shape != images[0].shape:
                raise ValueError(
                    f"{file} is {images[-1].shape}, expected {images[0].shape}, as the others are"
                )
        if bad := [file for file in files if not file.parent.name.isdigit()]:
            raise ValueError(f"{bad[0].parent} must be named by its label, a number")
        labels = np.array([int(file.parent.name) for file in files])
        parts.append(_as_part(inside[0], np.stack(images), labels))
    return tuple(parts)


def _as_part(file: Path, images: np.ndarray, labels: np.ndarray) -> Part:
    """images uint8 [N, pixels], labels uint8 [N], if they are bytes and equally many."""
    if labels.ndim != 1 or len(images) != len(labels) or len(labels) == 0:
        raise ValueError(
            f"{file} must hold a label for each picture: got {images.shape} and {labels.shape}"
        )
    for what, array in (("pixels", images), ("labels", labels)):
        if not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() > 255:
            raise ValueError(f"{file}: {what} must be whole numbers 0 to 255, got {array.dtype}")
    images = np.array(images.reshape(len(images), -1), dtype=np.uint8)  # a copy, ours to change
    return images, labels.astype(np.uint8)
