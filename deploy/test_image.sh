#!/usr/bin/env bash
# Tries the image that build_image.sh has built: as root, with buildah.
#
# As under Compose: the image's user, a read-only root, volumes of that user, /tmp in memory; and no
# network but loopback, so that whatever calls home fails here.
set -euo pipefail

IMAGE=${IMAGE:-adtech-assets}

[[ $EUID -eq 0 ]] || { echo "Trying the image needs root: sudo $0" >&2; exit 1; }
for program in buildah:buildah unshare:util-linux ip:iproute2; do
    command -v "${program%:*}" >/dev/null \
        || { echo "${program%:*} is missing; on Debian: apt-get install ${program#*:}" >&2; exit 1; }
done

container=$(buildah from --pull-never "$IMAGE")
volumes=$(mktemp -d)
trap 'buildah umount "$container" >/dev/null; buildah rm "$container" >/dev/null; rm -rf "$volumes"' EXIT
root=$(buildah mount "$container")
user=$(buildah inspect --format '{{.OCIv1.Config.User}}' "$container")
mapfile -t environment < <(buildah inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$container" | grep .)
install -d -o "${user%:*}" -g "${user#*:}" -m 0750 "$volumes"/{raw_data,output,data}

# Mounts, processes and network of its own, all gone with its first process.
# shellcheck disable=SC2016 # expanded by the inner shell, from its own arguments
unshare --mount --pid --fork --kill-child --ipc --net bash -euo pipefail -c '
    root=$1 volumes=$2 user=$3
    shift 3
    mount --bind -o ro "$root" "$root"
    mount -o remount,bind,ro "$root"
    for volume in raw_data output data; do
        mount --bind "$volumes/$volume" "$root/var/lib/adtech/$volume"
    done
    mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
    mount -t proc proc "$root/proc"
    mount -t tmpfs -o mode=755 tmpfs "$root/dev"
    for device in null zero random urandom; do
        touch "$root/dev/$device"
        mount --bind "/dev/$device" "$root/dev/$device"
    done
    install -d -m 1777 "$root/dev/shm"
    ip link set lo up
    exec chroot --userspec="$user" "$root" env -i "$@" HOME=/tmp /opt/adtech/deploy/smoke_test.sh
' - "$root" "$volumes" "$user" "${environment[@]}" </dev/null
echo "$IMAGE works: $SECONDS s."
