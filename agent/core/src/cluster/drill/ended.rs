//! What the end of an execution means for a drill: what was measured, and what is still to come.

use super::{CLEANUP_AGAIN, CLEANUPS_MAX, DrillOf, DrillUnderWay, SETTLED};
use crate::{
    cluster::{
        Cluster,
        execution::{Execution, ExecutionState},
        service::ServiceState,
    },
    command::ExecutionId,
};
use quorate_policies::{
    DrillName, Millis, Timestamp,
    drill::{DrillRecord, DrillRun},
    policy::DrillMode,
};

impl Cluster {
    /// What the end of any execution means for the service's drill.
    pub(in crate::cluster) fn drill_after(&mut self, id: &ExecutionId) {
        let now = self.clock;
        let Some(execution) = self.executions.get(id) else { return };
        let Some(state) = self.services.get_mut(&execution.service) else { return };
        let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
        match &execution.drill {
            Some(of) if of.second => second_ended(state, execution, of, now),
            Some(of) => first_ended(state, execution, of, now),
            // The service has been moved otherwise: there is no way back left to go.
            None if execution.plan.moves && succeeded => {
                let live = |under_way: &DrillUnderWay| under_way.mode == DrillMode::Live;
                if let Some(over) = state.drill.take_if(|under_way| live(under_way))
                    && let Some(run) = state.run_of(&over.drill, &over.first)
                {
                    run.second_outcome = format!("execution {id} has moved the service");
                }
            }
            None => {}
        }
    }
}

fn first_ended(state: &mut ServiceState, execution: &Execution, of: &DrillOf, now: Timestamp) {
    let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
    if let Some(run) = state.run_of(&of.name, &execution.id) {
        run.ended = Some(now);
        run.succeeded = Some(succeeded);
        run.outcome = execution.state.to_string();
        run.rto = execution.recovery_time().map(|time| time.total());
        let losses: Vec<Option<Millis>> = execution.losses().map(|(_, lost)| lost.window()).collect();
        run.rpo = losses.iter().copied().max().flatten().filter(|_| losses.iter().all(Option::is_some));
    }
    let drill = state.policy.drills.get(&of.name);
    let away = state.active != *execution.from();
    let owed_at = match of.mode {
        DrillMode::Live => drill.filter(|_| away).map(|drill| now.plus(drill.stay_for)),
        DrillMode::Isolated | DrillMode::DryRun => drill
            .filter(|drill| drill.cleanup.is_some())
            .map(|_| if succeeded { now } else { now.plus(SETTLED) }),
    };
    match (owed_at, &mut state.drill) {
        (Some(at), Some(under_way)) => under_way.owed_at = Some(at),
        (None, under_way) => *under_way = None,
        (Some(_), None) => {}
    }
}

fn second_ended(state: &mut ServiceState, execution: &Execution, of: &DrillOf, now: Timestamp) {
    let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
    let Some(under_way) = &mut state.drill else { return };
    let first = under_way.first.clone();
    let again = of.mode == DrillMode::Isolated && !succeeded && under_way.tried < CLEANUPS_MAX;
    if again {
        under_way.owed_at = Some(now.plus(CLEANUP_AGAIN));
    } else {
        state.drill = None;
    }
    if let Some(run) = state.run_of(&of.name, &first) {
        run.second_outcome = execution.state.to_string();
    }
}

impl ServiceState {
    /// The run of a drill that began with this execution.
    pub(super) fn run_of(&mut self, drill: &DrillName, first: &ExecutionId) -> Option<&mut DrillRun> {
        let runs = &mut self.drills.get_mut(drill)?.runs;
        runs.iter_mut().rev().find(|run| run.execution.as_ref() == Some(first))
    }

    /// Remembers the drills of the policy in force, and forgets those that it has no longer.
    pub(in crate::cluster) fn keep_drills(&mut self, now: Timestamp) {
        let Self { policy, drills, drill, .. } = self;
        drills.retain(|name, _| policy.drills.contains_key(name));
        for name in policy.drills.keys() {
            drills.entry(name.clone()).or_insert_with(|| DrillRecord::new(now));
        }
        drill.take_if(|under_way| !policy.drills.contains_key(&under_way.drill));
    }
}
