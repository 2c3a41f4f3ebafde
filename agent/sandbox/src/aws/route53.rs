//! Route 53's REST XML protocol: operations by method and path, XML in and out. Only simple routing is
//! understood; a set with a routing policy is refused, because ignoring the policy would accept what AWS
//! would not.

use std::collections::BTreeMap;

use http::{Method, Uri};
use serde::{Deserialize, Serialize};

use super::element;
use crate::world::call::Call;
use crate::world::refusal::Refusal;
use crate::world::route53::{Route53Call, Route53Reply};
use crate::world::zone::change::{Change, ChangeAction, ChangeBatch};
use crate::world::zone::{AliasTarget, ChangeInfo, Page, RecordSet};

pub(super) const NAMESPACE: &str = "https://route53.amazonaws.com/doc/2013-04-01/";
pub(super) const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// Reads a call from method, path, query and body.
pub(super) fn decode(method: &Method, uri: &Uri, body: &[u8]) -> Result<Call, Refusal> {
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    match (method.as_str(), path.as_slice()) {
        ("GET", ["2013-04-01", "hostedzone", zone, "rrset"]) => list(zone, uri.query().unwrap_or_default()),
        ("POST", ["2013-04-01", "hostedzone", zone, "rrset"]) => change(zone, body),
        ("GET", ["2013-04-01", "change", id]) => {
            Ok(Call::Route53(Route53Call::GetChange { id: (*id).to_owned() }))
        }
        _ => Err(Refusal::new(404, UNKNOWN_OPERATION, "")),
    }
}

fn list(zone: &str, query: &str) -> Result<Call, Refusal> {
    let fields: BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let field = |name: &str| fields.get(name).filter(|value| !value.is_empty()).cloned();
    if field("identifier").is_some() {
        return Err(Refusal::bad(
            "InvalidInput",
            "the sandbox knows simple routing only, without identifiers",
        ));
    }
    let not_a_number = |_| Refusal::bad("InvalidInput", "maxitems is not a number");
    Ok(Call::Route53(Route53Call::ListResourceRecordSets {
        zone: zone.into(),
        name: field("name"),
        kind: field("type"),
        max_items: field("maxitems").map(|count| count.parse()).transpose().map_err(not_a_number)?,
    }))
}

fn change(zone: &str, body: &[u8]) -> Result<Call, Refusal> {
    let malformed = |error: String| Refusal::bad("InvalidInput", format!("Invalid XML ; {error}"));
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    let request: RequestXml = quick_xml::de::from_str(text).map_err(|error| malformed(error.to_string()))?;
    let ChangeBatchXml { comment, changes } = request.change_batch;
    let changes =
        changes.change.into_iter().map(|change| Change { action: change.action, set: change.set.into() });
    let batch =
        ChangeBatch { comment: comment.filter(|comment| !comment.is_empty()), changes: changes.collect() };
    Ok(Call::Route53(Route53Call::ChangeResourceRecordSets { zone: zone.into(), batch }))
}

/// Writes a reply.
pub(super) fn encode(call: &Call, reply: &Route53Reply) -> String {
    let root = format!("{}Response", call.operation());
    let content = match reply {
        Route53Reply::Records(page) => records(page),
        Route53Reply::Change { info, insync } => change_info(info, *insync),
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">{content}</{root}>")
}

fn records(page: &Page) -> String {
    let sets: String =
        page.records.iter().map(|set| element("ResourceRecordSet", &SetXml::from(set.clone()))).collect();
    let next = page.next.as_ref().map_or_else(String::new, |(name, kind)| {
        format!(
            "<NextRecordName>{}</NextRecordName><NextRecordType>{kind}</NextRecordType>",
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

/// A record set; a field of any routing policy is unknown here, and so refused.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct SetXml {
    name: String,
    r#type: String,
    #[serde(rename = "TTL", default, skip_serializing_if = "Option::is_none")]
    ttl: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource_records: Option<RecordsXml>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias_target: Option<AliasTargetXml>,
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
        RecordSet { name: set.name, kind: set.r#type, ttl_s: set.ttl, values, alias }
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
        SetXml { name: set.name, r#type: set.kind, ttl: set.ttl_s, resource_records, alias_target }
    }
}
