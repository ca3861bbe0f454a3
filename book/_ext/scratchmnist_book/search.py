"""Search that finds sections: the texts to search in, and a page to do it on.

While pages are written, each section's title, text, formulas and names in code are kept in
_build/search, one file a page. At the end they become one script, which the search page alone
loads, with the npm package minisearch and book/_static/search/search.js. (A script and not JSON:
a page that is opened as a file may not fetch.) Sphinx's own index is not made.
"""

import functools
import json
import re
import shutil
from pathlib import Path

import yaml
from docutils import nodes
from pylatexenc.latex2text import LatexNodes2Text
from sphinx import addnodes

from scratchmnist_book import ROOT

MINISEARCH = ROOT / "node_modules" / "minisearch" / "dist" / "umd" / "index.js"
SYNONYMS = Path(__file__).with_name("synonyms.json")
# What is found equally well comes in this order: the trunk, the branches, then what one looks up.
WEIGHTS = {"trunk": 1.3, "other": 1.0, "interface": 0.5, "references": 0.4, "workbook": 0.7}
NOT_TEXT = nodes.title | nodes.raw | nodes.comment | addnodes.toctree
# The same few letters stand in a line again and again.
to_text = functools.cache(LatexNodes2Text(math_mode="text").latex_to_text)


def formula_text(latex):
    """What a reader would type for a formula: `P - Y`."""
    return " ".join(re.sub(r"[_^]\w+|[{}\\&]", "", to_text(latex)).split())


def parts(node, inside=False):
    """("text" | "terms" | "formula" | "code", words) of a section, without its subsections."""
    for child in node.children:
        if isinstance(child, NOT_TEXT) or child.tagname == "solution_node" or has_title(child):
            continue
        if isinstance(child, nodes.math_block):
            yield "formula", formula_text(child.astext())
        elif isinstance(child, nodes.literal_block):
            if "output" not in child["classes"]:
                yield "code", child.astext()
        elif isinstance(child, nodes.TextElement):
            for term in child.findall(lambda n: isinstance(n, nodes.strong | nodes.emphasis)):
                yield "terms", line_text(term)
            for formula in child.findall(nodes.math):
                yield "formula", formula_text(formula.astext())
            yield "text", line_text(child)
        else:
            yield from parts(child)


def has_title(node):
    return isinstance(node, nodes.section) and isinstance(node.children[0], nodes.title)


def line_text(node):
    if isinstance(node, nodes.math):
        return " ".join(to_text(node.astext()).split())
    if isinstance(node, nodes.Text):
        return str(node)
    return "".join(map(line_text, node.children))


def sections(doctree, page, title, weight):
    """One entry for each section that has a title; exercises belong to the section they are in."""
    found = []
    for section in doctree.findall(nodes.section):
        if not has_title(section):
            continue
        heading = section.children[0]
        words = {"text": [], "terms": [], "formula": [], "code": []}
        for kind, text in parts(section):
            words[kind].append(text)
        names = re.findall(r"[A-Za-z_]\w{2,}", " ".join(words["code"]))
        first = not found
        found.append(
            {
                "url": f"{page}.html" + ("" if first else f"#{section['ids'][0]}"),
                "title": " ".join(line_text(heading).split()),
                "page": "" if first else title,
                "text": " ".join(" ".join(words["text"]).split()),
                "terms": " ; ".join(words["terms"]),
                "formulas": " ; ".join(words["formula"]),
                "code": " ".join(dict.fromkeys(names)),
                "weight": weight * (1.05 if first else 1),
            }
        )
    return found


def keep_sections(app, pagename, templatename, context, doctree):
    if doctree is None:
        return
    name = pagename.removeprefix("book/")
    kind = "trunk" if pagename in trunk(Path(app.srcdir)) else name
    weight = WEIGHTS.get(kind, WEIGHTS["other"])
    entries = sections(doctree, pagename, app.env.titles[pagename].astext(), weight)
    file = folder(app) / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")


def trunk(book):
    """The pages of the first three parts."""
    contents = yaml.safe_load((book / "_toc.yml").read_text(encoding="utf-8"))
    return [page["file"] for part in contents.get("parts", [])[:3] for page in part["chapters"]]


def folder(app):
    return Path(app.outdir).parent / "search"


def write_data(app, exception):
    if exception is not None:
        return
    names = sorted(page.removeprefix("book/") for page in app.env.found_docs)
    files = [folder(app) / f"{name}.json" for name in names]
    entries = [
        entry for file in files if file.exists() for entry in json.loads(file.read_text("utf-8"))
    ]
    synonyms = json.loads(SYNONYMS.read_text(encoding="utf-8"))
    data = json.dumps({"sections": entries, "synonyms": synonyms}, ensure_ascii=False)
    target = Path(app.outdir) / "_static" / "search"
    target.mkdir(parents=True, exist_ok=True)
    (target / "data.js").write_text(f"window.bookSearchData = {data};\n", encoding="utf-8")
    shutil.copy(MINISEARCH, target / "minisearch.js")


def search_page(app):
    yield "search", {"title": "Search"}, "search.html"


def without_sphinxs_own(app):
    app.builder.search = False


def setup(app):
    app.connect("builder-inited", without_sphinxs_own)
    app.connect("html-page-context", keep_sections)
    app.connect("html-collect-pages", search_page)
    app.connect("build-finished", write_data)
    return {"parallel_read_safe": True}
