//! Deciding, approving, aborting: every rule is checked again on the leader's evidence, on every replica.

use super::{
    Cluster,
    audit::AuditEvent,
    drill::DrillOf,
    execution::*,
    service::{LeaseRecord, STARTS_KEPT_MAX, ServiceState},
};
use crate::command::{Actor, Command, ExecutionId, Response};
use quorate_policies::{
    AgentName, PlanName, RegionName, ServiceName, StepName, Timestamp,
    agreement::Evidence,
    guard::{Refusal, Situation, Trigger, authorize, situation::scenario},
    health::Verdict,
    plan::expand::{self, Inputs},
    policy::{Mode, Scenario},
};
use std::collections::{BTreeMap, BTreeSet};

/// What is needed to begin an execution, once every guard has passed.
pub(super) struct Opening<'a> {
    pub(super) plan: expand::Plan,
    /// The scenario that an operator has declared.
    pub(super) scenario: Option<PlanName>,
    pub(super) inputs: Inputs,
    pub(super) trigger: &'a Trigger,
    pub(super) evidence: &'a Evidence,
    pub(super) live: &'a BTreeSet<AgentName>,
    /// Whether it waits for an approval first.
    pub(super) waits: bool,
    /// Of which drill it is a part.
    pub(super) drill: Option<DrillOf>,
}

impl Cluster {
    pub(super) fn decide(
        &mut self,
        command: &Command,
        service: &ServiceName,
        to: &RegionName,
        trigger: &Trigger,
        evidence: &Evidence,
        live: &BTreeSet<AgentName>,
    ) -> Result<Response, Refusal> {
        let verdict = self.judge(service, to, trigger, evidence);
        if let Some(joined) = self.join(service, to, &verdict) {
            return Ok(joined);
        }
        if let Err(refusal) = &verdict {
            self.record_refusal(command, service, trigger, refusal);
        }
        let (plan, mode) = verdict?;
        let waits = mode == Mode::Approval && matches!(trigger, Trigger::Automatic);
        let inputs = Inputs::new();
        let opening = Opening { plan, scenario: None, inputs, trigger, evidence, live, waits, drill: None };
        self.open(command, service, opening)
    }

    pub(super) fn record_refusal(
        &mut self,
        command: &Command,
        service: &ServiceName,
        trigger: &Trigger,
        refusal: &Refusal,
    ) {
        let event = AuditEvent::Refused { refusal: refusal.clone() };
        self.audit.record(self.clock, actor_name(trigger, &command.by), Some(service), None, event);
    }

    /// Begins an execution of a plan that every guard has passed, under a new epoch.
    pub(super) fn open(
        &mut self,
        command: &Command,
        service: &ServiceName,
        opening: Opening<'_>,
    ) -> Result<Response, Refusal> {
        let now = self.clock;
        let state = self.service_mut(service)?;
        let epoch = state.epoch + 1;
        let id = format!("{service}-{epoch}");
        let (trigger, waits) = (opening.trigger, opening.waits);
        // Every guard has passed, so what has the slot is a drill that gives way: nothing else is ever ended so.
        let way = self.running(service).filter(|running| running.gives_way());
        if let Some(drill) = way.map(|drill| drill.id.clone()) {
            let reason = format!("the drill gave way to {id}");
            self.end(&drill, ExecutionState::Aborted { reason }, actor_name(trigger, &command.by));
        }
        let state = self.service_mut(service)?;
        state.epoch = epoch;
        state.running = Some(id.clone());
        if opening.plan.moves && opening.drill.is_none() {
            state.starts.push_back(now);
        }
        while state.starts.len() > STARTS_KEPT_MAX {
            state.starts.pop_front();
        }
        let execution = execution(&id, service, epoch, opening, state, now);
        let event = AuditEvent::Decided {
            from: execution.from().clone(),
            to: execution.to().clone(),
            trigger: trigger.clone(),
            epoch,
            awaits_approval: waits,
            scenario: execution.scenario.clone(),
            drill: execution.drill.clone(),
        };
        self.executions.insert(id.clone(), execution);
        self.audit.record(now, actor_name(trigger, &command.by), Some(service), Some(&id), event);
        if !waits {
            self.begin(&id);
        }
        Ok(Response::Execution { id, joined: false })
    }

