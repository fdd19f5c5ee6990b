# Everything a developer or operator does with this project. `make` lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
SAM := $(VENV)/bin/sam
STAMP := $(VENV)/.installed
# Where `make deploy-check` keeps its emulator of AWS.
EMULATOR := .local/emulator
# An environment of samconfig.toml.
CONFIG_ENV ?= default
# Only for commands that want a region without ever calling it.
REGION ?= us-east-1
# Processes that run tests side by side; most of their time is waiting. Each that needs a stack starts one of its own.
TEST_WORKERS ?= 3
# Arguments handed on to a command, such as: make register-webhook ARGS="list"
ARGS ?=

export SAM_CLI_TELEMETRY := 0

.PHONY: help setup demo local test check format openapi openapi-check build deploy deploy-check secrets register-webhook bench lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# ---------------------------------------------------------------------------------------------------------- Try it out

setup: $(STAMP) ## Make .venv with what development needs (repeatable; PYTHON=… chooses the interpreter)

# Says what it does on stderr: stdout belongs to the target that asked for it.
$(STAMP): requirements-dev.txt scripts/setup.sh
	@scripts/setup.sh $(VENV) >&2
	@touch $@

demo: $(STAMP) ## Play a conversation and an image job through the whole stack on this machine
	@$(PY) -m local demo

local: $(STAMP) ## Serve the whole stack on this machine until interrupted (LOCAL_PORT, OH_API_BASE_URL, OH_API_KEY)
	@exec scripts/under_make.sh $(PY) -m local stack

# ------------------------------------------------------------------------------------------------------------- Develop

test: $(STAMP) ## Run all tests; fails under 90 % of branches covered
	@$(PY) -m pytest -n $(TEST_WORKERS) --dist loadfile --cov --cov-report=term --cov-report=json:.coverage.json $(ARGS)
	@$(PY) -m scripts.check_coverage .coverage.json

check: $(STAMP) openapi-check ## Lint, formatting, types, template
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(VENV)/bin/cfn-lint template.yaml
	@$(SAM) validate --lint --region $(REGION)

format: $(STAMP) ## Format the code and mend what the linter can
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

openapi: $(STAMP) ## Write docs/openapi.yaml from the models
	@if [ -e scripts/generate_openapi.py ]; then $(PY) -m scripts.generate_openapi; fi

openapi-check: $(STAMP)
	@if [ -e scripts/generate_openapi.py ]; then $(PY) -m scripts.generate_openapi --check; fi

bench: $(STAMP) ## Measure start-up, replies and image jobs; prints JSON lines
	@$(PY) -m bench $(ARGS)

lock: ## Pin the requirements anew (needs uv)
	@cd layers/client && uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" requirements.in -o requirements.txt
	@uv pip compile -q --universal --python-version 3.11 --no-emit-index-url --custom-compile-command "make lock" \
		-c layers/client/requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## Remove what was built, not .venv
	@rm -rf .aws-sam .coverage .coverage.json htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find functions layers local scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

# -------------------------------------------------------------------------------------------------------------- Deploy

build: $(STAMP) ## Build the functions and the layer for AWS (target: samconfig.toml, else the template's defaults)
	@$(SAM) build --config-env $(CONFIG_ENV) --region $(REGION)
	@$(PY) -m scripts.compile_functions .aws-sam/build

deploy: build ## Deploy to AWS with the flags of samconfig.toml (CONFIG_ENV=… chooses an environment)
	@$(SAM) deploy --config-env $(CONFIG_ENV)

# The emulator's functions run on its own interpreter, for which the layer is built: so both have the same.
$(EMULATOR)/.installed: requirements-deploycheck.txt scripts/setup.sh $(STAMP)
	@PYTHON=$(PY) scripts/setup.sh $(EMULATOR) requirements-deploycheck.txt >&2
	@touch $@

deploy-check: $(STAMP) $(EMULATOR)/.installed ## Build, deploy and smoke-test the real template against an emulator of AWS
	@$(PY) -m scripts.deploy_check $(EMULATOR)/bin/ministack

secrets: $(STAMP) ## Fill in a deployment's secret: keys of the OH API and of Trulience (ARGS="--stack-name NAME")
	@$(PY) -m scripts.fill_secret $(ARGS)

register-webhook: $(STAMP) ## Register, list or end webhooks at the OH API: ARGS="--help"
	@$(PY) -m scripts.register_webhook $(ARGS)
