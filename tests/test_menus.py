"""The list of chapters and a page's own contents: opened, followed and closed at every width."""

import pytest

WIDTHS = (320, 390, 820, 1280, 1440)
PAGE = "digit-as-a-number"
WIDE = 992  # from here on the list of chapters stands beside the text


@pytest.fixture
def open_page(browser, built_book):
    """Opens a page at a width, with touch on narrow ones; a script's error fails the test."""
    contexts, errors = [], []

    def open_at(width, touch=False):
        context = browser.new_context(viewport={"width": width, "height": 800}, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto((built_book / "html" / "book" / f"{PAGE}.html").as_uri())
        return page

    yield open_at
    for context in contexts:
        context.close()
    assert errors == []


def press(page, button, how):
    if how == "keyboard":
        page.focus(button)
        page.keyboard.press("Enter")
    elif how == "touch":
        page.tap(button)
    else:
        page.click(button)


@pytest.mark.parametrize(
    ("width", "how"),
    [
        (320, "keyboard"),
        (320, "touch"),
        (390, "touch"),
        (390, "mouse"),
        (820, "keyboard"),
        (820, "mouse"),
    ],
)
@pytest.mark.parametrize(
    ("menu", "link", "leads_to"),
    [
        ("primary", 'a:has-text("Why regression struggles")', "why-regression-struggles.html"),
        ("secondary", 'a:has-text("How wrong is it?")', f"{PAGE}.html#how-wrong-is-it"),
    ],
)
def test_a_menu_opens_and_its_links_lead_on(open_page, menu, link, leads_to, width, how):
    page = open_page(width, touch=how == "touch")
    button, dialog = f".{menu}-toggle", f"#pst-{menu}-sidebar-modal"
    assert page.get_attribute(button, "aria-expanded") == "false"
    press(page, button, how)
    page.wait_for_selector(f"{dialog}[open]")
    page.wait_for_function(f"document.querySelector('{dialog}').contains(document.activeElement)")
    assert page.get_attribute(button, "aria-expanded") == "true"
    assert page.is_visible(f"{dialog} {link}")
    press(page, f"{dialog} {link}", how)
    page.wait_for_url(f"**/{leads_to}")
    assert not page.is_visible(f"{dialog} {link}")


@pytest.mark.parametrize("menu", ["primary", "secondary"])
@pytest.mark.parametrize("close", ["Escape", "button", "outside"])
def test_a_closed_menu_gives_the_focus_back(open_page, menu, close):
    page = open_page(390)
    button, dialog = f".{menu}-toggle", f"#pst-{menu}-sidebar-modal"
    page.click(button)
    page.wait_for_selector(f"{dialog}[open]")
    if close == "Escape":
        page.keyboard.press("Escape")
    elif close == "button":
        page.click(f"{dialog} .menu-close")
    else:
        page.mouse.click(385 if menu == "primary" else 5, 700)
    page.wait_for_selector(f"{dialog}:not([open])", state="attached")
    page.wait_for_function(f"document.activeElement.matches('{button}')")
    assert page.get_attribute(button, "aria-expanded") == "false"
    page.click(button)  # and it opens again, with its links
    assert page.is_visible(f"{dialog} nav a")


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
@pytest.mark.parametrize("width", [width for width in WIDTHS if width >= WIDE])
def test_on_a_wide_screen_the_chapters_are_there_and_can_be_put_away(open_page, width, how):
    page = open_page(width)
    chapters, button = "#pst-primary-sidebar nav a.current", ".primary-toggle"
    assert page.is_visible(chapters)
    for shown in (False, True):
        press(page, button, how)
        page.wait_for_selector(chapters, state="visible" if shown else "hidden")
        page.wait_for_function(f"document.activeElement.matches('{button}')")
        assert page.get_attribute(button, "aria-expanded") == str(shown).lower()
        page.evaluate("Promise.all(document.getAnimations().map((moving) => moving.finished))")
        assert page.locator(button).bounding_box()["x"] > 0
    press(page, '#pst-primary-sidebar a:has-text("Learning rates")', how)
    page.wait_for_url("**/learning-rates.html")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_current_chapter_is_marked(open_page, width):
    page = open_page(width)
    if width < WIDE:
        page.click(".primary-toggle")
    marked = page.locator(":is(#pst-primary-sidebar, #pst-primary-sidebar-modal) li.current > a")
    assert "The digit as a number" in marked.inner_text()
    assert marked.get_attribute("aria-current") == "page"
    weight = marked.evaluate("link => getComputedStyle(link).fontWeight")
    assert int(weight) >= 600
