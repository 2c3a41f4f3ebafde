//! The dry runs that the leader has asked its shell for. A look at a plan takes seconds and talks to the world, so it is asked for
//! and answered later; what was found is proposed by whoever leads then, and the log records it once.

use super::looks::shortened;
use crate::cluster::drill::DryRun;
use quorate_policies::{DrillName, Millis, Monotonic, ServiceName};
use std::collections::BTreeMap;

/// A look is worth nothing after so long, and is asked for again: each of its steps may take eight seconds, and all are looked at
/// side by side.
const LOOK_MAX: Millis = Millis::from_secs(60);

/// Which drill.
pub(super) type Key = (ServiceName, DrillName);

/// What was asked for.
#[derive(Debug, Default)]
pub(super) struct DryRuns {
    asked: BTreeMap<Key, Asked>,
}

#[derive(Debug)]
struct Asked {
    count: u64,
    at: Monotonic,
    found: Option<DryRun>,
}

/// What is to be done about a dry run that is due.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ask for it.
    Ask,
    /// It is being made.
    Wait,
    /// It was made.
    Propose(DryRun),
}

impl DryRuns {
    /// What is to be done about one that is due for this many runs.
    pub(super) fn turn(&mut self, now: Monotonic, key: &Key, count: u64) -> Turn {
        let young = |asked: &&Asked| asked.count == count && now.since(asked.at) < LOOK_MAX;
        match self.asked.get(key).filter(young) {
            Some(Asked { found: Some(found), .. }) => Turn::Propose(found.clone()),
            Some(_) => Turn::Wait,
            None => {
                self.asked.insert(key.clone(), Asked { count, at: now, found: None });
                Turn::Ask
            }
        }
    }

    /// Takes what was found, if it was asked for.
    pub(super) fn looked(&mut self, key: &Key, count: u64, found: DryRun) {
        if let Some(asked) = self.asked.get_mut(key).filter(|asked| asked.count == count) {
            let outcome = shortened(&found.outcome);
            asked.found = Some(DryRun { outcome, ..found });
        }
    }

    /// Forgets services that are no more.
    pub(super) fn retain(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.asked.retain(|(service, _), _| known(service));
    }
}
