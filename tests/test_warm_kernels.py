"""Kernels that are forks: as good as those that Jupyter starts, apart from each other, and gone."""

import os
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from scratchmnist_book.warm_kernels import POSSIBLE, warm_kernels

pytestmark = pytest.mark.skipif(not POSSIBLE, reason="kernels are forked on Linux only")


def run(folder, *sources):
    """What the cells print, in a `python3` kernel."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],
    )
    client.execute(env=os.environ | {"OF_THE_KERNEL": "1"})
    return ["".join(out.get("text", str(out)) for out in cell.outputs) for cell in notebook.cells]


LOADED = "import sys; print('torch' in sys.modules)"
SURROUNDINGS = """import os, signal, sys
print(os.getcwd(), os.environ.get("OF_THE_KERNEL"), os.environ["MPLBACKEND"], sys.path, __name__)
print(signal.getsignal(signal.SIGCHLD), sys.stdin.closed, os.read(0, 1), sys.argv[1:2])
print(input.__name__, sorted(get_ipython().user_ns_hidden)[:5])"""
FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"
CHILD = "import subprocess\nprint(subprocess.run(['false']).returncode)"
COMPUTE = """import torch
torch.manual_seed(0)
print(torch.get_num_threads(), torch.randn(3), (torch.randn(50, 50) @ torch.randn(50, 50)).sum())"""


def test_a_fork_is_like_any_other_kernel(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)
    cells = [SURROUNDINGS, FIGURE, CHILD, COMPUTE]
    ordinary = run(tmp_path, LOADED, *cells)
    with warm_kernels():
        fork = run(tmp_path, LOADED, *cells)
    assert (ordinary[0], fork[0]) == ("False\n", "True\n")
    assert fork[1:] == ordinary[1:]
    assert str(tmp_path) in fork[1]
    assert "image/png" in fork[2]
    assert fork[3] == "1\n"
    assert "JUPYTER_PATH" not in os.environ
    assert run(tmp_path, LOADED) == ["False\n"]


def test_forks_share_nothing_and_end_with_their_kernel(tmp_path):
    mark = "import scratchmnist; print(hasattr(scratchmnist, 'mark')); scratchmnist.mark = 1"
    with warm_kernels() as process:
        assert [run(tmp_path, mark), run(tmp_path, mark)] == [["False\n"], ["False\n"]]
        with pytest.raises(DeadKernelError):
            run(tmp_path, "import os; os._exit(3)")
        of_it = psutil.Process(process.pid)
        wait_until(lambda: not of_it.children())
        assert of_it.num_threads() == 1  # a fork takes only one along


def test_forks_end_when_the_command_or_the_build_is_killed(tmp_path):
    from jupyter_client.manager import start_new_kernel

    with warm_kernels() as process:
        of_it = psutil.Process(process.pid)
        for killed in ("command", "process"):
            manager, client = start_new_kernel(cwd=str(tmp_path))
            (fork,) = of_it.children()
            asking = [p for p in psutil.Process().children() if "ask" in p.cmdline()]
            assert len(asking) == 1
            (asking[0] if killed == "command" else of_it).kill()
            if killed == "process":
                process.stdin.close()  # as the end of the build does
            wait_until(lambda fork=fork: not fork.is_running() or fork.status() == "zombie")
            assert asking[0].wait(10) is not None
            client.stop_channels()
            manager.cleanup_resources()


LEFT = """import atexit, os, tempfile
from pathlib import Path
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "left")
path.touch()
atexit.register(Path("said").write_text, "the end")
print(path)"""


def test_a_fork_cleans_up_as_it_ends(tmp_path):
    with warm_kernels():
        for _ in range(4):
            (path,) = run(tmp_path, LEFT)
            wait_until(lambda path=path: not Path(path.strip()).parent.exists())
            wait_until((tmp_path / "said").exists)
            (tmp_path / "said").unlink()


def wait_until(holds, seconds=20):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


TRY = """try:
    import scratchmnist
except RuntimeError as error:
    print(error)"""


def test_what_cannot_be_imported_is_the_pages_own_fault(tmp_path, monkeypatch):
    (tmp_path / "scratchmnist.py").write_text("raise RuntimeError('broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with warm_kernels():
        said = run(Path.home(), TRY)
    assert said == ["broken\n"]
