"""Words before use: no page of the path uses a term before the section that introduces it.

Titles of pages, what a page promises in its box "What you will be able to do", and what is folded
away do not count: a promise names what is to come, and folded text says where it belongs.
"""

import re

import pytest
from conftest import ROOT
from scratchmnist_book.reading_time import blocks
from test_path import trunk

TERMS = {  # how it is written: (page, section) that introduces it
    r"tensors?": ("pictures-as-tensors", "Pictures as tensors"),
    r"broadcast\w*": ("pictures-as-tensors", "Broadcasting"),
    r"seeds?": ("pictures-as-tensors", "Sort, then shuffle"),
    r"test images": ("pictures-as-tensors", "The assignment's loading code"),
    r"held[- ]out|hold out": ("pictures-as-tensors", "One line instead"),
    r"confusion matrix": ("pictures-as-tensors", "Yardstick 2: which average digit is nearest?"),
    r"bias": ("pictures-as-tensors", "Yardstick 2: which average digit is nearest?"),
    r"accurac(?:y|ies)": ("pictures-as-tensors", "Yardstick 1: how dark is it?"),
    r"gradients?": ("pictures-as-tensors", "A first training step"),
    r"loss(?:es)?": ("pictures-as-tensors", "A first training step"),
    r"residuals?": ("digit-as-a-number", "How wrong is it?"),
    r"mean squared error": ("digit-as-a-number", "How wrong is it?"),
    r"variance": ("digit-as-a-number", "A bug that makes no noise"),
    r"learning rates?": ("digit-as-a-number", "One training step, one move at a time"),
    r"epochs?": ("digit-as-a-number", "A loop that logs"),
    r"intervals?": ("why-regression-struggles", "Ten trained models"),
    r"recall": ("why-regression-struggles", "What it says to each digit"),
    r"one-hot": ("why-regression-struggles", "Other names for the digits"),
    r"targets?": ("why-regression-struggles", "Ten numbers, still squared"),
    r"logits?": ("scores-to-probabilities", "Ten scores"),
    r"softmax": ("scores-to-probabilities", "Ten scores"),
    r"surprises?|nats?": ("scores-to-probabilities", "How wrong? Average surprise"),
    r"cross-entropy": ("scores-to-probabilities", "How wrong? Average surprise"),
    r"log-sum-exp": ("scores-to-probabilities", "Log-sum-exp: the largest score first"),
    r"replicas?": ("one-layer-classifier", "Training"),
    r"over-?fit\w*": ("one-layer-classifier", "Training"),
    r"ReLUs?": ("hidden-layer", "ReLU: the smallest bend"),
    r"hidden units?": ("hidden-layer", "ReLU: the smallest bend"),
    r"backward functions?": ("backpropagation", "The same in code"),
    r"relative errors?": ("checking-gradients", "Why not take $h$ as small as can be?"),
    r"central differences?": ("checking-gradients", "A slope from two values"),
    r"kinks?": ("checking-gradients", "Kinks"),
    r"autograd": ("checking-gradients", "Agreement with autograd"),
    r"standard deviation": ("two-models-compared", "Sixty networks, and the test images once"),
}
NOT_PROSE = ("code", "literalinclude", "math", "bibliography", "raw", "eval-rst", "toctree")
MARKUP = re.compile(
    r"\{[\w:-]+\}`[^`]*`|\$[^$]*\$|`[^`]*`|\]\([^)]*\)|^\([\w-]+\)=|^:[\w-]+:.*$", re.M
)


def sections(text):
    """(title, prose) of each section; the page's own title comes first."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    title, prose, solution = "", [], False
    for kind, argument, lines in blocks(text):
        body = "\n".join(lines)
        solution = kind == "solution-start" or (solution and kind != "solution-end")
        folded = "dropdown" in body[:200] or "What you will be able to do" in argument
        if solution or folded or kind.startswith(NOT_PROSE) or kind.startswith("solution"):
            continue
        for line in lines:
            if heading := re.match(r"#+ (.*)", line):
                if title or prose:
                    yield title, "\n".join(prose)
                title, prose = heading[1], []
            else:
                prose.append(line)
    yield title, "\n".join(prose)


def early_uses(term, home, section, pages):
    """Where a term stands before its section: pages is {page: text}, in the order of the path."""
    word = re.compile(rf"\b(?:{term})\b", re.IGNORECASE)
    found = []
    for page, text in pages.items():
        for title, prose in sections(text):
            if page == home and title == section:
                return found
            for line in MARKUP.sub(" ", prose).splitlines():
                if match := word.search(line):
                    found.append(f"{page}, {title!r}: {line[max(0, match.start() - 40) :][:100]}")
    return [f"{home} has no section {section!r}"]


@pytest.fixture(scope="module")
def pages():
    return {page: (ROOT / "book" / f"{page}.md").read_text("utf-8") for page in trunk()}


@pytest.mark.parametrize("term", TERMS)
def test_no_page_of_the_path_uses_a_term_before_it_is_introduced(term, pages):
    assert early_uses(term, *TERMS[term], pages) == []


def test_every_word_of_notation_has_its_place():
    notation = (ROOT / "book" / "notation.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", notation.split("## Words")[1], re.MULTILINE)[2:]
    others = {"step", "test", "point", "reference"}  # everyday words, and one of a branch
    words = [re.sub(r"\$.*?\$|,.*", "", row).strip() for row in rows]
    assert len(words) > 8
    missing = [
        word
        for word in words
        if word not in others and not any(re.search(term, word, re.IGNORECASE) for term in TERMS)
    ]
    assert missing == []


def test_an_early_use_is_found():
    pages = {
        "one": "# One\n\nNo.\n\n```{code-cell}\nrate = 1\n```\n\n## Two\n\nThe rate, `rate`.\n",
        "two": "# Two\n\nThe **rate** is the size of a step.\n",
    }
    assert early_uses("rate", "one", "Two", pages) == []
    assert early_uses("rate", "two", "Two", pages) == ["one, 'Two': The rate,  ."]
    assert early_uses("rate", "one", "Three", pages)
