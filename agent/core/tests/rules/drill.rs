//! Drills in the log and before the leader: two executions in the one slot, begun once, and out of the way of what is real.

use crate::{log::*, node_world::World, shop::*};
use quorate_core::{
    Body, ExecutionState, Response, StepOutcome,
    cluster::drill::{DrillOrder, DryRun},
};
use quorate_policies::{
    DrillName, Millis, Policy, agreement::Evidence, document::read_policy, guard::Trigger, policy::Announce,
};

fn policy() -> Policy {
    read_policy("drill.yaml", include_str!("drill.yaml")).unwrap()
}

fn name(text: &str) -> DrillName {
    text.parse().unwrap()
}

fn drill(log: &mut Log, drill: &str, order: DrillOrder) -> Response {
    log.say(NOA, Body::Drill { service: shop(), drill: name(drill), order })
}

fn begin(log: &mut Log, named: &str, trigger: Trigger) -> Response {
    let count = log.cluster.services[&shop()].drills.get(&name(named)).map_or(0, |record| record.count);
    begin_as(log, named, trigger, all_is_well(), count)
}

fn begin_as(log: &mut Log, named: &str, trigger: Trigger, evidence: Evidence, count: u64) -> Response {
    let live = agents(&AGENTS);
    let to = (named == "move").then(|| region(WEST));
    drill(log, named, DrillOrder::Begin { to, trigger, evidence, live, count })
}

fn finish(log: &mut Log, named: &str) -> Response {
    let order = DrillOrder::Finish { evidence: all_is_well(), live: agents(&AGENTS) };
    drill(log, named, order)
}

fn schedule() -> Trigger {
    Trigger::Operator {
        by: "schedule".to_owned(),
        reason: "it is due".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    }
}

/// What is remembered of a drill's latest run, and what is still to come.
fn remembered(log: &Log, named: &str) -> String {
    let state = &log.cluster.services[&shop()];
    let run = state.drills[&name(named)].runs.back().unwrap();
    let rest = state.drill.as_ref().map(|under_way| under_way.rest());
    let length = |length: Option<Millis>| length.map_or_else(|| "-".to_owned(), |length| length.to_string());
    format!(
        "{:?} {} rto {} rpo {} then {:?} to come {rest:?}",
        run.succeeded,
        run.outcome,
        length(run.rto),
        length(run.rpo),
        run.second_outcome
    )
}

