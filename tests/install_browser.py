"""Make sure there is a Chromium for the browser tests: the system's, or Playwright's own.

Run by `make test`. Without one the browser tests are skipped; in CI they fail instead.
"""

import os
import subprocess
import sys

from browser import find_chromium

if __name__ == "__main__" and find_chromium() is None:
    print("no Chromium found: asking Playwright for one")
    installed = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if find_chromium() is None:
        print("the browser tests need Chromium, and Playwright could not get it", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") else 0)
