//! Drills and test restores, from what the log remembers: every agent tells the same.

use super::{
    super::{Snapshot, declared::*, page::Page},
    flag, length, seconds,
};
use quorate_policies::{
    ServiceName, Timestamp,
    drill::{DrillRecord, Due, due},
    policy::Drill,
};

/// Of each drill of each policy, also before its first run: an alert on a series that is missing never fires.
pub(super) fn drills(page: &mut Page, s: &Snapshot) {
    let now = s.cluster.clock.max(s.now);
    for (service, state) in &s.cluster.services {
        for (name, drill) in &state.policy.drills {
            let Some(record) = state.drills.get(name) else { continue };
            let labels = [service.as_str(), name.as_str()];
            let succeeded = record.last_good();
            let ended = succeeded.and_then(|run| run.ended).unwrap_or_default();
            let latest = record.runs.back().map_or(Timestamp(0), |run| run.begun);
            let (at, late) = match due(drill, record, now) {
                Due::ByHand => (Timestamp(0), false),
                Due::Later { at } => (at, false),
                Due::Now { since, overdue } => (since, overdue),
            };
            page.set(&DRILL_LAST, &labels, seconds(latest));
            page.set(&DRILL_LAST_SUCCESS, &labels, seconds(ended));
            page.set(&DRILL_DUE, &labels, seconds(at));
            page.set(&DRILL_OVERDUE, &labels, flag(late));
            if let Some(measured) = succeeded.and_then(|run| run.rto) {
                page.set(&DRILL_RECOVERY, &labels, length(measured));
            }
            if let Some(objective) = succeeded.and_then(|run| run.objective) {
                page.set(&DRILL_OBJECTIVE, &labels, length(objective.rto));
            }
            restores(page, service, drill, record);
        }
    }
}

fn restores(page: &mut Page, service: &ServiceName, drill: &Drill, record: &DrillRecord) {
    let Some(backup) = &drill.restores else { return };
    let labels = [service.as_str(), backup.as_str()];
    let ended = record.last_good().and_then(|run| run.ended).unwrap_or_default();
    let outcome = record.runs.iter().rev().find_map(|run| run.succeeded);
    page.set(&RESTORE_LAST, &labels, seconds(ended));
    page.set(&RESTORE_OK, &labels, flag(outcome == Some(true)));
}
