"""The whole book as one file, made from its built pages: `editions.py pdf` or `editions.py epub`.

Each page's article is taken as the build wrote it, in the order of _toc.yml. Left out is what only
a screen can use (links to headings, buttons, code of figures); an interactive element gives way to
its picture, or to its sentence. Solutions and the answers to the questions come at the end. The PDF
is printed by Chromium, twice: the first print says on which pages the headings fall. The EPUB is a
zip archive of XHTML with MathML; https://www.w3.org/TR/epub-33 says what has to be in it.
"""

import argparse
import copy
import datetime
import os
import re
import sys
import tomllib
import uuid
import zipfile
from html import escape
from pathlib import Path
from urllib.parse import urldefrag

import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
NAME = "mnist-from-scratch"
ONLY_ON_SCREEN = (
    ".headerlink, .copybtn, script, style, button, .minutes, .equation-check, .editions, .sd-btn, "
    ".narrow-math, details.above-input, .nothing-to-see"
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


# --- the pages' articles --------------------------------------------------------------------------


def page_names():
    """The pages in the order of the book, and the parts: [(part or None, [page, ...]), ...]"""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [(None, [contents["root"]])]
    for part in contents["parts"]:
        parts.append((part["caption"], [chapter["file"] for chapter in part["chapters"]]))
    return [(part, [Path(page).name for page in pages]) for part, pages in parts]


def article(name):
    """A page's article without what only a screen can use. Its ids begin with the page's name."""
    text = (HTML / "book" / f"{name}.html").read_text(encoding="utf-8")
    found = BeautifulSoup(text, "html.parser").select_one("article.bd-article")
    for element in found.select(ONLY_ON_SCREEN):
        element.decompose()
    for image in found.select("img[loading]"):  # on paper nothing comes near
        del image["loading"]
    for sentence in found.select("p.instead"):
        picture = sentence.find_next_sibling(class_="still")
        sentence.parent.replace_with(picture or sentence)
    for element in found.select("[id]"):
        element["id"] = place(name, element["id"])
    for link in found.select("a[href]"):
        link["href"] = inner_link(name, link["href"])
    found.name = "section"
    found["id"] = place(name, "")
    return found


def place(page, anchor):
    return re.sub(r"[^\w.-]", "-", f"{page}--{anchor}" if anchor else f"page-{page}")


def inner_link(page, address):
    """`b.html#c`, as page `a` writes it, becomes `#b--c`; others are kept."""
    path, anchor = urldefrag(address)
    if re.match(r"[a-z]+:", address):
        return address
    if path and not path.endswith(".html"):  # a download: not in this file
        return ""
    return "#" + place(Path(path).stem if path else page, anchor)


def take_answers(chapter):
    """Take solutions and answers out of a chapter: [(what is answered, [elements]), ...]."""
    answers = []
    for solution in chapter.select(".solution"):
        asked = solution.find_previous(class_="exercise")
        title = asked.select_one(".admonition-title")
        solution.select_one(".admonition-title").decompose()
        answers.append((copy.copy(title), [part.extract() for part in list(solution.children)]))
        solution.decompose()
    for question in chapter.select(".dropdown.admonition"):
        title = question.select_one(".admonition-title").extract()
        rest = [part.extract() for part in list(question.children)]
        answers.append((copy.copy(title), rest))
        title["class"] = "question"
        question.replace_with(title)
    return answers


def whole_book():
    """[(part, [(title, chapter), ...]), ...], with the solutions as the last part."""
    book, solved = [], BeautifulSoup("", "html.parser")
    answers = solved.new_tag("section", id="page-solutions")
    answers.append(heading(solved, "h1", "Solutions and answers"))
    for part, names in page_names():
        chapters = []
        for name in names:
            chapter = article(name)
            title = chapter.select_one("h1").get_text()
            found = take_answers(chapter)
            if found:
                answers.append(heading(solved, "h2", title))
            for asked, parts in found:
                asked.name, asked["class"] = "h3", "answered"
                answers.append(asked)
                answers.extend(parts)
            chapters.append((title, chapter))
        book.append((part, chapters))
    return [*book, ("At the end", [("Solutions and answers", answers)])]


def heading(soup, kind, text):
    made = soup.new_tag(kind)
    made.string = text
    return made


def remove_dead_links(book):
    """A link to what is not in the file becomes its text."""
    chapters = [chapter for _, chapters in book for _, chapter in chapters]
    ids = {element["id"] for chapter in chapters for element in chapter.select("[id]")}
    ids |= {chapter["id"] for chapter in chapters}
    for chapter in chapters:
        for link in chapter.select("a[href]"):
            address = link["href"]
            page = "#page-" + address[1:].split("--")[0]
            if address.startswith("#") and address[1:] not in ids:
                link["href"] = page if page[1:] in ids else ""
            if not link["href"]:
                link.unwrap()


def today():
    stamp = os.environ.get("SOURCE_DATE_EPOCH")
    utc = datetime.UTC
    return datetime.datetime.fromtimestamp(int(stamp), utc) if stamp else datetime.datetime.now(utc)


# --- PDF ------------------------------------------------------------------------------------------

COVER = """<div class="cover"><h1 class="title">{title}</h1><p>{about}</p>
<p>{author}<br/>Version {version}, {date}</p><p>Text and figures: CC BY 4.0. Code: MIT.</p></div>"""
FOOTER = """<div style="width: 100%; font: 8pt sans-serif; color: #555; text-align: center">
<span class="pageNumber"></span></div>"""
SMALLER = """() => {
  for (const box of document.querySelectorAll(".math .katex-display, .math > .katex-display")) {
    const room = box.clientWidth, wide = box.querySelector(".katex").scrollWidth;
    if (wide > room) box.style.fontSize = `${Math.floor(95 * room / wide)}%`;
  }
  return document.fonts.ready.then(() => true);
}"""


def one_page(book, pages):
    """The book as one HTML document. pages: the page of each heading of `contents`, or None."""
    head = "".join(
        f'<link rel="stylesheet" href="../_static/{file}">'
        for file in ("pygments.css", "katex/katex.min.css", "katex-math.css")
    )
    style = (ROOT / "scripts" / "editions.css").read_text(encoding="utf-8")
    cover = COVER.format(
        title=escape(CONFIG["title"]),
        about=escape(PROJECT["description"]),
        author=escape(CONFIG["author"]),
        version=PROJECT["version"],
        date=today().strftime("%d %B %Y").lstrip("0"),
    )
    body = "".join(str(chapter) for _, chapters in book for _, chapter in chapters)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(CONFIG['title'])}</title>{head}<style>{style}</style></head>"
        f"<body>{cover}{contents(book, pages)}<main>{body}</main></body></html>"
    )


