#!/usr/bin/env bash
# Remakes the lock files from pyproject.toml, and those of the images from their own lists: exact versions and hashes, for every supported Python,
# with no index addresses in them. Needs uv. Pins that still fit are kept; `tools/lock.sh --upgrade` renews them all.
set -euo pipefail
cd "$(dirname "$0")/.."
uv --version >/dev/null 2>&1 || { echo "lock: uv is missing: https://docs.astral.sh/uv says how to install it" >&2; exit 1; }

compile() {
    uv pip compile "$@" --universal --python-version 3.11 --generate-hashes --quiet \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links >/dev/null
}
compile pyproject.toml --extra operator --extra agent --extra notebook --group dev --group tensorflow --group build \
    --output-file requirements.lock ${1:-}
compile pyproject.toml --group bench --group tensorflow --output-file bench.lock ${1:-}

# What an image holds is what was tested, version by version. Their own pins are not kept: requirements.lock decides.
image() { compile "$1.in" --constraint requirements.lock --output-file "$1.lock" --upgrade; }
image operator/requirements
image runner-image/requirements-build
image runner-image/requirements
image runner-image/requirements-tensorflow
