"""A downloaded page is plain Markdown and code that runs, with nothing of the book beside it."""

import base64
import contextlib
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest
from conftest import HEAD, ROOT, SmallBook
from docutils import nodes
from docutils.core import publish_doctree
from nbclient import NotebookClient
from scratchmnist_book.notebooks import block, complete_address, only_records, setup_cell
from scratchmnist_book.warm_kernels import POSSIBLE, warm_kernels


def words(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def without_code(text):
    """Markdown without its code blocks and code words, where any sign may stand."""
    return re.sub(r"``.*?``|`[^`]*`", "", re.sub(r"^```.*?^\s*```", "", text, flags=re.M | re.S))


@pytest.fixture(scope="module")
def notebooks(built_book):
    folder = built_book / "html" / "_sources" / "book"
    found = {file.stem: nbformat.read(file, as_version=4) for file in folder.glob("*.ipynb")}
    assert len(found) >= 25
    return found


MYST = {
    "a role": r"\{[a-z:-]+\}`",
    "a directive": r"```\{|^:::",
    "a label": r"^\([\w-]+\)=",
    "a link into the folder": r"\]\((?!https?:|attachment:)",
    "an empty link": r"\[\]\(",
    "what was not filled in": r"\[no result|Exercise %s",
    "HTML of a page's own": r"<script|<style|<[a-z]+-[a-z-]+",
}


@pytest.mark.parametrize("what", MYST)
def test_no_myst_is_left(notebooks, what):
    found = []
    for page, notebook in notebooks.items():
        text = words(notebook)
        text = text if what in ("a role", "a directive") else without_code(text)
        found += [(page, match.group()) for match in re.finditer(MYST[what], text, re.M)]
    assert not found


def test_they_are_valid_and_show_what_the_build_gave(notebooks):
    for page, notebook in notebooks.items():
        nbformat.validate(notebook)
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                assert "<script" not in str(output.get("data", {}).get("text/html")), page
            for name, data in cell.get("attachments", {}).items():
                assert f"(attachment:{name})" in cell.source
                assert len(base64.b64decode(next(iter(data.values())))) > 100
    drawn = [
        output
        for notebook in notebooks.values()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if {"image/png", "image/svg+xml"} & set(output.get("data", {}))
    ]
    assert len(drawn) > 30


def test_every_cell_of_the_page_is_there_once(built_book, notebooks):
    for page, notebook in notebooks.items():
        executed = nbformat.read(
            built_book / "jupyter_execute" / "book" / f"{page}.ipynb", as_version=4
        )
        there = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        first, *there = there
        assert "find_spec" in first
        of_page = [cell.source for cell in executed.cells if cell.cell_type == "code"]
        wanted = [source for source in of_page if not only_records(source)]
        assert sorted(wanted) == sorted(there), page


def test_numbers_and_equations_are_those_of_the_page(built_book, notebooks):
    results = json.loads((built_book / "results.json").read_text("utf-8"))
    text_of = {name: r["text"] for page in results.values() for name, r in page.items()}
    for page, notebook in notebooks.items():
        source = (ROOT / "book" / f"{page}.md").read_text("utf-8")
        text = words(notebook)
        for name in set(re.findall(r"\{result\}`([\w-]+)`", source)):
            shown = re.sub(r"^-(?=\d)", "−", text_of[name])
            assert re.sub(r"([*_$<])", r"\\\1", shown) in text, (page, name)
        html = (built_book / "html" / "book" / f"{page}.html").read_text("utf-8")
        on_page = re.findall(r'class="eqno">\(([\d.]+)\)', html)
        assert re.findall(r"\\tag\{([\d.]+)\}", text) == on_page, page
        assert text.count("$$") % 2 == 0


def test_solutions_come_last_and_folded(notebooks):
    seen = 0
    for page, notebook in notebooks.items():
        sources = [cell.source for cell in notebook.cells]
        places = [n for n, source in enumerate(sources) if source.startswith("# Solutions")]
        exercises = [
            e for source in sources for e in re.findall(r"\*\*Exercise\. (.*)\*\*", source)
        ]
        if not places:
            assert not exercises, page
            continue
        seen += len(exercises)
        answers = [s[3:] for s in sources[places[0] :] if s.startswith("## ")]
        assert answers == exercises, page
        for cell in notebook.cells[places[0] + 1 :]:
            if cell.cell_type == "code":
                assert cell.metadata.jupyter.source_hidden, page
            else:
                assert cell.source.startswith(("## ", "<details>")), page
    assert seen > 50


def test_the_first_cell_says_how_to_get_the_package(tmp_path):
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("open('data/a.json')")])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.json").write_text("[1]", "utf-8")
    alone = setup_cell(page, tmp_path, "").replace('"scratchmnist"', '"no_such_package"')
    with pytest.raises(ModuleNotFoundError, match="pip install"):
        exec(alone, {})
    there = setup_cell(page, tmp_path, "")
    before = os.getcwd()
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    try:
        exec(there, {})
    finally:
        os.chdir(before)
    assert (tmp_path / "elsewhere" / "data" / "a.json").read_text("utf-8") == "[1]"
    with_address = setup_cell(page, tmp_path, "https://github.com/someone/book")
    assert (
        '%pip install --quiet "scratchmnist @ git+https://github.com/someone/book"' in with_address
    )


