//! Route 53's REST XML protocol: operations by method and path, XML in and out. Simple, weighted and failover
//! routing are understood; a set of another policy is refused, because ignoring the policy would accept what
//! AWS would not.

use std::collections::BTreeMap;

use http::{HeaderValue, Method, Uri};
use serde::{Deserialize, Serialize};

use super::element;
use crate::world::call::Call;
use crate::world::refusal::Refusal;
use crate::world::route53::{Route53Call, Route53Reply};
use crate::world::zone::change::{Change, ChangeAction, ChangeBatch};
use crate::world::zone::routing::{Failover, Routing};
use crate::world::zone::{AliasTarget, ChangeInfo, Page, RecordSet};

mod health;
mod zones;

pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
pub(super) const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// Reads a call from method, path, query and body.
pub(super) fn decode(method: &Method, uri: &Uri, body: &[u8]) -> Result<Call, Refusal> {
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    let query = uri.query().unwrap_or_default();
    match (method.as_str(), path.as_slice()) {
        ("GET", ["2013-04-01", "hostedzone", zone, "rrset"]) => list(zone, query),
        ("POST", ["2013-04-01", "hostedzone", zone, "rrset"]) => change(zone, body),
        ("GET", ["2013-04-01", "change", id]) => {
            Ok(Call::Route53(Route53Call::GetChange { id: (*id).to_owned() }))
        }
        ("GET", ["2013-04-01", "hostedzone"]) => Ok(Call::Route53(Route53Call::ListHostedZones)),
        ("GET", ["2013-04-01", "hostedzone", zone]) => {
            Ok(Call::Route53(Route53Call::GetHostedZone { zone: (*zone).to_owned() }))
        }
        (method, ["2013-04-01", "healthcheck", rest @ ..]) => health::decode(method, rest, query, body),
        _ => Err(Refusal::new(404, UNKNOWN_OPERATION, "")),
    }
}

fn list(zone: &str, query: &str) -> Result<Call, Refusal> {
    let fields: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.get(name).filter(|value| !value.is_empty()).cloned();
    let not_a_number = |_| Refusal::bad("InvalidInput", "maxitems is not a number");
    Ok(Call::Route53(Route53Call::ListResourceRecordSets {
        zone: zone.into(),
        name: field("name"),
        kind: field("type"),
        identifier: field("identifier"),
        max_items: field("maxitems").map(|count| count.parse()).transpose().map_err(not_a_number)?,
    }))
}

fn change(zone: &str, body: &[u8]) -> Result<Call, Refusal> {
    let request: RequestXml = parse(body)?;
    let ChangeBatchXml { comment, changes } = request.change_batch;
    let changes =
        changes.change.into_iter().map(|change| Change { action: change.action, set: change.set.into() });
    let batch =
        ChangeBatch { comment: comment.filter(|comment| !comment.is_empty()), changes: changes.collect() };
    Ok(Call::Route53(Route53Call::ChangeResourceRecordSets { zone: zone.into(), batch }))
}

/// Reads an XML body.
fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let malformed = |error: String| Refusal::bad("InvalidInput", format!("Invalid XML ; {error}"));
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    quick_xml::de::from_str(text).map_err(|error| malformed(error.to_string()))
}

/// Writes a reply.
pub(super) fn encode(call: &Call, reply: &Route53Reply) -> String {
    let root = format!("{}Response", call.operation());
    let content = match reply {
        Route53Reply::Records(page) => records(page),
        Route53Reply::Change { info, insync } => change_info(info, *insync),
        Route53Reply::Zone(zone) => zones::one(zone),
        Route53Reply::Zones(found) => zones::list(found),
        Route53Reply::HealthCheck(check) => health::one(check),
        Route53Reply::HealthCheckStatus(last) => health::status(last.as_ref()),
        Route53Reply::HealthChecks { checks, marker, next, max_items } => {
            health::list(checks, marker.as_deref(), next.as_deref(), *max_items)
        }
        Route53Reply::Deleted => String::new(),
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">{content}</{root}>")
}

