"""Networks that a page has trained, as files to fetch.

In a chapter, ``offer("two-layers", layers)`` prints nothing; any page then writes
``{network}`two-layers``` where it links to the file ``two-layers.safetensors``.
"""

import base64
import tempfile
from pathlib import Path

from scratchmnist.files.models import save
from scratchmnist.pages.results import NAME, _in_notebook, hand_over


def offer(name: str, layers) -> None:
    """Offer one trained network as a file, under a name that is unique in the whole book.

    name: a slug, `lower-case-with-hyphens`; layers: as `fit` returns them, without a replica
    axis. Outside a notebook it says how large the file would be.

    >>> from scratchmnist import init_layers
    >>> offer("three-by-two", init_layers([3, 2], seed=0))
    three-by-two.safetensors: 32 bytes of numbers
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"a network's name is lower-case-with-hyphens, not {name!r}")
    if layers[0].weights.ndim != 2:
        raise ValueError(
            f"network {name!r} has weights {list(layers[0].weights.shape)}, several networks at "
            "once: offer one, [Layer(w[0], b[0]) for w, b in layers]"
        )
    if not _in_notebook():
        numbers = sum(tensor.nbytes for layer in layers for tensor in layer)
        print(f"{name}.safetensors: {numbers} bytes of numbers")
        return

    with tempfile.TemporaryDirectory() as folder:
        data = save(layers, Path(folder, name)).read_bytes()
    hand_over(f"network-{name}", name, file=base64.b64encode(data).decode())
