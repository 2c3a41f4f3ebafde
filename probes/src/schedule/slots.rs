//! The regular slots of one target: `phase + k * interval` on the agents' shared wall clock, translated to this
//! agent's monotonic clock. Slot `k` does not depend on when slot `k - 1` was used, so nothing drifts; the jitter
//! is added to a slot and never carried into the next.

use super::ScheduleSettings;
use quorate_policies::{
    name::TargetName,
    time::{Millis, Monotonic},
};
use rand::{Rng, RngExt};
use std::hash::{DefaultHasher, Hash, Hasher};

/// The jitter's share of an interval, as a divisor: 5 %, enough that agents do not stay in step with something
/// periodic at the target, and little against the third of an interval between two of three agents.
pub(super) const JITTER_DIVISOR: u64 = 20;

/// How late a slot may start, as a divisor of the interval. Beyond half of it the next slot is nearer, and two
/// probes in quick succession would test less than two that are spread.
pub(super) const LATE_DIVISOR: u64 = 2;

/// The slots of one target.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    interval: u64,
    phase: u64,
    wall_at_zero: u64,
    /// The next slot to be used.
    index: u64,
    /// When it is due, jitter included.
    due: Monotonic,
}

impl Slots {
    pub(super) fn new(
        target: &TargetName,
        interval: Millis,
        settings: &ScheduleSettings,
        now: Monotonic,
        random: &mut impl Rng,
    ) -> Self {
        let interval = interval.0.max(1);
        let agents = u64::from(settings.agents.max(1));
        let agent = u64::from(settings.agent_index) % agents;
        // The same on every agent, so that the distance between the agents' looks at one target holds; and the
        // same whatever other targets there are, so that a new policy does not move the old ones' slots.
        let mut hasher = DefaultHasher::new();
        target.to_string().hash(&mut hasher);
        let phase = (hasher.finish() % interval + interval.saturating_mul(agent) / agents) % interval;
        let mut slots = Self {
            interval,
            phase,
            wall_at_zero: settings.wall_at_zero.0,
            index: 0,
            due: Monotonic::default(),
        };
        slots.aim(slots.first_from(now), random);
        slots
    }

    /// When the next slot is due.
    pub(super) fn due(&self) -> Monotonic {
        self.due
    }

    /// Whether the next slot is too late to be used.
    pub(super) fn is_late(&self, now: Monotonic) -> bool {
        now.since(self.due).0 > self.interval / LATE_DIVISOR
    }

    /// Goes to the next slot after the current one has been used.
    pub(super) fn advance(&mut self, random: &mut impl Rng) {
        self.aim(self.index + 1, random);
    }

    /// Goes to the first slot that can still be used. Returns how many were passed over.
    pub(super) fn skip_late(&mut self, now: Monotonic, random: &mut impl Rng) -> u64 {
        if !self.is_late(now) {
            return 0;
        }
        let tolerated = self.interval / LATE_DIVISOR;
        let next = self.first_from(Monotonic(now.0.saturating_sub(tolerated))).max(self.index + 1);
        let passed = next - self.index;
        self.aim(next, random);
        passed
    }

    /// Goes to the first slot from `now` on, without counting: other probes have looked at the target meanwhile.
    pub(super) fn skip_to(&mut self, now: Monotonic, random: &mut impl Rng) {
        let next = self.first_from(now);
        if next > self.index {
            self.aim(next, random);
        }
    }

    fn aim(&mut self, index: u64, random: &mut impl Rng) {
        self.index = index;
        let jitter = random.random_range(0..=self.interval / JITTER_DIVISOR);
        let at = index.saturating_mul(self.interval).saturating_add(self.phase);
        self.due = Monotonic(at.saturating_sub(self.wall_at_zero).saturating_add(jitter));
    }

    fn first_from(&self, now: Monotonic) -> u64 {
        let wall = now.0.saturating_add(self.wall_at_zero);
        wall.saturating_sub(self.phase).div_ceil(self.interval)
    }
}
