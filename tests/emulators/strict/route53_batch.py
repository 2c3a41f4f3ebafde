"""Route 53 change batches: validated against the zone as it is, under a lock, and committed once or not at all.

moto applies a batch change by change, keeps what went through before an error, accepts a DELETE of values that are no
longer there and a CREATE over an existing set. Each of these breaks a compare-and-swap on a TXT record, which is what
Quorate's epoch fence is made of. Rules: API_ChangeResourceRecordSets and DNSLimitations of the Route 53 documentation.
"""

import ipaddress

from moto.route53 import models
from moto.route53.exceptions import Route53ClientError


# Limits of one batch. An UPSERT counts double.
RECORDS_MAX = 1_000
CHARACTERS_MAX = 32_000
# What makes a set one of several under its name and type. A name has one policy only.
POLICIES = ("Weight", "Failover", "Region", "GeoLocation", "MultiValueAnswer")
ACTIONS = ("CREATE", "DELETE", "UPSERT")
# The zones of application and classic load balancers, by id, and where the names in them end. An alias must name
# something inside its target's zone; zones that are not listed here are not checked.
BALANCER_ZONES = {
    "Z35SXDOTRQ7X7K": "us-east-1",
    "Z3AADJGX6KTTL2": "us-east-2",
    "Z1H1FL5HABSF5": "us-west-2",
    "Z32O12XQLNTSW2": "eu-west-1",
    "Z215JYRZR1TBD5": "eu-central-1",
}


def domain(name):
    """A name as Route 53 keeps it: lower case, trailing dot, `*` as an octal escape."""
    return name.rstrip(".").lower().replace("*", "\\052") + "."


def normal(record_set):
    """A record set in the one form in which two of them can be compared."""
    plain = {key: value for key, value in record_set.items() if value not in (None, [], "")}
    plain["Name"] = domain(plain["Name"])
    if "ResourceRecords" in plain:
        values = (
            record["Value"] if isinstance(record, dict) else record for record in plain["ResourceRecords"]
        )
        plain["ResourceRecords"] = sorted(values)
    for number in ("TTL", "Weight"):
        if number in plain:
            plain[number] = int(plain[number])
    if "AliasTarget" in plain:
        target = dict(plain["AliasTarget"])
        target["DNSName"] = domain(target["DNSName"])
        target["EvaluateTargetHealth"] = str(target.get("EvaluateTargetHealth")).lower()
        plain["AliasTarget"] = target
    return plain


def of_model(record_set):
    """moto's own object, in the form of `normal`."""
    fields = {
        "Name": record_set.name,
        "Type": record_set.type,
        "TTL": record_set.ttl,
        "ResourceRecords": list(record_set.records or []),
        "SetIdentifier": record_set.set_identifier,
        "Weight": record_set.weight,
        "Region": record_set.region,
        "HealthCheckId": record_set.health_check_id,
        "AliasTarget": record_set.alias_target,
        "Failover": record_set.failover,
        "GeoLocation": record_set.geo_location,
        "MultiValueAnswer": record_set.multi_value_answer,
    }
    return normal(fields)


def key(plain):
    return plain["Name"], plain["Type"], plain.get("SetIdentifier")


def label(plain):
    text = f"name='{plain['Name']}', type='{plain['Type']}'"
    return f"[{text}, set identifier='{plain['SetIdentifier']}']" if "SetIdentifier" in plain else f"[{text}]"


def policy(plain):
    return next((name for name in POLICIES if name in plain), None)


def check_quota(changes):
    """The two quotas of one batch. Values are counted without quotation marks, as documented."""
    records = characters = 0
    for change in changes:
        weight = 2 if change["Action"] == "UPSERT" else 1
        values = [record["Value"] for record in change["ResourceRecordSet"].get("ResourceRecords") or []]
        records += weight * len(values)
        characters += weight * sum(len(value.strip('"')) for value in values)
    if records > RECORDS_MAX:
        raise Route53ClientError("InvalidChangeBatch", f"Number of records limit of {RECORDS_MAX} exceeded.")
    if characters > CHARACTERS_MAX:
        raise Route53ClientError(
            "InvalidChangeBatch", f"Number of characters limit of {CHARACTERS_MAX} exceeded."
        )


def check_shape(plain):
    """What is wrong with a set whatever the zone holds: Route 53 answers InvalidInput before it looks at the zone."""
    if "AliasTarget" in plain:
        if "TTL" in plain or "ResourceRecords" in plain:
            raise Route53ClientError(
                "InvalidInput",
                "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and "
                "ResourceRecords], or TrafficPolicyInstanceId], but found more than one in Change with "
                f"[Action=..., Name={plain['Name']}, Type={plain['Type']}]",
            )
    elif "TTL" not in plain or "ResourceRecords" not in plain:
        raise Route53ClientError(
            "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and "
            "ResourceRecords], or TrafficPolicyInstanceId], but found none in Change with "
            f"[Name={plain['Name']}, Type={plain['Type']}]",
        )
    if (policy(plain) is None) != ("SetIdentifier" not in plain):
        raise Route53ClientError(
            "InvalidInput",
            f"Invalid request: Missing field 'SetIdentifier' or a routing policy in {label(plain)}",
        )
    if sum(name in plain for name in POLICIES) > 1:
        raise Route53ClientError(
            "InvalidInput", f"Invalid request: more than one routing policy in {label(plain)}"
        )
    if not 0 <= plain.get("Weight", 0) <= 255:
        raise Route53ClientError("InvalidInput", "Invalid value for Weight: must be between 0 and 255")


