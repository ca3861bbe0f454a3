"""The workbook for a course: solved, and in the formats of three graders.

    PYTHONPATH=src python scripts/for_teachers.py FOLDER [--seed 1234]

writes into FOLDER, which must not be there yet:

    student.ipynb     what students get
    solved.ipynb      with the answers: keep it to yourself
    pytest/           NOTEBOOK=student.ipynb pytest pytest/
    nbgrader/         an nbgrader course with one assignment in its source folder
    otter/            test files for Otter
    gradescope.zip    an autograder for Gradescope

None of the graders is needed for writing. The points, and what is hidden from students, stand in
TABLE. --seed changes the numbers in the hidden checks.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from scratchmnist_book import workbook  # noqa: E402


class Row(NamedTuple):
    """One thing that gives points.

    check: Python that raises an error if `function` is wrong; it may use torch,
    math, scratchmnist.check and SEED. An empty one stands for the check in the
    workbook itself.
    """

    exercise: str
    function: str
    points: int
    visible: bool = True
    check: str = ""


TABLE = (
    Row("linear", "linear", 1),
    Row("mean_squared_error", "mean_squared_error", 1),
    Row("mse_gradient", "mse_gradient", 2),
    Row("linear_gradients", "linear_gradients", 2),
    Row("sgd_step", "sgd_step", 1),
    Row("minibatches", "minibatches", 1),
    Row("train_regression", "train_regression", 3),
    Row("one_hot", "one_hot", 1),
    Row("softmax", "softmax", 2),
    Row("log_sum_exp", "log_sum_exp", 2),
    Row("cross_entropy", "cross_entropy", 2),
    Row("cross_entropy_gradient", "cross_entropy_gradient", 2),
    Row("accuracy", "accuracy", 1),
    Row("train_one_layer", "train_one_layer", 3),
    Row("relu", "relu", 1),
    Row("relu_gradient", "relu_gradient", 1),
    Row("two_layer_gradients", "two_layer_gradients", 4),
    Row("train_two_layers", "train_two_layers", 3),
    Row("paired_difference", "paired_difference", 1),
    Row("best_of", "best_of", 1),
    Row(
        "softmax_on_other_numbers",
        "softmax",
        1,
        visible=False,
        check="""\
        z = 9 * torch.randn(11, 8, generator=torch.Generator().manual_seed(SEED))
        off = (torch.as_tensor(softmax(z)) - torch.softmax(z, 1)).abs().max()
        assert off < 1e-5, f"on other numbers, softmax is off by {off:.2g}"
        """,
    ),
    Row(
        "cross_entropy_on_other_numbers",
        "cross_entropy",
        1,
        visible=False,
        check="""\
        generator = torch.Generator().manual_seed(SEED)
        z = 9 * torch.randn(11, 8, generator=generator)
        labels = torch.randint(8, (11,), generator=generator)
        expected = torch.nn.functional.cross_entropy(z, labels)
        off = abs(float(cross_entropy(z, torch.eye(8)[labels])) - float(expected))
        assert off < 1e-4, f"on other numbers, cross_entropy is off by {off:.2g}"
        """,
    ),
    Row(
        "backpropagation_on_other_numbers",
        "two_layer_gradients",
        3,
        visible=False,
        check="""\
        generator = torch.Generator().manual_seed(SEED)
        shapes = [(9, 12), (12, 7), (1, 7), (7, 8), (1, 8)]
        x, W_1, b_1, W_2, b_2 = (torch.randn(shape, generator=generator) for shape in shapes)
        labels = torch.randint(8, (9,), generator=generator)
        given = [p.clone().requires_grad_() for p in (W_1, b_1, W_2, b_2)]
        out = (x @ given[0] + given[1]).relu() @ given[2] + given[3]
        torch.nn.functional.cross_entropy(out, labels).backward()
        seen = two_layer_gradients(x, torch.eye(8)[labels], W_1, b_1, W_2, b_2)
        for name, g, p in zip(("d_W_1", "d_b_1", "d_W_2", "d_b_2"), seen, given, strict=True):
            off = (torch.as_tensor(g) - p.grad).abs().max()
            assert off < 1e-4, f"on other numbers, {name} is off by {off:.2g}"
        """,
    ),
)


def rows_of(table=TABLE, seed: int = 1234) -> list[dict]:
    """The table as plain data, with every check written out."""
    checks = {
        cell.metadata.check: cell.source
        for cell in workbook.read_source().cells
        if "check" in cell.metadata
    }
    visible = [row.exercise for row in table if row.visible]
    if sorted(visible) != sorted(checks):
        raise ValueError(
            f"the table's visible rows and the workbook's checks differ: "
            f"{sorted(set(visible) ^ set(checks))}"
        )
    rows = []
    for row in table:
        code = checks[row.exercise] if row.visible else textwrap.dedent(row.check)
        code = re.sub(r"\bSEED\b", str(seed), code).strip()
        rows.append(row._asdict() | {"check": code})
    return rows


# --- the writers ---


def write_notebooks(folder: Path) -> None:
    nbformat.write(workbook.student_notebook(), folder / "student.ipynb")
    nbformat.write(workbook.solved_notebook(), folder / "solved.ipynb")


def write_grading(folder: Path, rows: list[dict]) -> None:
    folder.mkdir()
    shutil.copy(Path(__file__).with_name("grading.py"), folder)
    (folder / "rows.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


PYTEST = '''\
"""Checks of the notebook that the variable NOTEBOOK names (default: student.ipynb)."""

import os
from pathlib import Path

import grading
import pytest


@pytest.fixture(scope="session")
def names():
    return grading.define(Path(os.environ.get("NOTEBOOK", "student.ipynb")))[0]


@pytest.mark.parametrize("row", grading.read_rows(), ids=lambda row: row["exercise"])
def test_workbook(row, names):
    wrong = grading.judge(row, names)
    assert wrong is None, wrong
'''


def write_pytest(folder: Path, rows: list[dict]) -> None:
    write_grading(folder, rows)
    (folder / "test_workbook.py").write_text(PYTEST, encoding="utf-8")


NBGRADER = """\
c = get_config()
c.CourseDirectory.course_id = "mnist-from-scratch"
c.ExecutePreprocessor.timeout = 300
blank = 'raise NotImplementedError("a blank: write your code here")'
c.ClearSolutions.code_stub = {"python": blank}
"""


def write_nbgrader(folder: Path, rows: list[dict]) -> None:
    """A course folder: `nbgrader generate_assignment workbook` makes the students' version."""
    notebook = workbook.make_notebook(lambda source, name: source, keep=("blank", "check"))
    by_name = {row["exercise"]: row for row in rows}
    hidden_after = {}  # the hidden checks stand behind the last visible one of their function
    for row in rows:
        if not row["visible"]:
            hidden_after.setdefault(row["function"], []).append(row)
    cells = []
    for cell in notebook.cells:
        blank, name = cell.metadata.pop("blank", None), cell.metadata.pop("check", None)
        if blank:
            cell.metadata.nbgrader = nbgrader_cell(blank, solution=True)
        cells.append(cell)
        if name:
            cell.metadata.nbgrader = nbgrader_cell(f"check-{name}", points=by_name[name]["points"])
            cells += [hidden_cell(row) for row in hidden_after.pop(by_name[name]["function"], [])]
    if hidden_after:
        raise ValueError(f"hidden checks of functions without a visible one: {set(hidden_after)}")
    notebook.cells = cells
    nbformat.validate(notebook)
    source = folder / "source" / "workbook"
    source.mkdir(parents=True)
    nbformat.write(notebook, source / "workbook.ipynb")
    (folder / "nbgrader_config.py").write_text(NBGRADER, encoding="utf-8")


