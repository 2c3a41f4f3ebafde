//! Executions: the list, one with its timeline, its progress line by line, and its result.

use super::checklist::tally;
use crate::cli::screen::{Screen, cell, duration, indented, word};
use comfy_table::Cell;
use jiff::Timestamp;
use quorate_api::{AuditEntry, Execution, ExecutionList, RecoveryTime, Step, execution::DataLoss};

/// `quorate history`.
#[must_use]
pub fn history(screen: Screen, list: &ExecutionList, limit: usize) -> String {
    if list.executions.is_empty() {
        return "No execution yet.".to_owned();
    }
    let row = |execution: &Execution| -> [Cell; 6] {
        let took = execution.recovery_time.map_or_else(String::new, |time| duration(time.total_ms));
        [
            cell(&execution.id),
            cell(way(execution)),
            cell(started_by(execution)),
            word(&execution.state),
            cell(&execution.decided_at),
            cell(took),
        ]
    };
    let rows = list.executions.iter().take(limit).map(row);
    screen.table(["EXECUTION", "MOVE", "STARTED BY", "STATE", "DECIDED", "RECOVERED IN"], rows)
}

/// A rehearsal must not look like the real thing.
fn started_by(execution: &Execution) -> String {
    match &execution.drill {
        Some(of) => format!("{} ({} {})", execution.trigger, of.part, of.drill),
        None => execution.trigger.clone(),
    }
}

/// `quorate history --execution ID`.
#[must_use]
pub fn timeline(screen: Screen, execution: &Execution, audit: &[AuditEntry]) -> String {
    let mut parts = vec![
        format!(
            "Execution {}: plan {} of {}, {}, epoch {}, started by {}",
            screen.strong(&execution.id),
            execution.plan,
            execution.service,
            way(execution),
            execution.epoch,
            started_by(execution)
        ),
        format!("  {}", state(screen, execution)),
    ];
    parts.extend(execution.scenario.iter().map(|scenario| {
        let inputs = execution.inputs.iter().map(|(name, value)| format!(", {name} = {value}"));
        format!("  declared       {scenario}{}", inputs.collect::<String>())
    }));
    if !execution.manner.is_empty() {
        parts.push(format!("  runs           {}ly", execution.manner));
    }
    parts.extend([
        format!("  failing since  {}", execution.failing_since),
        format!("  agreed         {}", execution.agreed_at),
        format!("  decided        {}", execution.decided_at),
    ]);
    parts.extend(execution.ended_at.iter().map(|at| format!("  ended          {at}")));
    parts.extend(execution.recovery_time.map(|time| indented(&recovery(time))));
    parts.extend(execution.data_loss.iter().map(|loss| indented(&lost(loss))));
    parts.extend(expected(execution).map(|end| format!("  expected end   {end}")));
    if !execution.checklist.is_empty() {
        let tally = tally(&execution.checklist);
        parts.push(format!("  checklist      {tally} quorate checklist {}", execution.id));
    }
    parts.push(String::new());
    let rows = execution.steps.iter().map(|step| step_row(execution, step));
    parts.push(screen.table(["AFTER", "STEP", "ACTION", "STATE", "TOOK", "AGENT", "TRY", "SEEN"], rows));
    if !audit.is_empty() {
        parts.push(String::new());
        let rows = audit.iter().map(|entry| {
            [cell(entry.sequence.to_string()), cell(&entry.at), cell(&entry.actor), cell(&entry.message)]
        });
        parts.push(screen.table(["AUDIT", "AT", "WHO", "WHAT"], rows));
    }
    parts.join("\n")
}

/// Where it goes, or where it runs.
fn way(execution: &Execution) -> String {
    if execution.from == execution.to {
        format!("in {}", execution.to)
    } else {
        format!("{} -> {}", execution.from, execution.to)
    }
}

/// The state, with its sentence where that says more.
fn state(screen: Screen, execution: &Execution) -> String {
    let word = screen.word(&execution.state);
    match execution.summary.strip_prefix(&execution.state) {
        Some(rest) => format!("{word}{rest}"),
        None => format!("{word}: {}", execution.summary),
    }
}

fn step_row(execution: &Execution, step: &Step) -> [Cell; 8] {
    let after = step.started_at.as_deref().and_then(|at| between(&execution.decided_at, at));
    let took =
        step.started_at.as_deref().zip(step.ended_at.as_deref()).and_then(|(from, to)| between(from, to));
    [
        cell(after.map_or_else(String::new, |ms| format!("+{}", duration(ms)))),
        cell(&step.name),
        cell(&step.action),
        word(&step.state),
        cell(took.map_or_else(String::new, duration)),
        cell(step.agent.as_deref().unwrap_or_default()),
        cell(step.attempt.to_string()),
        cell(&step.detail),
    ]
}

