//! R4: every step is idempotent and carries a monotonic token; sinks refuse a lower one. AWS, October 2025: a delayed
//! enactor applied an old plan over a newer one.

use super::{Facts, Rule, Seen};
use std::collections::BTreeMap;

/// Remembers the newest epoch at which a service was promised the lease.
#[derive(Default)]
pub(super) struct OneMeaningOnce {
    promised: BTreeMap<String, u64>,
}

impl Rule for OneMeaningOnce {
    fn id(&self) -> &'static str {
        "R4"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Promised { service, region, epoch } => {
                let newest = self.promised.entry((*service).to_owned()).or_default();
                if epoch < newest {
                    return Some(format!(
                        "{region} was given the lease at epoch {epoch} after epoch {newest}"
                    ));
                }
                *newest = *epoch;
                None
            }
            Seen::Applied(effect) => {
                let (before, after) = &effect.record;
                if after.epoch < before.epoch {
                    return Some(format!("DNS went from epoch {} to {}", before.epoch, after.epoch));
                }
                if before != after && after.epoch != effect.epoch {
                    return Some(format!("epoch {} was written to DNS as {}", effect.epoch, after.epoch));
                }
                let same_step = facts
                    .effects
                    .iter()
                    .filter(|other| other.execution == effect.execution && other.step == effect.step);
                for other in same_step {
                    if other.meaning != effect.meaning {
                        return Some(format!(
                            "step {} did `{}`, then `{}`",
                            effect.step, other.meaning, effect.meaning
                        ));
                    }
                    if effect.promotes.is_some() {
                        return Some(format!("`{}` was applied twice", effect.meaning));
                    }
                }
                None
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a step that does two things, a promotion that is made twice, and an epoch that goes back are seen. Method: each
    /// of them, after what is right.
    #[test]
    fn twice_or_backwards() {
        let state = decided();
        let (mut facts, mut rule) = (facts(&state), OneMeaningOnce::default());
        let (scale, promote) = (effect(&state, "scale"), effect(&state, "promote"));
        facts.effects = vec![scale.clone(), promote.clone()];
        assert_eq!(rule.see(&facts, &Seen::Applied(&scale)), None);
        assert!(rule.see(&facts, &Seen::Applied(&promote)).is_some());
        let mut other = effect(&state, "scale");
        other.meaning = "scale shop in us-west-2 to 0".to_owned();
        assert!(rule.see(&facts, &Seen::Applied(&other)).is_some());
        let mut late = effect(&state, "repoint");
        late.record = (record(crate::WEST, 3), record(crate::WEST, 2));
        assert!(rule.see(&facts, &Seen::Applied(&late)).is_some());
        let promised = |epoch| Seen::Promised { service: crate::SHOP, region: crate::WEST, epoch };
        assert_eq!(rule.see(&facts, &promised(3)), None);
        assert!(rule.see(&facts, &promised(2)).is_some());
    }
}
