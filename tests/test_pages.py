"""The pages in a real browser: for everyone, offline, at every width, by mouse and by keyboard.

Every page is opened once at 1280 px and once at 390 px, two pages at a time, and looked at in many
ways; each test is one page and what was found wrong with it. A page full of faults shows that each
of the ways finds what it looks for. With SCREENSHOTS=1 they are left in _build/screenshots.
"""

import asyncio
import gzip
import itertools
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest import LAY_OUT_ALL, ROOT

TRUNK = [
    Path(page["file"]).name
    for part in yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))["parts"][:3]
    for page in part["chapters"]
]
WIDTHS = {"wide": 1280, "narrow": 390}
LIGHT_KB, HEAVY_KB = 450, 700  # gzip; the second with the data of an explorable
LARGEST_SHIFT = 0.02
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE_ALSO = ["label-content-name-mismatch"]  # of WCAG 2.1 A; off by default
AXE_COLOURS = ["color-contrast", "link-in-text-block"]
CHECKS = """requests console overflow axe alt shift weight math focus headings language boxes motion
downloads equations fingers cut""".split()  # noqa: SIM905

WATCH_SHIFTS = """
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({type: "layout-shift", buffered: true});
"""
# axe takes a minute for a page with thousands of formulas and coloured words of code, which are
# all of one make: it gets the first five formulas, and of each kind of word the first five ...
FEWER_PARTS = """() => {
  for (const part of ["html", "mathml"])
    [...document.querySelectorAll(`.katex-${part}`)].slice(5).forEach(
      (formula) => formula.replaceChildren("x"));
  const seen = {};
  for (const word of document.querySelectorAll("pre span[class]")) {
    seen[word.className] = (seen[word.className] || 0) + 1;
    if (seen[word.className] > 5 && !word.firstElementChild) word.replaceWith(word.textContent);
  }
  document.querySelectorAll("pre").forEach((code) => code.normalize());
}"""
# ... and for the rules on colours, of all texts with the same tags and classes up to the body the
# first two.
SOME_OF_EACH_KIND = """() => {
  const count = {};
  window.someOfEachKind = [...document.body.querySelectorAll("*")].filter((part) => {
    if (![...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) return false;
    let kind = "";
    for (let at = part; at !== document.body; at = at.parentElement)
      kind += `${at.tagName} ${at.className}/`;
    count[kind] = (count[kind] || 0) + 1;
    return count[kind] <= 2;
  });
}"""
OVERFLOW = """() => {
  const page = document.documentElement, wide = page.scrollWidth - innerWidth;
  const widest = [...document.querySelectorAll("main *")].findLast((part) =>
    part.getBoundingClientRect().right > innerWidth + 1 && !part.closest(
      ".bd-sidebar-secondary, pre, .katex-display, .pst-scrollable-table-container"));
  const cut = [...document.querySelectorAll(".prev-next-area a")].filter((link) =>
    link.scrollWidth > link.clientWidth + 1).map((link) => `${innerWidth} px: cut, ${link.title}`);
  if (wide <= 0) return cut;
  return [...cut, `${innerWidth} px: ${wide} px too wide, ${widest?.outerHTML.slice(0, 90)}`];
}"""
ALT = r"""() => [...document.querySelectorAll("article img")]
  .filter((image) => !image.closest("[aria-hidden=true], [role=presentation]"))
  .filter((image) => image.alt.trim().length < 12 || /\.(png|svg|jpe?g)$/i.test(image.alt)
    || /^[\w-]*[0-9a-f]{12,}/.test(image.alt))
  .map((image) => `"${image.alt}" for ${image.getAttribute("src")}`)"""
HEADINGS = """() => {
  const found = [...document.querySelectorAll("main :is(h1, h2, h3, h4, h5, h6)")]
    .filter((heading) => heading.offsetParent);
  const levels = found.map((heading) => +heading.tagName[1]), wrong = [];
  if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) wrong.push("one h1");
  levels.forEach((level, i) => {
    if (i && level > levels[i - 1] + 1) wrong.push(`${found[i].innerText}: level ${level}`);
  });
  return wrong;
}"""
UNFOLD_SOLUTIONS = """document.querySelectorAll("button.toggle-button-hidden")
  .forEach((button) => button.click())"""
BOXES = """() => [...document.querySelectorAll("article *")]
  .filter((box) => /auto|scroll/.test(getComputedStyle(box).overflowX) && box.clientWidth > 0
    && box.scrollWidth > box.clientWidth + 1 && box.checkVisibility())
  .filter((box) => !(box.tabIndex >= 0 && box.getAttribute("role") && box.ariaLabel))
  .map((box) => `${box.tagName}.${box.className} ${box.textContent.slice(0, 40)}`)"""
