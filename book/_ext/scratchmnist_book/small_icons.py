"""The icons of the theme, as a font with those few only: 3 KB instead of 150.

The theme's font of icons has 1,400 of them. The ones that pages show are taken out of it, into
_build/icons, and book.css names that font in the theme's stead. That is done once, and again when
the theme's font or this file is newer than the font that is there. An icon that is missing here is
shown all the same, but then the browser loads the big font (tests/test_pages.py would see that).
"""

import re
from pathlib import Path

import pydata_sphinx_theme

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
WHOLE_FONT = THEME / "vendor" / "fontawesome" / "webfonts" / "fa-solid-900.ttf"
NAMES = """angle-down angle-left angle-right angle-up arrow-up bars bell bookmark check chevron-down
chevron-right circle-check circle-exclamation circle-half-stroke circle-info circle-question
circle-xmark code download file file-pdf fire hand-point-right lightbulb link list magnifying-glass
moon outdent pencil sun triangle-exclamation up-right-from-square xmark""".split()  # noqa: SIM905


def code_points():
    css = (THEME / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    found = {}
    for selectors, code in re.findall(r'([^{}]*):before\{content:"\\([0-9a-f]{4})"\}', css):
        for name in re.findall(r"\.fa-([\w-]+)", selectors):
            found[name] = int(code, 16)
    return [found[name] for name in NAMES]


def add_font(app, config):
    font = Path(app.outdir).parent / "icons" / "icons.woff"
    made_from = (WHOLE_FONT, Path(__file__))
    if not font.exists() or any(f.stat().st_mtime > font.stat().st_mtime for f in made_from):
        font.parent.mkdir(parents=True, exist_ok=True)
        make_font(font)
    config.html_static_path.append(str(font.parent))


def make_font(target):
    from fontTools import subset

    options = subset.Options(flavor="woff", desubroutinize=True, notdef_outline=False)
    options.recalc_timestamp = False
    font = subset.load_font(str(WHOLE_FONT), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=code_points())
    subsetter.subset(font)
    subset.save_font(font, str(target), options)


def setup(app):
    app.connect("config-inited", add_font)
    return {"parallel_read_safe": True}
