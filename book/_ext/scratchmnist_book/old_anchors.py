"""Old links lead on to what has moved: a section, an equation, a figure, an exercise.

old_anchors.json names the anchors that each page has had. One that the page has no more is
looked for on the others; the page then sends whoever comes with the old link to the new place. An
anchor that is nowhere any more is a warning, and so (see strict_build.py) a failed build: give the
section that answers now the old name, with a label `(old-name)=` above its title.
"""

import json
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

from scratchmnist_book import BOOK, ROOT

OLD_ANCHORS = Path(__file__).with_suffix(".json")
SCRIPT = """<script>
  (function (moved) {{
    const go = () => {{
      const place = location.hash.slice(1);
      if (Object.hasOwn(moved, place)) location.replace(`${{moved[place]}}#${{place}}`);
    }};
    window.addEventListener("hashchange", go);
    go();
  }})({moved});
</script>
"""
logger = logging.getLogger(__name__)


def anchors_of_pages(env):
    """{docname: all anchors of the page}"""
    if not hasattr(env, "book_anchors"):
        env.book_anchors = {}
    return env.book_anchors


def collect(app, doctree):
    anchors_of_pages(app.env)[app.env.docname] = {
        anchor for node in doctree.findall(nodes.Element) for anchor in node["ids"]
    }


def forget(app, env, docname):
    anchors_of_pages(env).pop(docname, None)


def moved_anchors(page, old, anchors):
    """({anchor: the docname where it is now}, those that are nowhere, or on several pages)."""
    moved, lost = {}, []
    for anchor in old:
        if anchor in anchors.get(page, ()):
            continue
        found = [docname for docname, names in anchors.items() if anchor in names]
        if len(found) == 1:
            moved[anchor] = found[0]
        else:
            lost.append(anchor)
    return moved, lost


def read_old_anchors(app):
    """{docname: anchors}, for the pages that this book has."""
    if Path(app.srcdir) != ROOT:
        return {}  # another book with our configuration
    old = json.loads(OLD_ANCHORS.read_text("utf-8"))
    return {f"{BOOK.name}/{page}": anchors for page, anchors in old.items()}


def find_moved(app, env):
    app.moved = {}
    for page, old in read_old_anchors(app).items():
        app.moved[page], lost = moved_anchors(page, old, anchors_of_pages(env))
        for anchor in lost:
            logger.warning("the old anchor %s#%s leads nowhere now", page, anchor)


def add_script(app, pagename, templatename, context, doctree):
    moved = app.moved.get(pagename)
    if moved:
        targets = {
            anchor: app.builder.get_relative_uri(pagename, docname)
            for anchor, docname in sorted(moved.items())
        }
        context["metatags"] += SCRIPT.format(moved=json.dumps(targets))


def setup(app):
    app.moved = {}
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", find_moved)
    app.connect("html-page-context", add_script)
    return {"version": "1", "env_version": 1, "parallel_read_safe": True}
