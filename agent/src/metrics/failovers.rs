//! What was decided, refused and done, counted from the audit: the same events on every agent, so that Prometheus needs
//! only one of them.

use super::series::{counter, histogram};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, Registry};
use quorate_core::{AuditEntry, AuditEvent, Cluster, Execution, StepOutcome};
use quorate_policies::{Millis, Policy, StepName, guard::Trigger};

/// From a call that is answered at once to a promotion of an hour.
const STEP_BUCKETS: [f64; 11] = [0.1, 0.5, 1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1_200.0, 3_600.0];
/// From three quick probes to the longest sensible dwell.
const DETECTION_BUCKETS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 600.0];
/// From the fastest failover to the commonest written recovery objective, four hours.
const RECOVERY_BUCKETS: [f64; 12] =
    [1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 3_600.0, 14_400.0];

const TRIGGERS: [&str; 2] = ["automatic", "operator"];
const OUTCOMES: [&str; 3] = ["succeeded", "stopped", "aborted"];
const STEP_OUTCOMES: [&str; 5] = ["succeeded", "failed", "impossible", "broken", "unknown"];
const EVENTS: [&str; 25] = [
    "members_set",
    "members_changing",
    "members_changed",
    "members_kept",
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
    "aborting",
    "execution_ended",
    "paused",
    "resumed",
    "told",
    "acknowledged",
    "drill_due",
    "dry_run_made",
];
/// Guards that can stand in the audit: those of an operator's failover, and those that tell why automation did not act.
const GUARDS: [&str; 26] = [
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
];

#[derive(Debug)]
pub(super) struct Failovers {
    executions: IntCounterVec,
    blocked: IntCounterVec,
    attempts: IntCounterVec,
    steps: HistogramVec,
    detection: HistogramVec,
    recovery: HistogramVec,
    entries: IntCounterVec,
    pub(super) write_errors: IntCounter,
}

impl Failovers {
    pub(super) fn new(registry: &Registry) -> Self {
        let executions_help = "Executions that ended, each once: a stopped one waits for an operator, and is not \
                               counted again when it is aborted.";
        let blocked_help = "Failovers that were wanted and refused, by the guard that refused.";
        let attempts_help =
            "Attempts of steps that ended, by outcome; the effect of an unknown one may stand.";
        let detection_help = "From the first failed probe to the agreement that the region is down, of automatic \
                              failovers.";
        let write_errors_help = "Audit entries that could not be written to this agent's own file.";
        let entries = counter(registry, "audit_entries_total", "Audit entries by event.", &["event"]);
        for event in EVENTS {
            entries.with_label_values(&[event]);
        }
        let plan = ["service", "plan"];
        Self {
            executions: counter(
                registry,
                "failover_executions_total",
                executions_help,
                &["service", "plan", "trigger", "outcome"],
            ),
            blocked: counter(registry, "failover_blocked_total", blocked_help, &["service", "plan", "guard"]),
            attempts: counter(
                registry,
                "failover_step_attempts_total",
                attempts_help,
                &["service", "plan", "step", "outcome"],
            ),
            steps: histogram(
                registry,
                "failover_step_duration_seconds",
                "From a step's first start to its end.",
                &["service", "plan", "step"],
                &STEP_BUCKETS,
            ),
            detection: histogram(
                registry,
                "failover_detection_seconds",
                detection_help,
                &plan,
                &DETECTION_BUCKETS,
            ),
            recovery: histogram(
                registry,
                "failover_recovery_seconds",
                "From the first failed probe to verified service, of failovers that succeeded.",
                &plan,
                &RECOVERY_BUCKETS,
            ),
            entries,
            write_errors: counter(registry, "audit_write_errors_total", write_errors_help, &[])
                .with_label_values::<&str>(&[]),
        }
    }

