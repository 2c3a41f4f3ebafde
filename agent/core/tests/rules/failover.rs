//! Failovers as stories: what the audit of one replica tells, from the decision to the end.

use crate::{log::*, shop::*};
use quorate_core::{Body, ExecutionState, LeaseProof, Response};
use quorate_policies::{Millis, agreement::Evidence, guard::Trigger};

/// Goal: a whole failover reads as it should: decided, fenced, the lease waited out, promoted only then, repointed
/// only after promotion and scaling, verified; and the service lives in the other region.
/// Method: run every step as soon as it is assigned, let the lease go when nothing else can run.
#[test]
fn a_failover_from_start_to_end() {
    let mut log = Log::of_the_shop();
    assert_eq!(log.decide(), execution("shop-2", false));
    assert_eq!(log.assigned(), ["fence", "scale"], "the promotion waits for the fence and the lease");
    log.wait(Millis(200)).run_all();
    assert_eq!(log.assigned(), [""; 0], "everything waits for the lease");
    log.wait(Millis::from_secs(4)).release();
    assert_eq!(log.assigned(), ["promote"]);
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 0 });
    let service = &log.cluster.services[&shop()];
    assert_eq!((&service.active, &service.running, service.epoch), (&region(WEST), &None, 2));
    assert_eq!(log.lease(), "held by us-west-2, epoch 2");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: P26, the recovery time begins with the first failed probe and is split without a gap.
/// Method: the same failover; the parts, and that they add up to the whole.
#[test]
fn p26_the_recovery_time_is_split() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.wait(Millis(200)).run_all();
    log.wait(Millis::from_secs(4)).release();
    log.run_all();
    let execution = log.latest();
    let time = execution.recovery_time().unwrap();
    let whole = execution.ended_at.unwrap().since(execution.failing_since);
    assert_eq!(time.total(), whole);
    insta::assert_snapshot!(format!(
        "detect {}, decide {}, execute {}, converge {}, all {whole}",
        time.detect, time.decide, time.execute, time.converge
    ));
}

/// Goal: R13, before the lease of this epoch is released an irreversible step is neither assigned nor begun nor
/// allowed to act; what can be undone goes on. Method: every agent asks for every attempt number.
#[test]
fn r13_an_irreversible_step_waits_for_the_lease() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.run_all();
    assert_eq!(log.step("fence").0, "succeeded");
    assert_eq!(log.step("promote"), ("waiting", String::new(), 0));
    let id = log.running().id.clone();
    for by in AGENTS {
        for attempt in 0..3 {
            assert_eq!(refused_by(&log.start_as(by, "promote", attempt)), "step_not_yours");
            assert!(log.cluster.may_act(&agent(by), &id, &step("promote"), attempt).is_err());
        }
    }
    let epoch = log.running().epoch;
    for stale in [epoch - 1, epoch + 1] {
        log.release_as(NOA, stale, LeaseProof::Expired { waited: Millis(6_300) });
        assert_eq!(
            log.step("promote").0,
            "waiting",
            "a release of epoch {stale} is not one of epoch {epoch}"
        );
    }
    log.release();
    assert_eq!(log.step("promote"), ("assigned", WES.to_owned(), 1));
    assert_eq!(log.cluster.may_act(&agent(WES), &id, &step("promote"), 1), Ok(()));
}

/// Goal: R13, the holder's word counts only if it comes from the one agent that can have made promises.
/// Method: every agent says that the lease was given up; then two agents live in the holding region.
#[test]
fn r13_only_the_holders_one_agent_can_give_up() {
    let mut log = Log::of_the_shop();
    log.decide();
    for by in [WES, NOA] {
        assert_eq!(refused_by(&log.release_as(by, 2, LeaseProof::GivenUp)), "no_lease");
        assert_eq!(log.lease(), "moves from us-east-1 to us-west-2, epoch 2");
    }
    let mut crowded = log.clone();
    assert_eq!(log.release_as(EVE, 2, LeaseProof::GivenUp), Response::Done);
    assert_eq!(log.lease(), "held by us-west-2, epoch 2");

    crowded.cluster.members.insert(agent("emil"), region(EAST));
    assert_eq!(refused_by(&crowded.release_as(EVE, 2, LeaseProof::GivenUp)), "no_lease");
    assert_eq!(crowded.release(), Response::Done, "waiting it out needs nobody's word");
}

