"""A page waits for one style sheet, and for no script.

The theme and the extensions bring a dozen style sheets and as many scripts; of most of them no page
uses anything. Here they become two files, which book/_templates/layout.html names:

- _static/pages.css, all style sheets one after the other, without the rules for what is on no page
  (npm's purgecss looks for names that no page and no script has);
- _static/pages.js, all scripts one after the other, run once the page has been read (`defer`).

What only some pages need stays by itself: scripts with `defer` (explorables.py, the search).
"""

import hashlib
import json
import posixpath
import re
import subprocess
from pathlib import Path

from sphinx.errors import SphinxError

from scratchmnist_book.offline_math import node

FIRST_STYLES = ("styles/theme.css", "styles/pydata-sphinx-theme.css")
LAST_SCRIPTS = ("scripts/bootstrap.js", "scripts/pydata-sphinx-theme.js")
# Sphinx's marks for its own search, which is not there; tabs, which no page has.
UNUSED = ("doctools.js", "sphinx_highlight.js", "design-tabs.js")
OF_ONE_PAGE = "DOCUMENTATION_OPTIONS.pagename"  # for a choice of versions, which is not there
# The theme measures every box of code and output as soon as the page is there, and so has all of a
# long page laid out at once. What this is for (the keyboard reaches what scrolls), book.js does.
MEASURES_ALL = re.compile(r"(\w)\.tabIndex=\1\.scrollWidth>\1\.clientWidth.*?\?0:-1")
STILL_READING = (
    'Object.defineProperty(document, "readyState", {value: "loading", configurable: true})'
)
READ = "delete document.readyState"
TAG = re.compile(r"<[a-zA-Z][^<>]*>")
WORD = re.compile(r"[\w-]+")


class CannotPurge(SphinxError):
    category = "purgecss failed"


def is_common(script):
    """True if every page has this script."""
    return "defer" not in script.attributes


def name_files(app, pagename, templatename, context, doctree):
    """Put the two files in the place of all others."""
    scripts = context["script_files"]
    context["script_files"] = [script for script in scripts if not is_common(script)]
    kept = [
        (str(script.filename or ""), script.attributes.get("body", ""))
        for script in scripts
        if is_common(script)
        and Path(script.filename or "").name not in UNUSED
        and not script.attributes.get("body", "").startswith(OF_ONE_PAGE)
    ]
    kept += [(f"_static/{name}", "") for name in LAST_SCRIPTS]
    named = [str(style.filename).removeprefix("_static/") for style in context["css_files"]]
    styles = [*FIRST_STYLES, *named]
    app.light_pages = Path(app.outdir), tuple(dict.fromkeys(styles)), tuple(dict.fromkeys(kept))
    # a browser that has the files of an older version asks anew
    made_of = app.config.book_static_hash + app.config.book_extensions_hash
    context["pages_version"] = hashlib.sha256(made_of.encode()).hexdigest()[:8]


def joined_styles(html, names):
    return "\n".join(style(html / "_static", name) for name in names)


def style(static, name):
    """A style sheet and those that it imports; its addresses lead on from the folder `static`."""
    css = (static / name).read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)

    def moved(match):
        quote, address = match.groups()
        if re.match(r"[a-z]+:|#|/", address):
            return match[0]
        return f"url({quote}{beside(name, address)}{quote})"

    css = re.sub(r"""url\(\s*(["']?)([^"')]+)\1\s*\)""", moved, css)
    return re.sub(
        """@import ["'](.*?)["'];""",
        lambda match: style(static, beside(name, match[1])),
        css,
    )


def beside(name, address):
    """The address, seen from `static`, of what the file `name` calls `address`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), address))


def joined_scripts(html, scripts):
    """Files, and lines of script of no file, as one script, each begun when all have been run.

    In separate scripts, while the page is read, a later one's settings are there when an earlier
    one begins, at the end of the page. Here the page has been read, and it would begin at once.
    """
    texts = [(html / name).read_text(encoding="utf-8") if name else body for name, body in scripts]
    texts = [STILL_READING, *texts, READ]
    joined = "\n;\n".join(re.sub(r"//# sourceMappingURL=.*", "", text) for text in texts)
    return MEASURES_ALL.sub("", joined)


def names_on_pages(html):
    """The words in the tags of all pages, and all words in scripts: among them each name."""
    pages = [page for page in Path(html).rglob("*.html") if "_static" not in page.parts]
    words = set()
    for page in pages:
        words.update(WORD.findall(" ".join(set(TAG.findall(page.read_text(encoding="utf-8"))))))
    static = Path(html) / "_static"
    scripts = [static / "pages.js", *static.glob("explorables/*.js"), static / "search/search.js"]
    for script in scripts:
        words.update(WORD.findall(script.read_text(encoding="utf-8")))
    return words


def purged(css, words):
    """The style sheet without the rules whose names are not among the words."""
    done = subprocess.run(
        [node(), str(Path(__file__).with_name("purge_styles.js"))],
        input=json.dumps({"css": css, "words": sorted(words)}),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode or not done.stdout:
        raise CannotPurge(done.stderr.strip())
    return done.stdout


def write_files(app, exception):
    if exception is not None or not hasattr(app, "light_pages"):  # then no page was written
        return
    html, styles, scripts = app.light_pages
    static = html / "_static"
    (static / "pages.js").write_text(joined_scripts(html, scripts), encoding="utf-8")
    css = purged(joined_styles(html, styles), names_on_pages(html))
    (static / "pages.css").write_text(css, encoding="utf-8")


def setup(app):
    app.connect("html-page-context", name_files, priority=950)
    app.connect("build-finished", write_files, priority=700)  # after the theme's pygments.css
    return {"parallel_read_safe": True}
