//! What is refused changes nothing; what is said twice is done once; what the log keeps is bounded.

use crate::{log::*, shop::*};
use quorate_core::{Body, Cluster, Command, LeaseProof, Response, cluster::EXECUTIONS_KEPT_MAX};
use quorate_policies::{Millis, Timestamp, guard::Refusal, guard::Trigger};

/// The state without what a refusal may change: the audit, and the log's clock.
fn but_audit_and_clock(cluster: &Cluster) -> Cluster {
    let mut state = cluster.clone();
    (state.audit, state.clock) = (Default::default(), Timestamp(0));
    state
}

/// Goal: R31, a refused decision changes nothing but the audit, where it is explained.
/// Method: refuse decisions for four reasons, compare everything else.
#[test]
fn r31_a_refused_decision_changes_only_the_audit() {
    let mut log = Log::of_the_shop();
    let before = but_audit_and_clock(&log.cluster);
    assert_eq!(refused_by(&log.ask(WEST, Trigger::Automatic, all_is_well())), "region_healthy");
    assert_eq!(refused_by(&log.ask(EAST, operator(), east_is_down())), "unusable_region");
    let too_early =
        quorate_policies::agreement::Evidence { down_for: Millis::from_secs(43), ..east_is_down() };
    assert_eq!(refused_by(&log.ask(WEST, Trigger::Automatic, too_early)), "dwell");
    assert_eq!(refused_by(&log.ask(WEST, operator(), Default::default())), "standby_not_healthy");
    assert_eq!(but_audit_and_clock(&log.cluster), before);
    insta::assert_snapshot!(log.timeline());
}

/// Goal: a plan that cannot be expanded is refused before anything is committed. Method: take a variable away.
#[test]
fn a_plan_that_cannot_be_expanded_is_refused() {
    let mut policy = policy();
    policy.regions.get_mut(&region(WEST)).unwrap().vars.remove("database");
    let mut log = Log::with(policy);
    let before = but_audit_and_clock(&log.cluster);
    assert_eq!(refused_by(&log.decide()), "policy_refused");
    assert_eq!(but_audit_and_clock(&log.cluster), before);
}

/// Goal: a command that is delivered again is applied once and answers the same. Method: every kind of command, twice
/// each, compared with a log that has them once.
#[test]
fn a_command_said_twice_is_applied_once() {
    let mut log = Log::of_the_shop();
    let id = || "shop-2".to_owned();
    let (trigger, evidence, live) = (Trigger::Automatic, east_is_down(), agents(&AGENTS));
    let proof = LeaseProof::Expired { waited: Millis(6_300) };
    let told = || quorate_core::Sent {
        channel: "ops".parse().unwrap(),
        message: "begun".to_owned(),
        reference: Some("C1/1.0".to_owned()),
        given_up: None,
    };
    let bodies = [
        (NOA, Body::RecordRefusal { service: shop(), refusal: Refusal::ObserveOnly }),
        (NOA, Body::Decide { service: shop(), to: region(WEST), trigger, evidence, live }),
        (WES, Body::StartStep { execution: id(), step: step("scale"), attempt: 1 }),
        (WES, Body::FinishStep { execution: id(), step: step("scale"), attempt: 1, outcome: failed() }),
        (NOA, Body::SetLive { execution: id(), live: agents(&[NOA, EVE]) }),
        (WES, Body::Pause { service: shop(), actor: olga("look"), until: None }),
        (WES, Body::Resume { service: shop(), actor: olga("go on") }),
        (NOA, Body::ReleaseLease { service: shop(), epoch: 2, proof }),
        (NOA, Body::Notified { sequence: 3 }),
        (NOA, Body::Told { execution: id(), sent: told() }),
        (NOA, Body::Acknowledge { execution: id(), actor: olga("I am at it") }),
        (NOA, Body::Ungraceful { execution: id(), actor: olga("it is lost") }),
        (NOA, Body::Abort { execution: id(), actor: olga("enough"), leave: false }),
        (NOA, Body::apply_policy(policy(), olga("second policy"))),
    ];
    let commands: Vec<Command> =
        bodies.into_iter().map(|(by, body)| log.wait(Millis(10)).command(by, body)).collect();
    let (mut once, mut twice) = (log.cluster.clone(), log.cluster.clone());
    for command in &commands {
        let answer = once.apply(command);
        assert_ne!(refused_by(&answer), "step_not_yours", "{command}");
        assert_eq!(twice.apply(command), answer);
        assert_eq!(twice.apply(command), answer, "{command}");
    }
    for command in &commands {
        twice.apply(command);
    }
    assert_eq!(once, twice);
}

