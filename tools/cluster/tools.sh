#!/usr/bin/env bash
# Puts kubectl, kind and helm, and etcd and kube-apiserver for tests that need no more than an API server, into
# .tools/bin. Everything is built from Go modules; nothing else is downloaded but, where there is no Go, Go itself.
#
#   tools/cluster/tools.sh [NAME...]     NAME: any of the commands below
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
wanted=("$@")
((${#wanted[@]})) || wanted=(kubectl kind helm etcd kube-apiserver)

# The file .tools/bin/.NAME says which version NAME is.
is_there() { [[ -x $tools/bin/$1 && -f $tools/bin/.$1 && $(cat "$tools/bin/.$1") == "$2" ]]; }

version_of() {
    case $1 in
        kind) echo "$KIND" ;;
        helm) echo "$HELM" ;;
        etcd) echo "$ETCD" ;;
        coredns) echo "$COREDNS" ;;
        pause) hash_of "$here/node/pause.go" ;;
        *) echo "$KUBERNETES" ;;
    esac
}

build() {
    local name=$1 minor=${KUBERNETES#*.} flags="-s -w" package
    case $name in
        kind) GOBIN=$tools/bin go install "sigs.k8s.io/kind@v$KIND"; return ;;
        helm) GOBIN=$tools/bin go install "helm.sh/helm/v3/cmd/helm@v$HELM"; return ;;
        pause) go build -trimpath -ldflags "$flags" -o "$tools/bin/pause" "$here/node/pause.go"; return ;;
        etcd) cd "$here/go/etcd"; package=go.etcd.io/etcd/server/v3 ;;
        coredns) cd "$here/go/etcd"; package=github.com/coredns/coredns ;;
        *)
            cd "$here/go/kubernetes"; package=k8s.io/kubernetes/cmd/$name
            local at=k8s.io/component-base/version
            flags+=" -X $at.gitVersion=v$KUBERNETES -X $at.gitMajor=1 -X $at.gitMinor=${minor%%.*} -X $at.gitTreeState=clean"
            flags+=" -X $at.gitCommit=$(printf '0%.0s' {1..40}) -X $at.buildDate=2026-01-01T00:00:00Z"
            ;;
    esac
    go build -trimpath -mod=readonly -ldflags "$flags" -o "$tools/bin/$name" "$package"
}

export CGO_ENABLED=0 GOFLAGS=-buildvcs=false
for name in "${wanted[@]}"; do
    pinned=$(version_of "$name")
    is_there "$name" "$pinned" && continue
    find_go
    step "building $name $pinned" build "$name"
    echo "$pinned" >"$tools/bin/.$name"
done
