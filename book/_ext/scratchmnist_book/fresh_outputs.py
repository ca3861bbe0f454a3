"""No page ever shows a number that an older version of the code computed.

Jupyter-cache knows a page's outputs by the code in its cells alone; it does not see an edit in the
package the cells import. So the cache's folder is named after a hash of everything else that
decides what a cell gives: the package's sources and data, the files in book/data and book/programs,
and the versions of what computes. The name is part of Sphinx's configuration, so a new one makes
Sphinx read every page again too. After an edit to style sheets and scripts it writes all pages.
"""

import hashlib
import importlib.metadata
import importlib.util
import platform
import shutil
from pathlib import Path

from scratchmnist_book import BOOK

COMPUTES = "torch torchvision numpy scipy fastai matplotlib pillow safetensors".split()  # noqa: SIM905
OWN_FILES = Path(__file__).parent
CACHES_KEPT = 3  # a switch between branches finds its outputs again


def hash_files(folder, patterns):
    digest = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in Path(folder).rglob(pattern)):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def sources_hash(book):
    """What the cells' outputs depend on, besides the cells; book: the folder of the pages."""
    package = importlib.util.find_spec("scratchmnist")
    parts = [platform.python_version(), *map(version, COMPUTES)]
    if package is not None:
        parts.append(hash_files(Path(package.origin).parent, ["*.py", "*.npz", "*.json"]))
    parts.append(hash_files(book, ["data/**/*.*", "programs/*.py"]))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def drop_half_a_database(cache):
    """Jupyter-cache makes the tables when it makes the file; cut short between, it never would."""
    written_last = cache / "__version__.txt"
    if (cache / "global.db").exists() and not written_last.exists():
        shutil.rmtree(cache)


def set_cache_folder(app, config):
    caches = Path(app.outdir).parent / "jupyter_cache"
    cache = caches / sources_hash(Path(app.srcdir) / BOOK.name)
    drop_half_a_database(cache)
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    for old in sorted(caches.iterdir(), key=lambda path: -path.stat().st_mtime)[CACHES_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)
    config.book_extensions_hash = hash_files(OWN_FILES, ["*.py", "*.js"])
    config.book_static_hash = hash_files(BOOK, ["_static/**/*.*", "_templates/*.html"])


def setup(app):
    app.add_config_value("book_extensions_hash", "", "env")
    app.add_config_value("book_static_hash", "", "html")
    app.connect("config-inited", set_cache_folder)
    return {"parallel_read_safe": True}