def bad_value(plain):
    """What is wrong with the first wrong value, in Route 53's words, or None."""
    for value in plain.get("ResourceRecords", []):
        try:
            if plain["Type"] == "A":
                ipaddress.IPv4Address(value)
            elif plain["Type"] == "AAAA":
                ipaddress.IPv6Address(value)
        except ValueError:
            family = "ARRDATAIllegalIPv4Address" if plain["Type"] == "A" else "AAAARRDATAIllegalIPv6Address"
            return f"Invalid Resource Record: 'FATAL problem: {family} (Value is not a valid address) encountered with '{value}''"
        if plain["Type"] == "TXT" and not (len(value) >= 2 and value[0] == value[-1] == '"'):
            return (
                "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in "
                f"quotation marks) encountered with '{value}''"
            )
    return None


def wrong_in_place(plain, sets, apex):
    """Why this set cannot stand beside the others, or None. `sets` no longer holds the set it would replace."""
    name, kind, identifier = key(plain)
    if kind == "CNAME" and name == apex:
        return f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {apex}"
    beside = [other for other, _ in sets.values() if other["Name"] == name]
    if any((kind == "CNAME") != (other["Type"] == "CNAME") for other in beside):
        return (
            f"RRSet of type {kind} with DNS name {name} is not permitted as it conflicts with other records with "
            f"the same DNS name in zone {apex}"
        )
    same = [other for other in beside if other["Type"] == kind]
    if any(policy(other) != policy(plain) for other in same):
        return (
            f"RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier or 'null'} cannot be created as "
            "other RRSets exist with the same name and type."
        )
    if "Failover" in plain and any(other.get("Failover") == plain["Failover"] for other in same):
        return f"RRSet with DNS name {name}, type {kind} has more than one {plain['Failover']}"
    if plain.get("Failover") == "PRIMARY" and "AliasTarget" not in plain and "HealthCheckId" not in plain:
        return "A non-alias primary ResourceRecordSet must have an associated health check."
    return bad_alias(plain) or bad_value(plain)


def bad_alias(plain):
    target = plain.get("AliasTarget", {})
    region = BALANCER_ZONES.get(target.get("HostedZoneId"))
    if region is None or target["DNSName"].endswith(f".{region}.elb.amazonaws.com."):
        return None
    return (
        f"Tried to create an alias that targets {target['DNSName']}, type {plain['Type']} in zone "
        f"{target['HostedZoneId']}, but the alias target name does not lie within the target zone"
    )


def apply(zone, changes):
    """The zone's sets after the whole batch. Raises what Route 53 answers, and then nothing has changed."""
    check_quota(changes)
    apex = domain(zone.name)
    sets = {
        key(plain): (plain, model) for plain, model in ((of_model(model), model) for model in zone.rrsets)
    }
    wrong, touched = [], set()
    for change in changes:
        action, given = change["Action"], change["ResourceRecordSet"]
        if action not in ACTIONS:
            raise Route53ClientError("InvalidInput", f"Invalid XML ; Value '{action}' is not facet-valid")
        plain = normal(given)
        check_shape(plain)
        # One set may be deleted once and written once in a batch, which is how a set is exchanged for another.
        if ((action == "DELETE"), key(plain)) in touched:
            wrong.append(
                "The request contains an invalid set of changes for a resource record set "
                f"'{plain['Type']} {plain['Name']}'"
            )
            continue
        touched.add(((action == "DELETE"), key(plain)))
        problem = change_one(action, plain, given, sets, apex)
        if problem:
            wrong.append(problem)
    if wrong:
        raise Route53ClientError("InvalidChangeBatch", "[" + ", ".join(wrong) + "]")
    return [model for _, model in sets.values()]


def change_one(action, plain, given, sets, apex):
    """Applies one change to the working copy, or says why it cannot be."""
    place, here = key(plain), sets.get(key(plain))
    if not ("." + plain["Name"]).endswith("." + apex):
        return f"RRSet with DNS name {plain['Name']} is not permitted in zone {apex}"
    if action == "DELETE":
        if here is None:
            return f"Tried to delete resource record set {label(plain)} but it was not found"
        if here[0] != plain:
            return f"Tried to delete resource record set {label(plain)} but the values provided do not match the current values"
        if plain["Name"] == apex and plain["Type"] in ("NS", "SOA"):
            return f"A HostedZone must contain at least one {plain['Type']} record for the zone itself."
        del sets[place]
        return None
    if action == "CREATE" and here is not None:
        return f"Tried to create resource record set {label(plain)} but it already exists"
    # An UPSERT may change values, never the routing policy of a set.
    if here is not None and policy(here[0]) != policy(plain):
        return f"Tried to change the routing policy of resource record set {label(plain)}"
    sets.pop(place, None)
    problem = wrong_in_place(plain, sets, apex)
    if problem:
        return problem
    stored = dict(given, Name=plain["Name"])
    if "AliasTarget" in plain:
        stored["AliasTarget"] = dict(given["AliasTarget"], DNSName=plain["AliasTarget"]["DNSName"])
    if stored.get("ResourceRecords"):
        stored["ResourceRecords"] = [record["Value"] for record in stored["ResourceRecords"]]
    sets[place] = (plain, models.RecordSet(stored))
    return None
