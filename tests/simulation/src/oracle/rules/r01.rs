//! R1: no action without a committed intent. Sentinel #2370: two leaders in adjacent epochs ran failovers at once.

use super::{Facts, Rule, Seen};
use quorate_core::AuditEvent;

/// Counts what comes from operators.
#[derive(Default)]
pub(super) struct NoEffectWithoutIntent {
    policies: u64,
}

impl Rule for NoEffectWithoutIntent {
    fn id(&self) -> &'static str {
        "R1"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        if let Seen::Audit(entry, _) = seen {
            // A command is applied once, however often consensus offers it.
            self.policies += u64::from(matches!(entry.event, AuditEvent::PolicyApplied { .. }));
            let said = facts.policies_said;
            let more = self.policies > said;
            return more.then(|| format!("{} policies were applied and {said} were given", self.policies));
        }
        let Seen::Applied(effect) = seen else { return None };
        let intent = (effect.execution.clone(), effect.step.clone(), effect.attempt);
        let missing = !facts.started.contains_key(&intent);
        missing.then(|| format!("{} was applied without a committed intent {intent:?}", effect.meaning))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};
    use quorate_core::AuditEntry;

    /// Goal: an effect without an intent is seen. Method: the intent is missing, then of another attempt, then there.
    #[test]
    fn an_effect_without_an_intent() {
        let state = decided();
        let (mut facts, effect) = (facts(&state), effect(&state, "scale"));
        let intent = |attempt| (effect.execution.clone(), effect.step.clone(), attempt);
        facts.started.insert(intent(2), secs(1));
        assert!(NoEffectWithoutIntent::default().see(&facts, &Seen::Applied(&effect)).is_some());
        facts.started.insert(intent(1), secs(1));
        assert_eq!(NoEffectWithoutIntent::default().see(&facts, &Seen::Applied(&effect)), None);
    }

    /// Goal: a command that is applied twice is seen. Method: a policy that was given once is applied once, and again.
    #[test]
    fn a_command_that_is_applied_twice() {
        let state = decided();
        let mut facts = facts(&state);
        facts.policies_said = 1;
        let applied = |entry: &&AuditEntry| matches!(entry.event, AuditEvent::PolicyApplied { .. });
        let entry = state.audit.entries.iter().find(applied).unwrap();
        let mut rule = NoEffectWithoutIntent::default();
        assert_eq!(rule.see(&facts, &Seen::Audit(entry, &state)), None);
        assert!(rule.see(&facts, &Seen::Audit(entry, &state)).is_some());
    }
}
