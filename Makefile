# SPDX-License-Identifier: GPL-3.0-or-later
# Everything a developer does, one target each; `make` alone prints them.

PYTHON ?= python3
N ?= 3
PREFIX ?= cri
PYTEST_OPTIONS ?=
BIN := .venv/bin
export PYTHONPATH := $(CURDIR)/tests
# Molecule and ansible-playbook find ansible in the same environment.
export MOLECULE_GLOB := molecule/*/molecule.yml
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo nodes nodes-down test unit unit-old-controller integration molecule faults bench fuzz catalogue-check \
    crio-config-check conformance predict lint sanity format build docs docs-test docs-record changelog lock clean clean-testbed

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Provision two nodes, use the collection on them, and check every result
	@$(PYTHON) -m demo

nodes: ## Start N nodes (default: 3) for experiments, with CRI-O or its stand-in
	$(PYTHON) -m testbed up --nodes $(N) --prefix $(PREFIX)

nodes-down: ## Remove the nodes
	$(PYTHON) -m testbed down --prefix $(PREFIX)

test: .venv/stamp .venv-2.16/stamp ## All tests: unit on both controllers, integration, Molecule
	@$(BIN)/python tests/run_all.py $(PYTEST_OPTIONS)

unit: .venv/stamp ## Unit tests on the newest controller
	$(BIN)/pytest tests/unit $(PYTEST_OPTIONS)

unit-old-controller: .venv-2.16/stamp ## Unit tests on the oldest supported controller
	.venv-2.16/bin/pytest tests/unit $(PYTEST_OPTIONS)

integration: .venv/stamp ## Integration tests, on real nodes
	$(BIN)/pytest tests/integration $(PYTEST_OPTIONS)

molecule: .venv/stamp ## All Molecule scenarios, on real nodes
	$(BIN)/pytest tests/scenarios $(PYTEST_OPTIONS)

faults: .venv/stamp ## Inject all faults on real nodes and judge the nodes; FAULTS="text ..." selects some
	@$(BIN)/python -m faults $(FAULTS)

bench: .venv/stamp ## Measure costs on real nodes, compared with ping and crictl, into build/bench.json
	@$(BIN)/python -m bench

fuzz: .venv/stamp ## Feed 50,000 malformed outputs of crictl to everything that reads them; SEED= repeats a run, INPUT= one input
	@$(BIN)/python -m fuzz $(if $(SEED),--seed $(SEED)) $(if $(INPUT),--input $(INPUT))

catalogue-check: .venv/stamp ## Compare the catalogue of keys with a CRI-O; CRIO= a program or its directory, MANUAL= its crio.conf.5.md
	@$(BIN)/python -m catalogue $(CRIO) $(if $(MANUAL),--manual $(MANUAL))

crio-config-check: .venv/stamp ## Compare the check of crio.conf with the real CRI-O; SEED= repeats a run, ONLY="a key" selects some
	@$(BIN)/python -m configurations $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

conformance: .venv/stamp ## Compare registries.conf with the real CRI-O and skopeo; SEED= repeats a run, ONLY="a rule" selects some, FAULT= seeds one
	@$(BIN)/python -m conformance $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)") $(if $(FAULT),--seed-fault "$(FAULT)")

predict: .venv/stamp ## Change every key of crio.conf on a node, and compare the predicted disruption with what CRI-O does; ONLY="a key"
	@$(BIN)/python -m predict $(if $(ONLY),--only "$(ONLY)")

lint: .venv-lint/stamp ## ruff, mypy, yamllint, ansible-lint
	.venv-lint/bin/ruff check .
	.venv-lint/bin/ruff format --check .
	.venv-lint/bin/yamllint --strict .
	.venv-lint/bin/python -c 'from testbed.paths import link_collection; link_collection()'
	.venv-lint/bin/mypy
	PATH=$(CURDIR)/.venv-lint/bin:$$PATH ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/build/collections \
	    .venv-lint/bin/ansible-lint --offline --profile production

sanity: .venv-sanity/stamp .venv-2.16/stamp ## ansible-test, galaxy-importer, antsibull, reuse, ansible-lint on the files that git tracks; SANITY="NAME ..." selects some
	@.venv-sanity/bin/python -m sanity $(SANITY)

format: .venv-lint/stamp ## Format the Python files with ruff
	.venv-lint/bin/ruff check --fix-only .
	.venv-lint/bin/ruff format .

build: .venv/stamp ## Build the archive of the collection, into build/
	$(BIN)/ansible-galaxy collection build --force --output-path build .

docs: .venv-docs/stamp ## Build the documentation site, into build/docs/html
	@.venv-docs/bin/python -m docsite

docs-test: .venv-docs/stamp ## Build the site and open all pages in headless Chromium; screenshots in build/docs/pictures
	.venv-docs/bin/pytest tests/docsite $(PYTEST_OPTIONS)

docs-record: .venv/stamp ## Run the commands of the guides on real nodes, and write their output into the guides
	@$(BIN)/python -m docsite.record

changelog: .venv-sanity/stamp ## Render CHANGELOG.md with all pending fragments
	@.venv-sanity/bin/python -m sanity.changelog

# REUSE-IgnoreStart: the recipe writes a licence header.
lock: .venv-lock/stamp ## Pin the dependency groups of pyproject.toml again, into requirements/
	for pair in test:test lint:lint controller-216:controller-2.16 sanity:sanity docs:docs lock:lock; do \
	    .venv-lock/bin/uv pip compile --quiet --universal --upgrade --no-emit-index-url --python-version 3.11 \
	        --custom-compile-command "make lock" --group $${pair%%:*} --output-file requirements/$${pair##*:}.txt && \
	    sed -i '1i # SPDX-License-Identifier: GPL-3.0-or-later' requirements/$${pair##*:}.txt || exit 1; \
	done
# REUSE-IgnoreEnd

clean: ## Remove the nodes, build results and virtual environments; keep images and cache
	-$(PYTHON) -m testbed down --prefix $(PREFIX)
	rm -rf build .venv .venv-lint .venv-sanity .venv-docs .venv-lock .venv-2.16 .pytest_cache .ruff_cache .ansible .hypothesis

clean-testbed: ## Remove all test beds and their images
	$(PYTHON) -m testbed clean

# The environments, made again when their lock changes.
.venv/stamp: requirements/test.txt
.venv-lint/stamp: requirements/lint.txt
.venv-sanity/stamp: requirements/sanity.txt
.venv-docs/stamp: requirements/docs.txt
.venv-lock/stamp: requirements/lock.txt
.venv-2.16/stamp: requirements/controller-2.16.txt
.venv/stamp .venv-lint/stamp .venv-sanity/stamp .venv-docs/stamp .venv-lock/stamp .venv-2.16/stamp:
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@
