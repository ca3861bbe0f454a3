"""Firefox and WebKit for the tests, both by the commands of W3C's WebDriver.

Firefox takes them at a socket of its own (Marionette), WebKit through the program WebKitWebDriver:
so nothing but the browsers is needed. Chromium is driven by Playwright (browser.py).
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

NAMES = {  # of the programs that an engine needs, the first of those that do the same
    "firefox": [("firefox-esr", "firefox")],
    "webkit": [("WebKitWebDriver",), ("Xvfb",)],
}
PACKAGES = {"firefox": "firefox-esr", "webkit": "webkit2gtk-driver xvfb"}  # Debian's
PREFERENCES = """
user_pref("marionette.port", 0);
user_pref("network.prefetch-next", false);
user_pref("dom.w3c_touch_events.enabled", 1);
user_pref("toolkit.legacyUserProfileCustomizations.stylesheets", true);
"""
# Both refuse to make a window as narrow as a phone unless their own bars are out of the way.
NARROW_FIREFOX = ":root { min-width: 0 !important } #navigator-toolbox { display: none }"
NARROW_WEBKIT = "* { min-width: 0px; min-height: 0px; padding: 0px; margin: 0px; font-size: 1px; }"
PATHS = {  # where a command goes when it goes by HTTP
    "Navigate": "url",
    "SetWindowRect": "window/rect",
    "ExecuteScript": "execute/sync",
    "PerformActions": "actions",
}
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
}
PATIENCE = 8  # seconds
# Where a part is to be pressed, once it stands still; what is out of sight, or under something, is
# scrolled to first.
PLACE = """
const [selector, x, y] = arguments, part = document.querySelector(selector);
const place = () => {
  const box = part.getBoundingClientRect();
  return [Math.floor(box.left + x * box.width), Math.floor(box.top + y * box.height)];
};
const seen = (target) => target.checkVisibility({contentVisibilityAuto: true});
const moving = document.getAnimations().filter((each) => seen(each.effect.target));
return Promise.allSettled(moving.map((each) => each.finished)).then(() => {
  if (!part.contains(document.elementFromPoint(...place())))
    part.scrollIntoView({block: "center", behavior: "instant"});
  return place();
});
"""


class Refused(Exception):
    """What a browser says when it cannot do what it was told to do."""


def find_engine(name: str) -> list[str] | None:
    """The paths of the programs that an engine needs; None if one is missing, or not on Linux."""
    found = [next(filter(None, map(shutil.which, same)), None) for same in NAMES[name]]
    return found if all(found) and sys.platform == "linux" else None


def wait_for(found, seconds: float = 60):
    """What `found()` returns, as soon as that is something."""
    until = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.02)
    return value


@contextlib.contextmanager
def running(command, **options):
    """A program that is ended at the end."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


# --- Firefox --------------------------------------------------------------------------------------


