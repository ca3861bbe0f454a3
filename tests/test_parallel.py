"""Training on several processes: real ones, on this machine's loopback. None may be left behind."""

import os
import pickle
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import parallel_worker as worker
import psutil
import pytest
import torch
from parallel_worker import CASES, JOBS, PATIENCE

from scratchmnist import fit, init_layers, load, load_mnist, save
from scratchmnist.files.models import read_tensors
from scratchmnist.parallel import all_reduce_mean, fit_parallel, place, sweep

WORKER = Path(worker.__file__)
STARTING = 40  # seconds that processes may take to start on a busy machine
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


class Ended(NamedTuple):
    code: int
    said: str
    seconds: float


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def environment(**changes):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GLOO", "MASTER"))}
    return clean | {"OMP_NUM_THREADS": "1"} | {name: str(value) for name, value in changes.items()}


def start(task, folder, count, ranks=None, port=None, patience=PATIENCE):
    """`count` processes, or only some `ranks` of them; what each said, when all have ended."""
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1"}
    shared["MASTER_PORT"] = port or free_port()
    running = [
        subprocess.Popen(
            [sys.executable, WORKER, task, folder, str(patience)],
            env=environment(RANK=rank, **shared),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        )
        for rank in (range(count) if ranks is None else ranks)
    ]  # fmt: skip
    begin, ended = time.monotonic(), []
    try:
        for process in running:
            said, _ = process.communicate(timeout=STARTING + 4 * PATIENCE)
            ended.append(Ended(process.returncode, said, time.monotonic() - begin))
    finally:
        for process in running:
            process.kill()
    return ended


def left_behind(folder):
    """Processes whose command names this folder."""
    return [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in process.info["cmdline"] or [])
    ]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def tensors_of(file):
    return read_tensors(file)[0]


# --- alone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_alone_it_is_fit_to_the_last_bit(case):
    ours, theirs = worker.run(case), worker.run(case, fit=fit)
    assert same(ours, theirs)
    assert all(ours[name].dtype == theirs[name].dtype for name in ours)


def test_shares_that_do_not_add_up_are_refused():
    with pytest.raises(ValueError, match=r"must add up to 1; got 0\.75"):
        all_reduce_mean([torch.ones(2)], share=0.75)


def test_a_place_that_cannot_be_is_refused(monkeypatch):
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ValueError, match=r"got RANK=2, WORLD_SIZE=2"):
        place()


# --- snapshots ------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["uneven", "float32", "replicas, each with its order"])
def test_a_run_that_goes_on_is_the_run_that_did_not_stop(case, tmp_path):
    file, seen = tmp_path / "run.safetensors", []
    for epochs in (1, 2, 5):
        resumed = worker.run(
            case, epochs=epochs, snapshot=file, after_epoch=lambda epoch, *_: seen.append(epoch)
        )
    assert same(resumed, worker.run(case, epochs=5))
    assert seen == [1, 2, 3, 4, 5]  # no epoch twice
    assert list(tmp_path.iterdir()) == [file]


def test_a_run_stopped_within_an_epoch_repeats_that_epoch(tmp_path):
    class Stopped(Exception):
        pass

    def stop():
        raise Stopped

    file = tmp_path / "run.safetensors"
    with pytest.raises(Stopped):
        worker.run("uneven", snapshot=file, loss=worker.at_call(17, stop))
    assert same(worker.run("uneven", snapshot=file), worker.run("uneven"))


