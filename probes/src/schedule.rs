//! When which target is probed. Pure: `now` comes in, starts go out; it reads no clock and sends nothing.
//!
//! Every target has slots, one per interval, computed from a shared start and never from the last probe, so that
//! nothing drifts. Agents are spread over the interval and so are targets. A target never has two probes in
//! flight. After a first failure it is *confirmed*: probed at once and then every confirm interval, until `fall`
//! results or a success. What is due beyond the limit of probes in flight waits, the longest due first.

mod burst;
mod entry;
mod slots;

use entry::Entry;
use quorate_policies::{
    health::Observation,
    name::TargetName,
    policy::Probe,
    time::{Millis, Monotonic, Timestamp},
};
use rand::{SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};

/// Most probes in flight: half of the usual soft limit of 1,024 descriptors, because a probe may hold a socket
/// for its lookup beside its connection. A thousand targets at 1 s that answer in 100 ms need one hundred.
pub const IN_FLIGHT_MAX: usize = 512;

/// Settings of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleSettings {
    /// This agent's place among the configured agents, from 0.
    pub agent_index: u32,
    /// How many agents are configured.
    pub agents: u32,
    /// Seed of the jitter.
    pub seed: u64,
    /// Most probes in flight.
    pub in_flight_max: usize,
    /// The wall clock's reading at the zero of the monotonic clock. It aligns the agents' slots, so that three
    /// agents at 1 s look every 333 ms. Nothing is judged by it: a wrong clock only spreads worse.
    pub wall_at_zero: Timestamp,
}

impl Default for ScheduleSettings {
    fn default() -> Self {
        Self { agent_index: 0, agents: 1, seed: 0, in_flight_max: IN_FLIGHT_MAX, wall_at_zero: Timestamp(0) }
    }
}

/// How often a target is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cadence {
    interval: Millis,
    confirm_interval: Millis,
    fall: u32,
}

impl Cadence {
    /// A cadence. An interval of zero counts as one millisecond, a confirm interval beyond the interval as the
    /// interval, a fall of zero as one.
    #[must_use]
    pub fn new(interval: Millis, confirm_interval: Millis, fall: u32) -> Self {
        let interval = interval.max(Millis(1));
        Self { interval, confirm_interval: confirm_interval.min(interval), fall: fall.max(1) }
    }

    /// Time between two slots.
    #[must_use]
    pub fn interval(&self) -> Millis {
        self.interval
    }
}

impl From<&Probe> for Cadence {
    fn from(probe: &Probe) -> Self {
        Self::new(probe.interval, probe.confirm_interval, probe.fall)
    }
}

/// A probe to start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// What to probe.
    pub target: TargetName,
    /// How much later than due it starts.
    pub lag: Millis,
    /// Whether it confirms a failure, beside the regular slots.
    pub confirming: bool,
}

/// What became of the wish to confirm a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// The target is probed at once, or as soon as the probe in flight ends.
    Started,
    /// The target is being confirmed already.
    Running,
    /// This agent has seen `fall` failures in a row: there is nothing left to confirm.
    Settled,
    /// The last confirmation is too recent: a peer must not keep a target under confirmation for ever.
    TooSoon,
    /// This agent does not probe the target.
    NoSuchTarget,
}

/// Counts since the schedule was made, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Probes started.
    pub started: u64,
    /// Of these, to confirm a failure.
    pub confirming: u64,
    /// Slots skipped because they were too late, or because the target's probe was still in flight.
    pub missed: u64,
    /// Probes that had to wait because too many were in flight.
    pub waited: u64,
    /// Wishes to confirm that came too soon after the last confirmation.
    pub confirms_refused: u64,
}

/// When which target is probed.
#[derive(Debug)]
pub struct Schedule {
    settings: ScheduleSettings,
    random: StdRng,
    entries: BTreeMap<TargetName, Entry>,
    /// Every target that is not in flight, by when it is due.
    timeline: BTreeSet<(Monotonic, TargetName)>,
    /// Targets with a probe in flight; also ones that were removed meanwhile, so that a target which comes back
    /// still has only one.
    in_flight: BTreeSet<TargetName>,
    counters: Counters,
}

