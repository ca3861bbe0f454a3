"""The committed pictures are what scripts/make_art.py draws."""

import importlib.util
import io

import numpy as np
import pytest
from conftest import ROOT
from matplotlib.image import imread

spec = importlib.util.spec_from_file_location("make_art", ROOT / "scripts" / "make_art.py")
make_art = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_art)


@pytest.fixture(scope="module")
def drawn():
    return make_art.draw()


@pytest.mark.parametrize("name", ["logo.svg", "cover.svg"])
def test_drawings_are_as_committed(drawn, name):
    assert drawn[name] == (make_art.STATIC / name).read_bytes()


def test_preview_is_as_committed(drawn):
    """Pixel by pixel: another version of zlib may compress them differently."""
    committed, new = (
        imread(make_art.STATIC / "preview.png"),
        imread(io.BytesIO(drawn["preview.png"])),
    )
    assert committed.shape == (630, 1200, 3)
    assert np.array_equal(committed, new)


def test_the_digits_are_real():
    (images, _), _ = make_art.load_mnist()
    for picture in make_art.chosen_digits():
        ink = make_art.torch.from_numpy(picture).view(784)
        assert ((images * 255).round() == ink).all(1).any()
