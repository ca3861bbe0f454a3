"""Grade a workbook: run the checks of rows.json on a student's notebook.

This file is copied into what scripts/for_teachers.py makes, beside rows.json. It needs nothing but
the package.

    python grading.py SUBMISSION RESULTS.json

SUBMISSION is a notebook or a folder with one. The results are in Gradescope's format. They are
written after every check, with 0 points for those that are still to come: a submission that is
ended from outside, because it hangs, keeps what it has.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import linecache
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
NOT_TRIED = "not tried: the time was over, or the program was ended, before this check"


def read_rows(file: Path = HERE / "rows.json") -> list[dict]:
    return json.loads(file.read_text(encoding="utf-8"))


def find_notebook(place: Path) -> Path:
    """The notebook itself, or the only one in a folder. Raises ValueError with what is there."""
    if place.is_file():
        return place
    found = sorted(place.glob("*.ipynb"))
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise ValueError(f"expected one notebook (.ipynb), found {names}: hand in exactly one")
    return found[0]


def define(notebook: Path) -> tuple[dict, list[str]]:
    """Run a notebook's imports, definitions and assignments, without its prints and checks.

    Returns (its names, what went wrong). A statement that raises is left out.
    """
    names: dict = {"__name__": "workbook"}
    problems = []
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8-sig"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        return names, [f"{notebook.name} cannot be read as a notebook: {error!r}"]
    for number, source in enumerate(sources, start=1):
        file = f"code cell {number}"
        lines = [pass_for_magic(line) for line in source.splitlines(keepends=True)]
        linecache.cache[file] = (len(source), None, lines, file)
        try:
            statements = ast.parse("".join(lines), file).body
        except SyntaxError as error:
            problems.append(f"{file} is no Python: {error}")
            continue
        for statement in statements:
            if not isinstance(statement, ast.Expr | ast.Assert):
                try:
                    exec(compile(ast.Module([statement], []), file, "exec"), names)
                except (Exception, SystemExit) as error:
                    problems.append(f"{file}: {type(error).__name__}: {error}")
    return names, problems


def pass_for_magic(line: str) -> str:
    """A line that only a notebook understands (%time, !pip) does nothing.

    >>> pass_for_magic("    !pip install torch\\n"), pass_for_magic("x = 7\\n")
    ('    pass\\n', 'x = 7\\n')
    """
    text = line.lstrip()
    return line[: len(line) - len(text)] + "pass\n" if text.startswith(("%", "!")) else line


def judge(row: dict, names: dict) -> str | None:
    """None if the row's check passes on what a notebook defined; else what is wrong."""
    if row["function"] not in names:
        return f"there is no {row['function']}: its cell is missing, or raises an error"
    try:
        exec(compile(row["check"], f"check {row['exercise']}", "exec"), dict(names) | own_names())
    except (Exception, SystemExit) as error:
        return str(error) or type(error).__name__
    return None


def own_names() -> dict:
    """What the checks use, whatever the student has made of these names."""
    import math

    import torch

    from scratchmnist import check

    return {"check": check, "torch": torch, "math": math}


def grade(submission: Path, results: Path) -> dict:
    rows = read_rows()
    tests = [
        {
            "name": row["exercise"],
            "score": 0,
            "max_score": row["points"],
            "output": NOT_TRIED,
            "visibility": "visible" if row["visible"] else "after_published",
        }
        for row in rows
    ]
    report = {"output": "", "tests": tests}
    write(report, results)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            names, problems = define(find_notebook(submission))
    except ValueError as error:
        names, problems = {}, [str(error)]
    report["output"] = "\n".join(problems)
    for row, test in zip(rows, tests, strict=True):
        with contextlib.redirect_stdout(io.StringIO()):
            wrong = judge(row, names)
        test["score"] = 0 if wrong else row["points"]
        test["output"] = wrong or "right"
        write(report, results)
    return report


def write(report: dict, results: Path) -> None:
    """The whole file, or the one before it."""
    half = results.with_suffix(".part")
    half.write_text(json.dumps(report, indent=1), encoding="utf-8")
    os.replace(half, results)


if __name__ == "__main__":
    done = grade(Path(sys.argv[1]), Path(sys.argv[2]))
    earned = sum(test["score"] for test in done["tests"])
    print(f"{earned} of {sum(test['max_score'] for test in done['tests'])} points")
