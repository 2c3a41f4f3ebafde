//! A run in a dozen lines: what happened to the world, what was decided and refused, who could write, what was changed and
//! how it ended. It only leaves out and shortens; what a run means is for whoever reads it to say.

use crate::Outcome;

/// Lines that say how a run was kept and not what it was about.
const LEFT_OUT: [&str; 4] =
    [" assigned to ", ", before it acts: ", "started, attempt 1", "applied: a policy"];

/// What of a run is worth telling, from the first thing that happened to the world: its time in seconds, who, and what.
#[must_use]
pub fn timeline(outcome: &Outcome) -> Vec<String> {
    let from = outcome.trace.iter().position(|line| what(line).starts_with("-- "));
    let told = outcome.trace.iter().skip(from.unwrap_or(outcome.trace.len()));
    let mut lines: Vec<String> = told
        .filter_map(|line| Some((at(line), shown(what(line))?)))
        .map(|(at, text)| format!("{at:>6.1}  {text}"))
        .collect();
    lines.dedup_by(|one, before| one.get(8..) == before.get(8..));
    lines
}

/// When a line of a trace was written, in seconds.
#[must_use]
pub fn at(line: &str) -> f64 {
    line.split_once(" s  ").and_then(|(time, _)| time.trim().parse().ok()).unwrap_or_default()
}

fn what(line: &str) -> &str {
    line.split_once(" s  ").map_or(line, |(_, text)| text)
}

fn shown(text: &str) -> Option<String> {
    let bookkeeping = text.starts_with("disk ") || text.contains(" entries were committed");
    if bookkeeping || LEFT_OUT.iter().any(|part| text.contains(part)) {
        return None;
    }
    let Some(entry) = text.strip_prefix("log ") else {
        // How long a lease still lasts says nothing in a story.
        let lease = text.starts_with("lease: ").then(|| text.rsplit_once(" for ")).flatten();
        return Some(lease.map_or(text, |(told, _)| told).to_owned());
    };
    // `log` is also who acts where nobody in particular does.
    let (actor, rest) = entry.split_once(' ')?;
    let (execution, event) = rest.split_once(": ")?;
    let by = if actor == "log" { String::new() } else { format!("{actor}: ") };
    let of = if execution.is_empty() { String::new() } else { format!("{execution} ") };
    Some(format!("{by}{of}{event}"))
}
