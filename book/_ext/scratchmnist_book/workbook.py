"""The workbook: from one source, the student's notebook, the solved one and the chapter.

The source is book/workbook/source.md. Its code cells say `:blank: NAME` (a cell to fill in; what
stands between ### BEGIN SOLUTION and ### END SOLUTION is the answer) or `:check: NAME` (the check
of a blank). Hints are folded blocks. A page that has a line `% the workbook` gets the blanks, never
the answers, in its place; the student's notebook is written beside the pages.

The solved notebook is made by scripts/for_teachers.py and not published.
"""

import re
from pathlib import Path

import nbformat
from myst_nb.core.read import read_myst_markdown_notebook

from scratchmnist_book import BOOK

SOURCE = BOOK / "workbook" / "source.md"
PLACE = "% the workbook"
PUBLISHED = Path("_downloads", "workbook.ipynb")  # in the built book; the page links to it
SOLUTION = re.compile(
    r"^( *)### BEGIN SOLUTION *\n(.*?)^ *### END SOLUTION *(?:\n|\Z)", re.M | re.S
)
HINT = re.compile(r"^:::\{admonition\} (.+)\n:class: dropdown\n(.*?)^:::$", re.M | re.S)
LINK = re.compile(r"\[([^\]\n]*)\]\(([\w-]+)\.md\)")


def read_source(text=None):
    """The source as a notebook: answers, hints and links as they are written there."""
    notebook = read_myst_markdown_notebook(text or SOURCE.read_text(encoding="utf-8"))
    for cell in notebook.cells:
        name = cell.metadata.get("blank")
        has_answer = bool(SOLUTION.search(cell.source))
        if bool(name) != has_answer:
            raise ValueError(
                f"a cell of the workbook's source must have both a name (:blank: NAME) and an "
                f"answer (### BEGIN SOLUTION ... ### END SOLUTION), or neither:\n{cell.source}"
            )
    return notebook


def blanked(source, name):
    """A cell's source without its answers.

    >>> cell = "def f():\\n    ### BEGIN SOLUTION\\n    return 7\\n    ### END SOLUTION"
    >>> print(blanked(cell, "f"))
    def f():
        raise NotImplementedError("f is a blank: write your code here")
    """
    said = f"{name} is a blank: write your code here"
    return SOLUTION.sub(rf'\1raise NotImplementedError("{said}")' + "\n", source).rstrip("\n")


def solved(source):
    """A cell's source with its answers, but without the marks around them."""
    return SOLUTION.sub(r"\2", source).rstrip("\n")


def for_notebook(text):
    """A text of the source as Markdown that any notebook shows: hints folded, links as titles."""
    text = HINT.sub(r"<details>\n<summary>\1</summary>\n\n\2\n</details>", text)
    return LINK.sub(lambda link: f"*{link[1] or title_of(link[2])}*", text)


def title_of(page):
    return re.search(r"^# (.+)$", (BOOK / f"{page}.md").read_text(encoding="utf-8"), re.M)[1]


def make_notebook(source_of=blanked, keep=()):
    """A notebook from the source. source_of(source, name) gives the text of a cell with a blank.

    keep: which of the source's own marks ("blank", "check") stay in the cells' metadata.
    """
    source = read_source()
    intro = (
        "# Workbook: an MNIST classifier from scratch\n\n"
        "Fill in the blanks from top to bottom. Below each there is a check: run its cell, and it "
        "says that you are right, or what the mistake is. Nothing but tensors: no `torch.nn`, no "
        "`torch.optim`, no `backward()`."
    )
    cells = [nbformat.v4.new_markdown_cell(intro, id="intro")]
    for number, cell in enumerate(source.cells):
        name = cell.metadata.get("blank")
        kept = {key: value for key, value in cell.metadata.items() if key in keep}
        if cell.cell_type == "code":
            text = source_of(cell.source, name) if name else cell.source
            made = nbformat.v4.new_code_cell(text, metadata=kept, id=cell_id(cell, number))
        else:
            made = nbformat.v4.new_markdown_cell(for_notebook(cell.source), id=f"text-{number}")
        cells.append(made)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    nbformat.validate(notebook)
    return notebook


def cell_id(cell, number):
    for kind in ("blank", "check"):
        if kind in cell.metadata:
            return f"{kind}-{cell.metadata[kind]}".replace("_", "-")
    return f"code-{number}"


def student_notebook():
    return make_notebook(blanked)


def solved_notebook():
    return make_notebook(lambda source, name: solved(source))


def chapter():
    """The chapter's text: the source with blanks for answers, its cells shown and not run."""
    parts = []
    for cell in read_source().cells:
        if cell.cell_type == "code":
            name = cell.metadata.get("blank")
            text = blanked(cell.source, name) if name else cell.source
            parts.append(f"```python\n{text}\n```")
        else:
            parts.append(cell.source)
    return "\n\n".join(parts)


def put_in_place(app, docname, source):
    if re.search(rf"^{PLACE}$", source[0], re.M):
        app.env.note_dependency(str(SOURCE))
        source[0] = re.sub(rf"^{PLACE}$", lambda _: chapter(), source[0], flags=re.M)


def publish(app, exception):
    if exception is None and app.builder.format == "html":
        target = Path(app.outdir, PUBLISHED)
        target.parent.mkdir(exist_ok=True)
        nbformat.write(student_notebook(), target)


def setup(app):
    app.connect("source-read", put_in_place)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True}
