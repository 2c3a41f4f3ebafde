//! Readiness of what `route53.repoint` needs: the zone, the record in a shape that the action moves, and an epoch record
//! that is ours or not there.

use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use quorate_policies::plan::action::Route53Repoint;
use quorate_policies::readiness::Finding;

use super::unread;
use crate::clients::Place;
use crate::fault::{Call, Fault};
use crate::route53::epoch::{EpochMark, epoch_record_name};
use crate::route53::name::{lies_in, normal_name};
use crate::route53::zone::facts;

/// Above it, resolvers that remember the old answer are the longest part of a recovery.
const TTL_MAX_S: i64 = 60;
/// Sets that one read may give: a name has at most a few.
const SETS_MAX: i32 = 20;

/// Looks at the zone, the record and its epoch record.
pub(super) async fn repoint(place: &Place<'_>, action: &Route53Repoint) -> Vec<Finding> {
    let client = place.route53();
    let call = |operation| Call { operation, region: place.region.to_owned(), id: action.zone.clone() };
    let zone = match client.get_hosted_zone().id(&action.zone).send().await {
        Ok(reply) => facts(&reply),
        Err(error) => {
            let fault = Fault::new(call("route53:GetHostedZone"), &error);
            let gone = fault.code() == Some("NoSuchHostedZone");
            let mend = "correct the zone's id in the policy";
            return vec![if gone { Finding::blocking(fault.to_string(), mend) } else { unread(&fault) }];
        }
    };
    let mut findings: Vec<Finding> = zone.finding().into_iter().collect();
    let record = normal_name(&action.record);
    if !lies_in(&record, &zone.name) {
        let what = format!("{record} is not in zone {}", zone.name);
        findings.push(Finding::blocking(what, "correct the zone's id or the record's name in the policy"));
    }
    for name in [record.clone(), epoch_record_name(&record)] {
        let list = client.list_resource_record_sets().hosted_zone_id(&action.zone).start_record_name(&name);
        match list.max_items(SETS_MAX).send().await {
            Ok(reply) => {
                let sets: Vec<&ResourceRecordSet> = reply
                    .resource_record_sets()
                    .iter()
                    .filter(|set| normal_name(set.name()) == name)
                    .collect();
                findings.extend(if name == record {
                    judge(action, &sets)
                } else {
                    judge_epoch(&name, &sets)
                });
            }
            Err(error) => findings.push(unread(&Fault::new(call("route53:ListResourceRecordSets"), &error))),
        }
    }
    findings
}

/// The record beside what the step makes of it.
fn judge(action: &Route53Repoint, sets: &[&ResourceRecordSet]) -> Vec<Finding> {
    let record = normal_name(&action.record);
    let ours: Vec<&&ResourceRecordSet> =
        sets.iter().filter(|set| set.r#type().as_str() == action.kind.as_str()).collect();
    let mut findings = Vec::new();
    if ours.is_empty() {
        let other = sets.iter().find(|set| *set.r#type() == RrType::Cname);
        findings.push(match other {
            Some(_) => Finding::blocking(
                format!("{record} is a CNAME, the plan wants a record of type {}", action.kind.as_str()),
                "write `type: CNAME`, or replace the record beforehand",
            ),
            None => Finding::warning(
                format!("{record} has no record of type {}: the step would create it", action.kind.as_str()),
                "create it beforehand, so that clients know it",
            ),
        });
    }
    let routed = ours.iter().any(|set| set.set_identifier().is_some());
    let wants_routed = !action.weights.is_empty() || action.primary.is_some();
    if !ours.is_empty() && routed != wants_routed {
        let (is, wants) = if routed { ("routed", "a simple one") } else { ("simple", "a routed one") };
        let what = format!("{record} is a {is} record, the plan moves {wants}");
        findings
            .push(Finding::blocking(what, "write `weights` or `primary` for routed records, else a target"));
    }
    if let Some(ttl) = ours.iter().filter_map(|set| set.ttl()).max().filter(|ttl| *ttl > TTL_MAX_S) {
        let what = format!("{record} may be remembered for {ttl} s by resolvers");
        findings.push(Finding::warning(what, format!("lower its time to live to {TTL_MAX_S} s or less")));
    }
    findings
}

/// The epoch record: one of ours, or none.
fn judge_epoch(name: &str, sets: &[&ResourceRecordSet]) -> Vec<Finding> {
    let values: Vec<&str> =
        sets.iter().flat_map(|set| set.resource_records()).map(|record| record.value()).collect();
    let foreign = !values.is_empty() && !matches!(values[..], [value] if value.parse::<EpochMark>().is_ok());
    let what = format!("{name} holds {}, which is no epoch of ours", values.join(" | "));
    if foreign {
        vec![Finding::blocking(what, "remove that record: the name belongs to the fence")]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_route53::types::ResourceRecord;
    use quorate_policies::plan::action::RecordKind;

    fn action() -> Route53Repoint {
        Route53Repoint {
            zone: "Z1".into(),
            record: "API.example.com.".into(),
            kind: RecordKind::A,
            alias: None,
            alias_zone: None,
            values: vec!["192.0.2.2".into()],
            ttl_s: 60,
            weights: Default::default(),
            primary: None,
        }
    }

    fn set(kind: RrType, ttl: i64, value: &str, id: Option<&str>) -> ResourceRecordSet {
        let value = ResourceRecord::builder().value(value).build().unwrap();
        let set = ResourceRecordSet::builder().name("api.example.com.").r#type(kind).ttl(ttl);
        set.set_set_identifier(id.map(str::to_owned)).resource_records(value).build().unwrap()
    }

    /// Goal: each shape of the record is told with its weight. Method: a table.
    #[test]
    fn shapes_of_a_record() {
        let table: [(Vec<ResourceRecordSet>, &str); 5] = [
            (vec![set(RrType::A, 60, "192.0.2.1", None)], ""),
            (vec![], "warning: api.example.com has no record of type A"),
            (vec![set(RrType::Cname, 60, "x.test", None)], "blocking: api.example.com is a CNAME"),
            (
                vec![set(RrType::A, 60, "192.0.2.1", Some("east"))],
                "blocking: api.example.com is a routed record",
            ),
            (
                vec![set(RrType::A, 3600, "192.0.2.1", None)],
                "warning: api.example.com may be remembered for 3600 s",
            ),
        ];
        for (sets, expected) in table {
            let found: Vec<String> =
                judge(&action(), &sets.iter().collect::<Vec<_>>()).iter().map(ToString::to_string).collect();
            let fits = if expected.is_empty() {
                found.is_empty()
            } else {
                found.len() == 1 && found[0].starts_with(expected)
            };
            assert!(fits, "{expected}: {found:?}");
        }
    }

    /// Goal: an epoch record of somebody else's is in the way, ours is not. Method: both, and none.
    #[test]
    fn an_epoch_record_is_ours_or_absent() {
        let ours = set(RrType::Txt, 60, "\"epoch=4 execution=shop-4 attempt=1\"", None);
        let theirs = set(RrType::Txt, 60, "\"v=spf1 -all\"", None);
        assert!(judge_epoch("_quorate-epoch.api.example.com", &[]).is_empty());
        assert!(judge_epoch("_quorate-epoch.api.example.com", &[&ours]).is_empty());
        assert_eq!(judge_epoch("_quorate-epoch.api.example.com", &[&theirs]).len(), 1);
        assert_eq!(judge_epoch("_quorate-epoch.api.example.com", &[&ours, &theirs]).len(), 1);
    }
}
