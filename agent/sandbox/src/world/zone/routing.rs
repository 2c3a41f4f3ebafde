//! Routing policies: several sets of one name and type, and which of them DNS answers. Simple, weighted and
//! failover routing are known; a set of any other policy is refused where it is read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{RecordSet, Records};
use crate::world::refusal::Refusal;

/// How a set is one of several.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Routing {
    /// What tells it from the others of its name and type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// Its share, 0 to 255.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u32>,
    /// Whether it is the primary or the secondary one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failover: Option<Failover>,
    /// The id of the health check that it depends on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<String>,
}

/// A place in a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Failover {
    /// Answers while it is healthy, and when neither is.
    Primary,
    /// Answers when the primary one does not.
    Secondary,
}

/// A routing policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// One set alone.
    Simple,
    /// By shares.
    Weighted,
    /// A primary and a secondary one.
    Failover,
}

impl Routing {
    /// The policy that the set belongs to.
    #[must_use]
    pub const fn policy(&self) -> Policy {
        match (self.weight, self.failover) {
            (Some(_), _) => Policy::Weighted,
            (None, Some(_)) => Policy::Failover,
            (None, None) => Policy::Simple,
        }
    }

    /// What Route 53 checks of a set by itself.
    pub(super) fn check_form(&self, context: &str) -> Result<(), Refusal> {
        let problem = match (&self.set_identifier, self.weight, self.failover) {
            (_, Some(_), Some(_)) => {
                "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer], but found more than one"
            }
            (Some(_), None, None) => {
                "Expected exactly one of [Weight, Region, Failover, GeoLocation, MultiValueAnswer], but found none"
            }
            (None, Some(_), _) | (None, _, Some(_)) => "Missing field 'SetIdentifier'",
            (Some(_), Some(weight), None) if weight > WEIGHT_MAX => "Weight must be between 0 and 255",
            _ => return Ok(()),
        };
        Err(Refusal::bad("InvalidInput", format!("Invalid request: {problem} in {context}")))
    }
}

/// Route 53's own limits of a weight.
const WEIGHT_MAX: u32 = 255;

/// What a set may not be beside the others of its name and type, in Route 53's words. `before` is the set
/// that it replaces.
pub(super) fn conflict(next: &Records, set: &RecordSet, before: Option<&RecordSet>) -> Option<String> {
    let policy = set.routing.policy();
    let identifier = set.routing.set_identifier.as_deref().unwrap_or("null");
    if before.is_some_and(|before| before.routing.policy() != policy) {
        return Some(format!(
            "Tried to change the routing policy of resource record set [name='{}', type='{}', set identifier=\
             '{identifier}'], which only DELETE and CREATE can",
            set.name, set.kind
        ));
    }
    let others: Vec<&RecordSet> =
        siblings(next, &set.name, &set.kind).filter(|other| other.key() != set.key()).collect();
    if others.iter().any(|other| policy == Policy::Simple || other.routing.policy() != policy) {
        return Some(format!(
            "RRSet with DNS name {}, type {}, SetIdentifier {identifier} cannot be created as other RRSets exist with \
             the same name and type.",
            set.name, set.kind
        ));
    }
    let primary = set.routing.failover == Some(Failover::Primary);
    if primary && set.alias.is_none() && set.routing.health_check.is_none() {
        return Some("A non-alias primary ResourceRecordSet must have an associated health check.".into());
    }
    let twice = set.routing.failover.is_some()
        && others.iter().any(|other| other.routing.failover == set.routing.failover);
    twice.then(|| {
        let place = if primary { "PRIMARY" } else { "SECONDARY" };
        format!(
            "RRSet with DNS name {}, type {} has more than one {place} failover record",
            set.name, set.kind
        )
    })
}

/// Every set of a name and type.
pub(super) fn siblings<'a>(
    records: &'a Records,
    name: &str,
    kind: &str,
) -> impl Iterator<Item = &'a RecordSet> + use<'a> {
    let from = super::key(name, kind, "");
    let (labels, kind, _) = from.clone();
    let same = move |((found, of_kind, _), _): &(&super::RecordKey, &RecordSet)| {
        *found == labels && *of_kind == kind
    };
    records.range(from..).take_while(same).map(|(_, set)| set)
}

/// What an answer depends on besides the zone.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// Health checks that exist, and whether each is healthy.
    pub checks: BTreeMap<String, bool>,
    /// Regions whose load balancer has no healthy target.
    pub dead_balancers: Vec<String>,
    /// What decides between weights.
    pub draw: u64,
}

impl Look {
    /// Whether the set's own health check lets it answer. A check that does not exist lets it.
    pub(super) fn passes(&self, set: &RecordSet) -> bool {
        let check = set.routing.health_check.as_ref().and_then(|id| self.checks.get(id));
        check.copied().unwrap_or(true)
    }
}

/// The set that answers, of those of one name and type. `healthy` judges a set with all that it points at.
pub(super) fn choose<'a>(
    sets: &[&'a RecordSet],
    look: &Look,
    healthy: impl Fn(&RecordSet) -> bool,
) -> Option<&'a RecordSet> {
    let first = sets.first()?;
    let fit = |set: &&&RecordSet| look.passes(set) && healthy(set);
    match first.routing.policy() {
        // A simple set answers whatever its health.
        Policy::Simple => Some(first),
        Policy::Failover => {
            let place = |wanted| sets.iter().find(|set| set.routing.failover == Some(wanted));
            let (primary, secondary) = (place(Failover::Primary), place(Failover::Secondary));
            let chosen = primary.filter(fit).or(secondary.filter(fit)).or(primary).or(secondary);
            chosen.copied()
        }
        Policy::Weighted => {
            let weighs = |set: &&&RecordSet| set.routing.weight.unwrap_or_default() > 0;
            let pick = |wanted: &dyn Fn(&&&RecordSet) -> bool| {
                let sets: Vec<&'a RecordSet> = sets.iter().filter(wanted).copied().collect();
                by_weight(&sets, look.draw)
            };
            // Zero is not never: it answers when all that weigh are unhealthy. When all are, all count as
            // healthy.
            pick(&|set| weighs(set) && fit(set))
                .or_else(|| pick(&fit))
                .or_else(|| pick(&weighs))
                .or_else(|| pick(&|_| true))
        }
    }
}

fn by_weight<'a>(sets: &[&'a RecordSet], draw: u64) -> Option<&'a RecordSet> {
    let weight = |set: &RecordSet| u64::from(set.routing.weight.unwrap_or_default());
    let total: u64 = sets.iter().map(|set| weight(set)).sum();
    if total == 0 {
        // All of them weigh nothing: they answer in equal shares.
        let count = u64::try_from(sets.len()).unwrap_or(1).max(1);
        return sets.get(usize::try_from(draw % count).unwrap_or_default()).copied();
    }
    let mut left = draw % total;
    sets.iter().copied().find(|set| {
        let fits = left < weight(set);
        left = left.saturating_sub(weight(set));
        fits
    })
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
