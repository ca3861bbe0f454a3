"""The book's own extensions, called by themselves: what a build would need minutes to show."""

import base64
import collections
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from conftest import ROOT
from docutils import nodes
from docutils.utils import new_document
from scratchmnist_book import (
    address,
    fresh_outputs,
    networks,
    offline_math,
    results,
    shown_elsewhere,
    tidy_pages,
    whole_builds,
)
from scratchmnist_book.parallel_execution import CellError
from sphinx.addnodes import download_reference
from sphinx.errors import ExtensionError

# --- whole builds ---------------------------------------------------------------------------------

FILES = ["html/page.html", ".doctrees/page.doctree", "jupyter_execute/picture.svg"]
KEPT = "jupyter_cache/0123/executed/base.ipynb"


@pytest.fixture
def app(tmp_path):
    """A stand-in for Sphinx's, with a built book."""
    build = tmp_path / "_build"
    for name in [*FILES, KEPT]:
        (build / name).parent.mkdir(parents=True, exist_ok=True)
        (build / name).write_text("whole, or half")
    folders = {"outdir": build / "html", "doctreedir": build / ".doctrees"}
    return SimpleNamespace(srcdir=tmp_path, statuscode=0, **folders)


def left(app):
    return [name for name in [*FILES, KEPT] if (app.outdir.parent / name).exists()]


def from_the_disk():
    error = ExtensionError("in a handler")
    error.__cause__ = OSError(28, "No space left on device")
    return error


@pytest.mark.parametrize(
    ("exception", "status", "well"),
    [
        (None, 0, True),
        (CellError("in page: 1 / 0"), 0, True),
        (None, 1, False),  # warnings, of files that could not be copied for instance
        (OSError(28, "No space left on device"), 0, False),
        (from_the_disk(), 0, False),
        (ExtensionError("database or disk is full"), 0, False),
    ],
)
def test_after_a_build_that_did_not_end_well_all_is_made_anew(app, exception, status, well):
    whole_builds.begin(app, None)
    assert left(app) == [*FILES, KEPT]
    app.statuscode = status
    whole_builds.end(app, exception)
    assert left(app) == [*FILES, KEPT]
    whole_builds.begin(app, None)
    assert left(app) == ([*FILES, KEPT] if well else [KEPT])


def test_after_a_build_that_was_killed_all_is_made_anew(app):
    whole_builds.begin(app, None)  # and no end
    whole_builds.begin(app, None)
    assert left(app) == [KEPT]
    whole_builds.end(app, None)
    whole_builds.begin(app, None)
    assert left(app) == [KEPT]
    assert app.outdir.is_dir()


@pytest.fixture
def another():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_two_builds_in_one_folder_do_not_meet(app, another):
    mark = whole_builds.mark_of(app)
    time.sleep(0.05)  # the mark is younger than the process that makes it
    mark.write_text(f"{another.pid}\n")
    said = rf"process {another.pid} .* delete .*{mark.name}"
    with pytest.raises(whole_builds.AnotherBuild, match=said):
        whole_builds.begin(app, None)
    assert left(app) == [*FILES, KEPT]
    assert mark.read_text() == f"{another.pid}\n"
    another.kill()
    time.sleep(0.2)  # dead, though nobody has asked for its exit status
    whole_builds.begin(app, None)
    assert left(app) == [KEPT]


@pytest.mark.parametrize("of", ["nobody", "a number used again", "itself"])
def test_a_mark_of_nobody_at_work_does_not_stop_a_build(app, another, of):
    mark = whole_builds.mark_of(app)
    text = {"nobody": "", "itself": f"{os.getpid()}"}.get(of, f"{another.pid}")
    mark.write_text(text)
    if of == "a number used again":
        os.utime(mark, (0, 0))
    whole_builds.begin(app, None)
    assert left(app) == [KEPT]
    assert mark.read_text() == f"{os.getpid()}\n"


