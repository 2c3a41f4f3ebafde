//! What the probes of this agent found, how long they took, and whether the schedule was kept.

use super::{
    declared::*,
    series::{counter, gauge, histogram, single},
};
use crate::shell::ProbeSeen;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry};
use quorate_policies::{
    Millis, Policy,
    health::{FailureReason, Observation},
};
use quorate_probes::{Outcome, Phases};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Probes {
    attempts: IntCounterVec,
    failures: IntCounterVec,
    duration: HistogramVec,
    phases: HistogramVec,
    lag: Histogram,
    missed: IntCounter,
    in_flight: IntGauge,
}

impl Probes {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            attempts: counter(registry, &PROBE_ATTEMPTS),
            failures: counter(registry, &PROBE_FAILURES),
            duration: histogram(registry, &PROBE_DURATION),
            phases: histogram(registry, &PROBE_PHASES),
            lag: histogram(registry, &SCHEDULE_LAG).with_label_values::<&str>(&[]),
            missed: single(registry, &PROBES_MISSED),
            in_flight: gauge(registry, &PROBES_IN_FLIGHT).with_label_values::<&str>(&[]),
        }
    }

    /// Every series of one policy, at zero.
    pub(super) fn prepare(&self, policy: &Policy) {
        let service = policy.service.as_str();
        for check in policy.probes.keys().map(AsRef::as_ref) {
            for region in policy.regions.keys().map(AsRef::as_ref) {
                for result in RESULTS {
                    self.attempts.with_label_values(&[service, check, region, result]);
                }
                for reason in FailureReason::ALL {
                    self.failures.with_label_values(&[service, check, region, reason.as_str()]);
                }
                self.duration.with_label_values(&[service, check, region]);
            }
            for phase in PHASES {
                self.phases.with_label_values(&[service, check, phase]);
            }
        }
    }

    pub(super) fn seen(&self, seen: &ProbeSeen) {
        let (service, check, region) =
            (seen.service.as_str(), seen.target.check.as_str(), seen.target.region.as_str());
        let result = match seen.result.observation() {
            Observation::Success => "success",
            Observation::Failure(_) => "failure",
            Observation::Nothing(_) => "skipped",
        };
        self.attempts.with_label_values(&[service, check, region, result]).inc();
        if let Outcome::Failure { reason, .. } = &seen.result.outcome {
            self.failures.with_label_values(&[service, check, region, reason.as_str()]).inc();
        }
        self.duration.with_label_values(&[service, check, region]).observe(seen.result.total.as_secs_f64());
        for (phase, length) in ended(seen.result.phases) {
            self.phases.with_label_values(&[service, check, phase]).observe(length.as_secs_f64());
        }
    }

    pub(super) fn schedule(&self, lag: Millis, missed: u64, in_flight: usize) {
        self.lag.observe(lag.duration().as_secs_f64());
        self.missed.inc_by(missed.saturating_sub(self.missed.get()));
        self.in_flight.set(i64::try_from(in_flight).unwrap_or(i64::MAX));
    }
}

fn ended(phases: Phases) -> impl Iterator<Item = (&'static str, Duration)> {
    let lengths = [phases.resolve, phases.connect, phases.tls, phases.processing, phases.transfer];
    PHASES.into_iter().zip(lengths).filter_map(|(phase, length)| Some((phase, length?)))
}
