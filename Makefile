# Everything happens in a virtual environment of the project's own: python3, git and make are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Installed quietly; pip's own word on newer pips is nobody's business here.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BROWSER := tests/browser/node_modules/.installed

.PHONY: demo test mutants browser e2e e2e-node lint format schemas pages regions goldens reference docs bench comparison dist compat clean

demo: $(VENV)/.installed
	@BIN="$(CURDIR)/$(BIN)" sh examples/demo.sh "$(CURDIR)/build/demo"

# On all processors; whoever has run its own half takes tests from the end of the other's.
test: $(VENV)/.tested $(BROWSER)
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

# The tests in Chromium alone; screenshots are then in build/screenshots.
browser: $(VENV)/.tested $(BROWSER)
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

# How many small changes to the modules that matter most make a test fail: about a quarter of an hour on two processors.
# MUTANTS_ARGS=access/lockout is for one module.
mutants: $(VENV)/.mutated
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

# With the real components, built from their Go modules into a cache the first time; it says which it has, and why not
# the others.
e2e: $(VENV)/.tested
	@$(BIN)/python -m tests.e2e.components >/dev/null || { code=$$?; [ $$code -eq 75 ] && exit 0 || exit $$code; }; \
		$(BIN)/python -m tests.e2e.tarmak_build; \
		TARMAK_IAM_E2E=1 $(BIN)/python -m pytest -n auto --maxprocesses 2 --dist loadgroup tests/e2e $(PYTEST_ARGS)

# With pods that run: a kubelet, containerd and the controllers besides. It needs root; where it cannot be, it says why.
e2e-node: $(VENV)/.tested
	@$(BIN)/python -m tests.e2e.components >/dev/null || { code=$$?; [ $$code -eq 75 ] && exit 0 || exit $$code; }; \
		TARMAK_IAM_E2E=1 TARMAK_IAM_E2E_NODE=1 $(BIN)/python -m pytest tests/e2e/node $(PYTEST_ARGS)

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.linted
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.installed
	$(BIN)/tarmak-iam schema > schemas/kubernetes.apiServer.amazon.json
	$(BIN)/tarmak-iam schema tarmak.yaml > schemas/tarmak.json
	$(BIN)/tarmak-iam schema mappings > schemas/mappings.json
	$(BIN)/tarmak-iam schema settings > schemas/settings.json

# What the program has of docs/rules, for those who have only the program.
pages: $(VENV)/.tested
	$(BIN)/python -m tests.lint.pages

# The regions that the program knows, with those of the botocore that is installed.
regions: $(VENV)/.tested
	$(BIN)/python -m tests.support.regions_table

# What `manifests` prints for the cases in tests/emit/golden; read the difference before it is committed.
goldens: $(VENV)/.installed
	$(BIN)/python -m tests.emit.goldens

# Commands, versions and Python's names in docs/reference, from the program itself; in docs/hook.md what kills come to.
reference: $(VENV)/.tested
	$(BIN)/python -m tests.docs.reference
	$(BIN)/python -m tests.support.kill_table

docs: $(VENV)/.tested
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --fresh-env docs build/docs
	@echo "the documentation is in build/docs/index.html"

# The tables of docs/comparison.md, beside tools that are brought into ~/.cache/tarmak-iam-bench where they can be had.
bench: $(VENV)/.benched
	@$(BIN)/python benchmarks/tools.py
	$(BIN)/python benchmarks/run.py

# The same, put into that page; read the difference before it is committed.
comparison: $(VENV)/.benched
	@$(BIN)/python benchmarks/tools.py
	$(BIN)/python benchmarks/run.py --write docs/comparison.md

# The same bytes wherever, whenever and by whom it is built: release/backend.py, and the versions in release/constraints.txt.
dist: $(VENV)/.building
	rm -rf dist
	PIP_CONSTRAINT=release/constraints.txt $(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	cd dist && sha256sum *

# The test suite against the installed wheel, with the lowest and the newest versions of what it needs, on every Python
# that is found: about five minutes for each. COMPAT_ARGS='--python 3.10 --versions lowest' chooses; where no registry
# answers, it says so.
compat: $(VENV)/.tested
	@$(BIN)/python -m tests.compat $(COMPAT_ARGS) || { code=$$?; [ $$code -eq 75 ] && exit 0 || exit $$code; }

clean:
	rm -rf $(VENV) build dist *.egg-info tarmak_iam-*/

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The package is installed in place: what is edited is what runs.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.tested: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test,fast,dist]'
	@touch $@

# What drives Chromium in tests; without npm, or a registry that answers, those tests are skipped and say so.
$(BROWSER): tests/browser/package.json tests/browser/package-lock.json
	@command -v npm >/dev/null || exit 0; cd tests/browser && \
		npm ci --silent --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1 --fetch-timeout=60000 \
		&& touch node_modules/.installed || echo "npm could not install the packages of tests/browser"

$(VENV)/.linted: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test,lint]'
	@touch $@

$(VENV)/.mutated: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test,fast,mutants]'
	@touch $@

$(VENV)/.building: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dist]'
	@touch $@

$(VENV)/.benched: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test,fast,bench]'
	@touch $@
