"""`python tests/printed`: the table of the printed equations."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS.parent / "book" / "_ext")]

from printed.table import main  # noqa: E402 - it needs the paths

if __name__ == "__main__":
    sys.exit(main())
