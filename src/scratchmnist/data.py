"""From files to tensors.

The data set is MNIST: 28x28 grey pictures of handwritten digits, 60,000 to train on and 10,000 to test on
(Y. LeCun, C. Cortes and C. J. C. Burges, *The MNIST database of handwritten digits*).
`load_mnist` gives it as tensors: by default the subset stored in this package, which is the one that the
assignment's loading code picks, and on request the full set.
"""

import hashlib
import io
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

SPLITS = {"training": 60_000, "testing": 10_000}  # the two folders of MNIST's archive, and how many images they hold
IMAGES_PER_DIGIT = 500  # in each split of the assignment's subset
SIDE = 28  # pixels

SUBSET_FILE = Path(__file__).with_name("mnist_subset.npz")  # made by scripts/make_subset.py
SUBSET_SHA256 = "75d84f5a99265abc05de999881d407aa539c4a1015224fa73687ee2f2425c3a7"

IDX_FILES = {"training": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
             "testing": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")}
IDX_MD5 = {  # the published checksums of MNIST's four original files
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

BATCHES_AT_ONCE = 32  # gathered together by `minibatches`: 4 us a batch, against 14 us one by one

Digits = NamedTuple("Digits", [("images", torch.Tensor), ("labels", torch.Tensor)])
Digits.__doc__ = """Pictures of digits, and which digits they are.

images: float32 [N, 784], the 28 rows of each picture one after the other; 0 is paper, 1 is ink.
labels: int64 [N], each 0 to 9.
"""


# --- tensors to train with -------------------------------------------------------------------------------------------

def load_mnist(source="subset"):
    """MNIST as tensors.

    source="subset": the assignment's 5000 + 5000 pictures, 500 of each digit from MNIST's training images and 500
    from its test images. They take turns, 0, 1, ..., 9, 0, 1, ..., in the order they were picked: a slice whose
    ends are multiples of 10 holds every digit equally often. They come with the package: no network is needed.

    source="full": all 60,000 + 10,000 in MNIST's own order. fastai's `untar_data` downloads them on first use. The
    PNGs are decoded once, into MNIST's original four files, kept in a folder `mnist_idx` beside fastai's `mnist_png`.

    Returns: (train, test), two `Digits`.
    Raises: ValueError for an unknown source, and for a data file that is not what it should be (its checksum is
    compared on every load); FileNotFoundError for missing files; ConnectionError if the download fails.

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
    return to_digits(*train), to_digits(*test)


def to_digits(images, labels):
    """Bytes, as the files have them, to tensors: images [N, 784] from 0..255 to 0..1, labels [N] to int64."""
    return Digits(torch.from_numpy(images).float().div_(255), torch.from_numpy(labels).long())


def minibatches(images, targets, batch_size, generator):
    """All the data once, shuffled, in batches; the last batch is short if `batch_size` does not divide N.

    images [N, D] and targets [N, K] (or labels [N]) are kept in step. The order is drawn from `generator`, a
    `torch.Generator`, anew in each call. A list of R generators gives each of R replicas an order of its own, the
    same that its generator would give it alone.

    Returns: an iterator over (x [B, D], y [B, K]), or with R generators over (x [R, B, D], y [R, B, K]).
    Raises: ValueError for a batch size that is no positive integer, images and targets of different lengths, no
    images at all, or an empty list of generators.

    >>> images, targets = torch.arange(5.0).reshape(5, 1), torch.arange(5)
    >>> batches = list(minibatches(images, targets, 2, torch.Generator().manual_seed(0)))
    >>> [len(x) for x, y in batches]
    [2, 2, 1]
    >>> sorted(int(label) for x, y in batches for label in y)
    [0, 1, 2, 3, 4]
    """
    check_batch_size(batch_size)
    if len(images) != len(targets):
        raise ValueError(f"every image needs its target: got {len(images)} images and {len(targets)} targets")
    if len(images) == 0:
        raise ValueError("no images to make batches of: expected at least 1, got 0")
    return gather_batches(images, targets, batch_size, shuffled_order(len(images), generator))


def shuffled_order(n, generator):
    """The numbers 0 to n - 1, shuffled: [n], or [R, n] from a list of R generators."""
    if isinstance(generator, torch.Generator):
        return torch.randperm(n, generator=generator)
    if len(generator) == 0:
        raise ValueError("got an empty list of generators: expected one for each replica")
    return torch.stack([torch.randperm(n, generator=g) for g in generator])


def gather_batches(images, targets, batch_size, order):
    """Yields (x [..., B, D], y [..., B, K]) in the given order [..., N]."""
    for block in order.split(BATCHES_AT_ONCE * batch_size, dim=-1):
        axis = block.ndim - 1  # of the batch: 0, or 1 after the replicas
        yield from zip(gather(images, block).split(batch_size, axis), gather(targets, block).split(batch_size, axis))


def gather(rows, order):
    """rows [N, ...] in the given order [..., n]: [..., n, ...]. The same as rows[order], and three times as fast."""
    return rows.index_select(0, order.flatten()).view(*order.shape, *rows.shape[1:])


def one_hot(labels, classes=10):
    """A 1 in the column of each label, 0 elsewhere: integer labels [...] to float32 [..., classes].

    Raises: TypeError unless labels is a tensor of integers; ValueError for a label outside 0 ... classes - 1.

    >>> one_hot(torch.tensor([2, 0]), classes=3)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    check_labels(labels, classes)
    return (labels[..., None] == torch.arange(classes, device=labels.device)).float()


def check_labels(labels, classes):
    if not isinstance(labels, torch.Tensor):
        raise TypeError(f"labels must be a tensor of integers, got a {type(labels).__name__}")
    if labels.dtype == torch.bool or labels.is_floating_point() or labels.is_complex():
        raise TypeError(f"labels must be integers, got {labels.dtype} of shape {list(labels.shape)}")
    outside = labels[(labels < 0) | (labels >= classes)]
    if len(outside) > 0:
        raise ValueError(f"labels must be 0 to {classes - 1}, got {outside[0].item()}")


def check_batch_size(batch_size):
    if not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a positive integer, got {batch_size!r}")


# --- the assignment's loading code -----------------------------------------------------------------------------------

def homework_dataloaders(path, batch_size=16):
    """The assignment's own loading code, with fastai: 500 pictures of each digit, from each split.

    path is a folder with MNIST's PNGs, `training/0` to `testing/9`: `untar_data(URLs.MNIST)` gives the full one,
    `export_pngs` one that needs no network. On either, the pictures are those of `load_mnist()`. As the assignment
    does, this seeds Python's, NumPy's and torch's global generators with 0, and prints how many pictures there are.

    Returns: fastai `DataLoaders`; their batches are (x float32 [B, 1, 28, 28] in 0..1, labels int64 [B]).
    Raises: FileNotFoundError for a missing folder; ValueError for too few pictures, or a batch size that is no
    positive integer.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dataloaders = homework_dataloaders(export_pngs(folder))
    5000 training images, 5000 validation images
    """
    from fastai.vision.data import CategoryBlock, DataBlock, GrandparentSplitter, ImageBlock, PILImageBW, parent_label

    check_batch_size(batch_size)
    data_block = DataBlock(
        blocks=(ImageBlock(PILImageBW), CategoryBlock),
        get_y=parent_label,
        splitter=GrandparentSplitter(train_name="training", valid_name="testing"))
    dataloaders = data_block.dataloaders(pick_homework_images(path), bs=batch_size)
    print(f"{dataloaders.train.n} training images, {dataloaders.valid.n} validation images")
    return dataloaders


def pick_homework_images(path):
    """The pictures that the assignment picks: an `L` of 10,000 paths, split by split, digit by digit.

    The assignment lists each folder in the file system's order, so one seed picks other pictures on another
    machine. Here the listing is sorted before it is shuffled (by Python's `random`, which `set_seed` seeds).
    """
    from fastai.torch_core import set_seed
    from fastcore.foundation import L

    set_seed(0)
    items = L()
    for split in SPLITS:
        for digit in range(10):
            files = list_pngs(Path(path) / split / str(digit))
            if len(files) < IMAGES_PER_DIGIT:
                raise ValueError(f"{Path(path) / split / str(digit)} holds {len(files)} PNGs, expected at least "
                                 f"{IMAGES_PER_DIGIT}: delete {path} and download or export it again")
            items += files.sorted().shuffle()[:IMAGES_PER_DIGIT]
    return items


def list_pngs(folder):
    """The PNGs in one digit's folder, in no particular order."""
    import fastcore.xtras  # noqa: F401 - gives Path its `ls`

    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: expected MNIST's PNGs in training/0 to testing/9, "
            "as untar_data(URLs.MNIST) downloads them and export_pngs(folder) writes them")
    return folder.ls(file_exts=".png")


# --- the embedded subset ---------------------------------------------------------------------------------------------

def read_subset():
    """The embedded file: images uint8 [2, 5000, 784], labels uint8 [2, 5000], and each image's index in MNIST's
    original files, indices uint16 [2, 5000]; the training split first, then the test split."""
    data = read_checked(SUBSET_FILE, "sha256", SUBSET_SHA256, "install scratchmnist again")
    with np.load(io.BytesIO(data)) as arrays:
        return arrays["images"], arrays["labels"], arrays["indices"]


def export_pngs(folder):
    """Writes the embedded subset as PNGs, laid out as in fastai's MNIST, so that the assignment's code runs on it.

    The files are folder/mnist_png/{training,testing}/{0..9}/INDEX.png, with INDEX the picture's place in MNIST's
    original file. Either all of them appear or none; if they are there already, nothing is written.

    Returns: the `Path` of folder/mnist_png.
    Raises: FileExistsError if that folder holds anything else.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = export_pngs(folder)
    ...     print(path.name, len(list(path.glob("training/7/*.png"))))
    mnist_png 500
    """
    images, labels, indices = read_subset()
    pngs = {f"{split}/{label}/{index}.png": pixels.reshape(SIDE, SIDE)
            for s, split in enumerate(SPLITS)
            for pixels, label, index in zip(images[s], labels[s], indices[s])}
    path = Path(folder) / "mnist_png"
    if not path.exists():
        write_pngs(path, pngs)
    elif {file.relative_to(path).as_posix() for file in path.glob("*/*/*")} != pngs.keys():
        raise FileExistsError(f"{path} is there already and is not the exported subset: choose another folder")
    return path


def write_pngs(path, pngs):
    """Writes a folder of pictures: pngs maps the name of each file to its pixels, uint8 [28, 28]."""
    from PIL import Image

    with appears_whole(path) as draft:
        for name, pixels in pngs.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(draft / name)


# --- the full set ----------------------------------------------------------------------------------------------------

def download_mnist():
    """The folder of MNIST's PNGs, downloaded by fastai unless it is there already."""
    from fastai.data.external import URLs, untar_data

    try:
        return Path(untar_data(URLs.MNIST))
    except Exception as error:  # fastai lets through whatever the network, the disk or the archive raises
        raise ConnectionError(
            f"could not get MNIST from {URLs.MNIST} ({error}): check the network and try again, or unpack that archive "
            "in the folder `data` of $FASTAI_HOME (~/.fastai if unset); load_mnist() needs no download") from error


def read_full(path):
    """(images uint8 [N, 784], labels uint8 [N]) of each split, from a folder of MNIST's PNGs.

    The PNGs are decoded once, into MNIST's original IDX files, which are tensors of bytes behind a short header.
    Their published checksums say in one comparison that the download, the decoding and the cache are right.
    """
    cache = path.with_name("mnist_idx")
    if not cache.exists():
        write_idx(cache, {split: decode_pngs(path / split, count) for split, count in SPLITS.items()})
    return [read_idx(cache, split) for split in SPLITS]


def decode_pngs(folder, count):
    """One split's PNGs in MNIST's order: images uint8 [N, 784], labels uint8 [N]."""
    files = [file for digit in range(10) for file in list_pngs(folder / str(digit))]
    if len(files) != count:
        raise ValueError(f"{folder} holds {len(files)} PNGs, expected {count}: delete {folder.parent} and try again")
    files.sort(key=lambda file: int(file.stem))
    images = np.stack([decode_png(file) for file in files])
    return images, np.array([int(file.parent.name) for file in files], dtype=np.uint8)


def decode_png(file):
    """The pixels of one picture: uint8 [784]."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            pixels = np.asarray(image)
    except OSError as error:
        raise ValueError(f"{file} is no readable PNG ({error}): delete {file.parents[2]} and try again") from error
    if pixels.shape != (SIDE, SIDE) or pixels.dtype != np.uint8:
        raise ValueError(f"{file} must hold {SIDE}x{SIDE} grey bytes, got {pixels.dtype} of shape {pixels.shape}")
    return pixels.ravel()


def write_idx(cache, full):
    """Writes MNIST's four original files, all or none; full maps each split to its images and labels."""
    with appears_whole(cache) as draft:
        draft.mkdir()
        for split, (images, labels) in full.items():
            for name, array in zip(IDX_FILES[split], (images.reshape(-1, SIDE, SIDE), labels)):
                data = idx_header(array.shape) + array.tobytes()
                check_bytes(data, f"{name}, made from PNGs,", "md5", IDX_MD5[name],
                            f"delete {cache.with_name('mnist_png')} and try again")
                (draft / name).write_bytes(data)


def read_idx(cache, split):
    """images uint8 [N, 784], labels uint8 [N] of one split, from two of MNIST's original files."""
    images, labels = (read_checked(cache / name, "md5", IDX_MD5[name], f"delete {cache} and try again")
                      for name in IDX_FILES[split])
    count = SPLITS[split]
    return (images[len(idx_header((count, SIDE, SIDE))):].reshape(count, SIDE * SIDE),
            labels[len(idx_header((count,))):])


def idx_header(shape):
    """How an IDX file of bytes begins: 0, 0, 8 for bytes, the number of axes; then their sizes, 4 bytes each."""
    return bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">u4").tobytes()


