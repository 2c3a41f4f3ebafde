//! What people see to around an execution, and the gate that a step keeps shut.

use crate::{log::*, shop::*};
use quorate_core::{
    Actor, Body, Response, StepOutcome,
    cluster::{checklist::Seen, declare::Declaration},
};
use quorate_policies::document::read_policy;
use std::collections::BTreeMap;

fn log() -> Log {
    let mut log = Log::with(read_policy("paperwork.yaml", include_str!("paperwork.yaml")).unwrap());
    let declaration =
        Declaration { scenario: "cache-loss".parse().unwrap(), inputs: BTreeMap::new(), to: None };
    let (evidence, live) = (all_is_well(), agents(&AGENTS));
    log.say(WES, Body::Declare { service: shop(), declaration, trigger: operator(), evidence, live });
    log
}

fn tick(log: &mut Log, item: &str, note: &str) -> Response {
    let actor = Actor { name: "olga".to_owned(), reason: note.to_owned() };
    let execution = log.latest().id.clone();
    log.say(NOA, Body::Tick { execution, item: item.try_into().unwrap(), actor })
}

fn list(log: &Log) -> String {
    let told = |seen: Seen<'_>| match seen {
        Seen::Open => "open".to_owned(),
        Seen::Failed => "its step failed".to_owned(),
        Seen::Done { .. } => "done by its step".to_owned(),
        Seen::Ticked(tick) => format!("{}: {}", tick.by, tick.note),
    };
    let line = |(phase, name, item, seen): (_, _, &quorate_policies::policy::Item, Seen<'_>)| {
        format!("{phase} {name}: {} [{}]\n", item.what, told(seen))
    };
    log.latest().checklist().map(line).collect()
}

/// Goal: R31, the checklist is kept with the execution, for its own scenario; a person ticks an item once, also after the end, and a
/// step ticks its own; what is refused says why. Method: tick, tick twice, tick what a step does, before and after it; then
/// a later policy without a checklist.
#[test]
fn r31_who_has_seen_to_what() {
    let mut log = log();
    let mut story = list(&log);
    assert_eq!(tick(&mut log, "told", "all on the call"), Response::Done);
    for item in ["told", "traffic", "tea"] {
        let Response::Refused { refusal } = tick(&mut log, item, "yes") else { panic!("taken: {item}") };
        story += &format!("{}: {refusal}\n", refusal.guard());
    }
    log.run("refill", succeeded());
    let Response::Refused { refusal } = tick(&mut log, "full", "yes") else { panic!("taken") };
    story += &format!("{}: {refusal}\n", refusal.guard());
    log.run("full", succeeded());
    log.run("open", succeeded());
    assert!(log.state().ended());
    assert_eq!(tick(&mut log, "closed", "report sent"), Response::Done, "after the end, too");
    let mut later = log.cluster.services[&shop()].policy.clone();
    later.checklist = quorate_policies::policy::Checklist::default();
    let actor = Actor { name: "olga".to_owned(), reason: "less paper".to_owned() };
    log.say(NOA, Body::apply_policy(later, actor));
    insta::assert_snapshot!(story + &list(&log));
}

/// Goal: a gate opens only when its steps have succeeded, also behind one whose failure the plan survives; a person can tick what a
/// step did not do. Method: the step fails; the gate is asked as its agent asks it.
#[test]
fn a_gate_stays_shut_behind_a_failure() {
    let mut log = log();
    log.run("refill", StepOutcome::Impossible { reason: "no such service".to_owned() });
    let (id, gate) = (log.latest().id.clone(), [step("refill")]);
    assert_eq!(log.cluster.not_passed(&id, &gate), Some((&gate[0], "failed")));
    assert_eq!(log.assigned(), ["full"], "the gate is asked, and what is behind it waits");
    log.run(
        "full",
        StepOutcome::Impossible { reason: "the gate stays shut: step refill is failed".to_owned() },
    );
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(tick(&mut log, "full", "filled by hand"), Response::Done);
    assert_eq!(log.cluster.not_passed(&"shop-9".to_owned(), &gate), Some((&gate[0], "not there")));
    insta::assert_snapshot!(list(&log));
}

/// Goal: a gate is open when all that it names has succeeded. Method: the step succeeds.
#[test]
fn a_gate_opens() {
    let mut log = log();
    log.run("refill", succeeded());
    assert_eq!(log.cluster.not_passed(&log.latest().id, &[step("refill")]), None);
}
