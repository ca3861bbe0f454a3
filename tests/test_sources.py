"""MNIST and sets like it in other files: read right, or refused with the file's name."""

import gzip
import hashlib
import os
import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from scratchmnist import load_mnist
from scratchmnist.files import full as full_files
from scratchmnist.files import idx, sources, subset
from scratchmnist.files.idx import idx_header
from scratchmnist.files.orientation import TURNS
from scratchmnist.files.whole import appears_whole

rng = np.random.default_rng(0)
TRAIN = (rng.integers(256, size=(36, 28, 28), dtype=np.uint8), np.arange(36, dtype=np.uint8) % 7)
TEST = (rng.integers(256, size=(14, 28, 28), dtype=np.uint8), np.arange(14, dtype=np.uint8) % 5)
NAMES = {
    "mnist": ("train", "t10k", "-"),
    "kaggle": ("train", "t10k", "."),
    "emnist": ("emnist-digits-train", "emnist-digits-test", "-"),
}


def write_idx(folder, names="mnist", gz=False, train=TRAIN, test=TEST):
    train_name, test_name, dot = NAMES[names]
    folder.mkdir(exist_ok=True)
    for name, arrays in ((train_name, train), (test_name, test)):
        for what, array in zip((f"images{dot}idx3", f"labels{dot}idx1"), arrays):
            data = idx_header(*array.shape) + array.tobytes()
            file = folder / f"{name}-{what}-ubyte{'.gz' if gz else ''}"
            file.write_bytes(gzip.compress(data) if gz else data)
    return folder


def write_npz(file, **changes):
    arrays = {"x_train": TRAIN[0], "y_train": TRAIN[1], "x_test": TEST[0], "y_test": TEST[1]}
    np.savez(file, **(arrays | changes))
    return file


def write_csv(file, header=True):
    images = np.concatenate([TRAIN[0], TEST[0]]).reshape(50, 784)
    labels = np.concatenate([TRAIN[1], TEST[1]])
    lines = ["label," + ",".join(f"pixel{i}" for i in range(784))] if header else []
    lines += [",".join(map(str, [label, *row])) for label, row in zip(labels, images)]
    file.write_text("\n".join(lines) + "\n")
    return file


def write_pngs(folder):
    for part, (images, labels) in (("training", TRAIN), ("testing", TEST)):
        for i, (image, label) in enumerate(zip(images, labels)):
            file = folder / part / str(label) / f"{i:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
            file.with_name(f"._{file.name}").write_bytes(b"what a Mac leaves")
    return folder


SOURCES = {
    "idx": lambda folder: write_idx(folder / "idx"),
    "idx.gz": lambda folder: write_idx(folder / "idx", gz=True),
    "kaggle's idx": lambda folder: write_idx(folder / "idx", names="kaggle"),
    "emnist": lambda folder: write_idx(folder / "idx", names="emnist", gz=True),
    "npz": lambda folder: write_npz(folder / "mnist.npz"),
}


def equal_parts(digits, expected):
    images, labels = expected
    same = torch.from_numpy(images.reshape(len(images), -1)).float() / 255
    return torch.equal(digits.images, same) and digits.labels.tolist() == labels.tolist()


def by_label(part):
    """In the order of the folders: label by label, and the earlier picture first."""
    order = np.argsort(part[1], kind="stable")
    return part[0][order], part[1][order]


@pytest.mark.parametrize("kind", SOURCES)
def test_each_kind_gives_the_same_tensors(kind, tmp_path):
    for path in (SOURCES[kind](tmp_path), str(tmp_path / os.listdir(tmp_path)[0])):
        train, test = load_mnist(path)
        assert equal_parts(train, TRAIN)
        assert equal_parts(test, TEST)
        assert train.images.dtype == torch.float32
        assert train.labels.dtype == torch.int64


@pytest.mark.parametrize("header", [True, False])
def test_the_last_lines_of_a_csv_become_the_test_part(header, tmp_path):
    file = write_csv(tmp_path / "train.csv", header)
    train, test = load_mnist(file, test_images=14)
    assert equal_parts(train, TRAIN)
    assert equal_parts(test, TEST)
    assert len(load_mnist(file)[1].labels) == 8  # a sixth of 50
    with pytest.raises(ValueError, match="test_images must be 1 to 49"):
        load_mnist(file, test_images=50)


def test_pngs_are_read_and_what_a_mac_leaves_is_not(tmp_path):
    train, test = load_mnist(write_pngs(tmp_path / "pngs"))
    assert equal_parts(train, by_label(TRAIN))
    assert equal_parts(test, by_label(TEST))


