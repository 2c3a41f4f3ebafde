//! An execution in time: a row for each phase and each step, with a bar for each attempt. Times are milliseconds from the
//! first failed probe. It places nothing on a page; [`super::scale`] and the renderers do.

use super::steps::{StepTold, Try};
use crate::record::part::{between, moment};
use quorate_api::{AuditEntry, Execution, Step};
use serde::Serialize;

/// An execution in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// The moment from which times count: the first failed probe, or the decision where nothing failed. RFC 3339.
    pub zero: String,
    /// Phases first, then steps in the order in which they could run.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// What it is.
    pub label: String,
    /// `phase`, `lease` or `step`.
    pub kind: &'static str,
    /// Where it stands, in one word; empty for a phase that is over.
    pub state: String,
    /// Its bars, in time.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// From when, in milliseconds.
    pub from_ms: u64,
    /// Until when; until the report where it is not over.
    pub to_ms: u64,
    /// `done`, `failed`, `unknown`, `running` or `phase`.
    pub tone: &'static str,
}

/// An execution in time. `now` is when the report is made, for what is not over.
#[must_use]
pub fn timeline(execution: &Execution, steps: &[StepTold], entries: &[&AuditEntry], now: &str) -> Timeline {
    let zero = earliest(execution);
    let at = |text: &str| between(&zero, text);
    let phase = |label: &str, kind, from: &str, to: &str| {
        let (from_ms, to_ms) = (at(from)?, at(to)?);
        let bar = Bar { from_ms, to_ms, tone: "phase" };
        (to_ms > from_ms).then(|| Row {
            label: label.to_owned(),
            kind,
            state: String::new(),
            bars: vec![bar],
        })
    };
    let decided = execution.decided_at.as_str();
    let waits = execution.state == "awaiting_approval";
    let begun = if waits { Some(now) } else { execution.begun_at.as_deref() };
    let released =
        entries.iter().find(|entry| entry.event == "lease_released").map(|entry| entry.at.as_str());
    let mut rows: Vec<Row> = [
        phase("detect", "phase", &execution.failing_since, &execution.agreed_at),
        phase("decide", "phase", &execution.agreed_at, decided),
        begun.and_then(|begun| phase("approval", "phase", decided, begun)),
        released.and_then(|released| phase("write lease", "lease", begun.unwrap_or(decided), released)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let over = execution.ended_at.as_deref().unwrap_or(now);
    rows.extend(execution.steps.iter().zip(steps).map(|(step, told)| Row {
        label: step.name.clone(),
        kind: "step",
        state: step.state.clone(),
        bars: bars(step, &told.tries, &at, over),
    }));
    Timeline { zero, rows }
}

/// A decision that nothing led to is where the story begins.
fn earliest(execution: &Execution) -> String {
    let moments = [&execution.failing_since, &execution.agreed_at, &execution.decided_at];
    let first = moments.into_iter().filter(|text| moment(text).is_some()).min_by_key(|text| moment(text));
    first.unwrap_or(&execution.decided_at).clone()
}

/// A bar for each attempt that started; without the audit one for the step as a whole.
fn bars(step: &Step, tries: &[Try], at: &dyn Fn(&str) -> Option<u64>, over: &str) -> Vec<Bar> {
    let bar = |from: &str, to: &str, tone| {
        let from_ms = at(from)?;
        Some(Bar { from_ms, to_ms: at(to)?.max(from_ms), tone })
    };
    let begun: Vec<&Try> = tries.iter().filter(|known| known.started_at.is_some()).collect();
    if begun.is_empty() {
        let Some(from) = step.started_at.as_deref() else { return Vec::new() };
        let to = step.ended_at.as_deref().unwrap_or(over);
        return bar(from, to, tone(&step.state)).into_iter().collect();
    }
    let ends = |index: usize, known: &Try| {
        // An attempt whose end nobody heard lasted at most until another agent got the step.
        let next = tries.iter().find(|next| next.attempt > begun[index].attempt);
        let open = if step.ended_at.is_some() { step.ended_at.as_deref().unwrap_or(over) } else { over };
        known
            .ended_at
            .clone()
            .or_else(|| next.map(|next| next.assigned_at.clone()))
            .unwrap_or(open.to_owned())
    };
    let each = begun.iter().enumerate().filter_map(|(index, known)| {
        let latest = index + 1 == begun.len();
        let tone = match known.outcome.as_deref() {
            Some(outcome) => tone(outcome),
            None if latest => tone(&step.state),
            None => "unknown",
        };
        bar(known.started_at.as_deref()?, &ends(index, known), tone)
    });
    each.collect()
}

fn tone(word: &str) -> &'static str {
    match word {
        "succeeded" => "done",
        "failed" | "impossible" => "failed",
        "started" | "assigned" => "running",
        _ => "unknown",
    }
}
