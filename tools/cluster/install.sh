#!/usr/bin/env bash
# Installs the chart of this checkout, or brings it up to date; does nothing where that was the last thing that was done.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
chart=$repository/helm/parallelrun namespace=parallelrun-system
mapfile -t files < <(find "$chart" -type f | LC_ALL=C sort)
image=$(docker exec "$cluster-control-plane" cat /kind/loaded-operator) || fail "the operator's image is not in the cluster: run tools/cluster/images.sh first"
wanted=$(hash_of "${files[@]}" "$here/values.yaml" "$here/install.sh" -- "$image")

# Another test may have upgraded or removed it: the release itself remembers what it is.
installed() {
    [[ $(kubectl --namespace "$namespace" get deployment parallelrun-operator --request-timeout 10s \
        --output 'jsonpath={.spec.template.metadata.annotations.parallelrun-tools/installed} {.status.availableReplicas}' 2>/dev/null) == "$wanted "[1-9]* ]]
}
upgrade() {
    # The annotation makes new pods also where only what is inside the image has changed.
    helm upgrade --install parallelrun "$chart" --namespace "$namespace" --create-namespace --values "$here/values.yaml" \
        --set-string "operator.podAnnotations.parallelrun-tools/installed=$wanted" --wait --timeout 120s \
        || { kubectl --namespace "$namespace" get pods,events; kubectl --namespace "$namespace" logs deployment/parallelrun-operator --tail 50; return 1; }
}
installed || step "installing the chart" upgrade
