//! What goes in and out beside probes and plans: requests to the API, notifications, reports to peers, calls to clouds.

use super::{
    Delivery,
    declared::*,
    series::{counter, gauge, histogram},
};
use crate::{http::ROUTES, notify::EVENT_TYPES};
use prometheus::{HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};
use quorate_core::telling::KINDS as MESSAGE_KINDS;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Exchange {
    requests: IntCounterVec,
    notifications: IntCounterVec,
    certificates: IntCounterVec,
    durations: HistogramVec,
    queues: IntGaugeVec,
    pub(super) reports: Reports,
}

/// What is sent to peers.
#[derive(Debug, Clone)]
pub struct Reports {
    sent: IntCounterVec,
    round_trips: HistogramVec,
}

impl Reports {
    fn prepare(&self, peer: &str) {
        for outcome in REPORT_OUTCOMES {
            self.sent.with_label_values(&[peer, outcome]);
        }
        self.round_trips.with_label_values(&[peer]);
    }

    /// Counts a report that a peer took within `took`.
    pub fn delivered(&self, peer: &str, took: Duration) {
        self.sent.with_label_values(&[peer, "delivered"]).inc();
        self.round_trips.with_label_values(&[peer]).observe(took.as_secs_f64());
    }

    /// Counts a report that found no connection or no answer.
    pub fn failed(&self, peer: &str) {
        self.sent.with_label_values(&[peer, "failed"]).inc();
    }
}

/// Something that waits for a notifier, for as long as this lives.
#[derive(Debug)]
pub struct Waiting(IntGauge);

impl Waiting {
    fn new(gauge: IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Clone for Waiting {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Exchange {
    pub(super) fn new(registry: &Registry) -> Self {
        let requests = counter(registry, &HTTP_REQUESTS);
        for class in CLASSES {
            for route in ROUTES {
                requests.with_label_values(&[route.path, route.method, class]);
            }
            requests.with_label_values(&["other", "other", class]);
        }
        let certificates = counter(registry, &CERTIFICATE_RELOADS);
        for outcome in READINGS {
            certificates.with_label_values(&[outcome]);
        }
        Self {
            requests,
            certificates,
            notifications: counter(registry, &NOTIFICATIONS),
            durations: histogram(registry, &NOTIFICATION_DURATION),
            queues: gauge(registry, &NOTIFICATION_QUEUE),
            reports: Reports {
                sent: counter(registry, &PEER_REPORTS),
                round_trips: histogram(registry, &PEER_ROUND_TRIP),
            },
        }
    }

    pub(super) fn prepare_peer(&self, peer: &str) {
        self.reports.prepare(peer);
    }

    pub(super) fn prepare_webhook(&self, webhook: &str) {
        self.prepare_notifier(webhook);
        for event in EVENT_TYPES {
            for delivery in DELIVERIES {
                self.notifications.with_label_values(&[webhook, event, delivery]);
            }
        }
    }

    pub(super) fn prepare_channel(&self, channel: &str) {
        self.prepare_notifier(channel);
        for kind in MESSAGE_KINDS {
            for delivery in [Delivery::Delivered, Delivery::GivenUp] {
                self.notifications.with_label_values(&[channel, kind, word(delivery)]);
            }
        }
    }

    fn prepare_notifier(&self, notifier: &str) {
        self.durations.with_label_values(&[notifier]);
        self.queues.with_label_values(&[notifier]);
    }

    pub(super) fn request(&self, method: &str, path: &str, status: u16) {
        let class = match status {
            ..400 => "2xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        // The same answer without its body.
        let method = if method == "HEAD" { "GET" } else { method };
        let known = ROUTES.iter().find(|route| route.path == path && route.method == method);
        let (path, method) = known.map_or(("other", "other"), |route| (route.path, route.method));
        self.requests.with_label_values(&[path, method, class]).inc();
    }

    pub(super) fn certificates_read(&self, usable: bool) {
        let [used, refused] = READINGS;
        self.certificates.with_label_values(&[if usable { used } else { refused }]).inc();
    }

    pub(super) fn notification(&self, notifier: &str, event: &str, delivery: Delivery) {
        self.notifications.with_label_values(&[notifier, event, word(delivery)]).inc();
    }

    pub(super) fn notification_took(&self, notifier: &str, took: Duration) {
        self.durations.with_label_values(&[notifier]).observe(took.as_secs_f64());
    }

    pub(super) fn waiting(&self, notifier: &str) -> Waiting {
        Waiting::new(self.queues.with_label_values(&[notifier]))
    }
}

const fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::GivenUp => "given_up",
        Delivery::Dropped => "dropped",
    }
}
