//! Every label, with where its values come from: names of the configuration, or words of a closed list. Nothing that a
//! client, a server or a fault can invent becomes a value.

use super::{
    Label,
    Values::{Listed, Named, Of},
};
use crate::{http::ROUTES, notify::EVENT_TYPES};
use quorate_core::telling::KINDS as MESSAGE_KINDS;
use quorate_policies::{health::FailureReason, readiness::FindingSeverity};

const fn named(name: &'static str, what: &'static str) -> Label {
    Label { name, values: Named(what) }
}

const fn listed(name: &'static str, values: fn() -> Vec<&'static str>) -> Label {
    Label { name, values: Listed(values) }
}

pub(in crate::metrics) const RESULTS: [&str; 3] = ["success", "failure", "skipped"];
pub(in crate::metrics) const PHASES: [&str; 5] = ["resolve", "connect", "tls", "processing", "transfer"];
pub(in crate::metrics) const TRIGGERS: [&str; 2] = ["automatic", "operator"];
pub(in crate::metrics) const OUTCOMES: [&str; 3] = ["succeeded", "stopped", "aborted"];
pub(in crate::metrics) const STEP_OUTCOMES: [&str; 5] =
    ["succeeded", "failed", "impossible", "broken", "unknown"];
pub(in crate::metrics) const EXECUTION_STATES: [&str; 6] =
    ["awaiting_approval", "running", "stopped", "succeeded", "undoing", "aborted"];
pub(in crate::metrics) const STEP_STATES: [&str; 7] =
    ["waiting", "assigned", "started", "succeeded", "failed", "unknown", "cancelled"];
pub(in crate::metrics) const PARTS: [&str; 4] = ["detect", "decide", "execute", "converge"];
/// Classes of answers: single codes would make the label set as wide as clients please.
pub(in crate::metrics) const CLASSES: [&str; 3] = ["2xx", "4xx", "5xx"];
/// What became of a message or a notification.
pub(in crate::metrics) const DELIVERIES: [&str; 3] = ["delivered", "given_up", "dropped"];
/// What became of a call to a cloud's API.
pub(in crate::metrics) const CALL_OUTCOMES: [&str; 5] =
    ["succeeded", "refused", "throttled", "failed", "unanswered"];
/// What became of certificates that were replaced under a running agent.
pub(in crate::metrics) const READINGS: [&str; 2] = ["used", "refused"];
/// The certificates that an agent itself works with.
pub(in crate::metrics) const OWN_CERTIFICATES: [&str; 2] = ["own", "authority"];
pub(in crate::metrics) const REPORT_OUTCOMES: [&str; 2] = ["delivered", "failed"];
pub(in crate::metrics) const EVENTS: [&str; 27] = [
    "members_set",
    "members_changing",
    "members_changed",
    "members_kept",
    "feature_level_raised",
    "recovered",
    "policy_applied",
    "decided",
    "refused",
    "approved",
    "ticked",
    "step_assigned",
    "step_started",
    "step_noted",
    "step_resumed",
    "signalled",
    "step_finished",
    "lease_released",
    "ungraceful",
    "aborting",
    "execution_ended",
    "paused",
    "resumed",
    "told",
    "acknowledged",
    "drill_due",
    "dry_run_made",
];
/// Guards that can stand in the audit: those of an operator's failover, those that tell why automation did not act, and those of
/// the plan of a component.
pub(in crate::metrics) const GUARDS: [&str; 29] = [
    "unusable_region",
    "execution_in_progress",
    "observe_only",
    "no_scenario",
    "too_few_voters",
    "too_few_regions",
    "hold",
    "policy_mismatch",
    "no_fresh_data",
    "region_healthy",
    "flapping",
    "already_red_at_start",
    "not_agreed",
    "too_few_vantages",
    "dissent",
    "everything_down",
    "dwell",
    "cooldown",
    "velocity_cap",
    "standby_not_healthy",
    "replica_lag_unknown",
    "replica_lag",
    "replica_lag_bytes_unknown",
    "replica_lag_bytes",
    "policy_refused",
    "not_drilled",
    "plan_not_ready",
    "not_declared",
    "grace",
];

fn services_of_aws() -> Vec<&'static str> {
    quorate_aws::OPERATIONS
        .iter()
        .map(|(service, _)| *service)
        .chain(["other"])
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

