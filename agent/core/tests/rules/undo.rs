//! What an abort takes back: in which order, to what, when it may begin, and what is said of what could not be.

use crate::{log::*, shop::*};
use quorate_core::{
    Body, ExecutionState, Input, Node, NodeSettings, Output, Response, StepOutcome, node::Now,
};
use quorate_policies::{FEATURE_LEVEL, Millis, Monotonic, plan::Action};
use std::sync::Arc;

/// A plan whose traffic moves before anything irreversible, so that an abort has three things to take back.
fn reversible() -> quorate_policies::Policy {
    let mut policy = policy();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.get_mut("scale").unwrap().needs = vec![step("fence")];
    steps.get_mut("repoint").unwrap().needs = vec![step("scale")];
    steps.get_mut("promote").unwrap().needs = vec![step("verify")];
    policy
}

/// Fenced, scaled and repointed.
fn moved() -> Log {
    let mut log = Log::with(reversible());
    log.decide();
    log.change("fence", scaled(6));
    log.change("scale", scaled(1));
    log.change("repoint", repointed("east.elb.example.com"));
    log
}

/// What a step of the latest plan wants: the count of tasks, or the alias.
fn wants(log: &Log, name: &str) -> String {
    match &log.latest().plan.steps[&step(name)].action {
        Action::EcsScale(scale) => format!("{} tasks in {}", scale.desired.unwrap(), scale.region),
        Action::Route53Repoint(repoint) => format!("alias {}", repoint.alias.as_ref().unwrap()),
        other => other.kind().to_owned(),
    }
}

/// Goal: an abort takes everything back, the last first, each to what was noted, and then frees the slot.
/// Method: abort after three changes; run what is assigned.
#[test]
fn an_abort_takes_everything_back_in_reverse_order() {
    let mut log = moved();
    assert_eq!(log.wait(Millis::from_secs(5)).abort(), Response::Done);
    assert_eq!(log.state().word(), "undoing");
    assert_eq!(log.lease(), "held by us-east-1, epoch 2", "the lease is home before the undo");
    for name in ["undo-repoint", "undo-scale", "undo-fence"] {
        assert_eq!(log.assigned(), [name], "one after another");
        log.run(name, succeeded());
    }
    assert_eq!(wants(&log, "undo-repoint"), "alias east.elb.example.com");
    assert_eq!(wants(&log, "undo-scale"), "1 tasks in us-west-2");
    assert_eq!(wants(&log, "undo-fence"), "6 tasks in us-east-1");
    assert_eq!(log.state().word(), "aborted");
    assert_eq!(log.latest().not_undone(), [""; 0]);
    assert_eq!(log.cluster.services[&shop()].running, None);
    assert_eq!(log.cluster.services[&shop()].active, region(EAST));
    insta::assert_snapshot!(log.timeline());
}

/// Goal: what does not depend on each other is taken back at once, and what changed nothing is left alone.
/// Method: the shop's own plan, where fence and scaling run side by side; the scaling found its count standing.
#[test]
fn only_what_changed_is_taken_back() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.change("fence", scaled(6));
    log.run("scale", succeeded());
    log.abort();
    assert_eq!(log.assigned(), ["undo-fence"]);
    let mut both = Log::of_the_shop();
    both.decide();
    both.change("fence", scaled(6));
    both.change("scale", scaled(1));
    both.abort();
    assert_eq!(both.assigned(), ["undo-fence", "undo-scale"]);
}

/// Goal: with nothing to take back an abort is over at once. Method: abort before any step began; the plan may be asked
/// for again, because nothing was touched.
#[test]
fn an_abort_of_nothing_ends_at_once() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.abort();
    assert_eq!(log.state().word(), "aborted");
    assert_eq!(log.decide(), execution("shop-3", false), "no cool-down");
}

/// Goal: R4, a step that has begun is waited for, and its late note is refused: it may not begin anew what is taken back.
/// Method: abort while the scaling runs; nothing is taken back before it has reported.
#[test]
fn r4_a_step_under_way_is_waited_for() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.change("fence", scaled(6));
    log.start("scale");
    log.note("scale", scaled(1));
    log.abort();
    assert_eq!((log.assigned(), log.step("scale").0), (vec![], "started"));
    assert_eq!(refused_by(&log.start("scale")), "step_not_yours");
    let id = log.latest().id.clone();
    assert!(log.cluster.may_act(&agent(WES), &id, &step("scale"), 1).is_err(), "it acts no more");
    assert_eq!(log.finish("scale", succeeded()), Response::Done);
    assert_eq!(log.assigned(), ["undo-fence", "undo-scale"]);
}

