"""Makes src/scratchmnist/mnist_subset.npz, the assignment's choice of images, from the full MNIST.

    python scripts/make_subset.py

fastai downloads MNIST unless it is there already. Every run writes the same bytes, as long as zlib compresses alike.
"""

import hashlib
import io
import zipfile

import numpy as np

from scratchmnist import data


def choose_indices(path):
    """Which images of MNIST's original files: uint16 [2, 5000]. In each split the digits take turns: 0, 1, ..., 9, 0, ..."""
    picked = np.array([int(file.stem) for file in data.pick_homework_images(path)], dtype=np.uint16)
    by_digit = picked.reshape(len(data.SPLITS), 10, data.IMAGES_PER_DIGIT)
    return by_digit.swapaxes(1, 2).reshape(len(data.SPLITS), -1)


def make_arrays(path):
    """images uint8 [2, 5000, 784], labels uint8 [2, 5000] and indices uint16 [2, 5000], by name."""
    indices = choose_indices(path)
    chosen = [(images[i], labels[i]) for i, (images, labels) in zip(indices, data.read_full(path))]
    images, labels = (np.stack(arrays) for arrays in zip(*chosen))
    return {"images": images, "labels": labels, "indices": indices}


def write_npz(file, arrays):
    """Like `np.savez_compressed`, compressed harder, and with nothing in the file that differs from run to run."""
    with data.appears_whole(file) as draft, zipfile.ZipFile(draft, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # dated 1980
            entry.create_system = 3  # whatever the system, as on Unix
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0))
            archive.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


def main():
    write_npz(data.SUBSET_FILE, make_arrays(data.download_mnist()))
    sha256 = hashlib.sha256(data.SUBSET_FILE.read_bytes()).hexdigest()
    print(f"{data.SUBSET_FILE}: {data.SUBSET_FILE.stat().st_size} bytes, sha256 {sha256}")
    if sha256 != data.SUBSET_SHA256:
        raise SystemExit(f"SUBSET_SHA256 in {data.__file__} is {data.SUBSET_SHA256}: is the new file meant?")


if __name__ == "__main__":
    main()
