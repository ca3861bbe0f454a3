"""Small repairs of what the theme puts on every page.

- The launch-a-kernel script (sphinx-thebe) is loaded twice, asks a CDN, and fails: left out.
- An output that holds only a <script> of data would leave an empty bar: marked, the style hides it.
"""

import re

from docutils import nodes

INVISIBLE = re.compile(r"\s*(<script\b.*?</script>\s*)+", re.DOTALL)


def drop_thebe(app, pagename, templatename, context, doctree):
    def is_thebe(script):
        return "thebe" in f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', '')}"

    context["script_files"] = [s for s in context.get("script_files", []) if not is_thebe(s)]


def mark_empty_outputs(app, doctree, docname):
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output" and all(
            isinstance(child, nodes.raw) and INVISIBLE.fullmatch(child.astext())
            for child in output.children
        ):
            output["classes"].append("nothing-to-see")


def setup(app):
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("doctree-resolved", mark_empty_outputs)
    return {"parallel_read_safe": True}
