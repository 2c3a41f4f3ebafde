//! Scenarios that an operator declares: what nothing detects runs where the service is, beside the lease and the cool-down; or
//! moves it, past the same guards as ever.

use crate::{log::*, shop::*};
use quorate_core::{Actor, Body, ExecutionState, Response, StepOutcome, cluster::declare::Declaration};
use quorate_policies::{
    Millis, Policy, Timestamp,
    document::read_policy,
    plan::{Action, Before},
};

const UNTIL: (&str, &str) = ("until", "2026-11-22T03:00:00Z");

fn policy() -> Policy {
    read_policy("declared.yaml", include_str!("declared.yaml")).unwrap()
}

fn declared(log: &mut Log, scenario: &str, to: Option<&str>, inputs: &[(&str, &str)]) -> Response {
    let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let declaration = Declaration { scenario: scenario.parse().unwrap(), inputs, to: to.map(region) };
    let live = agents(&AGENTS);
    let evidence = all_is_well();
    log.say(WES, Body::Declare { service: shop(), declaration, trigger: operator(), evidence, live })
}

fn approve(log: &mut Log, name: &str) -> Response {
    let execution = log.latest().id.clone();
    let actor = Actor { name: "olga".to_owned(), reason: "the counts match".to_owned() };
    log.say(NOA, Body::Approve { execution, step: Some(step(name)), actor })
}

/// Goal: a declared scenario runs where the service is: the lease does not move, and neither the cool-down nor the velocity
/// cap counts it; its inputs are in the plan, a step whose condition does not hold is not; it is measured by its own
/// objectives. What was down while it ran counts from its end (R20). Method: declare, run to the question, answer, run to the end;
/// then the region is as down as it was all the time, and stays so for the dwell.
#[test]
fn what_nothing_detects_is_declared_and_runs_in_its_place() {
    let mut log = Log::with(policy());
    assert_eq!(
        declared(&mut log, "corruption", None, &[UNTIL, ("cause", "people")]),
        execution("shop-2", false)
    );
    assert_eq!(log.lease(), "held by us-east-1, epoch 1");
    let latest = log.latest();
    let steps: Vec<&str> = latest.plan.steps.keys().map(|name| name.as_str()).collect();
    assert_eq!(steps, ["complete", "restore", "start", "stop"]);
    assert_eq!(
        latest.plan.steps[&step("complete")].needs,
        [step("restore")].into(),
        "inherited from what is left out"
    );
    let Action::RdsRestoreToPointInTime(restore) = &latest.plan.steps[&step("restore")].action else {
        panic!()
    };
    assert_eq!((restore.region.as_str(), restore.at.as_str()), (EAST, UNTIL.1));
    let objective = latest.objective.unwrap();
    assert_eq!((objective.rto, objective.rpo), (Millis::from_secs(7_200), Millis::from_secs(900)));
    for name in ["stop", "restore"] {
        log.run(name, succeeded());
    }
    log.start("complete");
    let asked: Vec<String> = log.cluster.questions().map(|(_, step, ask)| format!("{step}: {ask}")).collect();
    assert_eq!(asked, ["complete: Are the orders complete?"]);
    assert_eq!(refused_by(&approve(&mut log, "start")), "wrong_state", "it asks nobody");
    assert_eq!(approve(&mut log, "complete"), execution("shop-2", true));
    assert_eq!(log.cluster.questions().count(), 0);
    log.finish("complete", StepOutcome::Succeeded { detail: "olga approved".to_owned() });
    assert_eq!(refused_by(&approve(&mut log, "complete")), "wrong_state", "it has its answer");
    log.run("start", succeeded());
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 0 });
    let service = &log.cluster.services[&shop()];
    assert_eq!((service.active.as_str(), service.last_ended, service.starts.len()), (EAST, None, 0));
    let said = log.decide();
    assert_eq!(refused_by(&said), "dwell", "what a restore took down is no reason to leave: {}", why(&said));
    log.wait(Millis::from_secs(60));
    assert_eq!(log.decide(), execution("shop-3", false), "no cool-down keeps it from moving");
    let objective = log.latest().objective.unwrap();
    assert_eq!(
        (objective.rto, objective.rpo),
        (Millis::from_secs(1_200), Millis::from_secs(3_600)),
        "what is detected is measured by its own objectives too"
    );
    insta::assert_snapshot!(log.timeline());
}

