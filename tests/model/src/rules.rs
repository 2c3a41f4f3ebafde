//! What must hold: at a command that is committed, at a call that is sent or lands, in every replicated state, and in every
//! moment. Each names its rule. It believes nobody: what it needs it reads from the log and the world.

use super::{
    attempt_moves::{action, told},
    leases::LeaseBook,
    log::{Known, Log},
    normal::{NOW, ago},
    shop,
    state::{Call, Say, State, Task},
    world::{Database, World},
};
use quorate_core::{Body, Cluster, Command, ExecutionState, LeaseRecord, Response, StepState};

/// A command was committed at `age`.
pub(super) fn committed(before: &Known, say: &Say, age: u8, response: &Response) -> Option<String> {
    if matches!(response, Response::Refused { .. }) {
        return None;
    }
    match say {
        Say::Decide { standby_up: false, .. } => {
            Some("R23: a decision would remove the last healthy region".to_owned())
        }
        // Who asks for what runs already joins it, and begins nothing.
        Say::Decide { .. } if matches!(response, Response::Execution { joined: true, .. }) => None,
        Say::Decide { operator: false, .. } => {
            let clock = before.cluster.clock.max(ago(age));
            let hold = before.cluster.services[&shop::shop()].hold.as_ref();
            hold.filter(|hold| hold.active(clock))
                .map(|hold| format!("R26: the agents decide under {}'s pause", hold.by))
        }
        Say::Start(attempt) => {
            let execution = before.execution(attempt.epoch)?;
            let clock = before.cluster.clock.max(ago(age));
            let held = before.cluster.held_at(execution, clock).is_some();
            let started = before.intended(*attempt);
            (held && !started).then(|| format!("R26: {} begins under a pause", told(*attempt)))
        }
        _ => None,
    }
}

/// A call is sent.
pub(super) fn sent(task: &Task) -> Option<String> {
    (!task.checked).then(|| {
        format!(
            "R5, R26: {} acts, and the log did not allow it at any moment since it last looked",
            told(task.attempt)
        )
    })
}

/// A call was applied: `s` is the moment before, `after` the world after it.
pub(super) fn landed(known: &Known, call: &Call, s: &State, after: &World) -> Option<String> {
    let what = told(call.attempt);
    if !known.intended(call.attempt) {
        return Some(format!("R1: {what} takes effect without a committed intent"));
    }
    let progress = known.progress(call.attempt)?;
    if progress.before.is_none() && !shop::STEPS[usize::from(call.attempt.step)].starts_with("undo-") {
        return Some(format!("R1: {what} takes effect, and nobody has noted what stood before"));
    }
    if after.mark.0 < s.world.mark.0 {
        return Some(format!("R4: {what} takes DNS back from epoch {} to {}", s.world.mark.0, after.mark.0));
    }
    let undo = format!("undo-{}", shop::STEPS[usize::from(call.attempt.step)]);
    let undone = known.execution(call.attempt.epoch)?.steps.iter().any(|(name, progress)| {
        name.as_str() == undo && matches!(progress.state, StepState::Succeeded { .. })
    });
    if undone && after != &s.world {
        return Some(format!("R4: {what} takes effect after it was taken back"));
    }
    let promotes = !action(known, call.attempt).reversible();
    let record = &known.cluster.services[&shop::shop()].lease;
    let free = matches!(record, LeaseRecord::Held { region, .. } if *region == shop::region(1));
    (promotes && !free).then(|| format!("R13: {what} takes effect, and the lease is {record:?}"))
}

/// One moment.
pub(super) fn moment(log: &Log, leases: &LeaseBook, s: &State) -> Option<String> {
    let known = log.at(s.log);
    let writes = |agent: u8| {
        let me = &s.agents[usize::from(agent)];
        me.up && leases.writes(me.leases, &log.lease_view(me.view))
    };
    if writes(0) && writes(1) {
        return Some("R13: both regions hold the write lease".to_owned());
    }
    if s.world.database != Database::Replica {
        if writes(0) {
            return Some("R13: the standby is promoted, and the old region may still write".to_owned());
        }
        let state = &known.cluster.services[&shop::shop()];
        if matches!(&state.lease, LeaseRecord::Held { region, .. } if *region == shop::region(0)) {
            return Some(
                "R13: the standby is promoted, and the log gives the old region the lease".to_owned(),
            );
        }
    }
    let quiet = s.calls.iter().all(Option::is_none) && s.tasks.iter().all(Option::is_none);
    if quiet { at_rest(&known, &s.world) } else { None }
}

/// Nothing is under way: what the log says of the world must be so.
fn at_rest(known: &Known, world: &World) -> Option<String> {
    let first = World::new();
    let all_taken_back = known.cluster.executions.values().all(|execution| {
        matches!(execution.state, ExecutionState::Aborted { .. })
            && execution.not_undone().is_empty()
            && !execution
                .steps
                .values()
                .any(|progress| matches!(progress.state, StepState::Failed { unknown: true, .. }))
    });
    if all_taken_back && (world.tasks, world.east, world.database) != (first.tasks, true, Database::Replica) {
        return Some(format!("R4: everything is told as taken back, and the world is {world:?}"));
    }
    let latest = known.latest()?;
    let over = latest.state == ExecutionState::Succeeded { exceptions: 0 };
    let promotes = latest.plan.steps.contains_key(&shop::step(1));
    if over && (world.east || (promotes && world.database != Database::Primary)) {
        return Some(format!("R14: the failover is told as done, and the world is {world:?}"));
    }
    let moved = known.cluster.services[&shop::shop()].active == shop::region(1);
    (moved && promotes && world.database != Database::Primary).then(|| {
        format!("R24: the log says that the new region serves, and its database is {:?}", world.database)
    })
}

/// One replicated state. Asked once for each.
pub(super) fn replicated(cluster: &Cluster) -> Option<String> {
    let open: Vec<_> = cluster.executions.values().filter(|execution| !execution.state.ended()).collect();
    if open.len() > 1 {
        return Some(format!("R2: {} executions are open at once", open.len()));
    }
    let registered = cluster.services[&shop::shop()].running.as_ref();
    let execution = match (open.first(), registered) {
        (None, None) => return None,
        (Some(execution), Some(id)) if execution.id == *id => execution,
        (open, running) => {
            let open = open.map(|execution| &execution.id);
            return Some(format!("R3: the slot is taken by {running:?}, and {open:?} is open"));
        }
    };
    let lets = |body: Body| {
        let command = Command::new("way-out".to_owned(), NOW, shop::agent(2), body);
        !matches!(cluster.clone().apply(&command), Response::Refused { .. })
    };
    let abort = |leave| lets(Body::Abort { execution: execution.id.clone(), actor: shop::olga(), leave });
    let way_out = match execution.state {
        ExecutionState::Stopped { .. } => abort(false),
        ExecutionState::Undoing { given_up: false, .. } => abort(true),
        // It ends by itself, as soon as nothing of it is under way.
        ExecutionState::Undoing { given_up: true, .. } => true,
        ExecutionState::AwaitingApproval => {
            abort(false)
                && lets(Body::Approve { execution: execution.id.clone(), step: None, actor: shop::olga() })
        }
        _ => lets(Body::Resume { service: shop::shop(), actor: shop::olga() }),
    };
    (!way_out).then(|| format!("R30: an operator cannot end an execution that {}", execution.state))
}
