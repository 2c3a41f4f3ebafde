//! What a search has to tell: how much it visited, and the shortest way to what it found.

use super::coverage::Coverage;
use std::{fmt, time::Duration};

/// What came of a search.
#[derive(Debug, Clone)]
pub struct Report {
    /// Moments that were reached.
    pub states: usize,
    /// Moves between them.
    pub transitions: u64,
    /// Replicated states among them.
    pub replicated: usize,
    /// Moves on the longest shortest way.
    pub depth: u32,
    /// How long it took.
    pub took: Duration,
    /// Whether everything within the bounds was visited.
    pub complete: bool,
    /// Which states of the product were seen.
    pub coverage: Coverage,
    /// The first rule that is broken.
    pub finding: Option<Finding>,
}

/// A rule that is broken, and the shortest story that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule, and what breaks it.
    pub rule: String,
    /// Everything that happens until then.
    pub story: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, transitions, replicated, depth, .. } = self;
        let all =
            if self.complete { "everything within the bounds" } else { "not everything within the bounds" };
        writeln!(
            f,
            "{states} states, {transitions} transitions, {replicated} replicated states, depth {depth}"
        )?;
        writeln!(f, "in {:.1} s; {all}", self.took.as_secs_f64())?;
        let Coverage { executions, steps, refusals } = &self.coverage;
        writeln!(f, "executions: {executions:?}\nsteps: {steps:?}\nrefusals: {refusals:?}")?;
        match &self.finding {
            None => write!(f, "no reachable state breaks a rule; every non-final state has a way out"),
            Some(finding) => write!(f, "{finding}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "BROKEN {}", self.rule)?;
        for (number, line) in self.story.iter().enumerate() {
            writeln!(f, "{:>4}  {line}", number + 1)?;
        }
        Ok(())
    }
}
