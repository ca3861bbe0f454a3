"""The role {result}`name`: a recorded number in the prose of any page.

A cell says ``record("name", value, "{:.1%}")`` (see src/scratchmnist/pages/results.py). The numbers
are collected here for the whole book, checked for names used twice, written to _build/results.json
for tests/test_results.py, and put where the role asks for them. A name nobody recorded is a
warning, and so (see strict_build.py) a failed build.
"""

import json
import re
from pathlib import Path

from docutils import nodes
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from scratchmnist_book.handed_over import by_name, hidden_outputs, of_all_pages, on_several_pages

logger = logging.getLogger(__name__)


class result_reference(nodes.Inline, nodes.Element):
    """Stands for a recorded number until all pages have been read."""


class ResultRole(SphinxRole):
    def run(self):
        node = result_reference(name=self.text)
        self.set_source_info(node)
        return [node], []


def all_results(env):
    """{page: {name: {"value", "text", "tolerance"}}}"""
    return of_all_pages(env, "book_results")


def collect(app, doctree):
    env = app.env
    pages = all_results(env)
    pages.pop(env.docname, None)
    if outputs := hidden_outputs(env):
        pages[env.docname] = {
            name: {key: result[key] for key in ("value", "text", "tolerance")}
            for name, result in outputs.items()
            if "tolerance" in result  # MyST-NB's own glue has none
        }


def forget(app, env, docname):
    all_results(env).pop(docname, None)


def check_duplicates(app, env):
    for name, pages in on_several_pages(all_results(env)).items():
        logger.warning("result %r is recorded on %s", name, pages)


def fill_in(app, doctree, docname):
    recorded = by_name(all_results(app.env))
    for node in list(doctree.findall(result_reference)):
        name = node["name"]
        if name in recorded:
            text = recorded[name]["text"]
        else:
            text = f"[no result {name}]"
            logger.warning("no cell records the result %r", name, location=node)
        shown = re.sub(r"^-(?=\d)", "−", text)  # a hyphen that stands for a minus
        node.replace_self(nodes.inline(shown, shown, classes=["result"]))


def write_results(app, exception):
    if exception is None:
        file = Path(app.outdir).parent / "results.json"
        pages = {page: results for page, results in sorted(all_results(app.env).items()) if results}
        file.write_text(json.dumps(pages, indent=1) + "\n", encoding="utf-8")


def setup(app):
    app.add_role("result", ResultRole())
    app.add_node(result_reference)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", check_duplicates)
    app.connect("doctree-resolved", fill_in)
    app.connect("build-finished", write_results)
    return {"version": "1", "env_version": 1}
