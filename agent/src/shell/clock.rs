//! The one place where clocks are read. The wall clock is read once, at the start, and then moved by a monotonic one, so
//! that a step of NTP moves neither leases nor stamps (F14). The monotonic clock is the one that also runs while the
//! machine sleeps: a lease must not outlive a night in which nobody renewed it.

use quorate_core::node::Now;
use quorate_policies::{Millis, Monotonic, Timestamp};
use rustix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// Both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: u64,
    wall: u64,
}

impl Clock {
    /// Reads the wall clock, once.
    #[must_use]
    pub fn start() -> Self {
        Self { start: since_boot(), wall: wall() }
    }

    /// Both readings.
    #[must_use]
    pub fn now(&self) -> Now {
        let passed = since_boot().saturating_sub(self.start);
        Now { mono: Monotonic(passed), wall: Timestamp(self.wall.saturating_add(passed)) }
    }

    /// By how many milliseconds the system's wall clock has moved against this one since the start.
    #[must_use]
    pub fn moved(&self) -> i64 {
        let (then, now) = (self.wall.saturating_sub(self.start), self.wall_offset());
        i64::try_from(i128::from(now) - i128::from(then)).unwrap_or(i64::MAX)
    }

    /// By how much the system's wall clock is ahead of the monotonic one, in milliseconds. It changes when the clock is
    /// set, and when a paused machine finds its time again.
    #[must_use]
    pub fn wall_offset(&self) -> u64 {
        wall().saturating_sub(since_boot())
    }
}

fn wall() -> u64 {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::of(passed).0
}

/// Milliseconds since the machine booted, sleep included.
fn since_boot() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    seconds.unwrap_or_default() * 1_000 + nanoseconds.unwrap_or_default() / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: both clocks move together and forward. Method: two readings.
    #[test]
    fn both_clocks_move_together() {
        let clock = Clock::start();
        let (first, second) = (clock.now(), clock.now());
        assert!(second.mono >= first.mono);
        assert_eq!(second.wall.since(first.wall), second.mono.since(first.mono));
    }
}
