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

#[derive(Debug, Clone, Copy)]
struct Reading {
    behind: Millis,
    /// How old the measurement was when it came. It may be older than this process, whose clock began at zero.
    measured: Millis,
    came_at: Monotonic,
}

impl Reading {
    const fn age(&self, now: Monotonic) -> Millis {
        Millis(self.measured.0.saturating_add(now.since(self.came_at).0))
    }
}

impl Lags {
    /// Takes a reading that was made so long ago, unless a later one is held.
    pub(super) fn read(
        &mut self,
        now: Monotonic,
        service: ServiceName,
        replica: String,
        behind: Millis,
        measured: Millis,
    ) {
        let reading = Reading { behind, measured, came_at: now };
        let key = (service, replica);
        let newer = self.latest.get(&key).is_none_or(|held| measured <= held.age(now));
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
                behind: reading.behind,
                measured: reading.age(now),
            })
            .collect()
    }

    /// Forgets services that are no more.
    pub(super) fn retain(&mut self, known: impl Fn(&ServiceName) -> bool) {
        self.latest.retain(|(service, _), _| known(service));
    }
}
