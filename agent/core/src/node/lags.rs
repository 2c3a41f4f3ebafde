//! How far replicas are behind, as this agent last knew. An unknown reading never replaces a known one: what was known
//! grows old by itself, and how old it may be is for the guard to say (R7, R16).

use quorate_policies::{Millis, Monotonic, ServiceName, agreement::ReplicaLag};
use std::collections::BTreeMap;

/// Replicas that are remembered; far more than the plans of one agent's services promote.
const REPLICAS_MAX: usize = 256;

/// The latest known reading of each replica.
#[derive(Debug, Default)]
pub(super) struct Lags {
    latest: BTreeMap<(ServiceName, String), Reading>,
}

/// How far a replica was behind at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Measure {
    /// So long.
    pub(super) behind: Millis,
    /// How old the measurement was when it came. It may be older than this process, whose clock began at zero.
    pub(super) measured: Millis,
    /// How many bytes of its source's log it lacked, where that is known.
    pub(super) bytes: Option<u64>,
    /// Whether every commit waited for it.
    pub(super) confirmed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    measure: Measure,
    came_at: Monotonic,
}

impl Reading {
    const fn age(&self, now: Monotonic) -> Millis {
        Millis(self.measure.measured.0.saturating_add(now.since(self.came_at).0))
    }
}

impl Lags {
    /// Takes a reading that was made so long ago, unless a later one is held.
    pub(super) fn read(&mut self, now: Monotonic, service: ServiceName, replica: String, measure: Measure) {
        let reading = Reading { measure, came_at: now };
        let key = (service, replica);
        let newer = self.latest.get(&key).is_none_or(|held| measure.measured <= held.age(now));
        if newer && (self.latest.contains_key(&key) || self.latest.len() < REPLICAS_MAX) {
            self.latest.insert(key, reading);
        }
    }

    /// What this agent reports of a service.
    pub(super) fn report(&self, now: Monotonic, service: &ServiceName) -> Vec<ReplicaLag> {
        let of_service = self.latest.iter().filter(|((name, _), _)| name == service);
        of_service
            .map(|((_, replica), reading)| ReplicaLag {
                replica: replica.clone(),
                behind: reading.measure.behind,
                measured: reading.age(now),
                bytes: reading.measure.bytes,
                confirmed: reading.measure.confirmed,
            })
            .collect()
    }

    /// Commits do not certainly wait any more for these replicas: what was read of them stands, as old as it is, and proves
    /// nothing of what was acknowledged since.
    pub(super) fn unconfirm(&mut self, service: &ServiceName, which: impl Fn(&str) -> bool) {
        for ((of, replica), reading) in &mut self.latest {
            reading.measure.confirmed &= of != service || !which(replica);
        }
    }

    /// Forgets services that are no more.
    pub(super) fn retain(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.latest.retain(|(service, _), _| known(service));
    }
}
