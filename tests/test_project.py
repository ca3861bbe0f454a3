"""What a repository needs beside its code: links that lead somewhere, one version everywhere."""

import re
import tomllib
from html.parser import HTMLParser
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from conftest import ROOT
from packaging.specifiers import SpecifierSet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def plain(name):
    """A package's name in the one form that all its spellings have."""
    return re.sub("[-_.]+", "-", name).lower()


PINS = {
    plain(name): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE
    )
}


# --- links ----------------------------------------------------------------------------------------


def links_and_anchors(html):
    """The addresses that a page asks for, and the places in it that can be asked for."""
    addresses, anchors = [], set()

    def start(tag, attributes):
        values = dict(attributes)
        anchors.update(filter(None, (values.get("id"), values.get("name"))))
        for name in ("href", "src", "poster", "data"):
            if values.get(name) and tag not in ("base",):
                addresses.append(values[name])

    parser = HTMLParser(convert_charrefs=True)
    parser.handle_starttag = start
    parser.handle_startendtag = start
    parser.feed(html)
    return addresses, anchors


def dead_links(folder: Path):
    """(page, address) of each link inside a built book that leads nowhere."""
    pages = {page: links_and_anchors(page.read_text("utf-8")) for page in folder.rglob("*.html")}
    pages = {page: found for page, found in pages.items() if "_static" not in page.parts}
    assert pages
    dead = []
    for page, (addresses, _) in pages.items():
        for address in addresses:
            parts = urlsplit(address)
            if parts.scheme or parts.netloc or address.startswith("javascript:"):
                continue
            base = folder if parts.path.startswith("/") else page.parent
            target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else page
            target = target / "index.html" if target.is_dir() else target
            place = unquote(parts.fragment)
            found = pages.get(target, (None, None))[1]
            if not target.exists() or (place and found is not None and place not in found):
                dead.append((page.name, address))
    return dead


def test_links_inside_the_book_lead_somewhere(built_book):
    assert not dead_links(built_book / "html")


@pytest.mark.parametrize("address", ["b.html", "a.html#nowhere", "#nowhere", "../x.png"])
def test_a_dead_link_is_seen(tmp_path, address):
    page = (
        f'<p id="here"></p><a href="#here">1</a><a href="{address}">2</a><a href="https://x">3</a>'
    )
    (tmp_path / "a.html").write_text(page, "utf-8")
    assert dead_links(tmp_path) == [("a.html", address)]


@pytest.mark.parametrize("file", sorted(path.name for path in ROOT.glob("*.md")))
def test_links_of_the_repositorys_own_pages_lead_somewhere(file):
    text = (ROOT / file).read_text("utf-8")
    for address in re.findall(r"\]\(([^)#]+)\)", text):
        assert re.match(r"https?:", address) or (ROOT / address).exists(), address


# --- one version ---------------------------------------------------------------------------------


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == PROJECT["version"]
    assert f"\n## {PROJECT['version']}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")
    for key in ("cff-version", "message", "title", "authors"):  # what the format demands
        assert citation[key]


def refused(requires, python):
    """Of {package: what it says of Python}, those that a version of Python cannot install."""
    return [name for name, asked in requires.items() if python not in SpecifierSet(asked)]


def test_every_pin_installs_on_the_lowest_python_and_on_a_new_one():
    lowest = PROJECT["requires-python"].removeprefix(">=") + ".0"
    requires = {
        name: found.metadata.get("Requires-Python", "")
        for found in distributions()
        if PINS.get(name := plain(found.name)) == found.version.partition("+")[0]
    }
    assert len(requires) > 100
    assert {"torch", "jinja2", "importlib-metadata"} <= set(requires)  # however they are spelled
    assert refused(requires, lowest) == refused(requires, "3.13.0") == []
    assert refused({"one": ">=3.9", "other": ">=3.11.5"}, "3.11.0") == ["other"]


def test_a_page_says_its_edition(built_book):
    page = (built_book / "html" / "book" / "notation.html").read_text("utf-8")
    edition = re.search(r'class="edition">(.*?)<', page)[1]
    assert re.fullmatch(
        rf"Version {re.escape(PROJECT['version'])}, built on \d+ \w+ 20\d\d", edition
    )


def test_hooks_use_the_pinned_tools():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    for hook in hooks["repos"][0]["hooks"]:
        (tool,) = hook["additional_dependencies"]
        name, version = tool.split("==")
        assert PINS[name] == version


def test_the_workflow_covers_what_the_readme_promises():
    text = (ROOT / ".github" / "workflows" / "book.yml").read_text("utf-8")
    jobs = yaml.safe_load(text)["jobs"]
    matrix = jobs["test"]["strategy"]["matrix"]
    assert set(matrix["os"]) == {"ubuntu-latest", "macos-latest", "windows-latest"}
    assert {"3.11", "3.13"} <= set(matrix["python"])
    assert set(jobs["weekly"]["strategy"]["matrix"]["resolution"]) == {"lowest-direct", "highest"}
    for job in jobs.values():
        for step in job["steps"]:
            for file in re.findall(r"\b(?:tests|scripts)/\w+\.py", step.get("run", "")):
                assert (ROOT / file).exists(), file
            assert step.get("uses", "@").count("@") == 1
