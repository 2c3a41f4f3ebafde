//! What the probes of this agent found, how long they took, and whether the schedule was kept.

use super::series::{counter, gauge, histogram};
use crate::shell::ProbeSeen;
use prometheus::{Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry};
use quorate_policies::{
    Millis, Policy,
    health::{FailureReason, Observation},
};
use quorate_probes::{Outcome, Phases};
use std::time::Duration;

/// From a reply within the machine to the longest timeout that a probe usually has.
const PROBE_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// A slot is one thousandth of a second wide; from half a second on the agent is overloaded.
const LAG_BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.1, 0.5, 2.0];

const TARGET: [&str; 3] = ["service", "check", "region"];
const RESULTS: [&str; 3] = ["success", "failure", "skipped"];
const PHASES: [&str; 5] = ["resolve", "connect", "tls", "processing", "transfer"];

#[derive(Debug)]
pub(super) struct Probes {
    attempts: IntCounterVec,
    failures: IntCounterVec,
    duration: HistogramVec,
    phases: HistogramVec,
    expiry: GaugeVec,
    lag: Histogram,
    missed: IntCounter,
    in_flight: Gauge,
}

impl Probes {
    pub(super) fn new(registry: &Registry) -> Self {
        let attempts_help = "Probes of this agent by result; skipped ones say nothing about their target.";
        let phase_help = "How long the phases of a probe took that ended.";
        let expiry_help =
            "When the first of the certificates that the target presented expires; absent without TLS.";
        let lag_help = "How much later than due probes started.";
        let missed_help = "Probes that did not take place because their time had passed.";
        let lag = histogram(registry, "probe_schedule_lag_seconds", lag_help, &[], &LAG_BUCKETS);
        let in_flight = gauge(registry, "probe_in_flight", "Probes under way.", &[]);
        Self {
            attempts: counter(
                registry,
                "probe_attempts_total",
                attempts_help,
                &["service", "check", "region", "result"],
            ),
            failures: counter(
                registry,
                "probe_failures_total",
                "Probes that did not succeed, by reason.",
                &["service", "check", "region", "reason"],
            ),
            duration: histogram(
                registry,
                "probe_duration_seconds",
                "How long probes took, whatever their result.",
                &TARGET,
                &PROBE_BUCKETS,
            ),
            phases: histogram(
                registry,
                "probe_phase_duration_seconds",
                phase_help,
                &["service", "check", "phase"],
                &PROBE_BUCKETS,
            ),
            expiry: gauge(registry, "tls_certificate_expiry_timestamp_seconds", expiry_help, &TARGET),
            lag: lag.with_label_values::<&str>(&[]),
            missed: counter(registry, "probe_missed_total", missed_help, &[]).with_label_values::<&str>(&[]),
            in_flight: in_flight.with_label_values::<&str>(&[]),
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
        if let Some(expiry) = seen.result.tls_expiry {
            self.expiry.with_label_values(&[service, check, region]).set(super::gauges::seconds(expiry));
        }
    }

    pub(super) fn schedule(&self, lag: Millis, missed: u64, in_flight: usize) {
        self.lag.observe(lag.duration().as_secs_f64());
        self.missed.inc_by(missed.saturating_sub(self.missed.get()));
        self.in_flight.set(in_flight as f64);
    }
}

fn ended(phases: Phases) -> impl Iterator<Item = (&'static str, Duration)> {
    let lengths = [phases.resolve, phases.connect, phases.tls, phases.processing, phases.transfer];
    PHASES.into_iter().zip(lengths).filter_map(|(phase, length)| Some((phase, length?)))
}
