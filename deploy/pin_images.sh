#!/usr/bin/env bash
# Writes the digest that each image of others has today, wherever it is named as name:tag@sha256:….
# Read the diff, then try it: an image may have changed under the same tag.
set -euo pipefail
cd "$(dirname "$0")/.."

FILES=(Dockerfile docker-compose.yml)
DIGEST='sha256:[0-9a-f]{64}'

# Of the list of all platforms, not of this machine's.
digest_of() {
    if command -v skopeo >/dev/null; then
        skopeo inspect --no-tags --format '{{.Digest}}' "docker://$1"
    else
        docker buildx imagetools inspect --format '{{.Manifest.Digest}}' "$1"
    fi
}

command -v skopeo >/dev/null || command -v docker >/dev/null \
    || { echo "skopeo or docker is missing; on Debian: apt-get install skopeo" >&2; exit 1; }

grep -ohE "[a-z0-9][a-z0-9./-]*:[A-Za-z0-9._-]+@$DIGEST" "${FILES[@]}" | sort -u | while IFS=@ read -r image old; do
    new=$(digest_of "$image" || true)
    if ! grep -qxE "$DIGEST" <<<"$new"; then
        echo "No digest of $image can be had; the files keep the old one." >&2
        exit 1
    fi
    sed -i "s|$image@$old|$image@$new|" "${FILES[@]}"
    if [[ $new == "$old" ]]; then echo "$image is as it was"; else echo "$image is now $new"; fi
done
