"""Lighthouse's marks for the built pages: scripts/lighthouse.py [--heaviest N] [PAGE ...]

Each page is judged as on a phone and as on a desktop, by Lighthouse's own two sets of conditions.
The table has the marks for performance and, where they are not 100, the others with the reasons.
Performance depends on what else the machine does: a page below the limit is measured twice more,
and the median counts. The exit status is 1 if a page stays below a limit.

Lighthouse comes from npm (package-lock.json pins it); CHROME_PATH names another browser.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "tests")]

from browser import find_chromium  # noqa: E402
from scratchmnist_book.offline_math import node, npm_ci, version_in  # noqa: E402
from serve import PAGES, Compressing, make_server  # noqa: E402

LIGHTHOUSE = ROOT / "node_modules" / "lighthouse"
FORMS = {"phone": [], "desktop": ["--preset=desktop"]}
PERFORMANCE = {"phone": 92, "desktop": 98}
ALL_RIGHT = {
    "accessibility": "accessibility",
    "best-practices": "best practices",
    "seo": "search engines",
}
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync"""


def provide_lighthouse():
    pin = version_in(ROOT / "package.json", "devDependencies", "lighthouse")
    if version_in(LIGHTHOUSE / "package.json", "version") != pin:
        print("installing Lighthouse")
        npm_ci()


def pages_by_weight():
    """The names of the book's pages, the heaviest first: by compressed HTML."""
    files = (PAGES / "book").glob("*.html")
    return [f.stem for f in sorted(files, key=lambda f: -len(gzip.compress(f.read_bytes())))]


def judge(address, form):
    """({category: mark of 100}, [what is wrong]) of one run."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [node(), str(LIGHTHOUSE / "cli" / "index.js"), address, *FORMS[form]]
        command += ["--quiet", "--output=json", f"--output-path={report}"]
        command += [f"--only-categories=performance,{','.join(ALL_RIGHT)}"]
        command += [f"--chrome-flags={' '.join(FLAGS.split())}"]
        where = {"CHROME_PATH": find_chromium() or ""} | os.environ
        done = subprocess.run(command, env=where, capture_output=True, encoding="utf-8")
        if not report.exists():
            sys.exit(f"Lighthouse failed on {address}:\n{done.stderr}")
        said = json.loads(report.read_text(encoding="utf-8"))
    if fault := said.get("runtimeError"):
        sys.exit(f"Lighthouse could not judge {address}: {fault['message']}")
    return marks(said), wrong(said)


def marks(said):
    """Each category's mark of 100; what could not be judged has 0."""
    return {name: round(100 * (c["score"] or 0)) for name, c in said["categories"].items()}


def wrong(said):
    """The audits that count in a category that must be all right, and are not."""
    counted = [
        audit["id"]
        for name in ALL_RIGHT
        for audit in said["categories"][name]["auditRefs"]
        if audit["weight"]
    ]
    audits = said["audits"]
    return [
        audits[a]["title"]
        for a in counted
        if (audits[a]["score"] or 0) < 1
        and audits[a]["scoreDisplayMode"] not in ("notApplicable", "manual", "informative")
    ]


def judge_fairly(address, form, judge=judge):
    """As `judge`; if the first performance is below the limit, the median of three."""
    first, faults = judge(address, form)
    found = [first["performance"]]
    if found[0] < PERFORMANCE[form]:
        found += [judge(address, form)[0]["performance"] for _ in range(2)]
    return first | {"performance": round(statistics.median(found))}, faults


def too_low(found, form):
    """What in the marks of a page is below its limit."""
    low = [f"{ALL_RIGHT[name]} {found[name]}" for name in ALL_RIGHT if found[name] < 100]
    if found["performance"] < PERFORMANCE[form]:
        low.append(f"performance {found['performance']}")
    return low


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="names such as backpropagation (default: all)")
    parser.add_argument("--heaviest", type=int, help="only so many, those with the most HTML")
    options = parser.parse_args()
    provide_lighthouse()
    names = options.pages or pages_by_weight()[: options.heaviest]
    Compressing.log_message = lambda *_: None
    server = make_server(0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{'page':32}{''.join(f'{form:>9}' for form in FORMS)}")
    low = False
    for name in names:
        address = f"http://127.0.0.1:{server.server_port}/book/{name}.html"
        found = {form: judge_fairly(address, form) for form in FORMS}
        said = [
            f"{form}: {', '.join(below)} {'; '.join(faults)}".rstrip()
            for form, (of_page, faults) in found.items()
            if (below := too_low(of_page, form))
        ]
        row = "".join(f"{of_page['performance']:9}" for of_page, _ in found.values())
        print(f"{name:32}{row}  {' | '.join(said)}".rstrip(), flush=True)
        low = low or bool(said)
    server.shutdown()
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
