"""The pages are written side by side, when all have been read.

Sphinx can write pages in several processes, and reads in several when it is told to write so. Here
it reads in one, since it waits for the kernels of parallel_execution; so it is told in between.
What a page leaves behind while it is written must lie in files: the processes do not share memory.
"""

import gc
import os

PIECES = 2  # for each core: pages differ in length, and a core that is done takes the next piece


def write_side_by_side(app, env):
    cores = os.cpu_count() or 1
    if cores > 1:
        gc.freeze()  # else each process looks through all that was read, and so copies it
        app.parallel = 1 + PIECES * cores  # one process hands out the pages


def setup(app):
    app.connect("env-updated", write_side_by_side)
    return {"parallel_read_safe": True}