/// Goal: a step that an abort overtook is not tried again, whatever became of it, so that the undo does not wait for ever.
/// Method: every outcome, with attempts left; only what certainly did not happen is left alone.
#[test]
fn an_overtaken_step_is_not_tried_again() {
    let outcomes: [(StepOutcome, &str, bool); 4] = [
        (succeeded(), "succeeded", true),
        (failed(), "failed", false),
        (unknown(), "unknown", true),
        (impossible(), "failed", false),
    ];
    for (outcome, word, taken_back) in outcomes {
        let mut log = Log::of_the_shop();
        log.decide();
        log.start("scale");
        log.note("scale", scaled(1));
        log.abort();
        log.finish("scale", outcome);
        assert_eq!(log.step("scale").0, word);
        assert_eq!(log.assigned() == ["undo-scale"], taken_back, "{word}");
        log.run_all();
        assert_eq!(log.state().word(), "aborted");
    }
}

/// Goal: P3, what may have been applied by an earlier attempt is taken back, even if no attempt runs at the abort. Method:
/// the first attempt stayed unknown, the second is assigned and has not begun.
#[test]
fn p3_an_earlier_attempt_may_stand() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("scale");
    log.note("scale", scaled(1));
    log.finish("scale", unknown());
    assert_eq!(log.step("scale"), ("assigned", WES.to_owned(), 2));
    log.abort();
    assert_eq!(log.step("scale").0, "unknown", "it is not said to be cancelled");
    assert_eq!(log.assigned(), ["undo-scale"]);
}

/// Goal: P3, what may still be under way is taken back only after its last call has certainly ended. Method: the delay of
/// the undo, after a known end and after an unknown one.
#[test]
fn p3_an_unknown_step_is_taken_back_after_a_delay() {
    let delay = |outcome| {
        let mut log = Log::of_the_shop();
        log.decide();
        log.start("scale");
        log.note("scale", scaled(1));
        log.abort();
        log.finish("scale", outcome);
        log.latest().plan.steps[&step("undo-scale")].delay
    };
    assert_eq!(delay(succeeded()), Millis::ZERO);
    assert!(delay(unknown()) > Millis::from_secs(12), "longer than the longest call");
}

/// Goal: R3, the undo survives its agents: of a step whose agent is lost nobody waits, and a step that takes another back
/// goes to the next agent. Method: lose the agent of the running step, then that of the undo.
#[test]
fn r3_an_agent_is_lost_while_undoing() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("scale");
    log.note("scale", scaled(1));
    log.abort();
    log.live(&[EVE, NOA]);
    assert_eq!(log.step("scale").0, "unknown");
    let (word, first, attempt) = log.step("undo-scale");
    assert_eq!((word, attempt), ("assigned", 1));
    log.start("undo-scale");
    assert_eq!(first, NOA);
    let execution = log.latest().id.clone();
    log.say(EVE, Body::SetLive { execution, live: agents(&[EVE]) });
    assert_eq!(log.step("undo-scale"), ("assigned", EVE.to_owned(), 2));
    assert_eq!(refused_by(&log.finish_as(NOA, "undo-scale", 1, succeeded())), "step_not_yours");
    log.run_all();
    assert_eq!(log.state().word(), "aborted");
}

/// Goal: an undo that fails is named and keeps none of the others from being done. Method: the record cannot be moved
/// back; the fence is undone all the same.
#[test]
fn an_undo_that_fails_is_named() {
    let mut log = moved();
    log.abort();
    log.run("undo-repoint", impossible());
    log.run("undo-scale", succeeded());
    for _ in 0..3 {
        log.run("undo-fence", unknown());
    }
    assert_eq!(log.state().word(), "aborted");
    assert_eq!(log.latest().not_undone(), ["fence (succeeded)", "repoint (succeeded)"]);
    assert!(log.timeline().contains("not undone: fence (succeeded), repoint (succeeded)"));
}

/// Goal: the undo of a step that was not to be tried again, as a fence in a lost region, is tried again. Method: the
/// fence has no retries and a short patience; its undo has both.
#[test]
fn an_undo_is_patient() {
    let mut policy = policy();
    let fence = policy.plans.get_mut("failover").unwrap().steps.get_mut("fence").unwrap();
    (fence.retries, fence.timeout) = (0, Millis::from_secs(2));
    let mut log = Log::with(policy);
    log.decide();
    log.change("fence", scaled(6));
    log.abort();
    let undo = &log.latest().plan.steps[&step("undo-fence")];
    assert!(undo.retries > 0 && undo.timeout > Millis::from_secs(60));
}

