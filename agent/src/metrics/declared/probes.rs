//! Probes, as this agent makes them.

use super::{Family, Kind::*, Metric, There::*, family, labels::*};

/// From a reply within the machine to the longest timeout that a probe usually has.
const PROBE_BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// A slot is one thousandth of a second wide; from half a second on the agent is overloaded.
const LAG_BUCKETS: [f64; 8] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.1, 0.5, 2.0];

family! {
    FAMILY, "Probes",
    "Each agent probes every target of every service from its own region, so the same series come from each agent and \
     differ by `instance` alone. The latest results under blackbox_exporter's names are at `/probe`, see below.",
    {
        PROBE_ATTEMPTS = Counter, "quorate_probe_attempts_total", [SERVICE, CHECK, REGION, RESULT], Configured,
            "Probes of this agent by result; skipped ones say nothing about their target.";
        PROBE_FAILURES = Counter, "quorate_probe_failures_total", [SERVICE, CHECK, REGION, REASON], Configured,
            "Probes that did not succeed, by reason.";
        PROBE_DURATION = Histogram(&PROBE_BUCKETS), "quorate_probe_duration_seconds", [SERVICE, CHECK, REGION], Configured,
            "How long probes took, whatever their result.";
        PROBE_PHASES = Histogram(&PROBE_BUCKETS), "quorate_probe_phase_duration_seconds", [SERVICE, CHECK, PHASE], Configured,
            "How long the phases of a probe took that ended.";
        PROBE_LAST = Gauge, "quorate_probe_last_timestamp_seconds", [SERVICE, CHECK, REGION], Configured,
            "When the latest probe of a target ended, by this agent's clock; 0 if none has.";
        PROBE_INTERVAL = Gauge, "quorate_probe_interval_seconds", [SERVICE, CHECK], Configured,
            "How often the policy has the targets of a check probed.";
        CERTIFICATE_EXPIRY = Gauge, "quorate_tls_certificate_expiry_timestamp_seconds", [SERVICE, CHECK, REGION],
            If("a probe has seen a certificate"),
            "When the first of the certificates expires that the target has presented last; absent without TLS.";
        SCHEDULE_LAG = Histogram(&LAG_BUCKETS), "quorate_probe_schedule_lag_seconds", [], Always,
            "How much later than due probes started.";
        PROBES_MISSED = Counter, "quorate_probe_missed_total", [], Always,
            "Probes that did not take place because their time had passed.";
        PROBES_IN_FLIGHT = Gauge, "quorate_probe_in_flight", [], Always,
            "Probes under way.";
    }
}
