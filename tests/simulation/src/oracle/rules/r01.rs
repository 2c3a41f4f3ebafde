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
