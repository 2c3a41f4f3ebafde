//! What an `approval` step and a `gate` ask. Their world is the log: an answer is committed, a step has succeeded or has not, and the
//! step's agent reads it there.

use super::{
    Cluster,
    audit::AuditEvent,
    decide::wrong_state,
    execution::{ExecutionState, StepState},
};
use crate::command::{Actor, ExecutionId, Response};
use quorate_policies::{StepName, guard::Refusal, plan::Action};

impl Cluster {
    /// Answers the question of a step. It may be answered before it is asked; only what has ended takes none.
    pub(super) fn approve_step(
        &mut self,
        id: &ExecutionId,
        step: &StepName,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        let asks = |name: &StepName| {
            let action = execution.plan.steps.get(name).map(|step| &step.action);
            matches!(action, Some(Action::Approval(_)))
        };
        if !asks(step) {
            let names: Vec<&str> =
                execution.plan.steps.keys().filter(|name| asks(name)).map(StepName::as_str).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let why = format!("step `{step}` asks nobody; those that do: {there}");
            return Err(wrong_state(execution, &why));
        }
        let ended = execution.steps.get(step).is_none_or(|progress| progress.state.ended());
        let over = !matches!(execution.state, ExecutionState::Running | ExecutionState::AwaitingApproval);
        if ended || over {
            return Err(wrong_state(execution, &format!("step `{step}` takes no answer any more")));
        }
        let service = execution.service.clone();
        if let Some(progress) = self.executions.get_mut(id).and_then(|all| all.steps.get_mut(step)) {
            progress.approved_by = Some(actor.name.clone());
        }
        let event = AuditEvent::Approved { step: Some(step.clone()), reason: actor.reason.clone() };
        self.audit.record(self.clock, &actor.name, Some(&service), Some(id), event);
        Ok(Response::Execution { id: id.clone(), joined: true })
    }

    /// Who has approved a step.
    #[must_use]
    pub fn approved_by(&self, id: &ExecutionId, step: &StepName) -> Option<&str> {
        self.executions.get(id)?.steps.get(step)?.approved_by.as_deref()
    }

    /// The first of some steps that keeps a gate shut, and its state in one word. A gate is asked when all of them have ended.
    #[must_use]
    pub fn not_passed<'a>(
        &self,
        id: &ExecutionId,
        steps: &'a [StepName],
    ) -> Option<(&'a StepName, &'static str)> {
        let execution = self.executions.get(id);
        let progress = |name| execution?.steps.get(name);
        // What takes no part keeps no gate shut.
        let asked = |name: &&StepName| execution.is_none_or(|execution| execution.takes_part(name));
        steps.iter().filter(asked).find_map(|name| match progress(name) {
            Some(progress) if matches!(progress.state, StepState::Succeeded { .. }) => None,
            Some(progress) => Some((name, progress.state.word())),
            None => Some((name, "not there")),
        })
    }

    /// The steps of running executions that wait for an answer now.
    pub fn questions(&self) -> impl Iterator<Item = (&ExecutionId, &StepName, &str)> {
        let running = self.executions.values().filter(|execution| execution.state == ExecutionState::Running);
        running.flat_map(|execution| {
            let waits = |name: &StepName| {
                let progress = execution.steps.get(name);
                progress.is_some_and(|p| {
                    matches!(p.state, StepState::Started { .. } | StepState::Assigned { .. })
                        && p.approved_by.is_none()
                })
            };
            execution.plan.steps.iter().filter_map(move |(name, step)| {
                let Action::Approval(approval) = &step.action else { return None };
                waits(name).then_some((&execution.id, name, approval.ask.as_str()))
            })
        })
    }
}
