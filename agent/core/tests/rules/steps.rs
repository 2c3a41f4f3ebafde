//! Attempts of steps: who may act, what a failure means, and what becomes of the steps of an agent that is lost.

use crate::{log::*, shop::*};
use quorate_core::{ExecutionState, Response};
use quorate_policies::{Millis, policy::OnError};

/// A failover whose lease is released, so that the promotion can run.
fn promoting() -> Log {
    let mut log = Log::of_the_shop();
    log.decide();
    log.run("fence", succeeded());
    log.release();
    log
}

/// Goal: R30, a step that fails is tried as often as the plan says, by a new attempt each time, and then the plan
/// stops, keeps its slot and begins nothing more. Method: the promotion fails three times.
#[test]
fn r30_a_failing_step_is_retried_and_then_stops_the_plan() {
    let mut log = promoting();
    for attempt in 1..=3 {
        assert_eq!(log.step("promote"), ("assigned", WES.to_owned(), attempt));
        log.run("promote", failed());
    }
    assert_eq!(log.step("promote").0, "failed");
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(log.cluster.services[&shop()].running, Some("shop-2".to_owned()), "the slot stays taken (R2)");
    assert_eq!(refused_by(&log.start("scale")), "step_not_yours", "nothing more is begun");
    assert_eq!(refused_by(&log.operator_decides(NORTH)), "unusable_region");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: R4, P3, an attempt without a known outcome is tried again, and at last is unknown, never failed.
/// Method: the promotion's outcome stays unknown three times.
#[test]
fn p3_an_unknown_outcome_is_never_a_failure() {
    let mut log = promoting();
    for _ in 0..3 {
        log.run("promote", unknown());
    }
    assert_eq!(log.step("promote").0, "unknown");
    assert_eq!(log.state().word(), "stopped");
}

/// Goal: what cannot be done is not tried again. Method: the promotion is impossible.
#[test]
fn what_is_impossible_is_not_retried() {
    let mut log = promoting();
    log.run("promote", impossible());
    assert_eq!((log.step("promote"), log.state().word()), (("failed", String::new(), 1), "stopped"));
}

/// Goal: where the policy says so the plan goes on after a failure, and what needs the step runs all the same.
/// Method: scaling fails for good under `on_error: continue`.
#[test]
fn on_error_continue_goes_on() {
    let mut policy = policy();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    let scale = steps.get_mut("scale").unwrap();
    (scale.on_error, scale.retries) = (OnError::Continue, 0);
    let mut log = Log::with(policy);
    log.decide();
    log.run("scale", unknown());
    log.release();
    log.run_all();
    assert_eq!(log.step("repoint").0, "succeeded");
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 1 });
}

/// Goal: once the promotion stands the service lives in the new region, whatever happens next.
/// Method: promote, then let the repointing fail for good.
#[test]
fn the_promotion_moves_the_service() {
    let mut log = promoting();
    log.run("promote", succeeded());
    assert_eq!(log.cluster.services[&shop()].active, region(WEST));
    log.run("scale", succeeded());
    for _ in 0..3 {
        log.run("repoint", failed());
    }
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(log.cluster.services[&shop()].active, region(WEST));
}