def hidden_cell(row: dict):
    text = f"### BEGIN HIDDEN TESTS\n{row['check']}\n### END HIDDEN TESTS"
    cell = nbformat.v4.new_code_cell(
        f"# {row['exercise']}: checked after you hand in\n{text}",
        id=f"check-{row['exercise']}".replace("_", "-"),
    )
    cell.metadata.nbgrader = nbgrader_cell(f"check-{row['exercise']}", points=row["points"])
    return cell


def nbgrader_cell(name: str, solution: bool = False, points: int = 0):
    """The metadata of nbgrader's schema 3: an answer of the student, or a check with points."""
    metadata = {
        "schema_version": 3,
        "grade_id": name,
        "grade": not solution,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return nbformat.from_dict(metadata if solution else metadata | {"points": points})


OTTER = """\
from otter.test_files import test_case

OK_FORMAT = False
name = "{function}"
points = None


{cases}"""
OTTER_CASE = """\
@test_case(name="{exercise}", points={points}, hidden={hidden})
def test_{exercise}({function}):
    import math

    import torch

    from scratchmnist import check

{check}
"""


def write_otter(folder: Path, rows: list[dict]) -> None:
    """A file for each function, with all of its checks."""
    folder.mkdir()
    for function in dict.fromkeys(row["function"] for row in rows):
        cases = [
            OTTER_CASE.format(
                **row | {"check": textwrap.indent(row["check"], "    ")}, hidden=not row["visible"]
            )
            for row in rows
            if row["function"] == function
        ]
        text = OTTER.format(function=function, cases="\n\n".join(cases))
        (folder / f"{function}.py").write_text(text, encoding="utf-8")


SETUP = """\
#!/usr/bin/env bash
set -euo pipefail
apt-get install -y python3 python3-pip python3-venv
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "The package needs Python 3.11 or newer, and this is $(python3 --version):" \\
        "choose a newer base image for the autograder" >&2
    exit 1
fi
python3 -m venv "${AUTOGRADER:-/autograder}/venv"
"${AUTOGRADER:-/autograder}/venv/bin/pip" install "${AUTOGRADER:-/autograder}/source/package"
"""
RUN = """\
#!/usr/bin/env bash
# All is below /autograder. AUTOGRADER, PYTHON and LIMIT (seconds) are for a trial elsewhere.
set -uo pipefail
autograder="${AUTOGRADER:-/autograder}"
mkdir -p "$autograder/results"
timeout "${LIMIT:-540}" "${PYTHON:-$autograder/venv/bin/python}" "$autograder/source/grading.py" \\
    "$autograder/submission" "$autograder/results/results.json"
test -s "$autograder/results/results.json"
"""


def write_gradescope(file: Path, rows: list[dict]) -> None:
    """A zip with setup.sh, run_autograder, the checks, and the package itself."""
    package = ["pyproject.toml", "README.md", "LICENSE", "LICENSE-book.md", "DATA.md"]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("setup.sh", SETUP), ("run_autograder", RUN)):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
        archive.writestr("rows.json", json.dumps(rows, indent=1))
        archive.write(Path(__file__).with_name("grading.py"), "grading.py")
        for path in [ROOT / name for name in package] + sorted((ROOT / "src").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                archive.write(path, Path("package", path.relative_to(ROOT)))


def write_all(folder: Path, rows: list[dict]) -> None:
    """All of them, or nothing: a folder that is there already is left alone."""
    if folder.exists():
        raise FileExistsError(f"{folder} is there already: give a folder that is not")
    half = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    write_notebooks(half)
    write_pytest(half / "pytest", rows)
    write_nbgrader(half / "nbgrader", rows)
    write_otter(half / "otter", rows)
    write_gradescope(half / "gradescope.zip", rows)
    half.rename(folder)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1234, help="of the hidden checks' numbers")
    chosen = parser.parse_args(arguments)
    rows = rows_of(seed=chosen.seed)
    try:
        write_all(chosen.folder, rows)
    except FileExistsError as error:
        print(error, file=sys.stderr)
        return 1
    hidden = sum(row["points"] for row in rows if not row["visible"])
    print(f"{chosen.folder}: {sum(row['points'] for row in rows)} points, {hidden} of them hidden")
    return 0


if __name__ == "__main__":
    sys.exit(main())
