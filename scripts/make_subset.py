"""Makes src/scratchmnist/files/mnist_subset.npz, the assignment's choice, from the full MNIST.

    python scripts/make_subset.py

fastai downloads MNIST unless it is there already. Each run writes the same bytes (as long as zlib
compresses the same way), and says so if they are not the ones that files/subset.py expects.
"""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np

from scratchmnist.files import full, homework, subset, whole


def choose_indices(path):
    """Which images of MNIST's original files: uint16 [2, 5000], digits in turns 0, 1, ..., 9."""
    picked = [int(file.stem) for file in homework.pick_homework_images(path)]
    by_digit = np.array(picked, dtype=np.uint16).reshape(2, 10, homework.IMAGES_PER_DIGIT)
    return by_digit.swapaxes(1, 2).reshape(2, -1)


def make_arrays(path):
    """images uint8 [2, 5000, 784], labels uint8 [2, 5000] and indices uint16 [2, 5000], by name."""
    indices = choose_indices(path)
    chosen = [(images[i], labels[i]) for i, (images, labels) in zip(indices, full.read_full(path))]
    images, labels = (np.stack(arrays) for arrays in zip(*chosen))
    return {"images": images, "labels": labels, "indices": indices}


def write_npz(file, arrays):
    """Like `np.savez_compressed`, compressed harder, and free of dates and system names."""
    with whole.appears_whole(file) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever this runs
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0))
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def make_subset(file):
    """Writes the subset file; returns its sha256."""
    write_npz(file, make_arrays(full.download_mnist()))
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


if __name__ == "__main__":
    sha256 = make_subset(subset.SUBSET_FILE)
    print(f"{subset.SUBSET_FILE}: sha256 {sha256}")
    if sha256 != subset.SUBSET_SHA256:
        raise SystemExit(
            f"files/subset.py expects {subset.SUBSET_SHA256}; if the new file is right, edit it"
        )
