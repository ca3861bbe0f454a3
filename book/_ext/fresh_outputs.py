"""No page ever shows a number that an older version of the code computed.

Jupyter-cache knows a page's outputs by the code in its cells alone; it does not see an edit in the
package the cells import. So the cache's folder is named after a hash of everything else that
decides what a cell gives: the package's sources and data, and the versions of what computes. The
name is part of Sphinx's configuration, so a new one makes Sphinx read every page again too.

Within one run, whenever a page is read all pages are written again: a recorded number, a title or
a label may be shown on any of them. Edits to style sheets and scripts count as well.
"""

import hashlib
import importlib.metadata
import importlib.util
import platform
import shutil
from pathlib import Path

COMPUTES = ("torch", "torchvision", "numpy", "scipy", "fastai", "matplotlib", "scikit-learn", "jax")
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


def sources_hash():
    """What the cells' outputs depend on, besides the cells."""
    package = importlib.util.find_spec("scratchmnist")
    parts = [platform.python_version(), *map(version, COMPUTES)]
    if package is not None:
        parts.append(hash_files(Path(package.origin).parent, ["*.py", "*.npz", "*.json"]))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def set_cache_folder(app, config):
    caches = Path(app.outdir).parent / "jupyter_cache"
    cache = caches / sources_hash()
    cache.mkdir(parents=True, exist_ok=True)
    cache.touch()
    for old in sorted(caches.iterdir(), key=lambda path: -path.stat().st_mtime)[CACHES_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    config.nb_execution_cache_path = str(cache)
    config.book_extensions_hash = hash_files(OWN_FILES, ["*.py", "*.js"])
    config.book_static_hash = hash_files(OWN_FILES.parent / "_static", ["*.css", "*.js", "*.svg"])


def note_changes(app, env, added, changed, removed):
    app.book_pages_changed = bool(added or changed or removed)
    return []


def write_all_pages(app, env):
    return list(env.found_docs) if app.book_pages_changed else []


def setup(app):
    app.add_config_value("book_extensions_hash", "", "env")
    app.add_config_value("book_static_hash", "", "html")
    app.connect("config-inited", set_cache_folder)
    app.connect("env-get-outdated", note_changes, priority=900)
    app.connect("env-updated", write_all_pages)
    return {"parallel_read_safe": True}
