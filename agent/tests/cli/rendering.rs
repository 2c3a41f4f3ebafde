//! What people read, as text. Each answer is shown on a screen of 100 columns without colours.

use crate::answers;
use quorate::cli::{
    render::{backups, drills, execution, explanation, plan, probes, topology},
    screen::Screen,
};
use quorate_api::{Change, Execution, Explanation, Members, PlanView, Status};

pub(crate) const SCREEN: Screen = Screen { width: Some(100), color: false };

/// The text, if it fits.
pub(crate) fn fits(text: String) -> String {
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "wider than the screen: {line}");
    }
    text
}

/// Goal: the topology shows agents, then each service with what holds it. Method: a service that is down and paused.
#[test]
fn status() {
    insta::assert_snapshot!(fits(topology::status(SCREEN, &answers::status())));
}

/// Goal: without a majority and without services, status says what that means and what to do. Method: such an agent.
#[test]
fn status_without_quorum_and_services() {
    let status =
        Status { has_quorum: false, leader: None, abstains: None, services: vec![], ..answers::status() };
    insta::assert_snapshot!(fits(topology::status(SCREEN, &status)));
}

/// Goal: members are one line each. Method: three of them, one silent for long, one that answers itself.
#[test]
fn members() {
    let mut members = answers::status().members;
    members[0].place = "leaving".into();
    members[0].version = None;
    let change = Change {
        what: "replace eu-west-1 by eu-west-1b in eu-west-1".into(),
        since: "2026-11-22T03:00:00.000Z".into(),
        by: "ada".into(),
        reason: "its disk is gone".into(),
        cancelled: false,
    };
    insta::assert_snapshot!(fits(topology::members(
        SCREEN,
        &Members { feature_level: 1, members, change: Some(change) }
    )));
}

/// Goal: explain says the answer, every guard, and every vote with its reason. Method: a region that dwells.
#[test]
fn explain() {
    insta::assert_snapshot!(fits(explanation::explanation(SCREEN, &answers::explanation())));
}

/// Goal: an explanation without a candidate still reads. Method: nowhere to go.
#[test]
fn explain_without_candidate() {
    let nowhere = Explanation {
        candidate: None,
        down_for_ms: 0,
        checks: vec![],
        regions: vec![],
        ..answers::explanation()
    };
    insta::assert_snapshot!(fits(explanation::explanation(SCREEN, &nowhere)));
}

/// Goal: the dry run resolves every field and marks the point of no return. Method: a plan with one irreversible step.
#[test]
fn dry_run() {
    insta::assert_snapshot!(fits(plan::plan(SCREEN, &answers::plan())));
}

/// Goal: a plan that can be undone says so, and how to run it. Method: the same plan without its irreversible step.
#[test]
fn dry_run_that_can_be_undone() {
    let mut undoable = PlanView { refusal: None, ..answers::plan() };
    undoable.steps.retain(|step| step.reversible);
    insta::assert_snapshot!(fits(plan::plan(SCREEN, &undoable)));
}

/// Goal: the list of executions names state and recovery time, newest first, no more than asked for.
/// Method: two executions, then one of them.
#[test]
fn history() {
    insta::assert_snapshot!(fits(execution::history(SCREEN, &answers::executions(), 20)));
    assert!(!execution::history(SCREEN, &answers::executions(), 1).contains("shop-2"));
}

/// Goal: one execution shows its times, its steps in time and its audit. Method: one that has succeeded.
#[test]
fn timeline() {
    let done = answers::execution("succeeded", ["succeeded"; 2]);
    insta::assert_snapshot!(fits(execution::timeline(SCREEN, &done, &[answers::audit_entry()])));
}

/// Goal: following tells each change once, and what an operator can do about a stop, a hold and a wait.
/// Method: a sequence of looks at one execution.
#[test]
fn progress_tells_each_change_once() {
    let looks = [
        answers::execution("awaiting_approval", ["waiting"; 2]),
        answers::execution("running", ["started", "waiting"]),
        answers::execution("running", ["started", "waiting"]),
        Execution { held: true, ..answers::execution("running", ["succeeded", "waiting"]) },
        answers::execution("succeeded", ["succeeded"; 2]),
    ];
    let mut told = Vec::new();
    let mut before = None;
    for look in &looks {
        told.extend(execution::changes(SCREEN, before, look));
        told.push(format!("[{}]", execution::progress(look)));
        before = Some(look);
    }
    told.push(execution::result(SCREEN, &looks[4]));
    told.push(execution::result(SCREEN, &answers::execution("stopped", ["failed", "waiting"])));
    insta::assert_snapshot!(fits(told.join("\n")));
}

/// Goal: probe results show each phase, and why one failed. Method: one of each.
#[test]
fn probe_results() {
    insta::assert_snapshot!(fits(probes::probes(SCREEN, &answers::probes())));
}

/// Goal: a backup's state, age and size are seen at once, and why it is not fresh. Method: one of each kind, and a policy
/// without any.
#[test]
fn backups_as_seen() {
    let mut answer = answers::backups();
    insta::assert_snapshot!(fits(backups::backups(SCREEN, &answer)));
    answer.backups.clear();
    assert_eq!(backups::backups(SCREEN, &answer), "The policy of shop has no backups.");
}

/// Goal: the list of drills, a dry run and the way home read at a glance. Method: one of each, with what is missing and what is
/// never known.
#[test]
fn drills_and_the_way_home() {
    let shown = [
        fits(drills::drills(SCREEN, &crate::drill::drills())),
        fits(drills::dry_run(SCREEN, &crate::drill::dry_run(true))),
        fits(drills::dry_run(SCREEN, &crate::drill::dry_run(false))),
        fits(drills::failback(SCREEN, &crate::drill::way("later"))),
    ];
    insta::assert_snapshot!(shown.join("\n\n========\n\n"));
}