@contextlib.contextmanager
def firefox():
    """A Firefox without a window; yields send(command, **parameters)."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        (profile / "user.js").write_text(PREFERENCES)
        (profile / "chrome").mkdir()
        (profile / "chrome" / "userChrome.css").write_text(NARROW_FIREFOX)
        command = [*find_engine("firefox"), "--headless", "--marionette", "--no-remote"]
        with running([*command, "--profile", folder]):
            listens = profile / "MarionetteActivePort"
            port = int(wait_for(lambda: listens.exists() and listens.read_text()))
            with socket.create_connection(("127.0.0.1", port)) as line, line.makefile("rb") as said:

                def hear():
                    length = b""
                    while (byte := said.read(1)) != b":":
                        length += byte
                    return json.loads(said.read(int(length)))

                def send(name, **parameters):
                    message = json.dumps([0, 0, f"WebDriver:{name}", parameters]).encode()
                    line.sendall(b"%d:%b" % (len(message), message))
                    _, _, fault, value = hear()
                    if fault:
                        raise Refused(f"{fault['error']}: {fault['message']}")
                    return value.get("value") if isinstance(value, dict) else value

                hear()  # a greeting
                send("NewSession", capabilities={})
                yield send
                send("DeleteSession")


# --- WebKit ---------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


@contextlib.contextmanager
def display(program):
    """The name of a screen that nobody sees."""
    reads, writes = os.pipe()
    command = [program, "-displayfd", str(writes), "-screen", "0", "1600x1200x24"]
    with running([*command, "-nolisten", "tcp"], pass_fds=[writes]), open(reads) as number:
        os.close(writes)
        yield f":{number.readline().strip()}"


@contextlib.contextmanager
def webkit():
    """WebKit's own small browser; yields send(command, **parameters)."""
    driver, xvfb = find_engine("webkit")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, display(xvfb) as screen:
        (Path(folder) / "gtk-3.0").mkdir()
        (Path(folder) / "gtk-3.0" / "gtk.css").write_text(NARROW_WEBKIT)
        port = free_port()
        private = {"XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder, "XDG_CACHE_HOME": folder}
        plain = {"GDK_BACKEND": "x11", "WEBKIT_DISABLE_COMPOSITING_MODE": "1"}  # there is no GPU
        environment = os.environ | private | plain | {"DISPLAY": screen}
        command = [driver, f"--port={port}"]
        with running(command, env=environment):

            def ask(method, path, body=None):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/{path}",
                    data=None if body is None else json.dumps(body).encode(),
                    method=method,
                )
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        return json.load(answer)["value"]
                except urllib.error.HTTPError as error:
                    fault = json.load(error)["value"]
                    raise Refused(f"{fault['error']}: {fault['message']}") from None

            def up():
                with contextlib.suppress(OSError):
                    return ask("GET", "status")

            wait_for(up)
            session = f"session/{ask('POST', 'session', {'capabilities': {}})['sessionId']}"
            yield lambda name, **parameters: ask("POST", f"{session}/{PATHS[name]}", parameters)
            ask("DELETE", session)


# --- what a reader does ---------------------------------------------------------------------------


class Window:
    """A browser's window, and what a reader does in it."""

    def __init__(self, name: str, send):
        self.name, self.send = name, send
        self.touch = name == "firefox"  # WebKit's driver makes a mouse of a finger

    def go(self, url: str, width: int = 1280, height: int = 900) -> None:
        self.send("SetWindowRect", width=width, height=height)
        self.send("Navigate", url=url)
        assert self.js("return innerWidth") == width

    def js(self, code: str, *values):
        """What a function with this body returns; a promise is waited for."""
        return self.send("ExecuteScript", script=code, args=list(values), sandbox=None)

    def until(self, condition: str, *values):
        """Wait until an expression is true, over a change of pages too."""
        said = ""

        def holds():
            nonlocal said
            try:
                return self.js(f"return {condition}", *values)
            except Refused as error:
                said = error

        try:
            return wait_for(holds, PATIENCE)
        except TimeoutError:
            raise AssertionError(
                f"{self.name}: not after {PATIENCE} s: {condition} {said}"
            ) from None

    def press(self, how: str, selector: str, at=(0.5, 0.5), to=None) -> None:
        """By mouse or touch press a part at a place, in parts of its size; draw from there `to`."""
        moves = []
        for x, y in [at, *([to] if to else [])]:
            left, top = self.js(PLACE, selector, x, y)
            moves.append({"type": "pointerMove", "x": left, "y": top, "duration": 60})
        down, up = [{"type": f"pointer{way}", "button": 0} for way in ("Down", "Up")]
        self._act(
            type="pointer",
            parameters={"pointerType": how},
            actions=[moves[0], down, *moves[1:], up],
        )

    def key(self, name: str, selector: str | None = None) -> None:
        """Press a key, where the focus is or on a part."""
        if selector:
            self.js("document.querySelector(arguments[0]).focus()", selector)
        keys = [{"type": f"key{way}", "value": KEYS[name]} for way in ("Down", "Up")]
        self._act(type="key", actions=keys)

    def _act(self, **source) -> None:
        self.send("PerformActions", actions=[{"id": source["type"], **source}])


ENGINES = {"firefox": firefox, "webkit": webkit}


def demanded() -> bool:
    """Whether an engine must be there: in CI, on the system whose packages bring all of them."""
    return bool(os.environ.get("CI")) and sys.platform == "linux"
