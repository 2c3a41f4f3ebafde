//! The agent's metrics for Prometheus. Counters and histograms are kept here as things happen; gauges are made at each
//! scrape from a plain [`Snapshot`], so that none can be stale. Label sets are closed: names of the configuration and
//! words of closed lists, never a URL, an address or an error's text (P23). A series stands at zero as soon as its
//! policy is known, so that the first event is an increase.

mod drills;
mod exchange;
mod failovers;
mod gauges;
mod probes;
mod series;
mod snapshot;

pub use snapshot::Snapshot;

use crate::shell::ProbeSeen;
use exchange::Exchange;
use failovers::Failovers;
use probes::Probes;
use prometheus::{Registry, TextEncoder, process_collector::ProcessCollector};
use quorate_core::{AuditEntry, Cluster};
use quorate_policies::{Millis, ServiceName, agreement::PolicyHash, document::AgentFile};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The content type of a scrape's answer; Prometheus 3 refuses one without.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// What became of one event for one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Delivered,
    /// It was tried as often as allowed, or the receiver refused it.
    GivenUp,
    /// It was never tried, because too many were waiting.
    Dropped,
}

/// The metrics of one agent.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    probes: Probes,
    failovers: Failovers,
    exchange: Exchange,
    /// The latest audit entry that was counted.
    counted: Mutex<u64>,
    /// Policies whose series stand already.
    prepared: Mutex<BTreeMap<ServiceName, PolicyHash>>,
}

impl Metrics {
    /// The metrics of one agent, all at zero.
    #[must_use]
    pub fn new(file: &AgentFile) -> Self {
        let registry = Registry::new();
        series::register(&registry, ProcessCollector::for_self());
        let exchange = Exchange::new(&registry);
        file.webhooks.keys().for_each(|name| exchange.prepare_webhook(name));
        Self {
            probes: Probes::new(&registry),
            failovers: Failovers::new(&registry),
            exchange,
            registry,
            counted: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    /// Counts one probe's result.
    pub fn probe(&self, seen: &ProbeSeen) {
        self.probes.seen(seen);
    }

    /// Takes the schedule's figures: how late the latest probe started, how many slots were missed since the start,
    /// and how many probes are under way.
    pub fn schedule(&self, lag: Millis, missed: u64, in_flight: usize) {
        self.probes.schedule(lag, missed, in_flight);
    }

    /// Counts one audit entry. `cluster` is the state after it, or a later one. An entry counts once, however often it
    /// is handed in.
    pub fn audit(&self, entry: &AuditEntry, cluster: &Cluster) {
        self.prepare(cluster);
        let mut counted = lock(&self.counted);
        if entry.sequence > *counted {
            *counted = entry.sequence;
            self.failovers.audit(entry, cluster);
        }
    }

    /// Counts an audit entry that could not be written to the agent's own file.
    pub fn audit_write_failed(&self) {
        self.failovers.write_errors.inc();
    }

    /// Counts that the certificates' files were read while the agent ran, and whether they could be used.
    pub fn certificates_read(&self, usable: bool) {
        self.exchange.certificates_read(usable);
    }

    /// Counts a request to the API; `path` is a route's, not the request's own.
    pub fn http_request(&self, method: &str, path: &str, status: u16) {
        self.exchange.request(method, path, status);
    }

    /// Counts what became of one event for one webhook.
    pub fn notification(&self, webhook: &str, event: &str, delivery: Delivery) {
        self.exchange.notification(webhook, event, delivery);
    }

    /// Everything, in Prometheus' text format.
    #[must_use]
    pub fn scrape(&self, snapshot: &Snapshot) -> String {
        self.prepare(&snapshot.cluster);
        let mut families = self.registry.gather();
        families.extend(gauges::families(snapshot));
        families.sort_by(|a, b| a.name().cmp(b.name()));
        TextEncoder::new().encode_to_string(&families).unwrap_or_else(|error| {
            tracing::error!(%error, "the metrics cannot be written");
            String::new()
        })
    }

    /// Makes the series of every policy that is new or has changed.
    fn prepare(&self, cluster: &Cluster) {
        let mut prepared = lock(&self.prepared);
        for (name, state) in &cluster.services {
            if prepared.get(name) != Some(&state.policy_hash) {
                self.probes.prepare(&state.policy);
                self.failovers.prepare(&state.policy);
                state
                    .policy
                    .communication
                    .webhooks
                    .iter()
                    .for_each(|hook| self.exchange.prepare_webhook(&hook.name));
                let channels = state.policy.communication.channels.keys();
                channels.for_each(|channel| self.exchange.prepare_channel(channel.as_str()));
                prepared.insert(name.clone(), state.policy_hash.clone());
            }
        }
    }
}

/// A lock whose holder has panicked still guards a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
