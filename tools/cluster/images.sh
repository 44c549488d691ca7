#!/usr/bin/env bash
# Builds the project's images and loads them into the cluster's nodes. What has not changed since, by a hash of all that
# goes into an image, is neither built nor loaded again.
#
#   tools/cluster/images.sh [--no-load] [NAME...]      NAME: operator, runner, runner-tensorflow (default: the first two)
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
load=yes python=$repository/.venv/bin/python
if [[ ${1:-} == --no-load ]]; then load=no; shift; fi
names=("$@")
((${#names[@]})) || names=(operator runner)

# The context is made here, not by the docker client: the same files, in the same order, with the same dates, have one hash.
context() {
    local files=(LICENSE README.md pyproject.toml Dockerfile sdk operator runner-image)
    tar -C "$repository" -c --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=a+rX \
        --exclude=__pycache__ --exclude='*.pyc' "${files[@]}"
}

# Python, pip and the proxy as they are set up for this machine.
build_arguments() {
    local name
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        [[ -z ${!name:-} ]] || echo "--build-arg=$name=${!name}"
    done
    [[ ! -f $tools/context/ca.crt ]] || echo --build-arg=PIP_CERT=/build/ca.crt
}

# Named by what went into it, so that two checkouts on one machine do not take each other's.
tag_of() { echo "parallelrun.local/$1:$inputs"; }
build() {
    local name=$1 arguments
    mapfile -t arguments < <(build_arguments)
    docker build --quiet --network host --target "$name" --tag "$(tag_of "$name")" --label dev.parallelrun.inputs="$inputs" \
        --build-arg "BASE_IMAGE=$base" --build-arg "BUILD_IMAGE=$with_pip" --build-arg "VERSION=$version" \
        "${arguments[@]}" - <"$tools/context/context.tar"
    # What nobody has asked for in two days.
    docker image prune --all --force --filter label=dev.parallelrun.inputs --filter until=48h
}
built() { docker image inspect "$(tag_of "$1")" >/dev/null 2>&1; }

# A node remembers what it was given: asking containerd for 2 GB of image by its hash takes longer than reading a file.
source "$here/nodes.sh"
loaded() { [[ $(docker exec "$1" cat "/kind/loaded-$2" 2>/dev/null) == "$inputs" ]]; }
load() {
    local name=$1 node; shift
    "$python" "$here/load_image.py" "$(tag_of "$name")" "parallelrun/$name:$version" "$@"
    for node in "$@"; do docker exec "$node" sh -c "echo $inputs >/kind/loaded-$name"; done
}

read -r base with_pip < <("$here/base-image.sh")
rm -rf "$tools/context" && mkdir -p "$tools/context"
certificates=${PIP_CERT:-${SSL_CERT_FILE:-}}
if [[ -n $certificates ]]; then cp "$certificates" "$tools/context/ca.crt"; fi
context >"$tools/context/context.tar"
inputs=$(hash_of "$tools/context/context.tar" -- "$base" "$version")
if [[ -n $certificates ]]; then
    tar -C "$tools/context" --append --file "$tools/context/context.tar" --mtime=@0 --owner=0 --group=0 ca.crt
fi

for name in "${names[@]}"; do
    built "$name" || step "building parallelrun/$name:$version" build "$name"
    docker tag "$(tag_of "$name")" "parallelrun/$name:$version"
    [[ $load == yes ]] || continue
    missing=()
    for node in $(nodes); do loaded "$node" "$name" || missing+=("$node"); done
    ((${#missing[@]} == 0)) || step "loading parallelrun/$name:$version" load "$name" "${missing[@]}"
done
