"""A picture of the package, drawn from its own imports: what is where, and who uses whom.

Read as text, never imported: a module's purpose is the first sentence of its docstring, its size
the lines that hold code, its arrows the imports in it.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).resolve().parents[1]
PARTS = {  # in the order of the picture, each with what a person comes for
    "core": "what the book derives",
    "check": "is my own code right?",
    "files": "files to arrays and back",
    "shell": "commands for a terminal",
    "pages": "what the book's pages use",
}


class Module(NamedTuple):
    """One file of the package: its part, name, purpose, lines of code, and what it imports."""

    part: str
    name: str
    purpose: str
    lines: int
    imports: frozenset[str]


def code_lines(source: str) -> int:
    """Lines with code on them: not blank, no comment, no docstring.

    >>> code_lines('\"\"\"What it does.\"\"\"\\n\\nx = 1  # one\\n# two\\ny = [\\n    2,\\n]\\n')
    4
    """
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            docstrings.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = set()
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in empty and token.string.strip():
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def imported(source: str) -> frozenset[str]:
    """The modules of this package that a file imports, as `layers` or `files.subset`.

    >>> sorted(imported("from scratchmnist.layers import linear\\nimport torch"))
    ['layers']
    >>> sorted(imported("from scratchmnist.files import subset, full"))
    ['files.full', 'files.subset']
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scratchmnist."):
            name = node.module.removeprefix("scratchmnist.")
            inside = PACKAGE / name.replace(".", "/")
            names = [f"{name}.{alias.name}" for alias in node.names] if inside.is_dir() else [name]
            found.update(names)
    return frozenset(found)


def modules(package: Path = PACKAGE) -> list[Module]:
    """All modules, part by part, without those that only gather names (`__init__`)."""
    found = []
    for file in sorted(package.rglob("*.py")):
        if file.name.startswith("__"):
            continue
        name = ".".join(file.relative_to(package).with_suffix("").parts)
        part = name.split(".")[0] if "." in name else "core"
        source = file.read_text(encoding="utf-8")
        purpose = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0].replace("\n", " ")
        found.append(Module(part, name, purpose, code_lines(source), imported(source)))
    order = list(PARTS)
    return sorted(found, key=lambda module: (order.index(module.part), module.name))


def levels(part: list[Module]) -> dict[str, int]:
    """How far up each module of a part stands: 0 rests on no other, the rest one above its highest.

    >>> low = Module("core", "low", "", 1, frozenset())
    >>> high = Module("core", "high", "", 1, frozenset({"low"}))
    >>> levels([high, low])
    {'high': 1, 'low': 0}
    """
    by_name = {module.name: module for module in part}

    def level(module: Module) -> int:
        below = [level(by_name[name]) for name in module.imports if name in by_name]
        return 1 + max(below, default=-1)

    return {module.name: level(module) for module in part}


def house(found: list[Module]):
    """The picture and its text alternative: a room for each part, in it the modules and arrows.

    An arrow leads from a module to one of its room that it imports. Which room uses which is told
    in words only.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    from scratchmnist.pages.figures import COLOURS, SMALLEST, STYLE, WIDTH

    rooms = {part: [m for m in found if m.part == part] for part in PARTS}
    rooms = {part: inside for part, inside in rooms.items() if inside}
    colours = dict(zip(PARTS, [*COLOURS.values(), "#5a5a5a"]))
    place, floor, tops = {}, 0.0, {}
    for part in reversed(rooms):  # the core, which knows nobody, stands at the top
        level_of = levels(rooms[part])
        stories = [[m for m in rooms[part] if level_of[m.name] == n] for n in range(9)]
        stories = [story[i : i + 3] for story in stories for i in range(0, len(story), 3)]
        for story in stories:
            for index, module in enumerate(story):
                place[module.name] = (2.0 * index + 4 - len(story), floor + 0.5)
            floor += 0.95
        tops[part] = (floor - 0.95 * len(stories), floor)
        floor += 0.75
    with plt.rc_context(STYLE | {"axes.grid": False}):
        fig, ax = plt.subplots(figsize=(WIDTH, 0.52 * floor))
        ax.set(xlim=(-0.2, 6.2), ylim=(-0.35, floor - 0.1))
        ax.axis("off")
        for part, (bottom, top) in tops.items():
            ax.add_patch(
                FancyBboxPatch(
                    (0, bottom), 6, top - bottom, boxstyle="round,pad=0.1",
                    facecolor=colours[part], alpha=0.08, edgecolor="none",
                )
            )  # fmt: skip
            ax.text(
                0, top + 0.14, f"{part}: {PARTS[part]}", color=colours[part], weight="bold",
                va="bottom",
            )  # fmt: skip
        for module in found:
            x, y = place[module.name]
            for name in sorted(module.imports & place.keys()):
                if name.split(".")[0] == module.name.split(".")[0] or (
                    module.part == "core" and "." not in name
                ):
                    to_x, to_y = place[name]
                    ax.add_patch(
                        FancyArrowPatch(
                            (x, y - 0.27), (to_x, to_y + 0.27), arrowstyle="-|>", mutation_scale=8,
                            color=colours[module.part], alpha=0.6, linewidth=1,
                        )
                    )  # fmt: skip
            ax.text(
                x, y, f"{module.name.split('.')[-1]}\n{module.lines}", ha="center", va="center",
                fontsize=SMALLEST, linespacing=1.1,
                bbox={"boxstyle": "round,pad=0.3", "fc": "white", "ec": colours[module.part]},
            )  # fmt: skip
    sentences = [
        f"{part} ({PARTS[part]}): "
        + ", ".join(f"{m.name.split('.')[-1]} with {m.lines} lines" for m in inside)
        for part, inside in rooms.items()
    ]
    uses = {
        part: sorted({other.part for m in inside for other in found if other.name in m.imports})
        for part, inside in rooms.items()
    }
    arrows = [
        f"{part} uses {' and '.join(other for other in others if other != part)}"
        for part, others in uses.items()
        if set(others) - {part}
    ]
    return fig, "The package's modules. " + ". ".join([*sentences, *arrows]) + "."
