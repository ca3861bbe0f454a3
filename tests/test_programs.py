"""The homework's whole programs run by themselves, and print what the pages say.

A new program needs a file book/programs/step_*.py and an entry in PRINTED. (A program that is none
of the homework's, as that of "Beyond one machine", is run by its page.)
"""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scratchmnist import export_pngs

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = sorted((ROOT / "book" / "programs").glob("step_*.py"))
EXPECTED = Path(__file__).with_name("expected")

NUMBER = r"(-?\d+(?:\.\d+)?)"
# What stands before a printed number (a regular expression), the page that records it, the result's
# name, the factor from the recorded to the printed number, and by how much they may differ: None
# for what rounding and the result's own tolerance explain.
PRINTED = {
    "step_1_regression": [
        (r"epoch 5: training loss ", "digit-as-a-number", "num-program-train", 1, None),
        (r"held-out loss ", "digit-as-a-number", "num-program-valid", 1, None),
        (r"held-out accuracy ", "digit-as-a-number", "num-program-accuracy", 100, None),
    ],
    "step_3_two_layers": [  # another start than the page's ten runs
        (r" in training, ", "backpropagation", "hid-two-valid-loss", 1, 0.04),
        (r"% and ", "backpropagation", "hid-two-accuracy", 100, 1.5),
    ],
    "step_4_comparison": [  # three seeds of ten
        (r"one layer: test accuracy ", "two-models-compared", "cmp-one-classes", 100, 0.7),
        (r"two layers: test accuracy ", "two-models-compared", "cmp-two-classes", 100, 0.7),
        (r"gain: ", "two-models-compared", "cmp-diff-second-layer-classes", 1, 0.8),
    ],
    "step_2_one_layer": [
        (r"epoch 10: training loss ", "one-layer-classifier", "one-program-train-loss", 1, None),
        (r"held-out loss ", "one-layer-classifier", "one-program-valid-loss", 1, None),
        (r"held-out accuracy ", "one-layer-classifier", "one-program-accuracy", 100, None),
    ],
    "step_5_a_knob": [  # one seed, and more epochs than the page's sweep has
        (r"held-out accuracy at rate 0.1: ", "learning-rates", "lr-best-accuracy", 100, 2.5),
        (r"held-out accuracy at rate 1: ", "learning-rates", "lr-accuracy-at-one", 100, 12),
        (r"test accuracy ", "two-models-compared", "cmp-two-classes", 100, 1),
    ],
    "step_6_own_dataloaders": [  # other starts and fewer epochs than on that page
        (r"the digit as a number: ", "two-models-compared", "cmp-one-number", 100, 4),
        (r"one layer, ten classes: ", "two-models-compared", "cmp-one-classes", 100, 3),
        (r"two layers, ten classes: ", "two-models-compared", "cmp-two-classes", 100, 3),
    ],
}
SECONDS = {"step_6_own_dataloaders": 60}  # of processor time; the others have 20
LINES = 60
MAY_IMPORT = {"torch", "scratchmnist"}
MAY_TAKE = {"load_mnist"}  # of scratchmnist


def run(program: Path, *arguments: str) -> tuple[str, float]:
    """What a program prints, and the processor time that it takes, in seconds."""
    before = os.times().children_user
    done = subprocess.run(
        [sys.executable, program, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        encoding="utf-8",
        cwd=program.parent,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, os.times().children_user - before


def printed_number(text: str, before: str) -> tuple[float, float]:
    """The last number behind `before` in what was printed, and half of its last decimal."""
    found = re.findall(before + r"\s*" + NUMBER, text)
    assert found, f"{before!r} and a number are not in what was printed:\n{text}"
    decimals = len(found[-1].partition(".")[2])
    return float(found[-1]), 0.5 * 10**-decimals


def recorded(page: str, name: str) -> dict:
    return json.loads((EXPECTED / f"{page}.json").read_text("utf-8"))[name]


def differences(name: str, text: str) -> list[str]:
    """Where a program's output is not what the pages record, in words."""
    wrong = []
    for before, page, result, factor, allowed in PRINTED[name]:
        number, rounding = printed_number(text, before)
        kept = recorded(page, result)
        expected = factor * float(kept["value"])
        if allowed is None:
            allowed = rounding + factor * kept["tolerance"] + 1e-9
        if not abs(number - expected) <= allowed:
            wrong.append(f"{before.strip()} {number}, {page} records {expected:.4g} ({result})")
    return wrong


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_prints_what_the_pages_say(program, tmp_path):
    own_dataloaders = "dataloaders" in program.stem
    arguments = [str(export_pngs(tmp_path))] if own_dataloaders else []
    text, seconds = run(program, *arguments)
    assert PRINTED[program.stem], "nothing of it is compared"
    assert differences(program.stem, text) == []
    assert seconds < SECONDS.get(program.stem, 20), f"{seconds:.0f} s of processor time"


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_is_short_and_stands_alone(program):
    source = program.read_text("utf-8")
    assert len(source.splitlines()) <= LINES
    imported, taken = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
            if node.module.split(".")[0] == "scratchmnist":
                taken |= {alias.name for alias in node.names}
    loader = {"fastai", "sys"} if "dataloaders" in program.stem else set()
    assert imported <= MAY_IMPORT | loader, imported
    assert taken <= MAY_TAKE, taken


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_page_shows_the_program(program):
    pages = [page.stem for page in (ROOT / "book").glob("*.md") if shows(page, program.name)]
    assert pages, f"no page shows {program.name} by literalinclude"


def shows(page: Path, name: str) -> bool:
    pattern = rf"^`{{3,}}\{{literalinclude\}} programs/{re.escape(name)}$"
    return bool(re.search(pattern, page.read_text("utf-8"), re.MULTILINE))


def test_a_wrong_number_is_found():
    for name, entries in PRINTED.items():
        lines = []
        for before, page, result, factor, _ in entries:
            label = re.sub(r"\\(.)", r"\1", before)
            lines.append(f"{label}{factor * float(recorded(page, result)['value']):.6f}")
        assert differences(name, "\n".join(lines)) == []
        off = [re.sub(NUMBER + "$", lambda n: str(float(n[0]) * 1.5 + 9), line) for line in lines]
        assert len(differences(name, "\n".join(off))) == len(lines)
