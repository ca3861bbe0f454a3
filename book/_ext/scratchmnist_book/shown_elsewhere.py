"""After an edit that only its own page shows, only that page is written again.

Other pages may show a page's recorded numbers, its title, the number of an equation, its minutes.
Sphinx keeps all such things in its environment. If they are the same as after the last build that
succeeded, the pages that were read are all there is to write. If anything differs, or is new, all
pages are written: that takes seconds, and a page that is wrong is worse.
"""

import hashlib
import re
from pathlib import Path

from docutils import nodes

# What Sphinx knows of the pages themselves, and of this run.
OWN = """all_docs app config config_status config_status_extra dependencies dlfiles doctreedir
domains events images included metadata myst_config mystnb_config nb_metadata nb_new_exec_data
original_image_uri project ref_context reread_always settings sphinx_exercise_gated_registry
sphinx_exercise_node_order srcdir temp_data version versioning_compare
versioning_condition""".split()  # noqa: SIM905
PLAIN = str | bytes | int | float | bool | None


def in_order(value):
    """A value without what differs from run to run: addresses, orders of sets, lines in a file."""
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, nodes.Node):
        return value.pformat()
    if hasattr(value, "_asdict"):  # a named tuple
        value = {key: part for key, part in value._asdict().items() if key != "line"}
    if isinstance(value, dict):
        return repr(sorted((in_order(key), in_order(part)) for key, part in value.items()))
    if isinstance(value, set | frozenset):
        return repr(sorted(map(in_order, value)))
    if isinstance(value, list | tuple):
        parts = [in_order(part) for part in value]
        notes = hasattr(value[0], "_asdict") if value else False  # as the pages were read
        return repr(sorted(parts) if notes else parts)
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def fingerprint(app, env):
    """Of all that a page may show of another."""
    of_pages = {
        name: value
        for name, value in vars(env).items()
        if name not in OWN and not name.startswith("_")
    }
    return hashlib.sha256(in_order([of_pages, app.minutes]).encode()).hexdigest()


def mark_of(app):
    return Path(app.doctreedir, "shown-elsewhere")


def write_again(app, env):
    mark, app.shown_elsewhere = mark_of(app), fingerprint(app, env)
    same = mark.exists() and mark.read_text() == app.shown_elsewhere
    if "sphinx_sitemap" in app.extensions:  # it names the pages that one run has written
        same = False
    return [] if same else list(env.found_docs)


def keep(app, exception):
    if exception is None and app.shown_elsewhere:
        mark_of(app).write_text(app.shown_elsewhere)


def setup(app):
    app.shown_elsewhere = None  # until all pages have been read
    app.connect("env-get-updated", write_again, priority=900)  # when all is numbered
    app.connect("build-finished", keep)
    return {"parallel_read_safe": True}
