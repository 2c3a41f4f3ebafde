//! R15: a fence must not depend on its target: one that cannot be reached is best effort, neither stops an execution nor
//! holds it up. Pacemaker: a fence device shares nothing with its victim.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEvent, Execution, ExecutionState};
use quorate_policies::{
    Millis, StepName,
    plan::{Action, Step},
    policy::OnError,
};
use std::time::Duration;

/// Beyond the step's own timeout an attempt may take its last call (12 s), the intent and its outcome in the log (5 s each).
const AN_ATTEMPT_MORE: Millis = Millis::from_secs(22);
/// An election, or another agent's turn.
const A_TURN: Millis = Millis::from_secs(20);

pub(super) struct AFenceStopsNothing;

impl Rule for AFenceStopsNothing {
    fn id(&self) -> &'static str {
        "R15"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::ExecutionEnded { .. } = &entry.event else { return None };
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let ExecutionState::Stopped { step, .. } = &execution.state else { return None };
                let goes_on = execution.plan.steps.get(step)?.on_error == OnError::Continue;
                goes_on.then(|| format!("{} stopped at {step}, where its plan goes on", execution.id))
            }
            Seen::Second => facts.state.executions.values().find_map(|execution| held_up(facts, execution)),
            _ => None,
        }
    }
}

/// The step that takes the old region's tasks away.
fn fence(execution: &Execution) -> Option<(&StepName, &Step)> {
    let takes_away = |step: &Step| {
        let Action::EcsScale(scale) = &step.action else { return false };
        scale.desired == Some(0) && scale.region == execution.from().as_str()
    };
    execution.plan.steps.iter().find(|(_, step)| takes_away(step) && step.on_error == OnError::Continue)
}

fn held_up(facts: &Facts, execution: &Execution) -> Option<String> {
    let (name, step) = fence(execution).filter(|_| execution.state == ExecutionState::Running)?;
    let attempts = u64::from(step.retries) + 1;
    let limit = Duration::from_millis((step.timeout.0 + AN_ATTEMPT_MORE.0) * attempts + A_TURN.0);
    let decided = facts.told.decision(&execution.id)?.at;
    let late = decided + limit < facts.now && facts.undisturbed_for(execution.service.as_str(), limit);
    let open = late && !execution.steps.get(name)?.state.ended();
    open.then(|| format!("{} has waited for its fence since {decided:?}", execution.id))
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an execution that a fence has stopped is seen. Method: one stopped at the fence, and one at the promotion.
    #[test]
    fn a_fence_has_stopped_an_execution() {
        let mut state = decided();
        let facts = facts(&state);
        let stopped = |step: &str| ExecutionState::Stopped {
            step: step.try_into().unwrap(),
            reason: "no answer".to_owned(),
        };
        let mut entry = decision(&state);
        entry.event = AuditEvent::ExecutionEnded { state: "stopped".to_owned(), detail: String::new() };
        state.executions.values_mut().for_each(|execution| execution.state = stopped("promote"));
        assert_eq!(AFenceStopsNothing.see(&facts, &Seen::Audit(&entry, &state)), None);
        state.executions.values_mut().for_each(|execution| execution.state = stopped("fence"));
        assert!(AFenceStopsNothing.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: an execution that waits for its fence for long is seen. Method: decided just now, and ten minutes ago.
    #[test]
    fn an_execution_waits_for_its_fence() {
        let state = decided();
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        facts.told.take(NOW - secs(1), &decision(&state));
        assert_eq!(AFenceStopsNothing.see(&facts, &Seen::Second), None);
        facts.told.decisions[0].at = NOW - secs(600);
        assert!(AFenceStopsNothing.see(&facts, &Seen::Second).is_some());
    }
}