/// Goal: R13, a release that comes twice, or late, changes nothing. Method: release again, after the end, and with
/// the epoch of the next failover.
#[test]
fn r13_a_late_release_changes_nothing() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.release();
    log.run_all();
    let before = log.cluster.services.clone();
    for epoch in 0..5 {
        log.release_as(NOA, epoch, LeaseProof::Expired { waited: Millis(6_300) });
        log.release_as(EVE, epoch, LeaseProof::GivenUp);
        log.release_as(WES, epoch, LeaseProof::GivenUp);
    }
    assert_eq!(log.cluster.services, before);
}

/// Goal: a step begins only when all that it needs have ended. Method: after every event, look at every step that is
/// not waiting any more.
#[test]
fn steps_run_in_the_order_of_their_needs() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.release();
    while let Some(name) = log.assigned().first().map(ToString::to_string) {
        log.run(&name, succeeded());
        let execution = log.latest();
        for (name, progress) in execution.steps.iter().filter(|(_, progress)| progress.attempt > 0) {
            let needs = &execution.plan.steps[name].needs;
            assert!(
                needs.iter().all(|need| execution.steps[need].state.ended()),
                "{name}, {:?}",
                progress.state
            );
        }
    }
    assert_eq!(log.state().word(), "succeeded");
}

/// Goal: a step goes to an agent in its place, else to one where the service is going, else to a witness, and only
/// then to one in the region that is left. Method: who gets the first steps, for every set of live agents.
#[test]
fn steps_go_to_the_nearest_agent() {
    let mut table = String::new();
    for live in
        [&[EVE, WES, NOA][..], &[EVE, WES], &[EVE, NOA], &[WES, NOA], &[EVE], &[WES], &[NOA], &["mallory"]]
    {
        let mut log = Log::of_the_shop();
        let (trigger, evidence) = (Trigger::Automatic, east_is_down());
        let live_agents = agents(live);
        log.say(
            NOA,
            Body::Decide { service: shop(), to: region(WEST), trigger, evidence, live: live_agents },
        );
        let who = ["fence", "scale"].map(|name| format!("{name} -> {:5}", log.step(name).1));
        table += &format!("{:16} {}\n", live.join(" "), who.join("  "));
    }
    insta::assert_snapshot!(table);
}

/// Goal: R25, after a failover the next decision starts from the new region, under a higher epoch, and the way home
/// is open to an operator alone. Method: automation and an operator ask for the way back.
#[test]
fn r25_the_way_home_is_an_operators() {
    let mut log = Log::with(hasty());
    log.decide();
    log.release();
    log.run_all();
    let west_down = Evidence {
        votes: [all(WEST, quorate_policies::health::Verdict::Down), all_is_well().votes[..3].to_vec()]
            .concat(),
        ..east_is_down()
    };
    assert_eq!(refused_by(&log.ask(EAST, Trigger::Automatic, west_down)), "unusable_region");
    assert_eq!(log.operator_decides(EAST), execution("shop-3", false));
    assert_eq!((log.running().from(), log.running().to()), (&region(WEST), &region(EAST)));
    assert_eq!(log.lease(), "moves from us-west-2 to us-east-1, epoch 3");
}

/// Goal: a failed step where the plan goes on is counted and told. Method: the fence is impossible.
#[test]
fn a_failure_that_the_plan_tolerates_is_an_exception() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.run("fence", impossible());
    log.release();
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 1 });
    insta::assert_snapshot!(log.timeline());
}
