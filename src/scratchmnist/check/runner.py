"""The process in which a reader's file runs: `python -m scratchmnist.check.runner FILE ...`.

It says what it is about to do, and how that went, in lines of JSON; `scratchmnist.check.command`
reads them, and ends the process if it must.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import json
import linecache
import os
import re
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scratchmnist.check import judge, learning
from scratchmnist.check.calling import OutOfTime, hint_for, time_limit
from scratchmnist.check.exercises import EXERCISES, examine
from scratchmnist.check.learning import examine_training
from scratchmnist.check.wording import Wrong, place

NAME = "your_code"  # of the module the file becomes: what stands under __main__ is not run
NOT_YOURS = {"scratchmnist", "torch", "numpy", "fastai", "scipy", "sklearn", "builtins"}
# The workbook's loops; in others, the arguments' names say that it is a loop for `check.training`.
LOOPS = {
    "train_regression": "regression",
    "train_one_layer": "one layer",
    "train_two_layers": "two layers",
    "training": None,
}


class Part(NamedTuple):
    """A cell of a notebook, or a statement of a program."""

    name: str
    code: types.CodeType | None
    problem: str = ""  # why there is no code


def read_cells(path: Path) -> list[str]:
    """The sources of a notebook's code cells."""
    notebook = json.loads(path.read_text(encoding="utf-8-sig"))
    cells = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return ["".join(source) for source in cells]


def parts_of(path: Path) -> list[Part]:
    if path.suffix == ".ipynb":
        cells = enumerate(read_cells(path), start=1)
        return [cell_part(f"{path.name}, cell {k}", f"cell {k}", source) for k, source in cells]
    source = path.read_text(encoding="utf-8-sig")
    try:
        statements = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        return [Part("the file", None, in_a_line(error))]
    flags = 0
    for node in statements:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= vars(__future__)[alias.name].compiler_flag
    return [
        Part(
            f"line {node.lineno}",
            compile(ast.Module([node], []), str(path), "exec", flags, dont_inherit=True),
        )
        for node in statements
    ]


def cell_part(file: str, name: str, source: str) -> Part:
    source = without_magic(source)
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        return Part(name, compile(source, file, "exec", dont_inherit=True))
    except (SyntaxError, ValueError) as error:
        return Part(name, None, in_a_line(error))


def without_magic(source: str) -> str:
    """A cell without what only a notebook understands.

    >>> without_magic("%matplotlib inline\\nif True:\\n    !ls\\nx = 7 % 4")
    'pass\\nif True:\\n    pass\\nx = 7 % 4'
    >>> without_magic("%%time\\nx = 1"), without_magic("%%bash\\nls")
    ('pass\\nx = 1', '')
    """
    if source.lstrip().startswith("%%"):
        magic, _, rest = source.lstrip().partition("\n")
        return f"pass\n{rest}" if re.match(r"%%(time|timeit|capture)\b", magic) else ""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return re.sub(r"(?m)^(\s*)(?:[%!?].*|\S+\?{1,2})$", r"\1pass", source)
    return source


def in_a_line(error: BaseException) -> str:
    """
    >>> in_a_line(ValueError("too\\nlong"))
    'ValueError: too'
    """
    said = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
    where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    return said + where


def tell(stream, mark: str, **report) -> None:
    stream.write(json.dumps({"mark": mark, **report}) + "\n")
    stream.flush()


def run_parts(parts: list[Part], module: types.ModuleType, stream, limit: float, skip) -> None:
    for k, part in enumerate(parts):
        if k in skip:
            continue
        tell(stream, "step", id=k, name=part.name, check=False, seconds=limit)
        problem = part.problem or run_part(part, module, limit)
        blank = re.search(r"^NotImplementedError: (\w+) is a blank", problem or "")
        if blank:
            tell(stream, "blank cell", id=k, name=blank[1], text="")
        elif problem:
            ended = problem.startswith("ended")
            tell(stream, "note", id=k, name=part.name, text=f"left out: {problem}", ended=ended)


