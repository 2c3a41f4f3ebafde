//! This program's clock: milliseconds since the machine started, also while it sleeps. The only place that reads it.

use quorate_policies::Monotonic;
use rustix::time::{ClockId, clock_gettime};

/// Now. A part of a millisecond is cut off.
#[must_use]
pub fn now() -> Monotonic {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let millis = u64::try_from(now.tv_nsec).unwrap_or_default() / 1_000_000;
    Monotonic(seconds * 1_000 + millis)
}
