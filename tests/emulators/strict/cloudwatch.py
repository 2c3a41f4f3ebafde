"""CloudWatch as the Rust SDK speaks to it, and GetMetricData that keeps namespaces apart.

The SDK speaks Smithy RPC v2 CBOR only; moto has no CBOR and answers 404, but it has the older JSON protocol with the
same shapes, so requests and replies are translated at the door. moto also mixes namespaces as soon as a query has
dimensions, and does not line periods up.

Metrics of AWS's own namespaces are put here with PutMetricData, which AWS refuses: that is how a test sets ReplicaLag.
"""

import datetime
import io
import json

import cbor2
from moto.cloudwatch import models
from moto.moto_server import werkzeug_app

from .patch import replace

Backend = models.CloudWatchBackend
# CBOR's tag for seconds since 1970.
EPOCH_TAG = 1


def from_cbor(value):
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: from_cbor(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [from_cbor(inner) for inner in value]
    return value


def to_cbor(value, name=""):
    """JSON does not say which numbers are moments; CloudWatch's field names do."""
    if isinstance(value, dict):
        return {key: to_cbor(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [to_cbor(inner, name) for inner in value]
    moment = "Timestamp" in name or name.endswith("Time")
    if moment and isinstance(value, (int, float)):
        return cbor2.CBORTag(EPOCH_TAG, float(value))
    if name == "Values":
        return float(value)
    return value


_call = werkzeug_app.DomainDispatcherApplication.__call__


@replace(werkzeug_app.DomainDispatcherApplication, "__call__")
def call(self, environ, start_response):
    if environ.get("HTTP_SMITHY_PROTOCOL") != "rpc-v2-cbor":
        return _call(self, environ, start_response)
    _, _, service, _, operation = environ["PATH_INFO"].split("/")
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = json.dumps(from_cbor(cbor2.loads(raw)) if raw else {}).encode()
    environ.update(
        PATH_INFO="/",
        HTTP_X_AMZ_TARGET=f"{service}.{operation}",
        CONTENT_TYPE="application/x-amz-json-1.0",
        CONTENT_LENGTH=str(len(body)),
    )
    environ["wsgi.input"] = io.BytesIO(body)
    answered = {}

    def take(status, headers, exc_info=None):
        answered.update(status=status, headers=headers)
        return lambda data: None

    reply = b"".join(_call(self, environ, take))
    translated = cbor2.dumps(to_cbor(json.loads(reply or b"{}")))
    replaced = ("content-type", "content-length", "smithy-protocol")
    headers = [(name, value) for name, value in answered["headers"] if name.lower() not in replaced]
    headers += [
        ("Content-Type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("Content-Length", str(len(translated))),
    ]
    start_response(answered["status"], headers)
    return [translated]


STATISTICS = {
    "Average": lambda values: sum(values) / len(values),
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}

_get_metric_data = Backend.get_metric_data


@replace(Backend, "get_metric_data")
def get_metric_data(self, queries, start_time, end_time, scan_by="TimestampDescending"):
    if start_time >= end_time or any("MetricStat" not in query for query in queries):
        return _get_metric_data(self, queries, start_time, end_time, scan_by)
    return [one_series(self, query, start_time, end_time, scan_by) for query in queries]


def one_series(backend, query, start_time, end_time, scan_by):
    """A period without a value is not in the reply at all: that is how "missing" looks on the wire."""
    asked, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    dimensions = sorted((each["Name"], each["Value"]) for each in metric.get("Dimensions", []))
    period, periods = int(asked["Period"]), {}
    for datum in backend.metric_data:
        has = sorted((each.name, each.value) for each in datum.dimensions)
        moment = datum.timestamp.replace(tzinfo=datetime.timezone.utc)
        same = (datum.namespace, datum.name, has) == (metric["Namespace"], metric["MetricName"], dimensions)
        if same and aware(start_time) <= moment < aware(end_time):
            begin = int(moment.timestamp()) // period * period
            periods.setdefault(begin, []).append(float(datum.value))
    order = sorted(periods, reverse=scan_by != "TimestampAscending")
    return {
        "id": query["Id"],
        "label": query.get("Label") or metric["MetricName"],
        "timestamps": [datetime.datetime.fromtimestamp(begin, datetime.timezone.utc) for begin in order],
        "values": [float(STATISTICS[asked["Stat"]](periods[begin])) for begin in order],
        "status_code": "Complete",
    }


def aware(moment):
    return moment.replace(tzinfo=moment.tzinfo or datetime.timezone.utc)
