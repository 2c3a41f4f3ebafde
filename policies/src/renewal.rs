//! What a lease leaves to those who write under it: how often agents renew it, and what a guard beside a database needs of
//! that. Lengths only; who may hold a lease is the log's to say.

use crate::time::Millis;

/// Agents renew a lease each time a fifth of it has passed: what is left outlives the election after a leader's death, and
/// renewals may be lost.
const PARTS: u64 = 5;

/// How long after a renewal the next one is due.
#[must_use]
pub const fn due_after(ttl: Millis) -> Millis {
    Millis(ttl.0 / PARTS)
}

/// What is left of a lease at the least, just before it is renewed.
#[must_use]
pub const fn sure(ttl: Millis) -> Millis {
    Millis(ttl.0 - ttl.0 / PARTS)
}

/// What a guard needs to be left of each lease that it is told: one answer may be lost, and the server must still be
/// stopped in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// How often it asks.
    pub ask_every: Millis,
    /// How long it waits for an answer.
    pub deadline: Millis,
    /// How long before the lease's end it stops its server.
    pub stop_time: Millis,
}

impl Needs {
    /// A guard's own default lengths: for a lease of half a second and a server that dies within 60 ms.
    pub const DEFAULT: Self = Self { ask_every: Millis(50), deadline: Millis(150), stop_time: Millis(60) };

    /// The same, where an answer may have to wait until a new leader stands.
    #[must_use]
    pub fn through(self, takeover: Millis) -> Self {
        Self { deadline: self.deadline.max(takeover), ..self }
    }

    /// All three, one after the other.
    #[must_use]
    pub const fn length(self) -> Millis {
        self.ask_every.plus(self.deadline).plus(self.stop_time)
    }

    /// The shortest lease that leaves as much.
    #[must_use]
    pub const fn ttl_min(self) -> Millis {
        Millis(self.length().0.saturating_sub(1).saturating_mul(PARTS) / (PARTS - 1) + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Goal: the shortest lease is enough, and one that is a millisecond shorter is not. Method: any lengths.
        #[test]
        fn the_shortest_lease_is_just_enough(ask in 1_u64..5_000, deadline in 0_u64..5_000, stop in 0_u64..5_000) {
            let needs = Needs { ask_every: Millis(ask), deadline: Millis(deadline), stop_time: Millis(stop) };
            let least = needs.ttl_min();
            prop_assert!(needs.length() <= sure(least));
            prop_assert!(needs.length() > sure(Millis(least.0 - 1)));
        }
    }
}
