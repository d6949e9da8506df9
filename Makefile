# `make demo` and `make test` are all a newcomer needs; both start from nothing but Python >= 3.11.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: setup demo test contracts contracts-build up check fmt lock bench clean
.DEFAULT_GOAL := demo

setup: $(INSTALLED)

# Hashes say what may be installed; the project itself is built by the locked hatchling, so nothing is fetched twice.
$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed; Debian and Ubuntu keep it in the package python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@$(BIN)/caas demo

test: setup
	@$(BIN)/python -m pytest $(ARGS)

# Compile, test, fuzz, hold invariants, gas and coverage, analyze and prove: contracts/Makefile names each. Linux on x86-64.
contracts:
	@$(MAKE) --no-print-directory --directory contracts --jobs 2

# The artifacts that Python loads, after a change of a contract.
contracts-build:
	@$(MAKE) --no-print-directory --directory contracts abi

up: setup
	@$(BIN)/caas up

bench: setup
	@$(BIN)/caas bench lifecycle

check: setup
	@$(BIN)/poe --quiet check

fmt: setup
	@$(BIN)/poe --quiet fmt

# The lock holds versions and hashes and names no index; pip finds the packages wherever it is told to look.
lock: setup
	@$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --group dev \
		--generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--output-file requirements.lock
	@! grep -nE '(https?|file):' requirements.lock

clean:
	rm -rf $(VENV) .caas .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
