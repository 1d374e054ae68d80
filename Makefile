# Every target sets up what it needs. The work is in tools/ and in pyproject.toml; here is only what calls what.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q install

.PHONY: help chat test check bundle lock locale picture bench guide clean
help:  ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

chat: $(VENV)/.base  ## install (no torch) and open a chat
	@exec $(BIN)/llamune chat

test: $(VENV)/.dev  ## install the test tools and run the tests
	$(BIN)/python -m pytest tests --ignore=tests/live --ignore=tests/packaging --ignore=tests/training \
		-n logical --maxprocesses 8 --dist worksteal

check: $(VENV)/.dev $(VENV)/.finetune $(VENV)/.embed  ## style, types, imports, texts, then the tests with servers, wheels, training
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/catalogue.py --check
	$(BIN)/python -m pytest -rs tests/live tests/packaging tests/training -n 2 --dist loadfile
	$(BIN)/python tools/guide_gap.py

bundle: $(VENV)/.base  ## a folder of wheels for a machine without any network
	$(BIN)/python tools/bundle.py bundle

lock: $(VENV)/.base  ## renew constraints/ from the package index
	$(BIN)/python tools/lock.py

locale: $(VENV)/.dev  ## collect the texts; names those that lack a translation
	$(BIN)/python tools/catalogue.py

picture: $(VENV)/.dev  ## the README's picture, from a real run
	$(BIN)/python tools/picture.py

bench: $(VENV)/.dev  ## print the figures of benchmarks/
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit; done

guide: $(VENV)/.finetune  ## train the guide models again (an hour)
	$(BIN)/python guide/train.py

clean:  ## remove what was made here
	rm -rf $(VENV) bundle build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# One stamp per extra: made again when the dependencies change, so that a second call starts at once.
$(VENV)/.base: pyproject.toml constraints/base.txt | $(BIN)/pip
	@echo "installing into $(VENV) …"
	@$(PIP) -c constraints/base.txt -e .
	@touch $@

$(VENV)/.%: pyproject.toml constraints/%.txt | $(BIN)/pip
	@echo "installing the extra $* into $(VENV) …"
	@$(PIP) -c constraints/$*.txt -e '.[$*]'
	@touch $@ $(VENV)/.base

$(BIN)/pip:
	@$(PYTHON) tools/make_venv.py $(VENV)
