#!/usr/bin/env bash
# Makes sure that a Docker engine answers: uses a running one; as root on Debian installs and starts one; else says what to do.
source "$(dirname "${BASH_SOURCE[0]}")/setting.sh"
answers() { docker info >/dev/null 2>&1; }
answers && exit 0

is_root || fail "no Docker engine answers to this user: start Docker (or add the user to the group docker), then run this again"
command -v dockerd >/dev/null || debian_packages docker.io iptables jq
hash -r

# Some machines withhold CAP_SYS_RESOURCE even from root; privileged containers then start only where nobody asks for it.
withheld() { ((!(0x$(awk '/^CapBnd/ {print $2}' /proc/self/status) >> 24 & 1))); }
if withheld && [[ ! -e /etc/docker/daemon.json ]]; then
    command -v jq >/dev/null || debian_packages jq
    install -D -m755 "$here/runtime/runc-without-sys-resource" /usr/local/bin/runc-without-sys-resource
    mkdir -p /etc/docker
    cat >/etc/docker/daemon.json <<'JSON'
{"default-runtime": "without-sys-resource", "runtimes": {"without-sys-resource": {"path": "/usr/local/bin/runc-without-sys-resource"}}}
JSON
fi

# An engine that was killed leaves its pid files; while nobody has reaped it, or another process has its number, a new
# one takes it for running and gives up.
forget_the_dead() {
    local file pid state
    for file in /run/docker.pid /run/docker/containerd/containerd.pid; do
        [[ -e $file ]] || continue
        pid=$(<"$file")
        state=$(awk '/^Name:/ {name = $2} /^State:/ {state = $2} END {print name, state}' "/proc/$pid/status" 2>/dev/null || true)
        case $state in
            dockerd\ [!Z] | containerd\ [!Z]) ;;  # alive
            *) rm -f "$file" ;;
        esac
    done
}

if [[ -d /run/systemd/system ]]; then
    systemctl start docker
else
    forget_the_dead
    setsid nohup dockerd >"$tools/dockerd.log" 2>&1 </dev/null &
fi
for _ in $(seq 60); do
    answers && exit 0
    sleep 0.5
done
[[ -d /run/systemd/system ]] || tail -n 20 "$tools/dockerd.log" >&2
fail "the Docker engine does not answer after 30 s: see above, and $tools/dockerd.log, or: journalctl -u docker"
