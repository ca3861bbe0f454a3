"""Search finds the section that answers a question, asked in a reader's words."""

import json
import re
import subprocess

import pytest
from docutils.core import publish_doctree
from scratchmnist_book.offline_math import node
from scratchmnist_book.search import formula_text, sections

# What a reader types, and the section (or one of two) that should come first.
QUERIES = {
    "overfit": "more-knobs#more-epochs-and-over-fitting",
    "over-fitting": "more-knobs#more-epochs-and-over-fitting",
    "NaN": "scores-to-probabilities#the-formulas-break",
    "p-y": "scores-to-probabilities#p-minus-y",
    "p - y": "scores-to-probabilities#p-minus-y",
    "one-hot": "why-regression-struggles#other-names-for-the-digits",
    "one hot": "why-regression-struggles#other-names-for-the-digits",
    "why transpose": "backpropagation#across-the-linear-layer-one-unit-many-paths",
    "learning rate too high": "digit-as-a-number#too-small-right-too-large"
    " learning-rates#what-happens-beyond-the-cliff",
    "accuracy stuck at 10%": "when-nothing-learns#what-you-see-and-the-likely-cause"
    " when-nothing-learns",
    "softmax": "scores-to-probabilities",
    "log-sum-exp": "scores-to-probabilities#log-sum-exp-the-largest-score-first",
    "logsumexp": "scores-to-probabilities#log-sum-exp-the-largest-score-first",
    "broadcasting": "pictures-as-tensors#broadcasting",
    "relu mask": "backpropagation#across-the-relu-the-mask",
    "backprop": "backpropagation",
    "chain rule": "backpropagation",
    "XOR": "hidden-layer#why-a-line-is-not-enough hidden-layer#does-descent-find-it",
    "nearest neighbor": "pictures-as-tensors#yardstick-3-the-nearest-neighbour",
    "early stopping": "more-knobs#early-stopping",
    "weight decay": "the-bowl#a-penalty-on-the-weights",
    "McNemar": "one-pair-of-runs#one-pair-of-runs-mcnemar-s-test",
    "confidence interval": "two-models-compared#what-the-interval-means",
    "calibration": "how-sure-is-it"
    " how-sure-is-it#does-a-confidence-of-nine-in-ten-mean-nine-in-ten",
    "photo of my handwriting": "your-own-digits",
    "batch size": "more-knobs#learning-rate-and-batch-size",
    "momentum": "the-bowl#momentum",
    "gradient check": "checking-gradients",
    "finite difference step size": "checking-gradients#why-not-take-h-as-small-as-can-be",
    "initialization": "backpropagation#where-to-start how-large-to-start",
    "dead pixels": "one-layer-classifier#pixels-that-never-carry-ink",
    "data loader": "pictures-as-tensors#the-assignment-s-loading-code",
    "nbgrader": "for-teachers#with-nbgrader",
    "how to cite": "index#how-to-cite",
}

# search.js as on the search page, in node instead of a browser
PROGRAM = """
const [folder, queries] = JSON.parse(require("fs").readFileSync(0, "utf8"));
globalThis.window = globalThis;
globalThis.document = { addEventListener() {} };
globalThis.MiniSearch = require(folder + "/minisearch.js");
require(folder + "/data.js");
require(folder + "/search.js");
console.log(JSON.stringify(queries.map((query) => bookSearch.find(query).map((hit) =>
  [hit.url, bookSearch.snippet(hit.text, new Set(hit.terms))]))));
"""


@pytest.fixture(scope="module")
def search(built_book):
    folder = built_book / "html" / "_static" / "search"

    def search(*queries):
        done = subprocess.run(
            [node(), "-e", PROGRAM],
            input=json.dumps([str(folder), queries]),
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert done.returncode == 0, done.stderr
        return [
            [(re.sub(r"^book/|\.html", "", url), snippet) for url, snippet in hits]
            for hits in json.loads(done.stdout)
        ]

    return search


def test_a_readers_question_leads_to_its_section(search):
    first = [hits[0][0] if hits else None for hits in search(*QUERIES)]
    missed = {
        q: got for (q, wanted), got in zip(QUERIES.items(), first) if got not in wanted.split()
    }
    assert len(QUERIES) >= 30
    assert len(missed) <= len(QUERIES) / 10, missed


def test_the_sections_asked_for_exist(built_book):
    for wanted in QUERIES.values():
        for place in wanted.split():
            page, _, anchor = place.partition("#")
            html = (built_book / "html" / "book" / f"{page}.html").read_text("utf-8")
            assert f'id="{anchor}"' in html or not anchor, place


def test_what_nobody_wrote_is_not_found(search):
    assert search("zyzzyva", "", "the of and") == [[], [], []]


def test_snippets_show_the_words_and_each_formula_once(search):
    unmarked = []
    for query, hits in zip(QUERIES, search(*QUERIES)):
        if not any(mark for _, snippet in hits[:3] for _, mark in snippet):
            unmarked.append(query)
        for _, snippet in hits:
            text = "".join(text for text, _ in snippet)
            assert "\\" not in text, text
            assert len(text) < 260
    assert set(unmarked) <= {"p-y", "p - y"}  # these stand in titles and formulas


def test_a_section_is_its_own_text_with_formulas_as_one_types_them():
    source = r"""
Page
====

First :math:`x_1` here.

Part
----

A *new word*, then:

.. math:: \frac{\partial L}{\partial Z} = (P - Y) / B

::

  one_hot(labels)
"""
    page = publish_doctree(source, settings_overrides={"doctitle_xform": False})
    first, part = sections(page, "book/a", "Page", 1)
    assert first["text"] == "First x_1 here."
    assert part["url"] == "book/a.html#part"
    assert part["text"] == "A new word, then:"
    assert part["terms"] == "new word"
    assert "P - Y" in part["formulas"]
    assert part["code"] == "one_hot labels"


def test_formula_text_has_no_latex():
    assert formula_text(r"\partial L / \partial Z_{1} = (P - Y)^\top") == "∂L / ∂Z = (P - Y)^⊤"


def test_only_the_search_page_loads_what_search_needs(built_book):
    html = built_book / "html"
    for page in [*(html / "book").glob("*.html"), html / "index.html"]:
        assert not re.search(r"<script[^>]*search", page.read_text("utf-8")), page
    assert not (html / "searchindex.js").exists()
    assert (html / "search.html").read_text("utf-8").count("_static/search/") == 3
