"""The data: what is in them, that they cannot be wrong unnoticed, and how they are dealt out."""

import hashlib
import importlib.util
import itertools
import random
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from scratchmnist import (
    Digits,
    export_pngs,
    homework_dataloaders,
    load_mnist,
    minibatches,
    one_hot,
    split,
)
from scratchmnist.files import full as full_files
from scratchmnist.files import homework, idx, subset
from scratchmnist.files.whole import appears_whole

SCRIPT = Path(__file__).parents[1] / "scripts" / "make_subset.py"


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """The embedded subset as PNGs."""
    return export_pngs(tmp_path_factory.mktemp("pngs"))


# --- the subset --------------------------------------------------------------------------------


@pytest.mark.parametrize("part", [0, 1])
def test_subset_is_5000_scaled_pictures_and_their_labels(part):
    digits = load_mnist()[part]
    assert isinstance(digits, Digits)
    assert digits.images.shape == (5000, 784)
    assert digits.images.dtype == torch.float32
    assert digits.images.min() == 0
    assert digits.images.max() == 1
    assert digits.labels.shape == (5000,)
    assert digits.labels.dtype == torch.int64


@pytest.mark.parametrize("part", [0, 1])
def test_subset_has_500_of_each_digit_which_take_turns(part):
    labels = load_mnist()[part].labels
    assert labels.bincount().tolist() == [500] * 10
    assert torch.equal(labels, torch.arange(10).repeat(500))


def test_pixels_are_the_stored_bytes_over_255():
    images, _, _ = subset.read_subset()
    for digits, stored in zip(load_mnist(), images):
        assert np.array_equal(digits.images.numpy(), stored.astype(np.float32) / np.float32(255))


def test_no_picture_is_there_twice_in_one_part_or_both():
    pictures = [picture.tobytes() for picture in subset.read_subset()[0].reshape(-1, 784)]
    assert len(set(pictures)) == 10_000


def test_each_call_gives_tensors_of_its_own():
    load_mnist()[0].images.zero_()
    assert load_mnist()[0].images.max() == 1


def test_importing_does_not_import_fastai_or_pillow():
    code = "import sys, scratchmnist; print({'fastai', 'fastcore', 'PIL'} & set(sys.modules))"
    assert run_python(code) == "set()"


def run_python(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return run.stdout.strip()


# --- files that are damaged, missing, or half written ------------------------------------------


def truncate(file):
    file.write_bytes(file.read_bytes()[:-1])


def alter(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, alter])
def test_damaged_subset_names_the_file_and_both_checksums(damage, tmp_path, monkeypatch):
    file = tmp_path / "subset.npz"
    shutil.copy(subset.SUBSET_FILE, file)
    monkeypatch.setattr(subset, "SUBSET_FILE", file)
    load_mnist()
    damage(file)
    with pytest.raises(ValueError, match="is damaged") as error:
        load_mnist()
    seen = hashlib.sha256(file.read_bytes()).hexdigest()
    for expected in (str(file), seen, subset.SUBSET_SHA256, "install scratchmnist again"):
        assert expected in str(error.value)


def test_missing_subset_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(subset, "SUBSET_FILE", tmp_path / "subset.npz")
    with pytest.raises(FileNotFoundError, match=r"subset\.npz is missing: install scratchmnist"):
        load_mnist()


def test_unknown_source_is_named():
    with pytest.raises(
        ValueError, match="unknown source 'mnist': expected 'subset', 'full', or a folder"
    ):
        load_mnist("mnist")


def test_failed_download_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTAI_HOME", str(tmp_path))

    def untar_data(url):
        raise OSError("no route to host")

    monkeypatch.setattr("fastai.data.external.untar_data", untar_data)
    with pytest.raises(ConnectionError, match="no route to host") as error:
        load_mnist("full")
    for expected in ("mnist_png.tgz", "check the network", "FASTAI_HOME", "load_mnist()"):
        assert expected in str(error.value)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_crash_while_writing_leaves_nothing(kind, tmp_path):
    def crash():
        with appears_whole(tmp_path / "target") as draft:
            if kind == "folder":
                draft.mkdir()
            (draft / "part" if kind == "folder" else draft).write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert list(tmp_path.iterdir()) == []


