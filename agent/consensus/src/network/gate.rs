//! The quorum-loss gate: a leader that no quorum answers falls silent, so that the others replace it.
//!
//! A leader that can send but not receive keeps its followers loyal for ever: each of its appends renews
//! their patience, and no reply tells it that nobody can commit. So once its last acknowledgement by a quorum
//! is older than the longest election timeout, appends and snapshots are not sent for two such timeouts, long
//! enough for the others to elect; then they are sent for two, in case it was the network; and so on.
//!
//! The gate only drops messages, which Raft tolerates at any time, so it cannot harm safety.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Decisions in a longest election timeout: one that is late by a sixth of it still leaves the others nearly all of a silent
/// phase.
const DECISIONS_PER_ELECTION: u32 = 6;

/// Length of a silent and of a sending phase, in longest election timeouts: the followers' patience takes
/// one, the election that follows at most another.
const PHASE_ELECTIONS: u32 = 2;

/// Whether a node must be silent.
///
/// `silence` is the time since a quorum last acknowledged this leader, or since it became leader if none has
/// yet; `None` for a node that does not lead. `longest` is the longest election timeout.
pub(crate) fn is_quiet(silence: Option<Duration>, longest: Duration) -> bool {
    let Some(overdue) = silence.and_then(|silence| silence.checked_sub(longest)) else { return false };
    let phase = longest * PHASE_ELECTIONS;
    // A leader is heard by whoever could elect another one just when its patience ends, so the limit counts.
    (overdue.as_nanos() / phase.as_nanos().max(1)).is_multiple_of(2)
}

/// How often a node decides. `longest` is the longest election timeout.
pub(crate) fn decides_every(longest: Duration) -> Duration {
    longest / DECISIONS_PER_ELECTION
}

/// The decision, shared with everything that sends as a leader.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<AtomicBool>);

impl Gate {
    pub(crate) fn set_quiet(&self, quiet: bool) {
        self.0.store(quiet, Ordering::Relaxed);
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(300);

    /// Goal: a follower and a leader in contact are never silent. Method: no silence, and short silences.
    #[test]
    fn contact_keeps_the_gate_open() {
        assert!(!is_quiet(None, LONGEST));
        assert!(!is_quiet(Some(Duration::ZERO), LONGEST));
        assert!(!is_quiet(Some(LONGEST - Duration::from_nanos(1)), LONGEST));
    }

    /// Goal: silence and sending alternate, each for two longest timeouts, silence first. Method: walk through
    /// the silence in steps and record the changes.
    #[test]
    fn silence_and_sending_alternate() {
        let changes: Vec<(u128, bool)> = (0..=30)
            .map(|step| LONGEST / 2 * step)
            .map(|silence| (silence.as_millis(), is_quiet(Some(silence), LONGEST)))
            .fold(Vec::new(), |mut changes, (at, quiet)| {
                if changes.last().map(|&(_, last)| last) != Some(quiet) {
                    changes.push((at, quiet));
                }
                changes
            });
        let expected = [
            (0, false),
            (300, true),
            (900, false),
            (1500, true),
            (2100, false),
            (2700, true),
            (3300, false),
            (3900, true),
            (4500, false),
        ];
        assert_eq!(changes, expected);
    }
}
