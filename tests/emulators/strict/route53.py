"""Route 53: batches that hold, changes that take time and can be unknown, and lists in AWS's order.

moto answers every GetChange with INSYNC, whatever id is asked for, and gives all changes one constant id, so waiting
for a change cannot be tested on it. Its lists ignore the set identifier.
"""

import time
import uuid

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.route53 import responses
from moto.route53.exceptions import Route53ClientError

from .patch import TIMING, WORLD, replace
from .route53_batch import apply, domain

# Every change ever accepted, by its bare id. A test run makes some hundreds.
CHANGES = {}
# AWS gives at most this many sets in one reply, whatever is asked for.
PAGE_MAX = 300


def accepted():
    """Notes a change that was committed just now."""
    change = "C" + uuid.uuid4().hex[:20].upper()
    CHANGES[change] = (time.monotonic(), utcnow())
    return info(change)


def info(change):
    since, submitted = CHANGES[change]
    spread = (time.monotonic() - since) * 1000 >= TIMING.change_ms
    return {"Id": f"/change/{change}", "Status": "INSYNC" if spread else "PENDING", "SubmittedAt": submitted}


@replace(responses.Route53, "change_resource_record_sets")
def change_resource_record_sets(self):
    with WORLD:
        zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
        changes = self._get_param("ChangeBatch.Changes")
        for change in changes:
            check = change["ResourceRecordSet"].get("HealthCheckId")
            if check and change["Action"] != "DELETE":
                self.backend.get_health_check(check)
        sets = apply(zone, changes)
        # The commit: everything before this line only looked.
        zone.rrsets = sets
        return ActionResult({"ChangeInfo": accepted()})


@replace(responses.Route53, "get_change")
def get_change(self):
    change = self._get_param("Id").split("/")[-1]
    if change not in CHANGES:
        raise Route53ClientError("NoSuchChange", f"Could not find resource with ID: {change}")
    return ActionResult({"ChangeInfo": info(change)})


_create_hosted_zone = responses.Route53.create_hosted_zone


@replace(responses.Route53, "create_hosted_zone")
def create_hosted_zone(self):
    with WORLD:
        reply = _create_hosted_zone(self)
        result = reply.result
        result["ChangeInfo"] = accepted()
        # moto keeps the SOA's value wrapped once more than every other value, and shows it so.
        for record_set in result["HostedZone"].rrsets:
            record_set.name = domain(record_set.name)
            record_set.records = [
                value["Value"] if isinstance(value, dict) else value for value in record_set.records
            ]
        return reply


def place(record_set):
    """AWS's order: labels from the right, then type, then set identifier."""
    labels = tuple(reversed(domain(record_set.name).rstrip(".").split(".")))
    return labels, record_set.type, record_set.set_identifier or ""


@replace(responses.Route53, "list_resource_record_sets")
def list_resource_record_sets(self):
    name, kind = self._get_param("StartRecordName"), self._get_param("StartRecordType")
    identifier = self._get_param("StartRecordIdentifier")
    if (kind and not name) or (identifier and not kind):
        raise Route53ClientError("InvalidInput", "The input is not valid")
    most = min(self._get_int_param("MaxItems", PAGE_MAX), PAGE_MAX)
    with WORLD:
        zone = self.backend.get_hosted_zone(self._get_param("HostedZoneId"))
        sets = sorted(zone.rrsets, key=place)
    if name:
        first = (tuple(reversed(domain(name).rstrip(".").split("."))), kind or "", identifier or "")
        sets = [record_set for record_set in sets if place(record_set) >= first]
    following = sets[most] if len(sets) > most else None
    return ActionResult(
        {
            "ResourceRecordSets": sets[:most],
            "IsTruncated": following is not None,
            "NextRecordName": following.name if following else None,
            "NextRecordType": following.type if following else None,
            "NextRecordIdentifier": following.set_identifier if following else None,
            "MaxItems": most,
        }
    )
