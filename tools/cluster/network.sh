#!/usr/bin/env bash
# Joins the pods of all nodes by one CNI file and one route a node, which needs no image. Harmless to repeat; to be
# repeated after a node was stopped and started, since routes do not outlive that.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
source "$here/nodes.sh"

# A node that has just joined has no range yet.
range_of() {
    local range
    for _ in $(seq 120); do
        range=$(kubectl get node "$1" --output 'jsonpath={.spec.podCIDR}' 2>/dev/null) && [[ -n $range ]] && echo "$range" && return
        sleep 0.5
    done
    fail "node $1 has no pod range after 60 s"
}

mapfile -t all < <(nodes)
for node in "${all[@]}"; do
    range=$(range_of "$node")
    address=$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$node")
    docker exec --interactive "$node" tee /etc/cni/net.d/10-pods.conflist >/dev/null <<JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": true, "mtu": 1500,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$range"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
JSON
    for other in "${all[@]}"; do
        [[ $other == "$node" ]] || docker exec "$other" ip route replace "$range" via "$address"
    done
done
