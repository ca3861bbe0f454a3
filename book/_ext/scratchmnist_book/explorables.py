"""Scripts and data of the explorables, on those pages only that have one.

A page with the element <draw-a-digit> gets explorables/draw-a-digit.js, after what it shares with
others. All their styles are in the one style sheet of the book (light_pages.py).

A cell gives an explorable's data as JSON in a <script id="..."> of the page, and its picture as
part of the page (so has it a downloaded notebook). The built page is lighter: both become files in
_explorables/PAGE/, which a browser loads when the element comes near the part that is seen
(explorables/shared.js). The data is a script too, for a page that is opened as a file may not
fetch: it hands over the same JSON, as text.
"""

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

from scratchmnist_book import BOOK

FOLDER = BOOK / "_static" / "explorables"
DATA = re.compile(r'<script type="application/json" id="([\w-]+-data)">(.*?)</script>', re.DOTALL)
STILL = re.compile(r'(<img class="still" [^>]*)src="data:image/png;base64,([^"]*)"')
DRAWING = {"draw-a-digit", "nearest-digits"}  # have a sheet to draw on


def files_of(names):
    """(the scripts, the styles) of these explorables, in the order to load them."""
    shared = ["shared", "drawing"] if DRAWING & {*names} else ["shared"]
    styles = [f"{name}.css" for name in ["explorables", *names]]
    return (
        [f"{name}.js" for name in [*shared, *names]],
        [style for style in styles if (FOLDER / style).exists()],
    )


def lighten(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    names = [file.stem for file in sorted(FOLDER.glob("*-*.js"))]
    used = [name for name in names if re.search(rf"<{name}[ >]", body)]
    if not used:
        return
    for script in files_of(used)[0]:
        app.add_js_file(f"explorables/{script}", loading_method="defer")
    files = f"_explorables/{Path(pagename).name}"
    folder = Path(app.outdir, files)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def data_to_file(match):
        name, text = match.groups()
        script = f"explorables.take({json.dumps(name)}, {json.dumps(text)});\n"
        (folder / f"{name}.js").write_text(script, encoding="utf-8")
        source = context["pathto"](f"{files}/{name}.js", 1)
        return f'<script type="application/json" id="{name}" data-src="{source}"></script>'

    def still_to_file(match):
        picture = base64.b64decode(match[2])
        name = hashlib.sha256(picture).hexdigest()[:16] + ".png"
        (folder / name).write_bytes(picture)
        return f'{match[1]}loading="lazy" src="{context["pathto"](f"{files}/{name}", 1)}"'

    context["body"] = STILL.sub(still_to_file, DATA.sub(data_to_file, body))


def setup(app):
    for style in files_of(sorted(file.stem for file in FOLDER.glob("*-*.css")))[1]:
        app.add_css_file(f"explorables/{style}")
    app.connect("html-page-context", lighten)
    return {"parallel_read_safe": True}
