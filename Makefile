# `make book` and `make test` need Python 3.11 or newer, and nothing installed by hand.
# Another Python: make book PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PAGE := _build/html/index.html
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.DEFAULT_GOAL := help
.PHONY: help book test pdf epub equations expected serve lighthouse bench full lint clean distclean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

book: $(VENV)/.book  ## set up what is missing, build the book, print where it is
	$(BIN)/jb build .
	@echo
	@echo "The book: $(CURDIR)/$(PAGE)"

test: $(VENV)/.test book  ## build the book, then run every test and check every number in it
	$(BIN)/python tests/install_browser.py
	$(BIN)/python -m pytest $(ARGS)

pdf: $(VENV)/.test book  ## the whole book as one PDF
	$(BIN)/python tests/install_browser.py
	$(BIN)/python scripts/editions.py pdf

epub: $(VENV)/.test book  ## the whole book as one EPUB
	$(BIN)/python scripts/editions.py epub

equations: $(VENV)/.test  ## evaluate every printed equation and plant misprints (ARGS=--save: accept)
	$(BIN)/python tests/printed $(ARGS)

expected: $(VENV)/.test book  ## accept the numbers and figures of this build as the expected ones
	$(BIN)/python tests/test_results.py
	$(BIN)/python tests/test_drawn.py
	@git --no-pager diff --stat -- tests/expected

serve: book  ## build the book and show it at a local address
	$(BIN)/python scripts/serve.py $(PORT)

lighthouse: $(VENV)/.test book  ## Lighthouse's marks, two minutes for five pages (ARGS="--heaviest 5"; all pages else)
	$(BIN)/python tests/install_browser.py
	$(BIN)/python scripts/lighthouse.py $(ARGS)

bench: $(VENV)/.bench  ## compare the package's speed with others', some minutes (ARGS=--save: for the book)
	$(BIN)/python -m benchmarks $(ARGS)

full: $(VENV)/.book  ## compute anew what the page on all of MNIST shows, up to 20 minutes (ARGS=best: a part)
	$(BIN)/python scripts/full_mnist.py $(ARGS)

lint: $(VENV)/.test  ## check the style of the code, and the spelling
	$(BIN)/ruff check
	$(BIN)/codespell
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