def test_the_network_need_not_lie_in_memory_as_it_will_when_read(tmp_path):
    layers, arguments = CASES["float32"]
    layers = [worker.parallel.Layer(weights.contiguous(), bias) for weights, bias in layers]
    whole = worker.flat(*fit_parallel(layers, **arguments))
    for epochs in (1, 2):
        run = fit_parallel(
            layers, **arguments | {"epochs": epochs}, snapshot=tmp_path / "run.safetensors"
        )
    assert same(worker.flat(*run), whole)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"lr": 0.25}, "lr differ"),
        ({"batch_size": 5}, "batch_size differ"),
        ({"seed": 1}, "seed differ"),
        ({"train": worker.digits(53, 9)}, "train differ"),
        ({"valid": None}, "valid differ"),
        ({"layers": worker.network(worker.D, 5, 10, seed=7)}, "first weights differ"),
        ({"layers": worker.network(worker.D, 6, 10)}, "sizes, first weights differ"),
        ({"epochs": 1}, "holds a run of 2 epochs, and epochs=1 were asked for"),
    ],
)
def test_a_snapshot_of_another_run_is_refused(changes, named, tmp_path):
    layers, arguments = CASES["uneven"]
    settings = {"layers": layers, **arguments, "snapshot": tmp_path / "run.safetensors"}
    fit_parallel(**settings | {"epochs": 2})
    before = settings["snapshot"].read_bytes()
    with pytest.raises(ValueError, match=named):
        fit_parallel(**settings | changes)
    assert settings["snapshot"].read_bytes() == before


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda file: save(init_layers([3, 2], 0), file), "is no scratchmnist snapshot"),
        (lambda file: file.write_bytes(pickle.dumps([1])), "is a pickle"),
        (lambda file: file.write_bytes(b"half a snapshot"), "no safetensors file, or damaged"),
    ],
    ids=["a network", "a pickle", "damaged"],
)
def test_another_file_is_no_snapshot(write, said, tmp_path):
    write(tmp_path / "run.safetensors")
    with pytest.raises(ValueError, match=said):
        worker.run("uneven", snapshot=tmp_path / "run.safetensors")


