"""How fast is it? Run `python -m benchmarks` (or `make bench`).

    python -m benchmarks            # some minutes; prints the tables, writes _build/timings.json
    python -m benchmarks --save     # the same, and replaces the measurement that the book shows
    python -m benchmarks steps      # one part only: steps, epochs, replicas, chapter, growth, start

Everything is a ratio of things that ran in turns in one process, on one thread, on the same data
in the same batches from the same initial weights; before anything is timed, all must reach the
same loss (`tests/test_benchmarks.py` checks that alone).
"""
