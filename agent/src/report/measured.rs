//! What was measured, beside what was wanted: recovery time by its parts, and the window of loss of each promotion. A
//! measurement that was not made is none; it is never within an objective.

use crate::record::part::between;
use quorate_api::Execution;
use serde::Serialize;

/// Recovery time and loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Where the time went.
    pub recovery_time: RecoveryTime,
    /// What each promotion may have lost, in the order of the plan; empty without a promotion.
    pub losses: Vec<Loss>,
}

/// Where the time went, in milliseconds, from the first failed probe. A part that did not come to its end is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RecoveryTime {
    /// First failed probe to agreement.
    pub detect_ms: Option<u64>,
    /// Agreement to decision.
    pub decide_ms: Option<u64>,
    /// Decision to the last changing step.
    pub execute_ms: Option<u64>,
    /// Until verified through the public name.
    pub converge_ms: Option<u64>,
    /// All of it; absent while the service is not recovered by this execution.
    pub total_ms: Option<u64>,
    /// What it may take.
    pub objective_ms: Option<u64>,
    /// Whether it was within that.
    pub met: Option<bool>,
}

/// What a promotion may have lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// By which step.
    pub step: String,
    /// How far the replica was behind, in milliseconds; absent if that is not known.
    pub behind_ms: Option<u64>,
    /// How much may be lost.
    pub objective_ms: u64,
    /// Whether it was within that.
    pub met: Option<bool>,
    /// How it was measured and when, or why it was not.
    pub measured: String,
}

/// What was measured of an execution.
#[must_use]
pub fn measured(execution: &Execution) -> Measured {
    let objective_ms = execution.objectives.as_ref().map(|objectives| objectives.rto_ms);
    let recovery_time = match execution.recovery_time {
        Some(time) => RecoveryTime {
            detect_ms: Some(time.detect_ms),
            decide_ms: Some(time.decide_ms),
            execute_ms: Some(time.execute_ms),
            converge_ms: Some(time.converge_ms),
            total_ms: Some(time.total_ms),
            objective_ms: Some(time.objective_ms),
            met: Some(time.total_ms <= time.objective_ms),
        },
        None => RecoveryTime {
            detect_ms: between(&execution.failing_since, &execution.agreed_at),
            decide_ms: between(&execution.agreed_at, &execution.decided_at),
            objective_ms,
            ..RecoveryTime::default()
        },
    };
    // What a promotion lost that certainly did not happen is not lost.
    let failed = |name: &str| execution.steps.iter().any(|step| step.name == name && step.state == "failed");
    let losses = execution.data_loss.iter().filter(|loss| !failed(&loss.step)).map(|loss| Loss {
        step: loss.step.clone(),
        behind_ms: loss.behind_ms,
        objective_ms: loss.objective_ms,
        met: loss.behind_ms.map(|behind| behind <= loss.objective_ms),
        measured: loss.measured.clone(),
    });
    Measured { recovery_time, losses: losses.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_api::{Step, execution::DataLoss};

    /// Goal: a window that could not be measured is not within the objective, and one of a promotion that certainly did not
    /// happen is none. Method: a promotion in each state that it can end in, with a lag that nobody knows.
    #[test]
    fn unknown_is_not_zero() {
        let told = |state: &str| {
            let loss = DataLoss {
                step: "promote".to_owned(),
                behind_ms: None,
                objective_ms: 60_000,
                measured: "lag unknown: no answer".to_owned(),
            };
            let step = Step { name: "promote".to_owned(), state: state.to_owned(), ..Step::default() };
            measured(&Execution { data_loss: vec![loss], steps: vec![step], ..Execution::default() }).losses
        };
        for state in ["started", "succeeded", "unknown"] {
            assert_eq!(told(state)[0].met, None, "{state}");
        }
        assert!(told("failed").is_empty());
    }
}
