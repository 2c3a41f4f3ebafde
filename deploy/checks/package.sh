# The Debian package and what else a release consists of, made of the binary at hand. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

installed() {
  local tree="$work/installed"
  mkdir -p "$tree"
  dpkg-deb -x "$work/release/"*.deb "$tree" && dpkg-deb --control "$work/release/"*.deb "$work/control" || return 1
  [ "$("$tree/usr/bin/quorate" --version)" = "$("$binary" --version)" ] || { echo "another version"; return 1; }
  cmp "$tree/usr/lib/systemd/system/quorate.service" "$here/systemd/quorate.service" || return 1
  grep -qx /etc/quorate/agent.example.yaml "$work/control/conffiles" || { echo "the example is no conffile"; return 1; }
  local name
  for name in man/man1/quorate.1.gz man/man1/quorate-failover.1.gz bash-completion/completions/quorate doc/quorate/copyright; do
    [ -s "$tree/usr/share/$name" ] || { echo "$name is missing"; return 1; }
  done
}
# Into a root of its own: dpkg keeps its book there, and the maintainer scripts are left out, for they would need a system.
by_dpkg() {
  local tree="$work/dpkg"
  mkdir -p "$tree/var/lib/dpkg/"{info,updates,triggers} && : >"$tree/var/lib/dpkg/status" || return 1
  dpkg --root="$tree" --unpack --force-depends "$work/release/"*.deb && "$tree/usr/bin/quorate" --version || return 1
  dpkg --root="$tree" --verify quorate
}
complete_list() {
  "$python" - "$work/release" <<'PY'
import json, pathlib, sys
file, = pathlib.Path(sys.argv[1]).glob("*.cdx.json")
bom = json.loads(file.read_text())
names = {component["name"] for component in bom["components"]}
missing = {"tokio", "rustls", "openraft", "redb", "aws-sdk-rds", "sd-notify", "quorate-core"} - names
assert bom["bomFormat"] == "CycloneDX" and not missing, f"the list has no {missing}"
assert "insta" not in names, "what only tests use is in no binary"
PY
}
sums() { (cd "$1" && sha256sum --check --strict SHA256SUMS); }

if missing cargo-deb || missing cargo-cyclonedx; then
  skip "the package and the release" "cargo-deb or cargo-cyclonedx cannot be had"
else
  # Compressed in haste: this is a debug build, ten times as large as a release.
  DEB_OPTIONS="--fast -Z gz --compress-system" GZIP_LEVEL=1 \
    ok "a release of the binary at hand" "$here/release" --with "$binary" "$work/release"
  ok "its sums" sums "$work/release"
  ok "its list of what is compiled in" complete_list
  ok "the package's contents, and the binary runs from it" installed
  ok "dpkg takes it" by_dpkg
  if missing lintian; then
    skip "Debian's rules" "lintian is not installed"
  else
    ok "Debian's rules (lintian)" lintian --fail-on error "$work/release/"*.deb
  fi
  cp -r "$work/release" "$work/changed" && printf 'x' >>"$(echo "$work"/changed/*.cdx.json)"
  finds "a file that was changed" FAILED sums "$work/changed"
fi
skip "two builds compared" "each compiles everything: deploy/release says how"
