"""Which subject declares which label, and the few equations that are not evaluated."""

import functools
import importlib
from pathlib import Path

from printed.check import Subject

# Equations that are not evaluated, each with the reason. A test keeps this short: 3 in 100.
NOT_EVALUATED: dict[str, str] = {}


@functools.cache
def subjects() -> dict[str, Subject]:
    """label -> subject, of all files points_*.py."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("points_*.py")):
        for name, subject in vars(importlib.import_module(f"printed.{file.stem}")).items():
            if isinstance(subject, Subject):
                for label in subject.labels:
                    if found.setdefault(label, subject) is not subject:
                        raise ValueError(f"{label} is declared twice; the second time by {name}")
    return found
