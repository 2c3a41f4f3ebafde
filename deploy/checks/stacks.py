"""Deploys the CloudFormation templates into an AWS emulator, for three regions, and looks at what came of them.

It looks at what must hold and cannot be seen by a linter: one task at a time, secrets by reference alone, the data directory
on what outlives a task, each agent's file valid for the very binary, and who may reach whom. It must never be pointed at AWS
itself: it takes a loopback address and nothing else.

    stacks.py --endpoint http://127.0.0.1:PORT --binary quorate [--templates DIR] [--regions us-east-1,...]
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlparse

import boto3
import yaml
from cfnlint.decode import cfn_yaml

REGIONS = ["us-east-1", "us-west-2", "eu-west-1"]
ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
# What the secret holds; none of it may be seen anywhere but in the secret.
CANARY = "canary-that-must-not-be-seen"


class Wrong(Exception):
    """Something that must hold does not."""


def must(holds, what):
    """Ends the check with a sentence when something does not hold."""
    if not holds:
        raise Wrong(what)


def clients(endpoint, region):
    """A maker of clients of one region of the emulator."""
    session = boto3.Session("emulator", "emulator", region_name=region)
    return lambda service: session.client(service, endpoint_url=endpoint)


def network(client):
    """A VPC with two subnets in two zones."""
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
    return vpc, [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{seat}.0/24", AvailabilityZone=zones[seat])["Subnet"]["SubnetId"]
        for seat in (0, 1)
    ]


def deploy(client, name, template, parameters):
    """Makes a stack, and gives its outputs."""
    cloudformation = client("cloudformation")
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=template.read_text(),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    must(stack["StackStatus"] == "CREATE_COMPLETE", f"{name}: {stack['StackStatus']}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def resources(client, name):
    """The physical ids of a stack's resources, by their names in the template."""
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=name)
    summaries = [summary for page in pages for summary in page["StackResourceSummaries"]]
    return {summary["LogicalResourceId"]: summary.get("PhysicalResourceId") for summary in summaries}


