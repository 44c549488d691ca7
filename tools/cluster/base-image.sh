#!/usr/bin/env bash
# Prints the names of two images for our Dockerfile: what it builds on (a Python) and what it builds with (the same, and pip).
# They are the published Python image where it can be pulled quickly, else a Debian of our own.
#
# PARALLELRUN_BASE_IMAGE names another one, which must have pip.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
source "$here/debian.sh"

if [[ -n ${PARALLELRUN_BASE_IMAGE:-} ]]; then
    echo "$PARALLELRUN_BASE_IMAGE $PARALLELRUN_BASE_IMAGE"
    exit
fi

recipe=$(hash_of "$here/debian.sh" "$here/base-image.sh" -- "$DEBIAN")
base=parallelrun.local/python:$recipe with_pip=parallelrun.local/python-pip:$recipe
there() { docker image inspect "$base" "$with_pip" >/dev/null 2>&1; }
if there; then
    echo "$base $with_pip"
    exit
fi
if can_pull "$PUBLISHED_BASE" 60; then
    echo "$PUBLISHED_BASE $PUBLISHED_BASE"
    exit
fi

import() { tar -C "$1" -c . | docker import --change 'CMD ["python3"]' - "$2"; }
make_both() {
    local root=$tools/python-root
    debian_root "$root" python3,python-is-python3,ca-certificates,tzdata
    import "$root" "$base"
    install_wheel pip.lock "$root/usr/lib/python3/dist-packages"
    import "$root" "$with_pip"
    rm -rf --one-file-system "$root"
}
debian_tools
step "making a Debian with Python" make_both
echo "$base $with_pip"
