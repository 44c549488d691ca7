#!/usr/bin/env bash
# Remakes the lock files from pyproject.toml, and those of the images from their own lists: exact versions and hashes, for every supported Python,
# with no index addresses in them. Needs uv. Pins that still fit are kept; `tools/lock.sh --upgrade` renews them all.
set -euo pipefail
cd "$(dirname "$0")/.."
uv --version >/dev/null 2>&1 || { echo "lock: uv is missing: https://docs.astral.sh/uv says how to install it" >&2; exit 1; }

lock() {
    local file=$1; shift
    uv pip compile pyproject.toml "$@" --universal --python-version 3.11 --generate-hashes --quiet \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file "$file" >/dev/null
}
lock requirements.lock --extra operator --extra agent --group dev --group tensorflow --group build ${1:-}
lock bench.lock --group bench --group tensorflow ${1:-}
