//! The record sets that a repoint concerns, as read, and the plain facts in them. The sets themselves are kept
//! word for word, because a DELETE has to repeat every current value. Pure: it is handed what was read.

use std::collections::BTreeSet;

use aws_sdk_route53::types::{ResourceRecordSet, RrType};
use quorate_policies::plan::action::RecordKind;

use super::epoch::EpochMark;
use super::goal::{Answer, Goal};
use super::name::{normal_name, normal_value};

/// The record and its epoch record as Route 53 has them. `None` is "not there".
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sets {
    pub(super) record: Option<ResourceRecordSet>,
    pub(super) fence: Option<ResourceRecordSet>,
}

/// What the sets say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    /// The record's answer.
    pub(super) answer: Option<Answer>,
    /// A routing policy on the record that a repoint would break.
    pub(super) routing: Option<&'static str>,
    /// Who moved it last.
    pub(super) fence: Fence,
}

/// What the epoch record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fence {
    /// There is none yet.
    Absent,
    /// Exactly one mark.
    Marked(EpochMark),
    /// Something that we did not write.
    Foreign(String),
}

/// The type as the SDK names it.
pub(super) fn rr_type(kind: RecordKind) -> RrType {
    match kind {
        RecordKind::A => RrType::A,
        RecordKind::Aaaa => RrType::Aaaa,
        RecordKind::Cname => RrType::Cname,
    }
}

/// The first set of that name and type. Several exist only under a routing policy, and one shows it.
pub(super) fn find(sets: &[ResourceRecordSet], name: &str, kind: &RrType) -> Option<ResourceRecordSet> {
    let name = normal_name(name);
    sets.iter().find(|set| set.r#type() == kind && normal_name(set.name()) == name).cloned()
}

impl Sets {
    /// Reads the facts.
    pub(super) fn world(&self, goal: &Goal) -> World {
        World {
            answer: self.record.as_ref().map(|set| answer(goal.kind, set)),
            routing: self.record.as_ref().and_then(routing),
            fence: self.fence.as_ref().map_or(Fence::Absent, fence),
        }
    }
}

fn answer(kind: RecordKind, set: &ResourceRecordSet) -> Answer {
    match set.alias_target() {
        Some(alias) => {
            Answer::Alias { name: normal_name(alias.dns_name()), zone: alias.hosted_zone_id().to_owned() }
        }
        None => {
            let values: BTreeSet<String> =
                set.resource_records().iter().map(|record| normal_value(kind, record.value())).collect();
            Answer::Values(values)
        }
    }
}

/// Names what makes the set other than simple. A repoint of one of several answers would not move the name.
fn routing(set: &ResourceRecordSet) -> Option<&'static str> {
    let policies = [
        (set.weight().is_some(), "weighted"),
        (set.failover().is_some(), "failover"),
        (set.region().is_some(), "latency"),
        (set.geo_location().is_some(), "geolocation"),
        (set.geo_proximity_location().is_some(), "geoproximity"),
        (set.cidr_routing_config().is_some(), "IP-based"),
        (set.multi_value_answer().is_some(), "multivalue"),
        (set.traffic_policy_instance_id().is_some(), "traffic policy"),
        (set.set_identifier().is_some(), "set identifier"),
    ];
    policies.into_iter().find_map(|(present, name)| present.then_some(name))
}

