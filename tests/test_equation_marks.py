"""The mark of a checked equation in a browser: large enough for a finger, opened and closed."""

import pytest

PAGE = "digit-as-a-number"
MARK = ".equation-check"
FINGER = 44  # pixels, WCAG 2.5.5


@pytest.fixture
def open_page(browser, built_book):
    contexts = []

    def open_at(width, touch=False):
        context = browser.new_context(viewport={"width": width, "height": 800}, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.goto((built_book / "html" / "book" / f"{PAGE}.html").as_uri())
        page.locator(MARK).first.scroll_into_view_if_needed()
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_a_finger_meets_every_mark(open_page, width):
    """Across and down through the middle of a mark, 44 pixels belong to it and not to others."""
    page = open_page(width)
    met = page.evaluate(
        """(selector) => [...document.querySelectorAll(selector)]
             .filter((mark) => !mark.closest(".toggle-hidden")) // in a box that is closed
             .map((mark) => {
               mark.scrollIntoView({ block: "center", behavior: "instant" });
               const box = mark.querySelector("button").getBoundingClientRect();
               const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
               const hits = (right, down) => [...Array(161).keys()].filter((step) =>
                 mark.contains(document.elementFromPoint(
                   x + (step / 2 - 40) * right, y + (step / 2 - 40) * down))).length / 2;
               return [hits(1, 0), hits(0, 1)];
             })""",
        MARK,
    )
    assert len(met) > 5
    assert [size for size in met if min(size) < FINGER] == []


def test_the_mark_adds_no_width_to_the_page(open_page):
    page = open_page(390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("how", ["hover", "keyboard", "touch"])
def test_escape_closes_what_the_mark_says(open_page, how):
    page = open_page(1280, touch=how == "touch")
    mark = page.locator(MARK).first
    says = mark.locator(".equation-check-says")
    assert not says.is_visible()

    def come():
        if how == "hover":
            mark.hover()
        elif how == "keyboard":
            mark.locator("button").focus()
        else:
            mark.locator("button").tap()

    come()
    assert says.is_visible()
    page.keyboard.press("Escape")
    assert not says.is_visible()
    if how == "hover":
        page.mouse.move(0, 0)
    elif how == "keyboard":
        mark.locator("button").blur()
    come()
    assert says.is_visible()


def test_escape_on_the_link_leads_back_to_the_mark(open_page):
    page = open_page(1280)
    mark = page.locator(MARK).first
    mark.locator("button").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "A"
    page.keyboard.press("Escape")
    assert not mark.locator(".equation-check-says").is_visible()
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
    page.keyboard.press("Enter")
    assert mark.locator(".equation-check-says").is_visible()
