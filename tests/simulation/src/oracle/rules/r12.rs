//! R12: with voters in fewer than three regions nothing is decided automatically. Patroni's document on several data
//! centres says that two sites cannot decide safely; booth has arbitrators.

use super::{Facts, Rule, Seen};
use quorate_core::AuditEvent;
use quorate_policies::guard::Trigger;
use std::collections::BTreeSet;

/// A region may be lost, and the others must still be a majority that does not depend on one of them alone.
const REGIONS_MIN: usize = 3;

pub(super) struct VotersInThreeRegions;

impl Rule for VotersInThreeRegions {
    fn id(&self) -> &'static str {
        "R12"
    }

    fn see(&mut self, _facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Audit(entry, state) = seen else { return None };
        let AuditEvent::Decided { trigger: Trigger::Automatic, .. } = &entry.event else { return None };
        let regions: BTreeSet<_> = state.members.values().collect();
        (regions.len() < REGIONS_MIN).then(|| format!("voters in {} regions have decided", regions.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision of voters in two regions is seen. Method: one of them moves.
    #[test]
    fn voters_in_two_regions() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(VotersInThreeRegions.see(&facts, &Seen::Audit(&entry, &state)), None);
        state.members.insert(crate::agent("noa"), crate::region(crate::EAST));
        assert!(VotersInThreeRegions.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }
}
