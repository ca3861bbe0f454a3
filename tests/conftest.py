"""Fixtures shared by the tests: the built book, and small books to break."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from browser import find_chromium

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
