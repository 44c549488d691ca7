# The commands of this repository. `make demo` and `make test` set up everything that they need.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
DEMO := runs/demo
# Test files run side by side; a file's tests run one after the other. More than processors: those on a cluster wait.
WORKERS ?= 4
# Tests that need the public data sets of ../shared/data are skipped where that folder does not exist.
export PARALLELRUN_TEST_DATA ?= $(wildcard $(abspath ../shared/data))
# TensorFlow's own chatter; and no tests on somebody's GPU.
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Where this is set, every process compiles our modules anew, and whatever is timed here is compiling.
unexport PYTHONDONTWRITEBYTECODE
export TF_ENABLE_ONEDNN_OPTS ?= 0

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv with parallelrun, TensorFlow and the development tools
	@tools/setup.sh .venv requirements.lock --editable

.PHONY: demo
demo: setup ## Read 899 handwritten digits with a TensorFlow model; print accuracy and order
	@rm -rf $(DEMO)
	$(BIN)/parallelrun run examples/mnist/job.yaml --output $(DEMO)
	@echo "The first lines of $(DEMO)/parallel_run_step.txt:"
	@head -n 3 $(DEMO)/parallel_run_step.txt | sed 's/^/    /'
	$(BIN)/python examples/mnist/score.py $(DEMO)/parallel_run_step.txt

.PHONY: test
test: lint ## Check style, types and imports, then run every test but the long ones (those on a cluster need Docker)
	@tools/cluster/tools.sh || [[ $${CI:-} != true ]]
	@tools/storage/servers.sh || [[ $${CI:-} != true ]]
	@tools/browser/chromium.sh || [[ $${CI:-} != true ]]
	$(BIN)/pytest -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

.PHONY: lint
lint: setup ## Check style, types, import layers and the worker's Python 3.7 syntax
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vermin --no-tips --violations -t=3.7- runner-image/parallelrun_worker

.PHONY: format
format: setup ## Format the code and fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: soak
soak: setup ## Kill and freeze what runs at random, 200 times here and ten minutes in the cluster, and compare output (long)
	$(BIN)/pytest -m soak $(PYTEST)

.PHONY: bench
bench: setup ## Time parallelrun against a plain loop, Pool, joblib, Ray, Dask and Spark (BENCH="--only W1 --runs 3")
	@tools/setup-bench.sh
	$(BIN)/python tests/bench $(BENCH)

.PHONY: generate
generate: setup ## Write crds/, docs/reference/ and what the Helm chart takes from them
	$(BIN)/python -m parallelrun.api.crd crds
	$(BIN)/python -m parallelrun.cli.reference docs/reference
	$(BIN)/python -m parallelrun.azureml.reference docs/reference
	$(BIN)/python -m parallelrun.client.reference docs/reference
	$(BIN)/python tools/manifest_reference.py crds docs/reference
	$(BIN)/python tools/chart_readme.py

.PHONY: verify
verify: generate ## Fail when a generated file is not what the code makes
	@new=$$(git ls-files --others --exclude-standard -- crds docs/reference helm); \
	if [[ -n $$new ]]; then echo "not committed: $$new" >&2; exit 1; fi
	git diff --exit-code -- crds docs/reference helm

.PHONY: cluster-tools
cluster-tools: setup ## Put kubectl, kind, helm, etcd and kube-apiserver into .tools/bin
	@tools/cluster/tools.sh

.PHONY: cluster
cluster: setup ## Start a kind cluster with the operator, the images and the claim parallelrun in default
	@tools/cluster/up.sh
	@tools/cluster/images.sh operator runner runner-tensorflow
	@tools/cluster/install.sh
	@tools/cluster/claim.sh default >/dev/null
	@echo "To use it: export KUBECONFIG=$(CURDIR)/.tools/kubeconfig PATH=$(CURDIR)/.tools/bin:\$$PATH"

.PHONY: cluster-down
cluster-down: ## Remove that cluster and what is on its volumes
	@tools/cluster/down.sh

.PHONY: images
images: setup ## Build the images, and load them into the cluster where there is one
	@tools/cluster/images.sh operator runner runner-tensorflow

.PHONY: lock
lock: ## Remake the lock files from pyproject.toml (LOCK=--upgrade renews every pin); needs uv
	tools/lock.sh $(LOCK)