# --- fresh outputs --------------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A folder with what the outputs of its pages depend on."""
    for name in ("data/deep/table.json", "programs/step.py", "_static/a.css", "_templates/b.html"):
        (tmp_path / "book" / name).parent.mkdir(parents=True)
        (tmp_path / "book" / name).write_text("first")
    for name in ("results.py", "render.js"):
        (tmp_path / "ext").mkdir(exist_ok=True)
        (tmp_path / "ext" / name).write_text("first")
    monkeypatch.setattr(fresh_outputs, "BOOK", tmp_path / "book")
    monkeypatch.setattr(fresh_outputs, "OWN_FILES", tmp_path / "ext")
    return tmp_path


def settings(book):
    """What Sphinx is told of the files: for outputs, for reading pages, for writing them."""
    app = SimpleNamespace(srcdir=book, outdir=book / "_build" / "html")
    config = SimpleNamespace()
    fresh_outputs.set_cache_folder(app, config)
    return config.nb_execution_cache_path, config.book_extensions_hash, config.book_static_hash


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("book/data/deep/table.json", 0),
        ("book/programs/step.py", 0),
        ("ext/results.py", 1),
        ("ext/render.js", 1),
        ("book/_static/a.css", 2),
        ("book/_templates/b.html", 2),
    ],
)
def test_an_edit_or_another_name_of_a_file_is_seen(book, name, place):
    before, file = settings(book), book / name
    assert settings(book) == before
    file.write_text("second")
    edited = settings(book)
    file.rename(file.with_stem("another"))
    renamed = settings(book)
    for new, old in ((edited, before), (renamed, edited)):
        assert [a != b for a, b in zip(new, old)] == [k == place for k in range(3)]


def test_another_version_of_what_computes_is_seen(book, monkeypatch):
    hashes = [fresh_outputs.sources_hash(book / "book")]
    for package in fresh_outputs.COMPUTES:
        with monkeypatch.context() as patch:
            patch.setattr(fresh_outputs, "version", lambda name, new=package: f"{name == new}")
            hashes.append(fresh_outputs.sources_hash(book / "book"))
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    hashes.append(fresh_outputs.sources_hash(book / "book"))
    assert len(set(hashes)) == len(fresh_outputs.COMPUTES) + 2


CELL = re.compile(r"```\{code-cell\}[^\n]*\n(.*?)```", re.DOTALL)
SHOWS = {"IPython", "tqdm", "fastcore", "psutil", "pillow_heif"}  # decides no number of a page


def imported(source):
    """The packages that some lines of Python import."""
    lines = re.findall(r"^\s*(?:import|from) +(\w+)", source, re.MULTILINE)
    return {name for name in lines if name not in sys.stdlib_module_names}


def test_whatever_the_pages_and_the_package_import_counts():
    sources = [file.read_text("utf-8") for file in (ROOT / "src").rglob("*.py")]
    for page in (ROOT / "book").glob("*.md"):
        sources += CELL.findall(page.read_text("utf-8"))
    names = set().union(*map(imported, sources)) - {"scratchmnist"} - SHOWS
    assert {"torch", "PIL", "scipy"} <= names
    packages = importlib.metadata.packages_distributions()
    found = {package.lower() for name in names for package in packages.get(name, [])}
    assert found - set(fresh_outputs.COMPUTES) == set()


def test_the_newest_outputs_are_kept(book):
    folders = []
    for k in range(5):
        (book / "book" / "data" / "deep" / "table.json").write_text(f"{k}")
        folders.append(settings(book)[0])
        time.sleep(0.02)
    (book / "book" / "data" / "deep" / "table.json").write_text("3")
    assert settings(book)[0] == folders[3]
    kept = {str(folder) for folder in (book / "_build" / "jupyter_cache").iterdir()}
    assert kept == set(folders[2:])


def test_half_a_database_is_no_obstacle(book):
    """The file was made, and then the disk was full: the tables are not in it."""
    from jupyter_cache import get_cache

    cache = settings(book)[0]
    (book / cache / "global.db").touch()
    whole = get_cache(settings(book)[0])
    assert whole.list_cache_records() == []
    whole.change_cache_limit(7)
    assert get_cache(settings(book)[0]).get_cache_limit() == 7  # a whole one stays


# --- what is shown elsewhere ----------------------------------------------------------------------