# --- sweeps ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The folder and the results of a sweep by one process."""
    folder = tmp_path_factory.mktemp("swept")
    return folder, sweep(JOBS, worker.block, folder)


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.mark.parametrize("count", [2, 3, 9])
def test_a_sweep_has_the_same_bits_whatever_the_cut(count, swept, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", str(count))
    for rank in reversed(range(count)):  # one after the other, as a scheduler may do it
        monkeypatch.setenv("RANK", str(rank))
        results = sweep(JOBS, worker.block, tmp_path)
        missing = [number for number, result in enumerate(results) if result is None]
        assert missing == [n for n in range(len(JOBS)) if n % count < rank]
    assert contents(tmp_path) == contents(swept[0])
    assert all(same(one, other) for one, other in zip(results, swept[1]))


def test_a_sweep_goes_on_where_it_stopped(swept, tmp_path):
    done = []

    def run_until_the_third(**job):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(job)
        return worker.block(**job)

    with pytest.raises(KeyboardInterrupt):
        sweep(JOBS, run_until_the_third, tmp_path)
    assert len(contents(tmp_path)) == 2
    done.clear()
    sweep(JOBS, lambda **job: done.append(job) or worker.block(**job), tmp_path)
    assert done == JOBS[2:]
    assert contents(tmp_path) == contents(swept[0])


def test_results_of_another_sweep_are_refused(swept):
    with pytest.raises(ValueError, match=r"job-0000.*rate differ"):
        sweep([{"rate": 0.3, "seeds": [0, 1, 2]}], worker.block, swept[0])


# --- several --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[2, 4])
def together(request, tmp_path_factory):
    """All cases by 2 and by 4 processes: the folder, and each one's results."""
    folder = tmp_path_factory.mktemp("together")
    ended = start("all_cases", folder, request.param, patience=STARTING)
    assert [one.code for one in ended] == [0] * request.param, ended
    assert not left_behind(folder)
    return folder, [tensors_of(folder / f"rank-{rank}.safetensors") for rank in range(len(ended))]


def case_of(results, case):
    return {
        name.partition(" / ")[2]: tensor
        for name, tensor in results.items()
        if name.startswith(f"{case} / ")
    }


@pytest.mark.parametrize("case", CASES)
def test_shards_together_are_the_whole_batch(case, together):
    found, alone = case_of(together[1][0], case), worker.run(case, fit=fit)
    assert found.keys() == alone.keys()
    for name in alone:
        exact = alone[name].dtype == torch.float64 and "accuracy" not in name
        tolerance = 1e-12 if exact else 1e-5
        torch.testing.assert_close(found[name], alone[name], rtol=tolerance, atol=tolerance)


def test_all_processes_hold_the_same_bits(together):
    first, *others = together[1]
    assert all(same(first, other) for other in others)


def test_a_sweep_by_real_processes_leaves_the_same_files(together, swept):
    assert contents(together[0] / "sweep") == contents(swept[0])


def assert_each_says(ended, folder, within):
    """Code 2 and a single line for every process, given as {rank: what it must say}."""
    for one, expected in ended:
        assert one.code == 2, one
        assert expected in one.said
        assert "Traceback" not in one.said
        assert one.seconds < STARTING + within
    assert not left_behind(folder)


def test_one_that_dies_is_missed(tmp_path):
    first, dead, third = start("one_dies", tmp_path, 3)
    assert dead.code not in (0, 2)
    lost = "waited for the others (in a sum) in vain: one of them has ended"
    assert_each_says([(first, f"process 0 of 3 {lost}"), (third, lost)], tmp_path, PATIENCE)


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Two processes with other settings, then with networks that drift, then with a slow one."""
    folder = tmp_path_factory.mktemp("refused")
    ended = start("refusals", folder, 2)
    lost = "waited for the others (in a sum) in vain"
    assert_each_says([(one, lost) for one in ended], folder, 4 * PATIENCE)
    return [one.said.splitlines() for one in ended]


def test_other_settings_are_named(refused):
    [first, other] = (lines[0] for lines in refused)
    assert first.endswith("one has others than process 0")
    assert other == "process 1 and process 0 must have the same settings and data: lr differ"


def test_networks_that_drift_apart_are_noticed(refused):
    said = "after epoch 1 the processes no longer hold the same network"
    assert all(lines[1].startswith(said) for lines in refused)


def test_one_that_falls_behind_is_waited_for_only_so_long(refused):
    assert [len(lines) for lines in refused] == [3, 3]
    assert "process 0 of 2 waited for the others (in a sum) in vain" in refused[0][2]


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = start("all_cases", tmp_path, 2, port=port)
    said = f"port {port} within {PATIENCE} s: another program has that port"
    assert_each_says([(one, said) for one in ended], tmp_path, 2 * PATIENCE)
    assert all("--standalone" in one.said for one in ended)


def test_one_that_was_never_started_is_named(tmp_path):
    [only] = start("all_cases", tmp_path, 2, ranks=[0])
    assert_each_says([(only, "a process was not started")], tmp_path, 2 * PATIENCE)


# --- torchrun -------------------------------------------------------------------------------------


def torchrun(*arguments):
    return subprocess.run(
        [*TORCHRUN, *map(str, arguments)],
        capture_output=True, encoding="utf-8", timeout=90, env=environment(),
    )  # fmt: skip


@pytest.mark.parametrize("together", [2], indirect=True)
def test_a_killed_run_started_again_ends_with_the_same_bits(together, tmp_path):
    done = torchrun("--max-restarts", 1, WORKER, "one_is_killed_once", tmp_path, STARTING)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "was killed").exists()
    for rank, uninterrupted in enumerate(together[1]):
        resumed = tensors_of(tmp_path / f"rank-{rank}.safetensors")
        assert same(resumed, case_of(uninterrupted, "uneven"))
    assert not left_behind(tmp_path)


def test_the_command_trains_data_parallel_and_speaks_once(tmp_path):
    file = tmp_path / "model.safetensors"
    done = torchrun(
        "-m", "scratchmnist", "train", "--hidden", "--batch-size", 250, "--epochs", 1,
        "--save", file, "--snapshot", tmp_path / "run.safetensors",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    head, epoch, test, saved = done.stdout.splitlines()
    assert head.endswith("lr 0.1, 2 processes")
    assert epoch.startswith("epoch   1: training loss")
    assert test.startswith("test: loss")
    assert saved == f"saved to {file}"
    digits, _ = load_mnist()
    alone, _ = fit(init_layers([784, 10], seed=0), digits, lr=0.1, epochs=1, batch_size=250)
    for ours, theirs in zip(load(file), alone):
        torch.testing.assert_close(ours.weights, theirs.weights)
        torch.testing.assert_close(ours.bias, theirs.bias)
    assert not left_behind(tmp_path)
