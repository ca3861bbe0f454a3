"""The reader's path: how long its pages are, and that old links lead on."""

import ast
import builtins
import importlib
import re

import prose
import pytest
from conftest import ROOT
from scratchmnist_book.old_anchors import moved_anchors
from scratchmnist_book.reading_time import HIDDEN, blocks, measure

PAGE = """---
file_format: mystnb
---
# A title of five words

Twenty words: {words}

```{{math}}
:label: eq-two
\\begin{{aligned}}
a &= b \\\\
  &= c
\\end{{aligned}}
```

```{{code-cell}} python3
x = 1

y = 2
```

```{{code-cell}} python3
:tags: [hide-input]
hidden = 1
```

````{{exercise}}
```{{math}}
z = 1
```
````

```{{solution-start}} ex
```
Not counted at all.
```{{solution-end}}
```
"""


def test_minutes_are_counted_from_words_equations_and_code(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.format(words="word " * 18))
    assert measure(page) == pytest.approx(25 / 150 + 3 / 2 + 2 / 12)


def test_a_listing_counts_the_lines_that_it_shows(tmp_path):
    (tmp_path / "code.py").write_text("def one():\n    x = 1\n\n    return x\n\n\ny = 2\n")
    page = tmp_path / "page.md"
    page.write_text("```{literalinclude} code.py\n:pyobject: one\n```\n")
    assert measure(page) == pytest.approx(3 / 12)
    page.write_text("```{literalinclude} code.py\n```\n")
    assert measure(page) == pytest.approx(4 / 12)


NESTED = """before
````{note} Title
inside
```{code-cell}
:::{looks} like a fence
```
still inside
````
```
no language
```
after
"""


def test_fences_nest_and_nothing_opens_within_code():
    assert blocks(NESTED) == [
        ["prose", "", ["before"]],
        ["note", "Title", ["inside", "still inside"]],
        ["code-cell", "", [":::{looks} like a fence"]],
        ["code", "", ["no language"]],
        ["prose", "", ["after"]],
    ]


def test_the_prose_is_what_stands_in_no_code():
    found = [(block.kind, block.text.split()) for block in prose.blocks(NESTED)]
    assert found == [
        ("prose", ["before"]),
        ("prose", ["Title", "inside"]),
        ("code", [":::{looks}", "like", "a", "fence"]),
        ("prose", ["still", "inside"]),
        ("code", ["no", "language"]),
        ("prose", ["after"]),
    ]
    with pytest.raises(AssertionError, match=r"never closed.*note Title"):
        prose.blocks("````{note} Title\ninside\n")


def test_an_anchor_that_moved_is_found_and_one_that_is_gone_or_twofold_is_lost():
    anchors = {"one": {"stays"}, "two": {"moved", "twofold"}, "three": {"twofold"}}
    moved, lost = moved_anchors("one", ["stays", "moved", "twofold", "gone"], anchors)
    assert moved == {"moved": "two"}
    assert lost == ["twofold", "gone"]


def test_minutes_stand_on_the_page_and_in_the_list_of_chapters(built_book):
    html = (built_book / "html" / "book" / "hidden-layer.html").read_text("utf-8")
    minutes = round(measure(ROOT / "book" / "hidden-layer.md"))
    assert f'<p class="minutes">About {minutes} minutes to read</p>' in html
    assert f'A hidden layer <span class="minutes">{minutes} min</span></a>' in html


TRUNK_PARTS = 3  # the first three parts of the table of contents
LONGEST, TOGETHER, START = 25, 220, 6  # minutes


def trunk():
    """The pages that a reader walks in order, without the start page."""
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    parts = toc.split("- caption:")[1 : 1 + TRUNK_PARTS]
    return re.findall(r"file: book/([\w-]+)", "".join(parts))


def test_the_path_can_be_walked_in_an_evening_or_two():
    minutes = {page: measure(ROOT / "book" / f"{page}.md") for page in ["index", *trunk()]}
    assert len(minutes) == 12
    assert minutes["index"] <= START
    assert {page: m for page, m in minutes.items() if m > LONGEST} == {}
    assert sum(minutes.values()) <= TOGETHER, minutes


def branches():
    toc = (ROOT / "_toc.yml").read_text("utf-8")
    deeper = toc.split("- caption: Going deeper")[1].split("- caption:")[0]
    return re.findall(r"file: book/([\w-]+)", deeper)


@pytest.mark.parametrize("page", branches())
def test_a_branch_says_first_what_it_needs(page):
    text = (ROOT / "book" / f"{page}.md").read_text("utf-8")
    first = text.split("\n# ")[1].split("\n", 1)[1].strip().splitlines()[0]
    assert re.match(r"[*_]*Needs", first), first


CELL = re.compile(r"^(`{3,})\{code-cell\}[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)


def names_of(tree):
    """(names that code binds, names that it reads)."""
    bound = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.add(node.id)
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            bound |= set(vars(importlib.import_module(node.module)))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return bound, {node.id for node in names if isinstance(node.ctx, ast.Load)}


def undefined_names(text):
    """What visible cells read that no visible cell up to there defines."""
    known, missing = set(dir(builtins)), []
    for match in CELL.finditer(text):
        body, front = match[2], ""
        if body.lstrip().startswith("---"):
            _, front, body = body.split("---", 2)
        while body.startswith(":"):
            line, _, body = body.partition("\n")
            front += line
        if any(tag in front for tag in HIDDEN):
            continue
        bound, used = names_of(ast.parse(body))
        known |= bound
        missing += sorted(used - known)
        known |= used
    return missing


PAGES = sorted((ROOT / "book").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_whoever_retypes_what_a_page_shows_gets_no_nameerror(page):
    assert undefined_names(page.read_text("utf-8")) == []


def test_a_name_from_a_folded_cell_is_missed():
    shown = "```{code-cell} python3\nx = 1\n```\n"
    hidden = "```{code-cell} python3\n:tags: [remove-input]\ny = 1\n```\n"
    use = "```{code-cell} python3\nprint(x + y)\n```\n"
    assert undefined_names(shown + hidden + use) == ["y"]
    assert undefined_names(shown + use.replace(" + y", "")) == []


def test_a_star_brings_the_names_of_its_module_and_no_others():
    star = "```{code-cell} python3\nfrom math import *\nprint(sqrt(2), squareroot(2))\n```\n"
    assert undefined_names(star) == ["squareroot"]
