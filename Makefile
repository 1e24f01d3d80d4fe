# On a fresh machine: `make demo` is heard and seen, `make test` is green. Nothing else is needed.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check train clean

demo: .venv/base
	$(BIN)/taraf demo

# What only computes runs on all cores; then what plays, two at a time, with nothing else beside it.
test: .venv/dev check
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile -m "not realtime"
	$(BIN)/pytest -n 2 --dist loadfile -m realtime

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PyTorch first and pinned: without a version pip may fetch gigabytes of GPU libraries.
train: .venv/base
	$(BIN)/pip install -q torch==2.13.0
	$(BIN)/pip install -q -e '.[train]'

.venv/base: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q -e .
	touch $@

.venv/dev: .venv/base
	$(BIN)/pip install -q -e '.[dev]'
	touch $@

clean:
	rm -rf .venv out
