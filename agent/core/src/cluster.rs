//! The replicated state: what is true on every agent after the same commands. It never reads a clock; the log's own
//! clock moves forward with the commands' stamps and never back.

pub mod audit;
pub mod checklist;
mod decide;
pub mod declare;
pub mod drill;
pub mod execution;
mod feature_level;
mod gate;
mod ledger;
pub mod losses;
mod manner;
pub mod members;
pub mod predict;
pub mod service;
pub mod signal;
pub(crate) mod steps;
pub mod told;
pub mod undo;

use crate::command::{Actor, Body, Command, CommandId, ExecutionId, LeaseProof, Response};
use audit::{Audit, AuditEvent};
use execution::{Execution, ExecutionState};
use ledger::Ledger;
use members::Roster;
use quorate_policies::{
    AgentName, FeatureLevel, Policy, RegionName, ServiceName, Timestamp,
    agreement::{PolicyHash, policy_hash},
    guard::{Hold, Refusal},
};
use serde::{Deserialize, Serialize};
use service::{LeaseRecord, ServiceState};
use std::collections::BTreeMap;
use told::Told;

/// Ended executions that are kept: years of failovers, and a snapshot stays small.
pub const EXECUTIONS_KEPT_MAX: usize = 50;

/// The replicated state machine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cluster {
    /// The log's clock.
    pub clock: Timestamp,
    /// The configured agents and their regions.
    pub members: BTreeMap<AgentName, RegionName>,
    /// Services by name.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// Executions, running and ended.
    pub executions: BTreeMap<ExecutionId, Execution>,
    /// The audit's tail and the head of its hash chain.
    pub audit: Audit,
    /// Up to which audit entry the outside has been told.
    pub notified: u64,
    /// What people were told of each execution.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<ExecutionId, Told>,
    /// The feature level on which the agents have agreed. It never falls.
    #[serde(default, skip_serializing_if = "FeatureLevel::is_first")]
    pub feature_level: FeatureLevel,
    /// How the agents came to be those that they are, and what is changing.
    #[serde(default, skip_serializing_if = "Roster::is_plain")]
    pub roster: Roster,
    ledger: Ledger,
}

impl Cluster {
    /// Folds one committed command into the state. The same command again changes nothing and answers the same.
    pub fn apply(&mut self, command: &Command) -> Response {
        if let Some(response) = self.ledger.seen(&command.id) {
            return response;
        }
        self.clock = self.clock.max(command.at);
        let response = self.dispatch(command).unwrap_or_else(|refusal| Response::Refused { refusal });
        self.forget_old_executions();
        self.ledger.remember(command.id.clone(), response.clone());
        response
    }

    /// Whether what this command changed is in the state. Of a refused command nothing is, and of one that is long past nobody asks.
    #[must_use]
    pub fn has_applied(&self, command: &CommandId) -> bool {
        self.ledger.holds(command)
    }

