"""A small mark beside the number of each equation that was checked as it is printed.

`make equations` evaluates the LaTeX of the pages and writes book/data/equations.json, with a
fingerprint of each equation. An equation gets its mark only if its fingerprint is still the one in
the file: after an edit there is none, until it is checked again (and the tests fail meanwhile).
Hovering, focusing or tapping the mark says what was checked; this needs no script. Escape closes
it again (book.js).
"""

import hashlib
import json
import re
from html import escape

from docutils import nodes

from scratchmnist_book import BOOK

TABLE = BOOK / "data" / "equations.json"
EXPLAINED = "book/reproducibility", "printed-equations"  # page and anchor
NUMBER = re.compile(r'(id="equation-([\w-]+)">\s*<span class="eqno">[^<]*)()', re.DOTALL)


def body_of(latex):
    """The equation without the options of its directive."""
    return re.sub(r"^:[a-z]+:.*$", "", latex, flags=re.MULTILINE).strip()


def digest(latex):
    """A fingerprint of an equation as printed; white space does not count."""
    return hashlib.sha256("".join(body_of(latex).split()).encode()).hexdigest()[:16]


def counted(count, word):
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def sentence(row):
    """What was checked: `6 steps, 4 shapes, 10 points, largest difference 3e-15`."""
    parts = [counted(row["steps"], "step")]
    if row["shapes"]:
        parts.append(counted(row["shapes"], "shape"))
    apart = f"{row['difference']:.0e}".replace("e-0", "e-") if row["difference"] else "0"
    parts += [counted(row["points"], "random point"), f"largest difference {apart}"]
    return ", ".join(parts)


def mark(row, link):
    says = escape(sentence(row))
    return (
        '<span class="equation-check">'
        f'<button type="button" aria-label="Checked as printed: {says}">&#10003;</button>'
        f'<span class="equation-check-says">Checked as printed: {says}. '
        f'<a href="{link}">How equations are checked</a></span></span>'
    )


def depend_on_table(app, doctree):
    """A page with equations is made anew when the table has changed."""
    if TABLE.exists() and any(doctree.findall(nodes.math_block)):
        app.env.note_dependency(str(TABLE))


def add_marks(app, pagename, templatename, context, doctree):
    if doctree is None or not TABLE.exists() or "body" not in context:
        return
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    checked = {
        nodes.make_id(block["label"]): table[block["label"]]
        for block in doctree.findall(nodes.math_block)
        if block.get("label") in table and table[block["label"]]["digest"] == digest(block.astext())
    }
    page, anchor = EXPLAINED
    if page not in app.env.found_docs:
        return
    link = app.builder.get_relative_uri(pagename, page) + "#" + anchor

    def with_mark(match):
        row = checked.get(match[2])
        return match[1] + (mark(row, link) if row else "") + match[3]

    context["body"] = NUMBER.sub(with_mark, context["body"])


def setup(app):
    app.connect("doctree-read", depend_on_table)
    app.connect("html-page-context", add_marks)
    return {"parallel_read_safe": True}