    /// All guards, then the expansion: a plan that cannot be expanded is refused before anything is committed.
    fn judge(
        &self,
        service: &ServiceName,
        to: &RegionName,
        trigger: &Trigger,
        evidence: &Evidence,
    ) -> Result<(expand::Plan, Mode), Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.services.get(service).ok_or_else(unknown)?;
        let facts = self.facts(state);
        let situation = Situation {
            policy: &state.policy,
            members: &self.members,
            facts: &facts,
            evidence,
            now: self.clock,
            plan: None,
        };
        authorize(&situation, trigger, to)?;
        let (plan, mode) = scenario(&state.policy).ok_or(Refusal::NoScenario)?;
        let plan = expand::expand(&state.policy, plan, &state.active, to, &Inputs::new())
            .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
        Ok((plan, mode))
    }

    /// Two who want the same failover get the same execution (F29).
    fn join<T>(
        &self,
        service: &ServiceName,
        to: &RegionName,
        verdict: &Result<T, Refusal>,
    ) -> Option<Response> {
        let Err(Refusal::ExecutionInProgress { execution }) = verdict else { return None };
        let same = self.running(service).is_some_and(|running| {
            let declared = running.scenario.is_some();
            running.to() == to && running.state == ExecutionState::Running && !declared
        });
        same.then(|| Response::Execution { id: execution.clone(), joined: true })
    }

    /// The lease begins to move, and the first steps are assigned.
    fn begin(&mut self, id: &ExecutionId) {
        let Some(execution) = self.executions.get_mut(id) else { return };
        execution.state = ExecutionState::Running;
        execution.begun_at = self.clock;
        let (service, to, epoch) = (execution.service.clone(), execution.to().clone(), execution.epoch);
        let moves = execution.plan.moves;
        if let Some(state) = self.services.get_mut(&service).filter(|_| moves) {
            // From whoever may hold it, which is not the active region if an earlier failover ended half-way (R13).
            let from = state.lease.holder().clone();
            state.lease = LeaseRecord::Releasing { from, to, epoch };
        }
        self.assign_ready(id);
    }

    pub(super) fn approve(
        &mut self,
        id: &ExecutionId,
        step: Option<&StepName>,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        if let Some(step) = step {
            return self.approve_step(id, step, actor);
        }
        let execution = self.execution(id)?;
        if execution.state != ExecutionState::AwaitingApproval {
            return Err(wrong_state(execution, "only one that waits for approval can be approved"));
        }
        let service = execution.service.clone();
        let event = AuditEvent::Approved { reason: actor.reason.clone(), step: None };
        self.audit.record(self.clock, &actor.name, Some(&service), Some(id), event);
        self.begin(id);
        Ok(Response::Execution { id: id.clone(), joined: true })
    }

    pub(super) fn abort(
        &mut self,
        id: &ExecutionId,
        actor: &Actor,
        leave: bool,
    ) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        if execution.state.ended() {
            return Err(wrong_state(execution, "it has ended"));
        }
        // What it made beside the service its cleanup clears away, whatever is under way.
        if execution.isolated() {
            self.end(id, ExecutionState::Aborted { reason: actor.reason.clone() }, &actor.name);
            return Ok(Response::Done);
        }
        let stopped = matches!(execution.state, ExecutionState::Stopped { .. });
        if execution.past_no_return() && !stopped {
            return Err(wrong_state(execution, "it is past the point of no return and goes forward"));
        }
        if matches!(execution.state, ExecutionState::Undoing { given_up: true, .. }) {
            return Err(wrong_state(execution, "it ends as soon as nothing of it is under way"));
        }
        let undoing = matches!(execution.state, ExecutionState::Undoing { .. });
        if undoing && !leave {
            return Err(wrong_state(execution, "it is being aborted already"));
        }
        if execution.past_no_return() {
            self.end(id, ExecutionState::Aborted { reason: actor.reason.clone() }, &actor.name);
            return Ok(Response::Done);
        }
        let (service, reason) = (execution.service.clone(), actor.reason.clone());
        let event = AuditEvent::Aborting { reason: reason.clone(), leave };
        self.audit.record(self.clock, &actor.name, Some(&service), Some(id), event);
        if !undoing {
            self.begin_undo(id, &reason);
        }
        if leave {
            self.leave_undone(id, &reason);
        }
        self.go_on_undoing(id, &actor.name);
        Ok(Response::Done)
    }

    /// Ends an execution: open steps are cancelled or unknown, the slot is free, the cool-down begins (R3).
    pub(super) fn end(&mut self, id: &ExecutionId, state: ExecutionState, actor: &str) {
        let now = self.clock;
        let Some(execution) = self.executions.get_mut(id) else { return };
        execution.steps.values_mut().for_each(|progress| progress.leave_open(now));
        execution.state = state;
        execution.ended_at = Some(now);
        let (service, to) = (execution.service.clone(), execution.to().clone());
        let succeeded = matches!(execution.state, ExecutionState::Succeeded { .. });
        let moves = execution.plan.moves;
        let drill = execution.drill.is_some();
        let touched = execution.touched();
        let standing = execution.not_undone();
        let event = AuditEvent::ExecutionEnded {
            state: execution.state.word().to_owned(),
            detail: match execution.recovery_time() {
                Some(time) => format!("{}, recovery time {}", execution.state, time.total()),
                None if standing.is_empty() => execution.state.to_string(),
                None => format!("{}; not undone: {}", execution.state, standing.join(", ")),
            },
        };
        if let Some(service) = self.services.get_mut(&service) {
            service.running = None;
            // One that touched nothing is no failover, and neither is one that moved nothing: the cool-down and the
            // velocity cap count them not. A drill they count neither: no real failure waits for one.
            if moves && touched && !drill {
                service.last_ended = Some(now);
            } else if moves && !drill {
                service.starts.pop_back();
            }
            if succeeded && moves {
                service.active = to;
            }
        }
        self.audit.record(now, actor, Some(&service), Some(id), event);
        self.drill_after(id);
    }

    pub(super) fn execution(&self, id: &ExecutionId) -> Result<&Execution, Refusal> {
        self.executions.get(id).ok_or_else(|| Refusal::UnknownExecution { execution: id.clone() })
    }
}

