"""The command: measures, prints, writes. See the package's documentation."""

from __future__ import annotations

import os
import sys

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}
if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
    # libraries read these when they are loaded: start again with them set
    os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]],
              os.environ | ONE_THREAD)  # fmt: skip

import argparse  # noqa: E402
import importlib.metadata  # noqa: E402
import importlib.util  # noqa: E402
import json  # noqa: E402
import platform  # noqa: E402
import warnings  # noqa: E402
from pathlib import Path  # noqa: E402

import torch  # noqa: E402

from benchmarks import chapter, growth, peers, scaling  # noqa: E402
from benchmarks.measure import compare, repeat, spread, take_turns  # noqa: E402

ROOT = Path(__file__).parents[1]
SAVED = ROOT / "book" / "data" / "timings.json"  # the pages show it
SEQUENTIAL = "torch autograd, Sequential + SGD"
SIZES = {"one layer": (784, 10), "two layers": (784, 30, 10)}
PRODUCTS = "two bare products 784 wide"


def bare_products(problem: peers.Problem):
    """The part of a step that no code can leave out, as one would write it: x @ w and x.mT @ d."""
    batches = [x for x, _ in problem.batches()]
    weights = torch.rand(problem.sizes[:2])
    d_out = torch.rand(problem.batch_size, problem.sizes[1])

    def train(first, last):
        for x in batches[first:last]:
            x @ weights, x.mT @ d_out

    return train, None


def against_peers(times: dict) -> dict:
    """Everyone's times to Sequential + SGD, and ours to everyone's."""
    return {
        "peers": compare(times, to=SEQUENTIAL),
        "ours_to": {
            name: spread([a / b for a, b in zip(times["scratchmnist"], values)])
            for name, values in times.items()
        },
    }


def with_loss(losses: dict, times: dict) -> dict:
    """The loss that all reached, and their times."""
    return {"loss": round(losses["scratchmnist"].item(), 6), **against_peers(times)}


def available(peers_by_name: dict) -> dict:
    """Without the peers whose package is not installed."""
    missing = {
        name
        for name, module in {"JAX": "jax", "scikit-learn": "sklearn"}.items()
        if importlib.util.find_spec(module) is None
    }
    return {name: p for name, p in peers_by_name.items() if not name.startswith(tuple(missing))}


def steps(rounds: int) -> dict:
    """A step on batches laid out beforehand."""
    result = {}
    for kind, sizes in SIZES.items():
        for batch in (16, 256):
            problem = peers.Problem(growth.digits_of(5120), sizes, batch)
            made = {name: peer(problem) for name, peer in available(peers.STEP_PEERS).items()}
            losses = peers.final_losses(made, problem, problem.steps)
            peers.check_agreement(losses)
            made[PRODUCTS] = bare_products(problem)
            count = 40 if batch == 16 else 5

            def turn_of(train, problem=problem, count=count):
                def turn(number):
                    first = number * count % (problem.steps - count + 1)
                    train(first, first + count)
                    return count

                return turn

            times = take_turns({name: turn_of(p[0]) for name, p in made.items()}, rounds)
            result[f"{kind}, batch {batch}"] = with_loss(losses, times)
    return result