@pytest.mark.parametrize("name", ["test", "valid"])
def test_folders_of_pngs_may_have_their_other_names(name, tmp_path):
    folder = write_pngs(tmp_path / "pngs")
    (folder / "training").rename(folder / "train")
    (folder / "testing").rename(folder / name)
    train, test = load_mnist(folder)
    assert equal_parts(train, by_label(TRAIN))
    assert equal_parts(test, by_label(TEST))


@pytest.mark.parametrize("unpacked", ["images", "labels"])
def test_some_of_the_four_files_may_be_unpacked(unpacked, tmp_path):
    folder = write_idx(tmp_path / "a", gz=True)
    for file in folder.glob(f"*{unpacked}*"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    train, test = load_mnist(folder)
    assert equal_parts(train, TRAIN)
    assert equal_parts(test, TEST)


def test_a_csv_may_be_packed(tmp_path):
    file = write_csv(tmp_path / "train.csv")
    packed = tmp_path / "train.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    train, test = load_mnist(packed, test_images=14)
    assert equal_parts(train, TRAIN)
    assert equal_parts(test, TEST)


def damaged(folder, name, change):
    for file in folder.iterdir():
        if name in file.name:
            file.write_bytes(change(file.read_bytes()))
    return folder


CASES = {
    "cut short": (
        lambda f: damaged(write_idx(f / "a"), "t10k-images", lambda data: data[:-1]),
        ["t10k-images-idx3-ubyte has", "cut short"],
    ),
    "added to": (
        lambda f: damaged(write_idx(f / "a"), "train-labels", lambda data: data + b"\0"),
        ["train-labels-idx1-ubyte has 45 bytes, expected 44 for [36]", "added to"],
    ),
    "cut short, gz": (
        lambda f: damaged(write_idx(f / "a", gz=True), "train-images", lambda data: data[:-9]),
        ["train-images-idx3-ubyte.gz is damaged"],
    ),
    "one byte changed, gz": (
        lambda f: damaged(
            write_idx(f / "a", gz=True), "train-images",
            lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
        ),
        ["train-images-idx3-ubyte.gz is damaged"],
    ),
    "another header": (
        lambda f: damaged(write_idx(f / "a"), "train-labels", lambda data: b"<!doctype" + data),
        ["train-labels-idx1-ubyte is no IDX file", "3c 21 64 6f", "00 00 08 01"],
    ),
    "labels missing": (
        lambda f: [path := write_idx(f / "a"), (path / "t10k-labels-idx1-ubyte").unlink()][0],
        ["t10k-labels-idx1-ubyte is missing"],
    ),
    "no test part": (
        lambda f: [
            path := write_idx(f / "a"), [file.unlink() for file in path.glob("t10k*")]
        ][0],
        ["must hold one file of images for t10k or test"],
    ),
    "labels of another set": (
        lambda f: write_idx(f / "a", train=(TRAIN[0], TEST[1])),
        ["train-images-idx3-ubyte must hold a label for each", "(36, 28, 28)", "(14,)"],
    ),
    "labels of another set, in the test part": (
        lambda f: write_idx(f / "a", test=(TEST[0], TRAIN[1])),
        ["t10k-images-idx3-ubyte must hold a label for each", "(14, 28, 28)", "(36,)"],
    ),
    "two sets": (
        lambda f: [write_idx(f / "a"), write_idx(f / "a", names="emnist")][0],
        ["several sets", "MNIST, emnist-digits"],
    ),
    "npz lacks an array": (
        lambda f: [file := f / "x.npz", np.savez(file, x_train=TRAIN[0])][0],
        ["x.npz lacks y_train, x_test, y_test"],
    ),
    "npz cut short": (
        lambda f: [
            file := write_npz(f / "x.npz"), file.write_bytes(file.read_bytes()[:9000])
        ][0],
        ["x.npz is damaged"],
    ),
    "npz of floats": (
        lambda f: write_npz(f / "x.npz", x_train=TRAIN[0] / 255),
        ["x.npz: pixels must be whole numbers 0 to 255, got float64"],
    ),
    "npz of too large numbers": (
        lambda f: write_npz(f / "x.npz", x_test=TEST[0].astype(int) + 1),
        ["x.npz: pixels must be whole numbers 0 to 255"],
    ),
    "npz of negative labels": (
        lambda f: write_npz(f / "x.npz", y_test=TEST[1].astype(int) - 1),
        ["x.npz: labels must be whole numbers 0 to 255"],
    ),
    "csv without labels": (
        lambda f: [
            file := f / "test.csv", file.write_text(",".join(["0"] * 784) + "\n")
        ][0],
        ["test.csv has 784 numbers a line, expected 785"],
    ),
    "csv of words": (
        lambda f: [file := f / "x.csv", file.write_text("label,pixel0\none,2\n")][0],
        ["x.csv must hold a line for each picture"],
    ),
    "an empty folder": (
        lambda f: [folder := f / "empty", folder.mkdir()][0],
        ["holds neither IDX files nor a folder training"],
    ),
    "a PNG that is none": (
        lambda f: [
            folder := write_pngs(f / "p"),
            (folder / "training" / "3" / "999.png").write_bytes(b"\x89PNG"),
        ][0],
        ["999.png is no readable PNG"],
    ),
    "a PNG of another size": (
        lambda f: [
            folder := write_pngs(f / "p"),
            Image.new("L", (28, 20)).save(folder / "testing" / "3" / "999.png"),
        ][0],
        ["999.png is (20, 28), expected (28, 28)"],
    ),
    "a folder that is no label": (
        lambda f: [
            folder := write_pngs(f / "p"),
            (folder / "testing" / "3").rename(folder / "testing" / "three"),
        ][0],
        ["three must be named by its label, a number"],
    ),
    "a pickle": (
        lambda f: [
            file := f / "mnist.pkl.gz", file.write_bytes(gzip.compress(pickle.dumps([1])))
        ][0],
        ["mnist.pkl.gz is a pickle", "np.savez"],
    ),
    "another kind": (
        lambda f: [file := f / "mnist.mat", file.write_bytes(b"x")][0],
        ["mnist.mat is of no kind that is known here"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_wrong_names_the_file(case, tmp_path):
    make, expected = CASES[case]
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        load_mnist(make(tmp_path))
    for words in expected:
        assert words in str(error.value)


def test_a_missing_file_says_what_is_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere\.npz: expected a folder"):
        load_mnist(tmp_path / "nowhere.npz")


def test_a_pickle_is_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    (tmp_path / "mnist.pkl").write_bytes(pickle.dumps(Trap()))
    np.save(tmp_path / "trap.npy", np.array([Trap()], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "trap.npz", x_train=np.array([Trap()], dtype=object), y_train=[0],
             x_test=[0], y_test=[0])  # fmt: skip
    for name in ("mnist.pkl", "trap.npz"):
        with pytest.raises(ValueError, match=r"pickle"):
            load_mnist(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


# --- known files ------------------------------------------------------------------------------


@pytest.fixture
def known(tmp_path, monkeypatch):
    """A set whose four files are known by their checksums, as MNIST's are."""
    folder = write_idx(tmp_path / "known")
    md5 = {
        name: hashlib.md5((folder / name).read_bytes()).hexdigest()
        for names in idx.IDX_FILES.values()
        for name in names
    }
    for name, value in md5.items():
        monkeypatch.setitem(idx.IDX_MD5, name, value)
    return folder


def test_an_altered_file_among_known_ones_is_named(known):
    assert equal_parts(load_mnist(known)[0], TRAIN)
    damaged(known, "t10k-images", lambda data: data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte is damaged: .*MNIST's"):
        load_mnist(known)


def test_known_files_are_known_gzipped_by_anyone(known, tmp_path):
    other = write_idx(tmp_path / "gz", gz=True, test=(TEST[0] ^ 1, TEST[1]))
    with pytest.raises(ValueError, match=r"t10k-images-idx3-ubyte.gz is damaged"):
        load_mnist(other)


@pytest.mark.parametrize("name", ["Fashion-MNIST", "KMNIST"])
def test_an_altered_file_of_another_known_set_is_named(name, tmp_path, monkeypatch):
    folder = write_idx(tmp_path / "a", gz=True)
    files = [folder / f"{file}.gz" for names in idx.IDX_FILES.values() for file in names]
    md5 = tuple(hashlib.md5(file.read_bytes()).hexdigest() for file in files)
    monkeypatch.setitem(sources.GZ_MD5, name, md5)
    assert equal_parts(load_mnist(folder)[0], TRAIN)
    damaged(folder, "t10k-labels", lambda data: gzip.compress(gzip.decompress(data)[:-1] + b"\6"))
    with pytest.raises(ValueError, match=rf"t10k-labels-idx1-ubyte.gz is damaged: .* {name}'s"):
        load_mnist(folder)


def test_the_published_checksums_are_the_ones_that_torchvision_has():
    from torchvision.datasets import KMNIST, MNIST, FashionMNIST

    for name, theirs in (("MNIST", MNIST), ("Fashion-MNIST", FashionMNIST), ("KMNIST", KMNIST)):
        assert dict(theirs.resources) == dict(
            zip(
                [f"{file}.gz" for names in idx.IDX_FILES.values() for file in names],
                sources.GZ_MD5[name],
            )
        )


# --- how the digits lie -----------------------------------------------------------------------


def redo(name, images):
    """Pictures that lie as the name says: the opposite of what undoes it."""
    if name == "turned to the left":
        return np.rot90(images, 1, (1, 2))
    if name == "turned to the right":
        return np.rot90(images, -1, (1, 2))
    return TURNS[name][0](images)  # the others undo themselves


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("name", TURNS)
def test_a_set_that_lies_otherwise_is_named_with_the_line_that_mends_it(name, inverted, tmp_path):
    images, labels, _ = subset.read_subset()
    images = images.reshape(2, 5000, 28, 28)[:, 2000:2600]
    right = torch.from_numpy(images[0].reshape(600, 784)).float() / 255
    turned = np.stack([redo(name, part) for part in images])
    turned = 255 - turned if inverted else turned
    parts = list(zip(np.ascontiguousarray(turned), labels[:, 2000:2600]))
    write_idx(tmp_path / "a", train=parts[0], test=parts[1])
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        train, _ = load_mnist(tmp_path / "a")
    if name == "as MNIST's" and not inverted:
        assert not seen
        return
    (warning,) = seen
    assert warning.filename == __file__
    message = str(warning.message)
    assert ("inverted" in message) == inverted
    assert name == "as MNIST's" or name in message
    line = message.split("To mend it: ")[1]
    scope = {"images": train.images}
    exec(line, scope)
    torch.testing.assert_close(scope["images"], right)


def test_things_that_are_no_digits_get_no_warning(tmp_path):
    noise = rng.integers(256, size=(500, 28, 28), dtype=np.uint8)
    labels = np.arange(500, dtype=np.uint8) % 10
    write_idx(tmp_path / "a", train=(noise, labels), test=(noise, labels))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_mnist(tmp_path / "a")


# --- caches -----------------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder as fastai keeps it, with a small set of PNGs; downloading would fail."""
    path = tmp_path / "data" / "mnist_png"
    write_pngs(path)
    for part in ("training", "testing"):
        for digit in range(10):
            (path / part / str(digit)).mkdir(exist_ok=True)
    for file in path.rglob("*.png"):
        if not file.name.startswith("."):
            file.rename(file.with_name(f"{int(file.stem)}.png"))
    for part, (images, labels) in (("training", TRAIN), ("testing", TEST)):
        monkeypatch.setitem(idx.PARTS, part, len(labels))
        for name, array in zip(idx.IDX_FILES[part], (images, labels)):
            data = idx_header(*array.shape) + array.tobytes()
            monkeypatch.setitem(idx.IDX_MD5, name, hashlib.md5(data).hexdigest())
    monkeypatch.setenv("FASTAI_HOME", str(tmp_path))
    monkeypatch.setattr(full_files, "download_mnist", lambda: pytest.fail("asked for a download"))
    return path


def test_the_cache_alone_is_enough(home):
    import shutil

    assert equal_parts(load_mnist("full")[0], TRAIN)
    shutil.rmtree(home)
    assert equal_parts(load_mnist("full")[0], TRAIN)


def test_a_place_that_cannot_be_written_to_is_read(home, monkeypatch):
    def refuse(*arguments):
        raise PermissionError("read-only")

    monkeypatch.setattr(full_files, "write_idx", refuse)
    assert equal_parts(load_mnist("full")[0], TRAIN)
    assert not home.with_name("mnist_idx").exists()


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    old, new = tmp_path / ".target-old", tmp_path / ".target-new"
    old.mkdir()
    new.mkdir()
    os.utime(old, (0, 0))
    with appears_whole(tmp_path / "target") as draft:
        draft.write_text("whole")
    assert not old.exists()
    assert new.exists()  # somebody may be writing there
    assert (tmp_path / "target").read_text() == "whole"


def test_an_export_that_was_cut_short_is_not_taken_for_whole(tmp_path):
    path = subset.export_pngs(tmp_path)
    assert subset.export_pngs(tmp_path) == path
    next(path.glob("training/4/*.png")).write_bytes(b"")
    with pytest.raises(FileExistsError, match="cut short"):
        subset.export_pngs(tmp_path)