Note = collections.namedtuple("Note", ["text", "line"])


def environment(**changed):
    return SimpleNamespace(
        **{
            "found_docs": {"one", "two"},
            "titles": {"one": nodes.title("One", "One"), "two": nodes.title("Two", "Two")},
            "notes": [Note("a", 1), Note("b", 2)],
            "images": {"a.png": 1},
            "some_set": {"x", "y", "z"},
            "toc_secnumbers": {"one": {"": (1,)}},
            "toc_fignumbers": {"one": {"figure": {"fig-a": (1,)}}},
            "book_results": {"one": {"loss": {"text": "0.5"}}},
            "domaindata": {"math": {"objects": {"first": ("one", 1)}}},
            **changed,
        }
    )


@pytest.fixture
def writer(tmp_path):
    return SimpleNamespace(doctreedir=tmp_path, minutes={"one": 5}, extensions={})


def again(writer, exception=None, **changed):
    """Which pages a build after an edit would write that have not been read."""
    found = shown_elsewhere.write_again(writer, environment(**changed))
    shown_elsewhere.keep(writer, exception)
    return sorted(found)


def test_other_pages_are_written_again_only_for_what_they_show(writer):
    assert again(writer) == ["one", "two"]
    assert again(writer) == []
    assert again(writer, images={"b.png": 2}) == []
    assert again(writer, notes=[Note("b", 7), Note("a", 9)]) == []  # read in another order
    assert again(writer, some_set={"z", "y", "x"}) == []
    assert again(writer, titles={"one": nodes.title("Uno", "Uno")}) == ["one", "two"]
    assert again(writer) == ["one", "two"]
    assert again(writer, notes=[Note("a", 1), Note("c", 2)]) == ["one", "two"]
    assert again(writer) == ["one", "two"]
    writer.minutes = {"one": 6}
    assert again(writer) == ["one", "two"]
    assert again(writer) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("titles", {"one": nodes.title("Uno", "Uno")}),
        ("toc_secnumbers", {"one": {"": (2,)}}),
        ("toc_fignumbers", {"one": {"figure": {"fig-a": (2,)}}}),
        ("book_results", {"one": {"loss": {"text": "0.4"}}}),
        ("domaindata", {"math": {"objects": {"first": ("one", 2)}}}),
    ],
)
def test_other_pages_show_titles_numbers_and_results(writer, name, value):
    assert again(writer) == ["one", "two"]
    assert again(writer) == []
    assert again(writer, **{name: value}) == ["one", "two"]


def test_a_build_that_fails_has_shown_nothing(writer):
    assert again(writer) == ["one", "two"]
    new = {"some_set": {"new"}}
    assert again(writer, exception=OSError(), **new) == ["one", "two"]
    assert again(writer, **new) == ["one", "two"]


def test_the_sitemap_needs_all_pages(writer):
    writer.extensions = {"sphinx_sitemap": None}
    assert again(writer) == again(writer) == ["one", "two"]


# --- results --------------------------------------------------------------------------------------


def test_numbers_come_from_record_and_from_nothing_else(tmp_path):
    """MyST-NB's own glue lies in the same file; a page that goes takes its numbers along."""
    ours = {"value": 0.5, "text": "50 %", "tolerance": 1e-6, "more": "of it"}
    glue = {"a": {"metadata": {"scrapbook": ours}}, "b": {"metadata": {"scrapbook": {"name": "b"}}}}
    (tmp_path / "page.glue.json").write_text(json.dumps(glue))
    env = SimpleNamespace(
        docname="page",
        nb_metadata={"page": {"glue": list(glue)}},
        mystnb_config=SimpleNamespace(output_folder=tmp_path),
    )
    results.collect(SimpleNamespace(env=env), None)
    shown = {"value": 0.5, "text": "50 %", "tolerance": 1e-6}
    assert results.all_results(env) == {"page": {"a": shown}}
    document = new_document("other")
    document += nodes.paragraph("", "", results.result_reference(name="a"))
    results.fill_in(SimpleNamespace(env=env), document, "other")  # on another page
    assert document.astext() == "50 %"
    results.forget(None, env, "page")
    assert results.all_results(env) == {}


