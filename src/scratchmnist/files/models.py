"""Networks to files and back: safetensors, which holds numbers and no code."""

from __future__ import annotations

import json
from pathlib import Path

from torch import Tensor

from scratchmnist.arguments import plain_layers
from scratchmnist.files.whole import appears_whole
from scratchmnist.network import Layer

FORMAT = "scratchmnist network"
VERSION = 1  # of the format; a newer one is refused
PICKLES = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")  # how they begin
PIXELS = "rows of 28 x 28 pixels, one row after the other; 0 is paper, 1 is ink"


def save(layers: list[Layer], file: str | Path) -> Path:
    """Write a network to a file, with what is needed to use it again.

    layers: as `fit` returns them; file: usually named `*.safetensors`. The file holds the weights
    and biases, the sizes, how pixels were prepared, and this package's version. It appears whole
    or not at all; the same network gives the same bytes. Returns its path.

    >>> import tempfile, torch
    >>> from scratchmnist import init_layers
    >>> layers = init_layers([784, 30, 10], seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(save(layers, folder + "/model.safetensors"))
    >>> all(torch.equal(a, b) for one, two in zip(layers, again) for a, b in zip(one, two))
    True
    """
    from importlib.metadata import version

    pairs = plain_layers(layers)
    tensors = {}
    for number, pair in enumerate(pairs):
        for name, tensor in zip(Layer._fields, pair):
            tensors[f"layers.{number}.{name}"] = tensor
    sizes = [weights.shape[-2] for weights, _ in pairs] + [pairs[-1][0].shape[-1]]
    about = {
        "version": VERSION,
        "sizes": sizes,
        "pixels": PIXELS,
        "scratchmnist": version("scratchmnist"),
    }
    return write_tensors(file, tensors, {FORMAT: json.dumps(about)})


def load(file: str | Path) -> list[Layer]:
    """Read a network that `save` wrote: a list of `Layer`, ready for `forward`.

    Raises FileNotFoundError for a missing file, ValueError for a file of another kind, one that
    is damaged, or one of a newer format.

    >>> import tempfile
    >>> from scratchmnist import init_layers
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     layers = load(save(init_layers([784, 30, 10], seed=0), folder + "/model.safetensors"))
    >>> [tuple(layer.weights.shape) for layer in layers]
    [(784, 30), (30, 10)]
    """
    path = Path(file)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}: save(layers, {str(path)!r}) writes one")
    tensors, words = read_tensors(path)
    if FORMAT not in words:
        raise ValueError(
            f"{path} holds other tensors ({', '.join(sorted(tensors)[:4])}), not a network of this "
            "package: build a list of Layer(weights, bias) from them by hand"
        )
    about = json.loads(words[FORMAT])
    if about["version"] > VERSION:
        raise ValueError(
            f"{path} was written by scratchmnist {about['scratchmnist']}, in format "
            f"{about['version']}; this version reads up to {VERSION}: pip install -U scratchmnist"
        )
    count = len(about["sizes"]) - 1
    return [
        Layer(column_by_column(tensors[f"layers.{n}.weights"]), tensors[f"layers.{n}.bias"])
        for n in range(count)
    ]


def write_tensors(file: str | Path, tensors: dict[str, Tensor], about: dict[str, str]) -> Path:
    """Tensors by their names, and words about them, in a file that appears whole or not at all."""
    from safetensors.torch import save as as_bytes

    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    path = Path(file)
    with appears_whole(path) as draft:
        draft.write_bytes(as_bytes(whole, metadata=about))
    return path


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write_tensors` wrote, or ValueError for a file of another kind or a damaged one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            about = opened.metadata() or {}
            return {name: opened.get_tensor(name) for name in opened.keys()}, about  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        if path.read_bytes()[:2] in PICKLES:
            raise ValueError(
                f"{path} is a pickle (as torch.save writes it), and loading one runs whatever code "
                "is in it: not read. Load it where you trust it, and save(layers, file) the layers"
            ) from error
        raise ValueError(f"{path} is no safetensors file, or damaged ({error})") from error


def column_by_column(weights: Tensor) -> Tensor:
    """The same numbers in the order in memory that `linear` is quick with."""
    return weights.mT.contiguous().mT