    fn dispatch(&mut self, command: &Command) -> Result<Response, Refusal> {
        self.agreed(command)?;
        self.rebuilt_enough(&command.body)?;
        match &command.body {
            Body::SetMembers { members } => self.set_members(command, members),
            Body::ChangeMembers { change, live, actor } => self.change_members(change, live, actor),
            Body::CancelMembers { actor } => self.cancel_members(actor),
            Body::EndMembers { number, outcome } => self.end_members(&command.by, *number, outcome),
            Body::Recover { member, region, recoveries, actor } => {
                self.recover(member, region, *recoveries, actor)
            }
            Body::RaiseLevel { to, heard } => self.raise_level(&command.by, *to, heard),
            Body::ApplyPolicy { policy, hash, actor } => {
                let hash = hash.clone().unwrap_or_else(|| policy_hash(policy));
                self.apply_policy(policy, hash, actor)
            }
            Body::Decide { service, to, trigger, evidence, live } => {
                self.decide(command, service, to, trigger, evidence, live)
            }
            Body::Declare { service, declaration, trigger, evidence, live } => {
                self.declare(command, service, declaration, trigger, evidence, live)
            }
            Body::Drill { service, drill, order } => self.drill(command, service, drill, order),
            Body::RecordRefusal { service, refusal } => {
                let event = AuditEvent::Refused { refusal: refusal.clone() };
                self.audit.record(self.clock, command.by.as_str(), Some(service), None, event);
                Ok(Response::Done)
            }
            Body::StartStep { execution, step, attempt } => {
                self.start_step(&command.by, execution, step, *attempt)
            }
            Body::ResumeStep { execution, step, attempt } => {
                self.resume_step(&command.by, execution, step, *attempt)
            }
            Body::NoteStep { execution, step, attempt, before } => {
                self.note_step(&command.by, execution, step, *attempt, before)
            }
            Body::Signal { execution, step, attempt, region } => {
                self.signal_to(&command.by, execution, step, *attempt, region)
            }
            Body::FinishStep { execution, step, attempt, outcome } => {
                self.finish_step(&command.by, execution, step, *attempt, outcome)
            }
            Body::SetLive { execution, live } => self.set_live(&command.by, execution, live),
            Body::Approve { execution, step, actor } => self.approve(execution, step.as_ref(), actor),
            Body::Tick { execution, item, actor } => self.tick(execution, item, actor),
            Body::Abort { execution, actor, leave } => self.abort(execution, actor, *leave),
            Body::Ungraceful { execution, actor } => self.ungraceful(execution, actor),
            Body::Pause { service, actor, until } => self.pause(service, actor, *until),
            Body::Resume { service, actor } => self.resume(service, actor),
            Body::ReleaseLease { service, epoch, proof } => {
                self.release_lease(&command.by, service, *epoch, proof)
            }
            Body::Notified { sequence } => {
                self.notified = self.notified.max(*sequence);
                Ok(Response::Done)
            }
            Body::Told { execution, sent } => self.sent(&command.by, execution, sent),
            Body::Acknowledge { execution, actor } => self.acknowledge(execution, actor),
        }
    }

    fn set_members(
        &mut self,
        command: &Command,
        members: &BTreeMap<AgentName, RegionName>,
    ) -> Result<Response, Refusal> {
        // They are set once; changing them is a protocol of its own, never a side effect of a restart (F28).
        if !self.members.is_empty() && self.members != *members {
            return Err(Refusal::PolicyRefused { why: "the members are set already".to_owned() });
        }
        if self.members.is_empty() {
            self.members.clone_from(members);
            let event = AuditEvent::MembersSet { members: members.clone() };
            self.audit.record(self.clock, command.by.as_str(), None, None, event);
        }
        Ok(Response::Done)
    }

    fn apply_policy(
        &mut self,
        policy: &Policy,
        hash: PolicyHash,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        let refuse = |why: String| Refusal::PolicyRefused { why };
        let known = self.services.get(&policy.service);
        if let Some(id) = known.and_then(|state| state.running.clone()) {
            return Err(Refusal::ExecutionInProgress { execution: id });
        }
        let mut state = match known {
            None => ServiceState::new(policy.clone(), hash)
                .ok_or_else(|| refuse("it names no primary region".to_owned()))?,
            Some(state) if !policy.regions.contains_key(&state.active) => {
                return Err(refuse(format!("it drops region `{}`, which serves now", state.active)));
            }
            // Every region would be told that traffic belongs elsewhere (R23).
            Some(state)
                if state.signal.as_ref().is_some_and(|signal| !policy.regions.contains_key(signal)) =>
            {
                let signal = state.signal.as_ref().map_or("", |signal| signal.as_str());
                return Err(refuse(format!("it drops region `{signal}`, to which traffic is signalled")));
            }
            Some(state) => state.with_policy(policy.clone(), hash),
        };
        state.keep_drills(self.clock);
        let (version, hash) = (state.version, state.policy_hash.clone());
        let event = AuditEvent::PolicyApplied { version, hash: hash.clone(), reason: actor.reason.clone() };
        self.audit.record(self.clock, &actor.name, Some(&policy.service), None, event);
        self.services.insert(policy.service.clone(), state);
        Ok(Response::Policy { version, hash })
    }