impl Schedule {
    /// A schedule without targets.
    #[must_use]
    pub fn new(settings: ScheduleSettings) -> Self {
        let random = StdRng::seed_from_u64(settings.seed);
        Self {
            settings,
            random,
            entries: BTreeMap::new(),
            timeline: BTreeSet::new(),
            in_flight: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// Replaces the set of targets. One that stays with the same cadence keeps its slots and its state.
    pub fn set_targets(&mut self, now: Monotonic, targets: BTreeMap<TargetName, Cadence>) {
        self.entries.retain(|name, entry| targets.get(name) == Some(&entry.cadence()));
        for (name, cadence) in targets {
            if !self.entries.contains_key(&name) {
                let slots = slots::Slots::new(&name, cadence.interval, &self.settings, now, &mut self.random);
                self.entries.insert(name, Entry::new(cadence, slots));
            }
        }
        let idle = self.entries.iter().filter(|(name, _)| !self.in_flight.contains(*name));
        self.timeline = idle.map(|(name, entry)| (entry.due(), name.clone())).collect();
    }

    /// The probes to start now, the longest due first, within the limit of probes in flight.
    pub fn due(&mut self, now: Monotonic) -> Vec<Start> {
        let mut starts = Vec::new();
        while self.in_flight.len() < self.settings.in_flight_max {
            match self.timeline.pop_first() {
                Some((at, name)) if at <= now => starts.extend(self.start(now, name)),
                Some(later) => {
                    self.timeline.insert(later);
                    break;
                }
                None => break,
            }
        }
        if self.in_flight.len() >= self.settings.in_flight_max {
            self.count_waiting(now);
        }
        starts
    }

    /// Starts a due target, unless its slot is too late: then the next slot is nearer and this one is missed.
    fn start(&mut self, now: Monotonic, name: TargetName) -> Option<Start> {
        let entry = self.entries.get_mut(&name)?;
        let started = entry.start(now, &mut self.random);
        self.counters.missed += started.missed;
        let Some(lag) = started.lag else {
            self.timeline.insert((entry.due(), name));
            return None;
        };
        self.in_flight.insert(name.clone());
        self.counters.started += 1;
        self.counters.confirming += u64::from(started.confirming);
        Some(Start { target: name, lag, confirming: started.confirming })
    }

    /// Counts each probe that waits once, however often it is passed over.
    fn count_waiting(&mut self, now: Monotonic) {
        for (_, name) in self.timeline.iter().take_while(|(at, _)| *at <= now) {
            if let Some(entry) = self.entries.get_mut(name) {
                self.counters.waited += u64::from(entry.note_waiting());
            }
        }
    }

    /// A probe ended. A first failure in a regular slot starts a confirmation; a success ends one. Must be called
    /// once for every start, also for a target that was removed meanwhile.
    pub fn finished(&mut self, target: &TargetName, now: Monotonic, observation: Observation) {
        if !self.in_flight.remove(target) {
            return;
        }
        if let Some(entry) = self.entries.get_mut(target) {
            self.counters.missed += entry.finish(now, observation, &mut self.random);
            self.timeline.insert((entry.due(), target.clone()));
        }
    }

    /// A failure of the target was seen, by a peer or otherwise: confirm it at once.
    pub fn confirm(&mut self, target: &TargetName, now: Monotonic) -> Confirmation {
        let Some(entry) = self.entries.get_mut(target) else { return Confirmation::NoSuchTarget };
        let was_due = entry.due();
        let confirmation = entry.confirm(now);
        if confirmation == Confirmation::TooSoon {
            self.counters.confirms_refused += 1;
        }
        let due = entry.due();
        if due != was_due && self.timeline.remove(&(was_due, target.clone())) {
            self.timeline.insert((due, target.clone()));
        }
        confirmation
    }

    /// When [`Schedule::due`] should be asked next; `None` until a probe ends or the targets change.
    #[must_use]
    pub fn next_wake(&self, now: Monotonic) -> Option<Monotonic> {
        match self.in_flight.len() < self.settings.in_flight_max {
            true => self.timeline.first().map(|(at, _)| (*at).max(now)),
            false => None,
        }
    }

    /// How many probes are in flight.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How many targets are due and wait.
    #[must_use]
    pub fn waiting(&self, now: Monotonic) -> usize {
        self.timeline.iter().take_while(|(at, _)| *at <= now).count()
    }

    /// Counts since the schedule was made.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }
}
