//! Drills as they are shown: when each is due, what keeps it from beginning, what became of it, and what it would do now.

use super::plan_view;
use crate::shell::PlanCheck;
use quorate_api::{
    backup::TestRestore,
    drill::{DrillPlan, DrillRun, DrillView, Drills, StepLength, UnderWay},
};
use quorate_core::{
    Node, ServiceState,
    cluster::{drill::DrillOrder, predict::Measured},
    node::Now,
};
use quorate_policies::{
    BackupName, DrillName, ServiceName,
    drill::{self, Due, blocked, due},
    guard::{Refusal, Trigger},
    plan::Plan,
    policy::{Drill, DrillMode},
};

/// `GET /v1/services/{service}/drills`.
///
/// # Errors
/// When there is no such service.
pub(in crate::http) fn drills(node: &Node, now: Now, service: &ServiceName) -> Result<Drills, Refusal> {
    let unknown = || Refusal::UnknownService { service: service.clone() };
    let state = node.cluster().services.get(service).ok_or_else(unknown)?;
    let clock = node.cluster().clock.max(now.wall);
    let views = state.policy.drills.iter().map(|(name, drill)| {
        let (word, at) = match state.drills.get(name).map(|record| due(drill, record, clock)) {
            None | Some(Due::ByHand) => ("by_hand", None),
            Some(Due::Later { at }) => ("later", Some(at)),
            Some(Due::Now { since, overdue: false }) => ("due", Some(since)),
            Some(Due::Now { since, overdue: true }) => ("overdue", Some(since)),
        };
        let record = state.drills.get(name);
        let rehearses = drill.scenario.as_ref().or(drill.plan.as_ref());
        DrillView {
            drill: name.to_string(),
            description: drill.description.clone(),
            mode: drill.mode.to_string(),
            rehearses: rehearses.map(ToString::to_string).unwrap_or_default(),
            restores: drill.restores.as_ref().map(ToString::to_string),
            every_ms: drill.every.map(|every| every.0),
            scheduled: drill.scheduled,
            due: word.to_owned(),
            due_at: at.map(|at| at.to_string()),
            blocked: why_not(node, now, service, state, (name, drill)),
            count: record.map_or(0, |record| record.count),
            runs: record.into_iter().flat_map(|record| record.runs.iter().rev()).map(run).collect(),
        }
    });
    let under_way = state.drill.as_ref().map(|under_way| {
        let evidence = node.evidence_now(now, service);
        let late = under_way.owed_at.is_some_and(|at| at <= clock);
        let asked = node.cluster().may_finish_drill(clock, service, &under_way.drill, &evidence);
        UnderWay {
            drill: under_way.drill.to_string(),
            rest: under_way.rest().to_owned(),
            owed_at: under_way.owed_at.map(|at| at.to_string()),
            waits: asked.err().filter(|_| late).map(|refusal| refusal.to_string()),
        }
    });
    Ok(Drills {
        service: service.to_string(),
        agent: node.settings().name.to_string(),
        under_way,
        drills: views.collect(),
    })
}

/// Everything that keeps a drill from beginning now: the time, the conditions, and what the log would refuse.
pub(in crate::http) fn why_not(
    node: &Node,
    now: Now,
    service: &ServiceName,
    state: &ServiceState,
    (name, drill): (&DrillName, &Drill),
) -> Vec<String> {
    let clock = node.cluster().clock.max(now.wall);
    let conditions = node.drill_conditions(now, service, drill);
    let mut why: Vec<String> =
        blocked(&state.policy, drill, &conditions, clock).iter().map(ToString::to_string).collect();
    if drill.mode == DrillMode::DryRun {
        // Neither time nor conditions keep anybody from looking.
        return Vec::new();
    }
    let trigger = Trigger::Operator {
        by: "operator".to_owned(),
        reason: "dry run".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    };
    if let Some(DrillOrder::Begin { to, trigger, evidence, count, .. }) =
        node.drill_order(now, service, name, trigger)
        && let Err(refusal) =
            node.cluster().may_drill(clock, service, name, (to.as_ref(), &trigger, &evidence, count))
    {
        why.push(match refusal {
            Refusal::NotDrilled { why, .. } => why.to_string(),
            other => other.to_string(),
        });
    }
    why
}

