//! Which states and refusals of the product the search has seen. What it has not seen it proves nothing about.

use quorate_core::{Cluster, Response};
use std::collections::BTreeSet;

/// All states of an execution, in one word each.
pub(super) const EXECUTION_STATES: [&str; 6] =
    ["awaiting_approval", "running", "stopped", "succeeded", "undoing", "aborted"];
/// All states of a step, in one word each.
pub(super) const STEP_STATES: [&str; 7] =
    ["waiting", "assigned", "started", "succeeded", "failed", "unknown", "cancelled"];

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// States of executions.
    pub executions: BTreeSet<&'static str>,
    /// States of steps.
    pub steps: BTreeSet<&'static str>,
    /// Guards that refused, by name.
    pub refusals: BTreeSet<&'static str>,
}

impl Coverage {
    pub(super) fn reached(&mut self, cluster: &Cluster) {
        for execution in cluster.executions.values() {
            self.executions.insert(execution.state.word());
            self.steps.extend(execution.steps.values().map(|progress| progress.state.word()));
        }
    }

    pub(super) fn answered(&mut self, response: &Response) {
        if let Response::Refused { refusal } = response {
            self.refusals.insert(refusal.guard());
        }
    }

    /// What another search saw is seen too.
    pub fn join(&mut self, other: &Coverage) {
        self.executions.extend(&other.executions);
        self.steps.extend(&other.steps);
        self.refusals.extend(&other.refusals);
    }

    /// States of executions and steps that were not seen.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let executions = EXECUTION_STATES.iter().filter(|word| !self.executions.contains(*word));
        let steps = STEP_STATES.iter().filter(|word| !self.steps.contains(*word));
        let executions = executions.map(|word| format!("execution {word}"));
        executions.chain(steps.map(|word| format!("step {word}"))).collect()
    }
}
