"""Files that are right, or not there: checksums, and writing that appears at once."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

ABANDONED = 3600  # seconds without a change, after which nobody is writing any more


def read_checked(file: Path, algorithm: str, expected: str, remedy: str) -> np.ndarray:
    """The bytes of a file, uint8 [size], if it has the expected checksum."""
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing: {remedy}")
    data = np.fromfile(file, dtype=np.uint8)
    check(data, file, algorithm, expected, remedy)
    return data


def check(data, name, algorithm: str, expected: str, remedy: str) -> None:
    seen = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
    if seen != expected:
        raise ValueError(
            f"{name} is damaged: its {algorithm} is {seen}, expected {expected}; {remedy}"
        )


@contextmanager
def appears_whole(path: Path) -> Iterator[Path]:
    """Gives the block another place to write a file or a folder, then moves it to `path`.

    If the block fails, nothing is left of it: whoever finds `path` finds all of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}-*"):  # by a process that was killed
        if left.is_dir() and time.time() - left.stat().st_mtime > ABANDONED:
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as scratch:
        draft = Path(scratch) / path.name
        yield draft
        try:
            draft.replace(path)
        except OSError:
            if not path.is_dir():  # otherwise another process has just written the same folder
                raise
