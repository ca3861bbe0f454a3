"""A process of the tests of `scratchmnist.parallel`; its arguments: TASK FOLDER PATIENCE.

Like the command line, it ends with code 2 and one line for an error that has a message.
"""

import functools
import os
import signal
import sys
import time
from pathlib import Path

import torch

from scratchmnist import Digits, cross_entropy, fit, init_layers, mse, parallel
from scratchmnist.files.models import write_tensors

PATIENCE = 3  # seconds, where waiting in vain is what is tested
D = 12


def digits(n, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(n, D, generator=generator, dtype=torch.float64).to(dtype)
    return Digits(images, torch.randint(10, (n,), generator=generator))


def network(*sizes, seed=0, dtype=torch.float64):
    return [
        parallel.Layer(weights.to(dtype), bias.to(dtype))
        for weights, bias in init_layers(sizes, seed)
    ]


# name: (initial network, arguments of fit)
CASES = {
    # 53 images in batches of 10: shards of 3, 3, 2, 2; the last batch has 3, so 4 ranks go idle
    "uneven": (
        network(D, 5, 10),
        {
            "train": digits(53, 1), "valid": digits(19, 2), "lr": 0.5, "epochs": 3,
            "batch_size": 10, "seed": 4,
        },
    ),
    "float32": (
        network(D, 5, 10, dtype=torch.float32),
        {
            "train": digits(53, 1, torch.float32), "valid": digits(19, 2, torch.float32),
            "lr": 0.5, "epochs": 2, "batch_size": 10,
        },
    ),
    "more ranks than images": (
        network(D, 10),
        {"train": digits(2, 1), "valid": digits(1, 2), "lr": 0.5, "epochs": 4, "batch_size": 2},
    ),
    "replicas, each with its order": (
        network(D, 5, 10, seed=[0, 1, 2]),
        {
            "train": digits(23, 1), "lr": torch.tensor([0.1, 0.3, 1.0]).double()[:, None, None],
            "epochs": 2, "batch_size": 10, "seed": [3, 4, 5],
        },
    ),
    "the digit as a number": (
        network(D, 1),
        {"train": digits(23, 1), "loss": mse, "lr": 0.01, "epochs": 2, "batch_size": 7},
    ),
}  # fmt: skip
JOBS = [{"rate": rate, "seeds": [0, 1, 2]} for rate in (0.01, 0.1, 0.5, 1.0, 2.0)]


def block(rate, seeds):
    """One job of a sweep: networks of one rate, trained as replicas."""
    layers, history = fit(
        init_layers([D, 8, 10], seeds), digits(40, 1, torch.float32), lr=rate, epochs=2, seed=0
    )
    return {"first": layers[0].weights, "loss": history.train_loss}


def flat(layers, history):
    """A run as tensors by their names."""
    found = {f"{n} {name}": t for n, pair in enumerate(layers) for name, t in zip("wb", pair)}
    return found | {name: t for name, t in history._asdict().items() if t is not None}


def run(case, fit=parallel.fit_parallel, **changes):
    layers, arguments = CASES[case]
    return flat(*fit(layers, **arguments | changes))


def at_call(number, what):
    """cross_entropy that does something else first, at one of its calls."""
    calls = 0

    @functools.wraps(cross_entropy)
    def loss(*arguments):
        nonlocal calls
        calls += 1
        if calls == number:
            what()
        return cross_entropy(*arguments)

    return loss


def die():
    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


# --- the tasks ------------------------------------------------------------------------------------


def all_cases(rank, folder):
    results = {f"{case} / {name}": tensor for case in CASES for name, tensor in run(case).items()}
    write_tensors(folder / f"rank-{rank}.safetensors", results, {})
    parallel.sweep(JOBS, block, folder / "sweep")


def one_dies(rank, folder):
    run("uneven", loss=at_call(9, die) if rank == 1 else cross_entropy)


def refusals(rank, folder):
    """Errors that all processes have together, one after the other, and at last a slow process."""
    exact = parallel.sgd_step
    for changes in ({"lr": 0.25 if rank == 1 else 0.5}, {"seed": 4}):
        try:
            run("uneven", **changes)
        except ValueError as error:
            print(error, flush=True)
        if rank == 1:  # from now on it drifts
            parallel.sgd_step = lambda layers, grads, lr: exact(layers, grads, lr * (1 + 1e-15))
    parallel.sgd_step = exact
    sleep = functools.partial(time.sleep, 2 * PATIENCE)
    run("uneven", loss=at_call(9, sleep) if rank == 1 else cross_entropy)


def one_is_killed_once(rank, folder):
    mark = folder / "was killed"

    def die_once():
        if rank == 1 and not mark.exists():
            mark.touch()
            die()

    results = run("uneven", loss=at_call(14, die_once), snapshot=folder / "run.safetensors")
    write_tensors(folder / f"rank-{rank}.safetensors", results, {})


TASKS = {task.__name__: task for task in (all_cases, one_dies, refusals, one_is_killed_once)}

if __name__ == "__main__":
    torch.set_num_threads(1)
    if os.environ.get("TORCHELASTIC_RESTART_COUNT") == os.environ["RANK"] == "1":
        time.sleep(3)  # the other finds the address that this one had before it was killed
    try:
        with parallel.processes(float(sys.argv[3])) as (rank, _):
            TASKS[sys.argv[1]](rank, Path(sys.argv[2]))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
