# Every target keeps its environment in .venv, made from requirements.lock at its first use.
# Needed beforehand: Python 3.11, 3.12 or 3.13, git, make. `make` alone lists the targets.

PY := .venv/bin/python
export PYTHON
export PYTHONUNBUFFERED = 1
# Programs that others call by name, such as nbgrader's alembic, are the environment's.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help demo test test-full test-newest bench bench-check lab book slides check format lock environment clean

help:
	@echo "make demo         run chapter 04, grade a made-up class on its exercise, write the pages"
	@echo "make lab          open the book in JupyterLab"
	@echo "make test         formatting, types and the quick tests (make test-full: all of them)"
	@echo "make book         run every chapter that changed; write the site and the slides into _book/"
	@echo "make slides       the same: the slides come from the same run"
	@echo "make bench        every measurement, in half an hour; bench-check: is it as fast as it was?"
	@echo "make format       put the code in order"
	@echo "make lock         choose new versions for requirements.lock"
	@echo "make test-newest  the quick tests with the newest versions pyproject.toml allows"
	@echo "make clean        remove the environment and everything that was made"

environment:
	@sh tools/environment.sh

demo: environment
	@$(PY) -m book.demo

# The settings save every ten seconds and hide what only authors of assignments use. JupyterLab
# starts as root, as in a container, where it is told to; LAB holds further options of its own.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

lab: environment
	$(PY) -m jupyterlab --notebook-dir=. --LabApp.default_url=/lab/tree/contents.ipynb \
		--LabApp.app_settings_dir="$(CURDIR)/book/lab" $(AS_ROOT) $(LAB)

test: environment check
	$(PY) -m pytest -n 2 --durations=30 --durations-min=5

test-full: environment check
	$(PY) -m pytest -n 2 -m ""

check: environment
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: environment
	$(PY) -m bench

bench-check: environment
	$(PY) -W ignore -m bench.check

book: environment
	@$(PY) -m book.build

# They come from the same run, and lie beside the pages.
slides: book

format: environment
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

# --no-config and the two --no-emit options keep this machine's package index out of the lock.
lock: environment
	$(PY) -m uv pip compile pyproject.toml --universal --python-version 3.11 --extra cpu --extra dev \
		--generate-hashes --no-annotate --no-config --no-emit-index-url --no-emit-find-links \
		--upgrade --custom-compile-command "make lock" --quiet --output-file requirements.lock
	@sh tools/environment.sh

# In an environment of its own, so that .venv stays what the lock says.
test-newest: environment
	$(PY) -m venv --clear .venv-newest
	.venv-newest/bin/python -m pip install --editable ".[cpu,dev]"
	.venv-newest/bin/python -m pytest

clean:
	rm -rf .venv .venv-newest .autograder _book _book-work _demo build dist *.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
