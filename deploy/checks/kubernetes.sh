# Kubernetes: rendered, by the schemas, and by what no schema knows. Sourced by deploy/check.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 # variables are the sourcing script's, or for it

if missing kubectl; then
  skip "Kubernetes manifests" "kubectl is not installed"
else
  manifests() { "$python" "$here/checks/manifests.py" --binary "$binary" --directory "$1/kubernetes"; }
  ok "three overlays by Kubernetes' schemas and our rules" manifests "$here"
  copy="$(broken replicas kubernetes/base/stateful-set.yaml "replicas: 1" "replicas: 2")"
  finds "two voters of one name" "one voter in each cluster" manifests "$copy"
  copy="$(broken field kubernetes/base/stateful-set.yaml "readOnlyRootFilesystem: true" "readOnlyRootFileSystem: true")"
  finds "a field that does not exist" readOnlyRootFileSystem manifests "$copy"
  copy="$(broken selectors kubernetes/base/kustomization.yaml "includeTemplates: true" "includeSelectors: true")"
  finds "labels that shut Prometheus out" "the API is for Prometheus" manifests "$copy"
  copy="$(broken member kubernetes/overlays/eu-west-1/agent.yaml "us-west-2: {region: us-west-2" "us-west-2: {region: eu-west-1")"
  finds "agents that disagree who votes" "manifests:" manifests "$copy"

  if [ -z "$operator" ]; then
    skip "resources of the Prometheus operator" "npm or its registry cannot be had"
  else
    operators() { "$python" "$here/checks/manifests.py" --binary "$binary" --directory "$1/kubernetes" --print us-east-1 | node "$operator/operator.mjs"; }
    ok "the service monitor by the operator's schema" operators "$here"
    copy="$(broken monitor kubernetes/monitoring/service-monitor.yaml "      interval: 15s" "      interval: 15")"
    finds "an interval without its unit" interval operators "$copy"
    rules() { "$here/kubernetes/rules" "$1" | node "$operator/operator.mjs"; }
    if [ -s "$here/prometheus/rules.yml" ]; then
      ok "rules and alerts by the operator's schema" rules "$here/prometheus/rules.yml"
    else
      skip "rules and alerts for the operator" "deploy/prometheus/rules.yml is not there"
    fi
    printf 'groups:\n  - rules: []\n' >"$work/rules.yml"
    finds "a group of rules without a name" name rules "$work/rules.yml"
  fi
fi
