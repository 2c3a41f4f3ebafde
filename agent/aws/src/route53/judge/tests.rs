//! The epoch fence's rules as tables.

use std::collections::BTreeSet;

use quorate_policies::plan::action::RecordKind;

use super::*;
use crate::fault::{Call, FaultKind};
use crate::route53::answer::Answer;
use crate::route53::epoch::{EpochMark, Fence};
use crate::route53::sets::Record;
use quorate_policies::plan::before::RecordBefore;

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
    let simple = |value| Record::Simple { answer: answer(value), ttl_s: Some(60) };
    let record = value.map_or(Record::Absent, simple);
    World { record, beside: BTreeSet::new(), zone_name: None, fence }
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

/// Goal: a record whose shape does not fit is never touched, and who moved it last still comes first. Method: a policy
/// that no repoint moves, under no mark and under a newer one.
#[test]
fn misfits_are_barred() {
    let latency = World { record: Record::Other("latency"), ..world(Fence::Absent, OTHER) };
    let Standing::Barred(why) = standing(&goal(), &latency) else { panic!("not barred") };
    assert!(why.contains("latency"), "{why}");
    let newer = World { fence: Fence::Marked(mark(6, "e6", 1)), ..latency };
    let Standing::Barred(why) = standing(&goal(), &newer) else { panic!("not barred") };
    assert!(why.contains("a newer failover"), "{why}");
}

/// Goal: done needs the target, our epoch and the spread; a spreading change is waited for; an unreadable one is
/// unknown (R7); and what is not done tells what would be lost. Method: each spread, then each standing.
#[test]
fn observations() {
    let unreadable = Spread::Unreadable("lost".into());
    assert!(matches!(waited(&goal(), &Spread::Pending), Some(Observed::InProgress { .. })));
    assert!(matches!(waited(&goal(), &unreadable), Some(Observed::Unknown { .. })));
    assert_eq!([Spread::InSync, Spread::NotKnown].map(|spread| waited(&goal(), &spread)), [None, None]);
    let ours = world(Fence::Marked(mark(5, "e5", 2)), OURS);
    for (spread, word) in [(Spread::InSync, "INSYNC"), (Spread::NotKnown, "by read-back")] {
        let seen = observed(&goal(), &ours, &spread);
        assert!(
            matches!(&seen, Observed::Done { detail } if detail.ends_with(word) || detail.contains(word)),
            "{seen:?}"
        );
    }
    // A change that Route 53 has forgotten while the sets show the old state was stranded: it is sent again.
    let values = vec!["192.0.2.1".to_owned()];
    let answer = RecordBefore::Values { values, ttl_s: 60 };
    let stranded = observed(&goal(), &world(Fence::Marked(mark(4, "e4", 1)), OTHER), &Spread::NotKnown);
    assert!(
        matches!(&stranded, Observed::NotDone { part: 0, before: Some(before), .. } if *before == Before::Repointed { answer }),
        "{stranded:?}"
    );
    let newer = observed(&goal(), &world(Fence::Marked(mark(6, "e6", 1)), OTHER), &Spread::InSync);
    assert!(matches!(newer, Observed::Impossible { .. }), "{newer:?}");
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
