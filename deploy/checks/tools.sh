# Installs the validators of deploy/check, and starts the emulator. Sourced by it.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

python="" operator="" cargo_tools="$root/target/deploy-checks/cargo" emulator_pid=""

say() { printf 'deploy/check: %s\n' "$1" >&2; }
missing() { ! command -v "$1" >/dev/null 2>&1; }

install_tools() {
  # Other pins make another environment, so an old one is never used by mistake.
  local pins venv
  pins="$(sha256sum "$here/checks/requirements.txt" | cut -c1-12)"
  venv="$root/target/deploy-checks/$pins"
  python="$venv/bin/python"
  if [ ! -e "$venv/complete" ]; then
    say "installing validators into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
      --only-binary :all: --requirement "$here/checks/requirements.txt" >&2 && touch "$venv/complete" || exit 3
  fi
  "$root/tests/emulators/start" --install || exit 3
  install_packages
  install_operator
  install_cargo_tools
}

# What Debian has. Where there is no right to install, the checks say SKIPPED.
install_packages() {
  local wanted=()
  missing shellcheck && wanted+=(shellcheck)
  missing lintian && wanted+=(lintian)
  missing npm && wanted+=(nodejs npm)
  missing systemd-analyze && wanted+=(systemd)
  if [ "${#wanted[@]}" -gt 0 ] && [ "$(id -u)" = 0 ]; then
    say "installing ${wanted[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${wanted[@]}" >/dev/null 2>&1 || true
  fi
}

# The schemas of the Prometheus operator's resources: an npm package, pinned by its lock file's hashes.
install_operator() {
  local pins
  missing npm && return
  pins="$(sha256sum "$here/checks/package-lock.json" | cut -c1-12)"
  operator="$root/target/deploy-checks/npm-$pins"
  [ -e "$operator/complete" ] || {
    say "installing the operator's schemas into $operator"
    rm -rf "$operator"
    mkdir -p "$operator"
    cp "$here/checks/package.json" "$here/checks/package-lock.json" "$operator/"
    (cd "$operator" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null 2>&1 && touch complete) || operator=""
  }
  # A module finds its packages beside itself.
  [ -z "$operator" ] || cp "$here/checks/operator.mjs" "$operator/"
}

# Some three minutes of compiling, once.
install_cargo_tools() {
  local tool
  export PATH="$cargo_tools/bin:$PATH"
  for tool in cargo-deb@3.8.0 cargo-cyclonedx@0.5.9; do
    missing "${tool%@*}" || continue
    say "installing $tool"
    CARGO_TARGET_DIR="$cargo_tools/target" cargo install --quiet --locked --root "$cargo_tools" "$tool" >&2 || true
  done
  rm -rf "$cargo_tools/target"
}

# Starts moto; `emulator` is its address. It ends with its standard input.
start_emulator() {
  coproc EMULATOR { "$root/tests/emulators/start" --installed 0 2>"$work/emulator"; }
  emulator_pid="$EMULATOR_PID"
  local word
  read -r -u "${EMULATOR[0]}" word emulator && [ "$word" = ready ]
}

stop_emulator() {
  [ -z "$emulator_pid" ] || kill "$emulator_pid" 2>/dev/null
  emulator_pid=""
}

# The emulator's own environment, which has boto3 and cfn-lint.
emulator_python() {
  echo "$root/target/emulators/$(sha256sum "$root/tests/emulators/requirements.txt" | cut -c1-12)/bin/python"
}
