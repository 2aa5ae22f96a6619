# Everything that is run by name. `make help` lists it. Needs Python 3.11 or newer; nothing else for the demo.

PYTHON ?= python3
ARGS ?=
PYTEST_ARGS ?=

# How many random histories the tests tell, by store, and how often they kill; `make test-long` and `make test-crash` raise them.
HISTORIES_PURE ?= 2000
HISTORIES_SQLITE ?= 300
HISTORIES_NEO4J ?= 60
STATEFUL_SQLITE ?= 40
STATEFUL_NEO4J ?= 8
CRASH_ROUNDS ?= 3
STORM_SECONDS ?= 0
ERASED ?= 40
FEED_CHANGES ?= 1500
export HISTORIES_PURE HISTORIES_SQLITE HISTORIES_NEO4J STATEFUL_SQLITE STATEFUL_NEO4J CRASH_ROUNDS FEED_CHANGES STORM_SECONDS ERASED
# On how many processes tests run, each with a Neo4j of its own as soon as it needs one (1.2 GB): auto is one per core, 0 is this one alone.
WORKERS ?= auto
PYTEST = $(BIN)/pytest -n $(WORKERS) --maxprocesses 8 --dist loadgroup $(PYTEST_ARGS)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

BIN := .venv/bin
INSTALLED := .venv/installed
DEVELOPER := .venv/developer
GRAPHIQL := .venv/graphiql/verified
UV_COMPILE = .venv/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-header --no-annotate --no-emit-index-url --no-emit-find-links $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve install test check format test-long test-crash bench schema lock clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

demo: install ## install, ingest a sample brand, answer both headline questions, serve GraphiQL (ARGS=--once: end there)
	@$(BIN)/uniongraph demo $(ARGS)

serve: install ## install and run the service (ARGS="--store URL --port 8000")
	@$(BIN)/uniongraph serve $(ARGS)

install: $(INSTALLED) ## the locked dependencies, the program and GraphiQL's files, into .venv
	@$(MAKE) --no-print-directory $(GRAPHIQL) || \
	  echo "GraphiQL could not be fetched; everything else works, and the next make tries again."

test: install $(DEVELOPER) ## every test; with real Neo4j where Maven and Java 17, Docker or NEO4J_URI are there
	@$(PYTEST)

check: $(DEVELOPER) ## format, lint, types and the direction of imports
	@status=0; for command in "ruff format --check --quiet ." "ruff check ." mypy "lint-imports --no-logo"; do \
	  echo "$$command"; $(BIN)/$$command || status=1; done; exit $$status

format: $(DEVELOPER) ## format, and fix what can be fixed by itself
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

test-long: HISTORIES_PURE = 20000
test-long: HISTORIES_SQLITE = 2000
test-long: HISTORIES_NEO4J = 300
test-long: STATEFUL_SQLITE = 400
test-long: STATEFUL_NEO4J = 80
test-long: install $(DEVELOPER) ## many times as many random histories
	@$(PYTEST) -m histories

test-crash: CRASH_ROUNDS = 24
test-crash: FEED_CHANGES = 12000
test-crash: STORM_SECONDS = 30
test-crash: ERASED = 1000
test-crash: install $(DEVELOPER) ## what takes minutes: kill -9 again and again, many writers at once, a thousand erased
	@$(PYTEST) -m crash

bench: $(DEVELOPER) ## rates, latencies and statements per question, on both stores
	@$(BIN)/python -m bench $(ARGS)

schema: $(INSTALLED) ## write schema.graphql from the code
	@$(BIN)/uniongraph schema > schema.graphql.new && mv schema.graphql.new schema.graphql || { rm -f schema.graphql.new; exit 1; }

lock: .venv/lock/bin/uv ## bring the requirements files in step with pyproject.toml (ARGS=--upgrade: newest versions)
	@$(UV_COMPILE) pyproject.toml --group build -o requirements.txt
	@$(UV_COMPILE) pyproject.toml --group build --group dev -c requirements.txt -o requirements-dev.txt
	@$(UV_COMPILE) --group pyproject.toml:node -o requirements-node.txt

clean: ## forget what was installed and cached; data/ stays
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "UnionGraph needs Python 3.11 or newer; $(PYTHON) is not. Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments (Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@$(PYTHON) -m venv .venv

$(INSTALLED): requirements.txt pyproject.toml | .venv/bin/python
	@echo "Installing UnionGraph into .venv ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements.txt
	@$(BIN)/pip install --quiet --no-index --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPER): requirements-dev.txt $(INSTALLED)
	@echo "Installing what the tests need into .venv ..."
	@$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

# GraphiQL is six files; npm fetches them. Where npm is missing, it comes as a wheel and goes again.
$(GRAPHIQL): $(INSTALLED)
	@echo "Fetching GraphiQL's files ..."
	@if command -v npm >/dev/null; then $(BIN)/python -m app.http.graphiql_files; else \
	  $(PYTHON) -m venv .venv/node && .venv/node/bin/pip install --quiet --require-hashes -r requirements-node.txt && \
	  PATH="$(CURDIR)/.venv/node/bin:$$PATH" $(BIN)/python -m app.http.graphiql_files; \
	  status=$$?; rm -rf .venv/node; exit $$status; fi
	@touch $@

.venv/lock/bin/uv: | .venv/bin/python
	@$(PYTHON) -m venv .venv/lock
	@.venv/lock/bin/pip install --quiet uv