@pytest.fixture
def said(monkeypatch):
    """What is warned of: a warning is a failed build (strict_build)."""
    warnings = []
    for module in (networks, results):
        monkeypatch.setattr(
            module.logger, "warning", lambda text, *parts, **_: warnings.append(text % parts)
        )
    return warnings


def test_networks_come_from_offer_and_are_linked_from_any_page(tmp_path, said):
    ours = {"name": "network-small", "file": base64.b64encode(bytes(2400)).decode()}
    glue = {
        "network-small": {"metadata": {"scrapbook": ours}},
        "loss": {"metadata": {"scrapbook": {"value": 0.5, "text": "0.5", "tolerance": 1e-6}}},
    }
    (tmp_path / "page.glue.json").write_text(json.dumps(glue))
    env = SimpleNamespace(
        docname="page",
        nb_metadata={"page": {"glue": list(glue)}},
        mystnb_config=SimpleNamespace(output_folder=tmp_path),
    )
    app = SimpleNamespace(env=env, outdir=tmp_path, builder=SimpleNamespace(name="html"))
    networks.collect(app, None)
    document = new_document("book/other")
    document += nodes.paragraph("", "", networks.network_reference(name="small"))
    networks.fill_in(app, document, "book/other")
    assert document.astext() == "small.safetensors (2 kB)"
    assert document.next_node(download_reference)["refuri"] == "../_downloads/small.safetensors"
    networks.write_files(app, None)
    assert (tmp_path / "_downloads" / "small.safetensors").read_bytes() == bytes(2400)
    assert said == []
    networks.forget(None, env, "page")
    document += nodes.paragraph("", "", networks.network_reference(name="small"))
    networks.fill_in(app, document, "book/other")
    assert said == ["no cell offers the network 'small'"]
    networks.write_files(app, None)
    assert list((tmp_path / "_downloads").iterdir()) == []


def test_one_name_on_two_pages_is_named(said):
    env = SimpleNamespace(
        book_results={"b": {"loss": 1}, "a": {"loss": 2, "rate": 3}},
        book_networks={"b": {"small": ""}, "c": {"large": ""}, "a": {"small": ""}},
    )
    results.check_duplicates(None, env)
    networks.check_duplicates(None, env)
    assert said == ["result 'loss' is recorded on a and b", "network 'small' is offered on a and b"]


# --- math -----------------------------------------------------------------------------------------

CHILDREN = dict.fromkeys(["msub", "msup", "munder", "mover", "mfrac"], 2) | {
    "msubsup": 3, "munderover": 3}  # fmt: skip


def wrong_parts(mathml):
    """The elements of a formula that have not as many children as their kind has."""
    found = []
    for part in ElementTree.fromstring(mathml).iter():
        kind = part.tag.rpartition("}")[2]
        if len(part) != CHILDREN.get(kind, len(part)):
            found.append(f"{kind} of {len(part)}")
    return found


def test_formulas_are_right_for_screen_readers(built_book):
    formulas = set()
    for page in (built_book / "html" / "book").glob("*.html"):
        formulas |= set(re.findall(r"<math\b.*?</math>", page.read_text("utf-8"), re.DOTALL))
    assert len(formulas) > 1000
    assert [wrong for formula in formulas for wrong in wrong_parts(formula)] == []