fn fence(set: &ResourceRecordSet) -> Fence {
    let values: Vec<&str> = set.resource_records().iter().map(|record| record.value()).collect();
    let foreign = || Fence::Foreign(values.join(" | "));
    if routing(set).is_some() {
        return foreign();
    }
    match values.as_slice() {
        [value] => value.parse().map_or_else(|_| foreign(), Fence::Marked),
        [] | [_, _, ..] => foreign(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_route53::types::builders::ResourceRecordSetBuilder;
    use aws_sdk_route53::types::{
        AliasTarget, CidrRoutingConfig, GeoLocation, GeoProximityLocation, ResourceRecord,
        ResourceRecordSetFailover, ResourceRecordSetRegion,
    };

    use super::*;

    fn set(name: &str, kind: RrType, values: &[&str]) -> ResourceRecordSet {
        let record = |value: &&str| ResourceRecord::builder().value(*value).build().unwrap();
        let records = values.iter().map(record).collect();
        let builder = ResourceRecordSet::builder().name(name).r#type(kind).ttl(300);
        builder.set_resource_records(Some(records)).build().unwrap()
    }

    /// Goal: a set is found as Route 53 spells it, and another type or name is not. Method: capitals, dot, escape.
    #[test]
    fn sets_are_found_by_normal_name_and_type() {
        let sets = [
            set("api.example.com.", RrType::Aaaa, &["2001:db8::1"]),
            set("API.example.com.", RrType::A, &["192.0.2.1"]),
            set("\\052.example.com.", RrType::A, &["192.0.2.9"]),
        ];
        let value = |name: &str| {
            find(&sets, name, &RrType::A).map(|set| set.resource_records()[0].value().to_owned())
        };
        assert_eq!(value("api.example.com").as_deref(), Some("192.0.2.1"));
        assert_eq!(value("*.example.com").as_deref(), Some("192.0.2.9"));
        assert_eq!(value("www.example.com"), None);
    }

    /// Goal: answers compare by meaning: order, case, dots, TTL and health evaluation do not count, the kind of
    /// answer does. Method: pairs.
    #[test]
    fn answers_are_normalised() {
        let two = answer(RecordKind::A, &set("a.test", RrType::A, &["192.0.2.2", "192.0.2.1"]));
        assert_eq!(two, answer(RecordKind::A, &set("a.test", RrType::A, &["192.0.2.1", "192.0.2.2"])));
        let alias = |name: &str, evaluate| {
            let target =
                AliasTarget::builder().dns_name(name).hosted_zone_id("Z2").evaluate_target_health(evaluate);
            let mut set = set("a.test", RrType::A, &[]);
            (set.ttl, set.alias_target) = (None, Some(target.build().unwrap()));
            answer(RecordKind::A, &set)
        };
        assert_eq!(alias("ALB.example.com.", true), alias("alb.example.com", false));
        assert_ne!(alias("alb.example.com", false), two);
        assert_ne!(alias("alb.example.com", false), alias("other.example.com", false));
    }

    /// Goal: every routing policy is seen, and a simple record has none. Method: one of each.
    #[test]
    fn routing_policies_are_seen() {
        let simple = || ResourceRecordSet::builder().name("a.test").r#type(RrType::A);
        let policy = |builder: ResourceRecordSetBuilder| routing(&builder.build().unwrap());
        assert_eq!(policy(simple()), None);
        assert_eq!(policy(simple().weight(0)), Some("weighted"));
        assert_eq!(policy(simple().failover(ResourceRecordSetFailover::Primary)), Some("failover"));
        assert_eq!(policy(simple().region(ResourceRecordSetRegion::UsEast1)), Some("latency"));
        assert_eq!(policy(simple().geo_location(GeoLocation::builder().build())), Some("geolocation"));
        let proximity = GeoProximityLocation::builder().build();
        assert_eq!(policy(simple().geo_proximity_location(proximity)), Some("geoproximity"));
        let cidr = CidrRoutingConfig::builder().collection_id("c").location_name("l").build().unwrap();
        assert_eq!(policy(simple().cidr_routing_config(cidr)), Some("IP-based"));
        assert_eq!(policy(simple().multi_value_answer(true)), Some("multivalue"));
        assert_eq!(policy(simple().traffic_policy_instance_id("t")), Some("traffic policy"));
        assert_eq!(policy(simple().set_identifier("one")), Some("set identifier"));
    }

    /// Goal: only one mark under simple routing is a fence of ours (R7). Method: none, two, prose, a weight.
    #[test]
    fn fences_are_read() {
        let mark = "\"epoch=4 execution=e4 attempt=1\"";
        let txt = |values: &[&str]| set("_quorate-epoch.a.test", RrType::Txt, values);
        assert!(matches!(fence(&txt(&[mark])), Fence::Marked(_)));
        assert!(matches!(fence(&txt(&[])), Fence::Foreign(_)));
        assert!(matches!(fence(&txt(&[mark, mark])), Fence::Foreign(_)));
        assert!(matches!(fence(&txt(&["\"v=spf1 -all\""])), Fence::Foreign(_)));
        let mut weighted = txt(&[mark]);
        weighted.weight = Some(1);
        assert!(matches!(fence(&weighted), Fence::Foreign(_)));
    }
}
