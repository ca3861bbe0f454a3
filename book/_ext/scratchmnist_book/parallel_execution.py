"""Execute the pages side by side, while Sphinx reads those that are done.

MyST-NB executes a page when it reads it. Here the pages that are not in the cache yet are executed
by a few kernels from the start; when Sphinx comes to a page it waits until that page is done, and
MyST-NB finds it in the cache. Every kernel computes with one thread: the numbers do not depend on
the machine's cores, and two pages do not fight over them.
"""

import math
import os
import shutil
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import create_nb_reader
from sphinx.errors import SphinxError
from sphinx.util import logging

from scratchmnist_book import warm_kernels

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
QUIET = ["--log-level=ERROR"]  # each kernel would say that it talks over local TCP
# One more than there are cores: a kernel that starts, ends or writes files leaves its core idle.
WORKERS = min(4, os.cpu_count() or 1) + 1
WARM_FROM = 4  # pages: for fewer it does not pay to import beforehand what they may not need
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
    """True if the page's outputs are in the cache, and whole: a killed build may have left half."""
    try:
        record = cache.match_cache_notebook(notebook)
    except KeyError:
        return False
    try:
        cache.get_cache_bundle(record.pk)
    except (KeyError, ValueError):  # no file, or no notebook in it
        shutil.rmtree(Path(cache.path, "executed", record.hashkey), ignore_errors=True)
        return False
    return True


def code_length(notebook):
    return sum(len(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def takes_long(notebook):
    """Sorts pages: first those whose front matter says `slow: SECONDS`, then by length of code.

    `slow: true` stands for more seconds than all others say.
    """
    seconds = notebook.metadata.get("slow", 0)
    return -math.inf if seconds is True else -seconds, -code_length(notebook)


def warm_up(app):
    """Have a process import what the kernels will need, if none does so already."""
    if warm_kernels.POSSIBLE and not app.warm:
        app.warm = True
        app.warm_kernels.enter_context(warm_kernels.warm_kernels())


def warm_up_for_a_new_cache(app, config):
    """Then nearly all pages will be executed: no need to read them first, to know that."""
    pages = Path(app.srcdir).glob("book/*.md")
    if not any(Path(config.nb_execution_cache_path).iterdir()) and len([*pages]) >= WARM_FROM:
        warm_up(app)


def start_execution(app, env, docnames):
    """Start the kernels. Costly pages go first; Sphinx reads the pages in the same order."""
    app.executing = {}
    options = env.mystnb_config
    if options.execution_mode != "cache":
        return
    cache = get_cache(options.execution_cache_path)
    pages = {docname: read_notebook(env, docname) for docname in docnames}
    todo = [name for name, page in pages.items() if page and not is_cached(cache, page)]
    todo.sort(key=lambda name: takes_long(pages[name]))
    docnames[:] = [name for name in docnames if name not in todo] + todo

    one_writer = threading.Lock()

    def execute(docname):
        start = time.perf_counter()
        result = single_nb_execution(
            pages[docname],
            cwd=str(Path(env.doc2path(docname)).parent),
            timeout=options.execution_timeout,
            allow_errors=False,
            extra_arguments=QUIET,
            coalesce_streams=True,  # what is printed in one go may arrive in pieces
        )
        if not result.err:
            bundle = CacheBundleIn(
                result.nb, env.doc2path(docname), data={"execution_seconds": result.time}
            )
            with one_writer:
                if not is_cached(cache, pages[docname]):  # by another page with the same code
                    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        return result, time.perf_counter() - start

    if len(todo) >= WARM_FROM:
        warm_up(app)
    workers = ThreadPoolExecutor(WORKERS)
    stop_when_interrupted(workers)
    app.executing = {docname: workers.submit(execute, docname) for docname in todo}


def stop_when_interrupted(workers):
    """Ctrl-C ends the kernels under way and starts no other: what is in the cache stays there."""
    if threading.current_thread() is not threading.main_thread():
        return  # only the main thread may say what a signal does

    def stop(number, frame):
        workers.shutdown(wait=False, cancel_futures=True)
        for child in psutil.Process().children(recursive=True):
            child.kill()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, stop)


def wait_for_page(app, docname, source):
    """Before Sphinx reads a page: wait until its outputs are in the cache."""
    if docname not in app.executing:
        return
    result, seconds = app.executing[docname].result()
    if result.err:
        raise CellError("in " + "\n\nin ".join(all_failures(app.executing)))
    logger.info("executed %s in %.1f s", docname, seconds)


def all_failures(executing):
    """Not only the first: with a wrong gradient, it is good to see all the pages that notice."""
    results = {docname: future.result()[0] for docname, future in executing.items()}
    return [f"{docname}:\n{result.err}" for docname, result in results.items() if result.err]


def end_kernels(app, exception):
    app.warm_kernels.close()


def setup(app):
    app.warm, app.warm_kernels = False, ExitStack()
    for name in ONE_THREAD:
        os.environ[name] = "1"  # the kernels inherit it
    app.connect("config-inited", warm_up_for_a_new_cache)
    app.connect("env-before-read-docs", start_execution)
    app.connect("source-read", wait_for_page)
    app.connect("build-finished", end_kernels)
    return {"parallel_read_safe": True}
