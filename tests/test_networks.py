"""The networks that pages offer as files: they are there, whole, and what the page trained."""

import json
import re

import pytest

from scratchmnist import (
    Digits,
    evaluate,
    fit,
    forward,
    init_layers,
    load,
    load_mnist,
    mse,
    split,
)  # fmt: skip
from scratchmnist.pages.networks import offer

TRAIN, TEST = load_mnist()


@pytest.fixture(scope="module")
def rates(built_book):
    """{page's name of a learning rate: what this build has chosen}"""
    pages = json.loads((built_book / "results.json").read_text("utf-8"))
    return {name: each["value"] for name, each in pages["book/two-models-compared"].items()}


@pytest.fixture(scope="module")
def files(built_book):
    """{name: file} of all that the built book offers."""
    return {file.stem: file for file in built_book.glob("html/_downloads/*.safetensors")}


def linked(page):
    """{name: its size as the page says it, in kB} of the files that a page links to."""
    link = r'href="\.\./_downloads/([\w-]+)\.safetensors"[^>]*>.*?</a>\s*\((\d+) kB\)'
    return {name: int(size) for name, size in re.findall(link, page.read_text("utf-8"), re.S)}


def test_pages_link_to_all_of_them_with_their_size(built_book, files):
    pages = [linked(built_book / f"html/book/{page}.html")
             for page in ("from-the-shell", "your-own-digits")]  # fmt: skip
    assert len(files) == 7
    assert pages[0] == {name: round(file.stat().st_size / 1000) for name, file in files.items()}
    assert pages[1] == {"two-layers-augmented": pages[0]["two-layers-augmented"]}


@pytest.mark.parametrize("model", ["two-layers-number", "two-layers-one-hot", "two-layers-classes"])
def test_a_file_holds_what_its_first_seed_gives(model, files, rates):
    """Trained here alone, as a reader would, with the rate that the page has chosen."""
    task = model.removeprefix("two-layers-")
    sizes = [784, 30, 1 if task == "number" else 10]
    lr = rates[f"cmp-two-{task}-lr"]
    options = {} if task == "classes" else {"loss": mse}
    layers, _ = fit(init_layers(sizes, seed=0), TRAIN, lr=lr, epochs=9, seed=0, **options)
    layers, _ = fit(layers, TRAIN, lr=lr / 10, epochs=1, seed=10, **options)
    ours, theirs = (forward(TEST.images, each)[0] for each in (layers, load(files[model])))
    # rounding differs, alone and among ten; another seed's outputs are several tenths away
    assert (ours - theirs).abs().mean() < 0.05 * ours.std()


def test_the_large_one_reads_held_out_images(files):
    _, valid = split(TRAIN, 1000, seed=0)
    layers = load(files["two-layers-augmented"])
    assert [tuple(layer.weights.shape) for layer in layers] == [(784, 200), (200, 10)]
    assert evaluate(layers, Digits(*valid))[1] > 0.95


def test_what_cannot_be_offered_is_named():
    with pytest.raises(ValueError, match="lower-case-with-hyphens, not 'Two Layers'"):
        offer("Two Layers", init_layers([3, 2], seed=0))
    with pytest.raises(ValueError, match=r"weights \[4, 3, 2\], several networks at once"):
        offer("two-layers", init_layers([3, 2], seed=range(4)))