/// Goal: what a restore loses is all that came after the backup, or after the moment that is restored; nothing as long as it has
/// not begun. Method: a backup in the note of one step, and a moment in the other.
#[test]
fn what_a_restore_loses() {
    let minutes = Millis::from_secs(600);
    let told = |log: &Log| -> Vec<(String, Option<Millis>)> {
        log.latest().losses().map(|(step, lost)| (step.to_string(), lost.window())).collect()
    };
    let mut log = Log::with(policy());
    let moment = Timestamp(log.cluster.clock.0 - minutes.0).to_string();
    declared(&mut log, "corruption", None, &[("until", &moment)]);
    assert!(told(&log).is_empty());
    let since = log.latest().failing_since;
    let taken = Timestamp(since.0 - 7_000);
    let (file, sha256, there) = ("/backups/a.dump".to_owned(), String::new(), String::new());
    log.change("stop", Before::Restored { file, bytes: 1, taken, sha256, there });
    log.start("restore");
    let window = since.since(moment.parse().unwrap());
    assert!(window >= minutes, "{window}");
    assert_eq!(
        told(&log),
        [("restore".to_owned(), Some(window)), ("stop".to_owned(), Some(Millis::from_secs(7)))]
    );
    let lost: Vec<String> = log.latest().losses().map(|(_, lost)| lost.to_string()).collect();
    assert_eq!(lost[1], format!("/backups/a.dump as of {taken}, 7s before the failure"));
}

/// Goal: the default of an input holds where nothing is said, and the step under that condition is there, with its time to wait.
/// Method: declare without a cause.
#[test]
fn a_condition_holds_by_default() {
    let mut log = Log::with(policy());
    declared(&mut log, "corruption", None, &[UNTIL]);
    let settle = &log.latest().plan.steps[&step("settle")];
    assert_eq!((settle.delay, &settle.needs), (Millis::from_secs(300), &[step("restore")].into()));
}

/// Goal: R2, R20, an abort of what moves nothing takes back what was done and leaves the lease alone. Method: abort after the
/// first step.
#[test]
fn r20_an_abort_leaves_the_lease_alone() {
    let mut log = Log::with(policy());
    declared(&mut log, "corruption", None, &[UNTIL]);
    log.change("stop", scaled(4));
    log.abort();
    log.run("undo-stop", succeeded());
    assert_eq!(log.state().word(), "aborted");
    assert_eq!(log.lease(), "held by us-east-1, epoch 1");
    assert_eq!(log.cluster.services[&shop()].epoch, 2, "an epoch is used once");
}

/// Goal: R2, R21, what cannot be declared is refused, with what to say, and audited. Method: one mistake at a time; a second
/// declaration while one runs; a move whose standby is not healthy.
#[test]
fn what_cannot_be_declared() {
    let mut log = Log::with(policy());
    let mut said = String::new();
    let mut tell = |log: &mut Log, scenario: &str, to: Option<&str>, inputs: &[(&str, &str)]| {
        let Response::Refused { refusal } = declared(log, scenario, to, inputs) else { panic!("taken") };
        said += &format!("{}: {refusal}\n", refusal.guard());
    };
    tell(&mut log, "fire", None, &[]);
    tell(&mut log, "region-loss", Some(WEST), &[]);
    tell(&mut log, "corruption", None, &[]);
    tell(&mut log, "corruption", None, &[UNTIL, ("until-when", "x")]);
    tell(&mut log, "corruption", Some(WEST), &[UNTIL]);
    tell(&mut log, "move", None, &[]);
    tell(&mut log, "move", Some(EAST), &[]);
    declared(&mut log, "corruption", None, &[UNTIL]);
    tell(&mut log, "corruption", None, &[UNTIL]);
    tell(&mut log, "move", Some(WEST), &[]);
    insta::assert_snapshot!(said);
    assert_eq!(log.timeline().matches("refused (").count(), 9);
}

/// Goal: R13, a declared move passes the guards of an operator's failover and moves the lease as one. Method: declare it.
#[test]
fn r13_a_declared_move_is_a_failover() {
    let mut log = Log::with(policy());
    assert_eq!(declared(&mut log, "move", Some(WEST), &[]), execution("shop-2", false));
    assert_eq!(log.lease(), "moves from us-east-1 to us-west-2, epoch 2");
    assert_eq!(log.assigned(), [""; 0], "the promotion waits for the lease");
    log.release();
    log.run("promote", succeeded());
    let service = &log.cluster.services[&shop()];
    assert_eq!((service.active.as_str(), service.starts.len()), (WEST, 1));
    assert!(service.last_ended.is_some());
}
