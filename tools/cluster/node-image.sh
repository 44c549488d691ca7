#!/usr/bin/env bash
# Prints the name of a kind node image: the published one where it can be pulled, else one made here from Debian packages
# and Go modules (minutes the first time, then kept).
#
# PARALLELRUN_NODE_IMAGE names another one.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
one_at_a_time "$@"
source "$here/debian.sh"

if [[ -n ${PARALLELRUN_NODE_IMAGE:-} ]]; then
    echo "$PARALLELRUN_NODE_IMAGE"
    exit
fi
mapfile -t recipe < <(find "$here/node" "$here/go" -type f | LC_ALL=C sort)
node=parallelrun.local/node:v$KUBERNETES-$(hash_of "${recipe[@]}" "$here/versions.env" "$here/debian.sh" "$here/node-image.sh")
if docker image inspect "$node" >/dev/null 2>&1; then
    echo "$node"
    exit
fi
if can_pull "$PUBLISHED_NODE" 180; then
    echo "$PUBLISHED_NODE"
    exit
fi

work=$tools/node-image
control_plane=(kube-apiserver kube-controller-manager kube-scheduler)

# image NAME:TAG BASE BINARY FOLDER: an image of one binary, and its archive in $work/tars.
image() {
    local name=parallelrun.local/$1 base=$2 binary=$3 folder=$4 context=$work/context
    rm -rf "$context" && mkdir -p "$context" "$work/tars"
    ln "$tools/bin/$binary" "$context/" 2>/dev/null || cp "$tools/bin/$binary" "$context/"
    printf 'FROM %s\nCOPY %s %s/\nENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/\nENTRYPOINT ["%s/%s"]\n' \
        "$base" "$binary" "$folder" "${folder%/}" "$binary" >"$context/Dockerfile"
    docker build --quiet --tag "$name" "$context"
    docker save "$name" --output "$work/tars/$binary.tar"
}

# kube-proxy calls iptables; the others need nothing but themselves.
make_images() {
    local name
    tar -C "$work/proxy-root" -c . | docker import - parallelrun.local/proxy-root:latest
    for name in "${control_plane[@]}"; do image "$name:v$KUBERNETES" scratch "$name" /usr/local/bin; done
    image "kube-proxy:v$KUBERNETES" parallelrun.local/proxy-root:latest kube-proxy /usr/local/bin
    image "etcd:$ETCD_TAG" scratch etcd /usr/local/bin
    image "coredns:v$COREDNS" scratch coredns /
    image "pause:$PAUSE_TAG" scratch pause /
    docker rmi parallelrun.local/proxy-root:latest
}

make_roots() {
    debian_root "$work/proxy-root" iptables,conntrack,kmod,nftables
    debian_root "$work/node-root" systemd,systemd-sysv,dbus,ca-certificates,conntrack,iptables,nftables,iproute2,ethtool,mount,kmod,procps,jq,containerd,runc,containernetworking-plugins,socat,hostname
}

make_node() {
    local context=$work/context name
    rm -rf "$context" && mkdir -p "$context/bin"
    cp -r "$here/node/Dockerfile" "$here/node/files" "$context/"
    sed -i "s/PAUSE_TAG/$PAUSE_TAG/" "$context/files/etc/containerd/config.toml"
    mkdir -p "$context/files/kind" && echo "v$KUBERNETES" >"$context/files/kind/version"
    for name in kubeadm kubelet kubectl; do cp "$tools/bin/$name" "$context/bin/"; done
    tar -C "$work/node-root" -cf "$context/root.tar" .
    docker build --quiet --tag parallelrun.local/node-base:latest "$context"
}

# The images go into containerd's store by containerd itself, in a container that then becomes the node image.
preload() {
    local builder=parallelrun-node-image archive
    docker rm --force "$builder" >/dev/null 2>&1 || true
    docker run --detach --name "$builder" --privileged --entrypoint /bin/sleep --volume "$work/tars:/tars:ro" \
        parallelrun.local/node-base:latest infinity
    docker exec --detach "$builder" containerd
    for _ in $(seq 60); do
        docker exec "$builder" ctr version >/dev/null 2>&1 && break
        sleep 0.5
    done
    for archive in "$work"/tars/*.tar; do
        docker exec "$builder" ctr --namespace k8s.io images import --label=io.cri-containerd.pinned=pinned --no-unpack --digests \
            "/tars/$(basename "$archive")"
    done
    docker exec "$builder" sh -c 'kill $(pidof containerd); while pidof containerd; do sleep 0.1; done'
    docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' --change 'ENV container=docker' "$builder" "$node"
    docker rm --force "$builder"
    docker rmi parallelrun.local/node-base:latest
}

debian_tools
step "making two Debian root file systems" make_roots &  # waits for disks, while the compiler waits for processors
roots=$!
"$here/tools.sh" kubectl kubeadm kubelet "${control_plane[@]}" kube-proxy etcd coredns pause || { wait "$roots"; exit 1; }
wait "$roots"
step "making the control plane's images" make_images
step "making the node image" make_node
step "giving it the control plane's images" preload
rm -rf --one-file-system "$work"
echo "$node"
