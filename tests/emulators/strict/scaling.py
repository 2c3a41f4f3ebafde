"""Application Auto Scaling: the range that AWS insists on, and a minimum that moves the service.

moto stores what it is given. AWS refuses a new target without both ends and a range that is upside down, shows every
target with a suspended state, and brings a service into a new range (DescribeScalingActivities: "minimum capacity was
set to"); how soon is not documented, so nothing may rely on it.
"""

from moto.applicationautoscaling import models
from moto.applicationautoscaling.exceptions import AWSValidationException

from .ecs import walk
from .patch import TIMING, WORLD, later, replace

Backend = models.ApplicationAutoscalingBackend
SUSPENSIONS = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")


@replace(models.FakeScalableTarget, "update")
def update(self, min_capacity, max_capacity, suspended_state):
    """moto's own forgets the suspensions that are not named."""
    self.min_capacity = self.min_capacity if min_capacity is None else min_capacity
    self.max_capacity = self.max_capacity if max_capacity is None else max_capacity
    self.suspended_state = {**(self.suspended_state or {}), **(suspended_state or {})}


_register = Backend.register_scalable_target


@replace(Backend, "register_scalable_target")
def register_scalable_target(
    self, namespace, r_id, dimension, min_capacity, max_capacity, role_arn, suspended_state
):
    with WORLD:
        known = self.targets.get(dimension, {}).get(r_id)
        low = min_capacity if min_capacity is not None or known is None else known.min_capacity
        high = max_capacity if max_capacity is not None or known is None else known.max_capacity
        if low is None or high is None:
            raise AWSValidationException(
                "Both MinCapacity and MaxCapacity are required for a new scalable target"
            )
        if low > high or low < 0:
            raise AWSValidationException(
                f"Maximum capacity cannot be less than minimum capacity: {low}, {high}"
            )
        target = _register(
            self, namespace, r_id, dimension, min_capacity, max_capacity, role_arn, suspended_state
        )
        target.suspended_state = {
            name: (target.suspended_state or {}).get(name, False) for name in SUSPENSIONS
        }
        target.role_arn = target.role_arn or (
            f"arn:aws:iam::{self.account_id}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_ECSService"
        )
        if namespace == "ecs":
            later(TIMING.task_ms, lambda: bring_into_range(self, target))
        return target


def bring_into_range(backend, target):
    _, cluster, name = target.resource_id.split("/")
    service = backend.ecs_backend._get_service(cluster, name)
    wanted = service.desired_count
    if not target.suspended_state["DynamicScalingOutSuspended"]:
        wanted = max(wanted, target.min_capacity)
    if not target.suspended_state["DynamicScalingInSuspended"]:
        wanted = min(wanted, target.max_capacity)
    if wanted != service.desired_count:
        service.desired_count = wanted
        walk(service)