impl Execution {
    /// Whether any of its steps has begun.
    pub(super) fn touched(&self) -> bool {
        self.steps.values().any(|progress| progress.started_at.is_some())
    }
}

fn execution(
    id: &ExecutionId,
    service: &ServiceName,
    epoch: u64,
    opening: Opening<'_>,
    state: &ServiceState,
    now: Timestamp,
) -> Execution {
    let Opening { plan, scenario, inputs, trigger, evidence, live, waits, drill } = opening;
    let down = |vote: &&quorate_policies::agreement::Vote| {
        vote.target.region == state.active && vote.verdict == Verdict::Down
    };
    let failing =
        evidence.votes.iter().filter(down).filter_map(|vote| Some(vote.failing_for?.plus(vote.age)));
    let component = scenario
        .as_ref()
        .and_then(|name| state.policy.scenarios.get(name)?.when.as_ref()?.component.as_ref());
    let down_for = match component {
        Some(component) => evidence.components_down.get(component).copied().unwrap_or_default(),
        None => evidence.down_for,
    };
    let agreed_at = Timestamp(now.0.saturating_sub(down_for.0));
    let failing_since = Timestamp(now.0.saturating_sub(failing.max().unwrap_or_default().0)).min(agreed_at);
    // What was not declared is the scenario that the agents detect, also where an operator orders its plan.
    let lost = |scenario: &Scenario| scenario.when.as_ref().is_some_and(|when| when.region.is_some());
    let detected = || state.policy.scenarios.iter().find(|(_, scenario)| lost(scenario));
    let of = scenario.as_ref().or_else(|| detected().map(|(name, _)| name));
    let mut execution = Execution {
        id: id.clone(),
        service: service.clone(),
        epoch,
        steps: plan.steps.keys().map(|step| (step.clone(), StepProgress::default())).collect(),
        plan,
        objective: Some(state.policy.objective(of)),
        paperwork: state.policy.paperwork(of),
        ticks: BTreeMap::new(),
        scenario,
        inputs,
        policy_hash: state.policy_hash.clone(),
        trigger: trigger.clone(),
        manner: trigger.manner(),
        evidence: evidence.clone(),
        state: if waits { ExecutionState::AwaitingApproval } else { ExecutionState::Running },
        failing_since,
        agreed_at,
        decided_at: now,
        begun_at: now,
        ended_at: None,
        live: live.clone(),
        drill,
    };
    execution.leave_others_out();
    execution
}

fn actor_name<'a>(trigger: &'a Trigger, by: &'a AgentName) -> &'a str {
    match trigger {
        Trigger::Automatic => by.as_str(),
        Trigger::Operator { by, .. } => by,
    }
}

pub(super) fn wrong_state(execution: &Execution, why: &str) -> Refusal {
    Refusal::WrongState {
        execution: execution.id.clone(),
        state: execution.state.to_string(),
        why: why.to_owned(),
    }
}
