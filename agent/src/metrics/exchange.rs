//! What goes in and out beside probes and plans: requests to the API, and notifications.

use super::{Delivery, series::counter};
use crate::{http::ROUTES, notify::EVENT_TYPES};
use prometheus::{IntCounterVec, Registry};
use quorate_core::telling::KINDS as MESSAGE_KINDS;

/// Classes of answers: single codes would make the label set as wide as clients please.
const CLASSES: [&str; 3] = ["2xx", "4xx", "5xx"];
const DELIVERIES: [Delivery; 3] = [Delivery::Delivered, Delivery::GivenUp, Delivery::Dropped];

#[derive(Debug)]
pub(super) struct Exchange {
    requests: IntCounterVec,
    notifications: IntCounterVec,
    certificates: IntCounterVec,
}

/// What became of certificates that were replaced under a running agent.
const READINGS: [&str; 2] = ["used", "refused"];

impl Exchange {
    pub(super) fn new(registry: &Registry) -> Self {
        let requests_help =
            "Requests to the API by route and class of answer; other stands for what is no route.";
        let requests =
            counter(registry, "http_requests_total", requests_help, &["handler", "method", "code"]);
        for class in CLASSES {
            for route in ROUTES {
                requests.with_label_values(&[route.path, route.method, class]);
            }
            requests.with_label_values(&["other", "other", class]);
        }
        let notifications_help = "Events for webhooks and messages for people's channels by what became of them; only the leader sends.";
        let labels = ["notifier", "event", "outcome"];
        let read_help =
            "How often the certificates' files were read anew; refused ones leave those from before in use.";
        let certificates = counter(registry, "certificate_reloads_total", read_help, &["outcome"]);
        for outcome in READINGS {
            certificates.with_label_values(&[outcome]);
        }
        Self {
            requests,
            notifications: counter(registry, "notifications_total", notifications_help, &labels),
            certificates,
        }
    }

    pub(super) fn prepare_webhook(&self, webhook: &str) {
        for event in EVENT_TYPES {
            for delivery in DELIVERIES {
                self.notifications.with_label_values(&[webhook, event, word(delivery)]);
            }
        }
    }

    pub(super) fn prepare_channel(&self, channel: &str) {
        for kind in MESSAGE_KINDS {
            for delivery in [Delivery::Delivered, Delivery::GivenUp] {
                self.notifications.with_label_values(&[channel, kind, word(delivery)]);
            }
        }
    }

    pub(super) fn request(&self, method: &str, path: &str, status: u16) {
        let class = match status {
            ..400 => "2xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        let known = ROUTES.iter().find(|route| route.path == path && route.method == method);
        let (path, method) = known.map_or(("other", "other"), |route| (route.path, route.method));
        self.requests.with_label_values(&[path, method, class]).inc();
    }

    pub(super) fn certificates_read(&self, usable: bool) {
        let [used, refused] = READINGS;
        self.certificates.with_label_values(&[if usable { used } else { refused }]).inc();
    }

    pub(super) fn notification(&self, webhook: &str, event: &str, delivery: Delivery) {
        self.notifications.with_label_values(&[webhook, event, word(delivery)]).inc();
    }
}

const fn word(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::GivenUp => "given_up",
        Delivery::Dropped => "dropped",
    }
}
