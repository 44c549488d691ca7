#!/usr/bin/env bash
# Removes the test cluster and what was on its volumes. Images, tools and caches stay.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
source "$here/nodes.sh"
docker info >/dev/null 2>&1 && [[ -n $(nodes) ]] || exit 0
# Files there belong to the jobs' user; a node may remove them.
docker exec "$cluster-control-plane" sh -c 'rm -rf /volumes/*' || true
"$here/tools.sh" kind
kind delete cluster --name "$cluster" --kubeconfig "$kubeconfig"
