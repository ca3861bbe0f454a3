"""Kernels that need not import PyTorch: copies of one process that has imported it.

A kernel needs two seconds of a core before its page's first cell is done, nearly all of them for
imports, and every page has its own kernel. Here one process imports what nearly every page imports,
and does nothing else. When Jupyter starts a kernel, the process forks: the copy becomes the kernel.
What a page does stays in its copy, as ever.

Jupyter starts a kernel with a command. Here that is `python warm_kernels.py ask`: it asks for a
copy and ends when the copy ends. The copy ends when the command does, or when the build does.

On Linux only: elsewhere the libraries do not promise to survive a fork, and kernels start as usual.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

IMPORTED = (
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.debugger"),
    *("scratchmnist", "scratchmnist.pages.figures"),
    *("matplotlib.pyplot", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"),
    *("scipy.special", "torch.fx.experimental.symbolic_shapes"),  # torch.testing wants the latter
)
POSSIBLE = sys.platform == "linux"


@contextlib.contextmanager
def warm_kernels():
    """Within this, a `python3` kernel of Jupyter is a fork; gives the process to be forked."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/door")
        door.listen()  # whoever asks too early waits
        command = [sys.executable, __file__, "serve", str(door.fileno())]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, pass_fds=[door.fileno()], start_new_session=True
        )
        spec = Path(folder, "kernels", "python3", "kernel.json")
        spec.parent.mkdir(parents=True)
        ask = [sys.executable, "-I", "-S", __file__, "ask", door.getsockname()]
        about = {
            "argv": [*ask, "-f", "{connection_file}"],
            "display_name": "",
            "language": "python",
            "interrupt_mode": "message",
        }
        spec.write_text(json.dumps(about))
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [folder, before]))
        try:
            yield process
        finally:
            os.environ.pop("JUPYTER_PATH")
            if before is not None:
                os.environ["JUPYTER_PATH"] = before
            process.stdin.close()  # which ends it and its copies
            process.wait()


def ask(address, *arguments):
    """The command of a kernel."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(address)
        request = {"folder": os.getcwd(), "environment": dict(os.environ), "arguments": arguments}
        line.sendall(json.dumps(request).encode() + b"\n")
        line.recv(1)  # nothing comes but the end


def serve(door):
    """The process to be forked; door: the number of a listening socket."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"  # as a kernel sets it
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"  # the debugger that a kernel imports warns
    del sys.path[0]  # this folder
    for name in IMPORTED:
        with contextlib.suppress(Exception):  # the page that imports it will say what is wrong
            importlib.import_module(name)
    gc.freeze()  # no copy need look for garbage among what all share
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    door = socket.socket(fileno=int(door))
    while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:
        line, _ = door.accept()
        if os.fork() == 0:
            door.close()
            return become_kernel(line)
        line.close()


def become_kernel(line):
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(line.makefile().readline())
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    lifelines = [line, os.dup(sys.stdin.fileno())]
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), sys.stdin.fileno())

    def end_with_the_others():
        select.select(lifelines, [], [])
        os._exit(1)

    threading.Thread(target=end_with_the_others, daemon=True).start()
    from ipykernel.kernelapp import IPKernelApp

    # the handle of 1 stands for "no parent to watch"
    IPKernelApp.launch_instance([*request["arguments"], "--IPKernelApp.parent_handle=1"])
    # What is left is done by hand: to take the libraries down would cost half a second.
    IPKernelApp.instance().control_thread.join(10)  # it still tells that the kernel has ended
    atexit._run_exitfuncs()  # temporary folders vanish
    os._exit(0)


if __name__ == "__main__":
    {"ask": ask, "serve": serve}[sys.argv[1]](*sys.argv[2:])
