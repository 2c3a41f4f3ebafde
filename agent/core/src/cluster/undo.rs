//! Taking back what an aborted execution did before its point of no return. The undo is itself a row of steps, decided
//! here on every replica alike and run like any other: assigned, started in the log, observed, acted on once. What a
//! step must be taken back to is what was noted before its first act, never a guess.

use super::{Cluster, execution::*, service::LeaseRecord};
use crate::command::ExecutionId;
use quorate_policies::{
    Millis, StepName, Timestamp,
    name::NAME_BYTES_MAX,
    plan::{
        Step,
        before::{UNDO_PREFIX, undo},
    },
    policy::OnError,
};
use std::collections::BTreeSet;

/// How long is waited before a step is taken back of which one attempt's end was never heard, even if a later one's was:
/// longer than its last call can take (`executor::CALL_MAX`, 12 s), because until then it may still be applied.
const UNHEARD_OF: Millis = Millis(15_000);
/// A step that takes another one back is tried at least so often again, and for so long: what the other one could do
/// without, such as a fence in a region that is lost, the service needs back. Tasks come back within minutes.
const RETRIES_MIN: u32 = 2;
const TIMEOUT_MIN: Millis = Millis::from_secs(600);

impl Cluster {
    /// Ends what has not begun. The rest is taken back once every running step has ended.
    pub(super) fn begin_undo(&mut self, id: &ExecutionId, reason: &str) {
        let Some(execution) = self.executions.get_mut(id) else { return };
        execution.state = ExecutionState::Undoing { reason: reason.to_owned(), given_up: false };
        execution.leave_waiting_open(self.clock);
        self.go_home(id);
    }

    /// Leaves what is not taken back yet as it is: a region that is lost cannot be put in order, and must not keep an
    /// operator from failing over. What is under way is waited for, as ever.
    pub(super) fn leave_undone(&mut self, id: &ExecutionId, reason: &str) {
        let Some(execution) = self.executions.get_mut(id) else { return };
        execution.state = ExecutionState::Undoing { reason: reason.to_owned(), given_up: true };
        execution.leave_waiting_open(self.clock);
    }

    /// The old region may hold the write lease again, under the new epoch: nothing was promoted.
    fn go_home(&mut self, id: &ExecutionId) {
        let Some(execution) = self.executions.get(id).filter(|execution| execution.plan.moves) else {
            return;
        };
        let (service, from, epoch) = (execution.service.clone(), execution.from().clone(), execution.epoch);
        let Some(state) = self.services.get_mut(&service) else { return };
        let holder = state.lease.holder().clone();
        state.lease = if holder == from {
            LeaseRecord::Held { region: from, epoch }
        } else {
            // After a recovery of the agents the service's epoch may be past this execution's.
            state.epoch = state.epoch.max(epoch) + 1;
            LeaseRecord::Releasing { from: holder, to: from, epoch: state.epoch }
        };
    }

    /// Plans the undo when the last running step has ended, and ends the execution when the undo has.
    pub(super) fn go_on_undoing(&mut self, id: &ExecutionId, actor: &str) {
        let Some(execution) = self.executions.get_mut(id) else { return };
        let ExecutionState::Undoing { reason, given_up } = &execution.state else { return };
        let (reason, given_up) = (reason.clone(), *given_up);
        if execution.steps.values().any(|progress| !progress.state.ended()) {
            return;
        }
        let planned = execution.plan.steps.keys().any(is_undo);
        let steps = if planned || given_up { Vec::new() } else { undo_steps(execution) };
        if steps.is_empty() {
            self.end(id, ExecutionState::Aborted { reason }, actor);
            return;
        }
        for (name, step) in steps {
            execution.steps.insert(name.clone(), StepProgress::default());
            execution.plan.steps.insert(name, step);
        }
        self.assign_ready(id);
    }
}

impl Cluster {
    /// A step of an aborted execution whose agent is lost is not begun again: its outcome is unknown.
    pub(super) fn give_up_lost(&mut self, id: &ExecutionId) {
        let now = self.clock;
        let Some(execution) = self.executions.get_mut(id) else { return };
        let ExecutionState::Undoing { given_up, .. } = execution.state else { return };
        for (name, progress) in &mut execution.steps {
            if progress.state == StepState::Waiting && (given_up || !is_undo(name)) {
                progress.leave_open(now);
            }
        }
    }
}

impl Execution {
    /// Whatever has not begun does not begin any more.
    fn leave_waiting_open(&mut self, now: Timestamp) {
        let waiting = |progress: &&mut StepProgress| !matches!(progress.state, StepState::Started { .. });
        self.steps.values_mut().filter(waiting).for_each(|progress| progress.leave_open(now));
    }

    /// Whether a step may run in the execution's state: all of them while it runs, and those that take others back
    /// once it was aborted, until that is given up.
    #[must_use]
    pub fn may_run(&self, step: &StepName) -> bool {
        match self.state {
            ExecutionState::Running => true,
            ExecutionState::Undoing { given_up, .. } => is_undo(step) && !given_up,
            ExecutionState::AwaitingApproval
            | ExecutionState::Stopped { .. }
            | ExecutionState::Succeeded { .. }
            | ExecutionState::Aborted { .. } => false,
        }
    }
}

/// Whether a step takes another one back.
#[must_use]
pub fn is_undo(step: &StepName) -> bool {
    step.as_str().starts_with(UNDO_PREFIX)
}

/// The name of the step that takes another one back.
pub(super) fn undo_name(step: &StepName) -> Option<StepName> {
    let kept = step.as_str().len().min(NAME_BYTES_MAX - UNDO_PREFIX.len());
    StepName::try_from(format!("{UNDO_PREFIX}{}", step.as_str().get(..kept)?)).ok()
}

/// One step for each that changed something, in reverse order: what came last is taken back first.
fn undo_steps(execution: &Execution) -> Vec<(StepName, Step)> {
    let changed: Vec<&StepName> = execution
        .steps
        .iter()
        .filter(|(_, progress)| progress.state.may_stand())
        .filter(|(name, progress)| {
            let step = execution.plan.steps.get(*name);
            step.is_some_and(|step| undo(&step.action, progress.before.as_ref()).is_some())
        })
        .map(|(name, _)| name)
        .collect();
    let steps = changed.iter().filter_map(|name| {
        let step = execution.plan.steps.get(*name)?;
        let progress = execution.steps.get(*name)?;
        let after: BTreeSet<StepName> = changed
            .iter()
            .filter(|other| execution.plan.comes_after(other, name))
            .filter_map(|other| undo_name(other))
            .collect();
        let unheard = progress.unheard || matches!(progress.state, StepState::Failed { unknown: true, .. });
        let taken_back = Step {
            action: undo(&step.action, progress.before.as_ref())?,
            needs: after,
            // One undo that fails is named, and keeps none of the others from being done.
            on_error: OnError::Continue,
            reversible: true,
            retries: step.retries.max(RETRIES_MIN),
            timeout: step.timeout.max(TIMEOUT_MIN),
            delay: if unheard { UNHEARD_OF } else { Millis::ZERO },
            ..step.clone()
        };
        Some((undo_name(name)?, taken_back))
    });
    steps.collect()
}