# On a wide screen nothing scrolls but what one has unfolded.
CUT = """() => [...document.querySelectorAll("article :is(pre, .katex-display)")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0)
  .filter((box) => !box.closest("details"))
  .map((box) => `${box.scrollWidth} px in ${box.clientWidth}: ${
    (box.closest("div.math")?.id || box.textContent).slice(0, 60)}`)"""
# An equation of the trunk fits a phone; elsewhere one that does not has been made smaller first.
EQUATIONS = """(trunk) => [...document.querySelectorAll("div.math .katex-display")]
  .filter((display) => display.scrollWidth > display.clientWidth + 1 && display.clientWidth > 0)
  .filter((display) => trunk
    || parseFloat(getComputedStyle(display.querySelector(".katex")).fontSize) > 14.1
    || !display.classList.contains("scrolls"))
  .map((display) => `${display.closest("div.math").id}: ${display.scrollWidth} px in
    ${display.clientWidth}`)"""
# On a phone, what is pressed is 44 px high and wide: itself, its label, or the box drawn around it
# by its ::after. Links in a line of text and the marks beside headings are excepted.
FINGERS = """() => [...document.querySelectorAll(
    "button, summary, select, input, [role=button], .prev-next-area a, nav a, .navbar-brand")]
  .filter((part) => part.checkVisibility({visibilityProperty: true})
    && !part.matches(".headerlink, .skip-link, .units input"))
  .map((part) => {
    const label = part.matches("input[type=checkbox], .toggle-button")
      && part.closest("label, .admonition-title");
    const box = (label || part).getBoundingClientRect(), around = getComputedStyle(part, "::after");
    const drawn = around.position === "absolute" ? around : {};
    return [part, Math.max(box.width, parseFloat(drawn.width) || 0),
      Math.max(box.height, parseFloat(drawn.height) || 0)];
  })
  .filter(([, width, height]) => width > 1 && height > 1 && (width < 43.5 || height < 43.5))
  .map(([part, width, height]) =>
    `${width.toFixed()} x ${height.toFixed()} px: ${part.outerHTML.slice(0, 90)}`)"""
MOTION = """() => [...document.querySelectorAll("body, body *")]
  .filter((part) => {
    const style = getComputedStyle(part);
    return /[1-9]/.test(style.transitionDuration) || (style.animationName !== "none"
      && /[1-9]/.test(style.animationDuration));
  })
  .map((part) => part.outerHTML.slice(0, 80))"""
FOCUSED = """() => {
  const part = document.activeElement, style = getComputedStyle(part);
  const box = part.getBoundingClientRect();
  return {
    what: part.outerHTML.slice(0, 80), order: part.tabIndex, body: part === document.body,
    seen: box.width > 1 && box.height > 1
      && (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1
        || style.boxShadow !== "none"),
  };
}"""
TEX = r"""() => {
  const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const {data, parentElement} = walker.currentNode;
    if (/\\(frac|partial|sum|mathbf|text|top|ln|cdot|left|begin)\b|\$\$/.test(data)
        && !parentElement.closest("pre, code, script, style, .katex-mathml")) found.push(data);
  }
  return found;
}"""
DOWNLOADS = """() => [...document.querySelectorAll(".dropdown-download-buttons a")]
  .map((link) => link.href)"""


def path_of(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


def pages_of(html: Path) -> list[Path]:
    """The book's pages and the search; 404.html is for servers, its addresses are theirs."""
    return [*sorted((html / "book").glob("*.html")), html / "search.html"]


async def bring_all_near(page, width):
    """What is put off until it comes near is done: in a window as high as the page."""
    whole = await page.evaluate("document.documentElement.scrollHeight")
    for height in (whole, 900):
        await page.set_viewport_size({"width": width, "height": height})
        await page.wait_for_timeout(150)


# axe leaves undecided what has the very colour of its ground: text that nobody sees.
AXE = """async (where, options) => {
  const {violations, incomplete} = await axe.run(where, options);
  const unseen = incomplete.map((rule) => ({...rule, nodes: rule.nodes.filter(
    ({any}) => any.some(({data}) => data?.messageKey === "equalRatio"))}));
  return [...violations, ...unseen].filter(({nodes}) => nodes.length);
}"""


async def run_axe(page, where: str, options: dict) -> list[str]:
    """The faults that axe finds in `where`, some JavaScript."""
    found = await page.evaluate(
        f"async (options) => ({AXE})({where}, options)",
        options | {"preload": False},  # it would try to read the style sheets' files
    )
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:120]}" for fault in found]


