"""The build fails when it should, forgets what is old, and needs no other host.

The tests that break a book do so with small ones that share the project's configuration.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import psutil
import pytest
from conftest import HEAD, JB, ROOT, SmallBook


def cell(code):
    return f"\n```{{code-cell}}\n{code}\n```\n"


RECORD = cell("from scratchmnist.pages.results import record\nrecord('answer', 42, '{:d}')")

FAULTS = {
    "raising-cell": (HEAD + "# A\n" + cell("ratio = 1 / 0"), ["book/faulty", "ZeroDivisionError"]),
    "broken-reference": ("# A\n\n{ref}`nowhere`\n", ["faulty.md", "nowhere"]),
    "broken-link": ("# A\n\n[text](no-such-page.md)\n", ["faulty.md", "no-such-page"]),
    "unknown-citation": ("# A\n\n{cite}`nobody1900`\n", ["faulty.md", "nobody1900"]),
    "bad-math": ("# A\n\n$$\n\\frac{1}{\n$$\n", ["faulty.md", "bad math"]),
    "unsupported-math": ("# A\n\n$\\nosuchmacro$\n", ["faulty.md", "nosuchmacro"]),
    "unknown-result": ("# A\n\n{result}`nobodys`\n", ["faulty.md", "nobodys"]),
    "result-recorded-twice": (HEAD + "# A\n" + RECORD, ["answer", "book/faulty", "book/index"]),
}


def stand_in(book):
    """A stand-in for the package beside a small book: quick to import, and ours to edit."""
    package = book.folder / "src" / "scratchmnist"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("def answer():\n    return 41\n")
    shutil.copytree(ROOT / "src" / "scratchmnist" / "pages", package / "pages")
    return package


@pytest.fixture(scope="module")
def faulty_builds(tmp_path_factory):
    """{fault: its book's first build and the rerun}, two books at a time."""

    folders = {fault: tmp_path_factory.mktemp(fault) for fault in FAULTS}  # not for two threads

    def build_twice(fault):
        book = SmallBook(folders[fault])
        path = str(stand_in(book).parent)
        index = HEAD + "# Index\n" + (RECORD if fault == "result-recorded-twice" else "")
        book.write(index=index, faulty=FAULTS[fault][0])
        return [book.build(PYTHONPATH=path) for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(FAULTS, pool.map(build_twice, FAULTS)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_fails_the_build_and_the_rerun(faulty_builds, fault):
    for run, done in zip(("first run", "rerun"), faulty_builds[fault]):
        assert done.returncode != 0, f"{run} passed:\n{done.stdout[-2000:]}"
        for complaint in FAULTS[fault][1]:
            assert complaint in done.stdout, f"{run} does not name {complaint}"


INDEX = (
    HEAD
    + r"""# Index

(here)=
## A section

The answer is {result}`answer`; {ref}`here`, {cite}`lecun1998`, $p - y$.

$$
\frac{\partial L}{\partial z} = p - y
$$ (difference)

{eq}`difference`.

```{literalinclude} ../src/scratchmnist/__init__.py
```
"""
    + cell("import scratchmnist\nfrom scratchmnist.pages.results import record, show")
    + cell(
        "from matplotlib.figure import Figure\nshow(Figure(figsize=(4, 2)), 'Nothing, in lines.')"
    )
    + cell("show(Figure(figsize=(4, 2)), 'Nothing, in pixels.', png=True)")
    + cell("print('something to see')")
    + cell(
        "from IPython.display import HTML\n"
        """HTML('<script type="application/json" id="data">{}</script>')"""
    )
    + "\n```{bibliography}\n```\n"
)
OTHER = (
    HEAD
    + "# Other\n\nHere, too: {result}`answer`. Below: {result}`below`.\n"
    + cell(
        "import importlib.metadata\n"
        "from pathlib import Path\n"
        "import scratchmnist\n"
        "from scratchmnist.pages.results import record\n"
        "record('answer', scratchmnist.answer(), '{:d} of 99')\n"
        "record('below', -3, '{:d} to -1')\n"
        "print('in one', end='', flush=True)\n"
        "print(' go', flush=True)\n"
        "print('torch', importlib.metadata.version('torch'))\n"
        "print('data', (Path(scratchmnist.__file__).parent / 'data.npz').read_text())\n"
        "print('table', Path('data/table.json').read_text())"
    )
)


def recorded_on(small_book):
    return json.loads((small_book.folder / "_build" / "results.json").read_text("utf-8"))


def test_an_edit_anywhere_reaches_every_page(small_book):
    """One healthy book, changed step by step: plain rebuilds show each change everywhere."""

    stub = stand_in(small_book)

    def build(*expected):
        done = small_book.build("-n", PYTHONPATH=str(stub.parent))
        assert done.returncode == 0, done.stdout[-3000:]
        for page, text in expected:
            assert text in small_book.page(page)
        return done.stdout

    (stub / "data.npz").write_text("first")
    (stub.parent / "results.py").write_text("raise ImportError('not the results of the book')")
    table = small_book.folder / "book" / "data" / "table.json"
    table.parent.mkdir()
    table.write_text("[1]")
    small_book.write(index=INDEX, other=OTHER)
    build(
        ("index", '<span class="result">41 of 99</span>'),
        ("other", '<span class="result">41 of 99</span>'),
        ("other", '<span class="result">−3 to -1</span>'),
        ("other", "data first"),
        ("other", "in one go\n"),
        ("index", 'alt="Nothing, in lines." class="line-plot"'),
        ("index", 'alt="Nothing, in pixels." class="keep-colours"'),
        ("index", "cell_output nothing-to-see"),
        ("index", "katex-display"),
    )
    assert small_book.page("index").count("nothing-to-see") == 1
    for name in ("Nothing, in lines.", "Nothing, in pixels."):
        picture = re.search(rf'<img [^>]*alt="{name}"[^>]*>', small_book.page("index"))[0]
        width, height = map(int, re.search(r'width="(\d+)" height="(\d+)"', picture).groups())
        assert width == pytest.approx(2 * height, rel=0.02)
        assert 'loading="lazy"' in picture
    assert not re.search("thebe", small_book.page("index"), re.IGNORECASE)

    assert "no targets are out of date" in build()

    (stub / "__init__.py").write_text("def answer():\n    return 43\n")
    build(
        ("index", '<span class="result">43 of 99</span>'),
        ("other", '<span class="result">43 of 99</span>'),
        ("index", '<span class="mi">43</span>'),  # the literalinclude
    )
    (stub / "data.npz").write_text("second")
    build(("other", "data second"))
    table.write_text("[2]")
    build(("other", "table [2]"))
    recorded = OTHER.replace("scratchmnist.answer()", "scratchmnist.answer() + 2")
    small_book.write(index=INDEX, other=recorded)  # the other page records, this one shows
    build(("index", '<span class="result">45 of 99</span>'))
    small_book.write(index=INDEX, other=OTHER)

    torch = stub.parent / "torch-99.0.dist-info"
    torch.mkdir()
    (torch / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 99.0\n")
    build(("other", "torch 99.0"))

    small_book.write(index=INDEX, other=OTHER.replace("# Other", "# Another title"))
    assert "executed" not in build(("index", "Another title"), ("other", "torch 99.0"))

    def written(page):
        return (small_book.folder / "_build" / "html" / "book" / f"{page}.html").stat().st_mtime_ns

    pages = {
        "other": OTHER.replace("# Other", "# Another title"),
        "third": HEAD + "# Third\n\n{eq}`difference`\n" + RECORD.replace("answer", "third"),
    }
    small_book.write(index=INDEX, **pages)
    build(("third", "Another title"))
    before, prose = written("third"), small_book.folder / "book" / "other.md"
    prose.write_text(pages["other"].replace("Here, too", "Here as well"), "utf-8")
    assert "executed" not in build(("other", "Here as well"))
    assert set(recorded_on(small_book)) == {"book/other", "book/third"}
    assert written("third") == before  # nothing of the edit is shown there
    prose.write_text(pages["other"].replace("Another title", "A third title"), "utf-8")
    build(("third", "A third title"))
    small_book.write(index=INDEX.replace("$$\n", "$$\na\n$$ (first)\n\n$$\n", 1), **pages)
    build(("third", 'equation-difference">(2)'))

    more = "# More\n\n{ref}`here`\n"
    # a label that goes away is missed by the page that refers to it, though that did not change
    small_book.write(index=INDEX, other=OTHER, more=more)
    build(("more", "A section"))
    assert set(recorded_on(small_book)) == {"book/other"}  # the third page has left the book
    small_book.write(
        index=INDEX.replace("(here)=", ""), other=OTHER, more="# More\n\n{ref}`here`\n"
    )
    done = small_book.build(PYTHONPATH=str(stub.parent))
    assert done.returncode != 0
    assert "more.md" in done.stdout


SLOW = """
import time
from pathlib import Path

with Path("ran.txt").open("a") as log:
    log.write("slow\\n")
while Path("wait.txt").exists():
    time.sleep(0.1)
"""
QUICK = """
# The page with the longest code is executed first. This one is to be, and to be done when the
# build is interrupted, while the slow ones are under way. So here are some words more than there
# are in the others, and some more, and that should be enough of them.
from pathlib import Path

with Path("ran.txt").open("a") as log:
    log.write("quick\\n")
"""


def runs(small_book):
    file = small_book.folder / "book" / "ran.txt"
    return file.read_text().split() if file.exists() else []


def wait_until(holds, seconds=240):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_a_build_that_is_ended_ends_soon_and_loses_only_what_was_under_way(how, small_book):
    """Ctrl-C, and what no process can answer: its kernels end too, and the next build is right."""
    pages = {f"slow{i}": HEAD + "# Slow\n" + cell(SLOW + f"# {i}") for i in range(6)}
    small_book.write(index=HEAD + "# Index\n" + cell(QUICK), **pages)
    wait = small_book.folder / "book" / "wait.txt"
    wait.touch()
    build = subprocess.Popen(
        [sys.executable, "-c", JB, "build", "."], cwd=small_book.folder, stderr=subprocess.DEVNULL
    )
    # the quick one is done when a slow one has its place
    wait_until(lambda: "quick" in runs(small_book) and runs(small_book)[-1] == "slow")
    wait_until(lambda: list((small_book.folder / "_build" / "jupyter_cache").rglob("base.ipynb")))
    started = len(runs(small_book))
    children = psutil.Process(build.pid).children(recursive=True)
    assert len(children) > 3
    build.send_signal(getattr(signal, how))
    start = time.monotonic()
    assert build.wait(timeout=60) != 0
    _, alive = psutil.wait_procs(children, timeout=5 + 20)
    assert not alive
    assert time.monotonic() - start < 5 + 20  # 5 s is the promise; the machine may be busy
    assert len(runs(small_book)) == started < 7  # and the others have not been started since
    wait.unlink()
    done = small_book.build()
    assert done.returncode == 0, done.stdout[-3000:]
    assert "beginning anew" in done.stdout
    assert runs(small_book).count("quick") == 1


def test_what_a_killed_build_left_half_done_does_not_last(small_book):
    small_book.write(
        index=HEAD
        + "# Index\n"
        + cell(
            "from matplotlib.figure import Figure\nfrom scratchmnist import show\n"
            "show(Figure(figsize=(4, 2)), 'Nothing, in lines.')"
        ),
        other="# Other\n",
    )
    build_folder = small_book.folder / "_build"

    def build_and_read():
        done = small_book.build()
        assert done.returncode == 0, done.stdout[-3000:]
        files = [*build_folder.rglob("jupyter_execute/**/*.svg"), *build_folder.rglob("_images/*")]
        search = build_folder / "html" / "_static" / "search" / "data.js"
        pages = [*build_folder.glob("html/book/*.html"), search]
        assert len(files) == 2
        return {file: file.read_bytes() for file in files + pages}

    whole = build_and_read()
    for file in [*whole, *build_folder.rglob("jupyter_cache/**/base.ipynb")]:
        file.write_bytes(file.read_bytes()[:100])
    (build_folder / "unfinished-build").touch()  # what a build that was killed leaves
    assert build_and_read() == whole
    assert not (build_folder / "unfinished-build").exists()


def test_a_page_that_could_not_be_written_is_written_by_the_next_build(small_book):
    """A page that is not the first, so that a process of its own writes it."""
    small_book.write(index="# Index\n", other="# Other\n")
    in_the_way = small_book.folder / "_build" / "search" / "other.json"
    in_the_way.mkdir(parents=True)
    done = small_book.build()
    assert done.returncode != 0
    assert "other.json" in done.stdout
    in_the_way.rmdir()
    done = small_book.build()
    assert done.returncode == 0, done.stdout[-3000:]
    assert "beginning anew" in done.stdout
    assert "Other" in small_book.page("other")


def built_files(small_book):
    """What a reader gets, and what it was made from: {file: its bytes}."""
    build = small_book.folder / "_build"
    files = [*build.glob("html/**/*"), *build.glob("jupyter_execute/**/*.svg")]
    names = {file.relative_to(build): file for file in files if file.is_file()}
    return {
        name: file.read_bytes()
        for name, file in names.items()
        if ".doctrees" not in name.parts and name.name != ".buildinfo"
    }


CURVE = cell(
    "from matplotlib.figure import Figure\nfrom scratchmnist.pages.results import show\n"
    "fig = Figure(figsize=(4, 2))\nfig.add_subplot().plot([k * k % 97 for k in range(4000)])\n"
    "show(fig, 'Many, in lines.')"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits for files")
def test_what_a_full_disk_cut_short_does_not_last(small_book):
    """Here no file may be larger than so many bytes: it is cut there, and an OSError raised."""
    import resource

    path = str(stand_in(small_book).parent)
    small_book.write(index=HEAD + "# Index\n" + CURVE, other="# Other\n\n$p - y$\n")
    for most in (70_000, 200_000):  # cuts the outputs of cells; cuts scripts of the theme

        def limit(most=most):
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

        cut = subprocess.run(
            [sys.executable, "-c", JB, "build", "."],
            cwd=small_book.folder, env=os.environ | {"PYTHONPATH": path}, preexec_fn=limit,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )  # fmt: skip
        assert cut.returncode != 0
        assert "File too large" in cut.stdout
    done = small_book.build(PYTHONPATH=path)
    assert done.returncode == 0, done.stdout[-3000:]
    again = built_files(small_book)
    shutil.rmtree(small_book.folder / "_build")
    assert small_book.build(PYTHONPATH=path).returncode == 0
    whole = built_files(small_book)
    assert again.keys() == whole.keys()
    assert [name for name, content in whole.items() if content != again[name]] == []


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(b"")])
@pytest.mark.parametrize(
    "name", ["katex.min.css", "katex.js", "fonts/KaTeX_Main-Regular.woff2", "fonts/KaTeX_AMS-*"]
)
def test_half_a_katex_is_not_taken_for_a_whole_one(damage, name, tmp_path, built_book):
    from scratchmnist_book.offline_math import KATEX, is_whole

    assert is_whole(KATEX)
    copy = shutil.copytree(KATEX, tmp_path / "katex")
    assert is_whole(copy)
    for file in (copy / "dist").glob(name):
        damage(file)
    assert not is_whole(copy)


def test_a_taken_port_is_no_obstacle():
    import socket

    sys.path.insert(0, str(ROOT / "scripts"))
    from serve import make_server

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with make_server(taken.getsockname()[1]) as server:
            assert server.server_port not in (0, taken.getsockname()[1])


class Resources(HTMLParser):
    """What a browser loads by itself when it opens the page."""

    ASKING_LINKS = frozenset(
        """stylesheet preload modulepreload prefetch preconnect dns-prefetch
        icon apple-touch-icon manifest""".split()  # noqa: SIM905
    )

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        for name in ("src", "srcset", "poster", "data"):
            if values.get(name):
                self.found.append(values[name])
        if tag == "link" and self.ASKING_LINKS & set((values.get("rel") or "").split()):
            self.found.append(values.get("href") or "")
        self.found += addresses_in_css(values.get("style") or "")

    def handle_data(self, data):
        if self.lasttag == "style":
            self.found += addresses_in_css(data)


def addresses_in_css(css):
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.findall(r"""url\(\s*["']?([^"')]+)""", css) + re.findall(
        r"""@import\s+["']([^"']+)""", css
    )


def outside(addresses):
    return [url for url in addresses if re.match(r"(https?:)?//", url.strip())]


def missing_files(addresses, folder):
    local = {re.split(r"[?#]", url)[0] for url in addresses if not url.startswith(("data:", "#"))}
    return sorted(url for url in local if url and not (folder / url).exists())


def test_the_pages_ask_nothing_of_another_host(built_book):
    html = built_book / "html"
    pages = [page for page in html.rglob("*.html") if "_static" not in page.parts]
    assert len(pages) >= 15
    styles = [path for path in html.rglob("*.css") if "katex" in str(path) or "book" in path.name]
    assert any(path.name == "katex.min.css" for path in styles)
    for path in pages:
        found = Resources(path.read_text(encoding="utf-8")).found
        assert not outside(found), path
        if path.name != "404.html":  # which is read at any depth
            assert missing_files(found, path.parent) == [], path
    for path in html.rglob("*.css"):
        assert not outside(addresses_in_css(path.read_text(encoding="utf-8"))), path
    for path in styles:
        found = addresses_in_css(path.read_text(encoding="utf-8"))
        assert missing_files(found, path.parent) == [], path


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<script src="//cdn.example/x.js"></script>',
        '<link rel="preload" href="http://cdn.example/x.woff2">',
        '<link href="https://cdn.example/x.css" rel="stylesheet">',
        '<img srcset="https://cdn.example/x.png 2x">',
        "<style>@import 'https://cdn.example/x.css';</style>",
        '<p style="background: url(https://cdn.example/x.png)">',
    ],
)
def test_a_request_to_another_host_is_found(html):
    assert outside(Resources(html).found)


def test_a_link_to_another_host_is_no_request():
    html = '<a href="https://example.org">x</a><link rel="canonical" href="https://example.org">'
    assert not Resources(html).found
