"""Scripts and style of the explorables, on those pages only that have one.

A page with the element <draw-a-digit> gets explorables/draw-a-digit.js, after the shared script.
They stand in the page's head, so an element is complete before it is shown: nothing moves later.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "_static" / "explorables"


def add_scripts(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    names = [file.stem for file in sorted(FOLDER.glob("*-*.js"))]
    used = [name for name in names if re.search(rf"<{name}[ >]", body)]
    if used:
        app.add_css_file("explorables/explorables.css")
        for name in ["shared", *used]:
            app.add_js_file(f"explorables/{name}.js")


def setup(app):
    app.connect("html-page-context", add_scripts)
    return {"parallel_read_safe": True}
