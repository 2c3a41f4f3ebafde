//! Calls to clouds, as the crate that makes them tells them.

use super::{
    declared::*,
    series::{counter, histogram},
};
use prometheus::{HistogramVec, IntCounterVec, Registry};
use quorate_aws::{Answer, CallSeen, CallWatch, OPERATIONS};

/// The figures of all calls.
#[derive(Debug, Clone)]
pub(super) struct Clouds {
    requests: IntCounterVec,
    duration: HistogramVec,
    throttles: IntCounterVec,
}

impl Clouds {
    pub(super) fn new(registry: &Registry) -> Self {
        let clouds = Self {
            requests: counter(registry, &CLOUD_REQUESTS),
            duration: histogram(registry, &CLOUD_DURATION),
            throttles: counter(registry, &CLOUD_THROTTLES),
        };
        for (service, _) in OPERATIONS.into_iter().chain([("other", "other")]) {
            clouds.throttles.with_label_values(&[service]);
        }
        clouds
    }
}

impl CallWatch for Clouds {
    fn seen(&self, call: &CallSeen<'_>) {
        // The lists of the SDK and ours could differ after an update of either.
        let known = OPERATIONS.into_iter().find(|(_, operation)| *operation == call.operation);
        let (service, operation) = known.unwrap_or(("other", "other"));
        let outcome = match call.answer {
            Answer::Succeeded => "succeeded",
            Answer::Refused => "refused",
            Answer::Throttled => "throttled",
            Answer::Failed => "failed",
            Answer::Unanswered => "unanswered",
        };
        // The regions are those that policies name: with the first call every outcome stands.
        for outcome in CALL_OUTCOMES {
            self.requests.with_label_values(&[service, operation, call.region, outcome]);
        }
        self.requests.with_label_values(&[service, operation, call.region, outcome]).inc();
        self.duration.with_label_values(&[service, operation]).observe(call.took.as_secs_f64());
        if call.answer == Answer::Throttled {
            self.throttles.with_label_values(&[service]).inc();
        }
    }
}
