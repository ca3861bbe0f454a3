"""What a course gets: each grader's format gives a right, a wrong and an empty workbook its points.

nbgrader and Otter themselves run in an environment of their own, .venv/graders, which is made when
it is missing. Where it cannot be made, their tests fail in CI and are skipped elsewhere.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT
from scratchmnist_book import workbook

from scripts import for_teachers, grading

ENV = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
OURS = sysconfig.get_path("purelib")  # the packages of the tests' environment
NO_POINTS = ("number_accuracy", "one_layer_accuracy", "two_layers_accuracy")
NO_POINTS += ("experiment", "best_lr", "test_accuracies")

# What the wrong workbook has in three blanks. Each is wrong in a way of its own, and only the
# hidden checks find the second: it is wrong for eight classes alone.
WRONG = {
    "mse_gradient": "    return (y_pred - y_true) / y_pred.numel()",
    "softmax": (
        "    exps = (logits - logits.amax(1, keepdim=True)).exp()\n"
        "    return exps / exps.sum(1, keepdim=True) + (logits.shape[1] == 8)"
    ),
    "best_of": "    return settings[0]",
}
LOST = {
    "mse_gradient": 2,
    "best_of": 1,
    "softmax_on_other_numbers": 1,
    "backpropagation_on_other_numbers": 3,
}


def filled(name, source, wrong=()):
    """The text of a blank's cell: the experiments stay blank, which costs no points."""
    if name in NO_POINTS:
        return workbook.blanked(source, name)
    if name in wrong:
        return workbook.SOLUTION.sub(lambda _: WRONG[name] + "\n", source)
    return workbook.solved(source)


def right(source, name):
    return filled(name, source)


def wrong(source, name):
    return filled(name, source, WRONG)


HANDED_IN = {"right": right, "wrong": wrong, "empty": workbook.blanked}


