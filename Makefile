# Every command of the project. `make` alone lists them.

PYTHON ?= python3
PORT ?= 4566
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= logical
IN_PARALLEL = --numprocesses $(WORKERS) --dist loadscope
BENCHMARKS = $(patsubst benchmarks/%.py,%,$(shell grep -l '^if __name__ == "__main__"' benchmarks/*.py))
export SAM_CLI_TELEMETRY := 0

.DEFAULT_GOAL := help
.PHONY: help run env up clock down story seed apps secret export status reconcile recount dead-letters app-actions take-back replay viewer pictures openapi bench
.PHONY: test test-fast test-long check release-contract build deploy rollback connect clean

help: ## list the commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: env ## start the laptop stack, and watch a bus ride become a tree
	@$(MAKE) --no-print-directory up story

env: ## install everything that the other commands need
	@$(MAKE) --no-print-directory --silent -j2 $(VENV)/installed .local/ministack/installed

up: env ## start the laptop stack, or update the running one (PORT=4566, AT=2027-06-05T09:00, PARAMETERS='Name=value')
	@$(BIN)/python -m local.stack up --port $(PORT) $(if $(AT),--at="$(AT)") $(if $(PARAMETERS),--parameters '$(PARAMETERS)')

clock: env ## show the clock of the laptop stack, or move it forward (AT=2027-06-05T09:00 or BY=1d)
	@$(BIN)/python -m local.clock $(if $(AT),--at="$(AT)") $(if $(BY),--by="$(BY)")

down: env ## stop the laptop stack
	@$(BIN)/python -m local.stack down

story: env ## turn a bus ride into a tree on the running stack, or show the day of a campaign (DAY=world-environment-day, YEAR=, PORT=)
	@$(BIN)/python -m $(if $(DAY),local.season "$(DAY)" --port $(PORT) $(if $(YEAR),--year "$(YEAR)"),local.story)

# These work with the laptop stack, or with a deployed stack that `make connect` has recorded: STACK=<name>.
seed apps secret export status reconcile recount dead-letters app-actions take-back replay clock: export SAXAUL_STACK = $(STACK)
# The shell sets USER to the name of whoever is logged in, so USER counts only if it is given to make.
SELECTION = --app "$(APP)" --from "$(FROM)" --to "$(TO)" --reason "$(REASON)" $(if $(TYPE),--type "$(TYPE)") $(if $(filter command line,$(origin USER)),--user "$(USER)")

seed: env ## register apps and write what a stack has not of a catalog (FOLDER=catalog, STACK=; FORCE=1 writes all of it)
	@$(BIN)/python -m local.seed $(if $(FOLDER),"$(FOLDER)") $(if $(FORCE),--force)

apps: env ## list the apps and planting partners of a stack (STACK=)
	@$(BIN)/python -m local.apps list

secret: env ## make another secret of an app (APP=, OVERLAP=seconds, STACK=; AGAIN=1 replaces the newer of two)
	@test -n "$(APP)" || { echo "Name the app: make secret APP=alipay"; exit 1; }
	@$(BIN)/python -m local.apps secret "$(APP)" $(if $(OVERLAP),--overlap "$(OVERLAP)") $(if $(AGAIN),--again)

export: env ## write the apps and the catalog of a stack to files, for make seed (FOLDER=, STACK=)
	@test -n "$(FOLDER)" || { echo "Name a folder: make export FOLDER=my-catalog"; exit 1; }
	@$(BIN)/python -m local.export "$(FOLDER)"

status: env ## show on one screen how a stack is, and what to do next (JSON=1, STACK=)
	@$(BIN)/python -m operations.status $(if $(JSON),--json)

reconcile: env ## check that what was accepted is posted, and that points, saplings and orders add up (STACK=)
	@$(BIN)/python -m operations.reconcile

recount: env ## compare the public totals with the ledger (MEND=1 corrects them, STACK=)
	@$(BIN)/python -m operations.recount $(if $(MEND),--mend)

dead-letters: env ## list, redrive or delete dead letters (DO=list, redrive or drop, with options; STACK=)
	@$(BIN)/python -m operations.dead_letters $(or $(DO),list)

app-actions: env ## show what an app reported (APP=, FROM=, TO=, REASON=; TYPE=, USER=, EXPORT=folder, OUT=file, STACK=)
	@test -n "$(APP)" -a -n "$(FROM)" -a -n "$(TO)" -a -n "$(REASON)" || { echo 'Name the app, the span and the reason: make app-actions APP=fakebike FROM=2026-06-01 TO=2026-06-08 REASON="complaint 17"'; exit 1; }
	@$(BIN)/python -m operations.app_actions $(SELECTION) $(if $(EXPORT),--export "$(EXPORT)") $(if $(OUT),--out "$(OUT)")

take-back: env ## show what taking that back would change, and with YES=1 do it (the same variables; ACTIVE=1, OUT=file)
	@test -n "$(APP)" -a -n "$(FROM)" -a -n "$(TO)" -a -n "$(REASON)" || { echo 'Name the app, the span and the reason: make take-back APP=fakebike FROM=2026-06-01 TO=2026-06-08 REASON="complaint 17"'; exit 1; }
	@$(BIN)/python -m operations.take_back $(SELECTION) $(if $(YES),--yes) $(if $(ACTIVE),--active) $(if $(OUT),--out "$(OUT)")

viewer: env ## renew the files of the viewer on the API's page, a release of swagger-ui-dist (VERSION=, needs npm)
	@test -n "$(VERSION)" || { echo "Name the release: make viewer VERSION=5.35.0"; exit 1; }
	@$(BIN)/python -m local.viewer "$(VERSION)"

pictures: env ## start a stack, and make docs/run.svg and docs/certificate.png (needs Chromium)
	@$(BIN)/python -m local.pictures

replay: env ## send published bike rides through the API (FILE=trips.csv or .zip, USER_COLUMN=bikeid, STACK=)
	@test -n "$(FILE)" || { echo "Name the trips: make replay FILE=trips.csv"; exit 1; }
	@$(BIN)/python -m local.replay "$(FILE)" $(if $(USER_COLUMN),--user "$(USER_COLUMN)")

openapi: env ## write the OpenAPI document of the API from the code, with recorded calls as examples
	@$(BIN)/python -m tests.contract.record
	@$(BIN)/python -m local.openapi

bench: env ## run the benchmarks (ONLY=accrual runs one of them)
	@failed=0; for name in $(or $(ONLY),$(BENCHMARKS)); do $(BIN)/python -m benchmarks.$$name || failed=$$?; [ $$failed -lt 128 ] || break; done; exit $$failed

test: env ## run all tests, including the end-to-end tests on a separate stack, in about seventeen minutes on two cores
	@$(BIN)/python -m pytest $(IN_PARALLEL)

test-fast: env ## run the tests that need no stack and are not slow, in about two minutes
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow" tests/unit tests/client tests/contract tests/integration tests/template tests/search

test-long: env ## run the proof with many more random runs, the load tests with more users, and more generated calls
	@SAXAUL_PROFILE=long $(BIN)/python -m pytest tests/proof tests/e2e/test_chaos.py tests/e2e/test_waiting.py tests/e2e/test_burst.py tests/e2e/test_clock.py tests/e2e/test_hostile_calls.py tests/e2e/test_contract.py tests/integration/test_contract.py

check: env ## run ruff, mypy and the linter of the template
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sam validate --lint

release-contract: env ## record the API's document as the last released one, which later changes must not break
	@$(BIN)/python -m tests.contract.release

build: env ## build for AWS, and check every built file
	@$(BIN)/python -m local.build

deploy: env ## build, check and deploy to AWS (STACK=, REGION=, PARAMETERS='Name=value Name=value')
	@test -n "$(STACK)" -a -n "$(REGION)" || { echo "Name the stack and its region: make deploy STACK=saxaul REGION=ap-southeast-1"; exit 1; }
	@$(BIN)/python -m local.deploy --stack "$(STACK)" --region "$(REGION)" $(if $(PARAMETERS),'$(PARAMETERS)')

rollback: env ## bring back the last deployment that passed the check, or an earlier one (TO=, STACK=, REGION=)
	@$(BIN)/python -m local.rollback $(if $(TO),--to "$(TO)") $(if $(STACK),--stack "$(STACK)") $(if $(REGION),--region "$(REGION)")

connect: env ## record the addresses and the operators' secret of a deployed stack, for STACK= (STACK=, REGION=)
	@test -n "$(STACK)" -a -n "$(REGION)" || { echo "Name the stack and its region: make connect STACK=saxaul REGION=ap-southeast-1"; exit 1; }
	@$(BIN)/python -m local.connect --stack "$(STACK)" --region "$(REGION)"

clean: down ## remove everything that was installed or built
	@rm -rf $(VENV) .local .aws-sam

$(VENV)/installed: pyproject.toml clients/python/pyproject.toml layers/dependencies/requirements.txt | python-is-recent
	@echo "installing the development environment into $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --editable ".[verify]" --editable clients/python --group dev --group bench
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