def run_part(part: Part, module: types.ModuleType, limit: float) -> str | None:
    """Runs it; returns what went wrong, if anything."""
    try:
        with time_limit(limit):
            exec(part.code, vars(module))
    except OutOfTime:
        return f"ended after {limit:g} seconds"
    except Wrong:
        return None  # the notebook's own check: the table has a line for it
    except BaseException as error:  # SystemExit and KeyboardInterrupt of the reader's own too
        frames = traceback.extract_tb(error.__traceback__)[1:]
        mine = [frame for frame in frames if frame.filename == part.code.co_filename]
        where = f" (line {mine[0].lineno})" if mine else ""
        hint = hint_for(error)
        return f"{in_a_line(error)}{where}" + (f". {hint.cause}" if hint else "")
    return None


def run_checks(module: types.ModuleType, stream, skip) -> None:
    for name in EXERCISES:
        for own_name in names_for(name, vars(module)):
            if own_name in skip:
                continue
            seconds = learning.SECONDS if name == "training" else judge.SECONDS
            tell(stream, "step", id=own_name, name=own_name, check=True, seconds=seconds)
            mark, text = verdict(name, own_name, vars(module).get(own_name))
            tell(stream, mark, id=own_name, name=own_name, text=text)


def names_for(exercise: str, defined: dict) -> list[str]:
    """Under which names an exercise's function is looked for.

    >>> names_for("relu", {}), names_for("training", {"train": "no function"})
    (['relu'], ['training'])
    """
    if exercise != "training":
        return [exercise]
    loops: dict = {}
    for name, f in defined.items():
        if is_loop(name, f) and f not in loops.values():
            loops[name] = f
    return list(loops) or [exercise]


def is_loop(name: str, f) -> bool:
    if not inspect.isroutine(f) or imported_from(f):
        return False
    if name in LOOPS:
        return True
    if not name.startswith("train"):
        return False
    try:
        return list(inspect.signature(f).parameters)[:2] == ["images", "labels"]
    except (TypeError, ValueError):
        return False


def verdict(name: str, own_name: str, f: Callable | None) -> tuple[str, str]:
    """A mark for the function, and a line about it."""
    if f is None:
        return "missing", "not there"
    home = imported_from(f)
    if home:
        return "missing", f"imported from {home}: write your own"
    try:
        said = examine_training(f, LOOPS.get(own_name)) if name == "training" else examine(name, f)
        return "right", said.removeprefix(f"{name}: right. ")
    except Wrong as wrong:
        if wrong.bug == "blank":
            return "blank", "still a blank"
        see = f" See {place(wrong.section)}" if wrong.section else ""
        return "wrong", wrong.brief + see


def imported_from(f) -> str | None:
    """The library a function comes from, or None if it is the reader's.

    >>> import torch
    >>> imported_from(torch.softmax), imported_from(hint_for)
    ('torch', 'scratchmnist')
    """
    module = inspect.getmodule(f)
    if module is None and inspect.isbuiltin(f):
        return "torch" if "torch" in str(f) or "Tensor" in str(f) else "a library"
    root = (module.__name__ if module else "").partition(".")[0]
    return root if root in NOT_YOURS else None


def main(path: str, limit: str, skip: str) -> None:
    with open(os.dup(1), "w", encoding="utf-8") as stream:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)  # what the reader's code prints, in whatever way
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        sys.path[0] = str(Path(path).parent)
        module = types.ModuleType(NAME)
        sys.modules[NAME] = module
        nothing = lambda *args, **kwargs: None  # noqa: E731
        shell = types.SimpleNamespace(
            run_line_magic=nothing, run_cell_magic=nothing, system=nothing
        )
        vars(module).update(display=nothing, get_ipython=lambda: shell, __file__=path)
        run_parts(parts_of(Path(path)), module, stream, float(limit), json.loads(skip))
        run_checks(module, stream, json.loads(skip))
        tell(stream, "done")


if __name__ == "__main__":
    main(*sys.argv[1:])
