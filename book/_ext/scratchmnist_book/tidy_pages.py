"""Small repairs of what the theme and Sphinx put on every page.

- The launch-a-kernel script (sphinx-thebe) is loaded twice, asks a CDN, and fails: left out.
- An output that holds only a <script> of data would leave an empty bar: marked, book.css hides it.
- An output with columns is marked: it scrolls where the lines of another output break.
- A picture's size goes into the attributes width and height. There (and not in a style) the browser
  takes the proportions from it, keeps the room free, and can still shrink it on a narrow screen.
  It is loaded when it comes near.
- What a line should not end in the middle of stays on one: short formulas, with the punctuation
  around them, short code, and numbers with their units and intervals.
- Small faults that a screen reader would stumble over are mended (REPAIRS).
- The theme's templates that need a repair are in book/_templates.
"""

import re

from docutils import nodes

from scratchmnist_book import BOOK
from scratchmnist_book.narrow_math import signs

INVISIBLE = re.compile(r"\s*(<script\b.*?</script>\s*)+", re.DOTALL)
GAP = re.compile(r"(?<=\S) {2,}(?=\S)")  # between two columns
OPENING = re.compile(r"[(\[]+$")
PUNCTUATION = re.compile(r"[,.;:!?)]+|-th\b")  # behind a formula
SHORT = 14  # signs of a formula that needs no break of its own
SHORT_CODE = 20
UNITS = r"(?:%|s|ms|µs|ns|min|px|KB|MB)(?![\w-])"
BOUND = re.compile(rf"(?<=[0-9]) (?={UNITS})| (?=±)|(?<=±) ")
NO_PROSE = nodes.literal | nodes.math | nodes.raw | nodes.comment | nodes.FixedTextElement
SIZE_STYLE = re.compile(r'style="width: (\d+)px; height: (\d+)px;"')


def drop_thebe(app, pagename, templatename, context, doctree):
    def is_thebe(script):
        return "thebe" in f"{script} {getattr(script, 'attributes', '')}".lower()

    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not is_thebe(file)]


def drop_thebe_settings(app, doctree, docname):
    for raw in list(doctree.findall(nodes.raw)):
        if re.search("text/x-thebe-config|<script>kernelName =", raw.astext()):
            raw.parent.remove(raw)


def mark_empty_outputs(app, doctree, docname):
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output" and all(
            isinstance(child, nodes.raw) and INVISIBLE.fullmatch(child.astext())
            for child in output.children
        ):
            output["classes"].append("nothing-to-see")


def mark_columns(app, doctree, docname):
    for output in doctree.findall(nodes.container):
        if output.get("nb_element") == "cell_code_output" and any(
            sum(len(GAP.findall(line)) >= 2 for line in child.astext().splitlines()) >= 3
            for child in output.children
            if isinstance(child, nodes.literal_block)
        ):
            output["classes"].append("columns")


def keep_formulas_whole(app, doctree, docname):
    """Mark short formulas; one comes into one box with the punctuation before and behind it."""
    for formula in list(doctree.findall(nodes.math)):
        if signs(formula.astext()) > SHORT:
            continue
        formula["classes"].append("whole")
        line, place = formula.parent, formula.parent.index(formula)
        before = OPENING.search(text_at(line, place - 1))
        behind = PUNCTUATION.match(text_at(line, place + 1))
        if not before and not behind:
            continue
        box = nodes.inline(classes=["whole"])
        line[place] = box
        if before:
            line[place - 1] = nodes.Text(line[place - 1][: before.start()])
            box += nodes.Text(before[0])
        box += formula
        if behind:
            line[place + 1] = nodes.Text(line[place + 1][behind.end() :])
            box += nodes.Text(behind[0])


def text_at(line, place):
    """The text at a place among the parts of a line, empty if there is something else."""
    there = line[place] if 0 <= place < len(line) else None
    return there if isinstance(there, nodes.Text) else ""


def keep_code_whole(app, doctree, docname):
    for code in doctree.findall(nodes.literal):
        if len(code.astext()) <= SHORT_CODE:
            code["classes"].append("whole")


def keep_numbers_together(app, doctree, docname):
    """No-break spaces before units and around ±, also where a number is a node of its own."""
    before, paragraph = "", None
    for text in list(doctree.findall(nodes.Text)):
        at = text.parent
        while isinstance(at, nodes.Inline):
            at = at.parent
        if at is not paragraph:
            before, paragraph = "", at
        if not isinstance(text.parent, NO_PROSE):
            better = BOUND.sub("\N{NO-BREAK SPACE}", before + text)[len(before) :]
            if better != text:
                text.parent.replace(text, nodes.Text(better))
        before = text[-1:] or before


def visit_image(translator, node):
    before = len(translator.body)
    type(translator).visit_image(translator, node)
    translator.body[before:] = [
        SIZE_STYLE.sub(r'width="\1" height="\2"', part).replace("<img ", '<img loading="lazy" ')
        for part in translator.body[before:]
    ]


def depart_image(translator, node):
    type(translator).depart_image(translator, node)


REPAIRS = [
    # one id for the contents of all exercises of a page, and one for those of all solutions
    (re.compile(r'<section id="(?:exercise|solution)-content">'), "<section>"),
    (re.compile(r'<th(?: class="head[^"]*")?>\s*(?:<p>\s*</p>)?\s*</th>'), "<td></td>"),
    # names that differ from what is to be read there
    (re.compile(r'(<summary) aria-label="Toggle hidden content"'), r"\1"),
    # an item of a list must say so; the role it has is deprecated
    (re.compile(r'role="doc-biblioentry"'), 'role="listitem"'),
]


def tidy_body(app, pagename, templatename, context, doctree):
    for pattern, better in REPAIRS:
        context["body"] = pattern.sub(better, context.get("body", ""))


def add_templates(app, config):
    config.templates_path.insert(0, str(BOOK / "_templates"))


def setup(app):
    app.connect("config-inited", add_templates)
    app.connect("html-page-context", tidy_body)
    app.add_node(nodes.image, override=True, html=(visit_image, depart_image))
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("doctree-resolved", drop_thebe_settings, priority=900)
    app.connect("doctree-resolved", mark_empty_outputs)
    app.connect("doctree-resolved", mark_columns)
    app.connect("doctree-resolved", keep_formulas_whole)
    app.connect("doctree-resolved", keep_code_whole)
    app.connect("doctree-resolved", keep_numbers_together, priority=600)  # behind results.py
    return {"parallel_read_safe": True}
