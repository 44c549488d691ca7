#!/usr/bin/env bash
# Makes sure that the test cluster is there: a control plane and a worker by kind, in docker. Keeps a cluster that answers
# and was made as this script would make it now; else makes it anew. Its kubeconfig is .tools/kubeconfig.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
source "$here/nodes.sh"

"$here/engine.sh"
"$here/tools.sh" kubectl kind helm
image=$("$here/node-image.sh")
made_as=$(hash_of "$here/kind.yaml" "$here/audit.yaml" "$here/network.sh" "$here/dns.yaml" -- "$(docker image inspect --format '{{.Id}}' "$image")")

# Nodes that something stopped (a test, a restart of the machine) are started; then it must answer soon.
answers() {
    local stopped folder
    folder=$(volumes) && [[ -n $folder && -d $folder ]] || return 1
    mapfile -t stopped < <(docker ps --all --filter "label=io.x-k8s.kind.cluster=$cluster" --filter status=exited --filter status=created --format '{{.Names}}')
    ((${#stopped[@]} == 0)) || docker start "${stopped[@]}" >/dev/null || return 1
    [[ $(docker exec "$cluster-control-plane" cat /kind/made-as 2>/dev/null) == "$made_as" ]] || return 1
    [[ -f $kubeconfig ]] && grep -q "kind-$cluster$" "$kubeconfig" || kind export kubeconfig --name "$cluster" --kubeconfig "$kubeconfig" --quiet || return 1
    for _ in $(seq $((${#stopped[@]} ? 120 : 10))); do
        if kubectl get --raw /readyz --request-timeout 5s >/dev/null 2>&1; then
            "$here/network.sh"  # nodes may have been started by Docker itself, and routes end with a container
            return 0
        fi
        sleep 0.5
    done
    return 1
}

create() {
    local folder=$tools/volumes repository=""
    if [[ -n $(nodes) ]]; then kind delete cluster --name "$cluster" --kubeconfig "$kubeconfig"; fi
    mkdir -p "$folder" && chmod 777 "$folder"
    if [[ $image == parallelrun.local/* ]]; then repository="imageRepository: parallelrun.local"; fi
    sed -e "s|CLUSTER$|$cluster|" -e "s|VOLUMES|$folder|" -e "s|AUDIT_POLICY|$here/audit.yaml|" -e "s|IMAGE_REPOSITORY|$repository|" "$here/kind.yaml" >"$tools/kind.yaml"
    rm -f "$kubeconfig"
    kind create cluster --image "$image" --config "$tools/kind.yaml" --kubeconfig "$kubeconfig" --wait 0
    # Kubelets and log followers of two nodes on one kernel need more than a machine's usual 128.
    docker exec "$cluster-control-plane" sysctl --quiet --write fs.inotify.max_user_instances=1024 || true
    "$here/network.sh"
    kubectl apply --server-side --force-conflicts --filename "$here/dns.yaml"
    kubectl --namespace kube-system scale deployment coredns --replicas 1
    kubectl --namespace kube-system rollout restart deployment coredns
    # Both nodes take pods, so that a job goes on when the worker is drained or gone.
    kubectl taint nodes --all node-role.kubernetes.io/control-plane- || true
    kubectl apply --filename "$here/storage.yaml"
    kubectl wait --for=condition=Ready nodes --all --timeout=90s
    kubectl --namespace kube-system rollout status deployment coredns --timeout 90s
    docker exec "$cluster-control-plane" sh -c "echo $made_as >/kind/made-as"
}

if ! answers; then
    step "making the cluster $cluster" create
    # Node images of former recipes, a gigabyte each, unless another cluster has them.
    for old in $(docker images --format '{{.Repository}}:{{.Tag}}' parallelrun.local/node); do
        [[ $old == "$image" ]] || docker rmi "$old" >/dev/null 2>&1 || true
    done
fi
