"""A build that was cut short leaves nothing that a later one would take for whole.

Sphinx and MyST-NB skip what is there already. After a build that was killed, or that met a full
disk, that may be half a page or half a picture, for ever. So a build leaves a mark when it starts
and takes it away when all went well; whoever finds the mark begins anew. What the cells gave is
kept: parallel_execution takes an output from the cache whole, or not at all.

A build that ends because a cell raised has written nothing by halves, and needs no new beginning.

The mark is the number of the process that builds. A killed `make` may leave its build at work;
another one beside it, in the same folder, is refused.
"""

import os
import shutil
from pathlib import Path

import psutil
from sphinx.errors import SphinxError
from sphinx.util import logging

from scratchmnist_book.parallel_execution import CellError

logger = logging.getLogger(__name__)


class AnotherBuild(SphinxError):
    category = "Another build is at work"


def mark_of(app):
    return Path(app.outdir).parent / "unfinished-build"


def at_work(mark):
    """The number of the other process that left the mark and still builds, or None."""
    try:
        process = psutil.Process(int(mark.read_text()))
        alive = process.status() != psutil.STATUS_ZOMBIE
        older = process.create_time() < mark.stat().st_mtime  # or the number is used again
    except (ValueError, OSError, psutil.Error):
        return None
    return process.pid if alive and older and process.pid != os.getpid() else None


def begin(app, config):
    mark = mark_of(app)
    if mark.exists():
        if number := at_work(mark):
            raise AnotherBuild(
                f"process {number} builds in {mark.parent}: let it end, or end it, and build again "
                f"(if {number} is no build, delete {mark})"
            )
        logger.info("the last build did not end well: beginning anew, with the outputs it left")
        for folder in (app.outdir, app.doctreedir, mark.with_name("jupyter_execute")):
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(parents=True, exist_ok=True)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{os.getpid()}\n")


def end(app, exception):
    """Priority: after strict_build, which says by the exit status whether there were warnings."""
    well = exception is None and not app.statuscode
    if well or isinstance(exception, CellError):
        mark_of(app).unlink(missing_ok=True)


def setup(app):
    app.connect("config-inited", begin, priority=1)
    app.connect("build-finished", end, priority=999)
    return {"parallel_read_safe": True}
