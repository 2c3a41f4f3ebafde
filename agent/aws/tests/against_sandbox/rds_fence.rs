//! Fencing an old primary, taking the fence away, and rebooting: in order, by turns, and where it cannot be.

use quorate_policies::effect::{Acted, Observed};
use quorate_policies::plan::{Action, Before};

use crate::bench::{act_on, carry_out, observe};
use crate::rds_bench::{
    EAST, PRIMARY, RdsBench, all_accepted, by_turns, context, fence, last_text, reboot, unfence,
};

/// Goal: after a fence nobody writes to the old primary, sessions that were open included, and what stood before was
/// noted. Method: fence, look at the world, read the note.
#[tokio::test]
async fn fences() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let Observed::NotDone { part: 0, before, .. } = observe(&aws, &fence(false), &context()).await else {
        panic!("a first part");
    };
    let groups = vec!["sg-application".to_owned()];
    assert_eq!(before, Some(Before::Fenced { groups, restarted: None }));
    let trail = carry_out(&aws, &fence(false), &context()).await;
    assert!(trail.is_done() && all_accepted(&trail) && trail.waited(), "{trail:?}");
    assert_eq!(bench.changes().await, ["ModifyDBInstance", "RebootDBInstance"]);
    assert!(last_text(&trail).contains("replaced by sg-quarantine and rebooted"), "{trail:?}");
    let primary = bench.database(EAST, PRIMARY).await.unwrap();
    assert!(!primary.writable && !primary.open && primary.sessions_until_ms.is_none(), "{primary:?}");
}

/// Goal: an instance that is still replicated from is not stopped, and the text says so; once promotion has detached
/// the replica it is. Method: fence with `stop` before and after a promotion.
#[tokio::test]
async fn stops_after_the_promotion_alone() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let mut context = context();
    for part in 0..=1 {
        let seen = loop {
            let seen = observe(&aws, &fence(true), &context).await;
            if !matches!(seen, Observed::InProgress { .. }) {
                break seen;
            }
        };
        let Observed::NotDone { part: next, before, .. } = seen else { panic!("{seen:?}") };
        assert_eq!(next, part);
        context.before = context.before.or(before);
        assert!(matches!(act_on(&aws, &fence(true), part, &context).await, Acted::Accepted { .. }));
    }
    let detail = loop {
        match observe(&aws, &fence(true), &context).await {
            Observed::InProgress { detail } if detail.contains("not stopped") => break detail,
            Observed::InProgress { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(detail.contains("rebooted; not stopped: still the source of arn:aws:rds:us-west-2"), "{detail}");
    // RDS itself refuses it, and the refusal is no end: it may be taken later.
    let refused = act_on(&aws, &fence(true), 2, &context).await;
    assert!(matches!(refused, Acted::Refused { retryable: true, .. }), "{refused:?}");
    bench.promoted().await;
    let trail = carry_out(&aws, &fence(true), &context).await;
    assert!(trail.is_done() && trail.acted.len() == 1, "{trail:?}");
    assert!(last_text(&trail).contains("is stopped; RDS starts it again by itself"), "{trail:?}");
    assert!(last_text(&trail).ends_with("behind quarantine security groups"), "{trail:?}");
    assert_eq!(bench.changes().await.last().unwrap(), "StopDBInstance");
}

/// Goal: a fence and its end are carried through by whoever comes, each call once. Method: another agent for every
/// call; the undo is the one that the note leads to.
#[tokio::test]
async fn by_turns_there_and_back() {
    let bench = RdsBench::start().await;
    bench.promoted().await;
    let trail = by_turns(&bench, &fence(true), &context()).await;
    assert!(trail.is_done() && all_accepted(&trail) && trail.acted.len() == 3, "{trail:?}");
    let note = Before::Fenced { groups: vec!["sg-application".into()], restarted: None };
    let undo = quorate_policies::plan::before::undo(&fence(true), Some(&note));
    assert_eq!(undo, Some(unfence()));
    let trail = by_turns(&bench, &unfence(), &context()).await;
    assert!(trail.is_done() && all_accepted(&trail) && trail.acted.len() == 2, "{trail:?}");
    let expected = [
        "PromoteReadReplica",
        "ModifyDBInstance",
        "RebootDBInstance",
        "StopDBInstance",
        "StartDBInstance",
        "ModifyDBInstance",
    ];
    assert_eq!(bench.changes().await, expected);
    assert!(bench.database(EAST, PRIMARY).await.unwrap().open);
}

/// Goal: a reboot is proven by a restart that was not noted, by whoever looks, and a second one is another one. Method:
/// by turns, twice.
#[tokio::test]
async fn reboots() {
    let bench = RdsBench::start().await;
    for times in 1..=2 {
        let trail = by_turns(&bench, &reboot(), &context()).await;
        assert!(trail.is_done() && trail.acted.len() == 1 && trail.waited(), "{trail:?}");
        assert_eq!(bench.changes().await.len(), times);
    }
}

/// Goal: what is not there is impossible, an unreachable region is unknown, and a part that does not exist is refused
/// without a call. Method: a misnamed instance, a lost region, part 9.
#[tokio::test]
async fn where_it_cannot_be() {
    let bench = RdsBench::start().await;
    let aws = bench.agent().await;
    let mut nowhere = [fence(true), unfence(), reboot()];
    for action in &mut nowhere {
        match action {
            Action::RdsFence(action) => action.instance = "nowhere".into(),
            Action::RdsUnfence(action) => action.instance = "nowhere".into(),
            Action::RdsReboot(action) => action.instance = "nowhere".into(),
            _ => panic!("another action"),
        }
        let seen = observe(&aws, action, &context()).await;
        let Observed::Impossible { reason } = &seen else { panic!("{}: {seen:?}", action.kind()) };
        assert!(reason.contains("nowhere in us-east-1: DBInstanceNotFound"), "{reason}");
        let acted = act_on(&aws, action, 1, &context()).await;
        assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{}: {acted:?}", action.kind());
    }
    let acted = act_on(&aws, &fence(true), 9, &context()).await;
    assert!(matches!(acted, Acted::Refused { retryable: false, .. }), "{acted:?}");
    bench.lose(EAST).await;
    for action in [fence(false), unfence(), reboot()] {
        let seen = observe(&aws, &action, &context()).await;
        assert!(matches!(seen, Observed::Unknown { .. }), "{}: {seen:?}", action.kind());
    }
    assert!(bench.changes().await.is_empty());
}
