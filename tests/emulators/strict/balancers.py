"""CloudFormation's load balancers of the kind that the template says.

moto makes every one an application load balancer when a template makes it, and then refuses the listeners of the others.
"""

from moto.elbv2 import models

from .patch import replace


@replace(models.FakeLoadBalancer, "create_from_cloudformation_json")
@classmethod
def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    """The balancer with its own type, and its subnets also where the template maps them one by one."""
    properties = cloudformation_json["Properties"]
    backend = models.elbv2_backends[account_id][region_name]
    return backend.create_load_balancer(
        resource_name,
        properties.get("SecurityGroups"),
        properties.get("Subnets"),
        subnet_mappings=properties.get("SubnetMappings"),
        scheme=properties.get("Scheme", "internet-facing"),
        loadbalancer_type=properties.get("Type", "application"),
    )
