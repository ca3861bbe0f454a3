"""A page as a notebook of plain Markdown and code, to be run in Jupyter, VS Code or Colab.

It is made from the page's finished doctree, so numbers, references and listings stand in it as they
do on the page, and no MyST is left. The order is the page's, but for solutions, which come last
under a heading of their own. Outputs are those of the build. The first code cell says how to get
the package where it is missing, and brings the files of the book that the page's cells read. A cell
that only records numbers for the prose, or offers a network as a file, is left out; other cells
that the page hides are folded.

`block` and `inline` turn one docutils node into Markdown; a node they don't know is an error.
"""

import ast
import base64
import posixpath
import re
from functools import partial
from pathlib import Path

import nbformat
from docutils import nodes
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

# --- inside a line --------------------------------------------------------------------------------


def inline(node, link):
    """The Markdown of one node inside a line. `link(refuri)` is a complete address or None."""
    text = "".join(inline(child, link) for child in node.children)
    match node.tagname:
        case "#text":
            return escape(node.astext())
        case "math":
            return f"${node.astext()}$"
        case "literal" | "literal_strong" | "literal_emphasis":
            return code(node.astext())
        case "emphasis" | "title_reference":
            return f"*{text}*"
        case "strong":
            return f"**{text}**"
        case "superscript":
            return f"<sup>{text}</sup>"
        case "reference" | "number_reference":
            address = link(node.get("refuri", ""), node.get("refid", ""))
            names_a_page = any("std-doc" in e["classes"] for e in node.findall(nodes.inline))
            return f"[{text}]({address})" if address else f"*{text}*" if names_a_page else text
        case "download_reference":
            return text
        case "inline":
            return text
        case "image":
            return picture(node)
        case "target" | "comment" | "index" | "raw":
            return ""
    raise NotImplementedError(f"a notebook cannot show <{node.tagname}> inside a line: {node}")


def escape(text):
    return re.sub(r"([\\`*_$<\[\]])", r"\\\1", " ".join(re.split(r"\s*\n\s*", text)))


def code(text):
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}"


# --- whole paragraphs -----------------------------------------------------------------------------


def block(node, link, depth=1):
    """The Markdown of one node that stands by itself."""
    inside = partial(inline, link=link)
    line = "".join(map(inside, node.children)) if isinstance(node, nodes.TextElement) else ""
    match node.tagname:
        case "paragraph" | "caption" | "attribution":
            return line
        case "title" | "subtitle":
            return f"{'#' * min(depth, 6)} {line.strip()}"
        case "rubric":
            return f"**{line}**"
        case "math_block":
            return formula(node)
        case "literal_block" | "doctest_block":
            language = {"ipython3": "python", "myst-ansi": ""}.get(
                node.get("language", ""), node.get("language", "")
            )
            return f"```{'' if language == 'none' else language}\n{node.astext()}\n```"
        case "bullet_list":
            return "\n".join(item(child, "- ", link, depth) for child in node.children)
        case "enumerated_list":
            first = node.get("start", 1)
            return "\n".join(
                item(child, f"{first + n}. ", link, depth) for n, child in enumerate(node.children)
            )
        case "table":
            return table(node, link)
        case "image":
            return inside(node)
        case "admonition":
            return admonition(node, link, depth)
        case "note" | "warning" | "tip" | "important":
            return quoted(f"**{node.tagname.capitalize()}.** {blocks(node, link, depth)}")
        case "block_quote":
            return quoted(blocks(node, link, depth))
        case "exercise_enumerable_node" | "exercise_node":
            return exercise(node, link, depth)
        case "section" | "container" | "definition_list" | "compound" | "figure":
            return blocks(node, link, depth + (node.tagname == "section"))
        case "definition_list_item":
            term, meaning = node.children[0], node.children[-1]
            return f"**{''.join(map(inside, term.children))}**: {blocks(meaning, link, depth)}"
        case "citation":
            return ""
        case "raw" | "target" | "comment" | "index" | "toctree" | "transition":
            return ""
    raise NotImplementedError(f"a notebook cannot show <{node.tagname}>: {node}")


def blocks(node, link, depth):
    return "\n\n".join(filter(None, (block(child, link, depth) for child in node.children)))


def picture(node):
    """A drawing of the book's own, which `text_cell` attaches."""
    return f"![{escape(node.get('alt', ''))}](attachment:{Path(node['uri']).name})"


def formula(node):
    lines = ["$$", node.astext().strip()]
    if number := node.get("number"):
        lines.append(rf"\tag{{{number}}}")
    return "\n".join([*lines, "$$"])


