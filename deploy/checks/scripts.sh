# Shell and YAML. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

scripts=("$here"/check "$here"/release "$here"/package "$here"/container/root "$here"/kubernetes/rules "$here"/checks/*.sh
  "$here"/debian/{postinst,prerm,postrm})
if missing shellcheck; then
  skip "shell scripts" "shellcheck is not installed"
else
  ok "shell scripts (shellcheck)" shellcheck --external-sources "${scripts[@]}"
  # shellcheck disable=SC2016
  printf '#!/bin/sh\nrm -rf $1/data\n' >"$work/careless"
  finds "an expansion without quotes" SC2086 shellcheck "$work/careless"
fi

yaml_lint() { "$python" -m yamllint --strict --config-file "$here/checks/yamllint.yaml" "$@"; }
ok "YAML (yamllint)" yaml_lint "$here"
printf 'one: 1\none: 2\n' >"$work/twice.yaml"
finds "a key that stands twice" "duplication of key" yaml_lint "$work/twice.yaml"

python_parses() { "$python" -m py_compile "$here"/checks/*.py; }
PYTHONPYCACHEPREFIX="$work" ok "Python compiles" python_parses
