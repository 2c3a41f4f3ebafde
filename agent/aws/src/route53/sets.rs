//! The record sets that a repoint concerns, as read, and the plain facts in them. The sets themselves are kept
//! word for word, because a DELETE has to repeat every current value. Pure: it is handed what was read.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_route53::types::{ResourceRecordSet, ResourceRecordSetFailover, RrType};
use quorate_policies::plan::action::RecordKind;
use quorate_policies::plan::before::RecordBefore;

use super::answer::Answer;
use super::epoch::Fence;
use super::goal::Goal;
use super::name::{normal_name, normal_value};

/// What stands under the record's name, and its epoch record, as Route 53 has them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sets {
    /// Every set of the record's name, of any type.
    pub(super) at_name: Vec<ResourceRecordSet>,
    /// The epoch record. `None` is "not there".
    pub(super) fence: Option<ResourceRecordSet>,
    /// The zone's name in normal form, where it could be read.
    pub(super) zone_name: Option<String>,
}

/// What the sets say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    /// The record's shape and answer.
    pub(super) record: Record,
    /// Types that stand beside it under the same name.
    pub(super) beside: BTreeSet<String>,
    /// The zone's name, where it could be read.
    pub(super) zone_name: Option<String>,
    /// Who moved it last.
    pub(super) fence: Fence,
}

/// The record as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// There is none of that type.
    Absent,
    /// A simple one.
    Simple {
        /// What it answers.
        answer: Answer,
        /// Its time to live, which an alias has not.
        ttl_s: Option<u32>,
    },
    /// Weighted sets.
    Weighted(BTreeMap<String, u32>),
    /// Failover sets.
    Failover {
        /// The set identifiers that are primary.
        primary: Vec<String>,
        /// The set identifiers that are secondary.
        secondary: Vec<String>,
        /// Those that may not be primary: plain values without a health check.
        unchecked: Vec<String>,
    },
    /// A routing policy that no repoint speaks of.
    Other(&'static str),
}

/// The type as the SDK names it.
pub(crate) fn rr_type(kind: RecordKind) -> RrType {
    match kind {
        RecordKind::A => RrType::A,
        RecordKind::Aaaa => RrType::Aaaa,
        RecordKind::Cname => RrType::Cname,
    }
}

/// The first set of that name and type. Of an epoch record there is one, or it is not ours.
pub(super) fn find(sets: &[ResourceRecordSet], name: &str, kind: &RrType) -> Option<ResourceRecordSet> {
    let name = normal_name(name);
    sets.iter().find(|set| set.r#type() == kind && normal_name(set.name()) == name).cloned()
}

/// All sets of that name.
pub(super) fn of_name(sets: &[ResourceRecordSet], name: &str) -> Vec<ResourceRecordSet> {
    let name = normal_name(name);
    sets.iter().filter(|set| normal_name(set.name()) == name).cloned().collect()
}

/// The sets of that type.
pub(crate) fn of_kind(
    sets: &[ResourceRecordSet],
    kind: RecordKind,
) -> impl Iterator<Item = &ResourceRecordSet> {
    sets.iter().filter(move |set| *set.r#type() == rr_type(kind))
}

impl Sets {
    /// The sets of the record itself: one that is simple, or several that are routed.
    pub(super) fn record(&self, kind: RecordKind) -> Vec<&ResourceRecordSet> {
        of_kind(&self.at_name, kind).collect()
    }

    /// Reads the facts.
    pub(super) fn world(&self, goal: &Goal) -> World {
        let beside = self.at_name.iter().map(|set| set.r#type().as_str().to_owned());
        World {
            record: record(goal.kind, &self.record(goal.kind)),
            beside: beside.filter(|kind| kind != goal.kind.as_str()).collect(),
            zone_name: self.zone_name.clone(),
            fence: self.fence.as_ref().map_or(Fence::Absent, fence),
        }
    }
}

impl Record {
    /// Whether it answers so already.
    pub(super) fn answers(&self, wanted: &Answer) -> bool {
        match (self, wanted) {
            (Record::Simple { answer, .. }, _) => answer == wanted,
            (Record::Weighted(weights), Answer::Weights(wanted)) => weights == wanted,
            (Record::Failover { primary, .. }, Answer::Primary(wanted)) => {
                primary.as_slice() == std::slice::from_ref(wanted)
            }
            (Record::Absent | Record::Weighted(_) | Record::Failover { .. } | Record::Other(_), _) => false,
        }
    }

    /// What is lost with a change of it: what an abort repoints back to. None where no repoint could bring it back.
    pub(super) fn before(&self) -> Option<RecordBefore> {
        match self {
            Record::Absent => Some(RecordBefore::Absent),
            Record::Simple { answer: Answer::Alias { name, zone }, .. } => {
                Some(RecordBefore::Alias { name: name.clone(), zone: zone.clone() })
            }
            Record::Simple { answer: Answer::Values(values), ttl_s: Some(ttl_s) } => {
                Some(RecordBefore::Values { values: values.iter().cloned().collect(), ttl_s: *ttl_s })
            }
            Record::Weighted(weights) => Some(RecordBefore::Weights { weights: weights.clone() }),
            Record::Failover { primary, .. } => match primary.as_slice() {
                [primary] => Some(RecordBefore::Primary { primary: primary.clone() }),
                [] | [_, _, ..] => None,
            },
            Record::Simple { .. } | Record::Other(_) => None,
        }
    }
}

fn record(kind: RecordKind, sets: &[&ResourceRecordSet]) -> Record {
    let Some(first) = sets.first() else { return Record::Absent };
    let identifier = |set: &ResourceRecordSet| set.set_identifier().unwrap_or_default().to_owned();
    // Route 53 allows one policy for a name and type, so the first set's is everybody's.
    match routing(first) {
        None => {
            let ttl_s = first.ttl().and_then(|ttl| u32::try_from(ttl).ok());
            Record::Simple { answer: answer(kind, first), ttl_s }
        }
        Some("weighted") => {
            let weight = |set: &ResourceRecordSet| set.weight().and_then(|weight| u32::try_from(weight).ok());
            let weights = sets.iter().map(|set| (identifier(set), weight(set).unwrap_or_default()));
            Record::Weighted(weights.collect())
        }
        Some("failover") => {
            let of = |role: &ResourceRecordSetFailover| {
                let sets = sets.iter().filter(|set| set.failover() == Some(role));
                sets.map(|set| identifier(set)).collect()
            };
            let primary = of(&ResourceRecordSetFailover::Primary);
            let secondary = of(&ResourceRecordSetFailover::Secondary);
            let plain =
                |set: &ResourceRecordSet| set.alias_target().is_none() && set.health_check_id().is_none();
            let unchecked = sets.iter().filter(|set| plain(set)).map(|set| identifier(set)).collect();
            Record::Failover { primary, secondary, unchecked }
        }
        Some(policy) => Record::Other(policy),
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
pub(crate) fn routing(set: &ResourceRecordSet) -> Option<&'static str> {
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
mod tests;
