//! R1: no action without a committed intent. Sentinel #2370: two leaders in adjacent epochs ran failovers at once.

use super::{Facts, Rule, Seen};

pub(super) struct NoEffectWithoutIntent;

impl Rule for NoEffectWithoutIntent {
    fn id(&self) -> &'static str {
        "R1"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Applied(effect) = seen else { return None };
        let intent = (effect.execution.clone(), effect.step.clone(), effect.attempt);
        let missing = !facts.started.contains_key(&intent);
        missing.then(|| format!("{} was applied without a committed intent {intent:?}", effect.meaning))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an effect without an intent is seen. Method: the intent is missing, then of another attempt, then there.
    #[test]
    fn an_effect_without_an_intent() {
        let state = decided();
        let (mut facts, effect) = (facts(&state), effect(&state, "scale"));
        let intent = |attempt| (effect.execution.clone(), effect.step.clone(), attempt);
        facts.started.insert(intent(2), secs(1));
        assert!(NoEffectWithoutIntent.see(&facts, &Seen::Applied(&effect)).is_some());
        facts.started.insert(intent(1), secs(1));
        assert_eq!(NoEffectWithoutIntent.see(&facts, &Seen::Applied(&effect)), None);
    }
}