/// Goal: a live drill is a move, a stay and the way back, each an execution under its own epoch; no public page hears of it, the
/// cool-down and the velocity cap do not count it, and what was measured is remembered. Method: the whole way; then the region
/// dies at once.
#[test]
fn a_live_drill_goes_there_and_back() {
    let mut log = Log::with(policy());
    assert_eq!(begin(&mut log, "move", operator()), execution("shop-2", false));
    let steps: Vec<&str> = log.latest().plan.steps.keys().map(|name| name.as_str()).collect();
    assert_eq!(steps, ["promote", "verify"], "nothing on a status page");
    assert_eq!(log.latest().objective.unwrap().rto, Millis::from_secs(1_800), "of its scenario");
    log.release();
    log.run_all();
    assert_eq!(
        remembered(&log, "move"),
        "Some(true) succeeded rto 2s rpo - then \"\" to come Some(\"way back\")"
    );
    assert_eq!(refused_by(&finish(&mut log, "move")), "not_drilled", "it stays");
    log.wait(Millis::from_secs(1_800));
    assert_eq!(refused_by(&begin(&mut log, "restore", operator())), "not_drilled", "one drill at a time");
    assert_eq!(finish(&mut log, "move"), execution("shop-3", false));
    log.release();
    log.run_all();
    assert_eq!(remembered(&log, "move"), "Some(true) succeeded rto 2s rpo - then \"succeeded\" to come None");
    let service = &log.cluster.services[&shop()];
    assert_eq!((service.active.as_str(), service.last_ended, service.starts.len()), (EAST, None, 0));
    // Two runs of each step predict the third; what never ran predicts nothing.
    let predicted = log.cluster.predict(&shop(), &log.cluster.executions["shop-2"].plan);
    assert_eq!((predicted.total, predicted.steps[&step("promote")].unwrap().runs), (Some(Millis(2_000)), 2));
    let (restore, clear) = log.cluster.drill_plans(&shop(), &name("restore"), None).unwrap();
    let predicted = log.cluster.predict(&shop(), &restore);
    assert_eq!((predicted.total, predicted.steps[&step("make")]), (None, None));
    assert_eq!(clear.unwrap().name.as_str(), "clear");
    assert_eq!(log.decide(), execution("shop-4", false), "no cool-down keeps it from moving");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: a public drill's pages hear of it. Method: the same drill, announced.
#[test]
fn a_public_drill_keeps_its_pages() {
    let mut policy = policy();
    policy.drills.get_mut("move").unwrap().announce = Announce::Public;
    let mut log = Log::with(policy);
    begin(&mut log, "move", operator());
    assert!(log.latest().plan.steps.contains_key("announce"));
}

/// Goal: a drill that is proposed twice runs once, a scheduled one only when it is due, and no drill takes a second slot or
/// overrides a pause. Method: the same order twice, before and after its end; a schedule that comes too early; a pause; a
/// failover that runs.
#[test]
fn a_drill_takes_one_slot_once() {
    let mut log = Log::with(policy());
    assert_eq!(refused_by(&begin(&mut log, "restore", schedule())), "not_drilled", "it is not due");
    log.wait(Millis::from_secs(30 * 86_400));
    assert_eq!(begin(&mut log, "restore", schedule()), execution("shop-2", false));
    let twice = begin_as(&mut log, "restore", schedule(), all_is_well(), 0);
    assert!(why(&twice).contains("drill `restore` has not ended"), "{}", why(&twice));
    log.run_all();
    assert_eq!(finish(&mut log, "restore"), execution("shop-3", false));
    log.run_all();
    let twice = begin_as(&mut log, "restore", operator(), all_is_well(), 0);
    assert!(why(&twice).contains("has been begun already"), "{}", why(&twice));
    assert_eq!(
        remembered(&log, "restore"),
        "Some(true) succeeded rto 2s rpo - then \"succeeded\" to come None"
    );
    log.pause(None);
    assert_eq!(refused_by(&begin(&mut log, "restore", operator())), "hold");
    log.resume();
    assert_eq!(log.decide(), execution("shop-4", false));
    assert_eq!(refused_by(&begin(&mut log, "restore", operator())), "execution_in_progress");
}

/// Goal: an isolated drill gives way in the entry that decides a failover, and its cleanup is still to come, where it ran. Method:
/// the region dies while the throwaway database is filled.
#[test]
fn an_isolated_drill_gives_way() {
    let mut log = Log::with(policy());
    begin(&mut log, "restore", operator());
    log.run("make", succeeded());
    log.start("restore");
    assert_eq!(log.decide(), execution("shop-3", false), "nothing waits for a drill");
    let drill = &log.cluster.executions["shop-2"];
    assert_eq!(drill.state, ExecutionState::Aborted { reason: "the drill gave way to shop-3".to_owned() });
    assert_eq!(log.cluster.services[&shop()].running.as_deref(), Some("shop-3"));
    log.release();
    log.run_all();
    log.wait(Millis::from_secs(15));
    assert_eq!(finish(&mut log, "restore"), execution("shop-4", false));
    assert_eq!(log.latest().to().as_str(), EAST, "where it ran");
    log.run_all();
    assert_eq!(log.cluster.services[&shop()].active.as_str(), WEST, "a cleanup moves nothing");
    assert!(remembered(&log, "restore").ends_with("then \"succeeded\" to come None"));
    insta::assert_snapshot!(log.timeline());
}

/// Goal: a live drill that has stopped gives way to a failover, and one that an operator has moved the service under has no way
/// back left. Method: the promotion fails, the region dies; and an operator's failover home during the stay.
#[test]
fn a_live_drill_gives_way_once_it_has_stopped() {
    let mut log = Log::with(policy());
    begin(&mut log, "move", operator());
    log.release();
    assert_eq!(
        refused_by(&log.decide()),
        "execution_in_progress",
        "a drill that moves the service is on its way out"
    );
    log.run("promote", StepOutcome::Impossible { reason: "no such replica".to_owned() });
    assert!(matches!(log.state(), ExecutionState::Stopped { .. }));
    assert_eq!(log.decide(), execution("shop-3", false));
    assert!(log.cluster.services[&shop()].drill.is_none());

    let mut log = Log::with(policy());
    begin(&mut log, "move", operator());
    log.release();
    log.run_all();
    log.operator_decides(EAST);
    log.release();
    log.run_all();
    assert!(
        remembered(&log, "move").ends_with("then \"execution shop-3 has moved the service\" to come None")
    );
}

/// Goal: a cleanup that fails is tried again, but not for ever. Method: three that fail.
#[test]
fn a_cleanup_is_tried_three_times() {
    let mut log = Log::with(policy());
    begin(&mut log, "restore", operator());
    log.run_all();
    for tried in 1..=3 {
        log.wait(Millis::from_secs(300));
        assert!(matches!(finish(&mut log, "restore"), Response::Execution { .. }), "{tried}");
        log.run("drop", StepOutcome::Impossible { reason: "it is in use".to_owned() });
        log.abort_and_leave();
    }
    assert!(remembered(&log, "restore").ends_with("to come None"));
    assert_eq!(refused_by(&finish(&mut log, "restore")), "not_drilled");
}

/// Goal: what is due and not begun is told once, and a dry run counts for the drill that is one. Method: a quarter passes; and a
/// dry run of each.
#[test]
fn what_is_due_is_told_once() {
    let mut log = Log::with(policy());
    assert_eq!(refused_by(&drill(&mut log, "move", DrillOrder::Announce)), "not_drilled");
    log.wait(Millis::from_secs(90 * 86_400));
    assert_eq!(drill(&mut log, "move", DrillOrder::Announce), Response::Done);
    assert_eq!(refused_by(&drill(&mut log, "move", DrillOrder::Announce)), "not_drilled");
    let shown = || DrillOrder::Record {
        outcome: DryRun { ready: true, outcome: "it would go through".to_owned(), predicted: None },
        actor: olga("monthly look"),
        count: None,
    };
    assert_eq!(refused_by(&drill(&mut log, "move", shown())), "not_drilled");
    assert_eq!(drill(&mut log, "look", shown()), Response::Done);
    assert_eq!(refused_by(&drill(&mut log, "look", DrillOrder::Announce)), "not_drilled", "it was made");
    assert!(log.cluster.executions.is_empty(), "it takes no slot");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: the leader begins a scheduled drill once, clears it away, says of the other that it is due, and waits while a region is
/// not healthy. Method: drills that are due after seconds, in a world of three nodes.
#[test]
fn the_leader_begins_what_is_scheduled() {
    let mut policy = policy();
    policy.drills.get_mut("restore").unwrap().every = Some(Millis(20_000));
    policy.drills.get_mut("move").unwrap().every = Some(Millis(25_000));
    let mut world = World::new(policy.clone());
    world.pass(60_000);
    insta::assert_snapshot!(world.story());
    let mut world = World::new(policy);
    world.fails(&AGENTS, WEST);
    world.pass(30_000);
    assert!(!world.story().contains("isolated drill restore"), "{}", world.story());
}

/// Goal: a scheduled dry run is made when it is due, beside everything else, and recorded once with what it predicts; who answers for
/// another run is not heard; one that is not due is not recorded. Method: a drill that is due after seconds, in a world of three
/// nodes; the records that the log refuses.
#[test]
fn a_scheduled_dry_run_is_made_and_recorded() {
    let mut policy = policy();
    let look = policy.drills.get_mut("look").unwrap();
    (look.every, look.scheduled) = (Some(Millis(20_000)), true);
    let mut world = World::new(policy.clone());
    world.pass(60_000);
    insta::assert_snapshot!(world.story());

    let record = |count| DrillOrder::Record {
        outcome: DryRun { ready: true, outcome: "all is well".to_owned(), predicted: Some(Millis(90_000)) },
        actor: olga("the schedule"),
        count: Some(count),
    };
    let mut log = Log::with(policy);
    assert_eq!(refused_by(&drill(&mut log, "look", record(0))), "not_drilled", "it is not due");
    log.wait(Millis(20_000));
    assert_eq!(refused_by(&drill(&mut log, "look", record(1))), "not_drilled", "it is none of these");
    assert_eq!(drill(&mut log, "look", record(0)), Response::Done);
    assert_eq!(refused_by(&drill(&mut log, "look", record(0))), "not_drilled", "it was recorded");
    let run = &log.cluster.services[&shop()].drills[&name("look")].runs[0];
    assert_eq!((run.predicted, run.rto, run.succeeded), (Some(Millis(90_000)), None, Some(true)));
}
