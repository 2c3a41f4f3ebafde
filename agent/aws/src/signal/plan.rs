//! From what stands to what is wanted, as a list of changes in their order. Pure. Setting up a signal never moves
//! traffic: where it would, or where it cannot know, it refuses.

use std::collections::BTreeSet;

use super::checks::{self, fresh, majority, of_agent, of_majority, owner, watching};
use super::{Change, CheckConfig, CheckId, Existing, Routing, Set, SetAnswer, Site, Wanted};
use crate::route53::name::{normal_name, normal_value};

/// Route 53's own limit of the children of one check.
const AGENTS_MAX: usize = 255;

/// Why nothing is planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is nobody to watch, or more than one check can watch.
    #[error("{0} agents: a signal is watched for 1 to {AGENTS_MAX}")]
    Agents(usize),
    /// Two agents have the same name or address.
    #[error("agent {0} is named twice")]
    Twice(String),
    /// Leaving the primary would lead nowhere.
    #[error("{0} is both the primary and the standby region")]
    OneRegion(String),
    /// The record has another routing policy, and what its sets mean is not known here.
    #[error("{record} has a routing policy ({policy}): replace it by a simple or a failover record first")]
    Routed {
        /// The record.
        record: String,
        /// Its policy.
        policy: &'static str,
    },
    /// The record does not answer the primary now.
    #[error(
        "{record} answers {now} now, not {region} ({primary}): setting up the signal would move traffic; repoint it first"
    )]
    MovesTraffic {
        /// The record.
        record: String,
        /// What it answers.
        now: String,
        /// The primary region.
        region: String,
        /// The primary's answer.
        primary: String,
    },
    /// A failover pair lacks its primary set.
    #[error(
        "{0} has a secondary set and no primary one: setting up the signal would move traffic; remove it first"
    )]
    NoPrimary(String),
}

/// The changes that lead to what is wanted; none where it stands.
///
/// # Errors
/// Where the signal would be unsound, or where setting it up would move traffic.
pub fn plan(existing: &Existing, wanted: &Wanted) -> Result<Vec<Change>, PlanError> {
    sound(wanted)?;
    let mut changes = Vec::new();
    let mut place = |prefix: &str, name: String, config: CheckConfig| {
        if let Some(check) = checks::standing(&existing.checks, prefix, &config) {
            return CheckId::Standing(check.id.clone());
        }
        let reference = fresh(&existing.checks, prefix);
        changes.push(Change::CreateCheck { reference: reference.clone(), name, config });
        CheckId::Planned(reference)
    };
    let Wanted { service, primary, agents, .. } = wanted;
    let mut children = Vec::new();
    for agent in agents {
        let name = format!("Quorate {service}: {} says leave {}", agent.name, primary.region);
        children.push(place(&of_agent(wanted, agent), name, watching(wanted, agent)));
    }
    let name = format!("Quorate {service}: a majority says leave {}", primary.region);
    let over = place(&of_majority(wanted), name, majority(children.clone(), agents.len()));

    let (deleted, created) = sets(existing, wanted, &over)?;
    if !created.is_empty() {
        let watched = |set: &Set| set.check.as_ref() == Some(&over);
        if created.iter().any(watched) && !deleted.iter().any(watched) {
            changes.push(Change::AwaitStay { checks: children.clone() });
        }
        changes.push(Change::ReplaceSets { zone: wanted.zone.clone(), deleted, created });
    }
    let used: BTreeSet<CheckId> = children.into_iter().chain([over]).collect();
    changes.extend(obsolete(existing, wanted, &used));
    Ok(changes)
}

fn sound(wanted: &Wanted) -> Result<(), PlanError> {
    let Wanted { agents, primary, standby, .. } = wanted;
    if !(1..=AGENTS_MAX).contains(&agents.len()) {
        return Err(PlanError::Agents(agents.len()));
    }
    if primary.region == standby.region {
        return Err(PlanError::OneRegion(primary.region.clone()));
    }
    let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
    match agents.iter().find(|agent| !names.insert(&agent.name) || !places.insert((&agent.host, agent.port)))
    {
        Some(twice) => Err(PlanError::Twice(twice.name.clone())),
        None => Ok(()),
    }
}

