"""The front page names the book's other editions, where they have been made.

`make pdf` and `make epub` (scripts/editions.py) put them beside the pages, and then mend the front
page; a later build finds them there.
"""

import re
from pathlib import Path

NAME = "mnist-from-scratch"
KINDS = {"pdf": "PDF", "epub": "EPUB"}
PLACE = re.compile(r'<p class="editions">.*?</p>', re.DOTALL)


def line(html):
    """The front page's sentence about the editions in the folder `html`; empty if there is none."""
    links = [
        f'<a href="../{file.name}" download>{words} ({file.stat().st_size / 1e6:.1f} MB)</a>'
        for kind, words in KINDS.items()
        if (file := Path(html) / f"{NAME}.{kind}").exists()
    ]
    sentence = f"The whole book in one file: {' · '.join(links)}" if links else ""
    return f'<p class="editions">{sentence}</p>'


def mend_front_page(html):
    page = Path(html) / "book" / "index.html"
    page.write_text(PLACE.sub(line(html), page.read_text("utf-8")), encoding="utf-8")


def name_editions(app, pagename, templatename, context, doctree):
    if pagename == app.config.root_doc:
        context["body"] = PLACE.sub(line(app.outdir), context.get("body", ""))


def setup(app):
    app.connect("html-page-context", name_editions)
    return {"parallel_read_safe": True}