/// Where a new health check is found.
pub(super) fn location(call: &Call, reply: &Route53Reply) -> Option<HeaderValue> {
    match (call, reply) {
        (Call::Route53(Route53Call::CreateHealthCheck { .. }), Route53Reply::HealthCheck(check)) => {
            HeaderValue::from_str(&format!("/2013-04-01/healthcheck/{}", check.id)).ok()
        }
        _ => None,
    }
}

fn records(page: &Page) -> String {
    let sets: String =
        page.records.iter().map(|set| element("ResourceRecordSet", &SetXml::from(set.clone()))).collect();
    let next = page.next.as_ref().map_or_else(String::new, |(name, kind, identifier)| {
        let identifier = identifier.as_ref().map_or_else(String::new, |identifier| {
            format!("<NextRecordIdentifier>{}</NextRecordIdentifier>", super::escape(identifier))
        });
        format!(
            "<NextRecordName>{}</NextRecordName><NextRecordType>{kind}</NextRecordType>{identifier}",
            super::escape(name)
        )
    });
    let (truncated, max_items) = (page.next.is_some(), page.max_items);
    format!(
        "<ResourceRecordSets>{sets}</ResourceRecordSets><IsTruncated>{truncated}</IsTruncated>{next}\
         <MaxItems>{max_items}</MaxItems>"
    )
}

fn change_info(info: &ChangeInfo, insync: bool) -> String {
    let status = if insync { "INSYNC" } else { "PENDING" };
    let submitted = crate::world::rfc3339(info.submitted_ms);
    let comment = info
        .comment
        .as_ref()
        .map_or_else(String::new, |comment| format!("<Comment>{}</Comment>", super::escape(comment)));
    format!(
        "<ChangeInfo><Id>/change/{}</Id><Status>{status}</Status>\
         <SubmittedAt>{submitted}</SubmittedAt>{comment}\
         </ChangeInfo>",
        info.id
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RequestXml {
    change_batch: ChangeBatchXml,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeBatchXml {
    comment: Option<String>,
    #[serde(default)]
    changes: ChangesXml,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct ChangesXml {
    #[serde(default)]
    change: Vec<ChangeXml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeXml {
    action: ChangeAction,
    #[serde(rename = "ResourceRecordSet")]
    set: SetXml,
}

/// A record set; a field of any other routing policy is unknown here, and so refused.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SetXml {
    name: String,
    r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    set_identifier: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failover: Option<Failover>,
    #[serde(rename = "TTL", default, skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_records: Option<RecordsXml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias_target: Option<AliasTargetXml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    health_check_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordsXml {
    #[serde(default)]
    resource_record: Vec<RecordXml>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordXml {
    value: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AliasTargetXml {
    hosted_zone_id: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    evaluate_target_health: bool,
}

impl From<SetXml> for RecordSet {
    fn from(set: SetXml) -> Self {
        let records = set.resource_records.map_or_else(Vec::new, |records| records.resource_record);
        let alias = set.alias_target.map(|target| AliasTarget {
            zone: target.hosted_zone_id,
            name: target.dns_name,
            evaluate_target_health: target.evaluate_target_health,
        });
        let values = records.into_iter().map(|record| record.value).collect();
        let routing = Routing {
            set_identifier: set.set_identifier,
            weight: set.weight,
            failover: set.failover,
            health_check: set.health_check_id,
        };
        RecordSet { name: set.name, kind: set.r#type, ttl_s: set.ttl, values, alias, routing }
    }
}

impl From<RecordSet> for SetXml {
    fn from(set: RecordSet) -> Self {
        let resource_record: Vec<RecordXml> =
            set.values.into_iter().map(|value| RecordXml { value }).collect();
        let alias_target = set.alias.map(|target| AliasTargetXml {
            hosted_zone_id: target.zone,
            dns_name: target.name,
            evaluate_target_health: target.evaluate_target_health,
        });
        let resource_records = alias_target.is_none().then_some(RecordsXml { resource_record });
        let Routing { set_identifier, weight, failover, health_check: health_check_id } = set.routing;
        SetXml {
            name: set.name,
            r#type: set.kind,
            set_identifier,
            weight,
            failover,
            ttl: set.ttl_s,
            resource_records,
            alias_target,
            health_check_id,
        }
    }
}
