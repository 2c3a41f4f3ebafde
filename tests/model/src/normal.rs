//! The replicated state with what no rule can see taken out of it: the audit, the words, the moments that are only told,
//! and how long ago something was once that makes no difference any more. Two states that are the same here answer every
//! command alike for ever.

use super::shop::{TICK, shop};
use quorate_core::{Cluster, Execution, ExecutionState, cluster::audit::Audit};
use quorate_policies::Timestamp;
use serde_json::Value;

/// Every state is told as if it were this moment.
pub(super) const NOW: Timestamp = Timestamp(1_000_000_000);
/// What no rule compares any more.
const LONG_AGO: Timestamp = Timestamp(0);
/// A proposal that is older is not committed any more, so the log's own clock need not be known any further back.
pub(super) const STRAGGLES_FOR: u8 = 4;
/// Whether a decision came too late is a comparison of its age, at least four steps of time, with a stamp that is at most
/// [`STRAGGLES_FOR`] of them old.
const AGES: u64 = 2 * STRAGGLES_FOR as u64;

/// A moment so many steps of time ago.
pub(super) fn ago(ticks: u8) -> Timestamp {
    Timestamp(NOW.0 - u64::from(ticks) * TICK.0)
}

/// Takes out what makes no difference.
pub(super) fn normal(mut cluster: Cluster) -> Cluster {
    cluster.audit = Audit::default();
    cluster.notified = 0;
    let clock = cluster.clock;
    cluster.clock = clock.max(ago(STRAGGLES_FOR));
    for state in cluster.services.values_mut() {
        state.last_ended = state.last_ended.map(|_| LONG_AGO);
        state.starts.iter_mut().for_each(|start| *start = LONG_AGO);
    }
    for execution in cluster.executions.values_mut() {
        let hold = cluster.services.get(&execution.service).and_then(|state| state.hold.as_ref());
        let held_later = hold.is_some_and(|hold| hold.since >= execution.decided_at);
        moments(execution, hold.is_some() && !held_later);
    }
    for hold in cluster.services.values_mut().filter_map(|state| state.hold.as_mut()) {
        // A failover that is decided by the very clock at which the pause was set stands still under it.
        hold.since = if hold.since == clock { cluster.clock } else { Timestamp(1) };
        hold.until = hold.until.map(|until| until.max(ago(STRAGGLES_FOR + 1)));
    }
    cluster
}

/// The state one step of time later. What is only told as long ago stays so.
pub(super) fn aged(mut cluster: Cluster) -> Cluster {
    let older = |moment: &mut Timestamp| {
        if moment.0 > NOW.0 / 2 {
            moment.0 -= TICK.0;
        }
    };
    older(&mut cluster.clock);
    for hold in cluster.services.values_mut().filter_map(|state| state.hold.as_mut()) {
        older(&mut hold.since);
        hold.until.iter_mut().for_each(older);
    }
    for execution in cluster.executions.values_mut() {
        older(&mut execution.decided_at);
        older(&mut execution.begun_at);
    }
    normal(cluster)
}

/// An execution's moments. Its age matters until its first step, its order with a pause as long as it is open.
fn moments(execution: &mut Execution, hold_is_older: bool) {
    let untouched = execution.steps.values().all(|progress| progress.started_at.is_none());
    let approved = execution.begun_at != execution.decided_at;
    let open = matches!(execution.state, ExecutionState::Running | ExecutionState::AwaitingApproval);
    let counts = open && untouched && execution.automatic() && !approved;
    // A pause is told as set at 1, or now: 2 is after the one and before the other.
    let decided = match (counts, hold_is_older) {
        (true, _) => execution.decided_at.max(Timestamp(NOW.0 - AGES * TICK.0)),
        (false, true) => Timestamp(2),
        (false, false) => LONG_AGO,
    };
    execution.decided_at = decided;
    execution.begun_at = if approved { Timestamp(decided.0 + 1) } else { decided };
    (execution.failing_since, execution.agreed_at) = (LONG_AGO, LONG_AGO);
    execution.ended_at = execution.ended_at.map(|_| LONG_AGO);
    if execution.state.ended() {
        execution.live.clear();
    }
    for progress in execution.steps.values_mut() {
        for moment in [&mut progress.started_at, &mut progress.resumed_at, &mut progress.ended_at] {
            *moment = moment.map(|_| LONG_AGO);
        }
    }
}

/// The state as text without the policy, which never changes, and without the commands that are not repeated: leaders and
/// operators give each an id of its own. Those of steps name their attempt, and stay.
pub(super) fn written(cluster: &Cluster) -> (Value, Value) {
    let mut value = serde_json::to_value(cluster).unwrap();
    let ledger = &mut value["ledger"];
    let answers = ledger["answers"].as_object_mut().unwrap();
    answers.retain(|id, _| id.contains('/'));
    ledger["order"] = answers.keys().cloned().map(Value::String).collect::<Vec<_>>().into();
    let policy = value["services"][shop().as_str()]["policy"].take();
    (value, policy)
}

/// The state that was written so.
pub(super) fn read((mut value, policy): (Value, Value)) -> Cluster {
    value["services"][shop().as_str()]["policy"] = policy;
    serde_json::from_value(value).unwrap()
}
