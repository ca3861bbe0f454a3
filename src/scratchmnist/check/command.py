"""`scratchmnist check FILE`: all checks on what a notebook or a program defines.

The file is run in a process of its own (`scratchmnist.check.runner`), which can always be ended.
What it prints is thrown away; its folder is the working folder, as in Jupyter.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

GRACE = 5  # seconds that a step may be late before its process is ended
CELLS = 5  # a cell gets this part of the time: one that hangs must not use up the others'

ABOUT = """\
Runs a notebook (.ipynb) or a program (.py), cell by cell or statement by statement, then checks
the functions that it defines under these names:

{signatures}

A training loop may have another name that starts with `train`, if its first two arguments are
called images and labels. The workbook's train_regression, train_one_layer and train_two_layers are
held to what such a model reaches.

A cell that raises an error or takes too long is left out, and the next one is run. Lines for the
notebook or the shell (%..., !...) are skipped. Nothing is installed, shown or saved by this.
Exit code: 0 if at least one of the functions is there and all that are there are right, 1 if not
(a blank is not), 2 if the file cannot be read."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from scratchmnist.check.exercises import EXERCISES

    signatures = [f"  {one.name}({', '.join(one.arguments)})" for one in EXERCISES.values()]
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = ABOUT.format(signatures="\n".join(signatures))
    parser.add_argument("file", type=Path, help="a notebook (.ipynb) or a program (.py)")
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=300,
        help="the most that it may take in all (default: 300); a cell gets a fifth of it",
    )


def seconds(text: str) -> float:
    value = float(text)
    if not 1 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"at least 1 second, got {text}")
    return value


def run(arguments: argparse.Namespace) -> int:
    path, limit = arguments.file, arguments.seconds
    problem = unreadable(path)
    if problem:
        print(f"scratchmnist check: {problem}", file=sys.stderr)
        return 2
    say(f"{path.name}: at most {limit:g} seconds in all, {limit / CELLS:g} for a cell")
    blank_cells, marks = {}, []
    for report in reports(path.resolve(), limit):
        if report["mark"] == "blank cell":
            blank_cells[report["name"]] = True
        else:
            marks.append(show(report))
            blank_cells.pop(report["name"], None)  # it has a line of its own
    if blank_cells:
        show({"mark": "note", "name": "blank too", "text": ", ".join(blank_cells)})
    right, wrong, blank = (marks.count(mark) for mark in ("right", "wrong", "blank"))
    blanks = f"{blank} blank, " if blank else ""
    print(f"{right} right, {wrong} wrong, {blanks}{marks.count('missing')} not there")
    if wrong:
        say(
            wrapped(
                "The numbers behind a cause: `from scratchmnist import check`, then "
                "`check.NAME(NAME)`, in the notebook"
            )
        )
    return 0 if right and not wrong and not blank else 1


def unreadable(path: Path) -> str | None:
    """Why the file cannot be run at all, or None."""
    if path.suffix not in (".ipynb", ".py"):
        return f"expected a notebook (.ipynb) or a program (.py), got {path.name}"
    if not path.is_file():
        return f"there is no file {path}"
    if path.suffix == ".ipynb":
        from scratchmnist.check.runner import read_cells

        try:
            read_cells(path)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return f"{path.name} is no notebook that can be read: {error}"
    return None


def show(report: dict) -> str:
    """Print a line of the table, or a note about a cell; returns its mark."""
    mark, name, text = report["mark"], report["name"], report["text"]
    sign = {"right": "ok", "wrong": "WRONG", "blank": "-", "missing": "-", "note": "note"}[mark]
    say(wrapped(f"{sign:6}{name:23}{text}", indent=29))
    return mark


def wrapped(text: str, indent: int = 0) -> str:
    """The text in lines as wide as the terminal, but at most 100: some room for words remains."""
    width = max(indent + 20, min(100, shutil.get_terminal_size().columns))
    return textwrap.fill(text, width, subsequent_indent=" " * indent)


def say(text: str) -> None:
    """Print at once, whatever letters the terminal knows (Windows' may know few)."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def reports(path: Path, limit: float) -> Iterator[dict]:
    """Notes about cells, then a report on each check.

    A step that hangs so firmly that its own process cannot end it costs the process; another one
    is started that leaves this step out.
    """
    deadline = time.monotonic() + limit
    told, skip = set(), []
    while True:
        stuck = yield from one_process(path, limit / CELLS, skip, told, deadline)
        if stuck is None:
            return
        step, late = stuck
        if step is None or time.monotonic() > deadline - 1:
            yield {"mark": "wrong", "name": "the whole", "text": f"{late}; the rest was not tried"}
            return
        skip.append(step["id"])
        told.add(step["id"])
        mark = "wrong" if step["check"] else "note"
        yield {"mark": mark, "name": step["name"], "text": late}


def one_process(path: Path, cell_limit: float, skip: list, told: set, deadline: float):
    """Yields reports that were not told yet. Returns None, or the step that it was ended in."""
    command = [sys.executable, "-m", "scratchmnist.check.runner", str(path), str(cell_limit)]
    # Found from the other folder too, if this package is not installed but on a relative path
    search = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [*command, json.dumps(skip)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=path.parent,
            env=os.environ | {"MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(search)},
            encoding="utf-8",
            start_new_session=True,
        )
        lines: queue.Queue = queue.Queue()
        threading.Thread(target=forward, args=(process.stdout, lines), daemon=True).start()
        step, step_ends = None, deadline
        try:
            while True:
                try:
                    line = lines.get(timeout=max(0.01, min(step_ends, deadline) - time.monotonic()))
                except queue.Empty:
                    in_all = deadline <= step_ends
                    late = "the time for the whole is over" if in_all else "ended: it hangs"
                    where = f" (in {step['name']})" if in_all and step else ""
                    return step, late + where
                if line is None:
                    break
                report = json.loads(line)
                if report["mark"] == "step":
                    step, step_ends = report, time.monotonic() + report["seconds"] + GRACE
                elif report["mark"] == "done":
                    return None
                elif report["id"] not in told:
                    told.add(report["id"])
                    if report.get("ended"):  # no need to wait for it a second time
                        skip.append(report["id"])
                    yield report
        finally:
            end(process)
        errors.seek(0)
        last = errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        return step, f"the process ended with code {process.wait()}: {last[0]}"


def forward(stream, lines: queue.Queue) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def end(process: subprocess.Popen) -> None:
    """End the process and what it has started; on Windows, which has no groups, it alone."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
