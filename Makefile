# Saxaul on a laptop. `make` alone says what there is.

PYTHON ?= python3
PORT ?= 4566
VENV := .venv
BIN := $(VENV)/bin
BENCHMARKS = $(patsubst benchmarks/%.py,%,$(shell grep -l '^if __name__ == "__main__"' benchmarks/*.py))
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help run env up down story seed export reconcile recount dead-letters replay screenshot bench test test-long
.PHONY: check build deploy connect clean

help: ## say what there is
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

run: env ## set up, deploy, and watch a bus ride become a tree
	@$(MAKE) --no-print-directory up story

env: ## install what everything below needs
	@$(MAKE) --no-print-directory --silent -j2 $(VENV)/installed .local/ministack/installed

up: env ## start the laptop stack, or bring it up to date (PORT=4566)
	@$(BIN)/python -m local.stack up --port $(PORT)

down: env ## end every process of the laptop stack
	@$(BIN)/python -m local.stack down

story: env ## tell the story on real calls
	@$(BIN)/python -m local.story

# These work against the laptop stack, or against one that `make connect` wrote down, by its name.
seed export reconcile recount dead-letters replay: export SAXAUL_STACK = $(STACK)

seed: env ## write a catalog through the API (FOLDER=catalog, STACK=, FORCE=1 over what an operator changed)
	@$(BIN)/python -m local.seed $(if $(FOLDER),"$(FOLDER)") $(if $(FORCE),--force)

export: env ## write the stack's catalog into files that seed another stack (FOLDER=)
	@test -n "$(FOLDER)" || { echo "Name a folder: make export FOLDER=my-catalog"; exit 1; }
	@$(BIN)/python -m local.export "$(FOLDER)"

reconcile: env ## prove that every point, sapling and order of the ledger adds up
	@$(BIN)/python -m operations.reconcile

recount: env ## count the public totals afresh from the ledger (MEND=1 adds what is missing)
	@$(BIN)/python -m operations.recount $(if $(MEND),--mend)

dead-letters: env ## look into a dead-letter queue (DO="list" or redrive or drop, and its options)
	@$(BIN)/python -m operations.dead_letters $(or $(DO),list)

screenshot: env ## take docs/certificate.png of the running stack (NUMBER=, needs Chromium)
	@test -n "$(NUMBER)" || { echo "Name a certificate: make screenshot NUMBER=45YW-R9YG-R3H2-Z"; exit 1; }
	@$(BIN)/python -m local.screenshot "$(NUMBER)"

replay: env ## send published bike rides through the API (FILE=trips.csv or .zip, USER_COLUMN=bikeid)
	@test -n "$(FILE)" || { echo "Name the trips: make replay FILE=trips.csv"; exit 1; }
	@$(BIN)/python -m local.replay "$(FILE)" $(if $(USER_COLUMN),--user "$(USER_COLUMN)")

bench: env ## measure, each beside another way to do it (ONLY=accrual for one of them)
	@failed=0; for name in $(or $(ONLY),$(BENCHMARKS)); do $(BIN)/python -m benchmarks.$$name || failed=1; done; exit $$failed

test: env ## run all tests, the end-to-end ones on a stack of their own
	@$(BIN)/python -m pytest

test-long: env ## look for a counterexample to the ledger for about ten minutes
	@SAXAUL_PROFILE=long $(BIN)/python -m pytest tests/proof

check: env ## ruff, mypy, and the template's linter
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam validate --lint

build: env ## build for AWS, with bytecode, and check every file of it
	@$(BIN)/python -m local.build

deploy: env ## build, check, and deploy to AWS (STACK=, REGION=, PARAMETERS='Name=value …')
	@test -n "$(STACK)" -a -n "$(REGION)" || { echo "Name the stack and its region: make deploy STACK=saxaul REGION=ap-southeast-1"; exit 1; }
	@$(BIN)/python -m local.deploy --stack "$(STACK)" --region "$(REGION)" $(if $(PARAMETERS),'$(PARAMETERS)')

connect: env ## write down how to reach a deployed stack, for the commands that take STACK= (STACK=, REGION=)
	@test -n "$(STACK)" -a -n "$(REGION)" || { echo "Name the stack and its region: make connect STACK=saxaul REGION=ap-southeast-1"; exit 1; }
	@$(BIN)/python -m local.connect --stack "$(STACK)" --region "$(REGION)"

clean: down ## remove what was installed and built
	@rm -rf $(VENV) .local .aws-sam

$(VENV)/installed: pyproject.toml layers/dependencies/requirements.txt | python-is-recent
	@echo "installing the development environment into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[verify]" --group dev --group bench
	@touch $@

.local/ministack/installed: local/ministack-requirements.txt | python-is-recent
	@echo "installing MiniStack into .local/ministack"
	@$(PYTHON) -m venv .local/ministack
	@.local/ministack/bin/python -m pip install --quiet --requirement $<
	@touch $@

.PHONY: python-is-recent
python-is-recent:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on this machine; name a Python of 3.11 or later: make run PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11; name a later one: make run PYTHON=python3.13"; exit 1; }
