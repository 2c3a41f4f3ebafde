//! How far the outside has been told: the mark moves over an audit entry only when every receiver of it, and of all
//! before it, has taken it or was given up on. Pure.

use std::collections::BTreeMap;

/// The state of all events under way.
#[derive(Debug)]
pub(super) struct Progress {
    /// The latest entry that was handed out, whether or not it was an event.
    handed: u64,
    /// Receivers that have not ended, by entry.
    open: BTreeMap<u64, usize>,
}

impl Progress {
    /// Everything up to `mark` has been told.
    pub(super) const fn new(mark: u64) -> Self {
        Self { handed: mark, open: BTreeMap::new() }
    }

    /// The latest entry that was handed out.
    pub(super) const fn handed(&self) -> u64 {
        self.handed
    }

    /// An entry was handed to so many receivers.
    pub(super) fn hand(&mut self, sequence: u64, receivers: usize) {
        self.handed = self.handed.max(sequence);
        if receivers > 0 {
            *self.open.entry(sequence).or_insert(0) += receivers;
        }
    }

    /// One receiver has ended with an entry.
    pub(super) fn end(&mut self, sequence: u64) {
        if let Some(open) = self.open.get_mut(&sequence) {
            *open -= 1;
            if *open == 0 {
                self.open.remove(&sequence);
            }
        }
    }

    /// Up to which entry the outside has been told.
    pub(super) fn mark(&self) -> u64 {
        self.open.first_key_value().map_or(self.handed, |(first, _)| first - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the mark waits for the slowest receiver of the earliest event, and for nobody without one. Method: three
    /// entries, of which the second has no receiver, ended out of order.
    #[test]
    fn the_mark_waits_for_the_slowest() {
        let mut progress = Progress::new(4);
        assert_eq!(progress.mark(), 4);
        progress.hand(5, 2);
        progress.hand(6, 0);
        progress.hand(7, 1);
        progress.end(7);
        progress.end(5);
        assert_eq!(progress.mark(), 4, "one receiver of entry 5 has not ended");
        progress.end(5);
        assert_eq!(progress.mark(), 7);
        progress.end(5);
        assert_eq!((progress.mark(), progress.handed()), (7, 7), "an end too many changes nothing");
    }
}
