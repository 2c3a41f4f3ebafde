//! How long a plan would take, from how long its steps have taken. Nothing is made up: a step that never succeeded here has no
//! length, and a plan with such a step has none either.

use super::{
    Cluster,
    execution::{Execution, ExecutionState, StepState},
};
use quorate_policies::{
    Millis, ServiceName, StepName, Timestamp,
    plan::{Action, Plan},
};
use std::collections::BTreeMap;

/// Lengths that were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// How many there are.
    pub runs: usize,
    /// The middle one.
    pub median: Millis,
    /// The longest.
    pub longest: Millis,
}

/// How long a plan would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Each step; none where it never succeeded.
    pub steps: BTreeMap<StepName, Option<Measured>>,
    /// From the decision to the end, by the medians along the longest way through the plan; none if a step has none.
    pub total: Option<Millis>,
    /// From the first failed probe to the decision, of failovers that the agents began by themselves.
    pub detection: Option<Measured>,
}

/// When what runs would end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedEnd {
    /// By the medians along the longest way that is left.
    pub at: Timestamp,
    /// Whether a step already takes longer than it ever took.
    pub late: bool,
}

impl Cluster {
    /// When an execution would end, by the executions that are remembered; none where a step that is left never succeeded before, or
    /// nothing runs. A step that takes longer than usual is expected to end at any moment.
    #[must_use]
    pub fn expected_end(&self, execution: &Execution) -> Option<ExpectedEnd> {
        if execution.state != ExecutionState::Running {
            return None;
        }
        let lengths = self.predict(&execution.service, &execution.plan).steps;
        let mut late = false;
        let mut ends: BTreeMap<&StepName, Timestamp> = BTreeMap::new();
        for _ in 0..execution.plan.steps.len() {
            for (name, step) in &execution.plan.steps {
                let progress = execution.steps.get(name)?;
                if progress.state.ended() {
                    ends.insert(name, self.clock);
                    continue;
                }
                let begins: Option<Vec<Timestamp>> =
                    step.needs.iter().map(|need| ends.get(need).copied()).collect();
                let Some(begins) = begins else { continue };
                let length = lengths.get(name).copied().flatten()?;
                let begun = progress.started_at.or_else(|| begins.into_iter().max()).unwrap_or(self.clock);
                late |= self.clock.since(begun) > length.longest;
                ends.insert(name, begun.plus(length.median).max(self.clock));
            }
        }
        Some(ExpectedEnd { at: ends.into_values().max()?, late })
    }

    /// How long a plan would take, by the executions that are remembered.
    #[must_use]
    pub fn predict(&self, service: &ServiceName, plan: &Plan) -> Prediction {
        let same = |execution: &&Execution| execution.service == *service && execution.plan.name == plan.name;
        let past: Vec<&Execution> = self.executions.values().filter(same).collect();
        let steps: BTreeMap<StepName, Option<Measured>> = plan
            .steps
            .iter()
            .map(|(name, step)| {
                if let Action::Wait(wait) = &step.action {
                    let lasting = wait.lasting;
                    return (name.clone(), Some(Measured { runs: 0, median: lasting, longest: lasting }));
                }
                let lengths = past.iter().filter_map(|execution| {
                    let was = execution.plan.steps.get(name)?;
                    let progress = execution.steps.get(name)?;
                    let stands = matches!(progress.state, StepState::Succeeded { .. });
                    (stands && was.action.kind() == step.action.kind())
                        .then_some(progress.ended_at?.since(progress.started_at?))
                });
                (name.clone(), measured(lengths.collect()))
            })
            .collect();
        let detected = self.executions.values().filter(|e| e.service == *service && e.automatic());
        let detection = measured(detected.map(|e| e.decided_at.since(e.failing_since)).collect());
        let total = total(plan, &steps);
        Prediction { steps, total, detection }
    }
}

fn measured(mut lengths: Vec<Millis>) -> Option<Measured> {
    lengths.sort();
    let longest = *lengths.last()?;
    Some(Measured { runs: lengths.len(), median: *lengths.get((lengths.len() - 1) / 2)?, longest })
}

/// The longest way through the plan. An expanded plan has no circle, so each round ends at least one step.
fn total(plan: &Plan, steps: &BTreeMap<StepName, Option<Measured>>) -> Option<Millis> {
    let mut ends: BTreeMap<&StepName, Millis> = BTreeMap::new();
    for _ in 0..plan.steps.len() {
        for (name, step) in &plan.steps {
            let begins: Option<Vec<Millis>> = step.needs.iter().map(|need| ends.get(need).copied()).collect();
            let Some(begins) = begins else { continue };
            let length = steps.get(name).copied().flatten()?.median;
            ends.insert(name, begins.into_iter().max().unwrap_or_default().plus(length));
        }
    }
    ends.into_values().max()
}
