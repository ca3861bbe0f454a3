"""What a page's cells hand over to the whole book, each thing under a name of its own.

A cell does so in an output that the page does not show (`hand_over` in
src/scratchmnist/pages/results.py). MyST-NB writes these outputs to one JSON file a page. Of each
kind of thing the environment keeps {page: {name: thing}}: numbers (results.py), networks
(networks.py).
"""

import json
from pathlib import Path


def of_all_pages(env, kind):
    """{page: {name: thing}} of one kind, by the name that it has in the environment."""
    if not hasattr(env, kind):
        setattr(env, kind, {})
    return getattr(env, kind)


def by_name(pages):
    return {name: thing for things in pages.values() for name, thing in things.items()}


def hidden_outputs(env):
    """{name: what stands in its output} of the page that has just been read, or None."""
    if not getattr(env, "nb_metadata", {}).get(env.docname, {}).get("glue"):
        return None
    file = Path(env.mystnb_config.output_folder, f"{env.docname}.glue.json")
    outputs = json.loads(file.read_text(encoding="utf-8"))
    return {name: output["metadata"]["scrapbook"] for name, output in outputs.items()}


def on_several_pages(pages):
    """{name: "one page and another"} of the names that are not unique."""
    pages_of = {}
    for page, things in sorted(pages.items()):
        for name in things:
            pages_of.setdefault(name, []).append(page)
    return {name: " and ".join(pages) for name, pages in pages_of.items() if len(pages) > 1}