def test_appears_whole_makes_parents_and_replaces_a_file(tmp_path):
    for content in ("first", "second"):
        with appears_whole(tmp_path / "new" / "file") as draft:
            draft.write_text(content)
    assert (tmp_path / "new" / "file").read_text() == "second"
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_of_two_processes_that_write_one_folder_the_first_wins(tmp_path):
    target = tmp_path / "folder"
    with appears_whole(target) as draft:
        for folder in (draft, target):
            folder.mkdir()
            (folder / "content").write_text(str(folder))
    assert (target / "content").read_text() == str(target)
    assert list(tmp_path.iterdir()) == [target]


def test_appears_whole_reports_that_it_cannot_replace(tmp_path):
    (tmp_path / "target").write_text("a file where the folder should be")
    with pytest.raises(OSError), appears_whole(tmp_path / "target") as draft:  # noqa: PT011
        draft.mkdir()


# --- the full set, on a small stand-in ---------------------------------------------------------


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """A folder like fastai's with 30 + 20 pictures, its checksums, and an untar_data to find it."""
    path = tmp_path / "data" / "mnist_png"
    counts = {"training": 30, "testing": 20}
    generator = np.random.default_rng(0)
    checksums = {}
    for part, n in counts.items():
        images = generator.integers(256, size=(n, 28, 28), dtype=np.uint8)
        labels = generator.permutation(np.arange(n, dtype=np.uint8) % 10)
        for i in range(n):
            file = path / part / str(labels[i]) / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[i]).save(file)
        size = n.to_bytes(4, "big")
        image_file = b"\0\0\x08\x03" + size + b"\0\0\0\x1c\0\0\0\x1c" + images.tobytes()
        label_file = b"\0\0\x08\x01" + size + labels.tobytes()
        for name, content in zip(idx.IDX_FILES[part], (image_file, label_file)):
            checksums[name] = hashlib.md5(content).hexdigest()
    for part, n in counts.items():
        monkeypatch.setitem(idx.PARTS, part, n)
    monkeypatch.setattr(idx, "IDX_MD5", checksums)
    monkeypatch.setattr("fastai.data.external.untar_data", lambda url: path)
    monkeypatch.setenv("FASTAI_HOME", str(tmp_path))
    return path


def test_full_set_is_in_the_original_order(small_mnist):
    for part, digits in zip(idx.PARTS, load_mnist("full")):
        assert len(digits.images) == len(digits.labels) == idx.PARTS[part]
        for i, (image, label) in enumerate(zip(*digits)):
            png = np.asarray(Image.open(small_mnist / part / str(label.item()) / f"{i}.png"))
            assert np.array_equal(image.numpy(), png.ravel().astype(np.float32) / np.float32(255))


def test_full_set_is_decoded_once(small_mnist, monkeypatch):
    first = load_mnist("full")
    assert sorted(file.name for file in small_mnist.parent.iterdir()) == ["mnist_idx", "mnist_png"]
    monkeypatch.setattr(full_files, "_decode_png", None)  # a second decoding would fail
    for a, b in zip(first, load_mnist("full")):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.labels, b.labels)


def test_a_crash_while_caching_leaves_nothing_and_the_next_run_works(small_mnist, monkeypatch):
    calls = []

    def check(content, *rest):
        calls.append(rest)
        if len(calls) == 3:  # two of the four files are written
            raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(idx, "check", check)
        with pytest.raises(KeyboardInterrupt):
            load_mnist("full")
    assert [file.name for file in small_mnist.parent.iterdir()] == ["mnist_png"]
    load_mnist("full")


