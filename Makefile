# Every command of the project. `make` alone lists them, and local/help.awk says how it reads this file.

PORT ?= 4566
VENV := .venv
BIN := $(VENV)/bin
# The tests with a stack often wait, so there is a process more than processors.
ifndef WORKERS
WORKERS := $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))
endif
IN_PARALLEL = --numprocesses "$$WORKERS" --dist loadscope
BENCHMARKS = $(patsubst benchmarks/%.py,%,$(shell grep -l '^if __name__ == "__main__"' benchmarks/*.py))
HELP = awk -f local/help.awk
export SAM_CLI_TELEMETRY := 0

# Values that are given to a command reach its program through the environment, in which no shell evaluates them: a recipe
# has "$$FILE". make would evaluate a `$` in them too, so each variable is set to its very text.
GIVEN := ACTIVE AGAIN APP AT BY COMMAND DAY DO ENDPOINT EVENT EXPORT FILE FOLDER FORCE FROM FUNCTION JSON LIMIT MEND ONLY OUT \
  OVERLAP PARAMETERS PORT PROFILE PYTHON REASON REGION STACK STAGE STATIONS TO TYPE UPGRADE VERSION WORKERS YEAR YES
# The shell sets these two: to the width of the terminal, and to the name of whoever is logged in. So they count only if
# they are given to make, and then their origin is `override`.
GIVEN_TO_MAKE := COLUMNS USER
# What answers a question, or forces something, is never taken from the environment.
$(foreach name,ACTIVE FORCE MEND STAGE YES,$(if $(filter environment,$(origin $(name))),$(eval override $(name) :=)))
given = $(filter-out undefined,$(origin $(1)))
literally = $(eval override $(1) := $$(value $(1)))$(eval export $(1))
$(foreach name,$(GIVEN),$(if $(call given,$(name)),$(call literally,$(name))))
$(foreach name,$(GIVEN_TO_MAKE),$(if $(filter command line,$(origin $(name))),$(call literally,$(name))))
# The command that is asked for; make knows its name only when it runs the recipe.
export GOAL = $@

# A command that takes JSON=1 passes this to its program.
AS_JSON = $(if $(JSON),--json)

# `@$(call need,APP REASON)` ends a command whose variables are not given, with the first example of its help.
need = $(if $(call missing,$(1)),{ $(HELP) -v command="$$GOAL" -v missing="$(call missing,$(1))" Makefile >&2; exit 1; },:)
missing = $(strip $(foreach name,$(1),$(if $(strip $($(name))),,$(name))))

# These work with the laptop stack, or with a stack that `make deploy` or `make connect` has recorded: STACK=<name>.
story status apps invoke replay: export SAXAUL_STACK = $(STACK)
seed export secret reconcile recount dead-letters logs workers app-actions take-back: export SAXAUL_STACK = $(STACK)
# There `make clock` only says that a deployed stack has no clock of its own.
clock: export SAXAUL_STACK = $(STACK)

# `@$(call laptop_only)` ends a command that is about the laptop stack, if another one is named.
laptop_only = $(if $(STACK),{ printf 'make %s is about the laptop stack only; STACK=%s is another one.\n' "$$GOAL" "$$STACK" >&2; exit 1; },:)

.DEFAULT_GOAL := help
.PHONY: help run story down up clock status apps invoke local replay
.PHONY: seed export secret reconcile recount dead-letters logs workers app-actions take-back
.PHONY: build deploy rollback connect destroy
.PHONY: env test-fast test test-interop check test-long bench openapi release-contract lock sbom pictures viewer clean

##@ First steps: a stack on this machine, and a tree on it

run: env ## start the stack, and turn a bus ride into a tree
#= PORT    the port of the stack; 4566 by default
#= PYTHON  the Python to install with, of 3.11 or later
	@$(call laptop_only)
	@$(MAKE) --no-print-directory up
	@$(BIN)/python -m local.story --next-steps

story: env ## plant another tree on the running stack
#> make story
#> make story DAY=world-environment-day ## show the day of a campaign
#= DAY     show the day of this campaign, by the clock of the stack
#= YEAR    the year of that day
#= PORT    the port of the stack that DAY starts if none runs
#= STACK   the name of a deployed stack; else the laptop stack
	@$(if $(DAY),$(call laptop_only),:)
	@$(BIN)/python -m $(if $(DAY),local.season "$$DAY" --port "$$PORT" $(if $(YEAR),--year "$$YEAR"),local.story)

up: env ## start the stack, or deploy your changes to it
#= PORT        the port of a stack that is not running; 4566 by default
#= AT          the time at which its clock starts: 2027-06-05T09:00
#= PARAMETERS  parameters of the template: 'Name=value Name=value'
	@$(call laptop_only)
	@$(BIN)/python -m local.stack up --port "$$PORT" $(if $(AT),--at="$$AT") $(if $(PARAMETERS),--parameters "$$PARAMETERS")

down: env ## stop the stack, and delete its data
	@$(call laptop_only)
	@$(BIN)/python -m local.stack down

help: ## show this list
#> make help
#> make help COMMAND=replay ## show the variables of one command
#= COMMAND  the command whose variables are shown
	@$(HELP) -v command="$$COMMAND" Makefile

##@ Look around: what a running stack does

status: env ## how the stack is, and what to do next
#= JSON    1 prints JSON, for programs
#= STACK   the name of a deployed stack; else the laptop stack
	@$(BIN)/python -m operations.status $(AS_JSON)

apps: env ## the apps and planting partners of the stack
#= JSON   1 prints JSON, for programs
#= STACK  the name of a deployed stack; else the laptop stack
	@$(BIN)/python -m local.apps list $(AS_JSON)

invoke: env ## invoke a function of the stack
#> make invoke FUNCTION=ViewForest
#> make invoke FUNCTION=all ## every function, with its example
#= FUNCTION  the function, as template.yaml names it, or all
#= EVENT     a file with an event to send instead of the example
#= JSON      1 prints JSON, for programs
#= STACK     a stack beside the laptop stack, on this machine
	@$(call need,FUNCTION)
	@$(BIN)/python -m local.invoke "$$FUNCTION" $(if $(EVENT),--event "$$EVENT") $(AS_JSON)

local: env ## run it in Lambda's image, in a container
#> make local FUNCTION=ViewForest
#= FUNCTION  the function, as template.yaml names it, or all
#= EVENT     a file with an event to send instead of the example
#= JSON      1 prints JSON, for programs
	@$(call laptop_only)
	@$(call need,FUNCTION)
	@$(BIN)/python -m local.invoke "$$FUNCTION" --in-lambda-image $(if $(EVENT),--event "$$EVENT") $(AS_JSON)

replay: env ## send published bike rides through the API
#> make replay FILE=docs/rides.csv
#= FILE      trips of a bike-sharing system: CSV, zip, gzip or a folder
#= STATIONS  a list of stations: CSV, or a GBFS feed
#= COLUMNS   columns by their meaning: 'start_time=Abfahrt,user=Rad'
#= JSON      1 prints JSON, for programs
#= STACK     the name of a deployed stack; else the laptop stack
	@$(call need,FILE)
	@$(BIN)/python -m local.replay "$$FILE" $(if $(filter override,$(origin COLUMNS)),--columns "$$COLUMNS") $(if $(STATIONS),--stations "$$STATIONS") $(AS_JSON)

clock: env ## the clock of the stack
#> make clock
#> make clock BY=1d ## move it a day forward
#= BY    how far to move it: 90s, 45m, 2h or 1d
#= AT    the time to move it to: 2027-06-05T09:00
#= JSON  1 prints JSON, for programs
	@$(BIN)/python -m local.clock $(if $(AT),--at="$$AT") $(if $(BY),--by="$$BY") $(AS_JSON)

##@ Operate: questions of people, apps that misbehave, and the books

seed: env ## register apps and write what is missing of a catalog
#= FOLDER  the folder with the files; catalog by default
#= FORCE   1 writes all of it, and says what it replaced
#= STACK   the name of a deployed stack; else the laptop stack
	@$(BIN)/python -m local.seed $(if $(FOLDER),"$$FOLDER") $(if $(FORCE),--force)

export: env ## write apps and catalog to files, for make seed
#> make export FOLDER=.local/my-catalog
#= FOLDER  the folder to write to
#= STACK   the name of a deployed stack; else the laptop stack
	@$(call need,FOLDER)
	@$(BIN)/python -m local.export "$$FOLDER"

secret: env ## make another secret of an app
#> make secret APP=alipay
#= APP      the app or planting partner
#= OVERLAP  the seconds for which its older secret still works
#= AGAIN    1 replaces the newer of two secrets
#= STACK    the name of a deployed stack; else the laptop stack
	@$(call need,APP)
	@$(BIN)/python -m local.apps secret "$$APP" $(if $(OVERLAP),--overlap "$$OVERLAP") $(if $(AGAIN),--again)

reconcile: env ## check that what was accepted is posted
#= JSON   1 prints JSON, for programs
#= STACK  the name of a deployed stack; else the laptop stack
	@$(BIN)/python -m operations.reconcile $(AS_JSON)

recount: env ## compare the public totals with the ledger
#= MEND   1 corrects the totals
#= JSON   1 prints JSON, for programs
#= STACK  the name of a deployed stack; else the laptop stack
	@$(BIN)/python -m operations.recount $(if $(MEND),--mend) $(AS_JSON)

dead-letters: env ## list the messages that failed again and again
#> make dead-letters
#> make dead-letters DO=redrive ## try them once more
#= DO     list (by default), redrive or drop, with options
#= JSON   1 prints the list as JSON, for programs
#= STACK  the name of a deployed stack; else the laptop stack
	@set -f; $(BIN)/python -m operations.dead_letters $(if $(DO),$$DO,list) $(AS_JSON)

logs: env ## the newest lines that a function logged
#> make logs FUNCTION=AccruePoints
#> make logs FUNCTION=AccruePoints LIMIT=200
#= FUNCTION  the function, as template.yaml names it
#= LIMIT     the most lines to show; 20 by default
#= STACK     the name of a deployed stack; else the laptop stack
	@$(call need,FUNCTION)
	@$(BIN)/python -m operations.logs "$$FUNCTION" $(if $(LIMIT),--limit "$$LIMIT")

workers: env ## what reads the queues and streams, and whether it runs
#> make workers
#> make workers DO="start AccruePoints" ## start one again, or all
#= DO     list (by default), or stop or start, with a function or all
#= JSON   1 prints the list as JSON, for programs
#= STACK  the name of a deployed stack; else the laptop stack
	@set -f; $(BIN)/python -m operations.workers $(if $(DO),$$DO,list) $(AS_JSON)

SELECTION = --app "$$APP" --from "$$FROM" --to "$$TO" --reason "$$REASON" $(if $(TYPE),--type "$$TYPE") $(if $(filter override,$(origin USER)),--user "$$USER")

app-actions: env ## what an app reported in a span of time
#> make app-actions APP=alipay FROM=2026-06-01 TO=2026-06-08 REASON=complaint-17
#= APP     the app
#= FROM    the first day, or a time
#= TO      the day after the last one, or a time
#= REASON  why you look; it is written to the log of the stack
#= TYPE    only actions of this type
#= USER    only actions of this person
#= EXPORT  a folder with an export of the ledger's table, read instead
#= OUT     a file for the list
#= JSON    1 prints JSON, for programs
#= STACK   the name of a deployed stack; else the laptop stack
	@$(call need,APP FROM TO REASON)
	@$(BIN)/python -m operations.app_actions $(SELECTION) $(if $(EXPORT),--export "$$EXPORT") $(if $(OUT),--out "$$OUT") $(AS_JSON)

take-back: env ## what taking that back would change
#> make take-back APP=alipay FROM=2026-06-01 TO=2026-06-08 REASON=complaint-17
#= APP     the app
#= FROM    the first day, or a time
#= TO      the day after the last one, or a time
#= REASON  why you do it; it is written to the log of the stack
#= YES     1 takes the actions back; without it nothing changes
#= ACTIVE  1 allows it for an app that is active
#= TYPE    only actions of this type
#= USER    only actions of this person
#= OUT     a file for the list
#= JSON    1 prints JSON, for programs
#= STACK   the name of a deployed stack; else the laptop stack
	@$(call need,APP FROM TO REASON)
	@$(BIN)/python -m operations.take_back $(SELECTION) $(if $(YES),--yes) $(if $(ACTIVE),--active) $(if $(OUT),--out "$$OUT") $(AS_JSON)

##@ Deploy: to AWS

build: env ## build for AWS, and check every built file
	@$(BIN)/python -m local.build

deploy: env ## build, deploy, connect, seed and test a stack
#> make deploy STACK=saxaul REGION=ap-southeast-1
#> make deploy STACK=second REGION=eu-west-1 ENDPOINT=laptop ## on this machine
#= STACK       the name of the stack
#= REGION      the AWS region; by default, that which is recorded here
#= PROFILE     the profile of your AWS configuration
#= STAGE       dev, or prod, which protects the data; else as it is
#= PARAMETERS  parameters of the template: 'Name=value Name=value'
#= FOLDER      the folder with the catalog; catalog by default
#= ENDPOINT    laptop deploys beside the laptop stack, which must run
#= YES         1 does not ask whether the changes are right
#= FORCE       1 lets STAGE=dev take the protection of a prod stack
	@$(call need,STACK)
	@$(BIN)/python -m local.deploy $(PLACE) $(if $(STAGE),--stage "$$STAGE") $(if $(FOLDER),--folder "$$FOLDER") $(if $(YES),--yes) $(if $(FORCE),--force) $(if $(PARAMETERS),"$$PARAMETERS")

PLACE = --stack "$$STACK" $(if $(REGION),--region "$$REGION") $(if $(PROFILE),--profile "$$PROFILE") $(if $(ENDPOINT),--endpoint "$$ENDPOINT")

rollback: env ## bring back the last good deployment
#> make rollback
#> make rollback TO=list ## the deployments that passed their check
#= TO       the time of an earlier one, or list
#= STACK    the name of a deployed stack; else the laptop stack
#= REGION   its AWS region, if it is not recorded here
#= PROFILE  the profile of your AWS configuration
#= YES      1 does not ask whether the changes are right
	@$(BIN)/python -m local.rollback $(if $(call given,TO),--to "$$TO") $(if $(YES),--yes) $(if $(STACK),--stack "$$STACK") $(if $(REGION),--region "$$REGION") $(if $(PROFILE),--profile "$$PROFILE")

connect: env ## record a stack that another machine deployed
#> make connect STACK=saxaul REGION=ap-southeast-1
#= STACK     the name of the stack
#= REGION    the AWS region; by default, that which is recorded here
#= PROFILE   the profile of your AWS configuration
#= ENDPOINT  laptop, if the stack is beside the laptop stack
	@$(call need,STACK)
	@$(BIN)/python -m local.connect $(PLACE)

destroy: env ## delete a dev stack, with all of its data
#> make destroy STACK=second
#= STACK     the name of the stack
#= REGION    the AWS region; by default, that which is recorded here
#= PROFILE   the profile of your AWS configuration
#= ENDPOINT  laptop, if the stack is beside the laptop stack
#= YES       the name of the stack once more, instead of typing it
	@$(call need,STACK)
	@$(BIN)/python -m local.destroy $(PLACE) $(if $(YES),--yes "$$YES")

##@ Develop: change the code, and prove that it works

env: ## install what the other commands need
#= PYTHON  the Python to install with, of 3.11 or later
	@sh local/environments.sh "$$PYTHON"

check: env ## ruff, mypy, and checks of template and packages
#= PYTHON  the Python to install with, of 3.11 or later
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@{ $(BIN)/cfn-lint --regions ap-southeast-1 us-east-1 -- template.yaml && $(BIN)/python -m local.audit && \
	  sh local/environments.sh "$$PYTHON" .local/policies && $(BIN)/python -m tests.template.policies; } & aside=$$!; \
	$(BIN)/mypy; typed=$$?; wait $$aside && exit $$typed

test-fast: env ## the tests without a stack, in two minutes
#= WORKERS  the number of processes; by default one more than processors
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow" tests/unit tests/client tests/contract tests/integration tests/template tests/search

test: env ## all tests, in about sixteen minutes
#= WORKERS  the number of processes; by default one more than processors
	@$(BIN)/python -m pytest $(IN_PARALLEL)

test-interop: env ## check the log with Go's own packages; needs Go
	@$(BIN)/python -m pytest tests/interop tests/e2e/test_interop.py

test-long: env ## more random runs, and heavier loads
	@SAXAUL_PROFILE=long $(BIN)/python -m pytest tests/proof tests/e2e/test_chaos.py tests/e2e/test_waiting.py tests/e2e/test_burst.py tests/e2e/test_clock.py tests/e2e/test_hostile_calls.py tests/e2e/test_contract.py tests/integration/test_contract.py

bench: env ## run the benchmarks, or one of them
#> make bench ONLY=accrual
#= ONLY  the benchmark to run
#= JSON  1 prints JSON, for programs
	@$(if $(filter-out $(BENCHMARKS),$(ONLY)),printf 'There is no benchmark %s; there are: %s\n' "$$ONLY" "$(BENCHMARKS)" >&2; exit 1)
	@failed=0; for name in $(or $(ONLY),$(BENCHMARKS)); do $(BIN)/python -m benchmarks.$$name $(AS_JSON) || failed=$$?; [ $$failed -lt 128 ] || break; done; exit $$failed

openapi: env ## write the API's document from the code
	@$(BIN)/python -m tests.contract.record
	@$(BIN)/python -m local.openapi

release-contract: env ## record that document as the released one
	@$(BIN)/python -m tests.contract.release

lock: ## pin what ships: versions and hashes
#> make lock
#> make lock UPGRADE=1 ## newer releases of what others need
#= UPGRADE  1 takes newer releases than those of the lock
#= PYTHON   the Python to install with, of 3.11 or later
	@sh local/environments.sh "$$PYTHON" .local/lock
	@.local/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade) --output-file layers/dependencies/requirements.txt layers/dependencies/requirements.in

sbom: env ## list what ships: licences and hashes
#> make sbom
#> make sbom OUT=saxaul.cdx.json PARAMETERS=Architecture=x86_64
#= OUT         the file; .aws-sam/sbom.cdx.json by default
#= PARAMETERS  PythonRuntime and Architecture, if they are not the defaults
	@$(BIN)/python -m local.sbom $(if $(OUT),--out "$$OUT") $(if $(PARAMETERS),"$$PARAMETERS")

pictures: env ## make the pictures of README and certificate
#= PORT  the port of the stack that is recorded; 4566 by default
	@$(call laptop_only)
	@$(BIN)/python -m local.pictures --port "$$PORT"

viewer: env ## renew the viewer on the API's page; needs npm
#> make viewer VERSION=5.35.0
#= VERSION  a release of swagger-ui-dist
	@$(call need,VERSION)
	@$(BIN)/python -m local.viewer "$$VERSION"

clean: down ## remove everything that was installed or built
	@rm -rf $(VENV) .local .aws-sam

# Any other word.
.DEFAULT:
	@$(HELP) -v command="$$GOAL" Makefile
