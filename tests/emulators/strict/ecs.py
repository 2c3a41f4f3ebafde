"""ECS services whose tasks start and stop one by one, and the targets and deployments that follow them.

moto sets the running count to the desired one at once, or never for a new service, and leaves the deployment at 0 of 0.
Here a service walks to its desired count a task at a time; each running task is one target of the service's target
groups, `initial` at first. Rules: API_UpdateService, service-event-messages and target-group-health-checks.
"""

import time
import uuid

from moto.core.utils import utcnow
from moto.ecs import models
from moto.ecs.exceptions import ECSException
from moto.elbv2 import models as elbv2
from moto.elbv2.models import elbv2_backends

from .patch import TIMING, WORLD, later, replace

Backend = models.EC2ContainerServiceBackend
# DescribeServices shows at most this many events.
EVENTS_MAX = 100


def tell(service, message):
    event = {"id": str(uuid.uuid4()), "createdAt": utcnow(), "message": f"(service {service.name}) {message}"}
    service.events = [event, *service.events][:EVENTS_MAX]


def show(service):
    """Writes the counts to where DescribeServices reads them."""
    service.pending_count = max(service.desired_count - service.running_count, 0)
    steady = service.running_count == service.desired_count
    for deployment in service.deployments:
        deployment.update(
            desiredCount=service.desired_count,
            runningCount=service.running_count,
            pendingCount=service.pending_count,
            rolloutState="COMPLETED" if steady else "IN_PROGRESS",
            updatedAt=utcnow(),
        )
    if steady:
        tell(service, "has reached a steady state.")
    follow(service)


def follow(service):
    """One target for each running task, in every target group of the service."""
    groups = elbv2_backends[service._account_id][service.region_name].target_groups
    for balancer in service.load_balancers:
        group = groups.get(balancer.get("targetGroupArn"))
        if group is None:
            continue
        wanted = [f"10.0.{number // 250}.{number % 250 + 4}" for number in range(service.running_count)]
        for address in [known for known in group.targets if known not in wanted]:
            group.deregistered_targets[address] = group.targets.pop(address)
        for address in wanted:
            known = {
                "Id": address,
                "Port": balancer.get("containerPort", group.port),
                "since": time.monotonic(),
            }
            group.targets.setdefault(address, known)


def walk(service):
    """Sets out for the desired count. A later order makes an earlier walk stop where it is."""
    service.walking = walking = object()
    show(service)

    def step():
        if service.walking is not walking or service.running_count == service.desired_count:
            return
        service.running_count += 1 if service.running_count < service.desired_count else -1
        show(service)
        later(TIMING.task_ms, step)

    later(TIMING.task_ms, step)


_create_service = Backend.create_service


@replace(Backend, "create_service")
def create_service(self, *arguments, **named):
    with WORLD:
        made = _create_service(self, *arguments, **named)
        made.running_count = 0
        walk(made)
        return made


_update_service = Backend.update_service


@replace(Backend, "update_service")
def update_service(self, service_properties):
    with WORLD:
        # The cluster is looked for first, as AWS does; both calls raise by wire code.
        cluster = service_properties.get("cluster", "default")
        service = self._get_service(cluster, service_properties["service"])
        if service.status != "ACTIVE":
            raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
        wanted = service_properties.get("desired_count")
        if wanted is not None and int(wanted) < 0:
            raise ECSException("InvalidParameterException", "Desired count must not be negative.")
        running = service.running_count
        _update_service(self, service_properties)
        service.running_count = running
        walk(service)
        return service


_health_for = elbv2.FakeTargetGroup.health_for


@replace(elbv2.FakeTargetGroup, "health_for")
def health_for(self, target, ec2_backend):
    known = self.targets.get(target["Id"])
    if known and "since" in known and (time.monotonic() - known["since"]) * 1000 < TIMING.health_ms:
        return elbv2.FakeHealthStatus(
            known["Id"],
            known["Port"],
            self.health_check_port,
            "initial",
            "Elb.RegistrationInProgress",
            "Target registration is in progress",
        )
    return _health_for(self, target, ec2_backend)
