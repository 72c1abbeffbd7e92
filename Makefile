# Everything is installed into .venv: only python3, git and make are required.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Quiet, and without pip's notice about newer versions of pip.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
BROWSER := tests/browser/node_modules/.installed

.PHONY: demo setup compiled test test-all mutants browser e2e e2e-all e2e-node components lint format schemas regions goldens reference images docs bench targets hostile comparison dist compat clean

demo: $(VENV)/.installed
	@BIN="$(CURDIR)/$(BIN)" sh examples/demo.sh "$(CURDIR)/build/demo"

# All that `make lint`, `make test-all` and the end-to-end tests install, at once: two of them would disturb each other.
setup: $(VENV)/.prepared $(BROWSER)

# What the tests import, once for all workers and their fork servers: they begin at the same time, and each would compile
# all of it.
compiled: $(VENV)/.tested
	@$(PYTHON_CACHED) -c "from tests.support.fork_server import import_all; import_all()"
	@said=$$(TARMAK_IAM_E2E=1 TARMAK_IAM_E2E_NODE=1 $(PYTHON_CACHED) -m pytest --collect-only -qq) || { echo "$$said"; exit 1; }

# What is compiled is kept, whatever the environment says: every worker, and every process that a test starts, would
# compile all modules again.
PYTHON_CACHED := PYTHONDONTWRITEBYTECODE= $(BIN)/python

# On all processors; a worker that has finished takes tests from the others.
PYTEST := $(PYTHON_CACHED) -m pytest -n auto --dist worksteal

# What to run before each commit: without the tests that are marked as thorough, and with fewer random examples.
test: $(VENV)/.tested
	TARMAK_IAM_EXAMPLES=quick $(PYTEST) -m "not thorough" $(PYTEST_ARGS)

# All tests; CI runs them.
test-all: $(VENV)/.tested $(BROWSER)
	$(PYTEST) $(PYTEST_ARGS)

# Only the tests in Chromium; screenshots are written to build/screenshots.
browser: $(VENV)/.tested $(BROWSER)
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

# Mutation tests: how many small changes to the most important modules make a test fail. Takes minutes for most of them, and
# more than an hour for document/engine and document/windows. MUTANTS_ARGS=access/lockout selects one module.
mutants: $(VENV)/.mutated
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

# For each era of Kubernetes one kubectl and one authenticator.
E2E := -m "not thorough"
# `BUILD=:` after `make components`: what could not be built is not tried again.
BUILD := $(BIN)/python -m tests.e2e.components >/dev/null || { code=$$?; [ $$code -eq 75 ] && exit 0 || exit $$code; }

# Tests with the real components, which the first run builds from their Go modules into a cache. It prints which components
# are built, and why others are not. They are in groups by API server (tests/e2e/distribution.py), and mostly wait.
e2e: $(VENV)/.tested
	@$(BUILD); \
		$(BIN)/python -m tests.e2e.tarmak_build; \
		TARMAK_IAM_E2E=1 $(PYTHON_CACHED) -m pytest -n 4 tests/e2e $(E2E) $(PYTEST_ARGS)

# Both of them with every kubectl, authenticator and condition of a node, and with more random rights.
e2e-all:
	TARMAK_IAM_E2E_RBAC_SEEDS=4 $(MAKE) e2e e2e-node E2E=

# Only builds what they need.
components: $(VENV)/.tested
	@$(BUILD)

# Tests with running pods, which also need a kubelet, containerd and the controllers. Each worker has a cluster of its own;
# they mostly wait. Requires root; prints why if it cannot run.
e2e-node: $(VENV)/.tested
	@$(BUILD); \
		TARMAK_IAM_E2E=1 TARMAK_IAM_E2E_NODE=1 $(PYTHON_CACHED) -m pytest -n 3 tests/e2e/node $(E2E) $(PYTEST_ARGS)

