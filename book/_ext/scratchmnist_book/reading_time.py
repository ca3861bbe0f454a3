"""How long a page takes to read: on the page, in the list of chapters, and in {minutes}`page`.

Counted are 150 words of prose a minute, half a minute for a line of displayed mathematics and five
seconds for a visible line of code. Not counted: solutions, folded and hidden cells, and what stands
in a block that is folded (`dropdown`) or marked `optional`.
"""

import ast
import re
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxRole

WORDS, EQUATION_LINES, CODE_LINES = 150, 2, 12  # in a minute
FENCE = re.compile(r"^\s*(`{3,}|:{3,})\s*(.*)$")
HIDDEN = ("hide-input", "hide-cell", "remove-input", "remove-cell")
OPAQUE = ("code", "python", "literalinclude", "math", "bibliography", "eval-rst", "raw")
NOT_READ = ("code", "python", "eval-rst", "bibliography", "raw", "toctree")


def pieces(text):
    """A MyST text cut at its fences: (what happens, the innermost open block, the line).

    What happens is "open", "line" or "close"; a block is [kind, argument, lines], None outside all.
    Within a block of code nothing opens, and only the block's own fence closes it.
    """
    stack = []  # of each open fence: its characters, and the block
    for line in text.splitlines():
        fence = FENCE.match(line)
        if fence and stack and not fence[2].strip():
            opening, block = stack[-1]
            if fence[1][0] == opening[0] and len(fence[1]) >= len(opening):
                stack.pop()
                yield "close", block, line
                continue
        if fence and not (stack and stack[-1][1][0].startswith(OPAQUE)):
            name = re.match(r"\{([^}]*)\}(.*)", fence[2].strip())
            block = [name[1], name[2].strip(), []] if name else ["code", fence[2].strip(), []]
            stack.append((fence[1], block))
            yield "open", block, line
        else:
            yield "line", stack[-1][1] if stack else None, line


def blocks(text):
    """The fenced blocks [kind, argument, lines] of a MyST page, and ["prose", "", lines]."""
    found = [["prose", "", []]]
    prose = found[0]
    for event, block, line in pieces(text):
        if event == "open":
            found.append(block)
        elif event == "line" and block:
            block[2].append(line)
        elif event == "line":
            if found[-1] is not prose:
                prose = ["prose", "", []]
                found.append(prose)
            prose[2].append(line)
    return found


def listing_lines(page, argument, options):
    """How many lines of code a literalinclude shows."""
    source = (page.parent / argument).resolve()
    if not source.exists():
        return 0
    text = source.read_text("utf-8")
    if name := re.search(r":pyobject:\s*(\S+)", options):
        nodes_of_that_name = [
            node for node in ast.walk(ast.parse(text)) if getattr(node, "name", None) == name[1]
        ]
        text = ast.get_source_segment(text, nodes_of_that_name[0]) if nodes_of_that_name else ""
    return sum(1 for line in text.splitlines() if line.strip())


def words(text):
    text = re.sub(r"\{[\w:-]+\}`[^`]*`|\$[^$]*\$|`[^`]*`", " x ", text)
    text = re.sub(r"\]\([^)]*\)|^:[\w-]+:.*$", " ", text, flags=re.MULTILINE)
    return len(re.findall(r"[A-Za-z][\w'’-]*", text))


def code_lines(cell):
    """How many lines of a cell a reader sees."""
    front = cell.split("---")[1] if cell.lstrip().startswith("---") else cell[:200]
    if any(tag in front for tag in HIDDEN):
        return 0
    code = re.sub(r"\A\s*---\n.*?\n---\n", "", cell, flags=re.DOTALL)
    return sum(1 for line in code.splitlines() if line.strip() and not line.startswith(":"))


def measure(page):
    """Minutes for one page (a Path)."""
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text("utf-8"), flags=re.DOTALL)
    minutes, in_solution = 0.0, False
    for kind, argument, lines in blocks(text):
        body = "\n".join(lines)
        if kind in ("solution-start", "solution-end"):
            in_solution = kind == "solution-start"
            continue
        folded = "dropdown" in body[:200] or ":class: optional" in body[:200]
        if in_solution or folded or kind == "solution" or kind in NOT_READ:
            continue
        if kind == "math":
            rows = re.sub(r"^:label:.*$", "", body, flags=re.MULTILINE)
            minutes += (rows.count(r"\\") + 1) / EQUATION_LINES
        elif kind.startswith("code-cell"):
            minutes += code_lines(body) / CODE_LINES
        elif kind == "literalinclude":
            minutes += listing_lines(page, argument, body) / CODE_LINES
        else:
            minutes += words(body) / WORDS
    return minutes


class MinutesRole(SphinxRole):
    """{minutes}`page`: the minutes of a page of the same folder."""

    def run(self):
        page = Path(self.env.doc2path(self.env.docname)).with_name(f"{self.text}.md")
        if not page.exists():
            message = self.inliner.reporter.error(f"{{minutes}}: there is no page {self.text}")
            return [], [message]
        self.env.note_dependency(str(page))
        return [nodes.inline("", f"{round(measure(page))} min", classes=["minutes"])], []


def measure_pages(app, env):
    app.minutes = {}
    for docname in env.found_docs:
        path = Path(env.doc2path(docname))
        if path.suffix == ".md" and (minutes := measure(path)) >= 1.5:
            app.minutes[docname] = round(minutes)


def add_minutes(app, pagename, templatename, context, doctree):
    """Below the page's title, and behind each chapter in the list of chapters."""
    if pagename in app.minutes:
        note = f'<p class="minutes">About {app.minutes[pagename]} minutes to read</p>'
        context["body"] = context["body"].replace("</h1>", f"</h1>\n{note}", 1)
    by_link = {
        app.builder.get_relative_uri(pagename, docname) or "#": minutes
        for docname, minutes in app.minutes.items()
    }

    def with_minutes(entry):
        link, title = entry.groups()
        minutes = by_link.get(link.removesuffix("#") or "#")
        note = f' <span class="minutes">{minutes} min</span>' if minutes else ""
        return f'href="{link}">{title}{note}</a>'

    generate = context.get("generate_toctree_html")
    if generate is not None:

        def generate_with_minutes(*args, **options):
            html = generate(*args, **options)
            if html is None:  # a book of one page
                return None
            return re.sub(r'href="([^"]*)">([^<]*)</a>', with_minutes, str(html))

        context["generate_toctree_html"] = generate_with_minutes


def setup(app):
    app.minutes = {}
    app.add_role("minutes", MinutesRole())
    app.connect("env-updated", measure_pages)
    app.connect("html-page-context", add_minutes, priority=950)
    return {"parallel_read_safe": True}
