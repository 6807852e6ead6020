# Every target makes or reuses one virtual environment, .venv, and works from a fresh clone.
#   make demo    the main job, from sample videos to a timeline
#   make test    all tests

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY  := $(VENV)/.ready

.DEFAULT_GOAL := install
.PHONY: install demo test soak fuzz coverage lint bench study default-model default-model-report default-model-decisions docs clean

install: $(READY)

$(READY): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("fer needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: $(READY)
	$(BIN)/python scripts/demo.py

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal

# Which lines the tests run, in all processes; slower than the tests alone.
coverage: export COVERAGE_DATA := $(CURDIR)/build/coverage/data
coverage: $(READY)
	$(BIN)/coverage erase
	-$(BIN)/coverage run -m pytest -n auto --dist worksteal
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

# Faults of every kind injected into every command, hundreds of times: hours; goes on where it was
# stopped. The table in docs/reliability.md tells what was lost.
soak: $(READY)
	$(BIN)/python -m tests.faults.soak $(if $(KILLS),--kills $(KILLS))

# Thousands of broken and hostile files through the commands that read them: an hour or more; goes on
# where it was stopped. docs/results/fuzzing.md tells what was found.
fuzz: $(READY)
	$(BIN)/python -m tests.fuzz $(if $(CASES),--cases $(CASES))

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python benchmarks/run.py

# The published experiments on rendered people: hours; goes on where it was stopped.
study: $(READY)
	$(BIN)/python -m study.recipe $(STUDY)

# FER2013's and FER+'s tables are in the folder DATA; see docs/default-model.md.
default-model: $(READY)
	$(BIN)/python -m training.recipe $(DATA)

default-model-report: $(READY)
	$(BIN)/python -m training.report $(if $(CLIPS),--clips $(CLIPS))

default-model-decisions: $(READY)
	$(BIN)/python -m training.decisions

docs: $(READY)
	$(BIN)/python scripts/write_cli_reference.py

clean:
	rm -rf build dist demo *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
