"""Networks to files and back, and the commands that train one and read with one."""

import json
import pickle
import subprocess
import sys

import pytest
import torch

from scratchmnist import Layer, fit, init_layers, load, load_mnist, save
from scratchmnist.shell import read, train

# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[784, 1], [784, 10], [784, 30, 10], [5, 4, 3, 2]])
@pytest.mark.parametrize("seed", [0, [1, 2, 3]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_network_comes_back_bit_for_bit(sizes, seed, dtype, tmp_path):
    layers = [
        Layer(weights.to(dtype), torch.randn(bias.shape).to(dtype))
        for weights, bias in init_layers(sizes, seed)
    ]
    file = save(layers, tmp_path / "new" / "model.safetensors")
    again = load(str(file))
    assert len(again) == len(layers)
    for one, two in zip(layers, again):
        assert isinstance(two, Layer)
        for a, b in zip(one, two):
            assert a.dtype == b.dtype
            assert torch.equal(a, b)
        assert two.weights.mT.is_contiguous()  # as quick as it was


def test_the_file_says_what_is_needed_to_use_it(tmp_path):
    from safetensors import safe_open

    import scratchmnist

    file = save(init_layers([784, 30, 10], seed=0), tmp_path / "model.safetensors")
    with safe_open(file, framework="pt") as opened:
        about = json.loads(opened.metadata()["scratchmnist network"])
        names = set(opened.keys())
    assert about["sizes"] == [784, 30, 10]
    assert "0 is paper, 1 is ink" in about["pixels"]
    assert about["scratchmnist"]
    assert names == {f"layers.{i}.{name}" for i in (0, 1) for name in ("weights", "bias")}
    assert scratchmnist.save is save


def test_the_same_network_gives_the_same_bytes(tmp_path):
    """In another process too: the order of a hash table must not be seen."""
    code = (
        "import sys; from scratchmnist import init_layers, save; "
        "save(init_layers([9, 5, 2], seed=4), sys.argv[1])"
    )
    files = [tmp_path / f"{number}.safetensors" for number in range(4)]
    for file in files[1:]:
        subprocess.run([sys.executable, "-c", code, file], check=True)
    save(init_layers([9, 5, 2], seed=4), files[0])
    assert len({file.read_bytes() for file in files}) == 1


def test_saving_over_a_file_is_whole_or_not_at_all(tmp_path, monkeypatch):
    file = save(init_layers([3, 2], seed=0), tmp_path / "model.safetensors")
    before = file.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda self, data: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(init_layers([3, 2], seed=1), file)
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def with_metadata(file, **about):
    from safetensors.torch import save_file

    words = {"scratchmnist network": json.dumps(about)} if about else None
    save_file({"w": torch.zeros(2)}, file, metadata=words)
    return file


WRONG = {
    "missing": (lambda file: file, FileNotFoundError, ["there is no file"]),
    "text": (lambda file: file.write_text("weights"), ValueError, ["no safetensors file"]),
    "cut short": (
        lambda file: file.write_bytes(save(init_layers([9, 2], 0), file).read_bytes()[:-4]),
        ValueError,
        ["no safetensors file, or damaged"],
    ),
    "torch.save": (
        lambda file: torch.save(init_layers([9, 2], 0), file), ValueError, ["is a pickle"],
    ),
    "pickle": (lambda file: file.write_bytes(pickle.dumps([1])), ValueError, ["is a pickle"]),
    "somebody else's": (lambda file: with_metadata(file), ValueError, ["holds other tensors (w)"]),
    "newer": (
        lambda file: with_metadata(file, version=99, scratchmnist="7.0"),
        ValueError,
        ["written by scratchmnist 7.0, in format 99", "pip install -U"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_another_file_is_named(case, tmp_path):
    make, kind, expected = WRONG[case]
    file = tmp_path / "model.safetensors"
    make(file)
    with pytest.raises(kind) as error:
        load(file)
    for words in ["model.safetensors", *expected]:
        assert words in str(error.value)


# --- commands ---------------------------------------------------------------------------------


def command(*arguments, timeout=120):
    return subprocess.run(
        [sys.executable, "-m", "scratchmnist", *map(str, arguments)],
        capture_output=True, encoding="utf-8", timeout=timeout,
    )  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A network trained by the command, and what it said."""
    file = tmp_path_factory.mktemp("model") / "model.safetensors"
    return file, command("train", "--epochs", 2, "--seed", 3, "--save", file)


def test_train_gives_the_network_that_fit_gives(model):
    file, done = model
    assert done.returncode == 0, done.stderr
    digits, test = load_mnist()
    layers, history = fit(
        init_layers([784, 30, 10], seed=3), digits, test, lr=0.1, epochs=2, seed=3
    )
    for one, two in zip(load(file), layers):
        assert torch.equal(one.weights, two.weights)
        assert torch.equal(one.bias, two.bias)
    lines = done.stdout.splitlines()
    assert lines[0] == "5000 images, network [784, 30, 10], cross_entropy, lr 0.1"
    for epoch in (1, 2):
        assert f"epoch {epoch:3}" in lines[epoch]
        assert f"accuracy {history.train_accuracy[epoch]:.1%}" in lines[epoch]
    assert f"accuracy {history.valid_accuracy[-1]:.2%}" in lines[3]
    assert lines[4].endswith("model.safetensors")


@pytest.mark.parametrize(
    ("arguments", "network"),
    [
        (["--hidden"], "[784, 10], cross_entropy, lr 0.1"),
        (["--hidden", "8", "6"], "[784, 8, 6, 10], cross_entropy"),
        (["--hidden", "--loss", "mse"], "[784, 1], mse, lr 0.005"),
    ],
)
def test_train_builds_the_network_that_is_asked_for(arguments, network, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    assert train.run(parser.parse_args(["--epochs", "1", *arguments])) == 0
    said = capsys.readouterr().out
    assert network in said
    assert "test: loss" in said


def test_a_diverged_run_saves_nothing_and_says_so(tmp_path):
    file = tmp_path / "model.safetensors"
    done = command("train", "--hidden", "--loss", "mse", "--lr", 5, "--epochs", 2, "--save", file)
    assert done.returncode == 1
    assert "no longer finite in epoch 1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not file.exists()


@pytest.fixture
def picture(tmp_path):
    """A picture of a 1, drawn thick on white, and a blank one."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (300, 400), 255)
    ImageDraw.Draw(image).line([(150, 80), (150, 320)], fill=0, width=30)
    image.save(tmp_path / "one.png")
    Image.new("L", (300, 400), 255).save(tmp_path / "blank.png")
    return tmp_path


def test_read_says_digit_probability_and_shows_what_it_saw(model, picture):
    done = command("read", picture / "one.png", "--model", model[0], "--show", picture / "saw.png")
    assert done.returncode == 0, done.stderr
    first, *rows = done.stdout.splitlines()
    assert "one.png: 1 (p = 0." in first or "one.png: 1 (p = 1." in first
    assert len(rows) == 28
    assert all("@@" in row for row in rows[8:20])  # a stroke down the middle
    from PIL import Image

    with Image.open(picture / "saw.png") as saw:
        assert saw.size == (28, 28)
        assert saw.getpixel((14, 14)) > 200
        assert saw.getpixel((2, 14)) == 0


def test_read_as_json_tells_what_it_could_not_read_too(model, picture):
    done = command(
        "read", picture / "one.png", picture / "blank.png", "--model", model[0], "--json"
    )
    assert done.returncode == 1
    one, blank = json.loads(done.stdout)
    assert one["digit"] == 1
    assert 0 < one["probability"] <= 1
    assert len(one["place"]) == 4
    assert "blank.png" in blank["picture"]
    assert blank["error"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["read", "x.png"], "--model"),
        (["read", "x.png", "--model", "nowhere.safetensors"], "there is no file nowhere"),
        (["train", "--data", "nowhere/mnist.npz"], "there is no nowhere"),
        (["train", "--epochs", "0"], "0 is not positive"),
        (["train", "--lr", "fast"], "invalid float value"),
        (["frain"], "invalid choice"),
    ],
)
def test_what_was_typed_wrong_is_said_without_a_traceback(arguments, expected):
    done = command(*arguments)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("module", [train, read])
def test_help_has_an_example(module):
    import argparse

    parser = argparse.ArgumentParser(prog="scratchmnist x")
    module.add_arguments(parser)
    assert "example" in parser.format_help()
    assert "scratchmnist " + module.__name__.split(".")[-1] in parser.format_help()
