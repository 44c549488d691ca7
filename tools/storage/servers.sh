#!/usr/bin/env bash
# Puts the object stores that tests run against into .tools: Azurite (Azure Blob; needs Node.js and npm), versitygw (S3
# over a folder) and fake-gcs-server (both are built from Go modules).
#
#   tools/storage/servers.sh [NAME...]     NAME: azurite, versitygw or fake-gcs-server
source "$(dirname "${BASH_SOURCE[0]}")/../cluster/setting.sh"
# shellcheck source=versions.env
source "$repository/tools/storage/versions.env"

# Not the cluster's lock: making that takes minutes, and these tests need none.
if [[ -z ${PARALLELRUN_HOLDS_STORAGE_LOCK:-} ]]; then
    PARALLELRUN_HOLDS_STORAGE_LOCK=yes exec flock --close "$tools/storage.lock" "$0" "$@"
fi

version_of() {
    case $1 in
        azurite) echo "$AZURITE" ;;
        versitygw) echo "$VERSITYGW" ;;
        fake-gcs-server) echo "$FAKE_GCS_SERVER" ;;
        *) fail "there is no object store $1" ;;
    esac
}

build() {
    local name=$1 pinned=$2
    case $name in
        azurite)
            rm -rf "$tools/azurite" && mkdir -p "$tools/azurite"
            npm install --prefix "$tools/azurite" --no-package-lock --no-audit --no-fund "azurite@$pinned"
            ;;
        versitygw) GOBIN=$tools/bin go install "github.com/versity/versitygw/cmd/versitygw@v$pinned" ;;
        fake-gcs-server) GOBIN=$tools/bin go install "github.com/fsouza/fake-gcs-server@v$pinned" ;;
    esac
}

export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
wanted=("$@")
((${#wanted[@]})) || wanted=(azurite versitygw fake-gcs-server)
for name in "${wanted[@]}"; do
    pinned=$(version_of "$name")
    [[ -f $tools/bin/.$name && $(cat "$tools/bin/.$name") == "$pinned" ]] && continue
    if [[ $name == azurite ]]; then
        command -v npm >/dev/null || debian_packages nodejs npm
    else
        find_go
    fi
    step "getting $name $pinned" build "$name" "$pinned"
    echo "$pinned" >"$tools/bin/.$name"
done
