//! R3: the cool-down counts from completion, and what an agent had begun that is lost is taken over within a bounded time.
//! orchestrator #1296: a leader registered a recovery and died, and a phantom blocked the survivors for an hour.

use super::{Facts, Rule, Seen};
use quorate_core::{AuditEvent, ExecutionState};
use quorate_policies::guard::Trigger;
use std::time::Duration;

/// An agent counts as lost after 2.5 s of silence; an election across continents and the next assignment fit in many times.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(60);

pub(super) struct CooledDownAndTakenOver;

impl Rule for CooledDownAndTakenOver {
    fn id(&self) -> &'static str {
        "R3"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let service = entry.service.as_ref()?;
                let cooldown = state.services.get(service)?.policy.guards.cooldown;
                let touched =
                    facts.told.decisions.iter().filter(|d| d.service == service.as_str() && d.touched);
                let (_, ended) = touched.filter_map(|decision| decision.ended).max()?;
                let passed = entry.at.since(ended);
                (passed < cooldown)
                    .then(|| format!("{service} is moved {passed} after the last execution ended"))
            }
            Seen::Second => facts.state.executions.values().find_map(|execution| orphan(facts, execution)),
            _ => None,
        }
    }
}

/// A step of an agent that has been away for long, while a majority was there to give it to another.
fn orphan(facts: &Facts, execution: &quorate_core::Execution) -> Option<String> {
    let goes_on = matches!(execution.state, ExecutionState::Running | ExecutionState::Undoing { .. });
    if !goes_on || !facts.undisturbed_for(execution.service.as_str(), TAKEN_OVER_WITHIN) {
        return None;
    }
    // Nobody has come or gone since, so who is not awake now has been away all the time.
    let away = |agent: &str| facts.links.awake_since(agent).is_none();
    let mut held = execution.steps.iter().filter_map(|(name, step)| Some((name, step.state.agent()?)));
    let (step, agent) = held.find(|(_, agent)| away(agent.as_str()))?;
    Some(format!("step {step} of {} stays with {agent}, which is gone", execution.id))
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a second decision in the cool-down is seen. Method: the first one ended now, and long ago.
    #[test]
    fn a_decision_in_the_cool_down() {
        let state = decided();
        let (entry, mut facts) = (decision(&state), facts(&state));
        facts.told.take(secs(1), &entry);
        facts.told.decisions[0].touched = true;
        facts.told.decisions[0].ended = Some((secs(2), entry.at));
        assert!(CooledDownAndTakenOver.see(&facts, &Seen::Audit(&entry, &state)).is_some());
        facts.told.decisions[0].ended = Some((secs(2), Timestamp(entry.at.0 - 600_000)));
        assert_eq!(CooledDownAndTakenOver.see(&facts, &Seen::Audit(&entry, &state)), None);
    }

    /// Goal: a step that stays with a dead agent is seen. Method: all agents are there; then the one that has it is not.
    #[test]
    fn a_step_of_an_agent_that_is_gone() {
        let state = decided();
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        assert_eq!(CooledDownAndTakenOver.see(&facts, &Seen::Second), None);
        calm(&mut facts, &["noa"]);
        assert!(CooledDownAndTakenOver.see(&facts, &Seen::Second).is_some());
    }
}
