"""Every figure of the built book is compared with tests/expected/figures/PAGE.json.

`make expected` (or `python tests/test_drawn.py` after a build) writes those files anew: do it when
a figure was meant to change, look at the figure, and read the diff. How figures are read back says
tests/drawn.py; the drawing functions of the package have tests of their own (test_figures.py), and
the map of the code, drawn from its own imports, too (test_house.py).
"""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from bs4 import BeautifulSoup
from drawn import differences, figures_of, text_sizes, unnamed

from scratchmnist.pages.figures import STYLE
from scratchmnist.pages.results import _draw

EXPECTED = Path(__file__).parent / "expected" / "figures"
BUILT = Path(__file__).parents[1] / "_build"
DRAWN_FROM_CODE = "map-of-the-code"


# Figures of runs that bounce, and of what single such runs get wrong: another processor rounds
# otherwise, and they come out otherwise. {page: {figure: how far off its places may be}}, two to
# three times what was seen when the book was built with two other ways of rounding
# (ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE is one).
BOUNCING = {
    "checking-gradients": {1: 4},
    "derivatives-of-softmax": {2: 15},
    "learning-rates": {2: 15},
    "more-knobs": {1: 12},
    "one-pair-of-runs": {2: 120},  # ten images that both models get wrong: other images
    "two-models-compared": {4: 20, 5: 60},
    "your-own-digits": {3: 30},
}


def figures_by_page(build):
    pages = {file.stem: figures_of(file) for file in sorted((build / "html/book").glob("*.html"))}
    return {page: found for page, found in pages.items() if found and page != DRAWN_FROM_CODE}


def test_the_books_figures_are_the_expected_ones(built_book):
    built = figures_by_page(built_book)
    expected = {file.stem: json.loads(file.read_text("utf-8")) for file in EXPECTED.glob("*.json")}
    assert sum(map(len, built.values())) > 40
    found = [
        f"{page}: {difference}"
        for page in sorted(expected.keys() | built.keys())
        for difference in differences(
            expected.get(page, []), built.get(page, []), BOUNCING.get(page)
        )
    ]
    assert not found, "\n".join(
        ["figures are drawn otherwise; if that is meant, run `make expected`:", *found]
    )


def test_alt_texts_name_what_axes_and_legends_name(built_book):
    silent = {
        f"{page}, figure {number}": words
        for page, found in figures_by_page(built_book).items()
        for number, figure in enumerate(found, start=1)
        if (words := unnamed(figure))
    }
    assert silent == {}


PHONE = 350  # CSS pixels: the column of text of a phone that is 390 wide


def too_small(svg, least=10):
    """{words: their size in CSS pixels}, of those below `least` where the figure fills a phone."""
    sizes, width = text_sizes(svg)
    on_screen = {words: size * min(PHONE / width, 96 / 72) for words, size in sizes.items()}
    return {words: round(size, 1) for words, size in on_screen.items() if size < least}


def test_labels_can_be_read_on_a_phone(built_book):
    found, seen = {}, 0
    for file in sorted((built_book / "html/book").glob("*.html")):
        page = BeautifulSoup(file.read_text("utf-8"), "html.parser")
        for number, image in enumerate(page.select("img.line-plot"), start=1):
            seen += 1
            if small := too_small((file.parent / image["src"]).read_text("utf-8")):
                found[f"{file.stem}, figure {number}"] = small
    assert seen > 40
    assert found == {}


def test_a_label_that_is_too_small_is_seen():
    with plt.rc_context(STYLE):
        fig, ax = plt.subplots()
        ax.set(xlabel="steps $W_1$", title="a title")
        assert too_small(_draw(fig, False).decode()) == {}
        ax.title.set_fontsize(8)
        assert list(too_small(_draw(fig, False).decode())) == ["a title"]
        ax.title.set_fontsize(9)
        fig.set_figwidth(6)
        assert "steps $W_1$" in too_small(_draw(fig, False).decode())
        plt.close(fig)


# --- how a figure is read back ----------------------------------------------------------------

ALT = "Lines of loss over steps: the old way falls from 2.30 to 0.40, the new way to 0.25."


def sample(colours=("#0072B2", "#D55E00"), labels=("old way", "new way"), styles=("-", "--"),
           x_label="steps", y_label="loss", scale="linear", factor=1.0, band=0.2, bars=(3, 1, 2),
           mark=4, dots="o", title="one layer", dark=1.0, turn=False, tall=3.0):  # fmt: skip
    """Lines with a band, a mark and a legend; bars; dots; a picture with a title."""
    with plt.rc_context(STYLE):
        fig, ((left, right), (below, last)) = plt.subplots(2, 2, figsize=(6, tall))
        x = np.arange(1, 9)
        for offset, colour, label, style in zip((0.4, 0.25), colours, labels, styles):
            y = offset + factor * 2 / x
            left.plot(x, y, style, color=colour, label=label)
            left.fill_between(x, y - band, y + band, alpha=0.2, color=colour)
        left.axvline(mark)
        left.set(xlabel=x_label, ylabel=y_label, yscale=scale)
        left.legend()
        right.bar(["a", "b", "c"], bars, color=colours[0])
        below.scatter(x, np.sqrt(x), marker=dots, color=colours[1])
        picture = np.zeros((28, 28))
        picture[4:20, 3:8] = dark
        last.imshow(picture.T if turn else picture, cmap="gray_r", vmin=0, vmax=1)
        last.set(title=title, xticks=[], yticks=[])
    return fig


