//! Route 53: a record says exactly one thing and never nothing, and a signal has one way to turn.

use super::fields::Fields;
use crate::{
    plan::action::{RecordKind, Route53Repoint, Route53Signal, SignalRecord},
    policy::Policy,
};

/// The largest weight that Route 53 takes.
const WEIGHT_MAX: u32 = 255;

/// Regions between which a signal moves traffic: a failover record has a primary and a secondary set, and no third.
const SIGNAL_REGIONS: usize = 2;

pub(super) fn repoint(fields: &mut Fields<'_>, record: &Route53Repoint) {
    let keys = [
        ("alias", record.alias.is_some()),
        ("values", !record.values.is_empty()),
        ("weights", !record.weights.is_empty()),
        ("primary", record.primary.is_some()),
    ];
    fields.exactly_one("what the record answers", &keys);
    alias(fields, &[], record.alias.is_some(), record.alias_zone.is_some());
    one_cname(fields, &[], record.kind, &record.values);
    weights(fields, record);
}

/// An alias is two texts. `within` is where they stand.
fn alias(fields: &mut Fields<'_>, within: &[&str], target: bool, zone: bool) {
    let place = [within, &["alias_zone"]].concat();
    match (target, zone) {
        (true, false) => {
            let message = "an alias needs the zone of its target";
            let mend = "add `alias_zone:`, the hosted zone id of the target (of the load balancer, not of your domain)";
            fields.wrong(&place, message, mend);
        }
        (false, true) => {
            let mend = "remove it, or write `alias` as well";
            fields.wrong(&place, "alias_zone stands without an alias", mend);
        }
        (true, true) | (false, false) => {}
    }
}

pub(super) fn one_cname(fields: &mut Fields<'_>, within: &[&str], kind: RecordKind, values: &[String]) {
    if kind == RecordKind::Cname && values.len() > 1 {
        let mend = "keep one value, or use `type: A` with addresses";
        fields.wrong(&[within, &["values"]].concat(), "a CNAME has exactly one value", mend);
    }
}

fn weights(fields: &mut Fields<'_>, record: &Route53Repoint) {
    if !record.weights.is_empty() && record.weights.values().all(|weight| *weight == 0) {
        // Route 53 takes a zero for none only while another set has more: with zeros alone, every set answers.
        let message = "all weights are 0: every set would answer, the one that is left as well";
        fields.wrong(&["weights"], message, "give the set that shall answer a weight of 1 to 255");
    }
    for (set, weight) in record.weights.iter().filter(|(_, weight)| **weight > WEIGHT_MAX) {
        let message = format!("weight {weight} is above {WEIGHT_MAX}");
        fields.wrong(&["weights", set], message, format!("write 0 to {WEIGHT_MAX}"));
    }
}

pub(super) fn signal(fields: &mut Fields<'_>, policy: &Policy, signal: &Route53Signal) {
    let regions = policy.regions.len();
    if regions != SIGNAL_REGIONS {
        let message =
            format!("a signal turns traffic between {SIGNAL_REGIONS} regions, but there are {regions}");
        fields.wrong(&[], message, "use route53.repoint, or keep two regions in the policy");
    }
    if let Some(record) = &signal.record {
        following(fields, record);
    }
}

/// The record that follows a signal. Where it stands is written as for a repoint, so that one can become the other.
fn following(fields: &mut Fields<'_>, record: &SignalRecord) {
    let within = ["record"];
    let wrong = match (&record.alias, record.values.is_empty()) {
        (None, true) => Some(("what the record answers is not said", "write one of `alias`, `values`")),
        (Some(_), false) => {
            Some(("what the record answers is said more than once", "keep one of `alias`, `values`"))
        }
        (None, false) | (Some(_), true) => None,
    };
    if let Some((message, mend)) = wrong {
        fields.wrong(&within, message, mend);
    }
    alias(fields, &within, record.alias.is_some(), record.alias_zone.is_some());
    one_cname(fields, &within, record.kind, &record.values);
}
