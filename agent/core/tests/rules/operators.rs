//! What people do to a failover: approve, abort, pause, race the agents and each other.

use crate::{log::*, shop::*};
use quorate_core::{Body, ExecutionState, Response};
use quorate_policies::{Millis, Timestamp};

fn promoting(policy: quorate_policies::Policy) -> Log {
    let mut log = Log::with(policy);
    log.decide();
    log.run("fence", succeeded());
    log.release();
    log.start("promote");
    log
}

/// Goal: F29, an operator who asks for what the agents have decided joins it: one execution, one id.
/// Method: both orders, and two operators; another destination is refused.
#[test]
fn f29_an_operator_and_the_agents_race() {
    let mut log = Log::with(in_three_regions(policy()));
    assert_eq!(log.decide(), execution("shop-2", false));
    assert_eq!(log.operator_decides(WEST), execution("shop-2", true));
    assert_eq!(refused_by(&log.operator_decides(NORTH)), "execution_in_progress");

    let mut log = Log::of_the_shop();
    assert_eq!(log.operator_decides(WEST), execution("shop-2", false));
    assert_eq!(log.operator_decides(WEST), execution("shop-2", true));
    assert_eq!(log.decide(), execution("shop-2", true));
    assert_eq!(log.cluster.executions.len(), 1);
    insta::assert_snapshot!(log.timeline());
}

/// Goal: in approval mode nothing begins, and the lease does not move, before an operator says so; approving twice is
/// refused. Method: decide, look, approve, run.
#[test]
fn approval_mode_waits_for_an_operator() {
    let mut log = Log::with(with_approval());
    log.decide();
    assert_eq!(log.state(), &ExecutionState::AwaitingApproval);
    assert_eq!((log.assigned(), log.lease().as_str()), (vec![], "held by us-east-1, epoch 1"));
    log.live(&[NOA]);
    assert_eq!(log.assigned(), [""; 0], "a change of who is alive begins nothing");
    let approve = || Body::Approve { execution: "shop-2".to_owned(), step: None, actor: olga("looks real") };
    assert_eq!(log.wait(Millis::from_secs(90)).say(WES, approve()), execution("shop-2", true));
    assert_eq!(log.lease(), "moves from us-east-1 to us-west-2, epoch 2");
    assert_eq!(refused_by(&log.say(WES, approve())), "wrong_state");
    log.release();
    log.run_all();
    assert_eq!(log.state().word(), "succeeded");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: approval is asked of operators only when the agents want to act: who asks himself has approved.
/// Method: an operator's failover in approval mode.
#[test]
fn an_operator_needs_no_approval() {
    let mut log = Log::with(with_approval());
    log.operator_decides(WEST);
    assert_eq!(log.state(), &ExecutionState::Running);
}

/// Goal: before the point of no return an abort lets what runs report, ends the execution, frees the slot, gives the old
/// region its lease back under the new epoch, and the cool-down begins (R3). Method: abort while the fence runs.
#[test]
fn abort_before_the_point_of_no_return() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("fence");
    assert_eq!(log.wait(Millis::from_secs(2)).abort(), Response::Done);
    assert_eq!((log.state().word(), log.step("fence").0), ("undoing", "started"));
    assert_eq!(log.step("scale").0, "cancelled");
    assert_eq!(log.lease(), "held by us-east-1, epoch 2");
    assert_eq!(log.cluster.services[&shop()].running, Some("shop-2".to_owned()), "the slot stays taken (R2)");
    assert_eq!(log.wait(Millis::from_secs(1)).finish("fence", unknown()), Response::Done);
    assert_eq!((log.state().word(), log.step("fence").0), ("aborted", "unknown"));
    assert_eq!(log.cluster.services[&shop()].running, None);
    assert_eq!(refused_by(&log.abort()), "wrong_state", "it has ended");
    assert_eq!(refused_by(&log.decide()), "cooldown");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: an abort of what waits for approval leaves the lease where it is. Method: abort before approving.
#[test]
fn abort_before_approval() {
    let mut log = Log::with(with_approval());
    log.decide();
    log.abort();
    assert_eq!((log.state().word(), log.lease().as_str()), ("aborted", "held by us-east-1, epoch 2"));
}

/// Goal: R13, when the lease has moved but nothing was promoted, an abort moves it back, not at once but after the
/// new holder's lease has ended, under one more epoch. Method: abort between release and promotion.
#[test]
fn r13_abort_after_the_lease_has_moved() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.run("fence", succeeded());
    log.release();
    assert_eq!(log.lease(), "held by us-west-2, epoch 2");
    log.abort();
    assert_eq!(log.lease(), "moves from us-west-2 to us-east-1, epoch 3");
    log.release();
    assert_eq!(log.lease(), "held by us-east-1, epoch 3");
    assert_eq!(log.cluster.services[&shop()].epoch, 3);
}