def item(node, mark, link, depth):
    text = blocks(node, link, depth)
    return mark + re.sub(r"\n(?=[^\n])", "\n" + " " * len(mark), text)


def quoted(text):
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def folded(title, text):
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>"


def admonition(node, link, depth):
    title, *rest = node.children
    heading = "".join(inline(child, link) for child in title.children)
    text = "\n\n".join(filter(None, (block(child, link, depth) for child in rest)))
    if "dropdown" in node["classes"]:
        return folded(plain(title), text)
    return quoted(f"**{heading}**\n\n{text}")


def plain(title):
    return " ".join(title.astext().split())


def exercise(node, link, depth):
    text = "\n\n".join(filter(None, (block(child, link, depth) for child in node.children[1:])))
    return f"**Exercise. {exercise_name(node, link)}**\n\n{text}"


def exercise_name(node, link):
    name = "".join(inline(child, link) for child in node.children[0].children).strip()
    return name.removeprefix("(").removesuffix(")")


def table(node, link):
    def row(cells):
        return "| " + " | ".join(cells) + " |"

    def cell(entry):
        text = blocks(entry, link, 1)
        return text.replace("|", "\\|").replace("\n\n", "<br>").replace("\n", " ")

    rows = [[cell(entry) for entry in found.children] for found in node.findall(nodes.row)]
    head = rows.pop(0) if any(node.findall(nodes.thead)) else [""] * len(rows[0])
    lines = [row(head), row(["---"] * len(head)), *map(row, rows)]
    title = [block(child, link) for child in node.children if child.tagname == "title"]
    return "\n".join([*(f"**{text.lstrip('# ')}**\n" for text in title), *lines])


# --- a page ---------------------------------------------------------------------------------------


def pieces(doctree, link):
    """("text", Markdown), ("code", node) and ("solution", node), in the page's order."""

    def walk(node, depth):
        for child in node.children:
            if is_code(child):
                yield "code", child
            elif child.tagname == "solution_node":
                yield "solution", child
            elif child.tagname == "section":
                yield from walk(child, depth + 1)
            elif text := block(child, link, depth):
                yield "text", text

    yield from walk(doctree, 0)


def is_code(node):
    return node.tagname == "container" and node.get("nb_element") == "cell_code"


def only_records(source):
    """True for a cell that does nothing but hand numbers and networks to the prose."""
    body = ast.parse(source).body
    return all(
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Call)
        and getattr(line.value.func, "id", "") in ("record", "offer")
        for line in body
    )


def hidden_cells(executed, first, end, elsewhere):
    """The cells from `first` to before `end` that the page hides, without mere records."""
    for index in range(first, end):
        cell = executed.cells[index]
        if cell.cell_type == "code" and index not in elsewhere and not only_records(cell.source):
            yield code_cell(cell)


def code_cell(cell, folded=False):
    folded = folded or bool(FOLDED & set(cell.metadata.get("tags", [])))
    metadata = {"jupyter": {"source_hidden": True}, "cellView": "form"} if folded else {}
    outputs = list(filter(None, map(for_readers, cell.get("outputs", []))))
    return new_code_cell(cell.source, outputs=outputs, metadata=metadata)


FOLDED = {"hide-input", "hide-cell", "remove-input", "remove-cell"}
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)


def for_readers(output):
    """An output without what only the book's pages can use, or None if nothing is left."""
    kept = {}
    for kind, content in output.get("data", {}).items():
        if kind == "text/html":
            content = SCRIPT.sub("", content).strip()
        if content and not kind.startswith("application/"):
            kept[kind] = content
    if "data" not in output:
        return output
    return nbformat.from_dict({**output, "data": kept, "metadata": {}}) if kept else None


def text_cell(text, drawings):
    cell = new_markdown_cell(text)
    for name in re.findall(r"\(attachment:([^)]+)\)", text):
        file = drawings[name]
        content = base64.b64encode(file.read_bytes()).decode()
        cell.setdefault("attachments", {})[name] = {PICTURES[file.suffix]: content}
    return cell


PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}