def check_service(client, made, template):
    """One task, never two, without a public address. The emulator keeps of a service how many it wants and no more, so the
    rest is read from the template, where it stands without a parameter."""
    services = client("ecs").describe_services(cluster=made["Cluster"], services=[made["Service"]])["services"]
    must(len(services) == 1, "there is one service")
    must(services[0]["desiredCount"] == 1, f"one agent, not {services[0]['desiredCount']}")
    service = cfn_yaml.load(str(template))["Resources"]["Service"]["Properties"]
    deployment = service["DeploymentConfiguration"]
    must(
        (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (0, 100),
        f"two copies of one agent must never run: {deployment}",
    )
    awsvpc = service["NetworkConfiguration"]["AwsvpcConfiguration"]
    must(awsvpc["AssignPublicIp"] == "DISABLED" and len(awsvpc["Subnets"]) == 2, f"private, in two zones: {awsvpc}")


def check_task(client, made, secret, template, binary, region):
    """Who it runs as, what it sees, and that its file is one that the binary takes."""
    text = client("ecs").describe_task_definition(taskDefinition=made["Task"])["taskDefinition"]
    must(CANARY not in json.dumps(text, default=str), "no secret's value stands in the task definition")
    containers = {container["name"]: container for container in text["containerDefinitions"]}
    for container in containers.values():
        must(container["user"] == "65532:65532", f"{container['name']} is not root")
        must(container["linuxParameters"]["capabilities"]["drop"] == ["ALL"], f"{container['name']} has no capability")
        must(container["image"].count(":") and not container["image"].endswith("latest"), "the image is pinned")
    agent, files = containers["agent"], containers["files"]
    must(not agent.get("secrets") and not agent.get("environment"), "no secret is in the agent's environment")
    must(all(one["valueFrom"].startswith(secret) for one in files["secrets"]), "every secret is a reference")
    must({"containerName": "files", "condition": "SUCCESS"} in agent["dependsOn"], "the files come first")
    must(agent["healthCheck"]["command"][1:] == ["/usr/bin/quorate", "healthcheck"], "its health is asked for")
    check_data(agent, template)
    return check_agent_file(files, binary, region)


def check_data(agent, template):
    """The data directory is on what outlives the task. The emulator forgets of what kind a volume is; the template knows."""
    volumes = cfn_yaml.load(str(template))["Resources"]["Task"]["Properties"]["Volumes"]
    volumes = {volume["Name"]: volume.get("EFSVolumeConfiguration") for volume in volumes}
    mounts = [mount for mount in agent["mountPoints"] if mount["containerPath"] == "/var/lib/quorate"]
    efs = mounts and volumes[mounts[0]["sourceVolume"]]
    must(efs and efs["FilesystemId"] == {"Ref": "Data"}, f"the data directory outlives the task: {mounts}, {volumes}")
    must(efs["TransitEncryption"] == "ENABLED", f"it is encrypted on its way: {efs}")


def check_agent_file(files, binary, region):
    """Unpacks the files as the first container does, by its own command, and has the binary check them."""
    environment = {one["name"]: one["value"] for one in files["environment"]}
    environment |= {one["name"]: "-----a secret's text-----" for one in files["secrets"]}
    with tempfile.TemporaryDirectory() as home:
        command = [str(binary), "unpack", home, *files["command"][2:]]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        must(ran.returncode == 0, f"the files are not unpacked: {ran.stderr}")
        text = (Path(home) / "agent.yaml").read_text()
        ran = subprocess.run(
            [str(binary), "check", f"{home}/agent.yaml"], capture_output=True, text=True, check=False
        )
        must(ran.returncode == 0, f"the agent's file is wrong: {ran.stdout}{ran.stderr}")
    agent = yaml.safe_load(text)
    must((agent["name"], agent["region"]) == (region, region), f"it is not {region}'s: {text}")
    must(agent["data_dir"] == "/var/lib/quorate", f"its data is not where the volume is: {text}")
    must(agent["listen"] == "127.0.0.1:7950" and not agent.get("allow_remote_api"), f"the API leaves loopback: {text}")
    addresses = {name: member["address"] for name, member in agent["members"].items()}
    must(addresses == {name: f"{name}.quorate.internal:7951" for name in REGIONS}, f"it knows all three: {addresses}")
    return agent


def check_network(client, made):
    """Who may reach the agent, its data and its load balancer."""
    groups = client("ec2").describe_security_groups(
        GroupIds=[made["AgentGroup"], made["PeerGroup"], made["DataGroup"]]
    )["SecurityGroups"]
    rules = {
        group["GroupId"]: [
            (
                rule.get("FromPort"),
                rule.get("ToPort"),
                sorted(pair["GroupId"] for pair in rule["UserIdGroupPairs"]),
                sorted(block["CidrIp"] for block in rule["IpRanges"]),
            )
            for rule in group["IpPermissions"]
        ]
        for group in groups
    }
    agent, data = rules[made["AgentGroup"]], rules[made["DataGroup"]]
    must(agent == [(7951, 7951, [made["PeerGroup"]], [])], f"the load balancer alone reaches the agent: {agent}")
    must(data == [(2049, 2049, [made["AgentGroup"]], [])], f"the agent alone reaches its data: {data}")
    peers = sorted(block for rule in rules[made["PeerGroup"]] for block in rule[3])
    must(peers == ["10.1.0.0/16", "10.2.0.0/16"], f"the two other regions reach the load balancer: {peers}")
    balancer = client("elbv2").describe_load_balancers(LoadBalancerArns=[made["PeerBalancer"]])["LoadBalancers"][0]
    must((balancer["Type"], balancer["Scheme"]) == ("network", "internal"), f"it is internal: {balancer}")


def check_roles(client, made, policy):
    """Each region has a role of its own, with the policy that it was given and nothing wide beside it."""
    iam = client("iam")
    attached = iam.list_attached_role_policies(RoleName=made["TaskRole"])["AttachedPolicies"]
    must([one["PolicyArn"] for one in attached] == [policy], f"the policy it was given: {attached}")
    for role in (made["TaskRole"], made["ExecutionRole"]):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for statement in document["Statement"]:
                actions = statement["Action"]
                actions = [actions] if isinstance(actions, str) else actions
                must(not any("*" in action for action in actions), f"{name} is wide: {actions}")


def check_name(client, made, zone, region):
    """The agent's name answers by its load balancer."""
    records = client("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    found = [it for it in records if it["Name"].rstrip(".") == f"{region}.quorate.internal" and it["Type"] == "A"]
    must(len(found) == 1, f"{region} has one name: {records}")
    balancer = client("elbv2").describe_load_balancers(LoadBalancerArns=[made["PeerBalancer"]])["LoadBalancers"][0]
    must(found[0]["AliasTarget"]["DNSName"].rstrip(".") == balancer["DNSName"], f"it is the load balancer's: {found}")


def run(options):
    """Deploys everything, region by region, and looks at it."""
    regions = options.regions.split(",")
    networks = {region: network(clients(options.endpoint, region)) for region in REGIONS}
    first = clients(options.endpoint, REGIONS[0])
    letters = dict(zip("ABC", REGIONS))
    zone = deploy(
        first,
        "quorate-zone",
        options.templates / "zone.template.yaml",
        {f"Vpc{letter}": networks[region][0] for letter, region in letters.items()},
    )["ZoneId"]
    observe = (ROOT / "deploy/iam/observe.json").read_text()
    policy = first("iam").create_policy(PolicyName="quorate-observe", PolicyDocument=observe)["Policy"]["Arn"]
    template = options.templates / "agent.template.yaml"
    seen, agent = {}, None
    for region in regions:
        client = clients(options.endpoint, region)
        value = json.dumps({name: CANARY for name in ("ca", "certificate", "key", "operator_token")})
        secret = client("secretsmanager").create_secret(Name="quorate", SecretString=value)["ARN"]
        vpc, subnets = networks[region]
        parameters = {
            "PeerZone": zone, "Vpc": vpc, "SubnetA": subnets[0], "SubnetB": subnets[1],
            "PeerCidr1": "10.1.0.0/16", "PeerCidr2": "10.2.0.0/16", "Secret": secret, "TaskPolicy": policy,
            "Image": f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/quorate:0.1.0",
        }
        if agent:
            # Each but the first with a file of its own, made of the one before, as the Terraform module does it.
            parameters["AgentYaml"] = yaml.safe_dump(agent | {"name": region, "region": region})
        outputs = deploy(client, "quorate", template, parameters)
        must(outputs["PeerAddress"] == f"{region}.quorate.internal:7951", f"its address: {outputs}")
        made = resources(client, "quorate")
        check_service(client, made, template)
        agent = check_task(client, made, secret, template, options.binary, region)
        check_network(client, made)
        check_roles(client, made, policy)
        check_name(client, made, zone, region)
        seen[region] = made["TaskRole"]
    must(len(set(seen.values())) == len(regions), f"a role for each region: {seen}")


def main():
    """Says in one line what is wrong, if anything is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--binary", required=True, type=Path)
    parser.add_argument("--templates", type=Path, default=ROOT / "deploy/ecs")
    parser.add_argument("--regions", default=",".join(REGIONS))
    options = parser.parse_args()
    if urlparse(options.endpoint).hostname != "127.0.0.1":
        sys.exit("stacks: the endpoint must be an emulator on 127.0.0.1")
    try:
        run(options)
    except Wrong as wrong:
        sys.exit(f"stacks: {wrong}")


if __name__ == "__main__":
    main()
