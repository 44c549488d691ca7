# Sourced: the nodes of the cluster, as docker knows them; asking docker is much faster than asking kind.
nodes() { docker ps --all --filter "label=io.x-k8s.kind.cluster=$cluster" --format '{{.Names}}' | sort; }

# The folder of this machine that all nodes mount at /volumes; empty where there is no cluster.
volumes() {
    docker inspect --format '{{range .Mounts}}{{if eq .Destination "/volumes"}}{{.Source}}{{end}}{{end}}' "$cluster-control-plane" 2>/dev/null
}
