"""The pages in Firefox and in WebKit: no error, math, fonts, menus, explorables.

What one browser tells of all is tried in Chromium (test_pages.py, test_menus.py, ...). The book is
served by a small server that puts a listener for errors into each page, and faults where a test
plants them.
"""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import LAY_OUT_ALL
from engines import ENGINES, PACKAGES, Window, demanded, find_engine
from test_explorables import PLACES
from test_menus import WIDE, WIDTHS
from test_pages import TEX, pages_of

LISTEN = b"""<script>
  window.faults = [];
  addEventListener("error", ({message, target}) => faults.push(
    message || `not loaded: ${target.src || target.href}`), true);
  addEventListener("unhandledrejection", (event) => faults.push(`rejected: ${event.reason}`));
  const say = console.error;
  console.error = (...words) => { faults.push(words.join(" ")); say(...words); };
</script>"""


class Served:
    """The built book at an address; `planted`: {end of a file's path: (text, other text)}."""

    def __init__(self, folder: Path):
        self.folder, self.planted = folder, {}
        served = self

        class Handler(SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                file = Path(self.translate_path(self.path))
                try:
                    text = served.text(file)
                except OSError:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", self.guess_type(str(file)))
                self.send_header("Content-Length", str(len(text)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        handler = functools.partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def text(self, file: Path) -> bytes:
        text = file.read_bytes()
        if file.suffix == ".html":
            text = text.replace(b"<head>", b"<head>" + LISTEN, 1)
        for end, (old, new) in self.planted.items():
            if file.as_posix().endswith(end):
                assert old.encode() in text, (end, old)
                text = text.replace(old.encode(), new.encode())
        return text

    def url(self, page: str) -> str:
        return f"{self.address}/book/{page}.html"


@pytest.fixture(scope="module")
def served(built_book):
    book = Served(built_book / "html")
    yield book
    book.server.shutdown()
    book.server.server_close()


@pytest.fixture(scope="module", params=ENGINES)
def window(request):
    """One window of each engine for all tests. In CI it must be there; elsewhere its tests skip."""
    name = request.param
    if find_engine(name) is None:
        missing = pytest.fail if demanded() else pytest.skip
        missing(f"no {name}: on Debian, apt-get install {PACKAGES[name]}")
    with ENGINES[name]() as send:
        yield Window(name, send)


@pytest.fixture
def shown(window, served):
    """show(page, width) -> the window; an error on the page last shown fails the test."""
    served.planted.clear()

    def show(page, width=1280):
        window.go(served.url(page), width)
        return window

    yield show
    assert window.js("return window.faults ?? []") == []


# --- every page -----------------------------------------------------------------------------------

# One after the other: all that is lazy comes, then the fonts of all that is there.
LOOK = r"""return (async () => {
  const until = async (what, condition) => {
    for (let k = 0; k < 120 && !condition(); k++) await new Promise((go) => setTimeout(go, 25));
    return condition() ? [] : [what];
  };
  const wrong = {errors: [], math: [], fonts: []};
  for (const part of document.querySelectorAll("[source], main img")) {
    part.scrollIntoView({block: "center", behavior: "instant"});
    if (!part.checkVisibility()) continue;
    wrong.errors.push(...await until(`no ${part.outerHTML.slice(0, 60)}`,
      () => part.matches("img") ? part.naturalWidth : part.querySelector(".explorable")));
  }
  await document.fonts.ready;
  wrong.errors.push(...window.faults);

  const formulas = [...document.querySelectorAll("main .katex-html")]
    .filter((part) => part.checkVisibility());
  for (const part of document.querySelectorAll(".katex-error"))
    wrong.math.push(`error: ${part.textContent}`);
  for (const part of formulas) {
    const {width, height} = part.getBoundingClientRect();
    if (width < 3 || height < 5) wrong.math.push(`${width} x ${height} px: ${part.textContent}`);
  }
  for (const part of document.querySelectorAll("main .math")) {
    if (!part.querySelector(".katex-html"))
      wrong.math.push(`as it was written: ${part.textContent}`);
  }

  const faces = [...document.fonts], name = (face) => face.family.replace(/['"]/g, "");
  for (const face of faces) {
    if (face.status === "error") wrong.fonts.push(`not loaded: ${name(face)} ${face.weight}`);
  }
  const needed = new Set(formulas.flatMap((part) => [part, ...part.querySelectorAll("*")])
    .filter((part) => [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .map((part) => getComputedStyle(part).fontFamily.split(",")[0].replace(/['"]/g, "")));
  for (const family of needed) {
    if (!faces.some((face) => name(face) === family && face.status === "loaded"))
      wrong.fonts.push(`not there: ${family}`);
  }
  return wrong;
})()"""


def look_at(window, url):
    """{errors, math, fonts}: what is wrong with a page."""
    window.go(url)
    window.js(LAY_OUT_ALL)
    wrong = window.js(LOOK)
    wrong["math"] += window.js(f"return ({TEX})()")
    return wrong


@pytest.fixture(scope="module")
def looks(window, served):
    served.planted.clear()
    folder = served.folder
    return {
        page.stem: look_at(window, f"{served.address}/{page.relative_to(folder).as_posix()}")
        for page in pages_of(folder)
    }


@pytest.mark.parametrize("check", ["errors", "math", "fonts"])
def test_nothing_is_wrong_with_any_page(looks, check):
    wrong = {page: found[check] for page, found in looks.items() if found[check]}
    assert len(looks) > 30
    assert not wrong, "\n".join(f"{page}: {fault}" for page in wrong for fault in wrong[page])


# --- menus ----------------------------------------------------------------------------------------

CHAPTER = "when-nothing-learns"
SEEN = "document.querySelector(arguments[0])?.checkVisibility({visibilityProperty: true})"
LINKS = {"secondary": "#a-program-to-break", "primary": "from-the-shell.html"}
CURRENT = """
const link = document.querySelector(`${arguments[0]} li.current > a`);
return [link.ariaCurrent, +getComputedStyle(link).fontWeight >= 600, link.textContent.trim()];
"""


def press(window, how, part):
    if how == "keyboard":
        window.key("Enter", part)
    else:
        window.press(how, part)


def follow(window, how, menu, sidebar):
    if menu == "primary":
        current, bold, text = window.js(CURRENT, sidebar)
        assert (current, bold) == ("page", True)
        assert "When nothing learns" in text
    press(window, how, f"{sidebar} a[href$='{LINKS[menu]}']")
    window.until("location.href.endsWith(arguments[0])", LINKS[menu])
    window.until("document.readyState === 'complete'")


def expanded(window, button):
    return window.js("return document.querySelector(arguments[0]).ariaExpanded", button)


def use_dialog(window, menu, how):
    """On a narrow screen a menu is a dialog: opened, left by Escape, opened, a link followed."""
    button, dialog = f".{menu}-toggle", f"#pst-{menu}-sidebar-modal"
    inside = f"document.querySelector('{dialog}[open]')?.contains(document.activeElement)"
    assert expanded(window, button) == "false"
    for again in (False, True):
        press(window, how, button)
        window.until("document.querySelector(arguments[0]).ariaExpanded === 'true'", button)
        assert window.js(f"return {inside}")
        if not again:
            window.key("Tab")
            # from its end the focus goes to the browser's own bars, never to what is behind
            assert window.js(f"return {inside} || document.activeElement === document.body")
            window.key("Escape")
            window.until("document.activeElement.matches(arguments[0])", button)
            assert not window.js(f"return {SEEN}", f"{dialog} nav a")
            assert expanded(window, button) == "false"
    follow(window, how, menu, dialog)
    assert not window.js(f"return {SEEN}", f"{dialog} nav a")


def use_sidebar(window, menu, how):
    """On a wide screen a menu stands beside the text; the list of chapters can be put away."""
    sidebar, button = f"#pst-{menu}-sidebar", f".{menu}-toggle"
    assert window.js(f"return {SEEN}", f"{sidebar} nav a")
    for shown in (False, True) if menu == "primary" else ():
        press(window, how, button)
        window.until(f"{'' if shown else '!'}{SEEN}", f"{sidebar} nav a")
        window.until("document.activeElement.matches(arguments[0])", button)
        assert expanded(window, button) == str(shown).lower()
    follow(window, how, menu, sidebar)


@pytest.mark.parametrize("how", ["mouse", "keyboard", "touch"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_menus(shown, window, width, how):
    if how == "touch" and not window.touch:
        pytest.skip("its driver has no fingers")
    shown(CHAPTER, width)
    for menu in LINKS:
        (use_dialog if width < WIDE else use_sidebar)(window, menu, how)


# --- explorables ----------------------------------------------------------------------------------

SLIDER, CHOICE, CHOSEN = "input[type=range]", "select", "input:checked"
BUTTON, PAD = ".buttons button:nth-child(2)", "canvas.pad"
FIRST, TURN = ".buttons button", ".slider:nth-of-type(3) input"
USED = {  # of each explorable what is pressed or drawn on, and the keys and what has the focus
    "draw-a-digit": (PAD, {CHOICE: "ArrowDown", TURN: "ArrowRight"}),
    "nearest-digits": (PAD, {CHOICE: "ArrowDown"}),
    "broadcast-shapes": (
        ".result tr:last-child label",
        {CHOICE: "ArrowDown", CHOSEN: "ArrowRight"},
    ),
    "learning-rate-slider": (SLIDER, {SLIDER: "ArrowRight"}),
    "number-line": (SLIDER, {SLIDER: "ArrowRight", CHOICE: "ArrowDown"}),
    "logit-sliders": (SLIDER, {SLIDER: "ArrowRight", CHOICE: "ArrowDown", FIRST: "Enter"}),
    "backprop-stepper": (BUTTON, {BUTTON: "Enter", SLIDER: "ArrowRight"}),
    "hidden-unit-inspector": (
        ".units li:nth-child(13) label",
        {CHOSEN: "ArrowRight", CHOICE: "ArrowDown"},
    ),
    "difference-step": (SLIDER, {SLIDER: "ArrowRight", CHOICE: "ArrowDown"}),
    "draw-again": (BUTTON, {BUTTON: "Enter", SLIDER: "ArrowRight"}),
}


def use_explorable(window, name):
    """By mouse, touch and keyboard; each time it says something else than before."""
    status = f"document.querySelector('{name} [role=status]')"
    window.js(LAY_OUT_ALL)
    window.js("document.querySelector(arguments[0]).scrollIntoView()", name)
    window.until(f"{status}?.textContent")

    def changes(how, part, use, *how_exactly):
        before = window.js(f"return {status}.textContent")
        use(*how_exactly)
        try:
            window.until(
                f"{status}.textContent.trim() && {status}.textContent !== arguments[0]", before
            )
        except AssertionError:
            raise AssertionError(f"{name} {part} by {how}: it still says {before!r}") from None

    pressed, keys = USED[name]
    for how, x in [("mouse", 0.2), ("touch", 0.8)][: 1 + window.touch]:
        at, to = (x, 0.2 if pressed == PAD else 0.5), (0.5, 0.8) if pressed == PAD else None
        changes(how, pressed, window.press, how, f"{name} {pressed}", at, to)
        if how == "mouse" and CHOSEN in keys:
            changes("ArrowLeft", pressed, window.key, "ArrowLeft")  # to where it was
    for part, key in keys.items():
        changes(key, part, window.key, key, f"{name} {part}")


@pytest.mark.parametrize(("page", "name"), PLACES)
def test_an_explorable_is_used(shown, page, name):
    use_explorable(shown(page), name)


# --- each check has seen its fault ----------------------------------------------------------------

REFUSE = "addEventListener('{kind}', (event) => event.preventDefault(), true);"


@pytest.fixture
def plant(served, monkeypatch):
    """plant(end of a path, text, other text): the server's file so, for one test."""
    monkeypatch.setattr("engines.PATIENCE", 3)
    yield lambda end, *texts: served.planted.update({end: texts})
    served.planted.clear()


FAULTS = {  # what is put at the end of a page, and what is said of it
    "errors": {
        "<script>if (innerWidth === 1280) nobody();</script>": "nobody",
        "<script>Promise.reject('late')</script>": "rejected: late",
        "<script>console.error('said', 'so')</script>": "said so",
        '<img src="nowhere.png" alt="none">': "nowhere.png",
        '<p source="none">never comes to life</p>': "no <p source",
    },
    "math": {
        r"<p>\frac{1}{2}</p>": "frac",
        '<span class="math">$x$</span>': "as it was written: $x$",
        '<span class="katex-error">oh</span>': "error: oh",
        "<style>.katex-html { font-size: 1px !important }</style>": " px: ",
    },
}


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_on_a_page_is_named(window, served, plant, check):
    plant("notation.html", "</article>", f"{''.join(FAULTS[check])}</article>")
    found = look_at(window, served.url("notation"))
    for said in FAULTS[check].values():
        assert any(said in fault for fault in found[check]), (said, found)
    assert not any(found[other] for other in found if other != check), found


@pytest.mark.parametrize(
    ("rule", "broken", "said"),
    [
        ("src:url(data:", "src:url(nowhere:", "not loaded: KaTeX_Main 400"),
        ("-face{font-family:KaTeX_Math;", "-face{font-family:Other;", "not there: KaTeX_Math"),
    ],
)
def test_a_missing_font_is_named(window, served, plant, rule, broken, said):
    plant("pages.css", rule, broken)
    assert any(said in fault for fault in look_at(window, served.url("notation"))["fonts"])


@pytest.mark.parametrize(
    ("file", "text", "other", "said"),
    [
        ("pages.js", 'here.ariaCurrent = "page"', "null", "None, True"),
        ("pages.js", "button.ariaExpanded = String(", "void (", "None == 'false'"),
        (
            "pages.js",
            "const MENUS =",
            f"{REFUSE.format(kind='click')} const MENUS =",
            "location.href",
        ),
        ("pages.js", "dialog.open || shown", "shown", "ariaExpanded === 'true'"),
        (
            "pages.js",
            "dialog.append(close);",
            "document.activeElement.blur(); return;",
            "contains.document.activeElement",
        ),
        (
            "pages.js",
            "if (!followed) button.focus();",
            "document.activeElement.blur();",
            "activeElement.matches",
        ),
    ],
)
def test_a_broken_menu_is_seen(window, served, plant, file, text, other, said):
    plant(file, text, other)
    window.go(served.url(CHAPTER), 390)
    with pytest.raises(AssertionError, match=said):
        use_dialog(window, "primary", "mouse")


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [("keydown", "number-line", "ArrowRight"), ("mousedown", "logit-sliders", "mouse")],
)
def test_an_explorable_that_does_not_react_is_named(window, served, plant, kind, name, said):
    """It is deaf to the keyboard, or to the mouse."""
    start = "const explorables = (() => {"
    plant("shared.js", start, REFUSE.format(kind=kind) + start)
    page = next(page for page, other in PLACES if other == name)
    window.go(served.url(page))
    with pytest.raises(AssertionError, match=f"{name}.*{said}"):
        use_explorable(window, name)
