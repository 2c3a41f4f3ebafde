//! A confirmation: a few probes in quick succession after a first failure, so that the thresholds are reached in
//! a fraction of the intervals that they would take. It ends by itself.

use quorate_policies::time::{Millis, Monotonic};

/// One confirmation of one target.
#[derive(Debug, Clone)]
pub(super) struct Burst {
    /// How many more results it waits for; never zero.
    left: u32,
    /// When the next of its probes is due.
    due: Monotonic,
}

impl Burst {
    /// A confirmation that waits for `left` results, the first as of `due`; none if there is nothing to wait for.
    pub(super) fn new(left: u32, due: Monotonic) -> Option<Self> {
        (left > 0).then_some(Self { left, due })
    }

    /// When the next probe is due.
    pub(super) fn due(&self) -> Monotonic {
        self.due
    }

    /// A probe started; the next one keeps the confirm interval, however long this one takes.
    pub(super) fn started(&mut self, now: Monotonic, confirm_interval: Millis) {
        self.due = now.plus(confirm_interval);
    }

    /// A probe ended without a success. Returns what is left of the confirmation.
    pub(super) fn ended(self, now: Monotonic) -> Option<Self> {
        Self::new(self.left - 1, self.due.max(now))
    }
}
