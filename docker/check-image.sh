#!/usr/bin/env bash
# Builds the image with buildah and runs it with podman, as root and without a daemon: its health check must pass, a
# query must return exports, and SIGTERM must end it with status 0. Needs buildah, podman, runc and curl of Debian or
# Ubuntu. Without a registry it makes the two base images itself, for which it needs debootstrap and npm.
set -euo pipefail
cd "$(dirname "$0")/.."
image=exports-gateway
work=$(mktemp -d)
container=
trap '[ -z "$container" ] || podman rm --force "$container" >/dev/null; rm -rf "$work"' EXIT

# Debian's minimal system without what its slim image leaves out, and Node from npm where the image of Node has it.
make_base_images() {
  local root=$work/root
  debootstrap --variant=minbase bookworm "$root" >"$work/log" || { tail "$work/log"; return 1; }
  rm -rf "$root"/{var/cache/apt,var/lib/apt/lists}/* "$root"/usr/share/{doc,info,locale,man}/*
  import debian:bookworm-slim "$root"
  npm install --silent --prefix "$work/npm" node@24 npm@11
  cp -L "$work/npm/node_modules/.bin/node" "$root/usr/local/bin/node"
  cp -r "$work/npm/node_modules/npm" "$root/usr/local/lib/npm"
  ln -s ../lib/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # The machine may reach the registry of npm only by an authority of its own.
  mkdir -p "$root/etc/ssl/certs"
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  import node:24-bookworm-slim "$root" --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
}

import() {
  local base
  base=$(buildah from scratch)
  buildah add --quiet "$base" "$2" / >/dev/null
  buildah config "${@:3}" "$base"
  buildah commit --quiet --rm "$base" "docker.io/library/$1" >/dev/null
}

podman image exists docker.io/library/debian:bookworm-slim \
  || buildah pull --quiet docker.io/library/debian:bookworm-slim >/dev/null || make_base_images

# In Docker's format, because that of OCI has no health checks.
buildah build --format docker --isolation chroot --file docker/Dockerfile --tag "$image" .
podman image inspect --format 'Size of the image: {{.Size}} bytes' "$image"

# The embedded database, because one container is enough to see that the image works. Limits are those of this shell, and
# there is no timer for the health check: the machine may lack the right to raise limits, and systemd.
container=$(podman --runtime runc run --detach --network host --read-only --tmpfs /app/data:mode=1777 --cap-drop all \
  --ulimit "nofile=$(ulimit -Sn):$(ulimit -Hn)" --ulimit nproc=1000:1000 --health-interval disable \
  --env NODE_ENV=development --env HOST=127.0.0.1 --env PORT=4100 "$image")
for ((i = 0; ; i++)); do
  podman healthcheck run "$container" >/dev/null && break
  [ "$i" -lt 60 ] || { podman logs "$container"; exit 1; }
  sleep 1
done
curl --fail --silent 'http://127.0.0.1:4100/graphql' --header 'content-type: application/json' \
  --data '{ "query": "{ exports(limit: 1) { data { id status } } }" }' | tee "$work/response"
grep --quiet '"id":"exp_' "$work/response"
podman stop --time 15 "$container" >/dev/null
echo
podman wait "$container" | grep --quiet --line-regexp 0
echo 'The image works.'