    /// Every series of one policy, at zero.
    pub(super) fn prepare(&self, policy: &Policy) {
        let service = policy.service.as_str();
        for (plan, template) in &policy.plans {
            let plan = plan.as_str();
            for trigger in TRIGGERS {
                for outcome in OUTCOMES {
                    self.executions.with_label_values(&[service, plan, trigger, outcome]);
                }
            }
            for guard in GUARDS {
                self.blocked.with_label_values(&[service, plan, guard]);
            }
            for step in template.steps.keys().map(AsRef::as_ref) {
                for outcome in STEP_OUTCOMES {
                    self.attempts.with_label_values(&[service, plan, step, outcome]);
                }
                self.steps.with_label_values(&[service, plan, step]);
            }
            self.detection.with_label_values(&[service, plan]);
            self.recovery.with_label_values(&[service, plan]);
        }
    }

    pub(super) fn audit(&self, entry: &AuditEntry, cluster: &Cluster) {
        self.entries.with_label_values(&[entry.event.name()]).inc();
        let execution = entry.execution.as_ref().and_then(|id| cluster.executions.get(id));
        match (&entry.event, execution) {
            (AuditEvent::Refused { refusal }, _) => self.refused(entry, cluster, refusal.guard()),
            (AuditEvent::Decided { trigger: Trigger::Automatic, .. }, Some(execution)) => {
                let detection = execution.agreed_at.since(execution.failing_since);
                observe(&self.detection, &plan_of(execution), detection);
            }
            (AuditEvent::StepFinished { step, attempt, outcome }, Some(execution)) => {
                self.step(execution, step, *attempt, outcome);
            }
            (AuditEvent::ExecutionEnded { state, .. }, Some(execution)) => {
                if !ended_before(entry, cluster) {
                    let [service, plan] = plan_of(execution);
                    let trigger = if execution.automatic() { "automatic" } else { "operator" };
                    self.executions.with_label_values(&[service, plan, trigger, state.as_str()]).inc();
                }
                if let Some(time) = execution.recovery_time() {
                    observe(&self.recovery, &plan_of(execution), time.total());
                }
            }
            _ => {}
        }
    }

    fn refused(&self, entry: &AuditEntry, cluster: &Cluster, guard: &str) {
        let Some(state) = entry.service.as_ref().and_then(|service| cluster.services.get(service)) else {
            return;
        };
        let scenario = quorate_policies::guard::situation::scenario(&state.policy);
        let plan = scenario.map_or("none", |(plan, _)| plan.as_str());
        self.blocked.with_label_values(&[state.policy.service.as_str(), plan, guard]).inc();
    }

    fn step(&self, execution: &Execution, step: &StepName, attempt: u32, outcome: &StepOutcome) {
        let word = match outcome {
            StepOutcome::Succeeded { .. } => "succeeded",
            StepOutcome::Failed { .. } => "failed",
            StepOutcome::Impossible { .. } => "impossible",
            StepOutcome::Broken { .. } => "broken",
            StepOutcome::Unknown { .. } => "unknown",
        };
        let [service, plan] = plan_of(execution);
        self.attempts.with_label_values(&[service, plan, step.as_str(), word]).inc();
        let Some(progress) = execution.steps.get(step).filter(|progress| progress.attempt == attempt) else {
            return;
        };
        if let (Some(started), Some(ended)) = (progress.started_at, progress.ended_at) {
            observe(&self.steps, &[service, plan, step.as_str()], ended.since(started));
        }
    }
}

fn plan_of(execution: &Execution) -> [&str; 2] {
    [execution.service.as_str(), execution.plan.name.as_str()]
}

fn observe(histogram: &HistogramVec, labels: &[&str], length: Millis) {
    histogram.with_label_values(labels).observe(length.duration().as_secs_f64());
}

/// Whether the same execution has stopped before it ended.
fn ended_before(entry: &AuditEntry, cluster: &Cluster) -> bool {
    cluster.audit.entries.iter().any(|earlier| {
        earlier.sequence < entry.sequence
            && earlier.execution == entry.execution
            && matches!(earlier.event, AuditEvent::ExecutionEnded { .. })
    })
}
