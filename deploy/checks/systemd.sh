# The units, by systemd itself. Sourced by deploy/check, before the package, whose root `verify` looks into.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

if missing systemd-analyze; then
  skip "units" "systemd-analyze is not installed"
else
  exposure() { systemd-analyze security --no-pager --offline=true --threshold=20 "$1/systemd/quorate.service" | tail -n 1; return "${PIPESTATUS[0]}"; }
  ok "quorate.service: exposure of 2.0 or less" exposure "$here"
  copy="$(broken exposure systemd/quorate.service "CapabilityBoundingSet=
" "")"
  finds "a unit that keeps its capabilities" "exposure level" exposure "$copy"

  # It warns and returns 0 for keys that it does not know, so what counts is that it says nothing.
  verify() {
    local units="$work/units-$RANDOM" said
    mkdir -p "$units/etc/systemd/system" "$units/usr/lib/systemd/system" "$units/usr/bin"
    cp "$1"/systemd/*.service "$units/etc/systemd/system/"
    cp -r /lib/systemd/system/. "$units/usr/lib/systemd/system/"
    ln -s usr/lib "$units/lib"
    printf '#!/bin/sh\n' >"$units/usr/bin/quorate" && chmod +x "$units/usr/bin/quorate"
    # Only what it says of these units: not every host's own are without fault.
    said="$(systemd-analyze --man=no --root="$units" verify quorate.service quorate-guard-postgres@main.service 2>&1 | grep -i quorate)"
    [ -z "$said" ] || { echo "$said"; return 1; }
  }
  ok "both units (systemd-analyze verify)" verify "$here"
  copy="$(broken key systemd/quorate.service "ProtectHome=" "ProtectHomes=")"
  finds "a key that systemd does not know" ProtectHomes verify "$copy"
fi

# The files that the unit hands over are those that the packaged example names, and the example is one that the binary takes.
credentials() {
  local agent="$1/debian/agent.example.yaml" name
  "$binary" check "$agent" || return 1
  for name in $(grep -oE '(ca|certificate|key|operator_token_file): [a-z.]+' "$agent" | cut -d' ' -f2) agent.yaml; do
    grep -qx "LoadCredential=$name:/etc/quorate/$name" "$1/systemd/quorate.service" || { echo "$name is not handed over"; return 1; }
  done
}
ok "its credentials are those of the example" credentials "$here"
copy="$(broken credential systemd/quorate.service "LoadCredential=agent.key:/etc/quorate/agent.key
" "")"
finds "a key that is not handed over" "agent.key is not handed over" credentials "$copy"
