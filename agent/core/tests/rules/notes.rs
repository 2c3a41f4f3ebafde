//! Notes of what stood in the world before a step changed it: who may write one, which one stays, and that it lasts.

use crate::{log::*, shop::*};
use quorate_core::{Cluster, Response, cluster::audit::AuditEvent};
use quorate_policies::{Millis, plan::Before};

fn noted(log: &Log, name: &str) -> Option<Before> {
    log.latest().steps[&step(name)].before.clone()
}

/// A failover whose scaling has begun.
fn scaling() -> Log {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("scale");
    log
}

/// Goal: R1, the first note of a step stays, whoever looks later: only the first look saw the world untouched.
/// Method: note twice in one attempt, and once more in the next one by another agent.
#[test]
fn r1_the_first_note_stays() {
    let mut log = scaling();
    assert_eq!(log.note("scale", scaled(1)), Response::Done);
    assert_eq!(log.note("scale", scaled(2)), Response::Done);
    log.finish("scale", failed());
    log.live(&[NOA]);
    log.start("scale");
    assert_eq!(log.note("scale", scaled(4)), Response::Done);
    assert_eq!(noted(&log, "scale"), Some(scaled(1)));
    let notes = log.cluster.audit.entries.iter();
    let notes = notes.filter(|entry| matches!(entry.event, AuditEvent::StepNoted { .. })).count();
    assert_eq!(notes, 1, "and it is told once");
    assert!(log.timeline().contains("step scale, before it acts: desired 1; wanted 4 (the policy says so)"));
}

/// Goal: R5, who may not act may not note either, so that the note is the last check before the act. Method: another
/// agent, another attempt, a held service, a step that is lost, one that has ended, one that is not there.
#[test]
fn r5_only_who_may_act_may_note() {
    let log = scaling();
    for (by, attempt) in [(EVE, 1), (NOA, 1), (WES, 0), (WES, 2)] {
        let refused = log.clone().note_as(by, "scale", attempt, scaled(1));
        assert_eq!(refused_by(&refused), "step_not_yours", "{by}, attempt {attempt}");
    }
    assert_eq!(refused_by(&log.clone().note_as(WES, "dance", 1, scaled(1))), "step_not_yours");
    let mut held = log.clone();
    held.wait(Millis(1)).pause(None);
    assert_eq!(refused_by(&held.note("scale", scaled(1))), "hold");
    let mut lost = log.clone();
    lost.live(&[NOA]);
    assert_eq!(refused_by(&lost.note_as(WES, "scale", 1, scaled(1))), "step_not_yours");
    let mut ended = log.clone();
    ended.finish("scale", succeeded());
    assert_eq!(refused_by(&ended.note_as(WES, "scale", 1, scaled(1))), "step_not_yours");
    let mut aborted = log.clone();
    aborted.abort();
    assert_eq!(refused_by(&aborted.note("scale", scaled(1))), "step_not_yours", "nor once it is aborted");
    for log in [held, lost, ended, aborted] {
        assert_eq!(noted(&log, "scale"), None);
    }
}

/// Goal: a note outlasts the process that wrote it. Method: through a snapshot, and into the undo of an abort.
#[test]
fn a_note_survives_a_snapshot() {
    let mut log = scaling();
    log.note("scale", scaled(3));
    let text = serde_json::to_string(&log.cluster).unwrap();
    log.cluster = serde_json::from_str::<Cluster>(&text).unwrap();
    assert_eq!(noted(&log, "scale"), Some(scaled(3)));
    log.finish("scale", succeeded());
    log.abort();
    assert!(log.latest().plan.steps.contains_key("undo-scale"));
}

/// Goal: the way back from a service's snapshots of before there were notes: a step without one reads as it was. Method:
/// take the note out of the written state.
#[test]
fn a_state_without_notes_reads() {
    let log = scaling();
    let text = serde_json::to_string(&log.cluster).unwrap();
    assert!(!text.contains("\"before\""), "what is not noted is not written");
    assert_eq!(serde_json::from_str::<Cluster>(&text).unwrap(), log.cluster);
}