def points(kind):
    """{exercise: points} that a workbook should get."""
    lost = LOST if kind == "wrong" else {}
    worth = {row.exercise: row.points for row in for_teachers.TABLE}
    assert set(lost) <= set(worth)
    return {name: (p - lost.get(name, 0)) * (kind != "empty") for name, p in worth.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "made"
    assert for_teachers.main([str(folder), "--seed", "77"]) == 0
    return folder


@pytest.fixture(scope="module")
def workbooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workbooks")
    for kind, source_of in HANDED_IN.items():
        nbformat.write(workbook.make_notebook(source_of), folder / f"{kind}.ipynb")
    return folder


# --- the table ------------------------------------------------------------------------------------


def test_the_table_has_every_check_once():
    names = [row.exercise for row in for_teachers.TABLE]
    assert len(set(names)) == len(names)
    assert sum(row.points for row in for_teachers.TABLE) == 40
    rows = for_teachers.rows_of(seed=5)
    assert all(row["check"] and "SEED" not in row["check"] for row in rows)
    assert sum("manual_seed(5)" in row["check"] for row in rows) == 3


def test_a_table_that_leaves_a_check_out_is_refused():
    with pytest.raises(ValueError, match=r"differ: \['linear'\]"):
        for_teachers.rows_of(for_teachers.TABLE[1:])


def test_a_folder_that_is_there_is_left_alone(made, capsys):
    before = sorted(made.rglob("*"))
    assert for_teachers.main([str(made)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert sorted(made.rglob("*")) == before


def test_what_students_get_has_no_answers_and_no_hidden_checks(made):
    student = (made / "student.ipynb").read_text("utf-8")
    assert "SOLUTION" not in student
    assert "other numbers" not in student
    assert nbformat.read(made / "student.ipynb", 4) == workbook.student_notebook()
    assert nbformat.read(made / "solved.ipynb", 4) == workbook.solved_notebook()


# --- pytest, Otter, Gradescope --------------------------------------------------------------------


@pytest.mark.parametrize("kind", HANDED_IN)
def test_pytest(made, workbooks, kind):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", made / "pytest"],
        env=ENV | {"NOTEBOOK": str(workbooks / f"{kind}.ipynb")},
        cwd=made,
        capture_output=True,
        encoding="utf-8",
    )
    seen = dict(re.findall(r"^(?:(?=PASSED|FAILED)(?:\w+)) \S*\[(\w+)\]()", done.stdout, re.M))
    passed = set(re.findall(r"^PASSED \S*\[(\w+)\]", done.stdout, re.M))
    assert set(seen) == set(points(kind)), done.stdout[-2000:]
    full = points("right")
    assert passed == {name for name, got in points(kind).items() if got == full[name]}


@pytest.mark.parametrize("kind", HANDED_IN)
def test_gradescope(made, workbooks, kind, tmp_path):
    results = gradescope(made, (workbooks / f"{kind}.ipynb").read_text("utf-8"), tmp_path)
    tests = results["tests"]
    assert {test["name"]: test["score"] for test in tests} == points(kind)
    assert {test["name"]: test["max_score"] for test in tests} == points("right")
    hidden = {test["name"] for test in tests if test["visibility"] == "after_published"}
    assert hidden == {name for name in points("right") if name.endswith("_on_other_numbers")}
    for test in tests:
        assert (test["output"] == "right") == (test["score"] == test["max_score"])
    if kind == "wrong":
        said = {test["name"]: test["output"] for test in tests}
        assert "likely cause: " in said["mse_gradient"]
        assert "on other numbers, softmax is off by 1" in said["softmax_on_other_numbers"]


def gradescope(made, notebook, autograder, limit="540"):
    """Run the autograder as the image does, but with the tests' Python, which has all it needs."""
    put_in_place(made, notebook, autograder)
    package = autograder / "source" / "package" / "src"
    script(autograder, "run_autograder", PYTHON=sys.executable, PYTHONPATH=package, LIMIT=limit)
    return json.loads((autograder / "results" / "results.json").read_text("utf-8"))


def put_in_place(made, notebook, autograder):
    """As Gradescope does: the zip in source/, the student's file in submission/."""
    with zipfile.ZipFile(made / "gradescope.zip") as archive:
        archive.extractall(autograder / "source")
        for name in ("setup.sh", "run_autograder"):
            mode = archive.getinfo(name).external_attr >> 16
            assert mode & 0o111, f"{name} must be executable"
    (autograder / "submission").mkdir()
    (autograder / "submission" / "my homework.ipynb").write_text(notebook, encoding="utf-8")


def script(autograder, name, **environment):
    environment = {key: str(value) for key, value in environment.items()}
    done = subprocess.run(
        ["bash", autograder / "source" / name],
        env=ENV | {"AUTOGRADER": str(autograder)} | environment,
        cwd=autograder,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.mark.skipif(sys.platform != "linux", reason="Gradescope's image is a Linux")
def test_gradescopes_setup_installs_the_package(made, tmp_path):
    """Its environment is made and used by the zip's own scripts.

    Only `apt-get`, which needs a system of its own, is a stand-in that keeps what it was told; and
    PyTorch and the like are found in the tests' environment, so that pip need not get them anew.
    """
    put_in_place(made, one_cell("def relu(x):\n    return x.clamp(min=0)"), tmp_path)
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "apt-get").write_text(f'#!/bin/sh\necho "$@" > "{tmp_path}/told"\n')
    (commands / "apt-get").chmod(0o755)
    (commands / "python3").symlink_to(sys.executable)
    there = {"PYTHONPATH": OURS}
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    try:
        script(tmp_path, "setup.sh", PATH=path, PIP_RETRIES="1", **there)
    except AssertionError as error:
        if os.environ.get("CI") or "connection" not in str(error).lower():
            raise
        pytest.skip(f"pip gets no build tools: {str(error)[-200:]}")
    assert "python3-venv" in (tmp_path / "told").read_text()
    (installed,) = (tmp_path / "venv").glob("lib/*/site-packages/scratchmnist/__init__.py")
    assert installed.is_file()
    script(tmp_path, "run_autograder", **there)
    results = json.loads((tmp_path / "results" / "results.json").read_text("utf-8"))
    assert {test["name"] for test in results["tests"] if test["score"]} == {"relu"}


def one_cell(source):
    return nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]))


@pytest.mark.parametrize(
    ("notebook", "said"),
    [
        ("no notebook at all", "cannot be read as a notebook"),
        (one_cell("def linear(x:"), "code cell 1 is no Python"),
        (one_cell("import nothing_of_this_name"), "ModuleNotFoundError"),
    ],
)
def test_gradescope_is_told_what_cannot_be_run(made, tmp_path, notebook, said):
    results = gradescope(made, notebook, tmp_path)
    assert said in results["output"]
    assert {test["score"] for test in results["tests"]} == {0}
    assert all("there is no " in test["output"] for test in results["tests"])


def test_gradescope_has_results_when_a_notebook_hangs(made, tmp_path):
    results = gradescope(made, one_cell("while True:\n    pass"), tmp_path, limit="20")
    assert {test["output"] for test in results["tests"]} == {grading.NOT_TRIED}


def test_two_notebooks_are_refused(tmp_path):
    for name in ("a.ipynb", "b.ipynb"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ValueError, match=r"found a\.ipynb, b\.ipynb"):
        grading.find_notebook(tmp_path)


# --- nbgrader and Otter themselves ----------------------------------------------------------------


