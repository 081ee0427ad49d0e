# Two commands do everything: `make demo` and `make test`. PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test check lint format docs clean help

help:
	@echo "make demo   install, ingest the six ship documents, ask the two reference questions"
	@echo "make test   install, run the tests"
	@echo "make check  ruff, mypy, tests"
	@echo "make docs   the documentation as a site, in site/"

demo: .venv/.runtime
	@sh scripts/demo.sh

test: .venv/.dev
	$(BIN)/python -m pytest

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

clean:
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: Python 3.11 or later is needed, found $$($(PYTHON) --version 2>&1); try: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/.runtime: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the pinned dependencies into .venv (once, a few minutes) ..." >&2
	$(PIP) --editable .
	@touch $@

.venv/.dev: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing the pinned dependencies into .venv (once, a few minutes) ..." >&2
	$(PIP) --editable '.[dev]'
	@touch $@ .venv/.runtime
