//! Builds the one batch of a repoint: take the old epoch record away exactly as it was read, put ours in its
//! place, and set the record. Route 53 applies all of it or nothing, so if anybody replaced the epoch record since
//! it was read, the record stays where it is. Pure; the record itself is only ever UPSERTed, never deleted (R23).

use aws_sdk_route53::error::BuildError;
use aws_sdk_route53::types::{
    AliasTarget, Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType,
};
use quorate_policies::effect::EffectContext;

use super::goal::{Answer, Goal};
use super::sets::{Sets, rr_type};

/// As long as the record's own default: whoever looks at both sees them age alike.
const FENCE_TTL_S: i64 = 60;
/// Route 53 refuses a longer comment.
const COMMENT_CHARS_MAX: usize = 256;

/// The batch that moves the record.
pub(super) fn batch(goal: &Goal, current: &Sets, context: &EffectContext) -> Result<ChangeBatch, BuildError> {
    let fence = ResourceRecordSet::builder()
        .name(&goal.fence)
        .r#type(RrType::Txt)
        .ttl(FENCE_TTL_S)
        .resource_records(ResourceRecord::builder().value(goal.mark.txt_value()).build()?)
        .build()?;
    let mut changes = Vec::with_capacity(3);
    if let Some(old) = &current.fence {
        changes.push(change(ChangeAction::Delete, old.clone())?);
    }
    changes.push(change(ChangeAction::Create, fence)?);
    changes.push(change(ChangeAction::Upsert, record(goal, current.record.as_ref())?)?);
    let EffectContext { service, from, to, .. } = context;
    let comment = format!("Quorate: {service} from {from} to {to}, {}", goal.mark);
    let comment: String = comment.chars().take(COMMENT_CHARS_MAX).collect();
    ChangeBatch::builder().comment(comment).set_changes(Some(changes)).build()
}

fn change(action: ChangeAction, set: ResourceRecordSet) -> Result<Change, BuildError> {
    Change::builder().action(action).resource_record_set(set).build()
}

/// The record as it shall be: the set as read, with only its answer replaced, so that what somebody else attached
/// to it stays.
fn record(goal: &Goal, current: Option<&ResourceRecordSet>) -> Result<ResourceRecordSet, BuildError> {
    let mut set = match current {
        Some(set) => set.clone(),
        None => ResourceRecordSet::builder().name(&goal.record).r#type(rr_type(goal.kind)).build()?,
    };
    match &goal.answer {
        Answer::Alias { name, zone } => {
            // Not evaluated: Quorate decides where the name points. With `true` an unhealthy target would pull
            // an alias or failover record above this one away by itself, perhaps before the database is promoted
            // (P10), and some kinds of target do not allow it.
            let target =
                AliasTarget::builder().dns_name(name).hosted_zone_id(zone).evaluate_target_health(false);
            set.alias_target = Some(target.build()?);
            set.resource_records = None;
            set.ttl = None;
        }
        Answer::Values(values) => {
            let records: Result<Vec<_>, _> =
                values.iter().map(|value| ResourceRecord::builder().value(value).build()).collect();
            set.alias_target = None;
            set.resource_records = Some(records?);
            set.ttl = Some(i64::from(goal.ttl_s));
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use quorate_policies::plan::action::RecordKind;

    use super::*;
    use crate::route53::epoch::EpochMark;
    use crate::route53::sets::Fence;

    fn goal(answer: Answer) -> Goal {
        Goal {
            zone: "Z1".into(),
            record: "api.example.com".into(),
            kind: RecordKind::A,
            answer,
            ttl_s: 30,
            fence: "_quorate-epoch.api.example.com".into(),
            mark: EpochMark::new(5, "e5", 1).unwrap(),
        }
    }

    fn context() -> EffectContext {
        EffectContext {
            service: "shop".into(),
            execution: "e5".into(),
            epoch: 5,
            attempt: 1,
            from: "us-east-1".into(),
            to: "us-west-2".into(),
            before: None,
            role: None,
        }
    }

    fn values() -> Answer {
        Answer::Values(BTreeSet::from(["192.0.2.2".to_owned()]))
    }

    fn alias() -> Answer {
        Answer::Alias { name: "dr-alb.example.com".into(), zone: "Z2".into() }
    }

    fn txt(value: &str, ttl: i64) -> ResourceRecordSet {
        let value = ResourceRecord::builder().value(value).build().unwrap();
        let set = ResourceRecordSet::builder().name("_quorate-epoch.api.example.com.").r#type(RrType::Txt);
        set.ttl(ttl).resource_records(value).build().unwrap()
    }

    fn actions(batch: &ChangeBatch) -> Vec<(&str, &str)> {
        let pair = |change: &Change| -> (String, String) {
            let set = change.resource_record_set().unwrap();
            (change.action().as_str().to_owned(), set.r#type().as_str().to_owned())
        };
        let pairs: Vec<(String, String)> = batch.changes().iter().map(pair).collect();
        pairs.into_iter().map(|(a, t)| (&*a.leak(), &*t.leak())).collect()
    }

    /// Goal: the first repoint creates the fence, later ones replace it word for word, and the record is only
    /// upserted. Method: build both and list the changes.
    #[test]
    fn the_batch_is_a_compare_and_set() {
        let first = batch(&goal(values()), &Sets::default(), &context()).unwrap();
        assert_eq!(actions(&first), [("CREATE", "TXT"), ("UPSERT", "A")]);
        let old = txt("\"epoch=4 execution=e4 attempt=9\"", 299);
        let sets = Sets { record: None, fence: Some(old.clone()) };
        let next = batch(&goal(values()), &sets, &context()).unwrap();
        assert_eq!(actions(&next), [("DELETE", "TXT"), ("CREATE", "TXT"), ("UPSERT", "A")]);
        assert_eq!(
            next.changes()[0].resource_record_set(),
            Some(&old),
            "a DELETE repeats every current value"
        );
        let created = Sets { record: None, fence: next.changes()[1].resource_record_set().cloned() };
        assert_eq!(created.world(&goal(values())).fence, Fence::Marked(goal(values()).mark));
        assert_eq!(
            next.comment(),
            Some("Quorate: shop from us-east-1 to us-west-2, epoch=5 execution=e5 attempt=1")
        );
    }

    /// Goal: an answer of one kind leaves nothing of the other kind behind, and what is attached to the record
    /// stays. Method: turn an alias into values and back.
    #[test]
    fn kinds_of_answers_replace_each_other() {
        let upserted = |answer: Answer, record: Option<ResourceRecordSet>| {
            let batch = batch(&goal(answer), &Sets { record, fence: None }, &context()).unwrap();
            batch.changes().last().unwrap().resource_record_set().unwrap().clone()
        };
        let mut plain = upserted(values(), None);
        assert_eq!((plain.ttl(), plain.resource_records().len()), (Some(30), 1));
        plain.health_check_id = Some("hc-1".into());
        let aliased = upserted(alias(), Some(plain));
        assert_eq!((aliased.ttl(), aliased.resource_records().len()), (None, 0));
        assert_eq!(aliased.alias_target().map(AliasTarget::evaluate_target_health), Some(false));
        let back = upserted(values(), Some(aliased));
        assert_eq!((back.ttl(), back.alias_target(), back.health_check_id()), (Some(30), None, Some("hc-1")));
    }
}