@pytest.mark.parametrize("damage", [truncate, alter])
@pytest.mark.parametrize("name", list(idx.IDX_MD5))
def test_damaged_cache_names_the_file_and_both_checksums(name, damage, small_mnist):
    load_mnist("full")
    file = small_mnist.with_name("mnist_idx") / name
    damage(file)
    with pytest.raises(ValueError, match="is damaged") as error:
        load_mnist("full")
    seen = hashlib.md5(file.read_bytes()).hexdigest()
    for expected in (str(file), seen, idx.IDX_MD5[name], f"delete {file.parent}"):
        assert expected in str(error.value)


def test_incomplete_cache_says_what_to_do(small_mnist):
    load_mnist("full")
    (small_mnist.with_name("mnist_idx") / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels-idx1-ubyte is missing: delete .*idx"):
        load_mnist("full")


def test_missing_digit_folder_is_named(small_mnist):
    shutil.rmtree(small_mnist / "testing" / "7")
    with pytest.raises(FileNotFoundError, match=r"no folder .*testing.7: expected .*untar_data"):
        load_mnist("full")


def test_missing_picture_is_noticed(small_mnist):
    next(small_mnist.glob("training/3/*.png")).unlink()
    with pytest.raises(ValueError, match=r"training holds 29 PNGs, expected 30: delete .*png"):
        load_mnist("full")


def test_unreadable_picture_is_named(small_mnist):
    file = next(small_mnist.glob("training/3/*.png"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ValueError, match=f"{file.name} is no readable PNG .*: delete .*mnist_png"):
        load_mnist("full")


@pytest.mark.parametrize("image", [Image.new("RGB", (28, 28)), Image.new("L", (28, 29))])
def test_picture_of_another_kind_is_named(image, small_mnist):
    file = next(small_mnist.glob("training/3/*.png"))
    image.save(file)
    with pytest.raises(ValueError, match=f"{file.name} must hold 28 x 28 grey bytes, got uint8"):
        load_mnist("full")


def test_pictures_that_are_not_mnists_are_noticed(small_mnist):
    file = next(small_mnist.glob("training/3/*.png"))
    Image.fromarray(np.zeros((28, 28), dtype=np.uint8)).save(file)
    with pytest.raises(ValueError, match=r"made from the PNGs, is damaged: .*delete .*mnist_png"):
        load_mnist("full")
    assert not small_mnist.with_name("mnist_idx").exists()


# --- the full set itself -----------------------------------------------------------------------


def test_full_set_has_all_pictures(full):
    train, test = full
    assert train.images.shape == (60_000, 784)
    assert test.images.shape == (10_000, 784)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as every reader knows
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_each_embedded_image_is_the_original_at_its_index(full):
    indices = subset.read_subset()[2].astype(np.int64)
    for chosen, originals, i in zip(load_mnist(), full, indices):
        assert len(set(i)) == 5000
        assert torch.equal(chosen.images, originals.images[i])
        assert torch.equal(chosen.labels, originals.labels[i])


def test_the_subset_is_what_the_assignments_code_picks(mnist_png):
    from fastai.vision.all import L, set_seed

    set_seed(0)
    items = L()
    for part in ("training", "testing"):
        for digit in range(10):
            items += (mnist_png / part / str(digit)).ls().sorted().shuffle()[:500]
    assert list(homework.pick_homework_images(mnist_png)) == list(items)
    picked = [(file.parts[-3], file.parts[-2], int(file.stem)) for file in items]

    _, labels, indices = subset.read_subset()
    stored = [
        (part, str(digit), index)
        for i, part in enumerate(("training", "testing"))
        for digit in range(10)
        for index in indices[i][labels[i] == digit]
    ]
    assert picked == stored


def test_the_script_writes_the_same_bytes_again(mnist_png, tmp_path):
    spec = importlib.util.spec_from_file_location("make_subset", SCRIPT)
    make_subset = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_subset)

    first, second = (make_subset.make_subset(tmp_path / name) for name in ("a.npz", "b.npz"))
    assert first == second
    with np.load(tmp_path / "a.npz") as arrays:
        for made, stored in zip(arrays.values(), subset.read_subset(), strict=True):
            assert made.dtype == stored.dtype
            assert np.array_equal(made, stored)
    if "ng" not in zlib.ZLIB_RUNTIME_VERSION:  # zlib-ng compresses in its own way
        assert first == subset.SUBSET_SHA256


# --- the assignment's loading code -------------------------------------------------------------


def check_loaders_yield_the_subset(path, capsys):
    loaders = homework_dataloaders(path)
    assert capsys.readouterr().out == "5000 training images, 5000 validation images\n"
    assert [loaders.train.n, loaders.valid.n] == [5000, 5000]
    assert loaders.vocab == [str(digit) for digit in range(10)]
    for loader, digits in zip((loaders.train.new(drop_last=False), loaders.valid), load_mnist()):
        batches = list(loader)
        assert batches[0][0].shape == (16, 1, 28, 28)
        images = torch.cat([torch.Tensor(x) for x, _ in batches]).reshape(-1, 784)
        labels = torch.cat([torch.Tensor(y) for _, y in batches])
        assert sorted(pairs(images, labels)) == sorted(pairs(*digits))


def pairs(images, labels):
    """Each picture's bytes with its label: loaders and tensors are compared exactly."""
    return [(x.numpy().tobytes(), int(y)) for x, y in zip(images, labels, strict=True)]


@pytest.mark.filterwarnings("ignore")  # of fastai's and Pillow's about themselves
def test_loaders_yield_the_subset_from_its_export(exported, capsys):
    check_loaders_yield_the_subset(exported, capsys)


@pytest.mark.filterwarnings("ignore")
def test_loaders_yield_the_subset_from_the_full_set(mnist_png, capsys):
    check_loaders_yield_the_subset(mnist_png, capsys)


def test_loaders_take_the_batch_size_and_a_string(exported):
    x, y = homework_dataloaders(str(exported), batch_size=5).one_batch()
    assert len(x) == len(y) == 5


def test_picking_does_not_depend_on_the_file_systems_order_or_other_files(exported, monkeypatch):
    picked = homework.pick_homework_images(exported)
    listed = homework.list_pngs
    monkeypatch.setattr(homework, "list_pngs", lambda folder: listed(folder)[::-1])
    (exported / "training" / "0" / ".DS_Store").touch()
    random.seed(1)
    assert homework.pick_homework_images(exported) == picked
    (exported / "training" / "0" / ".DS_Store").unlink()


@pytest.mark.parametrize("missing", ["", "testing", "training/4"])
def test_loaders_name_the_missing_folder(missing, exported, tmp_path):
    path = tmp_path / "mnist_png"
    if missing:
        shutil.copytree(exported, path)
        shutil.rmtree(path / missing)
    with pytest.raises(FileNotFoundError, match=f"no folder {path / missing}.*export_pngs"):
        homework_dataloaders(path)


def test_loaders_name_the_folder_with_too_few_pictures(exported, tmp_path):
    path = tmp_path / "mnist_png"
    shutil.copytree(exported, path)
    next(path.glob("testing/9/*.png")).unlink()
    with pytest.raises(ValueError, match="9 holds 499 PNGs, expected at least 500: delete"):
        homework_dataloaders(path)


def test_export_has_the_subsets_pictures_at_their_indices(exported):
    for i, (part, *arrays) in enumerate(zip(idx.PARTS, *subset.read_subset())):
        assert len(list((exported / part).glob("*/*.png"))) == [5000, 5000][i]
        for pixels, label, index in itertools.islice(zip(*arrays), 0, None, 50):
            with Image.open(exported / part / str(label) / f"{index}.png") as image:
                assert image.mode == "L"
                assert np.array_equal(np.asarray(image).ravel(), pixels)


def test_export_again_writes_nothing(exported, monkeypatch):
    monkeypatch.setattr(subset, "_write_pngs", None)
    assert export_pngs(exported.parent) == exported


def test_export_does_not_touch_other_pictures(tmp_path):
    other = tmp_path / "mnist_png" / "training" / "0" / "1.png"
    other.parent.mkdir(parents=True)
    other.write_text("mine")
    with pytest.raises(FileExistsError, match="mnist_png holds other files than the subset"):
        export_pngs(tmp_path)
    assert other.read_text() == "mine"


def test_a_crash_while_exporting_leaves_nothing(tmp_path, monkeypatch):
    saved = []

    def save(image, file):
        saved.append(file)
        if len(saved) == 10:
            raise KeyboardInterrupt
        file.touch()

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(KeyboardInterrupt):
        export_pngs(tmp_path)
    assert list(tmp_path.iterdir()) == []


# --- minibatches -------------------------------------------------------------------------------


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def numbered(n):
    """Images and targets that say which row they are."""
    rows = torch.arange(float(n))
    return torch.stack([rows, -rows, rows * 2], dim=1), torch.stack([rows, rows + 0.5], dim=1)


@pytest.mark.parametrize("batch_size", [1, 16, 30, 199, 200, 201])
@pytest.mark.parametrize("n", [1, 200, 2000])  # 2000: more than are copied together
def test_minibatches_deal_out_each_row_once_with_its_target(n, batch_size):
    batches = list(minibatches(*numbered(n), batch_size, seeded(0)))
    lengths = [len(x) for x, _ in batches]
    assert lengths[:-1] == [batch_size] * (len(batches) - 1)
    assert 0 < lengths[-1] <= batch_size
    x, y = (torch.cat(tensors) for tensors in zip(*batches))
    assert x.shape == (n, 3)
    assert y.shape == (n, 2)
    assert x[:, 0].sort().values.tolist() == list(range(n))
    assert torch.equal(x, torch.stack([y[:, 0], -y[:, 0], y[:, 0] * 2], dim=1))
    assert torch.equal(y[:, 1], y[:, 0] + 0.5)


def test_minibatches_follow_the_generators_order():
    order = torch.randperm(100, generator=seeded(3))
    images, targets = numbered(100)
    for i, (x, y) in enumerate(minibatches(images, targets, 16, seeded(3))):
        assert torch.equal(x, images[order[16 * i : 16 * (i + 1)]])
        assert torch.equal(y, targets[order[16 * i : 16 * (i + 1)]])


def test_minibatches_shuffle_anew_in_each_call_and_alike_for_one_seed():
    def three_epochs(seed):
        generator = seeded(seed)
        epochs = [minibatches(*numbered(50), 50, generator) for _ in range(3)]
        return [next(epoch)[0][:, 0].tolist() for epoch in epochs]

    assert len({tuple(order) for order in three_epochs(0) + three_epochs(1)}) == 6
    assert three_epochs(0) == three_epochs(0)


def test_minibatches_take_labels():
    x, y = next(minibatches(torch.arange(5.0)[:, None], torch.arange(5), 5, seeded(0)))
    assert y.dtype == torch.int64
    assert torch.equal(x[:, 0].long(), y)


def test_each_replica_gets_what_its_generator_gives_alone():
    train, _ = load_mnist()
    images, targets = train.images[:1003], one_hot(train.labels[:1003])
    seeds = [5, 0, 7]
    together = list(minibatches(images, targets, 16, [seeded(seed) for seed in seeds]))
    assert together[0][0].shape == (3, 16, 784)
    assert together[0][1].shape == (3, 16, 10)
    for r, seed in enumerate(seeds):
        alone = minibatches(images, targets, 16, seeded(seed))
        for (xs, ys), (x, y) in zip(together, alone, strict=True):
            assert torch.equal(xs[r], x)
            assert torch.equal(ys[r], y)


def test_minibatches_are_copies():
    images, targets = numbered(40)
    for x, y in minibatches(images, targets, 16, seeded(0)):
        x.zero_()
        y.zero_()
    assert torch.equal(images, numbered(40)[0])
    assert torch.equal(targets, numbered(40)[1])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, None])
