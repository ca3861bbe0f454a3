"""Execute the pages side by side, before Sphinx reads them one after another.

MyST-NB executes a page when it reads it. Here the pages that are not in the cache yet are executed
first, a few at a time, and put there; MyST-NB then finds them. Every kernel computes with one
thread: the numbers do not depend on the machine's cores, and two pages do not fight over them.
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
WORKERS = min(4, os.cpu_count() or 1)
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


def execute_pages(app, env, docnames):
    """Fill the cache for the pages about to be read; the longest code goes first."""
    options = env.mystnb_config
    if options.execution_mode != "cache":
        return
    cache = get_cache(options.execution_cache_path)
    pages = {docname: read_notebook(env, docname) for docname in docnames}
    todo = [name for name, page in pages.items() if page and not is_cached(cache, page)]
    todo.sort(key=lambda name: -code_length(pages[name]))

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

    failures = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for docname, (result, seconds) in zip(todo, pool.map(execute, todo)):
            if result.err:
                failures.append(f"{docname}:\n{result.err}")
                continue
            logger.info("executed %s in %.1f s", docname, seconds)
            bundle = CacheBundleIn(
                result.nb, env.doc2path(docname), data={"execution_seconds": result.time}
            )
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    if failures:
        raise CellError("in " + "\n\nin ".join(failures))


def setup(app):
    for name in ONE_THREAD:
        os.environ[name] = "1"  # the kernels inherit it
    app.connect("env-before-read-docs", execute_pages)
    return {"parallel_read_safe": True}
