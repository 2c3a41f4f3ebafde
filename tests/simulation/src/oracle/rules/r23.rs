//! R23: DNS is never empty, and never leads to where nobody writes. AWS, October 2025: an empty record.

use super::{Facts, Rule, Seen};
use std::time::Duration;

/// How old the sight of a healthy target may be when its address is published: a look, the call, and its way.
const SIGHT_MAX: Duration = Duration::from_secs(60);

pub(super) struct NeverEmptyNeverTheSick;

impl Rule for NeverEmptyNeverTheSick {
    fn id(&self) -> &'static str {
        "R23"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Applied(effect) = seen else { return None };
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
