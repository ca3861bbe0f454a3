"""`make equations`: evaluate every printed equation, plant misprints in each, print the table.

With --save the table that the pages show (book/data/equations.json) and the list of misprints that
are not seen (survivors.json here, where each needs a reason) are written anew.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from scratchmnist_book.equation_marks import TABLE, digest

from printed import inline
from printed.check import evaluate, is_caught, misprints_of, printed_equations
from printed.misprints import KINDS
from printed.subjects import NOT_EVALUATED, subjects

SURVIVORS = Path(__file__).with_name("survivors.json")
SAME, MISSED = "same: ", "missed: "  # what a reason begins with
LEAST_EVALUATED, LEAST_CAUGHT = 0.97, 0.95


def work(label: str) -> dict:
    """Evaluate one equation, and every misprint of it."""
    torch.set_num_threads(1)
    latex, subject = EQUATIONS[label][1], subjects()[label]
    outcome = evaluate(label, latex, subject)
    row = {
        "digest": digest(latex),
        "steps": outcome.steps,
        "shapes": outcome.shapes,
        "comparisons": outcome.comparisons,
        "points": outcome.points,
        "trials": outcome.trials,
        "difference": outcome.difference,
    }
    planted, seen, survivors = Counter(), Counter(), []
    if not outcome.faults:
        for misprint in misprints_of(latex, subject):
            known = misprint.what in ARGUED.get(label, {})
            planted[misprint.kind] += 1
            for points in (2,) if known else (2, outcome.points):
                if is_caught(label, misprint.latex, subject, misprint.at, points):
                    seen[misprint.kind] += 1
                    break
            else:
                survivors.append(misprint.what)
    row["misprints"], row["caught"] = planted.total(), seen.total()
    return {
        "label": label, "row": row, "faults": outcome.faults, "planted": planted, "seen": seen,
        "survivors": survivors,
    }  # fmt: skip


EQUATIONS = printed_equations()
ARGUED: dict[str, dict[str, str]] = json.loads(SURVIVORS.read_text()) if SURVIVORS.exists() else {}


def results() -> tuple[list[dict], inline.Report]:
    """All equations, side by side where there are processors; the long ones first."""
    labels = sorted((set(EQUATIONS) & set(subjects())), key=lambda n: -len(EQUATIONS[n][1]))
    workers = min(os.cpu_count() or 1, 8)
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        in_lines = pool.apply_async(inline.report)
        found = list(pool.imap_unordered(work, labels))
        in_lines = in_lines.get()
    order = {label: n for n, label in enumerate(EQUATIONS)}
    return sorted(found, key=lambda result: order[result["label"]]), in_lines


def faults_of(found: list[dict]) -> list[str]:
    """Everything that is wrong: in the equations, the declarations, the two files."""
    faults = [f"{r['label']}: {fault}" for r in found for fault in r["faults"]]
    for label in sorted(set(EQUATIONS) - set(subjects()) - set(NOT_EVALUATED)):
        faults.append(f"{label} ({EQUATIONS[label][0]}): not declared in tests/printed/points_*.py")
    for label in sorted(set(subjects()) - set(EQUATIONS)):
        faults.append(f"{label}: declared, and not in the book")
    for label in sorted(set(NOT_EVALUATED) & set(subjects()) | set(NOT_EVALUATED) - set(EQUATIONS)):
        faults.append(f"{label}: said to be not evaluated, and it is, or is not in the book")
    share = len(found) / len(EQUATIONS)
    if share < LEAST_EVALUATED:
        faults.append(f"only {share:.1%} of the equations are evaluated")
    return faults


def stale(found: list[dict]) -> list[str]:
    """Where the table that the pages show is not what was found just now."""
    shown = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    faults = []
    for result in found:
        label, row = result["label"], result["row"]
        stored = shown.pop(label, None)
        if stored is None:
            faults.append(f"{label}: not in {TABLE.name}")
        elif not result["faults"]:
            rest = {k: v for k, v in row.items() if k != "difference"}
            differ = [k for k, v in rest.items() if stored.get(k) != v]
            if differ or row["difference"] > 100 * stored["difference"] + 1e-13:
                faults.append(f"{label}: {TABLE.name} says something else ({', '.join(differ)})")
    return faults + [f"{label}: in {TABLE.name}, and not evaluated" for label in shown]


def argued(found: list[dict]) -> list[str]:
    """Each misprint that is not seen has its reason, and each reason its misprint."""
    faults = []
    for result in found:
        reasons = ARGUED.get(result["label"], {})
        for what in result["survivors"]:
            if not reasons.get(what, "").startswith((SAME, MISSED)):
                faults.append(f"{result['label']}: a misprint is not seen: {what}")
        for what in set(reasons) - set(result["survivors"]):
            faults.append(f"{result['label']}: a misprint said to be unseen is seen: {what}")
    missing = set(ARGUED) - {result["label"] for result in found}
    return faults + [f"{label}: in {SURVIVORS.name}, and not evaluated" for label in missing]


def up(x: float) -> float:
    """One significant digit, rounded up."""
    if x == 0:
        return 0.0
    digit = 10.0 ** math.floor(math.log10(x))
    return float(f"{math.ceil(x / digit) * digit:.0e}")


def save(found: list[dict]) -> None:
    rows = {r["label"]: r["row"] | {"difference": up(r["row"]["difference"])} for r in found}
    lines = [f"{json.dumps(label)}: {json.dumps(row)}" for label, row in sorted(rows.items())]
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    reasons = {
        r["label"]: {what: ARGUED.get(r["label"], {}).get(what, "") for what in r["survivors"]}
        for r in sorted(found, key=lambda r: r["label"])
        if r["survivors"]
    }
    SURVIVORS.write_text(json.dumps(reasons, indent=1, ensure_ascii=False) + "\n")


def show(found: list[dict], seconds: float) -> float:
    """Print the table; the share of misprints that are seen, of those that change the value."""
    print(
        f"{'equation':32s}{'steps':>6s}{'shapes':>7s}{'compared':>9s}{'apart':>8s}{'misprints':>15s}"
    )
    page = None
    for result in found:
        row = result["row"]
        if EQUATIONS[result["label"]][0] != page:
            page = EQUATIONS[result["label"]][0]
            print(page)
        print(
            f"  {result['label']:30s}{row['steps']:6d}{row['shapes']:7d}{row['comparisons']:9,d}"
            f"{row['difference']:8.0e}{row['caught']:8d} of {row['misprints']}"
        )
    planted = sum((r["planted"] for r in found), Counter())
    seen = sum((r["seen"] for r in found), Counter())
    print()
    for kind, means in KINDS.items():
        print(f"{kind:10s}{seen[kind]:5d} of {planted[kind]:5d} seen   {means}")
    same = sum(
        ARGUED.get(r["label"], {}).get(what, "").startswith(SAME)
        for r in found
        for what in r["survivors"]
    )
    total = {key: sum(r["row"][key] for r in found) for key in ("steps", "shapes", "comparisons")}
    changed = planted.total() - same
    share = seen.total() / max(changed, 1)
    print(
        f"\n{len(found)} of {len(EQUATIONS)} equations, {total['steps']} steps, "
        f"{total['shapes']} shapes, {total['comparisons']:,} comparisons\n"
        f"{planted.total():,} misprints; {same} change no value; of the others {share:.1%} are "
        f"seen ({changed - seen.total()} are not)\n{seconds:.0f} s"
    )
    for label, reason in NOT_EVALUATED.items():
        print(f"not evaluated: {label}: {reason}")
    return share


def show_inline(report: inline.Report) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.counts.items())
    print(
        f"\n{sum(report.counts.values())} formulas in the lines of the trunk's pages: {kinds}\n"
        f"{report.planted} misprints in those evaluated, {report.caught} seen; "
        f"{len(inline.SAME)} change no value"
    )
    for page, formulas in inline.NOT_EVALUATED.items():
        for latex, reason in formulas.items():
            print(f"not evaluated: {page}: {latex}: {reason}")


def main() -> int:
    start = time.perf_counter()
    found, in_lines = results()
    if "--save" in sys.argv:
        save(found)
        ARGUED.clear()
        ARGUED.update(json.loads(SURVIVORS.read_text()))
    share = show(found, time.perf_counter() - start)
    show_inline(in_lines)
    faults = faults_of(found) + stale(found) + argued(found) + in_lines.faults
    if share < LEAST_CAUGHT:
        faults.append(f"only {share:.1%} of the misprints that change a value are seen")
    if faults:
        print(f"\n{len(faults)} faults:", *faults, sep="\n  ")
        print(
            "\nAn equation that does not hold: mend it on its page, or what is declared of it in "
            "tests/printed/points_*.py.\nA table out of date: `make equations ARGS=--save`, "
            "and look at what has changed."
        )
    return bool(faults)
