//! R28: telling the world about a failover never stops it or holds it up. GitHub, 2012: the status page fell over as well;
//! Roblox, 2021: monitoring depended on the store that had failed.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEvent, Execution, ExecutionState};
use quorate_policies::plan::{Action, Plan};
use std::time::Duration;

/// So long after the decision a promotion has begun at the latest, whatever the status page does: the lease's end (5 s),
/// the fence's only attempt (25 s), and an agent that is replaced.
const BEGUN_WITHIN: Duration = Duration::from_secs(90);

pub(super) struct TellingHoldsNothingUp;

impl Rule for TellingHoldsNothingUp {
    fn id(&self) -> &'static str {
        "R28"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                match (&entry.event, &execution.state) {
                    (AuditEvent::Decided { .. }, _) => needed(&execution.plan),
                    (AuditEvent::ExecutionEnded { .. }, ExecutionState::Stopped { step, .. }) => {
                        let tells = is_telling(&execution.plan.steps.get(step)?.action);
                        tells.then(|| format!("{} stopped because it could not be told", execution.id))
                    }
                    _ => None,
                }
            }
            Seen::Second => {
                facts.page_down?;
                facts.state.executions.values().find_map(|execution| held_up(facts, execution))
            }
            _ => None,
        }
    }
}

const fn is_telling(action: &Action) -> bool {
    matches!(action, Action::StatuspageIncident(_))
}

/// A step that changes something and needs one that tells.
fn needed(plan: &Plan) -> Option<String> {
    let telling = plan.steps.iter().filter(|(_, step)| is_telling(&step.action)).map(|(name, _)| name);
    let mut acting = plan.steps.iter().filter(|(_, step)| !is_telling(&step.action)).map(|(name, _)| name);
    let telling: Vec<_> = telling.collect();
    let step = acting.find(|step| telling.iter().any(|tells| plan.comes_after(step, tells)))?;
    Some(format!("step {step} waits for the status page"))
}

fn held_up(facts: &Facts, execution: &Execution) -> Option<String> {
    let decided = facts.told.decision(&execution.id)?.at;
    let late = decided + BEGUN_WITHIN < facts.now
        && facts.undisturbed_for(execution.service.as_str(), BEGUN_WITHIN)
        && execution.state == ExecutionState::Running;
    let irreversible = |name: &&quorate_policies::StepName| {
        execution.plan.steps.get(*name).is_some_and(|step| !step.reversible)
    };
    let (name, step) = execution.steps.iter().find(|(name, _)| irreversible(name))?;
    let waits = late && step.started_at.is_none();
    waits.then(|| {
        format!("step {name} of {} has not begun since {decided:?}, and the page is down", execution.id)
    })
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a plan in which something waits for the page is seen. Method: the promotion is made to need it.
    #[test]
    fn a_step_that_waits_for_the_page() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(TellingHoldsNothingUp.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        let promote = execution.plan.steps.get_mut("promote").unwrap();
        promote.needs.insert("announce".try_into().unwrap());
        assert!(TellingHoldsNothingUp.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: a promotion that does not begin while the page is down is seen. Method: with the page up and down.
    #[test]
    fn a_promotion_that_does_not_begin() {
        let state = decided();
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        facts.told.take(NOW - secs(100), &decision(&state));
        assert_eq!(TellingHoldsNothingUp.see(&facts, &Seen::Second), None);
        facts.page_down = Some(secs(1));
        assert!(TellingHoldsNothingUp.see(&facts, &Seen::Second).is_some());
    }
}
