#!/usr/bin/env bash
# Makes a virtual environment that holds exactly what a lock file names, and installs what that needs of the system.
#
#   tools/setup.sh VENV LOCK [--editable]      --editable: also parallelrun itself, from this checkout
#
# Does nothing, in some milliseconds, when nothing has changed since it last succeeded.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1 lock=$2 editable=${3:-}

say() { echo "setup: $*" >&2; }
fail() { say "$*"; exit 1; }

# What the environment depends on: the lock, our own entry points, and where it is (its scripts name their interpreter).
wanted() { { cat "$lock"; [[ -z $editable ]] || cat pyproject.toml; echo "$PWD/$venv"; } | sha256sum | cut -c1-64; }

stamp=$venv/.parallelrun-setup
if [[ -x $venv/bin/python && -f $stamp && $(cat "$stamp") == "$(wanted)" ]]; then
    exit 0
fi

find_python() {
    local name
    for name in "${PYTHON:-}" python3.11 python3.12 python3.13 python3; do
        [[ -n $name ]] || continue
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    return 1
}

debian_install() {
    if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
        return 1
    fi
    say "installing Debian packages: $*"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -y -q --no-install-recommends "$@"; } >&2 </dev/null
}

have_uv() { uv --version >/dev/null 2>&1; }

python=$(find_python) || {
    debian_install python3 && python=$(find_python) \
        || fail "Python 3.11 or newer is missing: install it (Debian: apt-get install python3), or set PYTHON"
}
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    debian_install "$version" || debian_install python3-venv || have_uv \
        || fail "$python cannot make virtual environments: as root, apt-get install $version (or install uv)"
fi

if [[ ! -x $venv/bin/python ]] || ! "$venv/bin/python" -c '' 2>/dev/null; then
    say "making $venv with $python"
    rm -rf "$venv"
    if have_uv; then uv venv --quiet --python "$python" "$venv"; else "$python" -m venv "$venv"; fi
fi
rm -f "$stamp"

if have_uv; then
    # TensorFlow and pandas are thousands of modules: compiled once here, or again in every worker process.
    install=(uv pip install --quiet --compile-bytecode --python "$venv/bin/python")
else
    "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip --upgrade >/dev/null
    install=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
fi

say "installing what $lock names into $venv"
"${install[@]}" --require-hashes --requirement "$lock" </dev/null
if [[ -n $editable ]]; then
    "${install[@]}" --no-deps --no-build-isolation --editable . </dev/null
fi
wanted >"$stamp"
say "$venv is ready"
