"""The PDF and the EPUB hold the whole book, in order, and what a reader of theirs expects."""

import base64
import importlib.util
import os
import re
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from xml.etree import ElementTree

import pytest
from conftest import ROOT, page_html
from scratchmnist_book import editions as front_page

spec = importlib.util.spec_from_file_location("editions", ROOT / "scripts" / "editions.py")
editions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(editions)

PAGES = [page for _, pages in editions.page_names() for page in pages]
needs_ci = pytest.mark.skipif(not os.environ.get("CI"), reason="takes a minute; CI=1 runs it")


@pytest.fixture(scope="module")
def epub(built_book, tmp_path_factory):
    target = tmp_path_factory.mktemp("editions") / "book.epub"
    editions.make_epub(target)
    return target


@pytest.fixture(scope="module")
def chapters(epub):
    """{file: its XML}; parsing them is the first check."""
    with zipfile.ZipFile(epub) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xhtml")]
        return {name: ElementTree.fromstring(archive.read(name)) for name in names}


def text_of(element):
    return " ".join("".join(element.itertext()).split())


def test_the_archive_begins_as_an_epub_must(epub):
    data = epub.read_bytes()
    assert data[30:58] == b"mimetypeapplication/epub+zip"


def test_all_chapters_are_there_in_order(epub, chapters):
    with zipfile.ZipFile(epub) as archive:
        package = archive.read("EPUB/book.opf").decode()
    files = dict(re.findall(r'<item id="(\w+)" href="([^"]+)"', package))
    spine = [files[number] for number in re.findall(r'<itemref idref="(\w+)"', package)]
    assert spine == [f"{page}.xhtml" for page in [*PAGES, "solutions"]]
    nav = chapters["EPUB/nav.xhtml"]
    links = [link.get("href") for link in nav.iter("{http://www.w3.org/1999/xhtml}a")]
    assert len(links) > 250
    ids = {
        f"{name.removeprefix('EPUB/')}#{element.get('id')}"
        for name, chapter in chapters.items()
        for element in chapter.iter()
    }
    assert not [link for link in links if link not in ids]


def test_formulas_are_mathml_and_numbered(built_book, chapters):
    for page in PAGES:
        html = (built_book / "html" / "book" / f"{page}.html").read_text("utf-8")
        text = ElementTree.tostring(chapters[f"EPUB/{page}.xhtml"], "unicode")
        on_page = html.count('<span class="katex">')
        moved = ElementTree.tostring(chapters["EPUB/solutions.xhtml"], "unicode")
        assert len(re.findall(r"<\w+:math", text)) <= on_page, page
        assert "katex" not in text + moved
        numbers = re.findall(r'class="eqno">\(([\d.]+)\)', html)
        assert all(f">({number})<" in text + moved for number in numbers), page


def test_a_picture_stands_for_each_explorable(built_book, epub, chapters):
    with zipfile.ZipFile(epub) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    found = 0
    for page in PAGES:
        html = page_html(built_book, page)
        images = list(chapters[f"EPUB/{page}.xhtml"].iter("{http://www.w3.org/1999/xhtml}img"))
        stills = [image for image in images if image.get("class") == "still"]
        in_html = re.findall(r'class="still" alt="[^"]*" [^>]*base64,([^"]*)"', html)
        assert [kept[f"EPUB/{image.get('src')}"] for image in stills] == [
            base64.b64decode(data) for data in in_html
        ]
        assert len(stills) == len(re.findall(r"<[\w-]+ source=", html))
        found += len(stills)
        assert "JavaScript, you can" not in text_of(chapters[f"EPUB/{page}.xhtml"])
    assert found


def test_solutions_stand_at_the_end_only(chapters):
    solutions = text_of(chapters["EPUB/solutions.xhtml"])
    assert solutions.count("Exercise ") > 50
    for page in PAGES:
        assert not re.search(
            r'class="[^"]*solution', ElementTree.tostring(chapters[f"EPUB/{page}.xhtml"], "unicode")
        ), page
    # a question keeps its place, its answer does not
    asked, answer = "What do two linear layers without a bend amount to?", "One linear layer, with"
    assert asked in text_of(chapters["EPUB/hidden-layer.xhtml"])
    assert answer not in text_of(chapters["EPUB/hidden-layer.xhtml"])
    assert answer in solutions


def test_nothing_that_only_a_screen_can_use(chapters):
    for name, chapter in chapters.items():
        tags = {element.tag.split("}")[-1] for element in chapter.iter()}
        assert not tags & {"script", "button", "canvas", "style", "iframe"}, name
        assert not [tag for tag in tags if "-" in tag], name
        assert "rc_context" not in text_of(chapter).replace("solutions", ""), name


@needs_ci
def test_epubcheck_finds_nothing(epub):
    jar = shutil.which("epubcheck")
    assert jar, "in CI, epubcheck has to be there: apt-get install epubcheck"
    with open(jar, "rb") as file:
        is_jar = file.read(2) == b"PK"
    command = ["java", "-jar", jar] if is_jar else [jar]
    done = subprocess.run([*command, str(epub)], capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@needs_ci
def test_the_pdf_has_bookmarks_page_numbers_and_text(built_book, tmp_path):
    from pypdf import PdfReader

    target = tmp_path / "book.pdf"
    with ThreadPoolExecutor(1) as thread:  # the main one may have Playwright's other loop
        thread.submit(editions.make_pdf, target).result()
    reader = PdfReader(target)
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]  # tagged
    marks = list(editions.flat(reader.outline, reader))
    texts = [" ".join(page.extract_text().split()) for page in reader.pages]
    whole = " ".join(texts)
    squeezed = [text.replace(" ", "") for text in texts]
    # the contents name the page on which a heading stands, and the foot of that page its number
    checked = 0
    for title, page in marks:
        line = re.search(re.escape(title) + r"\s*(\d+)\b", " ".join(texts[1:9]))
        if re.match(r"\d+\.\d+\. ", title) and line:
            checked += 1
            assert int(line[1]) == page, title
            assert title.replace(" ", "") in squeezed[page - 1], title
            assert squeezed[page - 1].endswith(str(page)), title
    assert checked > 150
    assert "rc_context" not in whole
    answer = whole.index("One linear layer, with weights")
    assert answer > whole.rindex("How each number is checked")
    assert "(6.1)" in whole


def test_the_front_page_names_what_is_there(tmp_path):
    (tmp_path / "book").mkdir()
    page = tmp_path / "book" / "index.html"
    page.write_text('<p>a</p><p class="editions"></p><p>b</p>', "utf-8")
    front_page.mend_front_page(tmp_path)
    assert page.read_text("utf-8") == '<p>a</p><p class="editions"></p><p>b</p>'
    (tmp_path / "mnist-from-scratch.pdf").write_bytes(bytes(2_000_000))
    for _ in range(2):
        front_page.mend_front_page(tmp_path)
        assert page.read_text("utf-8").count("mnist-from-scratch.pdf") == 1
    assert "PDF (2.0 MB)" in page.read_text("utf-8")
    assert "EPUB" not in page.read_text("utf-8")
