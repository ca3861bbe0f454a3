"""Changed copies of images, against SciPy's own turning, moving and thickening."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from scratchmnist import augmentation

CROSS = ndimage.generate_binary_structure(2, 1)  # a pixel and its four neighbours


@pytest.fixture
def images():
    """[5, 784]: no two pixels alike, ink up to the edge."""
    return torch.rand(5, 784, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("degrees", [0.0, 8.0, -33.0, 180.0])
@pytest.mark.parametrize("move", [(0.0, 0.0), (2.0, -3.0), (-0.3, 0.8), (26.5, 0.0), (40.0, -90.0)])
def test_an_image_is_turned_and_moved_as_scipy_does_it(images, degrees, move):
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    offset = 14 - turn @ (14 + np.array(move))
    count = len(images)
    ours = augmentation.moved(
        images, torch.full((count, 1), angle), torch.tensor(move).expand(count, 2)
    )
    for image, got in zip(images, ours, strict=True):
        expected = ndimage.affine_transform(
            image.view(28, 28).double().numpy(), turn, offset, order=1, mode="grid-constant"
        )
        np.testing.assert_allclose(got.view(28, 28), expected, atol=2e-5)


def test_each_image_has_its_own_amounts(images):
    angles, moves = torch.randn(5, 1), torch.randn(5, 2)
    together = augmentation.moved(images, angles, moves)
    alone = [
        augmentation.moved(images[n : n + 1], angles[n : n + 1], moves[n : n + 1]) for n in range(5)
    ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_strokes_grow_towards_the_darkest_neighbour_and_shrink_towards_the_lightest(images):
    amounts = torch.tensor([[1.0], [0.3], [0.0], [-0.4], [-1.0]])
    for image, amount, got in zip(
        images, amounts, augmentation.thickened(images, amounts), strict=True
    ):
        picture = image.view(28, 28).numpy()
        extreme = ndimage.grey_dilation if amount > 0 else ndimage.grey_erosion
        # Around an image lies empty paper.
        reached = extreme(picture, footprint=CROSS, mode="constant", cval=0.0)
        share = abs(amount.item())
        expected = (1 - share) * picture + share * reached
        np.testing.assert_allclose(got.view(28, 28), expected, atol=1e-6)


def test_the_amounts_are_drawn_as_stated(monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        augmentation,
        "thickened",
        lambda images, amounts: drawn.update(amounts=amounts) or images,
    )
    monkeypatch.setattr(
        augmentation,
        "moved",
        lambda images, angles, moves: drawn.update(angles=angles, moves=moves) or images,
    )
    many = torch.zeros(100_000, 784, dtype=torch.uint8)  # only their number counts
    augmentation.augment(many, torch.Generator().manual_seed(0), turn=8.0, shift=0.6, thicken=0.5)
    degrees, moves, amounts = (drawn[name].double() for name in ("angles", "moves", "amounts"))
    degrees = degrees.rad2deg()
    # Five standard errors of a deviation from 100,000 draws, s / sqrt(2 n), is 1.1 % of it.
    assert degrees.shape == (100_000, 1)
    assert degrees.std().item() == pytest.approx(8.0, rel=0.012)
    assert abs(degrees.mean().item()) < 5 * 8 / math.sqrt(100_000)
    assert moves.shape == (100_000, 2)
    assert moves.std(0).tolist() == pytest.approx([0.6, 0.6], rel=0.012)
    assert amounts.abs().max().item() == pytest.approx(0.5, rel=1e-3)
    assert amounts.std().item() == pytest.approx(1.0 / math.sqrt(12), rel=0.012)  # uniform


def test_one_seed_gives_one_set_of_copies_and_no_image_is_altered(images):
    before = images.clone()
    one, again = (augmentation.augment(images, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(one, again)
    assert torch.equal(images, before)
    assert not torch.equal(one, augmentation.augment(images, torch.Generator().manual_seed(8)))
