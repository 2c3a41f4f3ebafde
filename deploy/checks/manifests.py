"""Renders the Kubernetes overlays and looks at what they come to: every document by Kubernetes' own schema, in the oldest and
the newest version that is promised, and what no schema knows: one voter in each cluster, what a pod may not do, secrets by
reference, and agents' files that the binary takes and that agree with each other.

    manifests.py --binary quorate [--directory deploy/kubernetes] [--print REGION]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
# The oldest that a cloud still serves, and the newest that the schemas know.
VERSIONS = ["1.32", "1.37"]


class Wrong(Exception):
    """Something that must hold does not."""


def must(holds, what):
    """Ends the check with a sentence when something does not hold."""
    if not holds:
        raise Wrong(what)


def render(directory, region):
    """What `kubectl apply -k` would send."""
    command = ["kubectl", "kustomize", str(directory / "overlays" / region)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    must(ran.returncode == 0, f"{region}: {ran.stderr}")
    return ran.stdout


def check_schemas(resources):
    """Each resource by Kubernetes' schema; unknown fields are mistakes. Resources of the Prometheus operator are checked
    beside this, by its own schemas."""
    for resource in resources:
        if resource["apiVersion"].startswith("monitoring.coreos.com/"):
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(resource, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                raise Wrong(f"{resource['kind']} by Kubernetes {version}: {error.path}: {error.message}") from error
            except kubernetes_validate.SchemaNotFoundError as error:
                raise Wrong(f"{resource['kind']}: Kubernetes {version} has no such kind") from error


def one(resources, kind, name="quorate"):
    """The one resource of a kind and name."""
    found = [it for it in resources if it["kind"] == kind and it["metadata"]["name"] == name]
    must(len(found) == 1, f"one {kind} {name}, not {len(found)}")
    return found[0]


def check_pod(resources):
    """What the agent's pod may not do, and what it keeps."""
    stateful = one(resources, "StatefulSet")["spec"]
    must(stateful["replicas"] == 1, f"one voter in each cluster, not {stateful['replicas']}")
    retention = stateful["persistentVolumeClaimRetentionPolicy"]
    must(set(retention.values()) == {"Retain"}, f"the log outlives the set: {retention}")
    pod = stateful["template"]["spec"]
    must(pod["automountServiceAccountToken"] is False, "no token of the service account")
    must(one(resources, "ServiceAccount")["automountServiceAccountToken"] is False, "nor by the account")
    must(pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 65532, "not root")
    must(pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, "system calls are filtered")
    must(not any(pod.get(key) for key in ("hostNetwork", "hostPID", "hostIPC")), "no namespace of the host")
    for container in pod["containers"] + pod.get("initContainers", []):
        may = container["securityContext"]
        must(may["capabilities"] == {"drop": ["ALL"]}, f"no capabilities: {may}")
        must(may["readOnlyRootFilesystem"] is True, "a root that cannot be written")
        must(may["allowPrivilegeEscalation"] is False, "no way to more rights")
        must(not container["image"].endswith(":latest") and ":" in container["image"], "the image is pinned")
        must(not any("value" in one and "SECRET" in one["name"] for one in container["env"]), "no secret in a value")
        must(container["livenessProbe"]["exec"]["command"] == ["/usr/bin/quorate", "healthcheck"], "a health check")
    mounted = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    must(mounted["/etc/quorate"]["readOnly"] is True, "its files are read-only")
    claims = [claim["metadata"]["name"] for claim in stateful["volumeClaimTemplates"]]
    must(mounted["/var/lib/quorate"]["name"] in claims, "the data directory is a claim of its own")
    must(not [it for it in resources if it["kind"] == "Secret"], "no secret is made here")


def check_reach(resources):
    """Who may reach it, and that no eviction takes it unasked."""
    must(one(resources, "PodDisruptionBudget")["spec"]["minAvailable"] == 1, "no eviction without somebody's decision")
    policy = one(resources, "NetworkPolicy")["spec"]
    must(policy["podSelector"].get("matchLabels", {}).get("app.kubernetes.io/name") == "quorate", "it is the agent's")
    rules = {rule["ports"][0]["port"]: rule["from"] for rule in policy["ingress"]}
    must(set(rules) == {"api", "peers"}, f"two ports, each with its own rule: {rules}")
    blocks = sorted(block["ipBlock"]["cidr"] for block in rules["peers"])
    must(blocks == ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"], f"three regions reach the peers' port: {blocks}")
    callers = [source["podSelector"]["matchLabels"] for source in rules["api"]]
    expected = [{"app.kubernetes.io/name": "prometheus"}, {"quorate.example.com/asks-for-the-lease": "yes"}]
    must(callers == expected, f"the API is for Prometheus and who asks for the lease: {callers}")
    labels = one(resources, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    for selecting in (
        one(resources, "StatefulSet")["spec"]["selector"]["matchLabels"],
        one(resources, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        one(resources, "Service")["spec"]["selector"],
        one(resources, "Service", "quorate-peers")["spec"]["selector"],
        policy["podSelector"]["matchLabels"],
    ):
        must(selecting and selecting.items() <= labels.items(), f"it selects the agent: {selecting}, {labels}")
    balancer = one(resources, "Service", "quorate-peers")
    scheme = balancer["metadata"]["annotations"]["service.beta.kubernetes.io/aws-load-balancer-scheme"]
    must(scheme == "internal", f"the peers' balancer is internal: {scheme}")
    must([port["port"] for port in balancer["spec"]["ports"]] == [7951], "the API is not behind it")


def check_agent_file(resources, region, binary):
    """The agent's file: taken by the binary, and this region's."""
    maps = [it for it in resources if it["kind"] == "ConfigMap"]
    must(len(maps) == 1, "one file of the agent")
    text = maps[0]["data"]["agent.yaml"]
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "agent.yaml"
        file.write_text(text)
        ran = subprocess.run([str(binary), "check", str(file)], capture_output=True, text=True, check=False)
    must(ran.returncode == 0, f"the agent's file is wrong: {ran.stdout}{ran.stderr}")
    agent = yaml.safe_load(text)
    must((agent["name"], agent["region"]) == (region, region), f"it is not {region}'s")
    return agent["members"]


def main():
    """Says in one line what is wrong, if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--directory", default=ROOT / "deploy/kubernetes", type=Path)
    parser.add_argument("--print", choices=REGIONS)
    options = parser.parse_args()
    try:
        if options.print:
            print(render(options.directory, options.print))
            return
        members = {}
        for region in REGIONS:
            resources = [document for document in yaml.safe_load_all(render(options.directory, region)) if document]
            check_schemas(resources)
            check_pod(resources)
            check_reach(resources)
            members[region] = check_agent_file(resources, region, options.binary)
        must(len({str(one) for one in members.values()}) == 1, f"the three agree who votes: {members}")
        must(sorted(members[REGIONS[0]]) == sorted(REGIONS), f"all three vote: {members}")
    except Wrong as wrong:
        sys.exit(f"manifests: {wrong}")


if __name__ == "__main__":
    main()
