//! The signal: who may turn it, when, where it stands before anybody has, and how it turns back.

use crate::{log::*, shop::*};
use quorate_core::{AuditEvent, Body, Cluster, Response};
use quorate_policies::{Millis, Policy, StepName, plan::Action, plan::Before, plan::action::Route53Signal};

/// The shop's plan with a signal in the place of the repointing, and nothing that waits for the lease before it.
fn signalling() -> Policy {
    let mut policy = hasty();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    let signal = steps.get_mut("repoint").unwrap();
    signal.action = Action::Route53Signal(Route53Signal { region: "{to}".to_owned(), record: None });
    signal.needs = vec![step("fence")];
    steps.get_mut("promote").unwrap().needs = vec![step("verify")];
    policy
}

/// Fenced; the signal is to be turned.
fn fenced() -> Log {
    let mut log = Log::with(signalling());
    log.decide();
    log.run("fence", succeeded());
    log
}

fn signal_as(log: &mut Log, by: &str, name: &str, attempt: u32, to: &str) -> Response {
    let (execution, step) = (log.latest().id.clone(), StepName::try_from(name).unwrap());
    log.say(by, Body::Signal { execution, step, attempt, region: region(to) })
}

fn signal(log: &mut Log, name: &str, to: &str) -> Response {
    let (_, by, attempt) = log.step(name);
    signal_as(log, &by, name, attempt, to)
}

/// The step turns the signal as an agent does: begin, note, act, report.
fn turn(log: &mut Log, name: &str, to: &str) {
    let before = log.cluster.signalled(&shop()).unwrap().to_string();
    log.start(name);
    log.note(name, Before::Signalled { region: before });
    assert_eq!(signal(log, name, to), Response::Done);
    log.wait(Millis(1)).finish(name, succeeded());
}

/// Which regions traffic shall leave: east, west.
fn leaves(log: &Log) -> (bool, bool) {
    let leaves = |at| log.cluster.leaves(&shop(), &region(at)).unwrap();
    (leaves(EAST), leaves(WEST))
}

/// Goal: before anybody has signalled nothing leaves any region, and traffic belongs to the policy's primary; what is not
/// there is not answered. Method: a service that has never failed over.
#[test]
fn before_anybody_has_signalled() {
    let log = Log::with(signalling());
    assert_eq!(leaves(&log), (false, false));
    assert_eq!(log.cluster.signalled(&shop()), Some(&region(EAST)));
    assert_eq!(log.cluster.leaves(&shop(), &region(NORTH)), None);
    assert_eq!(log.cluster.leaves(&"other".try_into().unwrap(), &region(EAST)), None);
}

/// Goal: the step turns the signal and the audit tells it; it stands after the failover and through a snapshot.
/// Method: a whole failover, then JSON.
#[test]
fn the_step_turns_the_signal() {
    let mut log = fenced();
    turn(&mut log, "repoint", WEST);
    assert_eq!(leaves(&log), (true, false));
    log.release();
    log.run_all();
    assert_eq!((log.state().word(), leaves(&log)), ("succeeded", (true, false)));
    assert!(log.timeline().contains("wes   traffic is signalled to us-west-2"));
    let text = serde_json::to_string(&log.cluster).unwrap();
    assert_eq!(serde_json::from_str::<Cluster>(&text).unwrap().signalled(&shop()), Some(&region(WEST)));
}

/// Goal: R1, R5, only the agent that has begun exactly this step, and only to where the step says, may turn the signal.
/// Method: too early, another agent, another attempt, another step, another region, under a hold, after the report.
#[test]
fn r1_only_the_step_itself_may_turn_it() {
    let mut log = fenced();
    assert_eq!(refused_by(&signal(&mut log, "repoint", WEST)), "step_not_yours", "it has not begun");
    log.start("repoint");
    log.start("scale");
    let attempts = [
        (EVE, "repoint", 1, WEST),
        (WES, "repoint", 2, WEST),
        (WES, "repoint", 1, EAST),
        (WES, "repoint", 1, NORTH),
        (WES, "scale", 1, WEST),
        (WES, "dance", 1, WEST),
    ];
    for (by, name, attempt, to) in attempts {
        let refused = signal_as(&mut log, by, name, attempt, to);
        assert_eq!(refused_by(&refused), "step_not_yours", "{by} {name} {attempt} {to}");
    }
    let mut held = log.clone();
    held.wait(Millis(1)).pause(None);
    assert_eq!(refused_by(&signal(&mut held, "repoint", WEST)), "hold");
    let mut ended = log.clone();
    ended.finish("repoint", unknown());
    assert_eq!(refused_by(&signal_as(&mut ended, WES, "repoint", 1, WEST)), "step_not_yours");
    for log in [&log, &held, &ended] {
        assert_eq!(leaves(log), (false, false));
    }
    let signalled = |entry: &&quorate_core::AuditEntry| matches!(entry.event, AuditEvent::Signalled { .. });
    assert_eq!(log.cluster.audit.entries.iter().filter(signalled).count(), 0);
}

/// Goal: an abort before the point of no return signals back to where traffic belonged. Method: signal, abort, and turn it
/// by the step that the abort adds.
#[test]
fn an_abort_signals_back() {
    let mut log = fenced();
    turn(&mut log, "repoint", WEST);
    log.abort();
    assert_eq!(log.assigned(), ["undo-repoint"]);
    turn(&mut log, "undo-repoint", EAST);
    assert_eq!((log.state().word(), leaves(&log).0), ("aborted", false));
    assert_eq!(log.latest().not_undone(), ["fence (succeeded)"], "which was not noted here");
}

/// Goal: R25, the way home turns the signal back, by an operator's own failover. Method: there and back.
#[test]
fn r25_the_way_home_signals_back() {
    let mut log = fenced();
    turn(&mut log, "repoint", WEST);
    log.release();
    log.run_all();
    assert_eq!(log.operator_decides(EAST), execution("shop-3", false));
    log.run("fence", succeeded());
    turn(&mut log, "repoint", EAST);
    assert_eq!(leaves(&log), (false, true));
}

/// Goal: a new policy does not move traffic. Method: apply one after a failover.
#[test]
fn a_new_policy_keeps_the_signal() {
    let mut log = fenced();
    turn(&mut log, "repoint", WEST);
    log.release();
    log.run_all();
    log.say(NOA, Body::apply_policy(signalling(), olga("second policy")));
    assert_eq!(leaves(&log), (true, false));
}

/// Goal: a state of before there was a signal reads. Method: take it out of the written state.
#[test]
fn a_state_without_a_signal_reads() {
    let log = fenced();
    let mut written = serde_json::to_value(&log.cluster).unwrap();
    written["services"]["shop"].as_object_mut().unwrap().remove("signal").unwrap();
    assert_eq!(serde_json::from_value::<Cluster>(written).unwrap(), log.cluster);
}

/// Goal: R23, a policy cannot take the region away to which traffic is signalled: every region would be told that traffic
/// belongs elsewhere. Method: the signal is turned, the failover aborted past its point of no return, the region dropped.
#[test]
fn r23_a_policy_keeps_the_signalled_region() {
    let mut log = fenced();
    turn(&mut log, "repoint", WEST);
    let mut other = in_three_regions(signalling());
    other.regions.remove(&region(WEST));
    log.cluster.services.get_mut(&shop()).unwrap().running = None;
    let response = log.say(NOA, Body::apply_policy(other, olga("another standby")));
    assert_eq!(refused_by(&response), "policy_refused");
    assert_eq!(leaves(&log), (true, false));
}
