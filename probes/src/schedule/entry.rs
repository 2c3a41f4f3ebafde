//! The state of one target: its slots, its confirmation, and how many failures in a row were seen.
//!
//! Probes are bounded whatever peers say: a regular slot starts at most one confirmation of `fall - 1` further
//! probes, and only when the target had not failed before; a peer starts at most one of `fall` probes per
//! interval, and none once the failures have reached `fall`.

use super::{Cadence, Confirmation, burst::Burst, slots::Slots};
use quorate_policies::{
    health::Observation,
    time::{Millis, Monotonic},
};
use rand::Rng;

/// One target.
#[derive(Debug)]
pub(super) struct Entry {
    cadence: Cadence,
    slots: Slots,
    burst: Option<Burst>,
    /// When the last confirmation ended.
    burst_ended: Option<Monotonic>,
    /// Failures in a row, as the results came in.
    failures: u32,
    /// Whether the wait of the due probe has been counted.
    waiting: bool,
}

/// What starting a due target came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Started {
    /// How late the probe starts; none if it does not, because its slot had passed.
    pub(super) lag: Option<Millis>,
    pub(super) confirming: bool,
    /// Slots that were passed over.
    pub(super) missed: u64,
}

impl Entry {
    pub(super) fn new(cadence: Cadence, slots: Slots) -> Self {
        Self { cadence, slots, burst: None, burst_ended: None, failures: 0, waiting: false }
    }

    pub(super) fn cadence(&self) -> Cadence {
        self.cadence
    }

    /// When the target is due next, if no probe is in flight.
    pub(super) fn due(&self) -> Monotonic {
        match &self.burst {
            Some(burst) => burst.due(),
            None => self.slots.due(),
        }
    }

    /// Notes that the due probe waits. Returns whether that is news.
    pub(super) fn note_waiting(&mut self) -> bool {
        !std::mem::replace(&mut self.waiting, true)
    }

    /// Starts the due probe.
    pub(super) fn start(&mut self, now: Monotonic, random: &mut impl Rng) -> Started {
        self.waiting = false;
        if let Some(burst) = &mut self.burst {
            let lag = now.since(burst.due());
            burst.started(now, self.cadence.confirm_interval);
            return Started { lag: Some(lag), confirming: true, missed: 0 };
        }
        let missed = self.slots.skip_late(now, random);
        if self.slots.due() > now {
            return Started { lag: None, confirming: false, missed };
        }
        let lag = now.since(self.slots.due());
        self.slots.advance(random);
        Started { lag: Some(lag), confirming: false, missed }
    }

    /// Takes a result. Returns how many slots passed while the probe was in flight.
    pub(super) fn finish(&mut self, now: Monotonic, observation: Observation, random: &mut impl Rng) -> u64 {
        let first_failure = self.failures == 0;
        match observation {
            Observation::Success => self.failures = 0,
            Observation::Failure(_) => self.failures = self.failures.saturating_add(1),
            Observation::Nothing(_) => {}
        }
        match (self.burst.take(), observation) {
            (Some(burst), Observation::Failure(_) | Observation::Nothing(_)) => {
                self.burst = burst.ended(now);
                self.note_end(now);
                // The confirmation looks oftener than the slots would; they are no loss.
                self.slots.skip_to(now, random);
                0
            }
            (Some(_), Observation::Success) => {
                self.note_end(now);
                self.slots.skip_to(now, random);
                0
            }
            (None, Observation::Failure(_)) if first_failure => {
                self.burst = Burst::new(self.cadence.fall - 1, now);
                self.slots.skip_late(now, random)
            }
            (None, _) => self.slots.skip_late(now, random),
        }
    }

    fn note_end(&mut self, now: Monotonic) {
        if self.burst.is_none() {
            self.burst_ended = Some(now);
        }
    }

    /// A peer saw a failure.
    pub(super) fn confirm(&mut self, now: Monotonic) -> Confirmation {
        let recent = |ended: Monotonic| now.since(ended) < self.cadence.interval;
        if self.burst.is_some() {
            Confirmation::Running
        } else if self.failures >= self.cadence.fall {
            Confirmation::Settled
        } else if self.burst_ended.is_some_and(recent) {
            Confirmation::TooSoon
        } else {
            self.burst = Burst::new(self.cadence.fall, now);
            Confirmation::Started
        }
    }
}