async def axe_on_colours(page) -> list[str]:
    await page.evaluate(SOME_OF_EACH_KIND)
    only = {"type": "rule", "values": AXE_COLOURS}
    return await run_axe(page, "{include: someOfEachKind}", {"runOnly": only})


async def axe_on_the_rest(page) -> list[str]:
    rules = {rule: {"enabled": rule in AXE_ALSO} for rule in AXE_ALSO + AXE_COLOURS}
    return await run_axe(page, "document", {"runOnly": AXE_TAGS, "rules": rules})


async def tab_through(page, times) -> list[str]:
    """Where the Tab key leads from the top of the page: first to the skip link, always in sight."""
    wrong = []
    for step in range(times):
        await page.keyboard.press("Tab")
        at = await page.evaluate(FOCUSED)
        if at["body"]:
            break
        if step == 0 and "main-content" not in at["what"]:
            wrong.append(f"first comes {at['what']}, not the link that skips the navigation")
        if at["order"] > 0 or not at["seen"]:
            wrong.append(f"not seen, or out of turn: {at['what']}")
    return wrong


class Look:
    """What is wrong with one page, by check; filled in at both widths."""

    PICTURES = (("wide", "light"), ("narrow", "dark"))

    def __init__(self, file: Path, axe: str, screenshots: Path | None):
        self.file, self.axe, self.screenshots = file, axe, screenshots
        self.found = {check: [] for check in CHECKS}

    def note(self, check, faults):
        self.found[check] += [fault for fault in faults if fault not in self.found[check]]

    def watch(self, page):
        """Listen to requests and to the console; returns the addresses asked for."""
        asked = []

        def on_request(request):
            asked.append(request.url)
            if urlsplit(request.url).scheme not in ("file", "data", "blob"):
                self.note("requests", [f"outside: {request.url}"])

        page.on("request", on_request)
        page.on("requestfailed", lambda r: self.note("requests", [f"failed: {r.url}"]))
        page.on("pageerror", lambda error: self.note("console", [str(error)]))
        page.on(
            "console",
            lambda message: message.type == "error" and self.note("console", [message.text]),
        )
        return asked

    async def at(self, browser, name):
        width = WIDTHS[name]
        context = await browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="light", reduced_motion="reduce"
        )
        await context.add_init_script(WATCH_SHIFTS)
        page = await context.new_page()
        asked = self.watch(page)
        await page.goto(self.file.as_uri())
        await page.evaluate("document.fonts.ready")
        await page.wait_for_timeout(300)
        shift = await page.evaluate("window.shifts")
        if shift > LARGEST_SHIFT:
            self.note("shift", [f"{shift:.3f} at {width} px"])
        await page.evaluate(LAY_OUT_ALL)
        await page.evaluate(UNFOLD_SOLUTIONS)
        await bring_all_near(page, width)
        if name == "wide":
            await self.once(page, asked)
            self.note("cut", await page.evaluate(CUT))
        await self.fits(page)
        await self.picture(page, name, "light")
        # colours are all that differs in the dark
        await page.emulate_media(color_scheme="dark")
        await page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
        await page.wait_for_timeout(200)
        await self.picture(page, name, "dark")
        if name == "narrow":
            self.note("motion", await page.evaluate(MOTION))
            self.note("fingers", await page.evaluate(FINGERS))
            trunk = self.file.stem in TRUNK
            self.note("equations", await page.evaluate(EQUATIONS, trunk))
        for other in {"wide": (768,), "narrow": (320,)}[name]:
            await bring_all_near(page, other)
            await self.fits(page)
        await page.set_viewport_size({"width": width, "height": 900})
        await page.evaluate(FEWER_PARTS)
        await page.evaluate(self.axe)
        self.note("axe", [f"dark {width}: {fault}" for fault in await axe_on_colours(page)])
        await page.emulate_media(color_scheme="light")
        await page.wait_for_function("document.documentElement.dataset.theme === 'light'")
        self.note("axe", [f"light {width}: {fault}" for fault in await axe_on_colours(page)])
        self.note("axe", [f"{width}: {fault}" for fault in await axe_on_the_rest(page)])
        await context.close()

    async def fits(self, page):
        self.note("overflow", await page.evaluate(OVERFLOW))
        self.note("boxes", await page.evaluate(BOXES))

    async def picture(self, page, width, theme):
        if self.screenshots and (width, theme) in self.PICTURES:
            file = self.screenshots / f"{self.file.stem}-{width}-{theme}.jpeg"
            await page.screenshot(path=file, full_page=True, type="jpeg", quality=60)

    async def once(self, page, asked):
        """What does not depend on width or colours."""
        files = {path_of(url) for url in asked if url.startswith("file:")}
        sizes = {f.name: len(gzip.compress(f.read_bytes(), 6)) for f in files if f.is_file()}
        explorable = re.search(r"<[\w-]+ source=", self.file.read_text("utf-8"))
        limit = HEAVY_KB if explorable else LIGHT_KB
        if sum(sizes.values()) > 1000 * limit or "fa-solid-900.woff2" in sizes:
            largest = sorted(((size, name) for name, size in sizes.items()), reverse=True)[:6]
            self.note("weight", [f"{sum(sizes.values()) // 1000} KB, most in {largest}"])
        for check, code in [("alt", ALT), ("headings", HEADINGS)]:
            self.note(check, await page.evaluate(code))
        if await page.evaluate("document.documentElement.lang") != "en":
            self.note("language", ["lang is not en"])
        links = [path_of(url) for url in await page.evaluate(DOWNLOADS)]
        self.note("downloads", [f"{link} is not there" for link in links if not link.is_file()])
        if self.file.parent.name == "book":
            kinds = {link.suffix for link in links}
            source = (ROOT / "book" / f"{self.file.stem}.md").is_file()
            cells = 'class="cell_input' in self.file.read_text("utf-8")
            wanted = {".ipynb"} if cells else set()
            if source and (not kinds or not wanted <= kinds or ".md" not in kinds):
                self.note("downloads", [f"only {sorted(kinds)}"])
        self.note("focus", await tab_through(page, 14))
        await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")

    async def without_scripts(self, browser):
        context = await browser.new_context(java_script_enabled=False)
        page = await context.new_page()
        await page.goto(self.file.as_uri())
        self.note("math", await page.evaluate(TEX))
        if 'class="katex-html' in self.file.read_text("utf-8"):
            box = await page.locator(".katex-html:visible").first.bounding_box()
            if not box or box["width"] < 2:
                self.note("math", ["no mathematics to see"])
        await context.close()


