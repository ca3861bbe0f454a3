"""What a page says about itself: its edition at the foot, and to those who show a link to it a
description and a picture.

The description is the page's first paragraph without mathematics, as plain text. The picture's
address has to be complete to be of use elsewhere: set html_baseurl where the book is published.
"""

import re
import tomllib
from html import escape, unescape

from docutils import nodes

from scratchmnist_book import ROOT

LONGEST = 200  # characters


def description(doctree):
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if isinstance(paragraph.parent, nodes.section) and len(text) > 40:
            if any(paragraph.findall(nodes.math)):
                continue
            cut = text[: LONGEST + 1].rsplit(" ", 1)[0] + " …"
            return text if len(text) <= LONGEST else cut
    return ""


def add_tags(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    base = app.config.html_baseurl.rstrip("/")
    picture = f"{base}/_static/preview.png" if base else context["pathto"]("_static/preview.png", 1)
    about = {
        "og:type": "article",
        "og:site_name": app.config.html_title or app.config.project,
        "og:title": unescape(re.sub(r"<[^>]*>", "", context["title"])),
        "og:image": picture,
        "og:image:alt": "Ten handwritten digits, 0 to 9",
        "twitter:card": "summary_large_image",
    }
    if text := description(doctree):
        about["og:description"] = text
        context["metatags"] += f'\n<meta name="description" content="{escape(text)}" />'
    for name, value in about.items():
        kind = "name" if name.startswith("twitter") else "property"
        context["metatags"] += f'\n<meta {kind}="{name}" content="{escape(value)}" />'


def say_edition(app, config):
    """The package's version and the day of the build, for book/_templates/edition.html."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    config.release = config.version = project["version"]
    config.html_last_updated_fmt = "%-d %B %Y"


def setup(app):
    app.connect("config-inited", say_edition)
    app.connect("html-page-context", add_tags)
    return {"parallel_read_safe": True}
