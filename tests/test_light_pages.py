"""What a page waits for: one style sheet, no script, and not much HTML."""

import gzip
import re

import pytest
from bs4 import BeautifulSoup

LARGEST = 60_000  # bytes of HTML, compressed; the data of explorables are files of their own

ASKS_FOR_FONTS = re.compile(
    r"\s*for \(const font of .*\) document\.fonts\.load\(font\);\s*"
).fullmatch


def faults(html):
    """What is wrong with the text of a page."""
    page = BeautifulSoup(html, "html.parser")
    styles = page.select("link[rel=stylesheet]")
    found = [f"{len(styles)} style sheets"] if len(styles) != 1 else []
    for script in page.select("script"):
        if script.get("type") == "application/json":
            continue
        if script.get("src"):
            if not script.has_attr("defer"):
                found.append(f"waits for {script['src']}")
        elif script.find_previous("link", rel="stylesheet") and not ASKS_FOR_FONTS(script.text):
            # it would wait for the style sheet
            found.append(f"waits to run {script.text[:50]!r}")
    size = len(gzip.compress(html.encode(), 6))
    return found + ([f"{size} bytes"] if size > LARGEST else [])


def pages(built_book):
    html = built_book / "html"
    return [*(html / "book").glob("*.html"), html / "search.html", html / "404.html"]


def test_no_page_waits_for_more_than_a_style_sheet(built_book):
    found = {file.name: faults(file.read_text(encoding="utf-8")) for file in pages(built_book)}
    assert len(found) > 30
    assert not any(found.values()), {name: said for name, said in found.items() if said}


@pytest.mark.parametrize(
    ("addition", "said"),
    [
        ('<link rel="stylesheet" href="more.css">', "2 style sheets"),
        ('<script src="more.js"></script>', "waits for more.js"),
        ("<script>let more;</script>", "waits to run 'let more;'"),
        (f"<p>{'{}'.join(map(str, range(30_000)))}</p>", "bytes"),
    ],
)
def test_each_fault_is_found(built_book, addition, said):
    html = (built_book / "html" / "book" / "references.html").read_text(encoding="utf-8")
    (found,) = faults(html.replace("</body>", f"{addition}</body>"))
    assert said in found


# --- the style sheet ------------------------------------------------------------------------------

# The rules of the page's own style sheets that meet something on the page, whatever its state, and
# are not in the joined one. Rules and selectors are compared as the browser writes them.
MISSING = r"""(sheets) => {
  const bare = (selector) => selector.replace(/::[\w-]+(\([^()]*\))?/g, "").trim()
    .replace(/:(hover|focus|active|disabled|checked|visited|link|open|target)[\w-]*/g, ":where(*)");
  const meets = (selector) => {
    try { return document.querySelector(bare(selector) || "*"); } catch { return false; }
  };
  function* rules(list, within = "") {
    for (const rule of list) {
      if (rule.selectorText) {
        for (const selector of rule.selectorText.split(/,(?![^(]*\))/))
          yield [`${within}${selector.trim()}`, rule.style.cssText, selector];
      }
      else if (rule.cssRules && rule.name === undefined)
        yield* rules(rule.cssRules, `${within}${rule.conditionText} `);
    }
  }
  const rulesOf = (text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    return [...rules(sheet.cssRules)];
  };
  const text = ([place, style]) => `${place.replace(/(?<![\w\])*-]):(hover|focus)/g, "*:$1")}
    {${style.replace(/url\([^)]*\)/g, "url")}}`;
  const kept = new Set(rulesOf(sheets[0]).map(text));
  return sheets.slice(1).flatMap(rulesOf)
    .filter((rule) => !kept.has(text(rule)) && meets(rule[2])).map(text);
}"""


def styles(built_book):
    """The text of the joined style sheet, then those of the others."""
    static = built_book / "html" / "_static"
    joined = (static / "pages.css").read_text(encoding="utf-8")
    others = [
        file.read_text(encoding="utf-8")
        for file in sorted(static.rglob("*.css"))
        if file.name not in ("pages.css", "sphinx-thebe.css")
    ]
    assert len(others) > 10
    return [joined, *others]


def missing(browser, built_book, page, sheets):
    shown = browser.new_page(viewport={"width": 390, "height": 900})
    shown.goto((built_book / "html" / page).as_uri())
    shown.wait_for_load_state()
    found = shown.evaluate(MISSING, sheets)
    shown.close()
    return found


@pytest.mark.parametrize(
    "page", ["book/index.html", "book/backpropagation.html", "book/workbook.html", "search.html"]
)
def test_the_style_sheet_has_all_that_a_page_uses(browser, built_book, page):
    assert not missing(browser, built_book, page, styles(built_book))


def test_a_missing_rule_is_found(browser, built_book):
    joined, *others = styles(built_book)
    less = re.sub(r"\.highlight \.k \{", ".nothing .k {", joined)
    assert less != joined
    assert missing(browser, built_book, "book/backpropagation.html", [less, *others])


def test_the_style_sheet_leaves_out_what_no_page_uses(built_book):
    joined, *others = styles(built_book)
    fonts = sum(map(len, re.findall(r"url\(data:font[^)]*\)", joined)))
    assert len(joined) - fonts < 0.4 * (sum(map(len, others)) - fonts)
    assert ".fa-bicycle" in "".join(others)
    assert ".fa-bicycle" not in joined


def test_the_theme_does_not_measure_every_box(built_book):
    """It would have a long page laid out whole; see light_pages.py."""
    static = built_book / "html" / "_static"
    measures = r"scrollWidth>\w\.clientWidth"
    assert re.search(measures, (static / "scripts" / "pydata-sphinx-theme.js").read_text("utf-8"))
    assert not re.search(measures, (static / "pages.js").read_text("utf-8"))


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_a_solution_is_folded_until_it_is_asked_for(browser, built_book, how):
    """Its button is made by a script that reads a setting of another script."""
    shown = browser.new_page(viewport={"width": 390, "height": 900})
    shown.goto((built_book / "html/book/backpropagation.html").as_uri())
    solutions = shown.locator(".solution.dropdown")
    assert solutions.count() > 1
    for solution in solutions.all():
        text = solution.locator("section")
        assert not text.is_visible()
        button = solution.locator("button.toggle-button")
        if how == "mouse":
            button.click()
        else:
            button.focus()
            shown.keyboard.press("Enter")
        assert text.is_visible()
    shown.close()