/// Milliseconds from one RFC 3339 time to another; none if either cannot be read.
fn between(from: &str, to: &str) -> Option<u64> {
    let read = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    Some(u64::try_from(read(to)? - read(from)?).unwrap_or_default())
}

/// What a promotion lost, beside what it may have.
#[must_use]
pub fn lost(loss: &DataLoss) -> String {
    let verdict = match loss.behind_ms {
        Some(behind) if behind <= loss.objective_ms => "within",
        Some(_) => "MISSED by",
        None => "NOT KNOWN to be within",
    };
    let objective = duration(loss.objective_ms);
    format!("data loss of {}, {verdict} the objective {objective}:\n  {}", loss.step, loss.measured)
}

/// Where the recovery time went.
#[must_use]
pub fn recovery(time: RecoveryTime) -> String {
    let met = if time.total_ms <= time.objective_ms { "within" } else { "MISSED" };
    format!(
        "recovered in {}: detect {}, decide {}, execute {}, converge {} (objective {}: {met})",
        duration(time.total_ms),
        duration(time.detect_ms),
        duration(time.decide_ms),
        duration(time.execute_ms),
        duration(time.converge_ms),
        duration(time.objective_ms),
    )
}

/// What has changed since the last look, one line for each step and for the execution itself. The first look tells
/// of everything that has already begun.
#[must_use]
pub fn changes(screen: Screen, before: Option<&Execution>, now: &Execution) -> Vec<String> {
    let known = |name: &str| before.and_then(|before| before.steps.iter().find(|step| step.name == name));
    let mut lines = Vec::new();
    for step in &now.steps {
        let same = known(&step.name)
            .map_or(step.state == "waiting", |old| (&old.state, old.attempt) == (&step.state, step.attempt));
        if !same {
            let agent = step.agent.as_deref().map_or_else(String::new, |agent| format!(" by {agent}"));
            let tries = if step.attempt > 1 { format!(", try {}", step.attempt) } else { String::new() };
            let detail = if step.detail.is_empty() { String::new() } else { format!(": {}", step.detail) };
            lines.push(format!("  {:<16} {}{agent}{tries}{detail}", step.name, screen.word(&step.state)));
        }
    }
    if before.map(|before| (&before.state, before.held)) != Some((&now.state, now.held)) {
        if now.state == "awaiting_approval" {
            lines.push(format!("  waits for approval: quorate approve {} --reason WHY", now.id));
        }
        if now.held {
            lines.push(format!("  held: no further step begins until `quorate resume {}`", now.service));
        }
    }
    lines
}

/// How far an execution is, in one line.
#[must_use]
pub fn progress(execution: &Execution) -> String {
    let ended = |step: &&Step| matches!(step.state.as_str(), "succeeded" | "failed" | "cancelled");
    let done = execution.steps.iter().filter(ended).count();
    let running: Vec<&str> = execution
        .steps
        .iter()
        .filter(|step| step.state == "started")
        .map(|step| step.name.as_str())
        .collect();
    let running = if running.is_empty() { String::new() } else { format!(": {}", running.join(", ")) };
    let end = expected(execution).map_or_else(String::new, |end| format!(", expected to end {end}"));
    format!("{} {}, {done} of {} steps{running}{end}", execution.id, execution.state, execution.steps.len())
}

/// When it would end, as earlier ones did.
fn expected(execution: &Execution) -> Option<String> {
    let end = execution.expected_end.as_ref()?;
    let late = if execution.late { "; a step takes longer than it ever took" } else { "" };
    Some(format!("{end}, by its earlier runs{late}"))
}

/// How it ended, and what to do about it.
#[must_use]
pub fn result(screen: Screen, execution: &Execution) -> String {
    let mut lines = vec![format!("Execution {} {}", execution.id, state(screen, execution))];
    lines.extend(execution.recovery_time.map(recovery));
    lines.extend(execution.data_loss.iter().map(lost));
    if execution.state == "stopped" {
        let id = &execution.id;
        lines.push(format!("Look at it:  quorate history --execution {id}"));
        lines.push(format!("End it:      quorate abort {id} --reason WHY"));
    }
    lines.join("\n")
}