def epochs(rounds: int) -> dict:
    """A whole epoch: shuffle, fetch, train."""
    result = {}
    for kind, sizes, count, batch in (
        ("one layer", SIZES["one layer"], 5000, 16),
        ("two layers", SIZES["two layers"], 5000, 16),
        ("two layers", SIZES["two layers"], 60_000, 16),
        ("two layers", SIZES["two layers"], 60_000, 256),
    ):
        problem = peers.Problem(growth.digits_of(count), sizes, batch)
        made = {name: peer(problem) for name, peer in available(peers.EPOCH_PEERS).items()}
        losses = {}
        for name, (epoch, layers) in made.items():
            epoch(0)
            losses[name] = peers.evaluate(layers(), problem.digits)[0]
        peers.check_agreement(losses, tolerance=1e-3)  # 3,750 steps of float error
        if kind == "one layer":
            made["scikit-learn SGDClassifier"] = peers.epoch_sgd_classifier(problem)
        turns = {name: (lambda number, epoch=made[name][0]: epoch(number) or 1) for name in made}
        times = take_turns(turns, rounds if count == 5000 else max(3, rounds // 5))
        result[f"{kind}, {count:,} images, batch {batch}"] = with_loss(losses, times)
    return result


def replicas(rounds: int, count: int = 32) -> dict:
    """A step of one of 32 networks, trained together; beside it, a step of autograd alone."""
    problem = peers.Problem(growth.digits_of(5120), SIZES["two layers"], 16)
    made = {name: peer(problem, count) for name, peer in available(peers.REPLICA_PEERS).items()}
    peers.check_agreement(peers.final_losses(made, problem, 100))
    turns = {}
    for name, (train, _) in made.items():

        def turn(number, train=train):
            first = number * 16 % 304
            train(first, first + 16)
            return 16 * count

        turns[name] = turn
    alone = peers.autograd_sequential(problem)[0]

    def one_by_one(number):
        first = number * 40 % 280
        alone(first, first + 40)
        return 40

    turns[SEQUENTIAL] = one_by_one
    times = take_turns(turns, rounds)
    return {"replicas": count, **against_peers(times)}


def pictures(rounds: int) -> dict:
    """Batches out of PNG files, decoded each time, as the assignment's loaders do it."""
    import contextlib
    import io
    import itertools
    import tempfile

    from scratchmnist import export_pngs, homework_dataloaders, load_mnist, minibatches

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        loader = homework_dataloaders(export_pngs(folder)).train.new(num_workers=0)
        train, _ = load_mnist()

        def decoded(number):
            return sum(1 for _ in itertools.islice(iter(loader), 15))

        def gathered(number):
            generator = torch.Generator().manual_seed(number)
            return sum(1 for _ in minibatches(*train, 16, generator))

        turns = {"fastai, PNG files": decoded, "minibatches": gathered}
        times = take_turns(turns, 5)
    return compare(times, to="minibatches")


def numpy_and_torch(rounds: int) -> dict:
    """Where numpy by hand has its advantage: the price of a call, or the quality of a product?"""
    result = {}
    for batch in (16, 256):
        x, d_out = torch.rand(batch, 784), torch.rand(batch, 30)
        weights, as_drawn, small = torch.rand(784, 30), torch.rand(30, 784).mT, torch.rand(16, 10)
        x_np, d_np, w_np, small_np = (t.numpy() for t in (x, d_out, weights, small))
        turns = {
            "NumPy, x @ w": lambda x=x_np, w=w_np: x @ w,
            "torch, x @ w": lambda x=x, w=weights: x @ w,
            "torch, x @ w turned": lambda x=x, w=as_drawn: (w.mT @ x.mT).mT,
            "NumPy, x.T @ d": lambda x=x_np, d=d_np: x.T @ d,
            "torch, x.T @ d": lambda x=x, d=d_out: x.mT @ d,
            "torch, x.T @ d turned": lambda x=x, d=d_out: (d.mT @ x).mT,
            "NumPy, adding two arrays": lambda a=small_np: a + a,
            "torch, adding two arrays": lambda a=small: a + a,
        }
        times = take_turns({name: repeat(turn, 20) for name, turn in turns.items()}, rounds)
        result[str(batch)] = compare(times, to="torch, x @ w")
    return result


def slow_to_fast(rounds: int) -> dict:
    names = chapter.timed_cells()
    forms = take_turns(chapter.form_turns(names), rounds)
    many = take_turns(chapter.replica_turns(names), rounds)
    last = list(forms)[-1]
    return {
        "forms": compare(forms, to=last),
        "replica_forms": compare(many, to=list(many)[-1]),
        "profile": chapter.profile(names),
    }


def growing(rounds: int) -> dict:
    return {
        "machine": growth.machine_rates(rounds),
        "replicas": growth.by_replicas(max(5, rounds // 2)),
        "hidden": growth.by_hidden(rounds),
        "batch": growth.by_batch(rounds),
        "images": growth.by_images(rounds),
    }


def start(rounds: int) -> dict:
    """Processor time of a new interpreter that imports the package, or torch alone."""
    import subprocess
    from resource import RUSAGE_CHILDREN, getrusage

    def children() -> int:
        usage = getrusage(RUSAGE_CHILDREN)
        return int((usage.ru_utime + usage.ru_stime) * 1e9)

    def turn_of(module):
        command = [sys.executable, "-c", f"import {module}"]
        return lambda number: subprocess.run(command, check=True) and 1

    turns = {name: turn_of(name) for name in ("scratchmnist", "torch")}
    return compare(take_turns(turns, max(3, rounds // 5), clock=children), to="torch")


PARTS = {
    "steps": steps, "epochs": epochs, "replicas": replicas, "pictures": pictures,
    "numpy": numpy_and_torch, "chapter": slow_to_fast, "growth": growing, "start": start,
    "scaling": lambda rounds: {"about": about(), **scaling.scaling(rounds)},
}  # fmt: skip


def goals(results: dict) -> list[dict]:
    """What this project set itself as upper limits: the ratio that counts, its limit, its aim."""
    rows = []

    def goal(what, ratio, limit, aim):
        rows.append({"what": what, "ratio": ratio, "limit": limit, "aim": aim})

    for kind in SIZES if "steps" in results else ():
        ours = results["steps"][f"{kind}, batch 16"]["ours_to"]
        goal(f"{kind}, step of 16, to autograd with Sequential + SGD", ours[SEQUENTIAL], 0.55, 0.40)
        goal(f"{kind}, step of 16, to its {PRODUCTS}", ours[PRODUCTS], 3, 2)
    if "steps" in results:
        ours = results["steps"]["two layers, batch 256"]["ours_to"]
        goal("two layers, step of 256, to autograd", ours[SEQUENTIAL], 0.75, 0.60)
    if "epochs" in results:
        for kind in SIZES:
            ours = results["epochs"][f"{kind}, 5,000 images, batch 16"]["ours_to"]
            goal(f"{kind}, epoch of 5,000, to the DataLoader loop",
                 ours["torch autograd, DataLoader"], 0.42, 0.30)  # fmt: skip
        for batch in (16, 256):
            ours = results["epochs"][f"two layers, 60,000 images, batch {batch}"]["ours_to"]
            ratio = ours[SEQUENTIAL]
            goal(f"two layers, epoch of 60,000, batch {batch}, to autograd", ratio, 0.75, 0.60)
    if "replicas" in results:
        ours = results["replicas"]["ours_to"]
        goal("32 replicas, a network's step, to a step of autograd", ours[SEQUENTIAL], 0.20, 0.12)
        for rival, limit, aim in (
            ("NumPy, one wide product", 1.40, 1.0),
            ("JAX, vmap in a jitted scan", 0.85, 0.70),
        ):
            if rival in ours:
                goal(f"32 replicas, to {rival}", ours[rival], limit, aim)
    if "start" in results:
        ratio = results["start"]["scratchmnist"]["ratio"]
        goal("import scratchmnist, to import torch", ratio, 1.10, 1.0)
    return rows


def print_peers(title: str, table: dict, note: str = "") -> None:
    print(f"\n{title} {note}\n{'':34}{'us':>9}   ratio: min  median   max")
    for name, row in table.items():
        ratio = row["ratio"]
        print(f"{name:34}{row['us']['median']:9.1f}"
              f"{ratio['min']:13.3f}{ratio['median']:8.3f}{ratio['max']:8.3f}")  # fmt: skip


def print_all(results: dict) -> None:
    for part in ("steps", "epochs"):
        for title, found in results.get(part, {}).items():
            print_peers(f"{part}: {title}", found["peers"], f"(all reach loss {found['loss']})")
    if "replicas" in results:
        print_peers("32 replicas, one network's step", results["replicas"]["peers"])
    if "pictures" in results:
        print_peers("fetching a batch", results["pictures"])
    for batch, table in results.get("numpy", {}).items():
        print_peers(f"batch {batch}", table)
    if "chapter" in results:
        print_peers("slow to fast, a step", results["chapter"]["forms"])
        print_peers("slow to fast, one of 32 networks", results["chapter"]["replica_forms"])
        for row in results["chapter"]["profile"]:
            print(f"{row['group']:34}{row['us']:9.1f}")
    for axis, rows in results.get("growth", {}).items():
        if axis == "machine":
            print(f"\nthis machine: {rows}")
            continue
        for row in rows:
            us = ", ".join(f"{name} {value['median']:.1f} us" for name, value in row["us"].items())
            print(f"{axis} {row[axis]:>6}: {us}; peak {row['peak_mb']} MB")
    if "start" in results:
        print_peers("import", results["start"])
    for row in results.get("scaling", {}).get("steps", ()):
        where = f"hidden {row['hidden']}, batch {row['batch']}, processes {row['processes']}"
        print(f"{where:50}{row['us']['median']:12.1f} us")
    print(f"\n{'goal':66}{'min':>7}{'median':>8}{'max':>7}{'limit':>7}{'aim':>6}")
    for row in goals(results):
        ratio = row["ratio"]
        verdict = "" if ratio["median"] <= row["limit"] else "   MISSED"
        print(f"{row['what']:66}{ratio['min']:7.2f}{ratio['median']:8.2f}{ratio['max']:7.2f}"
              f"{row['limit']:7.2f}{row['aim']:6.2f}{verdict}")  # fmt: skip


def about() -> dict:
    def version(package):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    packages = ("torch", "numpy", "scikit-learn", "jax", "fastai")
    return {
        "cores": os.cpu_count(),
        "threads_used": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages if version(name)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"one of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--save", action="store_true", help=f"write {SAVED.relative_to(ROOT)}")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"unknown part: {', '.join(unknown)}")

    warnings.simplefilter("ignore")
    target = SAVED if arguments.save else ROOT / "_build" / "timings.json"
    results = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    results["about"] = about()
    for name in arguments.parts or PARTS:
        print(f"measuring: {name} ...", flush=True)
        results[name] = PARTS[name](arguments.rounds)
        results["goals"] = goals(results)
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print_all(results)
    print(f"\nwritten: {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