def test_batch_size_must_be_a_positive_integer(batch_size, exported):
    message = f"batch_size must be a positive integer; got {batch_size}"
    with pytest.raises(ValueError, match=message):
        minibatches(*numbered(4), batch_size, seeded(0))
    with pytest.raises(ValueError, match=message):
        homework_dataloaders(exported, batch_size)


@pytest.mark.parametrize(
    ("images", "targets", "generator", "message"),
    [
        (
            numbered(4)[0],
            numbered(3)[1],
            seeded(0),
            r"targets must be one for each .* \[4, \d+\]; got .* \[3, ",
        ),
        (torch.zeros(0, 3), torch.zeros(0, 2), seeded(0), "images must be at least one; got"),
        (*numbered(4), 0, r"generator must be a torch\.Generator, or a list of them; got 0"),
        (*numbered(4), [], r"generator must be a torch\.Generator, or a list of them; got \[\]"),
    ],
)
def test_minibatches_refuse_at_once_what_they_cannot_deal_out(images, targets, generator, message):
    with pytest.raises(ValueError, match=message):
        minibatches(images, targets, 2, generator)


# --- split -------------------------------------------------------------------------------------


def test_split_deals_out_each_picture_once_with_its_label():
    digits = Digits(numbered(50)[0], torch.arange(50))
    parts = split(digits, 20, seed=1)
    assert [len(part.images) for part in parts] == [30, 20]
    assert torch.cat([part.labels for part in parts]).sort().values.tolist() == list(range(50))
    for part in parts:
        assert torch.equal(part.images[:, 0].long(), part.labels)


