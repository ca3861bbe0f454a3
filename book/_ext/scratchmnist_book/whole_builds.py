"""A build that was cut short leaves nothing that a later one would take for whole.

Sphinx and MyST-NB skip what is there already. After a build that was killed, or that met a full
disk, that may be half a page or half a picture, for ever. So a build leaves a mark when it starts
and takes it away when it ends; whoever finds the mark begins anew. What the cells gave is kept:
parallel_execution takes an output from the cache whole, or not at all.

A build that ends with an error while it reads has written nothing by halves, and needs no new
beginning.
"""

import shutil
from pathlib import Path

from sphinx.errors import SphinxError, SphinxParallelError
from sphinx.util import logging

logger = logging.getLogger(__name__)


def mark_of(app):
    return Path(app.outdir).parent / "unfinished-build"


def begin(app, config):
    mark = mark_of(app)
    if mark.exists():
        logger.info("the last build was cut short: beginning anew, with the outputs that are there")
        for folder in (app.outdir, app.doctreedir, mark.with_name("jupyter_execute")):
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(parents=True, exist_ok=True)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def is_from_the_disk(error):
    """True if an OSError lies at the bottom of it: files may be cut short."""
    while error is not None:
        if isinstance(error, OSError):
            return True
        error = error.__cause__ or error.__context__
    return False


def end(app, exception):
    if exception is None or (
        isinstance(exception, SphinxError)
        and not isinstance(exception, SphinxParallelError)  # ends the writing of other pages
        and not is_from_the_disk(exception)
    ):
        mark_of(app).unlink(missing_ok=True)


def setup(app):
    app.connect("config-inited", begin, priority=1)
    app.connect("build-finished", end, priority=999)
    return {"parallel_read_safe": True}
