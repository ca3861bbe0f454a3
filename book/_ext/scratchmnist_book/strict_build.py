"""A build with a warning is a failed build, the second time too.

Sphinx writes a page with a broken reference, warns, and exits 0; on the next run it finds nothing
to do and does not even warn. Here every warning makes the exit code 1, after all pages have been
written (so that they can be looked at), and the saved environment is removed, so that the next
run reads the pages again and finds the same fault.

The one kind that may pass is a cell writing to stderr: that can be another machine's library
grumbling, and MyST-NB keeps it off the page. CI, with -W, does not let it pass either.
"""

import logging
from pathlib import Path

from sphinx.application import ENV_PICKLE_FILENAME
from sphinx.util import logging as sphinx_logging

TOLERATED = {("mystnb", "stderr")}
logger = sphinx_logging.getLogger(__name__)


class CountTolerated(logging.Filter):
    """Passes every record and counts the tolerated ones."""

    count = 0

    def filter(self, record):
        if (getattr(record, "type", None), getattr(record, "subtype", None)) in TOLERATED:
            self.count += 1
        return True


def watch_warnings(app):
    app.tolerated_warnings = CountTolerated()
    for handler in logging.getLogger("sphinx").handlers:
        if handler.level == logging.WARNING:
            handler.addFilter(app.tolerated_warnings)


def fail_on_warnings(app, exception):
    faults = app._warncount - app.tolerated_warnings.count
    if exception is None and faults:
        app.statuscode = 1
        Path(app.doctreedir, ENV_PICKLE_FILENAME).unlink(missing_ok=True)
        logger.error("the book has faults: %d warning(s), shown above", faults)


def setup(app):
    app.connect("builder-inited", watch_warnings)
    app.connect("build-finished", fail_on_warnings, priority=900)
    return {"parallel_read_safe": True}
