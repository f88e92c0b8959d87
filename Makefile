# `make run` and `make test` need Python 3.11 and pip, and install the rest into this folder.
SHELL := /bin/bash
VENV := .venv
PY := $(VENV)/bin/python
# Anything that we run may write byte code: without it each start takes minutes instead of seconds.
unexport PYTHONDONTWRITEBYTECODE
PROBLEM ?= housing

.PHONY: help install run test check fast slow soak bench lock clean

help: ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

install: $(VENV)/.installed ## make .venv from uv.lock, byte-compiled

$(VENV)/.installed: uv.lock pyproject.toml .ci/bootstrap
	@PYTHON="$(PYTHON)" .ci/bootstrap

run: install ## run the house-price pipeline on the data that ships (PROBLEM=name for another)
	@$(PY) runner.py run $(PROBLEM)

test: install check fast slow ## everything: style, types, layers, and both tiers of tests

check: install ## ruff, mypy and the layers
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

fast: install ## tests that need no TensorFlow: seconds
	$(PY) -m pytest -m "not slow" -n auto --dist worksteal --durations=5

slow: install ## tests on the real TensorFlow, Beam and TFX: minutes
	$(PY) -m pytest -m "slow and not soak and not alone" -n 2 --dist loadfile --durations=15
	$(PY) -m pytest -m "slow and not soak and alone" --durations=15

soak: install ## what is too long for every run: kills at random moments, schedulers, more problems made by init: over an hour
	$(PY) -m pytest -m soak -s

bench: install ## the benchmarks, one after the other
	$(PY) -m bench.ingest
	$(PY) -m bench.quickstart
	$(PY) -m bench.training
	$(PY) -m bench.watching
	$(PY) -m bench.memory

lock: install ## resolve the dependencies anew
	uv lock

clean: ## remove what was installed and cached
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