def headings(book, kinds="h1, h2"):
    """The headings of the book in order: [(part, element), ...]; h1 and h2 are in the contents."""
    return [
        (part, element)
        for part, chapters in book
        for _, chapter in chapters
        for element in chapter.select(kinds)
    ]


def words(element):
    """A heading's text, with a formula as it is typed."""
    plain = copy.copy(element)
    for formula in plain.select(".katex"):
        formula.replace_with(formula.select_one("annotation").get_text())
    return " ".join(plain.get_text().split())


def contents(book, pages):
    lines, last = [], None
    for number, (part, element) in enumerate(headings(book)):
        if part != last and part:
            lines.append(f'<p class="part">{escape(part)}</p>')
        last = part
        target = element.find_parent("section", id=True)
        page = pages[number] if pages else "000"
        lines.append(
            f'<p class="in-contents {element.name}"><a href="#{target["id"]}">'
            f"{escape(words(element))}</a><span></span>{page}</p>"
        )
    return f'<nav class="contents"><h1>Contents</h1>{"".join(lines)}</nav>'


def pages_of(book, bookmarks):
    """The page of each heading of the contents. The PDF has a bookmark for every heading."""
    every = [element for _, element in headings(book, "h1, h2, h3, h4, h5, h6")]
    before = 2  # the cover's and the contents' own
    if len(bookmarks) != len(every) + before:
        raise RuntimeError(f"{len(every)} headings and {len(bookmarks) - before} bookmarks")
    return [
        page
        for element, (_, page) in zip(every, bookmarks[before:])
        if element.name in ("h1", "h2")
    ]


