"""Small repairs of what the theme and Sphinx put on every page.

- The launch-a-kernel script (sphinx-thebe) is loaded twice, asks a CDN, and fails: left out.
- An output that holds only a <script> of data would leave an empty bar: marked, book.css hides it.
- A picture's size goes into the attributes width and height. There (and not in a style) the browser
  takes the proportions from it, keeps the room free, and can still shrink it on a narrow screen.
- Small faults that a screen reader would stumble over are mended (REPAIRS).
- A page with cells is offered as a notebook.
- The theme's templates that need a repair are in book/_templates.
"""

import re
import shutil
from pathlib import Path

from docutils import nodes

INVISIBLE = re.compile(r"\s*(<script\b.*?</script>\s*)+", re.DOTALL)
SIZE_STYLE = re.compile(r'style="width: (\d+)px; height: (\d+)px;"')


def drop_thebe(app, pagename, templatename, context, doctree):
    def is_thebe(script):
        return "thebe" in f"{script} {getattr(script, 'attributes', '')}".lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not is_thebe(file)]


def drop_thebe_settings(app, doctree, docname):
    for raw in list(doctree.findall(nodes.raw)):
        if "text/x-thebe-config" in raw.astext():
            raw.parent.remove(raw)


def mark_empty_outputs(app, doctree, docname):
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output" and all(
            isinstance(child, nodes.raw) and INVISIBLE.fullmatch(child.astext())
            for child in output.children
        ):
            output["classes"].append("nothing-to-see")


def visit_image(translator, node):
    before = len(translator.body)
    type(translator).visit_image(translator, node)
    translator.body[before:] = [
        SIZE_STYLE.sub(r'width="\1" height="\2"', part) for part in translator.body[before:]
    ]


def depart_image(translator, node):
    type(translator).depart_image(translator, node)


REPAIRS = [
    (re.compile(r'<th(?: class="head(?: stub)?")?>\s*(?:<p>\s*</p>)?\s*</th>'), "<td></td>"),
    # names that differ from what is to be read there
    (re.compile(r'(<summary) aria-label="Toggle hidden content"'), r"\1"),
    # an item of a list must say so; the role it has is deprecated
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
]


def tidy_body(app, pagename, templatename, context, doctree):
    for pattern, better in REPAIRS:
        context["body"] = pattern.sub(better, context.get("body", ""))


def offer_notebook(app, pagename, templatename, context, doctree):
    """The theme offers an executed page as a notebook only beside a launch button; we have none."""
    notebook = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if '<div class="cell ' in context.get("body", "") and notebook.exists():
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(notebook, target)
        context["ipynb_source"] = f"{pagename}.ipynb"


def add_templates(app, config):
    config.templates_path.append(str(Path(__file__).resolve().parents[1] / "_templates"))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", tidy_body)
    app.connect("html-page-context", offer_notebook, priority=100)  # before the theme's buttons
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("doctree-resolved", drop_thebe_settings, priority=900)
    app.connect("doctree-resolved", mark_empty_outputs)
    return {"parallel_read_safe": True}
