//! Gauges of drills and test restores, from what the log remembers: every agent tells the same.

use super::{
    Snapshot,
    gauges::{flag, seconds},
    series::gauge,
};
use prometheus::Registry;
use quorate_policies::{
    Millis, Timestamp,
    drill::{Due, due},
};

/// Of each drill of each policy, also before its first run: an alert on a series that is missing never fires.
pub(super) fn drills(registry: &Registry, s: &Snapshot) {
    const DRILL: [&str; 2] = ["service", "drill"];
    let last =
        gauge(registry, "drill_last_timestamp_seconds", "When the latest run began; 0 if none has.", &DRILL);
    let good_help = "When the latest run that succeeded ended; 0 if none has.";
    let good = gauge(registry, "drill_last_success_timestamp_seconds", good_help, &DRILL);
    let next_help = "When the next run is, or was, due; 0 if nobody asks for it regularly.";
    let next = gauge(registry, "drill_due_timestamp_seconds", next_help, &DRILL);
    let overdue_help = "Whether a run has been due for more than a tenth of its interval.";
    let overdue = gauge(registry, "drill_overdue", overdue_help, &DRILL);
    let rto_help = "The recovery time that the latest run that succeeded measured; absent without one.";
    let rto = gauge(registry, "drill_recovery_seconds", rto_help, &DRILL);
    let wanted = gauge(registry, "drill_recovery_objective_seconds", "What that may be.", &DRILL);
    let restored_help = "When the latest test restore of the backup that succeeded ended; 0 if none has.";
    let restored =
        gauge(registry, "backup_test_restore_timestamp_seconds", restored_help, &["service", "backup"]);
    let ok_help = "Whether the latest test restore of the backup succeeded; 0 before the first.";
    let ok = gauge(registry, "backup_test_restore_succeeded", ok_help, &["service", "backup"]);
    let now = s.cluster.clock.max(s.now);
    let length = |length: Millis| length.duration().as_secs_f64();
    for (service, state) in &s.cluster.services {
        for (name, drill) in &state.policy.drills {
            let Some(record) = state.drills.get(name) else { continue };
            let labels = [service.as_str(), name.as_str()];
            let latest = record.runs.back();
            let succeeded = record.last_good();
            let ended = succeeded.and_then(|run| run.ended).unwrap_or_default();
            last.with_label_values(&labels).set(seconds(latest.map_or(Timestamp(0), |run| run.begun)));
            good.with_label_values(&labels).set(seconds(ended));
            let (at, late) = match due(drill, record, now) {
                Due::ByHand => (Timestamp(0), false),
                Due::Later { at } => (at, false),
                Due::Now { since, overdue } => (since, overdue),
            };
            next.with_label_values(&labels).set(seconds(at));
            overdue.with_label_values(&labels).set(flag(late));
            if let Some(measured) = succeeded.and_then(|run| run.rto) {
                rto.with_label_values(&labels).set(length(measured));
            }
            if let Some(objective) = succeeded.and_then(|run| run.objective) {
                wanted.with_label_values(&labels).set(length(objective.rto));
            }
            if let Some(backup) = &drill.restores {
                let labels = [service.as_str(), backup.as_str()];
                let outcome = record.runs.iter().rev().find_map(|run| run.succeeded);
                restored.with_label_values(&labels).set(seconds(ended));
                ok.with_label_values(&labels).set(flag(outcome == Some(true)));
            }
        }
    }
}
