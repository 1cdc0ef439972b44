# `make` lists the targets. Once the environment is installed, only `lock` needs the network.
PYTHON ?= python3
VENV ?= .venv
WORKSPACE ?= workspace
WORKERS ?= 4
PROFILE ?= core

BIN := $(VENV)/bin
COMPOSE := docker compose --project-directory docker --profile
PYTEST := -m pytest --numprocesses auto --maxprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder # what a file shares is made once
FAST := $(addprefix tests/,customers recommendations segments transactions/test_checks.py transactions/test_clean.py transactions/test_source.py \
	test_settings.py)

MAKEFLAGS += --no-builtin-rules --no-print-directory
unexport PYTHONDONTWRITEBYTECODE # without byte code every start is several times slower

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run test check lint types directions fast airflow up down bench bench-quick docs lock format clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: $(VENV)/installed ## Segment the sample shop and say where the report is
	$(BIN)/clientage run sample --workspace "$(WORKSPACE)"
	@echo "open        $(abspath $(WORKSPACE))/report.html"

test: $(VENV)/installed-dev ## Every test, at least 90% of the lines covered
	$(BIN)/python -m slipcover --json --out $(VENV)/coverage.json $(PYTEST)
	$(BIN)/python -m slipcover --merge $(VENV)/coverage.json --out $(VENV)/coverage.json --fail-under 90

check: lint types directions fast ## What to run before a commit: all of the next four

lint: $(VENV)/installed-dev ## Style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(VENV)/installed-dev ## Types, strictly
	$(BIN)/mypy

directions: $(VENV)/installed-dev ## Which part may import which
	$(BIN)/lint-imports --no-logo

fast: $(VENV)/installed-dev ## The tests of single parts: reading, cleaning, features, segments, offers, settings
	$(BIN)/python $(PYTEST) --quiet -m "not slow and not real" $(FAST)

airflow: $(VENV)/installed ## Airflow with the DAGs, on this machine: http://127.0.0.1:8090
	CLIENTAGE_BIN=$(abspath $(BIN)/clientage) airflow/local

up: ## All of it in containers, see docs/containers.md: PROFILE=core or full
	docker/check-env docker/.env
	$(COMPOSE) $(PROFILE) build check
	$(COMPOSE) $(PROFILE) up --build --detach

down: ## End the containers; their data stays
	$(COMPOSE) '*' down

bench: $(VENV)/installed-dev ## Measure speed and memory, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks --json benchmarks/figures.json --page docs/benchmarks.md
	$(BIN)/python -m benchmarks --quick --json benchmarks/quick.json # other work, so other ratios

bench-quick: $(VENV)/installed-dev ## What has become slower, in three minutes
	$(BIN)/python -m benchmarks --quick --against benchmarks/quick.json

docs: $(VENV)/installed-dev ## Renew what is generated in the pages, and build the site into site/
	$(BIN)/python docs/generate.py
	$(BIN)/zensical build --strict --clean

format: $(VENV)/installed-dev ## Put the code in order
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: $(VENV)/installed-dev ## Renew constraints.txt with the newest versions that fit
	$(BIN)/uv pip compile pyproject.toml --extra all --extra dev --universal --python-version 3.11 --strip-extras \
		--upgrade --no-header --no-annotate --quiet --output-file constraints.new
	@! grep -nE '://|--|@|^[./]' constraints.new || { echo "constraints.new holds an address or a path"; exit 1; }
	@sed -E -e "s/( and)? ?python_full_version < '3.14' and sys_platform != 'win32'( and)?//; s/ and sys_platform != 'win32'//" \
		-e 's/ ;$$//; s/ ; +/ ; /' constraints.new >constraints.txt # markers that hold wherever Clientage runs
	@rm constraints.new

clean: ## Remove the environment, caches and what was built; workspaces stay
	rm -rf "$(VENV)" site build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
		f"Python 3.11, 3.12 or 3.13 is needed, $(PYTHON) is {sys.version.split()[0]}. Name one: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv "$(VENV)"

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt uv # much faster with so much to install
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[dev]'
	@touch $@ $(VENV)/installed