/// The sets that go and those that come. A set that is as it should be does neither.
fn sets(existing: &Existing, wanted: &Wanted, over: &CheckId) -> Result<(Vec<Set>, Vec<Set>), PlanError> {
    let record = || wanted.record.clone();
    let of = |routing: Routing| existing.sets.iter().find(|set| set.routing == routing);
    let policy = existing.sets.iter().find_map(|set| match set.routing {
        Routing::Other(policy) => Some(policy),
        Routing::Simple | Routing::Primary | Routing::Secondary => None,
    });
    if let Some(policy) = policy {
        return Err(PlanError::Routed { record: record(), policy });
    }
    let (primary, secondary) = (of(Routing::Primary), of(Routing::Secondary));
    if primary.is_none() && secondary.is_some() {
        return Err(PlanError::NoPrimary(record()));
    }
    if let Some(now) = of(Routing::Simple).or(primary)
        && !same_answer(wanted, &now.answer, &wanted.primary.answer)
    {
        let (now, primary) = (now.answer.to_string(), wanted.primary.answer.to_string());
        let region = wanted.primary.region.clone();
        return Err(PlanError::MovesTraffic { record: record(), now, region, primary });
    }
    let taken = |set: Option<&Set>| set.and_then(|set| set.identifier.clone());
    let first = taken(primary).unwrap_or_else(|| wanted.primary.region.clone());
    let second = taken(secondary).unwrap_or_else(|| match wanted.standby.region == first {
        true => format!("{}-secondary", wanted.standby.region),
        false => wanted.standby.region.clone(),
    });
    let pair = [
        set(wanted, &wanted.primary, Routing::Primary, first, Some(over.clone())),
        set(wanted, &wanted.standby, Routing::Secondary, second, None),
    ];
    let stands = |set: &Set| existing.sets.iter().any(|standing| same_set(wanted, standing, set));
    let created: Vec<Set> = pair.iter().filter(|set| !stands(set)).cloned().collect();
    let kept = |standing: &&Set| pair.iter().any(|set| same_set(wanted, standing, set));
    let deleted = existing.sets.iter().filter(|standing| !kept(standing)).cloned().collect();
    Ok((deleted, created))
}

fn set(wanted: &Wanted, site: &Site, routing: Routing, identifier: String, check: Option<CheckId>) -> Set {
    let answer = match &site.answer {
        SetAnswer::Alias { name, zone, .. } => {
            SetAnswer::Alias { name: name.clone(), zone: zone.clone(), evaluate: false }
        }
        values @ SetAnswer::Values { .. } => values.clone(),
    };
    let (name, kind) = (wanted.record.clone(), wanted.kind);
    Set { name, kind, identifier: Some(identifier), routing, answer, check }
}

fn same_set(wanted: &Wanted, one: &Set, other: &Set) -> bool {
    let attached = |set: &SetAnswer| match set {
        SetAnswer::Alias { evaluate, .. } => (*evaluate, None),
        SetAnswer::Values { ttl_s, .. } => (false, Some(*ttl_s)),
    };
    (&one.identifier, one.routing, &one.check) == (&other.identifier, other.routing, &other.check)
        && attached(&one.answer) == attached(&other.answer)
        && same_answer(wanted, &one.answer, &other.answer)
}

/// Whether two answers lead to the same place, however they are spelt.
pub(super) fn same_answer(wanted: &Wanted, one: &SetAnswer, other: &SetAnswer) -> bool {
    let normal = |answer: &SetAnswer| match answer {
        SetAnswer::Alias { name, zone, .. } => (Some(zone.clone()), BTreeSet::from([normal_name(name)])),
        SetAnswer::Values { values, .. } => {
            (None, values.iter().map(|value| normal_value(wanted.kind, value)).collect())
        }
    };
    normal(one) == normal(other)
}

/// This record's checks that nothing uses any more; those that look at others first. Route 53 deletes a check that is
/// in use without a word, so only checks of exactly this record are ever named.
fn obsolete(existing: &Existing, wanted: &Wanted, used: &BTreeSet<CheckId>) -> Vec<Change> {
    let (owner, over) = (owner(wanted), of_majority(wanted));
    let unused = existing.checks.iter().filter(|check| {
        check.reference.starts_with(&owner) && !used.contains(&CheckId::Standing(check.id.clone()))
    });
    let (above, below): (Vec<_>, Vec<_>) = unused.partition(|check| check.reference.starts_with(&over));
    above.into_iter().chain(below).map(|check| Change::DeleteCheck { id: check.id.clone() }).collect()
}

#[cfg(test)]
pub(super) mod tests;