FAULTS = {
    "colours exchanged": {"colours": ("#D55E00", "#0072B2")},
    "another colour": {"colours": ("#0072B2", "#009E73")},
    "labels exchanged": {"labels": ("new way", "old way")},
    "another label": {"labels": ("old way", "a way")},
    "dashes exchanged": {"styles": ("--", "-")},
    "a dotted line": {"styles": ("-", ":")},
    "another axis": {"x_label": "epochs"},
    "axes exchanged": {"x_label": "loss", "y_label": "steps"},
    "an axis without name": {"y_label": ""},
    "a logarithmic axis": {"scale": "log"},
    "other data": {"factor": 1.1},
    "falling for rising": {"factor": -1.0},
    "half the band": {"band": 0.1},
    "a mark elsewhere": {"mark": 5},
    "bars in another order": {"bars": (1, 3, 2)},
    "a bar too high": {"bars": (3, 1.4, 2)},
    "other dots": {"dots": "s"},
    "another title": {"title": "two layers"},
    "no title": {"title": ""},
    "a paler picture": {"dark": 0.7},
    "a picture turned over": {"turn": True},
    "no picture": {"dark": 0.0},
    "another height": {"tall": 3.5},
}


@pytest.fixture
def read_back(tmp_path):
    def read(alt=ALT, png=False, **changes):
        fig = sample(**changes)
        name = f"figure.{'png' if png else 'svg'}"
        (tmp_path / name).write_bytes(_draw(fig, png))
        plt.close(fig)
        page = tmp_path / "page.html"
        page.write_text(f'<img src="logo.svg"><img class="line-plot" alt="{alt}" src="{name}">')
        return figures_of(page)

    return read


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_drawn_otherwise_is_seen(read_back, fault):
    assert differences(read_back(), read_back(**FAULTS[fault]))


@pytest.mark.parametrize("fault", ["colours exchanged", "no picture", "bars in another order"])
def test_it_is_seen_in_pixels_too(read_back, fault):
    assert differences(read_back(png=True), read_back(png=True, **FAULTS[fault]))


@pytest.mark.parametrize(
    ("said", "instead"),
    [("old", "new"), ("falls", "rises"), ("2.30", "3.20"), ("0.25", "2.5"), ("loss", "accuracy")],
)
def test_another_alt_text_is_seen(read_back, said, instead):
    assert differences(read_back(), read_back(alt=ALT.replace(said, instead)))


def test_a_figure_more_or_less_is_seen(read_back):
    assert differences(read_back(), [])
    assert differences([], read_back())


def test_what_a_reader_cannot_see_is_no_difference(read_back):
    again = read_back(factor=1.001, band=0.2003, alt=ALT.replace("0.40", "0.41"))
    assert differences(read_back(), again) == []
    assert differences(read_back(png=True), read_back(png=True, dark=0.999)) == []


def test_a_bouncing_figure_may_lie_elsewhere_and_say_other_numbers(read_back):
    again = read_back(factor=1.05, alt=ALT.replace("0.40", "0.90"))
    assert differences(read_back(), again)
    assert differences(read_back(), again, {2: 20})
    assert differences(read_back(), again, {1: 20}) == []


@pytest.mark.parametrize("fault", ["colours exchanged", "another label", "a dotted line",
                                   "another axis", "no title", "another height"])  # fmt: skip
def test_what_is_drawn_otherwise_is_seen_in_a_bouncing_figure(read_back, fault):
    assert differences(read_back(), read_back(**FAULTS[fault]), {1: 20})


def test_an_alt_text_that_leaves_a_name_out_is_seen(read_back):
    assert unnamed(read_back()[0]) == []
    assert unnamed(read_back(x_label="epochs")[0]) == ["epochs"]
    assert unnamed(read_back(labels=("old way", "vmap"))[0]) == ["vmap"]


def as_lines(found):
    """JSON with one word or mark in a line, so that a diff shows what has changed."""
    figures = []
    for figure in found:
        parts = [f'"alt": {json.dumps(figure["alt"])}']
        for name, items in figure.items():
            if name != "alt":
                parts.append(f'"{name}": [\n  ' + ",\n  ".join(map(json.dumps, items)) + "\n ]")
        figures.append("{" + ",\n ".join(parts) + "}")
    return "[\n" + ",\n".join(figures) + "\n]"


def test_lines_are_json_as_well(read_back):
    found = read_back(alt="[1], [2] and &quot;3&quot;") + read_back(png=True)
    assert json.loads(as_lines(found)) == found


if __name__ == "__main__":
    EXPECTED.mkdir(exist_ok=True)
    figures = figures_by_page(BUILT)
    for file in EXPECTED.glob("*.json"):
        file.unlink()
    for page, found in figures.items():
        (EXPECTED / f"{page}.json").write_text(as_lines(found) + "\n", encoding="utf-8")
    print(f"{sum(map(len, figures.values()))} figures written to {EXPECTED}")
