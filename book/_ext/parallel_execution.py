"""Execute the pages side by side, while Sphinx reads those that are done.

MyST-NB executes a page when it reads it. Here the pages that are not in the cache yet are executed
by a few kernels from the start; when Sphinx comes to a page it waits until that page is done, and
MyST-NB finds it in the cache. Every kernel computes with one thread: the numbers do not depend on
the machine's cores, and two pages do not fight over them.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.errors import SphinxError
from sphinx.util import logging

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
QUIET = ["--log-level=ERROR"]  # each kernel would say that it talks over local TCP
# One more than there are cores: a kernel that starts, ends or writes files leaves its core idle.
WORKERS = min(4, os.cpu_count() or 1) + 1
logger = logging.getLogger(__name__)


class CellError(SphinxError):
    category = "A cell raised"


def read_notebook(env, docname):
    """The page as a notebook, or None if it is plain Markdown."""
    path = env.doc2path(docname)
    text = Path(path).read_text(encoding="utf-8")
    reader = create_nb_reader(path, env.myst_config, env.mystnb_config, text)
    return reader.read(text) if reader else None


def is_cached(cache, notebook):
    try:
        cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    return True


def code_length(notebook):
    return sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def start_execution(app, env, docnames):
    """Start the kernels. The longest code goes first; Sphinx reads the pages in the same order."""
    app.executing = {}
    options = env.mystnb_config
    if options.execution_mode != "cache":
        return
    cache = get_cache(options.execution_cache_path)
    pages = {docname: read_notebook(env, docname) for docname in docnames}
    todo = [name for name, page in pages.items() if page and not is_cached(cache, page)]
    todo.sort(key=lambda name: -code_length(pages[name]))
    docnames[:] = [name for name in docnames if name not in todo] + todo

    def execute(docname):
        start = time.perf_counter()
        result = single_nb_execution(
            pages[docname],
            cwd=str(Path(env.doc2path(docname)).parent),
            timeout=options.execution_timeout,
            allow_errors=False,
            extra_arguments=QUIET,
        )
        return result, time.perf_counter() - start

    workers = ThreadPoolExecutor(WORKERS)
    app.executing = {docname: workers.submit(execute, docname) for docname in todo}


def wait_for_page(app, docname, source):
    """Before Sphinx reads a page: put its outputs into the cache, when they are there."""
    if docname not in app.executing:
        return
    result, seconds = app.executing[docname].result()
    if result.err:
        raise CellError("in " + "\n\nin ".join(all_failures(app.executing)))
    logger.info("executed %s in %.1f s", docname, seconds)
    path = app.env.doc2path(docname)
    bundle = CacheBundleIn(result.nb, path, data={"execution_seconds": result.time})
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def all_failures(executing):
    """Not only the first: with a wrong gradient, it is good to see all the pages that notice."""
    results = {docname: future.result()[0] for docname, future in executing.items()}
    return [f"{docname}:\n{result.err}" for docname, result in results.items() if result.err]


def setup(app):
    for name in ONE_THREAD:
        os.environ[name] = "1"  # the kernels inherit it
    app.connect("env-before-read-docs", start_execution)
    app.connect("source-read", wait_for_page)
    return {"parallel_read_safe": True}
