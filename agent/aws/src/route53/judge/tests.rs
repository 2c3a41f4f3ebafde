//! The epoch fence's rules as tables.

use std::collections::BTreeSet;

use quorate_policies::plan::action::RecordKind;

use super::*;
use crate::fault::{Call, FaultKind};
use crate::route53::epoch::EpochMark;
use crate::route53::goal::Answer;

fn mark(epoch: u64, execution: &str, attempt: u32) -> EpochMark {
    EpochMark::new(epoch, execution, attempt).unwrap()
}

fn answer(value: &str) -> Answer {
    Answer::Values(BTreeSet::from([value.to_owned()]))
}

fn goal() -> Goal {
    Goal {
        zone: "Z1".into(),
        record: "api.example.com".into(),
        kind: RecordKind::A,
        answer: answer("192.0.2.2"),
        ttl_s: 60,
        fence: "_quorate-epoch.api.example.com".into(),
        mark: mark(5, "e5", 2),
    }
}

fn world(fence: Fence, value: Option<&str>) -> World {
    World { answer: value.map(answer), routing: None, fence }
}

fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Barred(_) => "barred",
        Standing::Applied(_) => "applied",
        Standing::Open(_) => "open",
    }
}

const OURS: Option<&str> = Some("192.0.2.2");
const OTHER: Option<&str> = Some("192.0.2.1");

/// Goal: the epoch decides before the target does, and only our own mark with our target is applied (R4).
/// Method: cross every kind of mark with every place of the record.
#[test]
fn the_epoch_comes_first() {
    let table = [
        ("no fence", Fence::Absent, ["open", "open", "open"]),
        ("older epoch", Fence::Marked(mark(4, "e4", 1)), ["open", "open", "open"]),
        ("our mark", Fence::Marked(mark(5, "e5", 2)), ["applied", "open", "open"]),
        ("our earlier attempt", Fence::Marked(mark(5, "e5", 1)), ["applied", "open", "open"]),
        ("our epoch, other execution", Fence::Marked(mark(5, "other", 2)), ["barred", "barred", "barred"]),
        ("newer epoch", Fence::Marked(mark(6, "e6", 1)), ["barred", "barred", "barred"]),
        ("not a mark", Fence::Foreign("hello".into()), ["barred", "barred", "barred"]),
    ];
    for (name, fence, expected) in table {
        let seen = [OURS, OTHER, None].map(|value| word(&standing(&goal(), &world(fence.clone(), value))));
        assert_eq!(seen, expected, "{name}");
    }
}

/// Goal: the text of a lost race names the epoch that won. Method: read it.
#[test]
fn a_newer_epoch_is_named() {
    let Standing::Barred(why) = standing(&goal(), &world(Fence::Marked(mark(6, "e6", 1)), OTHER)) else {
        panic!("not barred");
    };
    assert!(
        why.starts_with("a newer failover, epoch 6 of execution e6, has already moved api.example.com"),
        "{why}"
    );
}

/// Goal: a record with a routing policy is never touched. Method: our own epoch, and a weight.
#[test]
fn routing_policies_are_barred() {
    let weighted = World { routing: Some("weighted"), ..world(Fence::Absent, OTHER) };
    assert_eq!(word(&standing(&goal(), &weighted)), "barred");
}

/// Goal: done needs the target, our epoch and the spread; a spreading change is waited for; an unreadable one is
/// unknown (R7). Method: cross standings with spreads.
#[test]
fn observations() {
    let spreads = || [Spread::InSync, Spread::NotKnown, Spread::Pending, Spread::Unreadable("lost".into())];
    let word = |observed: &Observed| match observed {
        Observed::Done { .. } => "done",
        Observed::InProgress { .. } => "in progress",
        Observed::NotDone { .. } => "not done",
        Observed::Impossible { .. } => "impossible",
        Observed::Unknown { .. } => "unknown",
    };
    let row = |standing: Standing| spreads().map(|spread| word(&observed(standing.clone(), spread)));
    assert_eq!(row(Standing::Applied("a".into())), ["done", "done", "in progress", "unknown"]);
    assert_eq!(row(Standing::Open("o".into())), ["not done", "not done", "in progress", "unknown"]);
    assert_eq!(row(Standing::Barred("b".into())), ["impossible"; 4]);
}

/// Goal: nothing is sent by a stale executor, nor twice. Method: each standing.
#[test]
fn what_is_withheld() {
    assert!(matches!(withheld(Standing::Barred("b".into())), Some(Acted::Refused { retryable: false, .. })));
    assert!(matches!(withheld(Standing::Applied("a".into())), Some(Acted::Accepted { .. })));
    assert_eq!(withheld(Standing::Open("o".into())), None);
}

/// Goal: a refused batch is final only if somebody newer won; if our own earlier call stands it is unknown, and
/// no visible difference proves nothing. Method: each world that a read-back may show.
#[test]
fn refused_batches() {
    let call =
        Call { operation: "route53:ChangeResourceRecordSets", region: "us-east-1".into(), id: "Z1".into() };
    let kind = FaultKind::Answered {
        status: 400,
        code: Some("InvalidChangeBatch".into()),
        message: "not found".into(),
    };
    let fault = Fault { call, kind };
    let before = world(Fence::Marked(mark(3, "e3", 1)), OTHER);
    let judge = |fence: Fence, value| refused(&goal(), &before, &world(fence, value), &fault);
    assert!(matches!(
        judge(Fence::Marked(mark(6, "e6", 1)), OTHER),
        Some(Acted::Refused { retryable: false, .. })
    ));
    assert!(matches!(judge(Fence::Marked(mark(5, "e5", 1)), OURS), Some(Acted::Unknown { .. })));
    assert!(matches!(
        judge(Fence::Marked(mark(4, "e4", 1)), OTHER),
        Some(Acted::Refused { retryable: true, .. })
    ));
    assert!(matches!(judge(Fence::Absent, OTHER), Some(Acted::Refused { retryable: true, .. })));
    assert_eq!(judge(Fence::Marked(mark(3, "e3", 1)), OTHER), None);
}