def look_at(files, axe, chromium, screenshots=None) -> dict[str, dict[str, list[str]]]:
    """{page: {check: faults}}, two pages at a time in one browser."""

    async def look_at_all():
        from playwright.async_api import async_playwright

        turn = asyncio.Semaphore(2)
        looks = [Look(file, axe, screenshots) for file in files]
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(**chromium)

            async def look_once(look):
                async with turn:
                    for name in WIDTHS:
                        await look.at(browser, name)
                    await look.without_scripts(browser)

            await asyncio.gather(*map(look_once, looks))
            await browser.close()
        return {look.file.stem: look.found for look in looks}

    with ThreadPoolExecutor(1) as thread:  # the main one may have Playwright's other loop
        return thread.submit(lambda: asyncio.run(look_at_all())).result()


@pytest.fixture(scope="module")
def axe():
    import axe_playwright_python

    return (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def looks(built_book, axe, chromium):
    screenshots = None
    if os.environ.get("SCREENSHOTS"):  # four seconds a page
        screenshots = built_book / "screenshots"
        shutil.rmtree(screenshots, ignore_errors=True)
        screenshots.mkdir()
    return look_at(pages_of(built_book / "html"), axe, chromium, screenshots)


@pytest.mark.parametrize("check", CHECKS)
def test_nothing_is_wrong_with_any_page(looks, check):
    wrong = {page: found[check] for page, found in looks.items() if found[check]}
    assert len(looks) >= 16
    assert not wrong, "\n".join(f"{page}: {fault}" for page in wrong for fault in wrong[page])


FAULTS = {  # put before the end of the page's text, if nothing else is said
    "requests": '<img src="nowhere.png" alt="A picture that is not there">',
    "console": "<script>console.error('something is wrong')</script>",
    "overflow": '<div style="width: 1500px">wide</div>',
    "axe": '<p style="color: #ccc; background: #fff">pale</p>',
    "alt": '<img src="../_static/logo.svg" alt="0a1b2c3d4e5f6789.png">',
    "shift": """<script>setTimeout(() => document.querySelector("article").insertAdjacentHTML(
      "afterbegin", '<div style="height: 300px"></div>'), 150)</script>""",
    "weight": '<script src="heavy.js"></script>',
    "math": r"<p>\frac{1}{2}</p>",
    "focus": "<style>:focus { outline: none !important; box-shadow: none !important }</style>",
    "headings": "<h5>Too deep</h5>",
    "language": "",
    "boxes": '<div style="overflow: auto; width: 90px"><div style="width: 999px">w</div></div>',
    "motion": '<p style="transition: color 2s !important">moving</p>',
    "downloads": '<div class="dropdown-download-buttons"><a href="no.ipynb">none</a></div>',
    "cut": f'<div class="highlight"><pre>{"wide " * 40}</pre></div>',
    "equations": "<style>.too-wide { font-size: 20px !important; white-space: nowrap }</style>"
    '<div class="math"><span class="katex-display"><span class="katex too-wide">'
    + "x + " * 17
    + "x</span></span></div>",
    "fingers": '<button type="button" style="height: 30px; min-height: 0">small</button>',
}


TOGETHER = [  # faults on one page, none of which another's check would take for its own
    ["requests", "console", "shift", "math"],
    ["weight", "headings", "motion", "language"],
    ["overflow", "alt", "downloads", "equations"],
    ["cut"],
    ["axe", "focus", "boxes", "fingers"],
]


def test_every_check_finds_its_fault(built_book, axe, chromium, tmp_path):
    html = built_book / "html"
    (tmp_path / "_static").symlink_to(html / "_static")
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "heavy.js").write_text(f"//{os.urandom(500_000).hex()}")
    healthy = (html / "book" / "references.html").read_text("utf-8")
    for source in ("_sources", "_images"):
        (tmp_path / source).symlink_to(html / source)
    assert sorted(itertools.chain(*TOGETHER)) == sorted(CHECKS)
    files = []
    for checks in TOGETHER:
        page = healthy.replace("</article>", "".join(FAULTS[c] for c in checks) + "</article>", 1)
        if "language" in checks:
            page = page.replace('<html lang="en"', "<html", 1)
        files.append(tmp_path / "book" / f"{'-'.join(checks)}.html")
        files[-1].write_text(page, encoding="utf-8")
    found = look_at(files, axe, chromium)
    for file, checks in zip(files, TOGETHER):
        for check in checks:
            assert found[file.stem][check], check
        for check in set(CHECKS) - set(checks) - {"axe"}:  # axe sees some of the other faults too
            assert not found[file.stem][check], (file.stem, check)


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "is_there"), [("softmax", True), ("zyzzyva", False)])
def test_search_works_from_files(browser, built_book, word, is_there):
    page, problems = browser.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and problems.append(message.text))
    page.goto((built_book / "html" / "book" / "notation.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    page.wait_for_function("document.querySelector('#search-status')?.textContent.length > 5")
    results = page.locator("#search-results li").all_inner_texts()
    assert any("From scores to probabilities" in text for text in results) == is_there
    if is_there:  # typing on is enough, and a result leads to its section
        page.keyboard.press("End")
        page.keyboard.type(" derivatives")
        page.wait_for_function(
            "document.querySelector('#search-results a').href.includes('#the-derivatives')"
        )
        page.locator("#search-results a").first.click()
        page.wait_for_url("**/derivatives-of-softmax.html#the-derivatives-of-softmax")
    assert not problems
    page.close()


# --- paper ----------------------------------------------------------------------------------------


def test_on_paper_everything_is_black_and_unfolded(browser, built_book):
    context = browser.new_context(color_scheme="dark", viewport={"width": 800, "height": 1000})
    page = context.new_page()
    page.goto((built_book / "html" / "book" / "hidden-layer.html").as_uri())
    folded = "document.querySelectorAll('article details:not([open])').length"
    before = page.evaluate(folded)
    assert before > 0
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(folded) == 0
    seen = (
        "[...document.querySelectorAll('article details.hide > summary ~ *')].map((part) => "
        "getComputedStyle(part).opacity)"
    )
    assert set(page.evaluate(seen)) == {"1"}
    hidden = ["#pst-primary-sidebar", "#pst-secondary-sidebar", ".bd-header-article", ".copybtn"]
    for selector in [*hidden, ".prev-next-footer"]:
        assert not page.locator(selector).first.is_visible(), selector
    assert page.locator("h1:visible").count() == 1
    for selector in ("article p", "article h2"):
        colour = page.locator(selector).first.evaluate("(part) => getComputedStyle(part).color")
        assert max(map(int, re.findall(r"\d+", colour)[:3])) < 60, selector
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(folded) == before
    assert len(page.pdf()) > 100_000
    context.close()
