//! Builds the one batch of a repoint: take the old epoch record away exactly as it was read, put ours in its
//! place, and set the record. Route 53 applies all of it or nothing, so if anybody replaced the epoch record since
//! it was read, the record stays where it is. Pure. A simple or weighted record is only ever UPSERTed; the two sets of a
//! failover record are deleted and created in the same batch, because an UPSERT cannot change a set's role. The name
//! never answers nothing (R23).

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet,
    ResourceRecordSetFailover, RrType,
};
use quorate_policies::effect::EffectContext;

use super::answer::Answer;
use super::goal::Goal;
use super::sets::{Sets, rr_type};

/// As long as the record's own default: whoever looks at both sees them age alike.
const FENCE_TTL_S: i64 = 60;
/// Route 53 refuses a longer comment.
const COMMENT_CHARS_MAX: usize = 256;
/// Route 53's own limits of one batch (DNSLimitations): records, and characters of values.
const RECORDS_MAX: usize = 1_000;
/// See [`RECORDS_MAX`].
const CHARACTERS_MAX: usize = 32_000;
/// An UPSERT counts twice against both.
const UPSERT_COUNTS: usize = 2;

/// Why no batch is sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum BatchError {
    /// A field is missing.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Route 53 would refuse its size.
    #[error(
        "a batch of {records} records and {characters} characters is above Route 53's {RECORDS_MAX} and {CHARACTERS_MAX}"
    )]
    Large {
        /// Records, UPSERTs doubled.
        records: usize,
        /// Characters of values, UPSERTs doubled.
        characters: usize,
    },
}

/// The batch that moves the record.
pub(super) fn batch(goal: &Goal, current: &Sets, context: &EffectContext) -> Result<ChangeBatch, BatchError> {
    let fence = ResourceRecordSet::builder()
        .name(&goal.fence)
        .r#type(RrType::Txt)
        .ttl(FENCE_TTL_S)
        .resource_records(ResourceRecord::builder().value(goal.mark.txt_value()).build()?)
        .build()?;
    let mut changes = Vec::new();
    if let Some(old) = &current.fence {
        changes.push(change(ChangeAction::Delete, old.clone())?);
    }
    changes.push(change(ChangeAction::Create, fence)?);
    let record = current.record(goal.kind);
    match &goal.answer {
        Answer::Alias { name, zone } => {
            let set = aliased(current_or_new(goal, &record)?, name, zone)?;
            changes.push(change(ChangeAction::Upsert, set)?);
        }
        Answer::Values(values) => {
            let set = valued(current_or_new(goal, &record)?, values, goal.ttl_s)?;
            changes.push(change(ChangeAction::Upsert, set)?);
        }
        Answer::Weights(weights) => changes.extend(weigh(weights, &record)?),
        Answer::Primary(primary) => changes.extend(turn(primary, &record)?),
    }
    within_limits(&changes)?;
    let EffectContext { service, from, to, .. } = context;
    let comment = format!("Quorate: {service} from {from} to {to}, {}", goal.mark);
    let comment: String = comment.chars().take(COMMENT_CHARS_MAX).collect();
    Ok(ChangeBatch::builder().comment(comment).set_changes(Some(changes)).build()?)
}

/// The sets whose weight changes; the others stay untouched.
fn weigh(weights: &BTreeMap<String, u32>, record: &[&ResourceRecordSet]) -> Result<Vec<Change>, BuildError> {
    let wanted = |set: &ResourceRecordSet| {
        let weight = i64::from(*weights.get(set.set_identifier()?)?);
        (set.weight() != Some(weight)).then_some(weight)
    };
    let moved = record.iter().filter_map(|set| {
        let mut moved = (*set).clone();
        moved.weight = Some(wanted(set)?);
        Some(moved)
    });
    moved.map(|set| change(ChangeAction::Upsert, set)).collect()
}

/// Takes both sets away exactly as read and puts them back with the roles exchanged, if they are not as wanted.
fn turn(primary: &str, record: &[&ResourceRecordSet]) -> Result<Vec<Change>, BuildError> {
    let role = |set: &ResourceRecordSet| match set.set_identifier() == Some(primary) {
        true => ResourceRecordSetFailover::Primary,
        false => ResourceRecordSetFailover::Secondary,
    };
    if record.iter().all(|set| set.failover() == Some(&role(set))) {
        return Ok(Vec::new());
    }
    let deleted = record.iter().map(|set| change(ChangeAction::Delete, (*set).clone()));
    let created = record.iter().map(|set| {
        let mut turned = (*set).clone();
        turned.failover = Some(role(set));
        change(ChangeAction::Create, turned)
    });
    deleted.chain(created).collect()
}

fn within_limits(changes: &[Change]) -> Result<(), BatchError> {
    let (mut records, mut characters) = (0, 0);
    for change in changes {
        let counts = if *change.action() == ChangeAction::Upsert { UPSERT_COUNTS } else { 1 };
        let values = change.resource_record_set().map_or(&[][..], |set| set.resource_records());
        records += counts * values.len().max(1);
        characters += counts * values.iter().map(|record| record.value().chars().count()).sum::<usize>();
    }
    let fits = records <= RECORDS_MAX && characters <= CHARACTERS_MAX;
    if fits { Ok(()) } else { Err(BatchError::Large { records, characters }) }
}

fn change(action: ChangeAction, set: ResourceRecordSet) -> Result<Change, BuildError> {
    Change::builder().action(action).resource_record_set(set).build()
}

/// The simple set as read, of which only the answer is replaced, so that what somebody else attached to it stays.
fn current_or_new(goal: &Goal, record: &[&ResourceRecordSet]) -> Result<ResourceRecordSet, BuildError> {
    match record.first() {
        Some(set) => Ok((*set).clone()),
        None => ResourceRecordSet::builder().name(&goal.record).r#type(rr_type(goal.kind)).build(),
    }
}

fn aliased(mut set: ResourceRecordSet, name: &str, zone: &str) -> Result<ResourceRecordSet, BuildError> {
    // Not evaluated: Quorate decides where the name points. With `true` an unhealthy target would pull an alias or
    // failover record above this one away by itself, perhaps before the database is promoted (P10), and some kinds of
    // target do not allow it.
    let target = AliasTarget::builder().dns_name(name).hosted_zone_id(zone).evaluate_target_health(false);
    set.alias_target = Some(target.build()?);
    set.resource_records = None;
    set.ttl = None;
    Ok(set)
}

fn valued(
    mut set: ResourceRecordSet,
    values: &BTreeSet<String>,
    ttl_s: u32,
) -> Result<ResourceRecordSet, BuildError> {
    let records = values.iter().map(|value| ResourceRecord::builder().value(value).build());
    set.alias_target = None;
    set.resource_records = Some(records.collect::<Result<_, _>>()?);
    set.ttl = Some(i64::from(ttl_s));
    Ok(set)
}

#[cfg(test)]
mod tests;