    fn service_mut(&mut self, service: &ServiceName) -> Result<&mut ServiceState, Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        self.services.get_mut(service).ok_or_else(unknown)
    }

    fn pause(
        &mut self,
        service: &ServiceName,
        actor: &Actor,
        until: Option<Timestamp>,
    ) -> Result<Response, Refusal> {
        let now = self.clock;
        let hold = Hold { by: actor.name.clone(), reason: actor.reason.clone(), since: now, until };
        self.service_mut(service)?.hold = Some(hold);
        let event = AuditEvent::Paused { reason: actor.reason.clone(), until };
        self.audit.record(now, &actor.name, Some(service), None, event);
        Ok(Response::Done)
    }

    fn resume(&mut self, service: &ServiceName, actor: &Actor) -> Result<Response, Refusal> {
        self.service_mut(service)?.hold = None;
        let event = AuditEvent::Resumed { reason: actor.reason.clone() };
        self.audit.record(self.clock, &actor.name, Some(service), None, event);
        Ok(Response::Done)
    }

    fn release_lease(
        &mut self,
        by: &AgentName,
        service: &ServiceName,
        epoch: u64,
        proof: &LeaseProof,
    ) -> Result<Response, Refusal> {
        let region = self.members.get(by).cloned();
        let agents_there = self.members.values().filter(|r| Some(*r) == region.as_ref()).count();
        let state = self.service_mut(service)?;
        let LeaseRecord::Releasing { from, to, epoch: current } = &state.lease else {
            return Ok(Response::Done);
        };
        if *current != epoch {
            return Ok(Response::Done);
        }
        // Only the one agent of the region that held it can give it up: another agent there may have promised.
        let given_up = *proof == LeaseProof::GivenUp;
        if given_up && (region.as_ref() != Some(from) || agents_there != 1) {
            let why = "only the one agent of the holding region can give it up".to_owned();
            return Err(Refusal::NoLease { region: from.clone(), why });
        }
        let event =
            AuditEvent::LeaseReleased { from: from.clone(), to: to.clone(), epoch, proof: proof.clone() };
        state.lease = LeaseRecord::Held { region: to.clone(), epoch };
        let running = state.running.clone();
        self.audit.record(self.clock, by.as_str(), Some(service), running.as_ref(), event);
        if let Some(id) = running {
            self.assign_ready(&id);
        }
        Ok(Response::Done)
    }

    fn forget_old_executions(&mut self) {
        while self.executions.len() > EXECUTIONS_KEPT_MAX {
            let ended = self.executions.values().filter(|e| e.state.ended());
            let Some(oldest) = ended.min_by_key(|e| (e.decided_at, e.epoch)).map(|e| e.id.clone()) else {
                break;
            };
            self.executions.remove(&oldest);
            self.forget_told();
        }
    }

    /// The execution that runs for a service.
    #[must_use]
    pub fn running(&self, service: &ServiceName) -> Option<&Execution> {
        self.executions.get(self.services.get(service)?.running.as_ref()?)
    }

    /// Whether an execution stands still because of a hold: one set after it was decided, or, for an automatic
    /// one, any (F30). An operator's own failover goes on under a hold that he saw. When the log's clock cannot tell
    /// which came first, because it stood still between the two, the hold wins.
    #[must_use]
    pub fn held(&self, execution: &Execution) -> Option<&Hold> {
        self.held_at(execution, self.clock)
    }

    /// The same at another moment: the log's own clock stands still while nothing is committed, and a hold that ends by
    /// itself must end all the same.
    #[must_use]
    pub fn held_at(&self, execution: &Execution, now: Timestamp) -> Option<&Hold> {
        let hold = self.services.get(&execution.service)?.hold.as_ref()?;
        let later = hold.since >= execution.decided_at || execution.automatic();
        (hold.active(now) && later && execution.state == ExecutionState::Running).then_some(hold)
    }
}