lint: $(VENV)/.linted
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.linted
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: $(VENV)/.tested
	@names=$$($(BIN)/python -c 'from tarmak_iam.config.section_keys import BUILT_IN as all; print(*[each.name for each in all])') \
		&& for name in $$names; do $(BIN)/tarmak-iam schema $$name > schemas/$$name.json || exit 1; done
	$(BIN)/tarmak-iam schema tarmak.yaml > schemas/tarmak.json
	$(BIN)/tarmak-iam schema mappings > schemas/mappings.json
	$(BIN)/tarmak-iam schema settings > schemas/settings.json
	$(BIN)/python -m tests.docs.report_schema

# The list of regions in the program, from the installed botocore.
regions: $(VENV)/.tested
	$(BIN)/python -m tests.support.regions_table

# The output of `manifests` for the cases in tests/emit/golden; review the diff before you commit it.
goldens: $(VENV)/.installed
	$(BIN)/python -m tests.emit.goldens

# The pages in docs/reference (commands, versions, escalations, Python API) from the program and its tests.
reference: $(VENV)/.tested
	$(BIN)/python -m tests.docs.reference

# Drawings in docs/images: the session in README, and the bars for the tables of docs/comparison.md.
images: $(VENV)/.tested
	$(BIN)/python -m tests.docs.images

docs: $(VENV)/.tested
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --fresh-env docs build/docs
	@echo "the documentation is in build/docs/index.html"

# Prints the tables of docs/comparison.md. The other tools are installed into ~/.cache/tarmak-iam-bench if possible.
bench: $(VENV)/.benched
	@$(BIN)/python benchmarks/tools.py
	$(BIN)/python benchmarks/run.py

# Writes the tables to that page, and draws their bars; review the diff before you commit it.
comparison: $(VENV)/.benched
	@$(BIN)/python benchmarks/tools.py
	$(BIN)/python benchmarks/run.py --write docs/comparison.md
	@$(BIN)/python -m tests.docs.images bars

# What edits cost, beside what they may cost, and how it grows with the text. TARGETS='a part of a name' selects rows.
targets: $(VENV)/.benched
	@$(BIN)/python benchmarks/targets.py $(TARGETS)
	@$(BIN)/python benchmarks/growth.py $(TARGETS)

# What files of 1 MB cost that were made to take long: processor time and memory, by shape and command. Takes many minutes.
# HOSTILE_ARGS='--size 100000 "unknown keys"' selects a size and a shape.
hostile: $(VENV)/.installed
	@$(BIN)/python benchmarks/hostile.py $(HOSTILE_ARGS)

# Reproducible archives: see release/backend.py, and the versions in release/constraints.txt.
dist: $(VENV)/.building
	rm -rf dist
	PIP_CONSTRAINT=release/constraints.txt $(BIN)/python -m build --outdir dist
	$(BIN)/twine check --strict dist/*
	cd dist && sha256sum *

# The test suite against the installed wheel, with the lowest and the newest versions of its requirements, on every Python
# that is found: about five minutes each. COMPAT_ARGS='--python 3.10 --versions lowest' selects one. If no package index
# answers, it says so.
compat: $(VENV)/.tested
	@$(BIN)/python -m tests.compat $(COMPAT_ARGS) || { code=$$?; [ $$code -eq 75 ] && exit 0 || exit $$code; }

clean:
	rm -rf $(VENV) build dist *.egg-info tarmak_iam-*/

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# Editable: changes of the source take effect immediately.
$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.tested: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[test,fast,dist]'
	@touch $@

# The npm packages that drive Chromium in tests; without npm or a registry, these tests are skipped with the reason.
$(BROWSER): tests/browser/package.json tests/browser/package-lock.json
	@command -v npm >/dev/null || exit 0; cd tests/browser && \
		npm ci --silent --ignore-scripts --no-audit --no-fund --prefer-offline --fetch-retries=1 --fetch-timeout=60000 \
		&& touch node_modules/.installed || echo "npm could not install the packages of tests/browser"

# Python compiles what is imported; half of the time would go into all the rest.
$(VENV)/.prepared: setup.cfg pyproject.toml | $(BIN)/python
	$(PIP) --no-compile --editable '.[test,fast,dist,lint,bench]'
	@touch $(VENV)/.linted $(VENV)/.tested $@

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
