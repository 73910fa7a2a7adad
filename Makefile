# `make run` and `make test` need Python >= 3.11 and make; they set up everything else in .venv themselves.

PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,\
	$(shell command -v $(name) >/dev/null 2>&1 && $(name) -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $(name))))
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LOCK := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --quiet

.PHONY: run test check lint format type contracts e2e cover bench audit lock clean help

help: ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: $(BIN)/.run ## run a TWAP order on live books, print its report, serve http://127.0.0.1:8000
	$(BIN)/twap demo

test: $(BIN)/.dev ## all tests, with branch coverage of domain and ports
	$(BIN)/python -m pytest -n 4 --dist loadgroup --cov --cov-report=term --cov-fail-under=95 $(ARGS)

check: lint type contracts ## lint, formatting, types, import contracts

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(BIN)/.dev ## put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(BIN)/.dev
	$(BIN)/mypy -p twap

contracts: $(BIN)/.dev
	$(BIN)/lint-imports

bench: $(BIN)/.dev ## the benchmarks of docs/benchmarks.md (PEERS=1: peers too)
	$(BIN)/python -m tests.bench $(if $(PEERS),--peers,) $(ARGS)

audit: $(BIN)/.dev ## known vulnerabilities of the locked dependencies (needs a network)
	$(PIP) install pip-audit
	$(BIN)/pip-audit --requirement requirements.lock --require-hashes

lock: $(BIN)/.dev ## resolve the dependencies anew: exact versions and hashes, no addresses
	$(LOCK) --upgrade --extra postgres --extra setup pyproject.toml -o requirements.lock
	$(LOCK) --upgrade --extra postgres --extra setup --extra dev pyproject.toml -o requirements-dev.lock -c requirements.lock

clean: ## remove all that was made here
	rm -rf .venv .venv-peers build dist *.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed (PYTHON=/path/to/python)"; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; } # half of it would pass for done the next time

$(BIN)/.run: $(BIN)/python requirements.lock pyproject.toml
	$(PIP) install --no-deps --require-hashes --requirement requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(BIN)/.dev: $(BIN)/.run requirements-dev.lock
	$(PIP) install --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@
