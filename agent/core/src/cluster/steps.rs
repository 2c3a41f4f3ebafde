//! Steps in the log: assigning, starting, finishing, and assigning anew when an agent is lost. Who runs what is
//! decided here, on every replica alike, never by the agents among themselves.

use super::{Cluster, audit::AuditEvent, execution::*, service::LeaseRecord};
use crate::command::{ExecutionId, Response, StepOutcome};
use quorate_policies::{
    AgentName, Millis, RegionName, StepName, Timestamp, guard::Refusal, plan::Before, policy::OnError,
};
use std::collections::{BTreeMap, BTreeSet};

/// An automatic decision whose first step has not begun by then was made on evidence that is no longer fresh: it may
/// have waited in the log of a leader without a majority (R5, R11). Far above a commit and a read barrier.
const BEGIN_WITHIN: Millis = Millis(15_000);
/// Why such a one is ended.
pub(crate) const TOO_LATE: &str = "the decision came too late: its evidence is no longer fresh";

impl Cluster {
    /// Whether an agent may carry out an attempt now: asked before the intent, and again right before the effect
    /// (R5), after a read barrier.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_act(
        &self,
        agent: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
    ) -> Result<(), Refusal> {
        self.may_act_at(self.clock, agent, id, step, attempt)
    }

    /// The same at a moment that the log's clock has not reached.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_act_at(
        &self,
        now: Timestamp,
        agent: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
    ) -> Result<(), Refusal> {
        let execution = self.execution(id)?;
        let not_yours =
            |why: String| Refusal::StepNotYours { execution: id.clone(), step: step.clone(), why };
        if !execution.may_run(step) {
            return Err(not_yours(format!("the execution {}", execution.state)));
        }
        if let Some(hold) = self.held_at(execution, now) {
            return Err(Refusal::Held {
                by: hold.by.clone(),
                reason: hold.reason.clone(),
                until: hold.until,
            });
        }
        let progress =
            execution.steps.get(step).ok_or_else(|| not_yours("the plan has no such step".to_owned()))?;
        if progress.state.agent() != Some(agent) || progress.attempt != attempt {
            return Err(not_yours(format!("it is {} (attempt {})", progress.state.word(), progress.attempt)));
        }
        self.lease_allows(execution, step)
    }

    /// An irreversible step waits until the new region may hold the write lease at this epoch (R13).
    fn lease_allows(&self, execution: &Execution, step: &StepName) -> Result<(), Refusal> {
        let irreversible = execution.plan.steps.get(step).is_some_and(|step| !step.reversible);
        let wait =
            |holder: &RegionName| Refusal::LeaseNotReleased { step: step.clone(), holder: holder.clone() };
        if !irreversible {
            return Ok(());
        }
        match self.services.get(&execution.service).map(|state| &state.lease) {
            Some(LeaseRecord::Held { region, epoch })
                // A plan that moves nothing runs under the lease that its region has.
                if region == execution.to() && (*epoch == execution.epoch || !execution.plan.moves) =>
            {
                Ok(())
            }
            Some(LeaseRecord::Held { region, .. } | LeaseRecord::Releasing { from: region, .. }) => {
                Err(wait(region))
            }
            None => Err(wait(execution.from())),
        }
    }

    pub(super) fn start_step(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
    ) -> Result<Response, Refusal> {
        self.may_act(by, id, step, attempt)?;
        if self.came_too_late(id, self.clock) {
            let why = TOO_LATE.to_owned();
            return Err(Refusal::StepNotYours { execution: id.clone(), step: step.clone(), why });
        }
        self.advance(id, step, &StepMove::Start)?;
        let now = self.clock;
        let service = self.executions.get_mut(id).map(|execution| {
            if let Some(progress) = execution.steps.get_mut(step) {
                if progress.started_at.is_some() {
                    progress.resumed_at = Some(now);
                }
                progress.started_at.get_or_insert(now);
            }
            execution.service.clone()
        });
        let event = AuditEvent::StepStarted { step: step.clone(), attempt };
        self.audit.record(now, by.as_str(), service.as_ref(), Some(id), event);
        Ok(Response::Done)
    }

    /// An attempt that had begun is gone on with: nobody has heard what became of it till then.
    pub(super) fn resume_step(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
    ) -> Result<Response, Refusal> {
        self.may_act(by, id, step, attempt)?;
        let not_begun = || {
            let why = "it has not begun".to_owned();
            Refusal::StepNotYours { execution: id.clone(), step: step.clone(), why }
        };
        let execution = self.executions.get_mut(id).ok_or_else(not_begun)?;
        let service = execution.service.clone();
        let progress = execution.steps.get_mut(step).ok_or_else(not_begun)?;
        if !matches!(progress.state, StepState::Started { .. }) {
            return Err(not_begun());
        }
        if !progress.unheard {
            progress.unheard = true;
            let event = AuditEvent::StepResumed { step: step.clone(), attempt };
            self.audit.record(self.clock, by.as_str(), Some(&service), Some(id), event);
        }
        Ok(Response::Done)
    }

    /// Whether an automatic decision has waited so long for its first step that its evidence is no longer fresh. Such a
    /// one begins nothing; the leader ends it, and decides anew if there is still reason to.
    #[must_use]
    pub fn came_too_late(&self, id: &ExecutionId, now: Timestamp) -> bool {
        self.executions.get(id).is_some_and(|execution| {
            let approved = execution.begun_at != execution.decided_at;
            let late = now.since(execution.begun_at) > BEGIN_WITHIN;
            execution.state == ExecutionState::Running
                && execution.automatic()
                && !approved
                && !execution.touched()
                && late
        })
    }

    /// What stands before the first act. Like the check before an effect it needs the step to be the agent's own, and
    /// like it it is a quorum round.
    pub(super) fn note_step(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
        before: &Before,
    ) -> Result<Response, Refusal> {
        self.may_act(by, id, step, attempt)?;
        let Some(execution) = self.executions.get_mut(id) else { return Ok(Response::Done) };
        let service = execution.service.clone();
        let Some(progress) = execution.steps.get_mut(step) else { return Ok(Response::Done) };
        // An earlier attempt may have changed the world since: only the first look saw it untouched.
        if progress.before.is_none() {
            progress.before = Some(before.clone());
            let event = AuditEvent::StepNoted { step: step.clone(), before: before.clone() };
            self.audit.record(self.clock, by.as_str(), Some(&service), Some(id), event);
        }
        Ok(Response::Done)
    }

    pub(super) fn finish_step(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
        outcome: &StepOutcome,
    ) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        let progress = execution.steps.get(step);
        // A report that was overtaken by a new assignment says nothing about that one.
        if progress.is_none_or(|p| p.attempt != attempt || p.state.agent() != Some(by)) {
            let why = "another assignment has taken its place".to_owned();
            return Err(Refusal::StepNotYours { execution: id.clone(), step: step.clone(), why });
        }
        let failures = progress.map_or(0, |p| p.failures);
        // What an abort overtook is not tried again: it is taken back.
        let over = matches!(execution.state, ExecutionState::Undoing { .. }) && !execution.may_run(step);
        let retries = execution.plan.steps.get(step).filter(|_| !over).map_or(0, |s| s.retries);
        let service = execution.service.clone();
        self.advance(id, step, &StepMove::Finish(outcome.clone(), retries.saturating_sub(failures)))?;
        if let Some(progress) = self.executions.get_mut(id).and_then(|e| e.steps.get_mut(step)) {
            progress.heard(outcome);
        }
        let event = AuditEvent::StepFinished { step: step.clone(), attempt, outcome: outcome.clone() };
        self.audit.record(self.clock, by.as_str(), Some(&service), Some(id), event);
        self.settle(by, id, step);
        Ok(Response::Done)
    }

    /// What an attempt's end means for the execution.
    fn settle(&mut self, by: &AgentName, id: &ExecutionId, step: &StepName) {
        let now = self.clock;
        let Some(execution) = self.executions.get_mut(id) else { return };
        let Some(progress) = execution.steps.get_mut(step) else { return };
        let planned = execution.plan.steps.get(step);
        match &progress.state {
            StepState::Waiting => progress.failures += 1,
            StepState::Succeeded { .. } => {
                progress.ended_at = Some(now);
                // Once the promotion stands, the service lives in the new region, whatever else happens.
                if planned.is_some_and(|s| !s.reversible)
                    && let Some(service) = self.services.get_mut(&execution.service)
                {
                    service.active.clone_from(&execution.plan.to);
                }
            }
            StepState::Failed { reason, .. } => {
                progress.ended_at = Some(now);
                if planned.is_none_or(|s| s.on_error == OnError::Stop)
                    && execution.state == ExecutionState::Running
                {
                    let reason = reason.clone();
                    execution.state = ExecutionState::Stopped { step: step.clone(), reason };
                    let (service, detail) = (execution.service.clone(), execution.state.to_string());
                    let event = AuditEvent::ExecutionEnded { state: "stopped".to_owned(), detail };
                    self.audit.record(now, by.as_str(), Some(&service), Some(id), event);
                }
            }
            StepState::Assigned { .. } | StepState::Started { .. } | StepState::Cancelled => {}
        }
        self.assign_ready(id);
        self.end_if_complete(id, by.as_str());
    }

    pub(super) fn end_if_complete(&mut self, id: &ExecutionId, by: &str) {
        let Some(execution) = self.executions.get(id) else { return };
        let complete = execution.steps.values().all(|progress| progress.state.ended());
        if complete && matches!(execution.state, ExecutionState::Undoing { .. }) {
            return self.go_on_undoing(id, by);
        }
        if complete && execution.state == ExecutionState::Running {
            let failed = |p: &&StepProgress| matches!(p.state, StepState::Failed { .. });
            let exceptions = execution.steps.values().filter(failed).count();
            let exceptions = u32::try_from(exceptions).unwrap_or(u32::MAX);
            self.end(id, ExecutionState::Succeeded { exceptions }, by);
        }
    }

    pub(super) fn set_live(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        live: &BTreeSet<AgentName>,
    ) -> Result<Response, Refusal> {
        // It was proposed while the execution still ran; what is over stays as it was.
        if self.execution(id)?.state.ended() {
            return Ok(Response::Done);
        }
        let Some(execution) = self.executions.get_mut(id) else { return Ok(Response::Done) };
        execution.live = live.clone();
        execution.live.insert(by.clone());
        for progress in execution.steps.values_mut() {
            let lost = progress.state.agent().is_some_and(|agent| !execution.live.contains(agent));
            if lost {
                progress.lose();
            }
        }
        self.give_up_lost(id);
        self.assign_ready(id);
        self.end_if_complete(id, by.as_str());
        Ok(Response::Done)
    }

    /// Gives every step that can begin to an agent.
    pub(super) fn assign_ready(&mut self, id: &ExecutionId) {
        let Some(execution) = self.executions.get(id) else { return };
        let service = execution.service.clone();
        let ready: Vec<(StepName, AgentName, u32)> = execution
            .steps
            .iter()
            .filter(|(name, progress)| progress.state == StepState::Waiting && execution.may_run(name))
            .filter(|(name, _)| self.ready(execution, name))
            .filter_map(|(name, p)| Some((name.clone(), self.assignee(execution, name)?, p.attempt + 1)))
            .collect();
        for (step, agent, attempt) in ready {
            if self.advance(id, &step, &StepMove::Assign(agent.clone())).is_err() {
                continue;
            }
            if let Some(progress) = self.executions.get_mut(id).and_then(|e| e.steps.get_mut(&step)) {
                progress.attempt = attempt;
                progress.agent = Some(agent.clone());
            }
            let event = AuditEvent::StepAssigned { step, agent, attempt };
            self.audit.record(self.clock, "log", Some(&service), Some(id), event);
        }
    }

    fn ready(&self, execution: &Execution, step: &StepName) -> bool {
        execution.needs_met(step) && self.lease_allows(execution, step).is_ok()
    }

    /// A live agent in the step's place; else one in the region that is activated; else one outside the region that
    /// is left; else any. Among equals the one with the fewest open steps, then the first by name.
    fn assignee(&self, execution: &Execution, step: &StepName) -> Option<AgentName> {
        let place = &execution.plan.steps.get(step)?.place.0;
        let load = load(execution);
        let rank = |agent: &AgentName| {
            let region = self.members.get(agent);
            let distance = if region == Some(place) {
                0
            } else if region == Some(execution.to()) {
                1
            } else if region != Some(execution.from()) {
                2
            } else {
                3
            };
            (distance, load.get(agent).copied().unwrap_or(0), agent.clone())
        };
        let agents = execution.live.iter().filter(|agent| self.members.contains_key(*agent));
        agents.min_by_key(|agent| rank(agent)).cloned()
    }

    fn advance(&mut self, id: &ExecutionId, step: &StepName, movement: &StepMove) -> Result<(), Refusal> {
        let progress = self.executions.get_mut(id).and_then(|e| e.steps.get_mut(step));
        let refuse = |why: String| Refusal::StepNotYours { execution: id.clone(), step: step.clone(), why };
        let progress = progress.ok_or_else(|| refuse("there is no such step".to_owned()))?;
        progress.state = progress.state.next(movement).map_err(|illegal| refuse(illegal.to_string()))?;
        Ok(())
    }
}

fn load(execution: &Execution) -> BTreeMap<&AgentName, usize> {
    let mut load = BTreeMap::new();
    for agent in execution.steps.values().filter_map(|progress| progress.state.agent()) {
        *load.entry(agent).or_insert(0) += 1;
    }
    load
}
