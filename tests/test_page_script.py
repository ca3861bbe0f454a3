"""The script of all pages (book/_static/book.js) on a small page: boxes that scroll, paper, files.

Nothing is built. The menus and the marks of equations are tried on the book's own pages
(test_menus.py, test_equation_marks.py).
"""

import pytest
from conftest import ROOT

STATIC = (ROOT / "book" / "_static").as_uri()
PAGE = f"""<!DOCTYPE html><html lang="en" data-theme="dark"><head><meta charset="utf-8">
<title>A page</title><script src="{STATIC}/book.js"></script>
<style>pre {{ overflow-x: auto }} .katex-display {{ overflow-x: auto; font-size: 20px }}
.katex {{ white-space: nowrap }}</style></head><body>
<div class="dropdown-download-buttons"><a href="a.ipynb" target="_blank">notebook</a></div>
<main class="bd-article"><article>
<div class="highlight"><pre id="short">x = 1</pre></div>
<div class="highlight"><pre id="long">{"words of code " * 40}</pre></div>
<details id="fold"><summary>more</summary>
<div class="highlight"><pre id="inside">{"words of code " * 40}</pre></div></details>
<details open><summary>open from the start</summary></details>
<div class="math"><div class="katex-display" id="wide"><span class="katex"
  ><span style="display: inline-block; width: 21em">x</span></span>
</div></div>
<div class="math"><div class="katex-display" id="wider"><span class="katex"
  ><span style="display: inline-block; width: 90em">x</span></span>
</div></div>
</article></main></body></html>"""


@pytest.fixture
def shown(browser, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(PAGE, encoding="utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page, problems = context.new_page(), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(file.as_uri())
    yield page
    context.close()
    assert problems == []


def as_box(shown, part):
    """What the script says of a box: (role, tabindex, name, whether it fades, at its end)."""
    shown.wait_for_timeout(100)
    return shown.locator(part).evaluate(
        """(box) => [box.getAttribute("role"), box.getAttribute("tabindex"), box.ariaLabel,
          box.classList.contains("scrolls"), box.classList.contains("at-end")]"""
    )


PLAIN = [None, None, None, False, False]


def test_a_box_is_named_and_reached_while_it_scrolls(shown):
    assert as_box(shown, "#short") == PLAIN
    assert as_box(shown, "#long") == ["region", "0", "Code 2, scrolls sideways", True, False]
    shown.set_viewport_size({"width": 6000, "height": 800})
    assert as_box(shown, "#long")[:4] == PLAIN[:4]
    shown.set_viewport_size({"width": 390, "height": 800})
    assert as_box(shown, "#long")[:4] == ["region", "0", "Code 2, scrolls sideways", True]


def test_its_edge_fades_until_the_end_is_seen(shown):
    for left, at_end in ((40, False), (1e6, True), (0, False)):
        shown.locator("#long").evaluate("(box, left) => { box.scrollLeft = left; }", left)
        assert as_box(shown, "#long")[3:] == [True, at_end]


def test_what_is_unfolded_is_looked_at(shown):
    shown.locator("#fold").evaluate("(fold) => { fold.open = true; }")  # no click: a script, a find
    assert as_box(shown, "#inside")[:4] == ["region", "0", "Code 3, scrolls sideways", True]


def test_a_wide_equation_is_set_smaller_but_not_too_small(shown):
    size = "(box) => parseFloat(getComputedStyle(box.firstElementChild).fontSize)"
    wide, wider = shown.locator("#wide"), shown.locator("#wider")
    assert 14 < wide.evaluate(size) < 20
    assert wide.evaluate("(box) => box.scrollWidth <= box.clientWidth")
    assert wider.evaluate(size) == 14
    assert as_box(shown, "#wider")[2:4] == ["Equation 2, scrolls sideways", True]
    shown.set_viewport_size({"width": 1200, "height": 800})
    shown.wait_for_timeout(100)
    assert (wide.evaluate(size), wider.evaluate(size)) == (20, 20)


def test_paper_is_light_and_unfolded_and_then_all_is_as_before(shown):
    def state():
        return shown.evaluate(
            """() => [document.documentElement.dataset.theme,
              ...[...document.querySelectorAll("details")].map((fold) => fold.open)]"""
        )

    assert state() == ["dark", False, True]
    for _ in range(2):
        shown.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert state() == ["light", True, True]
        shown.evaluate("dispatchEvent(new Event('afterprint'))")
        assert state() == ["dark", False, True]


def test_files_are_kept_and_not_opened(shown):
    link = shown.get_by_role("link", name="notebook")
    assert link.get_attribute("download") == ""
    assert link.get_attribute("target") is None