/// Goal: R13, a new failover takes the lease from whoever may hold it, not from where the service was thought to be:
/// otherwise two regions could hold one. Method: abort after the lease went west, and at once go north.
#[test]
fn r13_the_next_failover_waits_for_whoever_may_hold_the_lease() {
    let mut log = Log::with(in_three_regions(hasty()));
    log.operator_decides(WEST);
    log.run("fence", succeeded());
    log.release();
    log.abort();
    assert_eq!(log.operator_decides(NORTH), execution("shop-4", false));
    assert_eq!(log.lease(), "moves from us-west-2 to eu-west-1, epoch 4");
    assert_eq!(log.running().from(), &region(EAST), "the service itself never left");
    assert_eq!(log.abort(), Response::Done);
    assert_eq!(log.lease(), "moves from us-west-2 to us-east-1, epoch 5");
}

/// Goal: past the point of no return a running failover goes forward; only one that has stopped can be ended, and
/// then the lease stays where the promotion went, known or not. Method: abort after the promotion began, then after
/// the plan stopped with the promotion's outcome unknown.
#[test]
fn abort_after_the_point_of_no_return() {
    let mut log = promoting(policy());
    let refused = log.abort();
    assert_eq!(why(&refused), "execution shop-2 runs: it is past the point of no return and goes forward");
    log.finish("promote", unknown());
    log.run("promote", unknown());
    log.run("promote", unknown());
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(log.abort(), Response::Done);
    assert_eq!((log.state().word(), log.lease().as_str()), ("aborted", "held by us-west-2, epoch 2"));
    insta::assert_snapshot!(log.timeline());
}

/// Goal: R13, after a failover that ended with an unknown promotion in one region, one to a third region waits for
/// the region that may have been promoted. Method: stop, abort, go north.
#[test]
fn r13_after_an_unknown_promotion_the_lease_moves_from_there() {
    let mut log = promoting(in_three_regions(hasty()));
    log.finish("promote", unknown());
    log.run("promote", unknown());
    log.run("promote", unknown());
    log.abort();
    log.operator_decides(NORTH);
    assert_eq!(log.lease(), "moves from us-west-2 to eu-west-1, epoch 3");
}

/// Goal: F30, R26, a pause in the middle of a plan begins nothing new and lets what has begun report; resuming goes
/// on where it stopped. Method: pause while the fence runs.
#[test]
fn f30_a_pause_in_the_middle_of_a_plan() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("fence");
    log.wait(Millis::from_secs(1)).pause(None);
    assert_eq!(refused_by(&log.start("scale")), "hold");
    assert_eq!(log.finish("fence", succeeded()), Response::Done);
    log.release();
    assert_eq!(refused_by(&log.start("promote")), "hold");
    log.wait(Millis::from_secs(60)).resume();
    log.run_all();
    assert_eq!(log.state().word(), "succeeded");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: F30, a pause that ends by itself ends for the running plan too, by the log's clock.
/// Method: a pause of a minute after a first step; start another step before and after the pause's end.
#[test]
fn f30_a_pause_that_ends_by_itself() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.start("scale");
    log.wait(Millis(1));
    let until = log.now.plus(Millis::from_secs(60));
    log.pause(Some(until));
    log.wait(Millis(59_999));
    assert_eq!(refused_by(&log.start("fence")), "hold");
    log.wait(Millis(1));
    assert_eq!(log.start("fence"), Response::Done);
}

/// Goal: R26, a hold that was set after the decision stops an operator's failover too, also if the clocks of the two
/// proposers make both seem simultaneous; one that the operator saw does not.
/// Method: pause after deciding, by an agent whose clock is behind; and pause before deciding.
#[test]
fn r26_a_later_hold_beats_an_operators_failover() {
    let mut log = Log::of_the_shop();
    log.operator_decides(WEST);
    let behind = Timestamp(log.now.0 - 5_000);
    log.now = behind;
    log.pause(None);
    assert_eq!(refused_by(&log.start("fence")), "hold");

    let mut log = Log::of_the_shop();
    log.pause(None);
    log.wait(Millis(1)).operator_decides(WEST);
    assert_eq!(log.start("fence"), Response::Done);
    log.wait(Millis(1)).pause(None);
    assert_eq!(refused_by(&log.start("scale")), "hold", "a second pause is a later one");
}

/// Goal: R26, while a hold stands the agents do not act; without one they do. Method: decide under a hold, resume,
/// decide.
#[test]
fn r26_a_hold_stops_automation() {
    let mut log = Log::of_the_shop();
    log.pause(None);
    assert_eq!(refused_by(&log.decide()), "hold");
    log.resume();
    assert_eq!(log.decide(), execution("shop-2", false));
}

/// Goal: what is over stays as it was, whoever is alive then. Method: who lives is told after the failover's end.
#[test]
fn an_ended_execution_stays_as_it_was() {
    let mut log = Log::of_the_shop();
    log.decide();
    log.release();
    log.run_all();
    let ended = log.latest().clone();
    assert_eq!(log.live(&[WES]), Response::Done);
    assert_eq!(log.latest(), &ended);
}
