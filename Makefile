# Everything from a bare checkout with Python 3.11 or later and make.
# The oldest Python that runs: a name in PATH may lead to none, as pyenv's do.
PYTHON ?= $(or $(shell for python in python3.11 python3.12 python3.13; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done),python3)
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: run test test-fast setup dev lint format types check wheel bench soak duckdb2 docs clean help

run: setup  ## the main job: UI on http://127.0.0.1:3000, everything on (UPSTREAM=simulated: no internet)
	@exec $(BIN)/market-assets run

test: dev  ## the whole test suite; four at a time, because many wait for sockets and locks
	$(BIN)/python -m pytest -n 4 --dist worksteal

test-fast: dev  ## while working: what needs no processes and no runs of Dagster, under 90 seconds
	$(BIN)/python -m pytest -n 4 --dist worksteal -m "not soak and not slow"

setup: $(VENV)/.installed  ## .venv with what is pinned, the data folder, Dagster's home
	@$(BIN)/market-assets setup >/dev/null

dev: $(VENV)/.installed-dev  ## setup, and what tests, lint and types need

lint: dev  ## ruff: lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: dev  ## ruff: mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: dev  ## mypy --strict
	$(BIN)/mypy

check: lint types test  ## what CI runs

wheel: dev  ## dist/*.whl: the package with all that it needs
	$(BIN)/python -m hatchling build -t wheel

bench: dev  ## the benchmarks of docs/performance.md, about 20 minutes
	$(BIN)/python -m benchmarks

soak: dev  ## long kill, disk and outage tests, and other examples for the properties
	HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -m "soak or hypothesis" --timeout=3600

duckdb2: dev  ## the store's tests on DuckDB 2
	$(PYTHON) -m venv .venv-duckdb2
	.venv-duckdb2/bin/pip install -q -r requirements.lock -r requirements-dev.lock
	.venv-duckdb2/bin/pip install -q --no-deps -e . 'duckdb>=2,<3'
	.venv-duckdb2/bin/python -m pytest market_assets_tests/storage

docs: dev  ## generated parts of the docs
	$(BIN)/python scripts/docs.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name it: make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements-dev.lock
	@touch $@

clean:  ## the virtual environments and caches; data stays
	rm -rf .venv .venv-* dist .mypy_cache .ruff_cache .pytest_cache

help:
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/	/'