def notebook(doctree, executed, setup, link, heading, drawings):
    """The whole page as a notebook.

    setup: the source of the first code cell. heading: the text above it. drawings: {name: file} of
    the book's own pictures.
    """
    cells, waiting, solutions, seen = [new_markdown_cell(heading)], [], [], 0
    elsewhere = {
        container["cell_index"]
        for solution in doctree.findall(lambda node: node.tagname == "solution_node")
        for container in solution.findall(is_code)
    }

    def flush():
        if waiting:
            cells.append(text_cell("\n\n".join(waiting), drawings))
            waiting.clear()

    cells.append(new_code_cell(setup))
    for kind, piece in pieces(doctree, link):
        if kind == "text":
            waiting.append(piece)
            continue
        if kind == "solution":
            solutions.append(piece)
            continue
        flush()
        index = piece["cell_index"]
        cells += hidden_cells(executed, seen, index, elsewhere)
        if not only_records(executed.cells[index].source):
            cells.append(code_cell(executed.cells[index]))
        seen = index + 1
        if caption := next(iter(piece.findall(nodes.caption)), None):
            waiting.append("*" + block(caption, link).replace("*", "") + "*")
    flush()
    cells += hidden_cells(executed, seen, len(executed.cells), elsewhere)
    if solutions:
        cells.append(new_markdown_cell("# Solutions\n\nTry first."))
        for node in solutions:
            cells += solution(node, executed, link)
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    return new_notebook(cells=cells, metadata=KERNEL)


KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def solution(node, executed, link):
    labels = (n for n in node.document.findall() if n.tagname.startswith("exercise_"))
    asked = next(n for n in labels if n.get("label") == node["target_label"])
    yield new_markdown_cell(f"## {exercise_name(asked, link)}")
    text = []
    for content in node.children[1:]:
        for kind, piece in pieces(content, link):
            if kind == "text":
                text.append(piece)
                continue
            if text:
                yield new_markdown_cell(folded("Show", "\n\n".join(text)))
                text = []
            yield code_cell(executed.cells[piece["cell_index"]], folded=True)
    if text:
        yield new_markdown_cell(folded("Show", "\n\n".join(text)))


# --- in the build ---------------------------------------------------------------------------------

OWN_FILE = re.compile(r"""["']((?:data|programs)/[\w.-]+)["']""")
SETUP = """\
# What this notebook needs: the package, and the book's files that it reads.
from importlib.util import find_spec

if find_spec("scratchmnist") is None:
    {install}"""
WITHOUT_ADDRESS = """\
raise ModuleNotFoundError(
        "scratchmnist is not installed where this notebook runs. In the book's folder, type: "
        "pip install .   with the same Python, and restart the kernel.")"""
BRING = """

from pathlib import Path

for name, text in {files}.items():
    if not Path(name).exists():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")"""


def setup_cell(executed, folder, repository):
    """The source of the first code cell."""
    install = f'%pip install --quiet "scratchmnist @ git+{repository}"'
    source = SETUP.format(install=install if repository else WITHOUT_ADDRESS)
    text = "\n".join(cell.source for cell in executed.cells if cell.cell_type == "code")
    files = {
        name: (folder / name).read_text("utf-8") for name in dict.fromkeys(OWN_FILE.findall(text))
    }
    return source + BRING.format(files=repr(files)) if files else source


def complete_address(base, page, refuri, refid):
    """Where a link of the page leads to from anywhere; None if the book has no address."""
    if re.match(r"[a-z]+:", refuri):
        return refuri
    if not base:
        return None
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), refuri)) if refuri else ""
    return f"{base}/{target or page + '.html'}" + (f"#{refid}" if refid else "")


def heading_of(app, page, base):
    title, book = app.env.titles[page].astext(), app.config.html_title or app.config.project
    place = f"[{title}]({base}/{page}.html)" if base else f"“{title}”"
    return (
        f"*The page {place} of the book “{book}”, as a notebook. Run the cells from the top. "
        "Numbers in the text are those of the book's own run.*"
    )


def offer_notebook(app, pagename, templatename, context, doctree):
    """Write the notebook of a page with cells; the theme then puts it among the downloads."""
    if doctree is None or not any(doctree.findall(is_code)):
        return
    base = app.config.html_baseurl.rstrip("/")
    numbers = app.builder.fignumbers.get("displaymath", {})
    for equation in doctree.findall(nodes.math_block):  # as the page numbers them: 4.10
        if number := numbers.get(next(iter(equation["ids"]), None)):
            equation["number"] = ".".join(map(str, number))
    source = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    cache = get_cache(app.env.mystnb_config.execution_cache_path)
    _, executed = cache.merge_match_into_notebook(nbformat.read(source, as_version=4))
    made = notebook(
        doctree,
        executed,
        setup_cell(executed, (Path(app.srcdir) / pagename).parent, app.config.book_repository),
        partial(complete_address, base, pagename),
        heading_of(app, pagename, base),
        {name: Path(app.srcdir, file) for file, name in app.builder.images.items()},
    )
    target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(nbformat.writes(made), encoding="utf-8")
    context["ipynb_source"] = f"{pagename}.ipynb"


def setup(app):
    app.connect("html-page-context", offer_notebook, priority=100)  # before the theme's buttons
    return {"parallel_read_safe": True}
