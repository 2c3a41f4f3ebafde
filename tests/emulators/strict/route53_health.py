"""Route 53 health checks: what AWS refuses, and a CallerReference that means "the same one".

moto makes a second check for a repeated CallerReference, and takes any numbers, children that do not exist and private
addresses. It runs no checks either, and this does not change that: GetHealthCheckStatus stays a constant, so nothing
about *running* checks is tested here; the project's own sandbox does run them.
"""

import ipaddress

from moto.core.responses import EmptyResult
from moto.route53 import models, responses
from moto.route53.exceptions import Route53ClientError

from .patch import WORLD, replace

# Documented limits of one calculated check.
CHILDREN_MAX = 255
ENDPOINT_KINDS = ("HTTP", "HTTPS", "HTTP_STR_MATCH", "HTTPS_STR_MATCH", "TCP")


def invalid(message):
    return Route53ClientError("InvalidInput", message)


def check_calculated(backend, config):
    children = config.get("children") or []
    if config.get("health_threshold") is None:
        raise invalid("Invalid parameter : HealthThreshold is required for CALCULATED health checks")
    if not 0 <= int(config["health_threshold"]) <= 256 or len(children) > CHILDREN_MAX:
        raise invalid(
            "Invalid parameter : HealthThreshold or the number of ChildHealthChecks is out of range"
        )
    for child in children:
        if child not in backend.health_checks:
            raise invalid(f"Invalid parameter : ChildHealthChecks: health check {child} does not exist")


def check_endpoint(config):
    address, name = config.get("ip_address"), config.get("fqdn")
    if not address and not name:
        raise invalid("Invalid parameter : IPAddress or FullyQualifiedDomainName is required")
    if address:
        try:
            reachable = ipaddress.ip_address(address).is_global
        except ValueError:
            reachable = False
        if not reachable:
            raise invalid(f"Invalid parameter : IPAddress {address} is not one that Route 53 can check")
    if config.get("type") == "TCP" and not config.get("port"):
        raise invalid("Invalid parameter : Port is required for TCP health checks")
    if int(config.get("request_interval") or 30) not in (10, 30):
        raise invalid("Invalid parameter : RequestInterval must be 10 or 30")
    if not 1 <= int(config.get("failure_threshold") or 3) <= 10:
        raise invalid("Invalid parameter : FailureThreshold must be between 1 and 10")


_create_health_check = models.Route53Backend.create_health_check


@replace(models.Route53Backend, "create_health_check")
def create_health_check(self, caller_reference, health_check_args):
    with WORLD:
        kind = health_check_args.get("type")
        if kind == "CALCULATED":
            check_calculated(self, health_check_args)
        elif kind in ENDPOINT_KINDS:
            check_endpoint(health_check_args)
        for known in self.health_checks.values():
            if known.caller_reference == caller_reference:
                if known.asked_for == health_check_args:
                    return known
                raise Route53ClientError(
                    "HealthCheckAlreadyExists",
                    f"A health check has already been created with caller reference {caller_reference}",
                )
        made = _create_health_check(self, caller_reference, health_check_args)
        made.asked_for = health_check_args
        if kind and kind.startswith("HTTPS") and not health_check_args.get("port"):
            made.port = 443
        return made


@replace(responses.Route53, "delete_health_check")
def delete_health_check(self):
    check = self._get_param("HealthCheckId")
    with WORLD:
        self.backend.get_health_check(check)
        self.backend.delete_health_check(check)
    return EmptyResult()
