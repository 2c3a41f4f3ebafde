//! What a run of the plans came to, as a table for people. It measures nothing: every figure is the execution's own.

use crate::NOT_RUN;
use std::fmt::{self, Write as _};

/// One scenario of one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The policy.
    pub plan: String,
    /// Its scenario, and what was done to it.
    pub scenario: String,
    /// As the execution says.
    pub outcome: String,
    /// How long the recovery took, in milliseconds; none if it was none.
    pub rto_ms: Option<u64>,
    /// How long it may take.
    pub rto_objective_ms: u64,
    /// The window of loss of each promotion and restore, in milliseconds; one that is not known is none.
    pub losses_ms: Vec<Option<u64>>,
    /// How much may be lost.
    pub rpo_objective_ms: u64,
    /// What the steps ran against.
    pub against: String,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step, as far as a table needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How often it was assigned.
    pub attempts: u32,
}

/// All rows, and what went wrong.
#[derive(Debug, Default)]
pub struct Table {
    /// In the order in which they ran.
    pub rows: Vec<Row>,
    /// Plan, scenario and why it did not run as it must.
    pub wrong: Vec<(String, String, String)>,
}

impl Table {
    /// How many ran, and how many of those that were measured kept their objectives.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |is: &dyn Fn(&Row) -> bool| self.rows.iter().filter(|row| is(row)).count();
        let rto = count(&|row| row.rto_ms.is_some());
        let rto_kept = count(&|row| row.rto_ms.is_some_and(|rto| rto <= row.rto_objective_ms));
        let rpo = count(&|row| !row.losses_ms.is_empty());
        let kept = |loss: &Option<u64>, row: &Row| loss.is_some_and(|loss| loss <= row.rpo_objective_ms);
        let rpo_kept =
            count(&|row| !row.losses_ms.is_empty() && row.losses_ms.iter().all(|loss| kept(loss, row)));
        format!(
            "\n{} ran: RTO kept in {rto_kept} of {rto} that were measured, RPO in {rpo_kept} of {rpo} that restored or promoted",
            self.rows.len()
        )
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["plan", "scenario", "outcome", "RTO", "objective", "RPO", "objective", "against"];
        let mut lines = vec![head.map(str::to_owned)];
        lines.extend(self.rows.iter().map(|row| {
            [
                row.plan.clone(),
                row.scenario.clone(),
                row.outcome.clone(),
                row.rto_ms.map_or_else(|| "-".to_owned(), length),
                length(row.rto_objective_ms),
                lost(&row.losses_ms),
                length(row.rpo_objective_ms),
                row.against.clone(),
            ]
        }));
        let mut widths = [0; 8];
        for line in &lines {
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for line in &lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(widths) {
                write!(text, "{cell:<width$}  ")?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        writeln!(f, "{}", self.summary())?;
        for (plan, scenario, why) in NOT_RUN {
            writeln!(f, "not run: {plan}, {scenario}: {why}")?;
        }
        for (plan, scenario, why) in &self.wrong {
            writeln!(f, "\nWRONG: {plan}, {scenario}: {why}")?;
        }
        Ok(())
    }
}

/// The greatest window; one that is not known is greater than any that is.
fn lost(windows: &[Option<u64>]) -> String {
    match windows.iter().copied().max_by_key(|window| window.unwrap_or(u64::MAX)) {
        None => "-".to_owned(),
        Some(None) => "not known".to_owned(),
        Some(Some(window)) => length(window),
    }
}

/// A length as people read it: to a tenth below a minute, rounded to seconds from there on.
fn length(ms: u64) -> String {
    let seconds = if ms < 60_000 { ms / 1_000 } else { (ms + 500) / 1_000 };
    match seconds {
        0..60 => {
            let tenth = ms % 1_000 / 100;
            if tenth == 0 { format!("{seconds}s") } else { format!("{seconds}.{tenth}s") }
        }
        60..3_600 if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        60..3_600 => format!("{}m{}s", seconds / 60, seconds % 60),
        _ if seconds % 3_600 < 60 => format!("{}h", seconds / 3_600),
        _ => format!("{}h{}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}
