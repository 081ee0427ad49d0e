# Two commands do everything: `make demo` and `make test`. PYTHON=python3.12 chooses another interpreter.
# TORCH=cpu takes PyTorch without CUDA on Linux, TORCH=cuda with it; scripts/install_torch.sh chooses where nothing is said.
# uv installs where it is on the PATH, else pip does; `make UV= …` means pip in any case.
UV ?= $(shell command -v uv 2>/dev/null)
TORCH ?=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
# The extras that the tests use. Those for S3 and Google's storage are not among them: tests show what is said without.
EXTRAS := evaluation,http,huggingface,ray,readers,serve,train

ifneq ($(UV),)
PYTHON ?= >=3.11
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --constraint constraints.txt
else
PYTHON ?= python3
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
endif

.PHONY: help demo test test-fast lint check format docs lock clean

help:
	@echo "make demo       install, ingest the six ship documents, ask the two reference questions"
	@echo "make test       install, run the tests, in two processes"
	@echo "make test-fast  the tests that are not marked slow, in two processes"
	@echo "make lint       ruff and mypy"
	@echo "make check      lint, then test"
	@echo "make format     ruff's fixes and format"
	@echo "make docs       the documentation as a site, in site/"
	@echo "make lock       constraints.txt again, after the dependencies changed (needs uv)"
	@echo "make clean      remove .venv and what the tools leave"

demo: .venv/.runtime
	@sh scripts/demo.sh

test: .venv/.dev
	$(PYTEST) -n 2 --dist loadfile

test-fast: .venv/.dev
	$(PYTEST) -m "not slow" -n 2 --dist loadfile

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.dev
	$(BIN)/python scripts/command_help.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Pins stay as they are unless UPGRADE says otherwise. The CUDA packages are left out, as is the "+cpu" of a build: torch
# names the exact versions it wants, and its other builds want others or none.
lock:
	@test -n "$(UV)" || { echo "error: make lock needs uv on the PATH" >&2; exit 2; }
	$(UV) pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --quiet \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links $(UPGRADE) --output-file constraints.txt
	grep -vE '^(cuda|nvidia)-|^triton==' constraints.txt | sed 's/^\(torch==[0-9.]*\)+[a-z0-9.]*/\1/' > constraints.new
	mv constraints.new constraints.txt

clean:
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
ifneq ($(UV),)
	$(UV) venv --quiet --clear --seed --python '$(PYTHON)' .venv
else
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or later is needed, found $$($(PYTHON) --version 2>&1); try: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
endif

.venv/.torch: | .venv/bin/python
	@sh scripts/install_torch.sh '$(TORCH)' '$(TORCH_INDEX)' $(BIN)/python $(INSTALL)
	@touch $@

.venv/.runtime: pyproject.toml constraints.txt | .venv/.torch
	@echo "Installing the pinned dependencies into .venv (once, a few minutes) ..." >&2
	$(INSTALL) --editable .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/.torch
	@echo "Installing the pinned dependencies into .venv (once, a few minutes) ..." >&2
ifeq ($(UV),)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'  # which knows dependency groups
endif
	$(INSTALL) --editable '.[$(EXTRAS)]' --group dev
	@touch $@ .venv/.runtime