def test_split_depends_on_the_seed_alone():
    digits = Digits(numbered(50)[0], torch.arange(50))
    held_out = [split(digits, 20, seed)[1].labels.tolist() for seed in (0, 1, 0)]
    assert held_out[0] == held_out[2] == split(digits, 20)[1].labels.tolist()
    assert set(held_out[0]) != set(held_out[1])


@pytest.mark.parametrize("held_out", [0, -1, 5, 6])
def test_split_leaves_some_on_both_sides(held_out):
    with pytest.raises(ValueError, match=f"held_out must be 1 to 4 of the 5 .*; got {held_out}"):
        split(Digits(torch.zeros(5, 3), torch.zeros(5)), held_out)


# --- one_hot -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (7,), (3, 5), (0,)])
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8])
def test_one_hot_equals_torchs(shape, dtype):
    labels = torch.randint(10, shape, generator=seeded(0))
    targets = one_hot(labels.to(dtype))
    assert targets.dtype == torch.float32
    assert torch.equal(targets, torch.nn.functional.one_hot(labels, 10).float())


def test_one_hot_by_hand():
    assert one_hot(torch.tensor([1, 0, 2]), 3).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize(("label", "classes"), [(-1, 10), (10, 10), (3, 3)])
def test_one_hot_names_the_label_out_of_range(label, classes):
    with pytest.raises(ValueError, match=f"labels must be .* 0 to {classes - 1}; got {label}"):
        one_hot(torch.tensor([0, label, 1]), classes)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.complex64])
def test_one_hot_needs_integers(dtype):
    with pytest.raises(ValueError, match=rf"labels must be integers .* got {dtype} \[2\]"):
        one_hot(torch.tensor([0, 1]).to(dtype))


def test_one_hot_needs_a_tensor():
    with pytest.raises(TypeError, match="labels must be a tensor; got None"):
        one_hot(None)
