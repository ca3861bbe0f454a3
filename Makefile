# `make book` and `make test` need Python 3.11 or newer, and nothing installed by hand.
# Another Python: make book PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGE := _build/html/index.html
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help book test expected serve bench lint clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(VENV)/.book  ## set up what is missing, build the book, print where it is
	$(BIN)/jb build .
	@echo
	@echo "The book: $(CURDIR)/$(PAGE)"

test: $(VENV)/.test book  ## build the book, then run every test and check every number in it
	$(BIN)/python tests/install_browser.py
	$(BIN)/python -m pytest $(ARGS)

expected: $(VENV)/.test book  ## accept the numbers of this build as the expected ones
	$(BIN)/python tests/test_results.py
	@git --no-pager diff --stat -- tests/expected-results.json

serve: book  ## build the book and show it at a local address
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

bench: $(VENV)/.bench  ## compare the package's speed with others', some minutes (ARGS=--save: for the book)
	$(BIN)/python -m benchmarks $(ARGS)

lint: $(VENV)/.test  ## check the style of the code
	$(BIN)/ruff check
	$(BIN)/ruff format --diff

clean:  ## remove the built book and its cache
	rm -rf _build .pytest_cache .ruff_cache

distclean: clean  ## remove the environment too
	rm -rf $(VENV) node_modules

# One environment for everything. A stamp for each group of packages says that it is installed;
# it is out of date when the pins change, and then pip sees to what has changed.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is" \
	       "$$($(PYTHON) --version 2>&1). Name another one: make book PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.book $(VENV)/.test $(VENV)/.bench: $(VENV)/.%: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing what '$*' needs (the first time takes some minutes)"
	$(PIP_INSTALL) -e '.[$*]'
	@touch $@
