//! R23: DNS is never empty, and never leads to where nobody writes; the last healthy region is never taken away. AWS,
//! October 2025: an empty record.

use super::{Effect, Facts, Rule, Seen};
use crate::{EAST, WEST};
use std::time::Duration;

/// How old the sight of a healthy target may be when its address is published: a look, the call, and its way.
const SIGHT_MAX: Duration = Duration::from_secs(60);

/// A region has been well or sick for so long that everybody knows.
const KNOWN_AFTER: Duration = Duration::from_secs(60);

pub(super) struct NeverEmptyNeverTheSick;

impl Rule for NeverEmptyNeverTheSick {
    fn id(&self) -> &'static str {
        "R23"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Applied(effect) = seen else { return None };
        if let Some(text) = last_one(facts, effect) {
            return Some(text);
        }
        let (before, after) = &effect.record;
        if after.targets.is_empty() {
            return Some(format!("the DNS record of {} is empty", effect.service));
        }
        if before == after {
            return None;
        }
        let region = after.targets.first()?.split('.').next()?;
        let promoted =
            facts.effects.iter().rev().find(|e| e.service == effect.service && e.promotes.is_some());
        if promoted.is_none_or(|promoted| promoted.promotes.as_deref() != Some(region)) {
            return Some(format!("DNS leads to {region}, and nothing was promoted there"));
        }
        let sick = facts.sick.get(&(effect.service.clone(), region.to_owned()))?.last()?;
        let gone = matches!(sick, (since, None) if *since + SIGHT_MAX < facts.now);
        gone.then(|| format!("DNS leads to {region}, which has been gone since {:?}", sick.0))
    }
}

/// All tasks are taken out of a region that is well, while the other one is not.
fn last_one(facts: &Facts, effect: &Effect) -> Option<String> {
    let emptied = effect.empties.as_ref()?;
    let other = if emptied == EAST { WEST } else { EAST };
    let sick = facts.sick_since(&effect.service, other).is_some_and(|since| since + KNOWN_AFTER < facts.now);
    let last = sick && facts.well_for(&effect.service, emptied, KNOWN_AFTER);
    last.then(|| format!("{emptied} is emptied, and {other} is sick"))
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a record that is empty, or leads to where nothing was promoted, or to a sick region, is seen. Method: each of
    /// them, and a right one.
    #[test]
    fn a_record_that_leads_nowhere() {
        let state = decided();
        let (mut facts, mut effect) = (facts(&state), effect(&state, "repoint"));
        effect.record.1 = record(WEST, 2);
        assert!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)).is_some());
        facts.effects.push(super::super::crafted::effect(&state, "promote"));
        assert_eq!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)), None);
        facts.condition(secs(1), crate::SHOP, WEST, true);
        assert!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)).is_some());
        facts.condition(secs(2), crate::SHOP, WEST, false);
        effect.record.1.targets.clear();
        assert!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)).is_some());
    }

    /// Goal: a fence around the last healthy region is seen. Method: the other one is well, and then sick for long.
    #[test]
    fn the_last_healthy_region() {
        let state = decided();
        let (mut facts, mut effect) = (facts(&state), effect(&state, "fence"));
        effect.empties = Some(EAST.to_owned());
        assert_eq!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)), None);
        facts.condition(secs(1), crate::SHOP, WEST, true);
        assert!(NeverEmptyNeverTheSick.see(&facts, &Seen::Applied(&effect)).is_some());
    }
}
