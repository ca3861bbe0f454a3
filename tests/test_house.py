"""The map of the code: drawn from the files that are there, and naming only such."""

import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from scratchmnist.pages.house import house, levels, modules

FILES = {
    "__init__.py": "from scratchmnist.low import one\n",
    "low.py": '"""The lowest.\n\nMore words."""\n\none = 1\n',
    "high.py": '"""The highest,\nin two lines."""\n'
    "from scratchmnist.low import one\n\ntwo = one + 1\n",
    "files/__init__.py": "",
    "files/disk.py": '"""Reads."""\nimport io\n',
    "pages/plots.py": '"""Draws."""\n'
    "from scratchmnist.high import two\nfrom scratchmnist.low import one\n",
}


@pytest.fixture
def package(tmp_path):
    for name, source in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(source)
    return tmp_path


def test_modules_are_read_from_their_files(package):
    found = {module.name: module for module in modules(package)}
    assert list(found) == ["high", "low", "files.disk", "pages.plots"]
    assert found["high"].purpose == "The highest, in two lines."
    assert found["low"].purpose == "The lowest."
    assert [m.lines for m in found.values()] == [2, 1, 1, 2]
    assert found["pages.plots"].imports == {"high", "low"}
    assert found["files.disk"].part == "files"
    assert levels([found["high"], found["low"]]) == {"high": 1, "low": 0}


def test_the_picture_has_each_module_with_its_size_and_each_arrow(package):
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch

    fig, alt = house(modules(package))
    texts = [text.get_text() for text in fig.axes[0].texts]
    assert {"high\n2", "low\n1", "disk\n1", "plots\n2"} <= set(texts)
    arrows = [patch for patch in fig.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 1  # high to low: those between rooms are told in words
    (x, y), (to_x, to_y) = arrows[0]._posA_posB
    at = {text.get_text(): text.get_position() for text in fig.axes[0].texts}
    assert (x, to_x) == (at["high\n2"][0], at["low\n1"][0])
    assert y > to_y
    rooms = {words.split(":")[0]: place[1] for words, place in at.items() if ": " in words}
    assert rooms["core"] > rooms["files"] > rooms["pages"]  # the core, which uses nobody, on top
    assert rooms["core"] > at["high\n2"][1] > rooms["files"] > at["disk\n1"][1] > rooms["pages"]
    colours = {text.get_color() for text in fig.axes[0].texts if ": " in text.get_text()}
    assert len(colours) == len(rooms) == 3
    assert "core (what the book derives): high with 2 lines, low with 1 lines" in alt
    assert "pages uses core" in alt
    plt.close(fig)


def test_the_core_knows_neither_checks_nor_pages():
    for module in modules():
        if module.part == "core":
            used = {name.split(".")[0] for name in module.imports if "." in name}
            assert used <= {"files"}, module.name


def test_every_file_that_the_map_names_is_there():
    text = (ROOT / "book" / "map-of-the-code.md").read_text("utf-8")
    names = re.findall(r"`((?:src|tests|book)/[\w/.-]+|_toc\.yml)`", text)
    assert len(names) > 10
    missing = [n for n in names if not (ROOT / n).exists() and "your" not in n]
    assert missing == []


DRAW = """import hashlib
from scratchmnist.pages.house import house, modules
figure = house(modules())[0]
arrows = [patch.get_path().vertices for patch in figure.axes[0].patches]
print(hashlib.sha256(b"".join(arrow.tobytes() for arrow in arrows)).hexdigest())"""


def test_the_picture_is_the_same_each_time():
    """Whatever order this Python gives to sets of names."""
    drawn = {
        subprocess.run(
            [sys.executable, "-c", DRAW],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(drawn) == 1