def test_a_wrong_formula_is_found():
    assert wrong_parts("<math><msub><mi>x</mi><mi>k</mi></msub></math>") == []
    assert wrong_parts("<math><msub><mi>x</mi><mi>k</mi><mo>?</mo></msub></math>") == ["msub of 3"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with its npm packages, whole."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(ROOT / name, tmp_path)
    monkeypatch.setattr(offline_math, "ROOT", tmp_path)
    monkeypatch.setattr(offline_math, "KATEX", tmp_path / "node_modules" / "katex")
    fonts = tmp_path / "node_modules" / "katex" / "dist" / "fonts"
    fonts.mkdir(parents=True)
    (fonts / "a.woff2").write_text("a font")
    (fonts.parent / "katex.js").write_text("a script")
    (fonts.parent / "katex.min.css").write_text("url(fonts/a.woff2)")
    for name, version in json.loads((ROOT / "package.json").read_text())["dependencies"].items():
        manifest = tmp_path / "node_modules" / name / "package.json"
        manifest.parent.mkdir(exist_ok=True)
        manifest.write_text(json.dumps({"version": version}))
    return tmp_path


@pytest.mark.parametrize("name", ["katex", "minisearch"])
def test_npm_packages_that_are_old_or_not_whole_are_got_anew(project, name):
    assert offline_math.all_there()
    manifest = project / "node_modules" / name / "package.json"
    whole = manifest.read_text()
    for text in ('{"version": "0.0.1"}', whole[:9], "", "{}"):
        manifest.write_text(text)
        assert not offline_math.all_there()
    manifest.unlink()
    assert not offline_math.all_there()
    manifest.write_text(whole)
    assert offline_math.all_there()


def stand_in_for_npm(code):
    """What subprocess.run does, without npm: puts a package in its folder, ends with the code."""

    def run(command, cwd, **options):
        for name in ("package.json", "package-lock.json"):
            assert Path(cwd, name).read_text() == (ROOT / name).read_text()
        Path(cwd, "node_modules", "new").mkdir(parents=True)
        return SimpleNamespace(returncode=code, stderr="npm ERR! nothing goes\n")

    return run


def test_what_a_killed_npm_left_goes_with_the_next_build(project, app, another):
    killed, at_work = project / ".npm-999999999-x", project / f".npm-{another.pid}-y"
    for folder in (killed, at_work):
        (folder / "node_modules").mkdir(parents=True)
    fonts = offline_math.KATEX / "dist" / "fonts"
    for name in offline_math.EMBEDDED:
        (fonts / f"{name}.woff2").write_text("a font")
    offline_math.provide_katex(app, SimpleNamespace(html_static_path=[]))
    assert [folder.name for folder in project.glob(".npm-*")] == [at_work.name]


def test_npm_packages_come_at_once_or_not_at_all(project, monkeypatch):
    before = sorted(os.listdir(project / "node_modules"))

    monkeypatch.setattr(subprocess, "run", stand_in_for_npm(code=1))
    with pytest.raises(offline_math.KatexMissing, match=r"disk full.*\nnpm ERR! nothing goes"):
        offline_math.npm_ci()
    assert sorted(os.listdir(project / "node_modules")) == before
    assert not list(project.glob(".npm-*"))

    monkeypatch.setattr(subprocess, "run", stand_in_for_npm(code=0))
    for _ in range(2):  # in the place of others, and where there is nothing
        offline_math.npm_ci()
        assert os.listdir(project / "node_modules") == ["new"]
        assert not list(project.glob(".npm-*"))
        shutil.rmtree(project / "node_modules")


# --- repairs of pages -----------------------------------------------------------------------------


def test_repairs():
    context = {
        "body": '<section id="exercise-content"><p>1</p></section>'
        '<section id="solution-content"><p>2</p></section><section id="my-content"></section>'
        '<th class="head"><p></p></th><th class="head stub">\n</th><th class="head"><p>x</p></th>'
        '<summary aria-label="Toggle hidden content">Show the code</summary>'
        '<div class="citation" role="doc-biblioentry">'
    }
    tidy_pages.tidy_body(None, "page", "page.html", context, None)
    assert context["body"] == (
        "<section><p>1</p></section><section><p>2</p></section>"
        '<section id="my-content"></section><td></td><td></td><th class="head"><p>x</p></th>'
        '<summary>Show the code</summary><div class="citation" role="listitem">'
    )


@pytest.mark.parametrize(
    ("parts", "nothing"),
    [
        (["<script>let a;</script>", ' <script type="x">{}</script>\n<script></script> '], True),
        (["<script>let a;</script>", "<p>seen</p>"], False),
        (["<script>let a;</script><p>seen</p>"], False),
        (["seen"], False),
    ],
)
def test_an_output_without_anything_to_see_is_marked(parts, nothing):
    output = nodes.container("", nb_element="cell_code_output")
    output += [nodes.raw("", part) if "<" in part else nodes.paragraph("", part) for part in parts]
    document = new_document("page")
    document += output
    tidy_pages.mark_empty_outputs(None, document, "page")
    assert output["classes"] == ["nothing-to-see"] * nothing


def faults_of(html):
    """What the repairs are there for, in the text of a page."""
    ids = re.findall(r'<[^>]*\sid="([^"]*)"', html)
    found = [f"id {name} twice" for name, count in collections.Counter(ids).items() if count > 1]
    found += re.findall(r"<th\b[^>]*>\s*</th>|<summary aria-label[^>]*>|doc-biblioentry", html)
    return found


def test_the_pages_are_tidy(built_book):
    pages = [*(built_book / "html" / "book").glob("*.html")]
    assert len(pages) > 30
    found = {page.stem: faults_of(page.read_text("utf-8")) for page in pages}
    assert {page: faults for page, faults in found.items() if faults} == {}


def test_what_is_not_tidy_is_found():
    assert faults_of('<p id="a"></p><a href="#a" id="b"></a>') == []
    assert faults_of('<p id="a"></p><p class="x" id="a"></p>') == ["id a twice"]
    assert len(faults_of('<th class="head"> </th><summary aria-label="x">y</summary>')) == 2


# --- the address ----------------------------------------------------------------------------------


def settled(monkeypatch, repository="", environment="", baseurl=""):
    monkeypatch.setenv("BOOK_REPOSITORY", environment)
    config = SimpleNamespace(
        book_repository=repository, html_baseurl=baseurl, html_theme_options={"kept": 1}
    )
    address.settle(None, config)
    return config


@pytest.mark.parametrize(
    ("repository", "home", "prefix"),
    [
        ("https://github.com/One/Book", "https://one.github.io/Book/", "/Book/"),
        ("https://github.com/One/Book.git", "https://one.github.io/Book/", "/Book/"),
        ("https://github.com/One/Book/", "https://one.github.io/Book/", "/Book/"),
        ("https://github.com/One/Book.git/", "https://one.github.io/Book/", "/Book/"),
        ("https://github.com/One/One.github.io", "https://one.github.io/", "/"),
    ],
)
def test_where_the_pages_of_a_repository_are(monkeypatch, repository, home, prefix):
    """As GitHub's documentation says: OWNER.github.io/NAME, and a site of the owner at the root."""
    config = settled(monkeypatch, repository)
    assert config.html_baseurl == home
    assert config.notfound_urls_prefix == prefix
    bare = repository.rstrip("/").removesuffix(".git")
    assert config.book_repository == config.html_theme_options["repository_url"] == bare
    assert config.html_theme_options["kept"] == 1


def test_who_says_the_address(monkeypatch):
    fork = "https://github.com/fork/book"
    config = settled(monkeypatch, "https://github.com/one/book", environment=fork)
    assert config.book_repository == fork
    own = "https://book.example.org/deep/"
    config = settled(monkeypatch, fork, baseurl=own)
    assert config.html_baseurl == own
    assert config.notfound_urls_prefix == "/deep/"
    config = settled(monkeypatch)
    assert vars(config) == {
        "book_repository": "", "html_baseurl": "", "html_theme_options": {"kept": 1}}  # fmt: skip


@pytest.mark.parametrize(
    ("repository", "notebook", "offered"),
    [
        ("https://github.com/a/b", "book/x.ipynb", 1),
        ("https://gitlab.com/a/b", "book/x.ipynb", 0),
        ("", "book/x.ipynb", 0),
        ("https://github.com/a/b", None, 0),
    ],
)
def test_colab_opens_notebooks_from_github(repository, notebook, offered):
    app = SimpleNamespace(config=SimpleNamespace(book_repository=repository))
    groups = [{"label": name, "buttons": []} for name in ("other", "download-buttons")]
    address.offer_colab(app, "x", "", {"ipynb_source": notebook, "header_buttons": groups}, None)
    assert [len(group["buttons"]) for group in groups] == [0, offered]
