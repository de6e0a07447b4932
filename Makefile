# Farandole. `make` lists what there is; extra arguments go in ARGS, as in `make run ARGS="--port 9000"`.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
# A run of the tests starts hundreds of processes: none should compile the house again because the machine keeps no bytecode.
unexport PYTHONDONTWRITEBYTECODE

ARGS ?=
VENV := .venv
DEV := .venv-dev
PEERS := .venv-bench
BIN := $(DEV)/bin
WHEEL_TEST := build/wheel-test
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
OLDEST := (3, 11)
CANDIDATES := python3.14 python3.13 python3.12 python3.11 python3

# A Debian python without python3-venv has no ensurepip, so it is passed over.
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < $(OLDEST))
FIND_PYTHON := for candidate in $(CANDIDATES); do \
	if $$candidate -c '$(USABLE)' >/dev/null 2>&1; then command -v $$candidate; break; fi; done
PYTHON ?= $(shell $(FIND_PYTHON))

SOURCES = $(shell find src -type f -not -path '*/__pycache__/*')
CHECKED := src tests benchmarks

##@ Use

.PHONY: run
run: $(VENV)/.ready ## Start the whole system in one process (needs Python 3.11+, nothing else)
	$(VENV)/bin/farandole up $(ARGS)

.PHONY: demo
demo: $(VENV)/.ready ## Play the three scenarios of the specification and show them
	$(VENV)/bin/farandole demo $(ARGS)

##@ Develop

.PHONY: test
test: check servers ## Check and test everything, in parallel and in random order (ARGS go to pytest)
	$(BIN)/python -m pytest $(ARGS)

.PHONY: check
check: $(DEV)/.ready ## Lint, check the format, the types and the direction of imports
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

.PHONY: format
format: $(DEV)/.ready ## Format the code and repair what the linter can repair
	$(BIN)/ruff check --fix $(CHECKED)
	$(BIN)/ruff format $(CHECKED)

.PHONY: servers
servers: $(DEV)/.ready ## Fetch Kafka, find PostgreSQL, and say which tests are left out without them
	$(BIN)/python -m farandole.proof.ground

.PHONY: screenshots
screenshots: $(DEV)/.ready ## Take the pictures of the README (needs Chromium)
	$(BIN)/python -m tests.web.screenshots

.PHONY: hooks
hooks: $(DEV)/.ready ## Have git run the checks before each commit
	$(BIN)/pre-commit install

##@ Measure

BENCHMARKS := $(BIN)/python -m benchmarks --peers $(PEERS)/bin/python

.PHONY: bench
bench: servers $(PEERS)/.ready ## Measure it beside the raw limit and its peers (ARGS as in benchmarks/README.md)
	$(BENCHMARKS) $(ARGS)

.PHONY: bench-smoke
bench-smoke: servers $(PEERS)/.ready ## All of the benchmarks in miniature, so that they keep working
	$(BENCHMARKS) --smoke --out build/bench-smoke $(ARGS)

##@ Prove

PROOF := build/proof

.PHONY: verify
verify: $(DEV)/.ready ## Exhaust every interleaving of small worlds (ARGS as for `farandole verify`)
	$(BIN)/farandole verify $(ARGS)

.PHONY: simulate
simulate: $(DEV)/.ready ## Play histories with faults of every kind, each from one seed (ARGS as for `farandole simulate`)
	$(BIN)/farandole simulate $(ARGS)

.PHONY: torture
torture: servers ## Kill, stop, cut off and fill up real servers and services under load (ARGS="--minutes 20")
	$(BIN)/farandole torture $(ARGS)

.PHONY: mutants
mutants: servers ## Put every seeded bug in and name the test that catches it (ARGS="--only WORD")
	$(BIN)/python -m tests.mutants $(ARGS)

.PHONY: proof
proof: servers ## All of these at length, up to 40 minutes; writes docs/evidence.md
	@mkdir -p $(PROOF)
	@echo "farandole verify, which wants one core, beside pytest -m proof, which mostly waits, and the mutants"
	$(BIN)/farandole verify --json > $(PROOF)/verify.json & verified=$$!; \
	$(BIN)/python -m pytest -m proof --junitxml=$(PROOF)/tests.xml && $(BIN)/python -m tests.mutants --out $(PROOF); \
	proved=$$?; wait $$verified && exit $$proved
	$(BIN)/farandole simulate --seeds 3000 --sweep --json > $(PROOF)/simulate.json
	$(BIN)/python -m farandole.proof.hostile --records 50000 --json > $(PROOF)/hostile.json
	$(BIN)/farandole torture --minutes 7 --json > $(PROOF)/torture.json
	$(BIN)/python -m farandole.proof.evidence $(PROOF)

##@ Release

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: lock
lock: $(DEV)/.ready ## Pin every dependency with its hashes (ARGS="--upgrade" for the newest)
	$(LOCK) pyproject.toml --output-file requirements.lock $(ARGS)
	$(LOCK) pyproject.toml --output-file requirements-dev.lock --extra otel --extra sms --group dev --constraint requirements.lock $(ARGS)
	$(LOCK) benchmarks/requirements.in --output-file benchmarks/requirements.txt --python-version 3.11 $(ARGS)

.PHONY: build
build: build/.built ## Build the wheel and the source distribution into dist/

.PHONY: wheel-test
wheel-test: build ## Install the wheel in a clean environment and run the demo from there
	rm -rf $(WHEEL_TEST)
	$(PYTHON) -m venv $(WHEEL_TEST)/venv
	$(WHEEL_TEST)/venv/bin/python $(PIP_INSTALL) --require-hashes -r requirements.lock
	$(WHEEL_TEST)/venv/bin/python $(PIP_INSTALL) --no-deps dist/*.whl
	cd $(WHEEL_TEST) && venv/bin/farandole demo $(ARGS)

.PHONY: clean
clean: ## Remove everything that make made, except the fetched Kafka
	rm -rf $(VENV) $(DEV) $(PEERS) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
		/^##@/ {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

$(VENV)/.ready: requirements.lock
	$(call new_venv,$(VENV),requirements.lock)
	$(call with_project,$(VENV))

$(DEV)/.ready: requirements-dev.lock
	$(call new_venv,$(DEV),requirements-dev.lock)
	$(call with_project,$(DEV))

$(PEERS)/.ready: benchmarks/requirements.txt
	$(call new_venv,$(PEERS),benchmarks/requirements.txt)
	@touch $@

build/.built: $(DEV)/.ready pyproject.toml README.md LICENSE $(SOURCES)
	rm -rf dist
	$(BIN)/python -m build
	@mkdir -p build && touch $@

define new_venv
@if [ -z "$(PYTHON)" ]; then \
	echo "Python 3.11 or newer with venv expected (tried $(CANDIDATES)); found:" >&2; \
	for candidate in $(CANDIDATES); do \
		found=$$($$candidate --version 2>&1) && echo "  $$candidate: $$found" >&2; done; \
	echo "On Debian and Ubuntu: apt-get install python3-venv. Or: make run PYTHON=/path/to/python" >&2; \
	exit 1; fi
@echo "Preparing $(1) with $(PYTHON)"
@$(PYTHON) -m venv --clear $(1)
@$(1)/bin/python $(PIP_INSTALL) --require-hashes -r $(2)
endef

define with_project
@$(1)/bin/python $(PIP_INSTALL) --no-deps --editable .
@touch $@
endef
