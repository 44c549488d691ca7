# Sourced: Debian root file systems for images, where no published image can be pulled.

# debian_root FOLDER PACKAGES: a minimal Debian with PACKAGES (by commas), in FOLDER.
debian_root() {
    local folder=$1 packages=$2
    mkdir -p "$tools/debs"
    rm -rf --one-file-system "$folder"
    debootstrap --variant=minbase --cache-dir="$tools/debs" --include="$packages" "$DEBIAN" "$folder" ${DEBIAN_MIRROR:-}
    # What no program reads.
    rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/* "$folder"/usr/share/{doc,man,info,locale}/*
    rm -f "$folder"/etc/resolv.conf "$folder"/etc/hostname
}

# The tools that debian_root needs.
debian_tools() {
    command -v debootstrap >/dev/null || debian_packages debootstrap
    is_root || fail "a Debian root file system can be made by root only: run this as root, or where published images can be pulled"
}

# can_pull IMAGE SECONDS: pulled, or there already. Nothing is said where it cannot be.
can_pull() {
    docker image inspect "$1" >/dev/null 2>&1 || timeout "$2" docker pull --quiet "$1" >/dev/null 2>&1
}
