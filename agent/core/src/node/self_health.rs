//! Whether this agent can trust itself (R8). A process that was stopped, or a machine that was, wakes with a stale
//! view: it abstains from voting, deciding and acting until it has looked around again.

use quorate_policies::{Millis, Monotonic};

/// How often the shell ticks the node.
pub const TICK: Millis = Millis(100);
/// A tick that is so late means that the process did not run. Two seconds, as Sentinel's TILT has it.
const LATE_MAX: Millis = Millis(2_000);
/// How long the agent then abstains: several probes of every target at the usual interval, and reports from all
/// peers. Sentinel takes thirty seconds; ours has positive evidence to wait for, so ten are enough.
const ABSTAIN_FOR: Millis = Millis(10_000);

/// Late timers, remembered.
#[derive(Debug)]
pub(super) struct SelfHealth {
    ticked_at: Monotonic,
    until: Monotonic,
    lateness: Millis,
}

impl SelfHealth {
    pub(super) const fn new(now: Monotonic) -> Self {
        Self { ticked_at: now, until: Monotonic(0), lateness: Millis::ZERO }
    }

    /// The wall clock moved by so much against the monotonic one: the machine slept, was paused, or was set. Which one
    /// cannot be known from inside.
    pub(super) fn clock_jumped(&mut self, now: Monotonic, by: Millis) {
        self.lateness = by;
        self.until = now.plus(ABSTAIN_FOR);
    }

    pub(super) fn tick(&mut self, now: Monotonic) {
        let gap = now.since(self.ticked_at);
        self.ticked_at = now;
        if gap > LATE_MAX {
            self.lateness = gap;
            self.until = now.plus(ABSTAIN_FOR);
        }
    }

    /// Also true between waking and the first tick: the gap is seen whoever looks first.
    pub(super) fn abstains(&self, now: Monotonic) -> bool {
        now < self.until || now.since(self.ticked_at) > LATE_MAX
    }

    pub(super) fn reason(&self, now: Monotonic) -> Option<String> {
        self.abstains(now).then(|| {
            let gap = self.lateness.max(now.since(self.ticked_at));
            format!("this process did not run, or its clock jumped, for {gap}: it abstains until it has looked around")
        })
    }
}