/// Goal: R26, a hold stops automation, not the way back: who aborts wants the old state. Method: pause, abort, undo; and
/// pause while the undo runs.
#[test]
fn r26_a_hold_does_not_stop_an_undo() {
    let mut log = moved();
    log.wait(Millis(1)).pause(None);
    assert_eq!(log.abort(), Response::Done);
    log.run("undo-repoint", succeeded());
    log.wait(Millis(1)).pause(None);
    log.run("undo-scale", succeeded());
    log.run("undo-fence", succeeded());
    assert_eq!(log.state().word(), "aborted");
}

/// Goal: R13, the lease goes home before the undo is done, and not before the new region's has ended. Method: abort
/// after the lease went west, and release it while the undo runs.
#[test]
fn r13_the_lease_goes_home() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.change("fence", scaled(6));
    log.release();
    log.abort();
    assert_eq!(log.lease(), "moves from us-west-2 to us-east-1, epoch 3");
    log.release();
    assert_eq!((log.lease().as_str(), log.state().word()), ("held by us-east-1, epoch 3", "undoing"));
    log.run_all();
    assert_eq!(log.state().word(), "aborted");
}

/// Goal: an abort is asked for once; asking again says that it is under way, and R2 holds meanwhile. Method: abort
/// twice, and ask for another failover between.
#[test]
fn r2_an_abort_is_asked_for_once() {
    let mut log = moved();
    log.abort();
    assert_eq!(
        why(&log.abort()),
        "execution shop-2 is taken back: it was a mistake: it is being aborted already"
    );
    assert_eq!(refused_by(&log.operator_decides(WEST)), "execution_in_progress", "it is not joined either");
    log.run_all();
    assert_eq!(refused_by(&log.abort()), "wrong_state");
}

/// Goal: a region that is lost keeps nobody from failing over: what cannot be taken back is left, and named; what is under way
/// is waited for, and begins nothing more. Method: leave while one undo runs and others wait; then leave at once.
#[test]
fn what_cannot_be_taken_back_is_left() {
    let mut log = moved();
    log.abort();
    log.run("undo-repoint", succeeded());
    log.start("undo-scale");
    assert_eq!(log.abort_and_leave(), Response::Done);
    assert_eq!((log.state().word(), log.assigned()), ("undoing", vec![]));
    let id = log.latest().id.clone();
    assert!(log.cluster.may_act(&agent(WES), &id, &step("undo-scale"), 1).is_err(), "it acts no more");
    assert_eq!(
        why(&log.abort_and_leave()),
        "execution shop-2 is no longer taken back: the east is lost: it ends as soon as nothing of it is under way"
    );
    assert_eq!(refused_by(&log.operator_decides(WEST)), "execution_in_progress");
    log.finish("undo-scale", unknown());
    assert_eq!(log.state().word(), "aborted");
    assert_eq!(log.latest().not_undone(), ["fence (succeeded)", "scale (succeeded)"]);

    let mut at_once = moved();
    at_once.abort_and_leave();
    assert_eq!((at_once.state().word(), at_once.lease().as_str()), ("aborted", "held by us-east-1, epoch 2"));
    assert_eq!(at_once.cluster.services[&shop()].running, None);
    assert!(
        at_once
            .timeline()
            .contains("aborting, what is not taken back yet is left as it is: the east is lost")
    );
}

/// Goal: a plan that has stopped before its point of no return is taken back by an abort; one that has stopped after it
/// is only ended, because what is promoted stays. Method: stop at the repointing, before and after the promotion.
#[test]
fn a_stopped_plan_is_taken_back_before_the_point_of_no_return() {
    let mut log = Log::with(reversible());
    log.decide();
    log.change("fence", scaled(6));
    log.change("scale", scaled(1));
    log.run("repoint", impossible());
    assert_eq!(log.state().word(), "stopped");
    log.abort();
    log.run_all();
    assert_eq!((log.state().word(), log.step("undo-fence").0), ("aborted", "succeeded"));

    let mut log = Log::of_the_shop();
    log.decide();
    log.change("fence", scaled(6));
    log.change("scale", scaled(1));
    log.release();
    log.run("promote", succeeded());
    log.run("repoint", impossible());
    log.abort();
    let reason = "it was a mistake".to_owned();
    assert_eq!(log.state(), &ExecutionState::Aborted { reason });
    assert!(!log.latest().plan.steps.contains_key("undo-fence"));
    assert_eq!(log.latest().not_undone(), ["fence (succeeded)", "promote (succeeded)", "scale (succeeded)"]);
}

