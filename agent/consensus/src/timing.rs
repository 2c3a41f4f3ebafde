//! The election clock: two measured profiles and the relations that any profile must keep.
//!
//! The values are public because others check their own against them: a lease must outlast a takeover, and a
//! dwell must outlast a lease.

use std::time::Duration;

/// Below this a heartbeat costs more than the leader it watches over, and timers are no longer accurate.
const HEARTBEAT_MIN: Duration = Duration::from_millis(10);

/// Above this a dead leader is noticed so late that automatic failover has lost its point.
const ELECTION_MAX: Duration = Duration::from_secs(60);

/// Missed heartbeats that a follower forgives before it suspects the leader: one may be lost and one late.
const HEARTBEATS_PER_ELECTION: u32 = 3;

/// How long heartbeats and elections take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Time between two heartbeats. It is also the deadline of one append, so the round trip between any two
    /// members, with one durable write, must stay below it.
    pub heartbeat: Duration,
    /// The shortest time after which a follower may try to become leader.
    pub election_min: Duration,
    /// The longest such time. It is also how long a follower protects a leader it has heard from.
    pub election_max: Duration,
}

/// A relation between the timings that does not hold (R29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// Heartbeats are too frequent.
    #[error("heartbeat {0:?} is below {HEARTBEAT_MIN:?}")]
    HeartbeatTooShort(Duration),
    /// One late heartbeat would start an election.
    #[error(
        "{HEARTBEATS_PER_ELECTION} x heartbeat {heartbeat:?} must not exceed election_min {election_min:?}"
    )]
    ElectionTooShort {
        /// The heartbeat given.
        heartbeat: Duration,
        /// The shortest election timeout given.
        election_min: Duration,
    },
    /// Two candidates would start together and split the votes again and again.
    #[error("election_max {election_max:?} must be at least 1.5 x election_min {election_min:?}")]
    SpreadTooSmall {
        /// The shortest election timeout given.
        election_min: Duration,
        /// The longest election timeout given.
        election_max: Duration,
    },
    /// A dead leader would be noticed too late.
    #[error("election_max {0:?} is above {ELECTION_MAX:?}")]
    ElectionTooLong(Duration),
}

impl Timing {
    /// For members in one building or one region: a dead leader is replaced in about a fifth of a second, and a lease of
    /// half a second outlives it.
    pub const fn lan() -> Self {
        Self {
            heartbeat: Duration::from_millis(20),
            election_min: Duration::from_millis(60),
            election_max: Duration::from_millis(120),
        }
    }

    /// For members in several regions, the default: round trips up to 200 ms, replacement in about two seconds.
    pub const fn wan() -> Self {
        Self {
            heartbeat: Duration::from_millis(250),
            election_min: Duration::from_millis(750),
            election_max: Duration::from_millis(1500),
        }
    }

    /// The time after which the followers of a dead leader have usually replaced it: they protect it for one
    /// `election_max` and then wait a random election timeout of at most another. A split vote adds more.
    pub const fn takeover_max(&self) -> Duration {
        self.election_max.saturating_mul(2)
    }

    /// Checks every relation; the first broken one is the error.
    pub fn validate(&self) -> Result<(), TimingError> {
        let Self { heartbeat, election_min, election_max } = *self;
        if heartbeat < HEARTBEAT_MIN {
            return Err(TimingError::HeartbeatTooShort(heartbeat));
        }
        if heartbeat.saturating_mul(HEARTBEATS_PER_ELECTION) > election_min {
            return Err(TimingError::ElectionTooShort { heartbeat, election_min });
        }
        if election_min.saturating_mul(3) > election_max.saturating_mul(2) {
            return Err(TimingError::SpreadTooSmall { election_min, election_max });
        }
        if election_max > ELECTION_MAX {
            return Err(TimingError::ElectionTooLong(election_max));
        }
        Ok(())
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::wan()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the shipped profiles are valid. Method: validate both.
    #[test]
    fn both_profiles_hold_every_relation() {
        assert_eq!(Timing::lan().validate(), Ok(()));
        assert_eq!(Timing::wan().validate(), Ok(()));
    }

    /// Goal: each relation is refused by its own name. Method: break one at a time.
    #[test]
    fn a_broken_relation_is_named() {
        let ms = Duration::from_millis;
        let wan = Timing::wan();
        let cases = [
            (Timing { heartbeat: ms(9), ..wan }, TimingError::HeartbeatTooShort(ms(9))),
            (
                Timing { heartbeat: ms(251), ..wan },
                TimingError::ElectionTooShort { heartbeat: ms(251), election_min: ms(750) },
            ),
            (
                Timing { election_max: ms(1124), ..wan },
                TimingError::SpreadTooSmall { election_min: ms(750), election_max: ms(1124) },
            ),
            (Timing { election_max: ms(60_001), ..wan }, TimingError::ElectionTooLong(ms(60_001))),
        ];
        for (timing, error) in cases {
            assert_eq!(timing.validate(), Err(error));
        }
    }
}
