"""Fixtures shared by the tests: the built book, and small books to break."""

import base64
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

NEEDED = ("scratchmnist", "jupyter_book", "nbclient", "playwright", "axe_playwright_python")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.exit(
        f"the tests need {', '.join(MISSING)}: pip install -c constraints.txt -e '.[test]' "
        "(or `make test`, which does it by itself)",
        returncode=4,
    )

from browser import find_chromium  # noqa: E402 - it needs playwright

ROOT = Path(__file__).resolve().parents[1]
JB = "from jupyter_book.cli.main import main; main()"  # what the command `jb` does


def jb_build(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `jb build` on a book; the output is in `.stdout`, stderr included."""
    return subprocess.run(
        [sys.executable, "-c", JB, "build", ".", *options],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Small tensors gain nothing from several threads, and on a busy machine they wait for them."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def built_book() -> Path:
    """The folder `_build` of the book itself, up to date (building anew takes a few seconds)."""
    done = jb_build(ROOT)
    if done.returncode:
        pytest.fail(f"jb build . failed:\n{done.stdout[-3000:]}", pytrace=False)
    return ROOT / "_build"


@pytest.fixture(scope="session")
def chromium() -> dict:
    """How to launch Chromium. In CI it must be there; elsewhere the tests that need it skip."""
    path = find_chromium()
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium: `python tests/install_browser.py` gets one")
    return {"executable_path": path, "args": ["--disable-gpu"]}


@pytest.fixture(scope="session")
def browser(chromium):
    """A Chromium that shows pages from files."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        shown = playwright.chromium.launch(**chromium)
        yield shown
        shown.close()


@pytest.fixture(scope="session")
def mnist_png():
    """The folder of the full MNIST. Tests never download it."""
    from fastai.data.external import URLs, fastai_cfg

    folder = fastai_cfg().path("data") / Path(URLs.MNIST).stem
    if folder.is_dir():
        return folder
    message = (
        f"needs the full MNIST, which is not in {folder}: run "
        "`python -c 'from scratchmnist import load_mnist; load_mnist(\"full\")'` to download it, "
        "or set FASTAI_HOME to a folder whose data/mnist_png holds it"
    )
    if os.environ.get("CI"):
        pytest.fail(message)
    return pytest.skip(message)


@pytest.fixture(scope="session")
def full(mnist_png):
    """load_mnist("full"), read once."""
    from scratchmnist import load_mnist

    return load_mnist("full")


def page_html(built_book: Path, page: str) -> str:
    """A page's text, the data and pictures of its explorables in the places the cells gave them.

    The build moves them into files (book/_ext/scratchmnist_book/explorables.py).
    """
    file = built_book / "html" / "book" / f"{page}.html"

    def data(match):
        script = (file.parent / match[2]).read_text(encoding="utf-8")
        name, text = json.loads(f"[{script.removeprefix('explorables.take(')[:-3]}]")
        assert f'id="{name}"' in match[1]
        return f"{match[1]}>{text}<"

    def still(match):
        picture = base64.b64encode((file.parent / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{picture}"'

    html = file.read_text(encoding="utf-8")
    html = re.sub(r'(<script type="application/json" id="[\w-]+") data-src="(.*?)"><', data, html)
    return re.sub(r'loading="lazy" src="([^"]*/_explorables/[^"]*\.png)"', still, html)


# A long page is laid out part by part (book.css), and has no inner text where it is not; with this
# script it is laid out whole, JavaScript or not.
LAY_OUT_ALL = """document.head.insertAdjacentHTML("beforeend",
  "<style>section { content-visibility: visible !important }</style>")"""


def wake_explorables(page) -> None:
    """Lay a Playwright page out whole, and scroll to each explorable: so it comes to life."""
    page.evaluate(LAY_OUT_ALL)
    elements = page.locator("[source]")
    for number in range(elements.count()):
        elements.nth(number).scroll_into_view_if_needed()
        elements.nth(number).locator(".explorable").wait_for(state="attached")
    page.evaluate("scrollTo(0, 0)")


HEAD = """---
file_format: mystnb
kernelspec:
  name: python3
  display_name: Python 3
---
"""


class SmallBook:
    """A book of a few pages with the project's own configuration and extensions."""

    def __init__(self, folder: Path):
        self.folder = folder
        config = (ROOT / "_config.yml").read_text(encoding="utf-8")
        for path in ("book/_ext", "book/_static"):
            config = config.replace(path, str(ROOT / path))
        (folder / "_config.yml").write_text(config, encoding="utf-8")
        (folder / "book").mkdir()
        bibliography = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
        (folder / "book" / "references.bib").write_text(bibliography, encoding="utf-8")

    def write(self, **pages: str) -> None:
        """Write the pages, in this order in the book; the first is the root."""
        for name, text in pages.items():
            (self.folder / "book" / f"{name}.md").write_text(text, encoding="utf-8")
        root, *others = pages
        toc = f"format: jb-book\nroot: book/{root}\n"
        if others:
            toc += "chapters:\n" + "".join(f"- file: book/{name}\n" for name in others)
        (self.folder / "_toc.yml").write_text(toc, encoding="utf-8")

    def build(self, *options: str, **environment: str) -> subprocess.CompletedProcess:
        return jb_build(self.folder, *options, **environment)

    def page(self, name: str) -> str:
        return (self.folder / "_build" / "html" / "book" / f"{name}.html").read_text("utf-8")


@pytest.fixture
def small_book(tmp_path) -> SmallBook:
    return SmallBook(tmp_path)
