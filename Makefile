# One command each; every one of them sets up what it needs on a fresh machine (Python 3.11+ with venv).
#
#   make demo    see it work: trains a small AI office against its goals, no key, no network, no GPU
#   make test    everything that continuous integration runs
#   make check   the same for impatient people: lint, types, architecture, fast tests (under a minute)
#   make bench   the full benchmarks, figures beside goals
#   make format  put the code into the house's format

VENV   ?= .venv
JOBS   ?= 2
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet -c constraints.txt
DEMO   ?= office

.DEFAULT_GOAL := help
# Projects with pins of their own, each in an environment of its own: neighbors/NAME.txt, tests marked NAME.
NEIGHBORS := botorch dspy jax mlflow optuna pydantic

.PHONY: help demo test check bench format lint types tests bench-quick neighbors clean

help:
	@sed -n '3,7s/^#   //p' Makefile

$(BIN)/python:
	@echo "creating $(VENV)"
	@python="$$(PYTHON="$(PYTHON)" scripts/find-python.sh)" && "$$python" -m venv $(VENV)

# The core alone: no torch, tens of megabytes.
$(VENV)/core.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing hyperfunc"
	@$(PIP) -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/core.stamp
	@echo "installing the test tools (torch among them: a few minutes the first time)"
	@$(PIP) -e '.[test]'
	@touch $@

$(VENV)/system.stamp: scripts/system-packages.sh | $(BIN)/python
	@scripts/system-packages.sh
	@touch $@

demo: $(VENV)/core.stamp
	@$(BIN)/hyperfunc demo $(DEMO)

lint: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/test.stamp
	$(BIN)/mypy

tests: $(VENV)/test.stamp $(VENV)/system.stamp
	$(BIN)/python -m pytest -n $(JOBS)

.venvs/%/stamp: neighbors/%.txt pyproject.toml | $(BIN)/python
	@echo "installing $* beside hyperfunc"
	@$(BIN)/python -m venv .venvs/$*
	@.venvs/$*/bin/python -m pip --disable-pip-version-check install --quiet -r neighbors/$*.txt
	@.venvs/$*/bin/python -m pip --disable-pip-version-check install --quiet --no-deps -e .
	@touch $@

.PRECIOUS: .venvs/%/stamp

neighbors: $(NEIGHBORS:%=neighbor-%)

neighbor-%: .venvs/%/stamp
	.venvs/$*/bin/python -m pytest -m $* tests/neighbors/$*

# On a machine that others use, too, a time says nothing about the code: `make bench` judges times and speeds.
bench-quick: $(VENV)/test.stamp .venvs/gepa/stamp
	$(BIN)/python -m benchmarks --quick --any-speed

# The tests come last so that pytest's closing line is the last thing on the screen.
test: lint types neighbors bench-quick tests

check: lint types
	$(BIN)/python -m pytest -n $(JOBS) -x -q -m "not slow and not browser"

bench: $(VENV)/test.stamp .venvs/gepa/stamp
	$(BIN)/python -m benchmarks

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
