//! Gracefully or not. An execution begins in one manner; an operator may give the old region up while it runs. Then what
//! only takes leave of that region is left, and what only a loss needs takes part. Nothing is taken back here, and nothing
//! ever becomes graceful again: what was given up may have been lost since.

use super::{Cluster, audit::AuditEvent, decide::wrong_state, execution::*};
use crate::command::{Actor, ExecutionId, Response};
use quorate_policies::{StepName, guard::Refusal, plan::Manner, policy::OnError};
use std::collections::BTreeSet;

/// Why a step that had begun is left.
const LEFT: &str =
    "left, because the execution goes on ungracefully: what it was about to do may still happen";

impl Cluster {
    /// Goes on ungracefully.
    pub(super) fn ungraceful(&mut self, id: &ExecutionId, actor: &Actor) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        if let Some(why) = execution.stays_graceful() {
            return Err(wrong_state(execution, &why));
        }
        let service = execution.service.clone();
        let now = self.clock;
        if let Some(execution) = self.executions.get_mut(id) {
            let recalled = execution.recalled();
            for (name, progress) in &mut execution.steps {
                if execution.plan.steps.get(name).is_some_and(|step| step.only == Some(Manner::Graceful)) {
                    progress.leave(now, LEFT);
                } else if recalled.contains(name)
                    && let Ok(next) = progress.state.next(&StepMove::Recall)
                {
                    progress.state = next;
                }
            }
            execution.manner = Manner::Ungraceful;
            if matches!(execution.state, ExecutionState::Stopped { .. }) {
                execution.state = ExecutionState::Running;
            }
        }
        let event = AuditEvent::Ungraceful { reason: actor.reason.clone() };
        self.audit.record(now, &actor.name, Some(&service), Some(id), event);
        if self.executions.get(id).is_some_and(|execution| execution.state == ExecutionState::Running) {
            self.assign_ready(id);
            self.end_if_complete(id, &actor.name);
        }
        Ok(Response::Execution { id: id.clone(), joined: true })
    }
}

impl Execution {
    /// Whether a step belongs to the execution as it runs.
    #[must_use]
    pub fn takes_part(&self, step: &StepName) -> bool {
        let only = self.plan.steps.get(step).and_then(|step| step.only);
        only.is_none_or(|only| only == self.manner)
    }

    /// Whether what a step needs has ended. For a step that takes no part stands what that one needs.
    #[must_use]
    pub fn needs_met(&self, step: &StepName) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![step];
        while let Some(next) = open.pop() {
            let Some(planned) = self.plan.steps.get(next) else { return false };
            for need in planned.needs.iter().filter(|need| seen.insert(*need)) {
                if !self.steps.get(need).is_some_and(|progress| progress.state.ended()) {
                    return false;
                }
                if !self.takes_part(need) {
                    open.push(need);
                }
            }
        }
        true
    }

    /// Leaves out the steps of the other manner, before anything has begun.
    pub(super) fn leave_others_out(&mut self) {
        let out: Vec<StepName> = self.steps.keys().filter(|name| !self.takes_part(name)).cloned().collect();
        for name in out {
            let Some(progress) = self.steps.get_mut(&name) else { continue };
            if let Ok(next) = progress.state.next(&StepMove::Cancel) {
                progress.state = next;
            }
        }
    }

    /// Why it cannot go on ungracefully, if it cannot.
    fn stays_graceful(&self) -> Option<String> {
        match &self.state {
            ExecutionState::Succeeded { .. } | ExecutionState::Aborted { .. } => {
                return Some("it has ended".to_owned());
            }
            ExecutionState::Undoing { .. } => return Some("it is being aborted".to_owned()),
            ExecutionState::AwaitingApproval | ExecutionState::Running | ExecutionState::Stopped { .. } => {}
        }
        if self.manner == Manner::Ungraceful {
            return Some("it runs ungracefully already".to_owned());
        }
        if self.plan.steps.values().all(|step| step.only.is_none()) {
            return Some("its plan is the same in both manners".to_owned());
        }
        let graceful =
            |name: &StepName| self.plan.steps.get(name).filter(|step| step.only == Some(Manner::Graceful));
        let failed = |(name, progress): &(&StepName, &StepProgress)| {
            let stops = self.plan.steps.get(*name).is_none_or(|step| step.on_error == OnError::Stop);
            matches!(progress.state, StepState::Failed { .. }) && stops && graceful(name).is_none()
        };
        if let Some((step, _)) = self.steps.iter().find(failed) {
            return Some(format!("step `{step}`, which both manners need, has failed: abort it"));
        }
        // Two that cannot be taken back, of which nobody knows whether the first still happens.
        let open = |(name, progress): &(&StepName, &StepProgress)| {
            graceful(name).is_some_and(|step| !step.reversible)
                && (matches!(
                    progress.state,
                    StepState::Started { .. } | StepState::Failed { unknown: true, .. }
                ) || progress.started_at.is_some() && !progress.state.ended())
        };
        let (step, _) = self.steps.iter().find(open)?;
        Some(format!(
            "step `{step}` cannot be taken back and has begun, and its end is not known (yet): it may still happen"
        ))
    }

    /// The steps that only a loss needs, but for those before which something has begun that comes after them.
    fn recalled(&self) -> BTreeSet<StepName> {
        let only_a_loss = self.plan.steps.iter().filter(|(_, step)| step.only == Some(Manner::Ungraceful));
        let begun = || self.steps.iter().filter(|(_, p)| p.started_at.is_some()).map(|(name, _)| name);
        let late = |step: &StepName| begun().any(|later| self.plan.comes_after(later, step));
        only_a_loss.map(|(name, _)| name).filter(|name| !late(name)).cloned().collect()
    }
}
