"""What CloudFormation makes of a template where moto drops properties: load balancers of the kind that the template says, and
roles with the managed policies that it names.

moto makes every load balancer of a template an application load balancer, and then refuses the listeners of the others; and
it makes roles without their managed policies.
"""

import json

from moto.elbv2 import models as balancers
from moto.iam import models as identities
from moto.utilities.utils import get_partition

from .patch import replace


@replace(balancers.FakeLoadBalancer, "create_from_cloudformation_json")
@classmethod
def create_balancer(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    """The balancer with its own type, and its subnets also where the template maps them one by one."""
    properties = cloudformation_json["Properties"]
    backend = balancers.elbv2_backends[account_id][region_name]
    return backend.create_load_balancer(
        resource_name,
        properties.get("SecurityGroups"),
        properties.get("Subnets"),
        subnet_mappings=properties.get("SubnetMappings"),
        scheme=properties.get("Scheme", "internet-facing"),
        loadbalancer_type=properties.get("Type", "application"),
    )


role_of_moto = identities.Role.create_from_cloudformation_json


@replace(identities.Role, "create_from_cloudformation_json")
@classmethod
def create_role(cls, resource_name, cloudformation_json, account_id, region_name, **others):
    """moto's role, with its policies as the text that IAM gives back, and then its managed policies."""
    for policy in cloudformation_json["Properties"].get("Policies", []):
        if not isinstance(policy["PolicyDocument"], str):
            policy["PolicyDocument"] = json.dumps(policy["PolicyDocument"])
    backend = identities.iam_backends[account_id][get_partition(region_name)]
    role = role_of_moto(resource_name, cloudformation_json, account_id, region_name, **others)
    for arn in cloudformation_json["Properties"].get("ManagedPolicyArns", []):
        backend.attach_role_policy(arn, role.name)
    return role
