//! The one place where clocks are read. The wall clock is read once, at the start, and then moved by the monotonic
//! one, so that a step of NTP moves neither leases nor stamps (F14).

use quorate_core::node::Now;
use quorate_policies::{Monotonic, Timestamp};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    wall: u64,
}

impl Clock {
    /// Reads the wall clock, once.
    #[must_use]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), wall: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Both readings.
    #[must_use]
    pub fn now(&self) -> Now {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now { mono: Monotonic(passed), wall: Timestamp(self.wall.saturating_add(passed)) }
    }
}
