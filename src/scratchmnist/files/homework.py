"""The assignment's own loading code, with fastai."""

from __future__ import annotations

from pathlib import Path

from scratchmnist.arguments import check_count
from scratchmnist.files.idx import PARTS

IMAGES_PER_DIGIT = 500  # in each part of the assignment's subset


def homework_dataloaders(path: str | Path, batch_size: int = 16):
    """The assignment's own loading code, with fastai: 500 pictures of each digit from each part.

    path: a folder with MNIST's PNGs in `training/0` to `testing/9`. `untar_data(URLs.MNIST)`
    gives the full one, `export_pngs` one that needs no network; on either, the pictures are
    those of `load_mnist()`. As the assignment does, this seeds the global generators of
    Python, NumPy and torch with 0, and prints how many pictures there are.

    Returns fastai `DataLoaders` that yield (x float32 [B, 1, 28, 28] in 0..1, labels int64
    [B]). Raises FileNotFoundError for a missing folder, ValueError for too few pictures and
    for a batch size that is no positive integer.

    >>> import tempfile
    >>> from scratchmnist import export_pngs
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

    batch_size = check_count("batch_size", batch_size)
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
            pngs = list_pngs(folder)
            if len(pngs) < IMAGES_PER_DIGIT:
                raise ValueError(
                    f"{folder} holds {len(pngs)} PNGs, expected at least {IMAGES_PER_DIGIT}: "
                    f"delete {path} and download or export it again"
                )
            items += pngs.sorted().shuffle()[:IMAGES_PER_DIGIT]
    return items


def list_pngs(folder: Path):
    """The PNGs of one digit, in the file system's order: an `L` of paths."""
    import fastcore.xtras  # noqa: F401 - gives Path its `ls`

    if not folder.is_dir():
        raise FileNotFoundError(
            f"there is no folder {folder}: expected MNIST's PNGs in training/0 to testing/9, "
            "as untar_data(URLs.MNIST) downloads them and export_pngs(folder) writes them"
        )
    return folder.ls(file_exts=".png").filter(lambda file: not file.name.startswith("."))
