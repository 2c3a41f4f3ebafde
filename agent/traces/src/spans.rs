//! An execution as spans: what happened before the decision, the execution, its steps and their attempts. It says what the log says,
//! once it has said the last word; a span's end cannot be taken back, so nothing is made of an execution that still runs.

use crate::{
    attempts::{Attempt, attempts},
    ids::{SpanId, TraceId},
};
use quorate_core::{
    AuditEntry, Execution, ExecutionState, StepOutcome,
    cluster::execution::{StepProgress, StepState},
};
use quorate_policies::{StepName, Timestamp, guard::Trigger, plan::Manner};

/// One trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// The cluster whose agents ran it.
    pub cluster: String,
    /// Its spans, the whole execution first.
    pub spans: Vec<Span>,
}

/// One span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its id.
    pub id: SpanId,
    /// The span that it is a part of.
    pub parent: Option<SpanId>,
    /// Its name: of a small set for each policy, because backends group by it.
    pub name: String,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; never before its start.
    pub end: Timestamp,
    /// What there is to know.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it did what it was for.
    pub status: Status,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// Whether a span did what it was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// It is nothing that succeeds or fails.
    Unset,
    /// It did.
    Ok,
    /// It did not, and why.
    Error(String),
}

/// The trace of an execution that has ended; none of one that has not: a stopped one waits for a person, and what he does belongs to it.
/// `audit` is the audit's tail, of which the entries of other executions are passed over.
#[must_use]
pub fn trace<'a>(
    cluster: &str,
    execution: &Execution,
    audit: impl IntoIterator<Item = &'a AuditEntry>,
) -> Option<Trace> {
    let ended = execution.ended_at.filter(|_| execution.state.ended())?;
    let id = TraceId::of(cluster, execution);
    let whole = whole(id, execution, ended);
    let root = whole.id;
    let mut spans = vec![whole];
    spans.extend(before(id, root, execution));
    let steps = execution
        .steps
        .iter()
        .filter_map(|(name, progress)| step(id, root, execution, name, progress, ended));
    spans.extend(steps);
    spans.extend(attempts(execution, audit, ended).into_iter().map(|one| attempt(id, &one)));
    // A clock of the log that was set back in between makes no span that ends before it begins.
    for span in &mut spans {
        span.end = span.end.max(span.start);
    }
    Some(Trace { id, cluster: cluster.to_owned(), spans })
}

fn text(value: impl ToString) -> Value {
    Value::Text(value.to_string())
}

/// From the first failed probe, where recovery time begins (P26), or from the decision, where a person made it.
fn whole(trace: TraceId, execution: &Execution, ended: Timestamp) -> Span {
    let (trigger, by) = match &execution.trigger {
        Trigger::Automatic => ("automatic", None),
        Trigger::Operator { by, reason, .. } => ("operator", Some((by, reason))),
    };
    let manner = match execution.manner {
        Manner::Graceful => "graceful",
        Manner::Ungraceful => "ungraceful",
    };
    let mut attributes = vec![
        ("quorate.execution", text(&execution.id)),
        ("quorate.service", text(&execution.service)),
        ("quorate.plan", text(&execution.plan.name)),
        ("quorate.region.from", text(execution.from())),
        ("quorate.region.to", text(execution.to())),
        ("quorate.epoch", Value::Number(i64::try_from(execution.epoch).unwrap_or(i64::MAX))),
        ("quorate.trigger", text(trigger)),
        ("quorate.manner", text(manner)),
        ("quorate.outcome", text(execution.state.word())),
    ];
    if let Some((by, reason)) = by {
        attributes.extend([("quorate.trigger.by", text(by)), ("quorate.trigger.reason", text(reason))]);
    }
    attributes.extend(execution.scenario.iter().map(|scenario| ("quorate.scenario", text(scenario))));
    attributes.extend(execution.drill.iter().map(|drill| ("quorate.drill", text(&drill.name))));
    let status = match &execution.state {
        ExecutionState::Succeeded { exceptions } => {
            attributes.push(("quorate.exceptions", Value::Number(i64::from(*exceptions))));
            Status::Ok
        }
        ExecutionState::Aborted { reason } => {
            attributes.push(("quorate.reason", text(reason)));
            Status::Error(execution.state.to_string())
        }
        // `trace` makes nothing of these.
        ExecutionState::AwaitingApproval
        | ExecutionState::Running
        | ExecutionState::Stopped { .. }
        | ExecutionState::Undoing { .. } => Status::Unset,
    };
    let start = if execution.automatic() { execution.failing_since } else { execution.decided_at };
    let name = format!("{} {}", execution.plan.name, execution.service);
    let id = SpanId::of(trace, "execution", "", 0);
    Span { id, parent: None, name, start: start.min(execution.decided_at), end: ended, attributes, status }
}