def flat(outline, reader):
    """The bookmarks of a PDF in their order: (title, page from 1)."""
    for entry in outline:
        if isinstance(entry, list):
            yield from flat(entry, reader)
        else:
            yield entry.title, reader.get_destination_page_number(entry) + 1


def make_pdf(target):
    sys.path.insert(0, str(ROOT / "tests"))
    from browser import find_chromium
    from playwright.sync_api import sync_playwright
    from pypdf import PdfReader

    book = whole_book()
    remove_dead_links(book)
    source = HTML / "book" / "one-page.tmp.html"
    options = {
        "format": "A4",
        "outline": True,
        "tagged": True,
        "print_background": True,
        "display_header_footer": True,
        "header_template": "<span></span>",
        "footer_template": FOOTER,
        "margin": {"top": "20mm", "bottom": "22mm", "left": "20mm", "right": "20mm"},
    }
    pages = None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        try:
            for _ in range(2):
                source.write_text(one_page(book, pages), encoding="utf-8")
                page = browser.new_page(viewport={"width": 642, "height": 900})
                page.set_default_timeout(300_000)
                page.goto(source.as_uri())
                page.evaluate(SMALLER)
                page.pdf(path=target, **options)
                page.close()
                reader = PdfReader(target)
                pages = pages_of(book, list(flat(reader.outline, reader)))
        finally:
            browser.close()
            source.unlink(missing_ok=True)
    return len(reader.pages)


# --- EPUB -----------------------------------------------------------------------------------------

PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en" \
xml:lang="en">
<head><title>{title}</title><link rel="stylesheet" href="book.css"/></head>
<body>{body}</body>
</html>
"""
CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles>
<rootfile full-path="EPUB/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles>
</container>
"""
PACKAGE = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator><dc:language>en</dc:language>
<dc:description>{about}</dc:description><dc:rights>CC BY 4.0</dc:rights>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta><meta property="schema:accessMode">visual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">alternativeText</meta>
<meta property="schema:accessibilityFeature">MathML</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">Figures have texts, formulas are MathML.</meta>
</metadata>
<manifest>{manifest}</manifest>
<spine>{spine}</spine>
</package>
"""
TYPES = {
    ".xhtml": "application/xhtml+xml",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
}


def mathml_only(chapter):
    """KaTeX writes each formula twice; a reader of e-books needs the MathML."""
    for formula in chapter.select(".katex"):
        math = formula.select_one("math")
        for note in math.select("annotation"):
            note.decompose()
        math.semantics.unwrap()
        display = formula.find_parent(class_="katex-display") or formula
        display.replace_with(math)


def as_xml(chapter):
    """An article as XHTML: what HTML allows and XML or EPUB does not is mended."""
    for element in chapter.find_all(True):
        for name in [
            name for name in element.attrs if name.startswith("data-") or name == "source"
        ]:
            del element[name]
    for element in chapter.select("[align], table[border]"):
        for name in ("align", "border", "valign", "width"):
            element.attrs.pop(name, None)
    for summary in chapter.select("summary p"):
        summary.unwrap()
    return chapter.decode(formatter="minimal")


def picture_of(address):
    """A picture's file name and bytes."""
    file = (HTML / "book" / address).resolve()
    return file.name, file.read_bytes()


def clean_svg(text):
    """Without a document type that leads outside; a path that draws nothing says so."""
    text = re.sub(r"<!DOCTYPE.*?>", "", text, flags=re.DOTALL)
    return re.sub(r"<path(?![^>]*\sd=)", '<path d="M0 0"', text)


