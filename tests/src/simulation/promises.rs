//! The write lease as the applications see it: an answer with a remaining time is a promise, and no two regions may
//! have one at the same moment (R13), whatever the agents think of each other.

use std::{collections::BTreeMap, time::Duration};

/// Every region's latest promise.
#[derive(Debug, Default)]
pub(super) struct Promises {
    until: BTreeMap<String, Duration>,
    epochs: BTreeMap<String, u64>,
    newest: u64,
}

impl Promises {
    /// A region's agent has promised. Returns what is wrong with it, and whether it is news.
    pub(super) fn promised(
        &mut self,
        now: Duration,
        region: &str,
        epoch: u64,
        until: Duration,
    ) -> (Option<String>, bool) {
        let news = self.epochs.insert(region.to_owned(), epoch) != Some(epoch)
            || self.until.get(region).is_none_or(|before| *before < now);
        let mine = self.until.entry(region.to_owned()).or_default();
        *mine = (*mine).max(until);
        if epoch < self.newest {
            let text =
                format!("R4: {region} was given the lease at epoch {epoch} after epoch {}", self.newest);
            return (Some(text), news);
        }
        self.newest = epoch;
        let wrong = self.other(now, region).map(|(other, left)| {
            format!("R13: {region} and {other} hold the write lease at once, {other} for {left:?} more")
        });
        (wrong, news)
    }

    /// A region other than this one whose promise still holds.
    pub(super) fn other(&self, now: Duration, region: &str) -> Option<(String, Duration)> {
        let others = self.until.iter().filter(|(name, _)| *name != region);
        others.filter(|(_, until)| **until > now).map(|(name, until)| (name.clone(), *until - now)).next()
    }
}
