//! What was decided, refused and done, counted from the audit: the same events on every agent, so that Prometheus needs
//! only one of them.

use super::{
    declared::*,
    series::{counter, histogram, single},
};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, Registry};
use quorate_core::{AuditEntry, AuditEvent, Cluster, Execution, StepOutcome};
use quorate_policies::{Millis, Policy, StepName, guard::Trigger};

#[derive(Debug)]
pub(super) struct Failovers {
    executions: IntCounterVec,
    blocked: IntCounterVec,
    attempts: IntCounterVec,
    steps: HistogramVec,
    detection: HistogramVec,
    recovery: HistogramVec,
    parts: HistogramVec,
    entries: IntCounterVec,
    pub(super) write_errors: IntCounter,
}

impl Failovers {
    pub(super) fn new(registry: &Registry) -> Self {
        let entries = counter(registry, &AUDIT_ENTRIES);
        for event in EVENTS {
            entries.with_label_values(&[event]);
        }
        Self {
            executions: counter(registry, &EXECUTIONS),
            blocked: counter(registry, &BLOCKED),
            attempts: counter(registry, &STEP_ATTEMPTS),
            steps: histogram(registry, &STEP_DURATION),
            detection: histogram(registry, &DETECTION),
            recovery: histogram(registry, &RECOVERY),
            parts: histogram(registry, &RECOVERY_PARTS),
            entries,
            write_errors: single(registry, &AUDIT_WRITE_ERRORS),
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
            for part in PARTS {
                self.parts.with_label_values(&[service, plan, part]);
            }
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
                    let [service, plan] = plan_of(execution);
                    observe(&self.recovery, &[service, plan], time.total());
                    let lengths = [time.detect, time.decide, time.execute, time.converge];
                    for (part, length) in PARTS.into_iter().zip(lengths) {
                        observe(&self.parts, &[service, plan, part], length);
                    }
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
