# Everything a contributor runs. Needs make and Python 3.11 or newer; the rest goes into .venv by itself.
# Another interpreter: make clean, then make test PYTHON=python3.12.

PYTHON ?= python3
SCALE ?= 1
SYSTEM := jiaxing-2022
SAMPLE := sample_data/jiaxing-2022/reports.csv sample_data/jiaxing-2022/cases.csv

VENV := .venv
BIN := $(VENV)/bin
# A test that hangs shows the stacks of its threads, ends its process, and is named as failed.
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses auto --maxprocesses 4 --dist worksteal -o faulthandler_timeout=840 --timeout 900 --timeout-method thread
PIP_INSTALL := $(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo docs site page test test-all postgresql java chromium lint types fast slow fuzz bench clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-16s %s\n' "$$name" "$$text"; done

demo: $(VENV)/demo.stamp ## score the sample data of Jiaxing and print the league table
	@$(BIN)/kpi score $(SAMPLE) --system $(SYSTEM) --format table

docs: $(VENV)/demo.stamp ## write docs/systems from the definitions
	@$(BIN)/python docs/systems.py

site: export NO_MKDOCS_2_WARNING = 1
site: $(VENV)/test.stamp ## build the site of the documentation into build/site, strictly
	@$(BIN)/python -m mkdocs build --quiet --strict

page: ## bundle the program of the page from kpi/report/page/source (needs npm)
	@cd kpi/report/page/source && npm install --silent --no-audit --no-fund --no-package-lock && npm run --silent build

test: lint types fast ## lint, formatting, types and the fast tests

test-all: postgresql java chromium test slow ## the same and the slow tests

# Its tests start a server of their own; without one they are skipped, which continuous integration must not do.
postgresql: SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
postgresql: ## install the PostgreSQL server that tests of the store start, where there is none
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install --yes --no-install-recommends postgresql; }

java: SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
java: ## install the Java that tests of Spark run on, where there is none
	@command -v java >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install --yes --no-install-recommends openjdk-17-jre-headless; }

chromium: SUDO = $(if $(filter 0,$(shell id -u)),,sudo)
chromium: ## install the browser that tests of the page run, where there is none
	@command -v chromium chromium-browser google-chrome >/dev/null || { $(SUDO) apt-get update -qq && $(SUDO) apt-get install --yes --no-install-recommends chromium fonts-noto-cjk; }

lint: $(VENV)/test.stamp ## ruff: rules and formatting
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check .

types: $(VENV)/test.stamp ## mypy, strict
	@$(BIN)/python -m mypy

# The processes share the processors already: with a thread each, tests of small tables take a quarter less time. Tests
# of threads start processes with as many as they need.
fast: $(VENV)/test.stamp ## the fast tests and the doctests
	@POLARS_MAX_THREADS=1 $(PYTEST) -m 'not slow'

slow: $(VENV)/bench.stamp ## only the slow tests: packaging, servers, browsers
	@POLARS_MAX_THREADS=1 $(PYTEST) -m slow

fuzz: $(VENV)/test.stamp ## 100,000 mutated inputs and 2,000 damaged stores, about two hours
	@POLARS_MAX_THREADS=1 nice $(BIN)/python tests/fuzz/run.py --count 100000
	@nice $(BIN)/python tests/batch/endurance.py --damages 1000

# SCALE=0.1 makes every size a tenth; below that every race is held once, which only shows that it runs.
bench: $(VENV)/bench.stamp ## the benchmarks, into benchmarks/RESULTS.md
	@KPI_BENCH_SCALE=$(SCALE) $(BIN)/python -m pytest --quiet benchmarks --results benchmarks/RESULTS.md

clean: ## remove .venv, builds and caches
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --clear, so that neither an interrupted installation nor a dropped requirement survives.
$(VENV)/demo.stamp: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "No $(PYTHON) found: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed and $(PYTHON) is older: name another one, as in make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: sudo apt install $(notdir $(PYTHON))-venv" >&2; exit 1; }
	@echo "Installing into $(VENV), once ..." >&2
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP_INSTALL) --editable '.[excel]'
	@touch $@

# After the demo's, never beside it: two pips in one environment break each other under make -j.
$(VENV)/test.stamp: $(VENV)/demo.stamp
	@echo "Installing the test tools, once ..." >&2
	@$(PIP_INSTALL) --editable '.[test]'
	@touch $@

$(VENV)/bench.stamp: $(VENV)/test.stamp
	@echo "Installing what the benchmarks compare with, once ..." >&2
	@$(PIP_INSTALL) --editable '.[bench]'
	@touch $@