@pytest.mark.parametrize(
    ("refuri", "refid", "address"),
    [
        ("../book/b.html#part", "", "https://x.org/n/book/b.html#part"),
        ("b.html", "", "https://x.org/n/book/b.html"),
        ("", "part", "https://x.org/n/book/a.html#part"),
        ("https://y.org/z", "", "https://y.org/z"),
    ],
)
def test_links_lead_to_the_pages(refuri, refid, address):
    assert complete_address("https://x.org/n", "book/a", refuri, refid) == address
    if not refuri.startswith("https"):
        assert complete_address("", "book/a", refuri, refid) is None


@pytest.mark.parametrize(
    ("rst", "markdown"),
    [
        ("a *b* **c** ``d``", "a *b* **c** `d`"),
        ("two *stars* \\* and_under", r"two *stars* \* and\_under"),
        ("- one\n- two\n\n  more", "- one\n- two\n\n  more"),
        ("1. one\n2. two", "1. one\n2. two"),
        ("::\n\n  x = 1\n  y = 2", "```\nx = 1\ny = 2\n```"),
        ("= =\na b\n= =\n1 2\n= =", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
        ("term\n  meaning", "**term**: meaning"),
        (".. note:: Mind.", "> **Note.** Mind."),
    ],
)
def test_a_node_as_markdown(rst, markdown):
    document = publish_doctree(rst, settings_overrides={"report_level": 5})
    assert "\n\n".join(block(n, lambda *_: None) for n in document.children) == markdown


def test_an_unknown_node_is_named():
    with pytest.raises(NotImplementedError, match="sidebar"):
        block(nodes.sidebar(), lambda *_: None)


# --- the address of the book ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """The same small book, without an address and with one."""
    made = []
    for environment in ({}, {"BOOK_REPOSITORY": "https://github.com/Some-One/a-book.git"}):
        book = SmallBook(tmp_path_factory.mktemp("book"))
        page = HEAD + "# A\n\nSee [](b.md).\n\n```{code-cell}\n1 + 1\n```\n"
        book.write(
            index="# Index\n\nA first page, with a sentence that says it.\n", a=page, b="# B\n"
        )
        done = book.build("--all", **environment)
        assert done.returncode == 0, done.stdout[-3000:]
        made.append(book)
    return made


SITE = "https://some-one.github.io/a-book/"


def test_with_an_address_pages_know_where_they_are(books):
    without, with_address = (book.page("a") for book in books)
    for found in (
        f'<link rel="canonical" href="{SITE}book/a.html"',
        f'content="{SITE}_static/preview.png"',
        "https://github.com/Some-One/a-book/edit/main/book/a.md",
        "https://colab.research.google.com/github/Some-One/a-book/blob/gh-pages/_sources/book/a.ipynb",
    ):
        assert found in with_address
        assert found not in without
    for word in ("canonical", "colab", "github", "edit/main"):
        assert word not in without
    assert '"/a-book/_static/' in (books[1].folder / "_build" / "html" / "404.html").read_text(
        "utf-8"
    )
    sitemap = books[1].folder / "_build" / "html" / "sitemap.xml"
    assert f"<loc>{SITE}book/a.html</loc>" in sitemap.read_text("utf-8")
    assert not (books[0].folder / "_build" / "html" / "sitemap.xml").exists()


def test_with_an_address_notebooks_lead_back(books):
    without, with_address = (
        nbformat.read(
            book.folder / "_build" / "html" / "_sources" / "book" / "a.ipynb", as_version=4
        )
        for book in books
    )
    assert f"See [B]({SITE}book/b.html)." in words(with_address)
    assert "See *B*." in words(without)
    assert "https://github.com/Some-One/a-book" in with_address.cells[1].source
    assert "http" not in words(without)


# --- running --------------------------------------------------------------------------------------


@pytest.mark.skipif(not os.environ.get("CI"), reason="takes minutes; CI=1 runs it")
def test_downloaded_notebooks_run_from_top_to_bottom(notebooks, tmp_path):
    """In a folder of their own, with nothing but the installed package."""

    def run(notebook):
        client = NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": str(tmp_path)}},
            extra_arguments=["--log-level=ERROR"],
        )
        client.execute(env=os.environ | {"OMP_NUM_THREADS": "1"})  # two at a time
        return sum(cell.cell_type == "code" for cell in notebook.cells)

    kernels = warm_kernels() if POSSIBLE else contextlib.nullcontext()
    with kernels, ThreadPoolExecutor(2) as pool:
        assert all(cells > 0 for cells in pool.map(run, notebooks.values()))