@pytest.fixture(scope="module")
def graders():
    """A function that runs `python -m ...` in the graders' environment."""
    home, pins = ROOT / ".venv" / "graders", ROOT / "tests" / "graders.txt"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = home / "installed.txt", f"{pins.read_text('utf-8')}{OURS}\n"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        problem = install_graders(home, python, pins)
        if problem:
            missing = pytest.fail if os.environ.get("CI") else pytest.skip
            missing(f"no environment with nbgrader and Otter: {problem}")
        stamp.write_text(wanted, encoding="utf-8")

    def run(*arguments, cwd, home):
        done = subprocess.run(
            [python, "-m", *map(str, arguments)],
            env=ENV
            | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
            # Jupyter's settings of whoever runs the tests play no part
            | {"HOME": str(home), "JUPYTER_PLATFORM_DIRS": "0"},
            cwd=cwd,
            capture_output=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout

    return run


def install_graders(home, python, pins):
    """Make the environment. Returns what went wrong, if anything.

    PyTorch and what else the package needs are taken from the environment of the tests: they are
    found there behind the graders' own packages.
    """
    shutil.rmtree(home, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-compile"]
    pip += ["--retries=1", "--timeout=30", "-c", pins, "nbgrader", "otter-grader"]
    for command in ([sys.executable, "-m", "venv", "--without-pip", home], pip):
        done = subprocess.run(command, capture_output=True, encoding="utf-8")
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no message"]
            return f"`{' '.join(map(str, command))}` ended with {done.returncode}: {said[-1]}"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([python, "-c", where], capture_output=True, encoding="utf-8")
    packages = Path(done.stdout.strip(), "environment_of_the_tests.pth")
    packages.write_text(f"{OURS}\n", encoding="utf-8")
    return None


def test_otter(made, workbooks, graders, tmp_path):
    """Otter makes its autograder of the test files, and grades with it."""
    (tmp_path / "grade_all.py").write_text(OTTER_GRADES, encoding="utf-8")
    graders("grade_all", made / "otter", workbooks, *HANDED_IN, cwd=tmp_path, home=tmp_path)
    seen = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    for kind in HANDED_IN:
        expected, hidden = {}, {}
        for row in for_teachers.TABLE:
            of_kind = points(kind)[row.exercise]
            expected[row.function] = expected.get(row.function, 0) + of_kind
            hidden[row.exercise] = not row.visible
        assert {name: score for name, (score, _) in seen[kind].items()} == expected, kind
        cases = [tuple(case) for _, of_file in seen[kind].values() for case in of_file]
        full = points("right")
        assert sorted(cases) == sorted(
            (name, hidden[name], got == full[name]) for name, got in points(kind).items()
        )


# `otter generate`, and `otter run` for several notebooks, in one process
OTTER_GRADES = """
import json, sys
from otter.api import grade_submission
from otter.cli import cli

tests, folder, *kinds = sys.argv[1:]
cli(["generate", "-t", tests, "-o", "a.zip"], standalone_mode=False)
seen = {}
for kind in kinds:
    results = grade_submission(f"{folder}/{kind}.ipynb", "a.zip", quiet=True)
    seen[kind] = {
        name: (
            results.get_score(name),
            [(r.test_case.name, r.test_case.hidden, r.passed) for r in file.test_case_results],
        )
        for name, file in results.results.items()
    }
json.dump(seen, open("scores.json", "w"))
"""


def test_nbgrader(made, graders, tmp_path):
    """Generated, collected and graded by nbgrader."""
    course = made / "nbgrader"

    def nbgrader(*arguments):
        graders("nbgrader", *arguments, cwd=course, home=tmp_path)

    nbgrader("generate_assignment", "workbook")
    released = nbformat.read(course / "release" / "workbook" / "workbook.ipynb", 4)
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    assert "on other numbers, " not in text
    answers = {
        cell.metadata.blank: cell.source
        for cell in workbook.read_source().cells
        if "blank" in cell.metadata
    }
    archive = course / "downloaded" / "workbook" / "archive"
    archive.mkdir(parents=True)
    for kind, source_of in HANDED_IN.items():
        notebook = nbformat.read(course / "release" / "workbook" / "workbook.ipynb", 4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            if name in answers and kind != "empty":
                cell.source = source_of(answers[name], name)
        file = f"course_{kind}_attempt_2025-03-01-12-00-00_workbook.ipynb"
        nbformat.write(notebook, archive / file)
    names = r".*_(?P<student_id>\w+)_attempt_(?P<timestamp>[0-9\-]+)_(?P<file_id>\w+)"
    nbgrader("zip_collect", "workbook", f"--FileNameCollectorPlugin.named_regexp={names}")
    nbgrader("autograde", "workbook")
    for kind in HANDED_IN:
        assert cell_scores(course / "gradebook.db", kind) == points(kind)


def cell_scores(database: Path, student: str):
    """{exercise: points} from nbgrader's database."""
    import contextlib
    import sqlite3

    query = """
        select base_cell.name, grade.auto_score from grade
        join base_cell on base_cell.id = grade.cell_id
        join submitted_notebook on submitted_notebook.id = grade.notebook_id
        join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
        where submitted_assignment.student_id = ?
    """
    with contextlib.closing(sqlite3.connect(database)) as connection:
        found = connection.execute(query, (student,)).fetchall()
    return {name.removeprefix("check-"): score for name, score in found}
