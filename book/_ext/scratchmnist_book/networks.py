"""The role {network}`name`: a link to a network that a cell offered, as a file.

A cell says ``offer("name", layers)`` (see src/scratchmnist/pages/networks.py). The files are
written to _downloads/ in the built book. A name that nobody offered, or two pages, is a warning,
and so (see strict_build.py) a failed build.
"""

import base64
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

from scratchmnist_book.handed_over import by_name, hidden_outputs, of_all_pages, on_several_pages

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
    return of_all_pages(env, "book_networks")


def collect(app, doctree):
    env = app.env
    pages = all_networks(env)
    pages.pop(env.docname, None)
    if outputs := hidden_outputs(env):
        pages[env.docname] = {
            name.removeprefix("network-"): output["file"]
            for name, output in outputs.items()
            if "file" in output
        }


def forget(app, env, docname):
    all_networks(env).pop(docname, None)


def check_duplicates(app, env):
    for name, pages in on_several_pages(all_networks(env)).items():
        logger.warning("network %r is offered on %s", name, pages)


def fill_in(app, doctree, docname):
    offered = by_name(all_networks(app.env))
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
    offered = by_name(all_networks(app.env))
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