fn run(run: &drill::DrillRun) -> DrillRun {
    DrillRun {
        mode: run.mode.to_string(),
        by: run.by.clone(),
        begun_at: run.begun.to_string(),
        execution: run.execution.clone(),
        state: match run.succeeded {
            None => "running",
            Some(true) => "succeeded",
            Some(false) => "failed",
        }
        .to_owned(),
        outcome: run.outcome.clone(),
        predicted_ms: run.predicted.map(|length| length.0),
        rto_ms: run.rto.map(|length| length.0),
        rto_objective_ms: run.objective.map(|objective| objective.rto.0),
        rpo_ms: run.rpo.map(|length| length.0),
        rpo_objective_ms: run.objective.map(|objective| objective.rpo.0),
        second: run.second.clone(),
        second_outcome: run.second_outcome.clone(),
    }
}

/// What a drill would do now, before its steps were looked at.
///
/// # Errors
/// When there is no such drill, nowhere to go, or a plan cannot be expanded.
pub(in crate::http) fn drill_plan(
    node: &Node,
    now: Now,
    service: &ServiceName,
    name: &DrillName,
) -> Result<(DrillPlan, Plan), Refusal> {
    let unknown = || Refusal::UnknownService { service: service.clone() };
    let cluster = node.cluster();
    let state = cluster.services.get(service).ok_or_else(unknown)?;
    let to = node.explain(now, service)?.candidate;
    let (plan, then) = cluster.drill_plans(service, name, to.as_ref())?;
    let Some(drill) = state.policy.drills.get(name) else { return Err(unknown()) };
    let prediction = cluster.predict(service, &plan);
    let steps = prediction.steps.iter().map(|(step, lengths)| length(step.as_str(), *lengths));
    let shown = DrillPlan {
        service: service.to_string(),
        drill: name.to_string(),
        mode: drill.mode.to_string(),
        ready: false,
        outcome: String::new(),
        blocked: why_not(node, now, service, state, (name, drill)),
        plan: plan_view(service, &plan, None),
        then: then.map(|then| plan_view(service, &then, None)),
        steps: steps.collect(),
        predicted_ms: prediction.total.map(|total| total.0),
        detection: prediction.detection.map(|lengths| length("detection", Some(lengths))),
        objective_ms: state.policy.objective(drill.scenario.as_ref()).rto.0,
    };
    Ok((shown, plan))
}

/// The same, with what was found about its steps, and the answer.
pub(in crate::http) fn looked_at(mut shown: DrillPlan, check: &PlanCheck) -> DrillPlan {
    shown.plan.readiness = Some(super::readiness(check));
    shown.ready = check.ready() && shown.blocked.is_empty();
    shown.outcome = match shown.blocked.first() {
        Some(why) => format!("it would not begin: {why}"),
        None => check.sentence(),
    };
    shown
}

fn length(step: &str, lengths: Option<Measured>) -> StepLength {
    StepLength {
        step: step.to_owned(),
        runs: lengths.map_or(0, |lengths| lengths.runs),
        median_ms: lengths.map(|lengths| lengths.median.0),
        longest_ms: lengths.map(|lengths| lengths.longest.0),
    }
}

/// The latest test restore of a backup, by whichever drill it has.
pub(super) fn test_restore(state: &ServiceState, backup: &BackupName, now: Now) -> Option<TestRestore> {
    let restores = |drill: &&Drill| drill.restores.as_ref() == Some(backup);
    let (name, drill) = state.policy.drills.iter().find(|(_, drill)| restores(drill))?;
    let record = state.drills.get(name)?;
    let last = record.runs.iter().rev().find(|run| run.succeeded.is_some());
    Some(TestRestore {
        drill: name.to_string(),
        succeeded: last.and_then(|run| run.succeeded),
        ended_at: last.and_then(|run| run.ended).map(|at| at.to_string()),
        outcome: last.map(|run| run.outcome.clone()).unwrap_or_default(),
        good_ms_ago: record.last_good().and_then(|run| run.ended).map(|at| now.wall.since(at).0),
        due: matches!(due(drill, record, now.wall), Due::Now { .. }),
    })
}
