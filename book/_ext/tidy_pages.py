"""Small repairs of what the theme and Sphinx put on every page.

- The launch-a-kernel script (sphinx-thebe) is loaded twice, asks a CDN, and fails: left out.
- An output that holds only a <script> of data would leave an empty bar: marked, book.css hides it.
- A picture's size goes into the attributes width and height. There (and not in a style) the browser
  takes the proportions from it, keeps the room free, and can still shrink it on a narrow screen.
- An empty heading of a column (the corner of a table) is a plain cell.
- The theme's templates that need a repair are in book/_templates.
"""

import re
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


EMPTY_HEADING = re.compile(r'<th class="head( stub)?">\s*(?:<p>\s*</p>)?\s*</th>|<th>\s*</th>')


def tidy_body(app, pagename, templatename, context, doctree):
    context["body"] = EMPTY_HEADING.sub("<td></td>", context.get("body", ""))


def add_templates(app, config):
    config.templates_path.append(str(Path(__file__).resolve().parents[1] / "_templates"))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", tidy_body)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("doctree-resolved", drop_thebe_settings, priority=900)
    app.connect("doctree-resolved", mark_empty_outputs)
    return {"parallel_read_safe": True}
