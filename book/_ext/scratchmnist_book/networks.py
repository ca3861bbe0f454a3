"""The role {network}`name`: a link to a network that a cell offered, as a file.

A cell says ``offer("name", layers)`` (see src/scratchmnist/pages/networks.py). MyST-NB hands the
hidden outputs over in one JSON file a page. The files are written to _downloads/ in the built book.
A name that nobody offered, or two pages, is a warning, and so (see strict_build.py) a failed build.
"""

import base64
import json
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

FOLDER = "_downloads"
logger = logging.getLogger(__name__)


class network_reference(nodes.Inline, nodes.Element):
    """Stands for the link until all pages have been read."""


class NetworkRole(SphinxRole):
    def run(self):
        node = network_reference(name=self.text)
        self.set_source_info(node)
        return [node], []


def all_networks(env):
    """{page: {name: the file in base64}}"""
    if not hasattr(env, "book_networks"):
        env.book_networks = {}
    return env.book_networks


def collect(app, doctree):
    env = app.env
    pages = all_networks(env)
    pages.pop(env.docname, None)
    if getattr(env, "nb_metadata", {}).get(env.docname, {}).get("glue"):
        file = Path(env.mystnb_config.output_folder, f"{env.docname}.glue.json")
        outputs = json.loads(file.read_text(encoding="utf-8"))
        hidden = [output["metadata"]["scrapbook"] for output in outputs.values()]
        pages[env.docname] = {
            output["name"].removeprefix("network-"): output["file"]
            for output in hidden
            if "file" in output
        }


def forget(app, env, docname):
    all_networks(env).pop(docname, None)


def check_duplicates(app, env):
    pages_of = {}
    for page, networks in sorted(all_networks(env).items()):
        for name in networks:
            pages_of.setdefault(name, []).append(page)
    for name, pages in pages_of.items():
        if len(pages) > 1:
            logger.warning("network %r is offered on %s", name, " and ".join(pages))


def fill_in(app, doctree, docname):
    offered = {name: file for page in all_networks(app.env).values() for name, file in page.items()}
    for node in list(doctree.findall(network_reference)):
        file = f"{node['name']}.safetensors"
        if node["name"] not in offered:
            logger.warning("no cell offers the network %r", node["name"], location=node)
            node.replace_self(nodes.literal(file, file))
            continue
        up = "../" * docname.count("/")
        size = len(base64.b64decode(offered[node["name"]])) / 1000
        link = download_reference(refuri=f"{up}{FOLDER}/{file}", reftarget=file)
        link += nodes.literal(file, file)
        node.replace_self([link, nodes.Text(f" ({size:.0f} kB)")])


def write_files(app, exception):
    if exception is not None or app.builder.name != "html":
        return
    folder = Path(app.outdir, FOLDER)
    folder.mkdir(exist_ok=True)
    offered = {name: file for page in all_networks(app.env).values() for name, file in page.items()}
    for old in folder.glob("*.safetensors"):
        if old.stem not in offered:
            old.unlink()
    for name, file in offered.items():
        (folder / f"{name}.safetensors").write_bytes(base64.b64decode(file))


def setup(app):
    app.add_role("network", NetworkRole())
    app.add_node(network_reference)
    app.connect("doctree-read", collect)
    app.connect("env-purge-doc", forget)
    app.connect("env-updated", check_duplicates)
    app.connect("doctree-resolved", fill_in)
    app.connect("build-finished", write_files)
    return {"version": "1", "env_version": 1}
