# The commands of this project. They need Python 3.11 or 3.12 with venv, and make; the first run
# also needs a package index. `make PYTHON=/path/to/python3.12 test` picks the Python.

PYTHON ?=
VENV ?= .venv
DEMO_ARGS ?=
AGENT ?= parrot
TEST_ARGS ?=
TEST_WORKERS ?= 3
PJSUA2_ARGS ?=
STOCK ?=
BENCHMARKS ?= latency cpu turns dialplan model_leg reconnect sip_load

# Written last: an environment whose set-up was cut off is set up again.
READY := $(VENV)/.ready
READY_LINT := $(VENV)/.ready-lint
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test bench pjsua2 lint clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-6s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## one call on loopback to an agent that answers; AGENT=assistant, DEMO_ARGS="--help"
	@$(BIN)/sip-plugin demo --agent $(AGENT) $(DEMO_ARGS)

test: $(READY) ## every test; those whose peer is missing say which (scripts/install-peers gets them)
	@$(BIN)/python -m pytest -n $(TEST_WORKERS) --dist loadfile $(TEST_ARGS)

bench: $(READY) ## the benchmarks, quick: latency added, CPU a call, turn-taking, routing
	@set -e; for name in $(BENCHMARKS); do \
	    echo "== python -m benchmarks.$$name --quick"; \
	    $(BIN)/python -m benchmarks.$$name --quick; \
	done

pjsua2: $(READY) ## a pjsua2 with room for 1024 calls, built from source (minutes); STOCK=1 goes back
	@$(BIN)/python scripts/build-pjsua2 --venv $(VENV) $(if $(STOCK),--stock) $(PJSUA2_ARGS)

lint: $(READY_LINT) ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

clean: ## removes the environment, caches and what the demo wrote
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis build *.egg-info demo-out
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml scripts/setup-venv
	@scripts/setup-venv "$(VENV)" test "$(PYTHON)"
	@touch $@

$(READY_LINT): $(READY)
	@scripts/setup-venv "$(VENV)" test,lint "$(PYTHON)"
	@touch $@
