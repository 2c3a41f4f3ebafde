//! The world's clock: milliseconds since the Unix epoch that never go back, because they are read once from
//! the wall and then counted by a steady clock. Only servers read it; the world is told the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A steady clock that tells wall time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    began: Instant,
    began_ms: u64,
}

impl Clock {
    /// A clock that starts at the wall's time.
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Clock { began: Instant::now(), began_ms: milliseconds(since_epoch) }
    }

    /// Now, in milliseconds.
    pub(crate) fn now_ms(&self) -> u64 {
        self.began_ms + milliseconds(self.began.elapsed())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
