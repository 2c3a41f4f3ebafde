# The image: its Dockerfile, and a root directory like the image's, from which the binary runs as nobody. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

hadolint="$(dirname "$python")/hadolint"
ok "Dockerfile (hadolint)" "$hadolint" "$here/container/Dockerfile"
# The base's tag stands in an ARG, where a linter does not see it.
pinned() { grep -qE '^ARG RUST_IMAGE=.*:[0-9]+\.[0-9]+\.[0-9]+(-[a-z0-9-]+)?$' "$1/container/Dockerfile" || { echo "the base is not pinned"; return 1; }; }
ok "its base is pinned" pinned "$here"
copy="$(broken tag container/Dockerfile "rust:1.95.0-slim-bookworm" "rust:latest")"
finds "a base that moves" "not pinned" pinned "$copy"
printf 'FROM debian:latest\nRUN cd /tmp && apt-get install curl\n' >"$work/Dockerfile"
finds "a careless Dockerfile" DL3007 "$hadolint" "$work/Dockerfile"

same_toolchain() {
  local channel
  channel="$(sed -n 's/^channel = "\(.*\)"/\1/p' "$root/rust-toolchain.toml")"
  grep -q "^ARG RUST_IMAGE=.*rust:$channel-" "$1/container/Dockerfile" || { echo "the image does not build with Rust $channel"; return 1; }
}
ok "it builds with the project's toolchain" same_toolchain "$here"
copy="$(broken toolchain container/Dockerfile "rust:1.95.0-" "rust:1.94.0-")"
finds "another toolchain" "does not build with" same_toolchain "$copy"

# Every word of COPY --from=build and of .dockerignore can only be seen by a daemon. What is seen here: the root that the build
# stage lays out is enough for the binary.
in_image() { chroot --userspec=65532:65532 "$work/image" /usr/bin/quorate "$@"; }
agent_in_image() {
  local home="$work/image/etc/quorate"
  rm -rf "$work/cluster" && "$binary" init "$work/cluster" >/dev/null || return 1
  install -o 65532 -g 65532 -m 0600 "$work/cluster"/{us-east-1.yaml,us-east-1.pem,us-east-1.key,ca.pem,operator.token,webhook-ops.secret} "$home/" || return 1
  sed -i 's#^data_dir: .*#data_dir: /var/lib/quorate#; s#^listen: .*#listen: 127.0.0.1:17950#; s#^peer_listen: .*#peer_listen: 127.0.0.1:17951#' \
    "$home/us-east-1.yaml"
  # The process itself, so that it is what gets the signal.
  chroot --userspec=65532:65532 "$work/image" /usr/bin/quorate agent --config /etc/quorate/us-east-1.yaml >"$work/agent" 2>&1 &
  local pid=$! tries=0
  # The health check of the image, until it is content or the agent has ended.
  until in_image healthcheck --config /etc/quorate/us-east-1.yaml; do
    tries=$((tries + 1))
    if [ "$tries" = 60 ] || ! kill -0 "$pid" 2>/dev/null; then kill "$pid"; cat "$work/agent"; return 1; fi
    sleep 0.5
  done
  kill "$pid" && wait "$pid"
}
if [ "$(id -u)" = 0 ]; then
  ok "the image's root is laid out" "$here/container/root" "$binary" "$work/image"
  ok "the binary runs from it as nobody" in_image --version
  ok "an agent serves from it, and its health check says so" agent_in_image
  rm -f "$work/image"/lib/*/libm.so.6
  finds "a library that is missing in it" libm.so.6 in_image --version
else
  skip "the image's root" "chroot needs root"
fi
if missing docker || ! docker info >/dev/null 2>&1; then
  skip "a build of the image" "there is no docker daemon"
else
  ok "the image builds" docker build --quiet --file "$here/container/Dockerfile" --tag quorate:check "$root"
  ok "the image runs" docker run --rm --read-only quorate:check --version
fi
