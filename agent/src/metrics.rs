//! The agent's metrics for Prometheus. Counters and histograms are kept here as things happen; gauges are made at each
//! scrape from a plain [`Snapshot`], so that none can be stale. Label sets are closed: names of the configuration and
//! words of closed lists, never a URL, an address or an error's text (P23). A series stands at zero as soon as its
//! policy is known, so that the first event is an increase.

pub mod blackbox;
mod clouds;
pub mod declared;
mod document;
mod exchange;
mod failovers;
mod gauges;
mod openmetrics;
mod own;
mod page;
mod probes;
mod series;
mod snapshot;

pub use document::document;
pub use exchange::{Reports, Waiting};
pub use snapshot::{Beside, Inside, Snapshot};

use crate::{
    peers::tls::Expiry,
    shell::{ProbeSeen, StoreFailures},
};
use clouds::Clouds;
use exchange::Exchange;
use failovers::Failovers;
use own::Own;
use probes::Probes;
use prometheus::{
    IntCounter, Registry, TextEncoder, process_collector::ProcessCollector, proto::MetricFamily,
};
use quorate_core::{AuditEntry, Cluster};
use quorate_policies::{Millis, ServiceName, agreement::PolicyHash, document::AgentFile};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Digits of the settings' hash: enough to see a difference.
const HASH_DIGITS: usize = 16;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Format {
    /// The content type; Prometheus 3 refuses an answer without.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => openmetrics::CONTENT_TYPE,
        }
    }

    /// The text of families.
    fn encode(self, families: &[MetricFamily]) -> String {
        match self {
            Format::Text => TextEncoder::new().encode_to_string(families).unwrap_or_else(|error| {
                tracing::error!(%error, "the metrics cannot be written");
                String::new()
            }),
            Format::OpenMetrics => openmetrics::encode(families),
        }
    }
}

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
    clouds: Clouds,
    own: Own,
    stalls: IntCounter,
    elections: IntCounter,
    config_hash: String,
    /// The latest term that was seen.
    term: Mutex<Option<u64>>,
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
        let peers = file.members.keys().filter(|name| **name != file.name);
        peers.for_each(|peer| exchange.prepare_peer(peer.as_str()));
        let settings = serde_json::to_vec(file).unwrap_or_default();
        let mut config_hash = data_encoding::HEXLOWER.encode(&Sha256::digest(settings));
        config_hash.truncate(HASH_DIGITS);
        Self {
            probes: Probes::new(&registry),
            failovers: Failovers::new(&registry),
            clouds: Clouds::new(&registry),
            own: Own::new(&registry),
            stalls: series::single(&registry, &declared::STALLS),
            elections: series::single(&registry, &declared::ELECTIONS),
            config_hash,
            term: Mutex::default(),
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

    /// Counts a tick that came too late.
    pub fn stalled(&self) {
        self.stalls.inc();
    }

    /// Counts the elections since the last term that was seen; the first one is where this process came in.
    pub fn term(&self, term: u64) {
        let mut seen = lock(&self.term);
        if let Some(before) = *seen {
            self.elections.inc_by(term.saturating_sub(before));
        }
        *seen = Some(seen.map_or(term, |before| before.max(term)));
    }

    /// What is sent to peers.
    #[must_use]
    pub fn reports(&self) -> Reports {
        self.exchange.reports.clone()
    }

    /// Who counts the calls to clouds.
    #[must_use]
    pub fn clouds(&self) -> Arc<dyn quorate_aws::CallWatch> {
        Arc::new(self.clouds.clone())
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

    /// Says until when the certificates hold that are in use from now on.
    pub fn certificates_in_use(&self, expiry: Expiry) {
        self.own.certificates(expiry);
    }

    /// Says what the data directory tells of failures of the store, in the processes before this one.
    pub fn store_failed_before(&self, failures: StoreFailures) {
        self.own.store_failed(failures);
    }

    /// Counts a request to the API; `path` is a route's, not the request's own.
    pub fn http_request(&self, method: &str, path: &str, status: u16) {
        self.exchange.request(method, path, status);
    }

    /// Something waits for a notifier, until what is returned is dropped.
    #[must_use]
    pub fn waiting(&self, notifier: &str) -> Waiting {
        self.exchange.waiting(notifier)
    }

    /// How long it took until an event or a message was delivered or given up.
    pub fn notification_took(&self, notifier: &str, took: Duration) {
        self.exchange.notification_took(notifier, took);
    }

    /// Counts what became of one event for one webhook.
    pub fn notification(&self, webhook: &str, event: &str, delivery: Delivery) {
        self.exchange.notification(webhook, event, delivery);
    }

    /// Everything, of one look at the node.
    #[must_use]
    pub fn scrape(&self, inside: Inside, beside: Beside, format: Format) -> String {
        format.encode(&self.families(&inside.with(beside, &self.config_hash)))
    }

    /// Every family, by name.
    fn families(&self, snapshot: &Snapshot) -> Vec<MetricFamily> {
        self.prepare(&snapshot.cluster);
        let mut families = self.registry.gather();
        families.extend(gauges::page(snapshot).families());
        families.sort_by(|a, b| a.name().cmp(b.name()));
        families
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
