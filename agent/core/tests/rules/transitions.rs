//! Every transition there is, as tables; and a walk over all states of an execution, which finds that none of them
//! lacks a way out (R30).

use crate::{log::Log, shop::*};
use quorate_core::{
    Body, Execution, LeaseProof, StepOutcome, StepState, cluster::execution::StepMove,
    cluster::service::LeaseRecord,
};
use quorate_policies::{Millis, Policy, policy::OnError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt::Write as _,
};

/// Goal: the whole table of a step's states is readable and deliberate; an illegal pair is an error, never a silent
/// repair. Method: every state with every move.
#[test]
fn step_transition_table() {
    let of = || agent(WES);
    let text = || "why".to_owned();
    let states = [
        StepState::Waiting,
        StepState::Assigned { agent: of() },
        StepState::Started { agent: of() },
        StepState::Succeeded { detail: text() },
        StepState::Failed { reason: text(), unknown: false },
        StepState::Failed { reason: text(), unknown: true },
        StepState::Cancelled,
    ];
    let moves = [
        ("assign", StepMove::Assign(of())),
        ("start", StepMove::Start),
        ("finish: succeeded", StepMove::Finish(succeeded(), 0)),
        ("finish: failed, 1 left", StepMove::Finish(failed(), 1)),
        ("finish: failed, 0 left", StepMove::Finish(failed(), 0)),
        ("finish: unknown, 1 left", StepMove::Finish(unknown(), 1)),
        ("finish: unknown, 0 left", StepMove::Finish(unknown(), 0)),
        ("finish: impossible, 1 left", StepMove::Finish(impossible(), 1)),
        ("finish: broken, 1 left", StepMove::Finish(broken(), 1)),
        ("lose", StepMove::Lose),
        ("cancel", StepMove::Cancel),
        ("forsake", StepMove::Forsake(text())),
        ("recall", StepMove::Recall),
    ];
    let mut table = String::new();
    for state in &states {
        writeln!(table, "{}{}", state.word(), if state.ended() { " (ended)" } else { "" }).unwrap();
        for (name, movement) in &moves {
            let next = match state.next(movement) {
                Ok(next) => next.word().to_owned(),
                Err(illegal) => format!("- {illegal}"),
            };
            writeln!(table, "  {name:26} {next}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// Two steps are enough for every state: one that cannot be undone and one after it that may fail.
fn short_plan(mut policy: Policy) -> Policy {
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.retain(|name, _| matches!(name.as_str(), "promote" | "scale"));
    let promote = steps.get_mut("promote").unwrap();
    (promote.needs, promote.retries) = (Vec::new(), 1);
    let scale = steps.get_mut("scale").unwrap();
    (scale.needs, scale.retries, scale.on_error) = (vec![step("promote")], 0, OnError::Continue);
    policy
}

/// The same the other way round: the step that can be undone comes first, so that an abort has something to take back.
fn undoable_plan(policy: Policy) -> Policy {
    let mut policy = short_plan(policy);
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.get_mut("scale").unwrap().needs = Vec::new();
    let promote = steps.get_mut("promote").unwrap();
    (promote.needs, promote.retries) = (vec![step("scale")], 0);
    policy
}

/// What makes two states of an execution the same for a walk: everything but clocks, attempts and texts.
fn shape(log: &Log) -> String {
    let Execution { state, steps, .. } = log.latest();
    let service = &log.cluster.services[&shop()];
    let mut shape = format!("{} at {}", state.word(), service.active);
    for (name, progress) in steps {
        let begun = if progress.started_at.is_some() { ", begun" } else { "" };
        let noted = if progress.before.is_some() { ", noted" } else { "" };
        write!(shape, "; {name} {} {}{begun}{noted}", progress.state.word(), progress.failures).unwrap();
    }
    let lease = match &service.lease {
        LeaseRecord::Held { region, .. } => format!("held by {region}"),
        LeaseRecord::Releasing { from, to, .. } => format!("{from} -> {to}"),
    };
    write!(shape, "; lease {lease}; live {}", log.latest().live.len()).unwrap();
    shape
}

/// Whatever can be said to an execution, by name; those of operators apart.
fn moves(log: &Log) -> Vec<(&'static str, bool, Body)> {
    let latest = log.latest();
    let execution = latest.id.clone();
    let approve = Body::Approve { execution: execution.clone(), step: None, actor: olga("go") };
    let abort = Body::Abort { execution: execution.clone(), actor: olga("stop"), leave: false };
    let proof = LeaseProof::Expired { waited: Millis(6_300) };
    let release = Body::ReleaseLease { service: shop(), epoch: latest.epoch, proof };
    let live = |names: &[&str]| Body::SetLive { execution: execution.clone(), live: agents(names) };
    let mut moves = vec![
        ("approve", true, approve),
        ("abort", true, abort),
        ("lease released", false, release),
        ("agents lost", false, live(&[NOA])),
        ("agents back", false, live(&AGENTS)),
    ];
    for (step, progress) in &latest.steps {
        let (execution, step, attempt) = (execution.clone(), step.clone(), progress.attempt);
        let start = Body::StartStep { execution: execution.clone(), step: step.clone(), attempt };
        moves.push(("step starts", false, start));
        if step.as_str() == "scale" {
            let (execution, step) = (execution.clone(), step.clone());
            moves.push((
                "step is noted",
                false,
                Body::NoteStep { execution, step, attempt, before: scaled(1) },
            ));
        }
        let outcomes: [(&str, StepOutcome); 5] = [
            ("step succeeds", succeeded()),
            ("step fails", failed()),
            ("step is unknown", unknown()),
            ("step is impossible", impossible()),
            ("step is broken", broken()),
        ];
        for (name, outcome) in outcomes {
            let (execution, step) = (execution.clone(), step.clone());
            moves.push((name, false, Body::FinishStep { execution, step, attempt, outcome }));
        }
    }
    moves
}

/// Every state that an execution can be in, and every move between them.
#[derive(Default)]
struct Walk {
    words: BTreeMap<String, &'static str>,
    ended: BTreeSet<String>,
    edges: BTreeSet<(String, &'static str, bool, String)>,
}

impl Walk {
    fn from(start: Log) -> Self {
        let mut walk = Self::default();
        let mut open = VecDeque::from([start]);
        while let Some(log) = open.pop_front() {
            let from = shape(&log);
            if walk.words.insert(from.clone(), log.state().word()).is_some() {
                continue;
            }
            if log.state().ended() {
                walk.ended.insert(from);
                continue;
            }
            for (name, operator, body) in moves(&log) {
                let mut next = log.clone();
                let by = match &body {
                    Body::StartStep { step, .. }
                    | Body::NoteStep { step, .. }
                    | Body::FinishStep { step, .. } => next.step(step.as_str()).1,
                    _ => NOA.to_owned(),
                };
                if by.is_empty() {
                    continue;
                }
                next.wait(Millis(1)).say(&by, body);
                walk.edges.insert((from.clone(), name, operator, shape(&next)));
                open.push_back(next);
            }
        }
        walk
    }

    /// States from which one of `goals` can be reached.
    fn reaching(&self, goals: BTreeSet<String>, operators: bool) -> BTreeSet<String> {
        let mut reached = goals;
        loop {
            let before = reached.len();
            let edges = self.edges.iter().filter(|(_, _, operator, _)| operators || !operator);
            let more: Vec<String> = edges
                .filter(|(_, _, _, to)| reached.contains(to))
                .map(|(from, _, _, _)| from.clone())
                .collect();
            reached.extend(more);
            if reached.len() == before {
                return reached;
            }
        }
    }
}

fn walk_of(plan: fn(Policy) -> Policy) -> Walk {
    let mut first = Log::with(plan(with_approval()));
    first.decide();
    Walk::from(first)
}

/// Goal: R30, no state of an execution lacks a way out: from every one an ended state can be reached, and from every
/// running one the agents alone can bring it to an end or to a stop, from every aborted one to its end.
/// Method: walk over every state of two plans with every command that can be said to them, then walk back.
#[test]
fn r30_every_state_has_a_way_out() {
    for walk in [walk_of(short_plan), walk_of(undoable_plan)] {
        assert!(walk.words.len() > 20, "the walk found only {} states", walk.words.len());
        let all: BTreeSet<String> = walk.words.keys().cloned().collect();
        let stuck: Vec<_> = all.difference(&walk.reaching(walk.ended.clone(), true)).cloned().collect();
        assert_eq!(stuck, Vec::<String>::new(), "no way out, even for an operator");
        for (from, to) in [("running", &["stopped", "succeeded", "aborted"][..]), ("undoing", &["aborted"])] {
            let of = |words: &[&str]| -> BTreeSet<String> {
                let fits = walk.words.iter().filter(|(_, word)| words.contains(*word));
                fits.map(|(shape, _)| shape.clone()).collect()
            };
            let by_agents = walk.reaching(of(to), false);
            let stuck: Vec<String> = of(&[from]).difference(&by_agents).cloned().collect();
            assert_eq!(stuck, Vec::<String>::new(), "{from}: no way out for the agents alone");
        }
    }
}

/// Goal: the table of an execution's states is readable and deliberate. Method: the same walks, seen from afar.
#[test]
fn execution_transition_table() {
    let walks = [walk_of(short_plan), walk_of(undoable_plan)];
    let rows: BTreeSet<(&str, &str, &str)> = walks
        .iter()
        .flat_map(|walk| {
            walk.edges.iter().map(|(from, name, _, to)| (walk.words[from], *name, walk.words[to]))
        })
        .filter(|(from, _, to)| from != to)
        .collect();
    let mut table = String::new();
    for (from, name, to) in rows {
        writeln!(table, "{from:18} {name:18} -> {to}").unwrap();
    }
    insta::assert_snapshot!(table);
}