/// Goal: a refusal is not remembered: the same question may be answered otherwise later.
/// Method: the same command, refused under a hold, applied again after the hold.
#[test]
fn a_retry_after_a_refusal_may_succeed() {
    let mut log = Log::of_the_shop();
    log.pause(None);
    let (trigger, evidence, live) = (Trigger::Automatic, east_is_down(), agents(&AGENTS));
    let decide =
        log.command(NOA, Body::Decide { service: shop(), to: region(WEST), trigger, evidence, live });
    assert_eq!(refused_by(&log.cluster.apply(&decide)), "hold");
    log.resume();
    assert_eq!(log.cluster.apply(&decide), execution("shop-2", false));
    assert_eq!(log.cluster.apply(&decide), execution("shop-2", false), "and is remembered now");
}

/// Goal: F14, the log's clock never goes back, whatever the proposers' clocks say. Method: a proposer in the past.
#[test]
fn f14_the_logs_clock_never_goes_back() {
    let mut log = Log::of_the_shop();
    let before = log.cluster.clock;
    log.now = Timestamp(1);
    log.decide();
    assert_eq!(log.cluster.clock, before);
    assert!(log.cluster.audit.entries.iter().all(|entry| entry.at == before));
}

/// Goal: F28, the members are set once; setting the same again is harmless. Method: the same, then others.
#[test]
fn f28_members_are_set_once() {
    let mut log = Log::of_the_shop();
    let before = log.cluster.members.clone();
    assert_eq!(log.say(WES, Body::SetMembers { members: members() }), Response::Done);
    let mut fewer = members();
    fewer.remove(&agent(NOA));
    assert_eq!(refused_by(&log.say(WES, Body::SetMembers { members: fewer })), "policy_refused");
    assert_eq!(log.cluster.members, before);
}

/// Goal: a policy is not changed under a running plan, and not so that the serving region has no part in it any more;
/// otherwise a change keeps where the service is. Method: apply policies while running, after a failover, and one
/// without the active region.
#[test]
fn policies_change_between_failovers() {
    let mut log = Log::of_the_shop();
    let apply = |policy| Body::apply_policy(policy, olga("change"));
    log.decide();
    assert_eq!(refused_by(&log.say(NOA, apply(hasty()))), "execution_in_progress");
    log.release();
    log.run_all();
    assert!(matches!(log.say(NOA, apply(hasty())), Response::Policy { version: 2, .. }));
    assert_eq!(log.cluster.services[&shop()].active, region(WEST));
    assert_eq!(log.lease(), "held by us-west-2, epoch 2");
    let mut without = policy();
    without.regions.remove(&region(WEST));
    assert_eq!(refused_by(&log.say(NOA, apply(without))), "policy_refused");
    let mut nowhere = policy();
    nowhere.service = "other".try_into().unwrap();
    nowhere.regions.values_mut().for_each(|region| region.role = quorate_policies::policy::Role::Standby);
    assert_eq!(refused_by(&log.say(NOA, apply(nowhere))), "policy_refused");
}

/// Goal: what is not there is named, not invented. Method: unknown service, execution and step.
#[test]
fn what_is_not_there_is_named() {
    let mut log = Log::of_the_shop();
    let nobody = || "nobody".try_into().unwrap();
    let pause = Body::Pause { service: nobody(), actor: olga("look"), until: None };
    assert_eq!(refused_by(&log.say(NOA, pause)), "unknown_service");
    let abort = Body::Abort { execution: "shop-9".to_owned(), actor: olga("stop"), leave: false };
    assert_eq!(refused_by(&log.say(NOA, abort)), "unknown_execution");
    log.decide();
    assert_eq!(refused_by(&log.start_as(NOA, "dance", 1)), "step_not_yours");
}

/// Goal: the history of executions is bounded, the oldest ended ones are forgotten, the running one never.
/// Method: more failovers than are kept, all but the last
/// aborted.
#[test]
fn the_history_of_executions_is_bounded() {
    let mut log = Log::with(hasty());
    for _ in 0..EXECUTIONS_KEPT_MAX + 5 {
        log.operator_decides(WEST);
        log.wait(Millis::from_secs(1)).abort();
        log.wait(Millis::from_secs(10)).release();
    }
    log.operator_decides(WEST);
    assert_eq!(log.cluster.executions.len(), EXECUTIONS_KEPT_MAX);
    let running = log.running().epoch;
    let oldest = log.cluster.executions.values().map(|execution| execution.epoch).min().unwrap();
    assert!(log.cluster.executions.values().all(|execution| execution.epoch <= running));
    assert!(oldest > 2, "the first execution is forgotten");
}
