//! The one deadline of a probe, and the reason that its expiry gives: the phase that hung. It also notices when
//! the prober itself was late, because then an expiry says nothing about the target (R8).

use crate::result::Failure;
use quorate_policies::health::FailureReason;
use std::time::{Duration, Instant};

/// How late a timer may fire before the prober no longer trusts its own expiry. Timers have a resolution of one
/// millisecond and a busy two-core host delays them by some tens; a tenth of a second means that the process was
/// paused or starved, and that a reply may have waited unread.
const LATE_MAX: Duration = Duration::from_millis(100);

/// The moment by which a probe must have ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    allowed: Duration,
}

impl Deadline {
    pub(super) fn new(started: Instant, allowed: Duration) -> Self {
        // A timeout too long for the clock is as good as a day; no policy means it.
        let at = started.checked_add(allowed).unwrap_or(started + Duration::from_secs(86_400));
        Self { at, allowed }
    }

    /// The time left.
    pub(super) fn left(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Half of the time left, as a deadline of its own.
    pub(super) fn half(&self) -> Self {
        let left = self.left() / 2;
        Self { at: Instant::now() + left, allowed: left }
    }

    /// Waits for `work`, at most until the deadline; then `reason` tells which phase hung. Work that is ready
    /// counts even when the timer is: what has arrived is evidence.
    pub(super) async fn bound<T>(
        &self,
        work: impl Future<Output = T>,
        reason: FailureReason,
        phase: &str,
    ) -> Result<T, Failure> {
        tokio::time::timeout_at(self.at.into(), work).await.map_err(|_| {
            let late = self.at.elapsed();
            match late > LATE_MAX {
                true => Failure::new(
                    FailureReason::LocalResource,
                    format!("{phase}: the prober itself woke {late:?} after its deadline"),
                ),
                false => Failure::new(reason, format!("{phase} had not ended after {:?}", self.allowed)),
            }
        })
    }
}