/// How it came to it: the failure until the agents agreed, the dwell until the decision, and the wait for a person's approval.
fn before(trace: TraceId, root: SpanId, execution: &Execution) -> Vec<Span> {
    let part = |name: &str, start, end| Span {
        id: SpanId::of(trace, name, "", 0),
        parent: Some(root),
        name: name.to_owned(),
        start,
        end,
        attributes: Vec::new(),
        status: Status::Unset,
    };
    let mut parts = Vec::new();
    if execution.automatic() {
        parts.push(part("detect", execution.failing_since, execution.agreed_at));
        parts.push(part("decide", execution.agreed_at, execution.decided_at));
    }
    if execution.begun_at > execution.decided_at {
        parts.push(part("approve", execution.decided_at, execution.begun_at));
    }
    parts
}

/// A step that began. One that never did took no time.
fn step(
    trace: TraceId,
    root: SpanId,
    execution: &Execution,
    name: &StepName,
    progress: &StepProgress,
    ended: Timestamp,
) -> Option<Span> {
    let start = progress.started_at?;
    let mut attributes = vec![
        ("quorate.step", text(name)),
        ("quorate.outcome", text(progress.state.word())),
        ("quorate.attempts", Value::Number(i64::from(progress.attempt))),
    ];
    let kind = execution.plan.steps.get(name).map(|step| step.action.kind());
    attributes.extend(kind.map(|kind| ("quorate.action", text(kind))));
    attributes.extend(progress.agent.iter().map(|agent| ("quorate.agent", text(agent))));
    attributes.extend(progress.approved_by.iter().map(|by| ("quorate.approved_by", text(by))));
    let status = match &progress.state {
        StepState::Succeeded { detail } => {
            attributes.push(("quorate.detail", text(detail)));
            Status::Ok
        }
        StepState::Failed { reason, .. } => {
            attributes.push(("quorate.reason", text(reason)));
            Status::Error(reason.clone())
        }
        StepState::Waiting
        | StepState::Assigned { .. }
        | StepState::Started { .. }
        | StepState::Cancelled => Status::Unset,
    };
    Some(Span {
        id: SpanId::of(trace, "step", name.as_str(), 0),
        parent: Some(root),
        name: name.to_string(),
        start,
        end: progress.ended_at.unwrap_or(ended),
        attributes,
        status,
    })
}

fn attempt(trace: TraceId, one: &Attempt) -> Span {
    let (word, why) = match &one.outcome {
        Some(StepOutcome::Succeeded { .. }) => ("succeeded", None),
        Some(StepOutcome::Failed { reason }) => ("failed", Some(reason.as_str())),
        Some(StepOutcome::Impossible { reason }) => ("impossible", Some(reason.as_str())),
        Some(StepOutcome::Broken { reason }) => ("broken", Some(reason.as_str())),
        Some(StepOutcome::Unknown { reason }) => ("unknown", Some(reason.as_str())),
        None => ("lost", Some("nobody heard the end of it")),
    };
    let mut attributes = vec![
        ("quorate.step", text(&one.step)),
        ("quorate.attempt", Value::Number(i64::from(one.number))),
        ("quorate.outcome", text(word)),
    ];
    attributes.extend(one.agent.iter().map(|agent| ("quorate.agent", text(agent))));
    attributes.extend(one.resumed.then_some(("quorate.resumed", Value::Flag(true))));
    attributes.extend(why.map(|why| ("quorate.reason", text(why))));
    Span {
        id: SpanId::of(trace, "attempt", one.step.as_str(), one.number),
        parent: Some(SpanId::of(trace, "step", one.step.as_str(), 0)),
        name: "attempt".to_owned(),
        start: one.start,
        end: one.end,
        attributes,
        status: why.map_or(Status::Ok, |why| Status::Error(why.to_owned())),
    }
}
