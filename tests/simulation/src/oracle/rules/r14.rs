//! R14: a fence is judged by its effect: once a standby is being promoted, no write of an application that honours the
//! lease is acknowledged elsewhere. CloudNativePG #11280: connections committed for 185 s behind a fence.

use super::{Facts, Rule, Seen};
use crate::cloud::World;

pub(super) struct NoWriteBesideThePromoted;

impl Rule for NoWriteBesideThePromoted {
    fn id(&self) -> &'static str {
        "R14"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Acknowledged { service, region } = seen else { return None };
        if !World::honours_lease(service) {
            return None;
        }
        let promoted = facts.effects.iter().rev().find(|e| e.service == *service && e.promotes.is_some())?;
        let elsewhere = promoted.promotes.as_deref() != Some(*region);
        elsewhere.then(|| format!("{service} acknowledged a write in {region} after `{}`", promoted.meaning))
    }
}