pub(in crate::metrics) const SERVICE: Label = named("service", "service");
pub(in crate::metrics) const SCOPE: Label = named("scope", "service");
pub(in crate::metrics) const CHECK: Label = named("check", "probe of a policy");
pub(in crate::metrics) const REGION: Label = named("region", "region of the service");
pub(in crate::metrics) const TO: Label = named("to", "region of the service");
pub(in crate::metrics) const COMPONENT: Label = named("component", "component");
pub(in crate::metrics) const PLAN: Label = named("plan", "plan");
pub(in crate::metrics) const STEP: Label = named("step", "step of the plan");
pub(in crate::metrics) const DRILL: Label = named("drill", "drill");
pub(in crate::metrics) const BACKUP: Label = named("backup", "backup");
pub(in crate::metrics) const REPLICA: Label = named("replica", "replica");
pub(in crate::metrics) const PEER: Label = named("peer", "peer");
pub(in crate::metrics) const NOTIFIER: Label = named("notifier", "webhook or channel");
pub(in crate::metrics) const CALLED_REGION: Label = named("region", "region that is called");
pub(in crate::metrics) const VERSION: Label = named("version", "build");
pub(in crate::metrics) const REVISION: Label = named("revision", "build");
pub(in crate::metrics) const SHA256: Label = named("sha256", "agent's file");
pub(in crate::metrics) const RESULT: Label = listed("result", || RESULTS.into());
pub(in crate::metrics) const REASON: Label =
    listed("reason", || FailureReason::ALL.iter().map(|reason| reason.as_str()).collect());
pub(in crate::metrics) const PHASE: Label = listed("phase", || PHASES.into());
pub(in crate::metrics) const CHECK_STATE: Label =
    listed("state", || vec!["healthy", "suspect", "down", "unknown"]);
pub(in crate::metrics) const OPINION: Label = listed("verdict", || vec!["healthy", "down", "unsure"]);
pub(in crate::metrics) const COMPONENT_STATE: Label = listed("state", || vec!["healthy", "down", "unsure"]);
pub(in crate::metrics) const VOTE: Label =
    listed("vote", || vec!["healthy", "suspect", "down", "unarmed", "mismatched", "silent"]);
pub(in crate::metrics) const POSITION: Label = listed("position", || vec!["written", "received", "replayed"]);
pub(in crate::metrics) const TRIGGER: Label = listed("trigger", || TRIGGERS.into());
pub(in crate::metrics) const OUTCOME: Label = listed("outcome", || OUTCOMES.into());
pub(in crate::metrics) const GUARD: Label = listed("guard", || GUARDS.into());
pub(in crate::metrics) const STEP_OUTCOME: Label = listed("outcome", || STEP_OUTCOMES.into());
pub(in crate::metrics) const EXECUTION_STATE: Label = listed("state", || EXECUTION_STATES.into());
pub(in crate::metrics) const STEP_STATE: Label = listed("state", || STEP_STATES.into());
pub(in crate::metrics) const PART: Label = listed("part", || PARTS.into());
pub(in crate::metrics) const KIND: Label = listed("kind", || vec!["pause"]);
pub(in crate::metrics) const SEVERITY: Label =
    listed("severity", || FindingSeverity::ALL.iter().map(|severity| severity.as_str()).collect());
pub(in crate::metrics) const EVENT: Label = listed("event", || EVENTS.into());
pub(in crate::metrics) const NOTICE: Label =
    listed("event", || EVENT_TYPES.iter().chain(&MESSAGE_KINDS).copied().collect());
pub(in crate::metrics) const DELIVERY: Label = listed("outcome", || DELIVERIES.into());
pub(in crate::metrics) const READING: Label = listed("outcome", || READINGS.into());
pub(in crate::metrics) const OWN_CERTIFICATE: Label = listed("certificate", || OWN_CERTIFICATES.into());
pub(in crate::metrics) const REPORT_OUTCOME: Label = listed("outcome", || REPORT_OUTCOMES.into());
pub(in crate::metrics) const HANDLER: Label = listed("handler", || {
    let paths: std::collections::BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    paths.into_iter().chain(["other"]).collect()
});
pub(in crate::metrics) const METHOD: Label = listed("method", || vec!["GET", "POST", "DELETE", "other"]);
pub(in crate::metrics) const CODE: Label = listed("code", || CLASSES.into());
pub(in crate::metrics) const CLOUD: Label = listed("service", services_of_aws);
pub(in crate::metrics) const CLOUD_OF: Label = Label { name: "service", values: Of("operation") };
pub(in crate::metrics) const OPERATION: Label = listed("operation", || {
    quorate_aws::OPERATIONS.iter().map(|(_, operation)| *operation).chain(["other"]).collect()
});
pub(in crate::metrics) const CALL_OUTCOME: Label = listed("outcome", || CALL_OUTCOMES.into());
