//! The batches that are built, change by change.

use std::collections::BTreeSet;

use quorate_policies::plan::action::RecordKind;

use super::*;
use crate::route53::epoch::EpochMark;
use crate::route53::epoch::Fence;

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
        step: "step".to_owned(),
        timeout: quorate_policies::Millis::from_secs(60),
        unheard: false,
        resumed: false,
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
    let sets = Sets { fence: Some(old.clone()), ..Sets::default() };
    let next = batch(&goal(values()), &sets, &context()).unwrap();
    assert_eq!(actions(&next), [("DELETE", "TXT"), ("CREATE", "TXT"), ("UPSERT", "A")]);
    assert_eq!(next.changes()[0].resource_record_set(), Some(&old), "a DELETE repeats every current value");
    let created = Sets { fence: next.changes()[1].resource_record_set().cloned(), ..Sets::default() };
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
        let sets = Sets { at_name: record.into_iter().collect(), ..Sets::default() };
        let batch = batch(&goal(answer), &sets, &context()).unwrap();
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

fn identified(identifier: &str, value: &str) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().unwrap();
    let set = ResourceRecordSet::builder().name("API.example.com.").r#type(RrType::A).ttl(20);
    set.set_identifier(identifier).health_check_id("hc-1").resource_records(value).build().unwrap()
}

/// The record's own changes, after the fence's.
fn moves(answer: Answer, at_name: Vec<ResourceRecordSet>) -> Vec<(String, ResourceRecordSet)> {
    let built = batch(&goal(answer), &Sets { at_name, ..Sets::default() }, &context()).unwrap();
    let pair = |change: &Change| {
        (change.action().as_str().to_owned(), change.resource_record_set().unwrap().clone())
    };
    built.changes().iter().skip(1).map(pair).collect()
}

/// Goal: only the sets whose weight changes are sent, each with all else as it was read. Method: two of three sets.
#[test]
fn weights_are_upserted() {
    let weighted = |identifier: &str, weight| {
        let mut set = identified(identifier, "192.0.2.1");
        set.weight = Some(weight);
        set
    };
    let sets = vec![weighted("east", 100), weighted("south", 7), weighted("west", 0)];
    let wish = |weights: &[(&str, u32)]| {
        Answer::Weights(weights.iter().map(|&(set, weight)| (set.to_owned(), weight)).collect())
    };
    let moved = moves(wish(&[("east", 0), ("south", 7), ("west", 100)]), sets.clone());
    let upsert = |set| ("UPSERT".to_owned(), set);
    assert_eq!(moved, [upsert(weighted("east", 0)), upsert(weighted("west", 100))]);
    assert_eq!(moves(wish(&[("east", 100), ("south", 7), ("west", 0)]), sets), []);
}

/// Goal: roles are exchanged by deleting both sets word for word and creating them again, and are left alone where
/// they are right. Method: turn a pair, then ask for what stands.
#[test]
fn roles_are_exchanged() {
    let set = |identifier: &str, role| {
        let mut set = identified(identifier, identifier);
        set.failover = Some(role);
        set
    };
    let (primary, secondary) = (ResourceRecordSetFailover::Primary, ResourceRecordSetFailover::Secondary);
    let pair = vec![set("east", primary.clone()), set("west", secondary.clone())];
    let moved = moves(Answer::Primary("west".into()), pair.clone());
    let expected = [
        ("DELETE".to_owned(), pair[0].clone()),
        ("DELETE".to_owned(), pair[1].clone()),
        ("CREATE".to_owned(), set("east", secondary)),
        ("CREATE".to_owned(), set("west", primary)),
    ];
    assert_eq!(moved, expected);
    assert_eq!(moves(Answer::Primary("east".into()), pair), []);
}

/// Goal: a batch that Route 53 would refuse for its size is not built. Method: as many values as fit, and one more.
#[test]
fn batches_have_limits() {
    let build = |count: u32| {
        let values = (0..count).map(|n| format!("192.0.{}.{}", n / 250, n % 250)).collect();
        batch(&goal(Answer::Values(values)), &Sets::default(), &context())
    };
    assert!(build(499).is_ok(), "998 and one of the fence");
    assert!(matches!(build(500), Err(BatchError::Large { records: 1_001, .. })));
}
