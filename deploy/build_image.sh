#!/usr/bin/env bash
# Builds the image of the Dockerfile where there is no container engine: as root with buildah, which
# needs neither a daemon nor a registry of its own.
#
#   deploy/build_image.sh                    on the base that the Dockerfile names
#   BASE=debootstrap deploy/build_image.sh   on a Debian made here, where no image can be pulled
#   BASE=mirror.example.com/python:3.13-slim-trixie deploy/build_image.sh
#
# pip's settings in the environment (PIP_INDEX_URL, PIP_CERT, …) are lent to the build and get into
# neither the image nor its history. Where overlays cannot be mounted: STORAGE_DRIVER=vfs.
set -euo pipefail
cd "$(dirname "$0")/.."

IMAGE=${IMAGE:-adtech-assets}
BASE=${BASE:-}
# Debian release and Python of the base that the Dockerfile names.
RELEASE=trixie
MADE_HERE=localhost/adtech-base:$RELEASE

fail() {
    echo "$1" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null || fail "$1 is missing; on Debian: apt-get install $1"
}

# As in Docker's python image: `python` and `pip` are found first, and may install for everybody.
make_base() {
    local container root
    container=$(buildah from scratch)
    root=$(buildah mount "$container")
    echo "Making a Debian $RELEASE with Python ..."
    debootstrap --variant=minbase --include=ca-certificates,python3-venv "$RELEASE" "$root" \
        >"$scratch/debootstrap.log" 2>&1 \
        || fail "debootstrap could not make the base: $(tail -n 1 "$scratch/debootstrap.log")"
    chroot "$root" python3 -m venv /opt/python
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    buildah config --env PATH=/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
    buildah commit --quiet --rm "$container" "$MADE_HERE" >/dev/null
}

# What pip reads of its environment, as a file that the build mounts.
lend_pip_settings() {
    local name key
    echo "[global]" >"$scratch/pip.conf"
    for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST PIP_PROXY PIP_DEFAULT_TIMEOUT; do
        key=$(tr '[:upper:]_' '[:lower:]-' <<<"${name#PIP_}")
        [[ -z ${!name:-} ]] || echo "$key = ${!name}" >>"$scratch/pip.conf"
    done
    : >"$scratch/ca.crt"
    if [[ -n ${PIP_CERT:-} ]]; then
        cp "$PIP_CERT" "$scratch/ca.crt"
        echo "cert = /run/secrets/ca.crt" >>"$scratch/pip.conf"
    fi
}

[[ $EUID -eq 0 ]] || fail "Building with chroot needs root: sudo $0"
need buildah
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

from=()
if [[ $BASE == debootstrap ]]; then
    need debootstrap
    buildah inspect --type image "$MADE_HERE" >/dev/null 2>&1 || make_base
    from=(--from "$MADE_HERE")
elif [[ -n $BASE ]]; then
    from=(--from "$BASE")
fi

lend_pip_settings
buildah bud --layers --isolation chroot --format docker "${from[@]}" \
    --secret "id=pip.conf,src=$scratch/pip.conf" --secret "id=ca.crt,src=$scratch/ca.crt" \
    --tag "$IMAGE" .
echo "$IMAGE is built: $(buildah images --format '{{.Size}}' "$IMAGE"), $SECONDS s."