# --- files that are right or not there -------------------------------------------------------------------------------

def read_checked(file, algorithm, expected, remedy):
    """A file's bytes, uint8 [size], if their checksum is the expected one."""
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: {remedy}")
    data = np.fromfile(file, dtype=np.uint8)
    check_bytes(data, file, algorithm, expected, remedy)
    return data


def check_bytes(data, name, algorithm, expected, remedy):
    seen = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if seen != expected:
        raise ValueError(f"{name} is damaged: its {algorithm} is {seen}, expected {expected}; {remedy}")


@contextmanager
def appears_whole(path):
    """Gives a draft's name, where the block writes a file or a folder. It becomes `path` when the block is through;
    if the block fails, nothing of it stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        draft = Path(scratch) / path.name
        yield draft
        try:
            draft.replace(path)
        except OSError:
            if not path.is_dir():  # else another process wrote the same folder meanwhile
                raise


def split(digits: Digits, count: int, seed: int) -> tuple[Digits, Digits]:
    """Part digits at random: all but `count` of them, and the `count` that are held out.

    >>> digits = Digits(torch.zeros(10, 784), torch.arange(10))
    >>> rest, held_out = split(digits, 3, seed=0)
    >>> len(rest.labels), len(held_out.labels)
    (7, 3)
    """
    if not 0 < count < len(digits.labels):
        raise ValueError(f"count must be 1 to {len(digits.labels) - 1}, got {count}")
    order = torch.randperm(len(digits.labels), generator=torch.Generator().manual_seed(seed))
    rest, held_out = order[count:], order[:count]
    return (
        Digits(digits.images[rest], digits.labels[rest]),
        Digits(digits.images[held_out], digits.labels[held_out]),
    )