/// Goal: what only looks has left nothing behind, and is not named among what stands. Method: abort after the service was
/// verified through its public name.
#[test]
fn what_only_looks_leaves_nothing_behind() {
    let mut log = moved();
    log.run("verify", succeeded());
    log.abort();
    log.run_all();
    assert_eq!(log.latest().not_undone(), [""; 0]);
}

/// What an agent that has just started is told to run, as the log stands.
fn ordered(log: &Log, name: &str) -> Vec<String> {
    let settings = NodeSettings {
        name: agent(name),
        region: members()[name].clone(),
        members: members(),
        incarnation: 1,
        feature_level: FEATURE_LEVEL,
        report_interval: Millis(1_000),
        lost_after: Millis(2_500),
    };
    let now = Now { mono: Monotonic(1), wall: log.now };
    let outputs = Node::new(settings, now).step(now, Input::Applied(Arc::new(log.cluster.clone())));
    let orders = outputs.into_iter().filter_map(|output| match output {
        Output::Run(order) => Some(order.name.to_string()),
        _ => None,
    });
    orders.collect()
}

/// Goal: the agents run what takes others back like any other step, and one that was begun by an earlier process is
/// offered once more, because the undo waits for its report. Method: what a fresh process of each agent is told.
#[test]
fn the_agents_are_told_to_undo() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.change("fence", scaled(6));
    log.start("scale");
    log.abort();
    assert_eq!(ordered(&log, WES), ["scale"]);
    assert_eq!(ordered(&log, EVE), [""; 0]);
    log.finish("scale", failed());
    assert_eq!(ordered(&log, EVE), ["undo-fence"]);
    log.run_all();
    assert_eq!(ordered(&log, EVE), [""; 0]);
}

/// Goal: R4, what a lost agent's call may still do is not taken back before it can have been done, although the agent that
/// took its place saw the result stand. Method: the first attempt begins and its agent is lost, the second succeeds; then
/// the same with nobody lost.
#[test]
fn r4_a_lost_attempts_call_is_waited_out() {
    for lost in [true, false] {
        let mut log = Log::of_the_shop();
        log.decide();
        log.start("scale");
        log.note("scale", scaled(1));
        let (_, agent, _) = log.step("scale");
        if lost {
            let others: Vec<&str> = AGENTS.into_iter().filter(|name| *name != agent).collect();
            log.live(&others);
            log.start("scale");
        }
        log.finish("scale", succeeded());
        log.abort();
        let delay = log.latest().plan.steps[&step("undo-scale")].delay;
        assert_eq!(delay, if lost { Millis::from_secs(15) } else { Millis::ZERO });
    }
}

/// Goal: R4, a call that was under way when its agent stopped is waited out, although the same agent came back and saw the
/// result stand; and the audit tells why. Method: the attempt begins, is gone on with as after a restart, and succeeds; abort.
#[test]
fn r4_a_call_from_before_a_restart_is_waited_out() {
    let mut log = Log::of_the_shop();
    log.decide();
    assert!(matches!(log.go_on("scale"), Response::Refused { .. }), "it has not begun");
    log.start("scale");
    log.note("scale", scaled(1));
    assert_eq!(log.go_on("scale"), Response::Done);
    assert_eq!(log.go_on("scale"), Response::Done, "it may come back twice");
    log.finish("scale", succeeded());
    assert_eq!(log.timeline().matches("step scale goes on (attempt 1)").count(), 1, "{}", log.timeline());
    log.abort();
    assert_eq!(log.latest().plan.steps[&step("undo-scale")].delay, Millis::from_secs(15));
}

/// Goal: R4, R13, a failure is certain only if the end of every attempt is: one that was lost or stayed unknown may have
/// promoted, so an abort does not go home. Method: the promotion's first attempt is lost, or stays unknown; the second is
/// refused for good; abort.
#[test]
fn r13_a_refusal_after_an_unheard_attempt_is_not_certain() {
    for lost in [true, false] {
        let mut log = Log::of_the_shop();
        log.decide();
        log.release();
        log.change("fence", scaled(6));
        log.start("promote");
        let (_, agent, _) = log.step("promote");
        if lost {
            let others: Vec<&str> = AGENTS.into_iter().filter(|name| *name != agent).collect();
            log.live(&others);
        } else {
            log.finish("promote", unknown());
        }
        log.run("promote", impossible());
        assert_eq!(log.step("promote").0, "unknown");
        assert_eq!(log.state().word(), "stopped");
        log.abort();
        assert_eq!(log.state().word(), "aborted");
        assert_eq!(log.lease(), "held by us-west-2, epoch 2", "the new region may have been promoted");
        assert!(log.latest().not_undone().contains(&"promote (unknown)".to_owned()));
    }
}
