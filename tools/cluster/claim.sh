#!/usr/bin/env bash
# Makes a ReadWriteMany claim in a namespace, and the volume behind it: a folder of this machine, whose path is printed.
#
#   tools/cluster/claim.sh [--volume-only] NAMESPACE [CLAIM]       CLAIM: parallelrun
#
# With --volume-only the claim itself is somebody else's to make (the chart's, say); it binds to this volume.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
source "$here/nodes.sh"
claimed=yes
if [[ ${1:-} == --volume-only ]]; then claimed=no; shift; fi
namespace=${1:?a namespace} claim=${2:-parallelrun}
folder=$namespace/$claim root=$(volumes)
[[ -n $root ]] || fail "there is no cluster $cluster: run tools/cluster/up.sh first"

# By way of the node, which may write where this user may not.
docker exec "$cluster-control-plane" sh -c "mkdir -p /volumes/$folder && chmod 777 /volumes/$folder"
# A volume whose claim was deleted stays that claim's for ever.
if [[ $(kubectl get persistentvolume "$namespace-$claim" --ignore-not-found --output 'jsonpath={.status.phase}') == Released ]]; then
    kubectl delete persistentvolume "$namespace-$claim" >&2
fi
{
    cat <<YAML
apiVersion: v1
kind: PersistentVolume
metadata: {name: $namespace-$claim}
spec:
  capacity: {storage: 10Gi}
  accessModes: [ReadWriteMany]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: parallelrun-shared
  claimRef: {namespace: $namespace, name: $claim}
  hostPath: {path: /volumes/$folder, type: Directory}
YAML
    [[ $claimed == no ]] || cat <<YAML
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $claim, namespace: $namespace}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: parallelrun-shared
  resources: {requests: {storage: 10Gi}}
YAML
} | kubectl apply --server-side --field-manager parallelrun-tools --filename - >&2
echo "$root/$folder"