/// Goal: R3, F9, F10, the steps of a lost agent go to another under a higher attempt, and what the lost one still
/// says about the old attempt is refused. Method: the promotion has begun; its agent falls silent, then comes back.
#[test]
fn f10_a_lost_agents_step_goes_to_another_and_its_late_word_is_refused() {
    let mut log = promoting();
    assert_eq!(log.start("promote"), Response::Done);
    log.live(&[EVE, NOA]);
    assert_eq!(log.step("promote"), ("assigned", NOA.to_owned(), 2));
    assert_eq!(log.cluster.executions["shop-2"].steps["promote"].failures, 0, "a loss is no failure");
    for outcome in [succeeded(), failed(), unknown(), impossible()] {
        let late = log.finish_as(WES, "promote", 1, outcome);
        assert_eq!(
            why(&late),
            "step `promote` of shop-2 is not this agent's: another assignment has taken its place"
        );
    }
    assert_eq!(refused_by(&log.finish_as(NOA, "promote", 1, succeeded())), "step_not_yours");
    let id = "shop-2".to_owned();
    assert!(log.cluster.may_act(&agent(WES), &id, &step("promote"), 1).is_err());
    log.live(&AGENTS);
    assert_eq!(
        log.step("promote"),
        ("assigned", NOA.to_owned(), 2),
        "the return of the lost one takes nothing away"
    );
    log.run_all();
    assert_eq!(log.state().word(), "succeeded");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: R3, an agent that is lost before it began loses its step too. Method: as above, without the start.
#[test]
fn r3_an_assigned_step_goes_to_another() {
    let mut log = promoting();
    log.live(&[NOA]);
    assert_eq!(log.step("promote"), ("assigned", NOA.to_owned(), 2));
    assert_eq!(refused_by(&log.start_as(WES, "promote", 1)), "step_not_yours");
}

/// Goal: R1, an effect follows only a committed intent of exactly this attempt: who has not begun cannot report, who
/// has begun cannot begin again, and who is not the assignee can do neither.
/// Method: every agent, before and after the start.
#[test]
fn r1_no_report_without_an_intent() {
    let mut log = promoting();
    assert_eq!(refused_by(&log.finish("promote", succeeded())), "step_not_yours");
    for by in [EVE, NOA] {
        assert_eq!(refused_by(&log.start_as(by, "promote", 1)), "step_not_yours");
    }
    for attempt in [0, 2] {
        assert_eq!(refused_by(&log.start_as(WES, "promote", attempt)), "step_not_yours");
    }
    assert_eq!(log.start("promote"), Response::Done);
    assert_eq!(refused_by(&log.start_as(WES, "promote", 1)), "step_not_yours");
    assert_eq!(refused_by(&log.finish_as(NOA, "promote", 1, succeeded())), "step_not_yours");
    assert_eq!(log.finish("promote", succeeded()), Response::Done);
    assert_eq!(refused_by(&log.finish_as(WES, "promote", 1, succeeded())), "step_not_yours", "told once");
}

/// Goal: R5, right before an effect the attempt must still be one's own, in a running execution that nothing holds.
/// Method: `may_act` after each thing that takes it away.
#[test]
fn r5_the_right_to_act_ends() {
    let mut log = promoting();
    log.start("promote");
    let id = log.running().id.clone();
    let may = |log: &Log| log.cluster.may_act(&agent(WES), &id, &step("promote"), 1).map_err(|r| r.guard());
    assert_eq!(may(&log), Ok(()));
    let mut paused = log.clone();
    paused.wait(Millis(1)).pause(None);
    assert_eq!(may(&paused), Err("hold"));
    let mut lost = log.clone();
    lost.live(&[NOA]);
    assert_eq!(may(&lost), Err("step_not_yours"));
    let mut stopped = log.clone();
    for _ in 0..3 {
        stopped.run("scale", failed());
    }
    assert_eq!(may(&stopped), Err("step_not_yours"));
    let mut finished = log.clone();
    finished.finish("promote", succeeded());
    assert_eq!(may(&finished), Err("step_not_yours"));
    assert_eq!(
        log.cluster.may_act(&agent(WES), &"shop-9".to_owned(), &step("promote"), 1).unwrap_err().guard(),
        "unknown_execution"
    );
}

/// Goal: a step that was under way when the plan stopped still reports what became of it.
/// Method: scaling fails for good while the promotion runs; then the promotion succeeds.
#[test]
fn a_step_under_way_reports_after_the_stop() {
    let mut log = promoting();
    log.start("promote");
    for _ in 0..3 {
        log.run("scale", failed());
    }
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(log.finish("promote", succeeded()), Response::Done);
    assert_eq!(log.cluster.services[&shop()].active, region(WEST));
    assert_eq!(log.assigned(), [""; 0], "nothing more is begun");
    assert_eq!(log.state().word(), "stopped");
}