def epub_files():
    """{name in the archive: bytes}, and the chapters' files in order with their titles."""
    book = whole_book()
    remove_dead_links(book)
    files, spine, home = {}, [], {}
    for _, chapters in book:
        for title, chapter in chapters:
            name = chapter["id"].removeprefix("page-") + ".xhtml"
            spine.append((name, title))
            mathml_only(chapter)
            home |= {element["id"]: name for element in chapter.select("[id]")}
            home[chapter["id"]] = name
    for _, chapters in book:
        for (_, chapter), name in zip(chapters, (home[c["id"]] for _, c in chapters)):
            for link in chapter.select('a[href^="#"]'):
                target = link["href"][1:]
                there = home[target]
                link["href"] = link["href"] if there == name else f"{there}#{target}"
            for image in chapter.select("img"):
                picture, data = picture_of(image["src"])
                image["src"] = f"images/{picture}"
                if picture.endswith(".svg"):
                    data = clean_svg(data.decode()).encode()
                files[image["src"]] = data
            title = next(t for n, t in spine if n == name)
            files[name] = PAGE.format(title=escape(title), body=as_xml(chapter)).encode()
    files["nav.xhtml"] = PAGE.format(title="Contents", body=navigation(book, home)).encode()
    style = (ROOT / "scripts" / "editions.css").read_text(encoding="utf-8")
    code_colours = (HTML / "_static" / "pygments.css").read_text(encoding="utf-8")
    light = re.findall(r'^html\[data-theme="light"\] (.*)$', code_colours, re.MULTILINE)
    files["book.css"] = (style.split("/* --- paper --- */")[0] + "\n".join(light)).encode()
    files["cover.png"] = (HTML / "_static" / "preview.png").read_bytes()
    return files, spine


def navigation(book, home):
    parts = []
    for part, chapters in book:
        items = []
        for _, chapter in chapters:
            inner = "".join(entry(section, home) for section in chapter.select("h2"))
            items.append(
                entry(chapter.select_one("h1"), home, f"<ol>{inner}</ol>" if inner else "")
            )
        listed = "".join(items)
        parts.append(f"<li><span>{escape(part)}</span><ol>{listed}</ol></li>" if part else listed)
    return f'<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>{"".join(parts)}</ol></nav>'


def entry(element, home, inner=""):
    target = element.find_parent("section", id=True)["id"]
    return f'<li><a href="{home[target]}#{target}">{escape(words(element))}</a>{inner}</li>'


def item(number, name, data):
    kinds = []
    if name == "nav.xhtml":
        kinds.append("nav")
    if name == "cover.png":
        kinds.append("cover-image")
    if b"<math" in data:
        kinds.append("mathml")
    if b"<svg" in data and name.endswith(".xhtml"):
        kinds.append("svg")
    properties = f' properties="{" ".join(kinds)}"' if kinds else ""
    kind = TYPES[Path(name).suffix]
    return f'<item id="f{number}" href="{name}" media-type="{kind}"{properties}/>'


def make_epub(target):
    files, spine = epub_files()
    numbers = {name: number for number, name in enumerate(files)}
    package = PACKAGE.format(
        identifier=uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME}-{PROJECT['version']}"),
        title=escape(CONFIG["title"]),
        author=escape(CONFIG["author"]),
        about=escape(PROJECT["description"]),
        modified=today().strftime("%Y-%m-%dT%H:%M:%SZ"),
        manifest="".join(item(numbers[name], name, data) for name, data in files.items()),
        spine="".join(f'<itemref idref="f{numbers[name]}"/>' for name, _ in spine),
    )
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("EPUB/book.opf", package)
        for name, data in files.items():
            archive.writestr(f"EPUB/{name}", data)
    return len(spine)


# --- both -----------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["pdf", "epub"])
    kind = parser.parse_args().kind
    if not (HTML / "book" / "index.html").exists():
        sys.exit("the pages are not built yet: jb build .   (or: make book)")
    target = HTML / f"{NAME}.{kind}"
    draft = target.with_suffix(".part")
    count = {"pdf": make_pdf, "epub": make_epub}[kind](draft)
    draft.rename(target)
    from scratchmnist_book.editions import mend_front_page

    mend_front_page(HTML)
    print(
        f"{target}: {count} {'pages' if kind == 'pdf' else 'chapters'}, "
        f"{target.stat().st_size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "book" / "_ext"))
    main()
