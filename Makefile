# Everything below runs inside .venv, which is made when it is missing or when the lock file changed.
# Only Python 3.11 or 3.12 and pip have to be there beforehand.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3,$(shell command -v $(name) 2>/dev/null)))
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PORT   ?= 8000

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export OMP_NUM_THREADS ?= 1

.PHONY: help book test serve bench mutants sweep lint format lock notebooks chromium clean
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || \
	  { echo "Python 3.11 or 3.12 is needed; name one with 'make PYTHON=/path/to/python3.11 ...'."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

book: $(STAMP) ## build the book (executes what changed) and say where it is
	@$(BIN)/python tools/build_book.py

test: lint chromium ## lint, build the book, run every test, notebooks included
	@$(BIN)/python tools/build_book.py
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-sanitize-with tests/nbval_sanitize.cfg book

serve: book ## serve the book at http://localhost:$(PORT)
	@echo "Serving at http://localhost:$(PORT)/ (stop with Ctrl-C)"
	@$(BIN)/python -m http.server $(PORT) --bind localhost --directory _build/html

bench: $(STAMP) ## side-by-side timings against other packages
	@set -e; for script in $(sort $(wildcard bench/*.py)); do echo "== $$script"; $(BIN)/python $$script; done
	@test -n "$(wildcard bench/*.py)" || echo "No timing is written yet: bench/ holds no script."

mutants: $(STAMP) ## put faults into the package and see which claims and tests notice
	@$(BIN)/python tools/mutants.py

sweep: $(STAMP) ## run the stored experiments whose rows are missing
	@$(BIN)/ppkit sweep run

lint: $(STAMP) ## style, which way imports run, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

notebooks: $(STAMP) ## execute every notebook in place, outputs cleaned for committing
	@find book -name '*.ipynb' -not -path '*/.ipynb_checkpoints/*' | sort | \
	  xargs -P 2 -n 1 $(BIN)/python -m nbconvert --log-level WARN --config tools/nbconvert_config.py

lock: $(STAMP) ## resolve pyproject.toml anew into requirements.lock
	@$(BIN)/python tools/lock.py

chromium: ## the browser that the page tests drive
	@sh tools/find_chromium.sh >/dev/null || sh tools/install_chromium.sh

clean: ## remove what was built (not .venv)
	rm -rf _build build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .coverage
