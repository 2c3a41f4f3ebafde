//! The agents as the log has them: who counts, what is changing, and who was removed.
//!
//! The set that counts changes at one entry for everybody: agreement, guards and leases ask `Cluster::members` and
//! nothing else. A change is first committed as an intent, then the leader carries it out in consensus (see
//! `crate::membership`), then its end is committed. So a lost leader's successor knows what is wanted, and voters never
//! move without an entry that says why.

use super::{Cluster, audit::AuditEvent, service::LeaseRecord};
use crate::{
    cluster::execution::ExecutionState,
    command::{Actor, Body, Response},
};
use quorate_policies::{
    AgentName, RegionName, Timestamp,
    guard::{Hold, Refusal},
    membership::{MemberChange, MemberRefusal, NewMember, Roll, Served, judge},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Removed agents that are remembered, so that one that comes back is told so: more than anybody replaces in years. One
/// that is forgotten is only less politely refused.
const REMOVED_KEPT_MAX: usize = 100;
/// After a recovery nothing is moved and no lease is granted with fewer agents than these: whoever recovers one agent
/// while the others live would else have two clusters that act (R12).
pub const REBUILT_MIN: usize = 3;
/// By how much a recovery raises every epoch: more than the lost agents can have decided on after the last entry that the
/// recovered one has, at some failovers a day, in a year.
const EPOCHS_SKIPPED: u64 = 1_000;

/// What is known of the agents beside who they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Roster {
    /// Where agents that were added are reached; where the founders are stands in the agents' own files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<AgentName, String>,
    /// The change that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changing: Option<Changing>,
    /// Agents that were removed, and by which change.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub removed: BTreeMap<AgentName, u64>,
    /// How many changes were begun.
    #[serde(default)]
    pub changes: u64,
    /// How often the cluster was recovered by one agent.
    #[serde(default)]
    pub recoveries: u64,
    /// Whether there have been too few agents since the last recovery.
    #[serde(default)]
    pub rebuilding: bool,
}

/// A change under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changing {
    /// Its number.
    pub number: u64,
    /// What is changed.
    pub change: MemberChange,
    /// Who wanted it, and why.
    pub actor: Actor,
    /// Since when.
    pub since: Timestamp,
    /// Who does not want it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Actor>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ended")]
pub enum ChangeOutcome {
    /// The voters are those that were wanted.
    Done,
    /// They are those from before.
    GivenUp {
        /// Why.
        why: String,
    },
}

/// What an agent is to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seat {
    /// Nothing is known of it, or the cluster is not formed.
    Unknown,
    /// It is being added, and does not count yet.
    Joining,
    /// It counts.
    Member,
    /// It counts until it is removed, and does nothing any more.
    Leaving,
    /// It was removed.
    Removed,
}

impl Roster {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    fn remove(&mut self, agent: &AgentName) {
        self.addresses.remove(agent);
        self.removed.insert(agent.clone(), self.changes);
        while self.removed.len() > REMOVED_KEPT_MAX {
            let oldest = self.removed.iter().min_by_key(|(_, number)| **number).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { break };
            self.removed.remove(&oldest);
        }
    }

    fn admit(&mut self, member: &NewMember) {
        self.addresses.insert(member.name.clone(), member.address.clone());
        self.removed.remove(&member.name);
    }
}

fn refused(why: MemberRefusal) -> Refusal {
    Refusal::MembersNotChanged { why }
}

impl Cluster {
    /// What an agent is to the cluster.
    #[must_use]
    pub fn seat(&self, agent: &AgentName) -> Seat {
        let changing = self.roster.changing.as_ref().map(|changing| &changing.change);
        if self.members.contains_key(agent) {
            let goes = changing.and_then(MemberChange::goes) == Some(agent);
            return if goes { Seat::Leaving } else { Seat::Member };
        }
        if changing.and_then(MemberChange::comes).is_some_and(|member| member.name == *agent) {
            return Seat::Joining;
        }
        if self.roster.removed.contains_key(agent) { Seat::Removed } else { Seat::Unknown }
    }

    /// Everyone with a place in the cluster: the members, and who is being added.
    #[must_use]
    pub fn seated(&self) -> BTreeMap<AgentName, RegionName> {
        let comes = self.roster.changing.as_ref().and_then(|changing| changing.change.comes());
        let comes = comes.map(|member| (member.name.clone(), member.region.clone()));
        self.members.clone().into_iter().chain(comes).collect()
    }

    /// Where an agent is reached that was added, or is being added.
    #[must_use]
    pub fn address_of(&self, agent: &AgentName) -> Option<&String> {
        let comes = self.roster.changing.as_ref().and_then(|changing| changing.change.comes());
        let comes = comes.filter(|member| member.name == *agent).map(|member| &member.address);
        comes.or_else(|| self.roster.addresses.get(agent))
    }

    /// What must not be done while the agents are too few after a recovery.
    pub(super) fn rebuilt_enough(&self, body: &Body) -> Result<(), Refusal> {
        let acts = matches!(
            body,
            Body::Decide { .. }
                | Body::Declare { .. }
                | Body::Drill { .. }
                | Body::StartStep { .. }
                | Body::ResumeStep { .. }
        );
        if acts { self.rebuilt() } else { Ok(()) }
    }

    /// Whether the agents are enough, since the last recovery, to move anything or to grant a lease.
    ///
    /// # Errors
    /// When they are not.
    pub fn rebuilt(&self) -> Result<(), Refusal> {
        if self.roster.rebuilding {
            return Err(Refusal::Rebuilding { have: self.members.len(), need: REBUILT_MIN });
        }
        Ok(())
    }

    pub(super) fn change_members(
        &mut self,
        change: &MemberChange,
        live: &BTreeSet<AgentName>,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        let running = |state: &ExecutionState| {
            matches!(state, ExecutionState::Running | ExecutionState::Undoing { .. })
        };
        let services = self
            .services
            .iter()
            .map(|(name, state)| (name, Served { policy: &state.policy, holder: state.lease.holder() }));
        judge(
            change,
            &Roll {
                members: &self.members,
                under_way: self.roster.changing.as_ref().map(|changing| &changing.change),
                running: self.executions.values().find(|e| running(&e.state)).map(|e| e.id.as_str()),
                services: services.collect(),
                live,
            },
        )
        .map_err(refused)?;
        self.roster.changes += 1;
        self.roster.changing = Some(Changing {
            number: self.roster.changes,
            change: change.clone(),
            actor: actor.clone(),
            since: self.clock,
            cancelled: None,
        });
        let event = AuditEvent::MembersChanging { change: change.clone(), reason: actor.reason.clone() };
        self.audit.record(self.clock, &actor.name, None, None, event);
        Ok(Response::Done)
    }

    pub(super) fn cancel_members(&mut self, actor: &Actor) -> Result<Response, Refusal> {
        let changing =
            self.roster.changing.as_mut().ok_or_else(|| refused(MemberRefusal::NothingUnderWay))?;
        changing.cancelled = Some(actor.clone());
        Ok(Response::Done)
    }

    pub(super) fn end_members(
        &mut self,
        by: &AgentName,
        number: u64,
        outcome: &ChangeOutcome,
    ) -> Result<Response, Refusal> {
        // Said twice, by a leader and its successor.
        let Some(changing) = self.roster.changing.take_if(|changing| changing.number == number) else {
            return Ok(Response::Done);
        };
        let change = changing.change;
        let event = match outcome {
            ChangeOutcome::Done => {
                self.members = change.made(&self.members);
                if let Some(agent) = change.goes() {
                    self.roster.remove(agent);
                }
                if let Some(member) = change.comes() {
                    self.roster.admit(member);
                }
                self.roster.rebuilding &= self.members.len() < REBUILT_MIN;
                AuditEvent::MembersChanged { change, members: self.members.clone() }
            }
            ChangeOutcome::GivenUp { why } => AuditEvent::MembersKept { change, why: why.clone() },
        };
        self.audit.record(self.clock, by.as_str(), None, None, event);
        Ok(Response::Done)
    }

    /// One agent goes on. Everything is held until somebody has looked, and every epoch is past what the lost agents can
    /// have given out.
    pub(super) fn recover(
        &mut self,
        member: &AgentName,
        region: &RegionName,
        recoveries: u64,
        actor: &Actor,
    ) -> Result<Response, Refusal> {
        // It is in the log once for each recovery; nobody proposes it.
        if recoveries != self.roster.recoveries + 1 {
            return Ok(Response::Done);
        }
        let lost: BTreeSet<AgentName> = self.seated().into_keys().filter(|name| name != member).collect();
        self.roster.changes += 1;
        for agent in &lost {
            self.roster.remove(agent);
        }
        self.roster.removed.remove(member);
        self.roster.changing = None;
        self.roster.recoveries = recoveries;
        self.members = BTreeMap::from([(member.clone(), region.clone())]);
        self.roster.rebuilding = true;
        let now = self.clock;
        for state in self.services.values_mut() {
            state.epoch += EPOCHS_SKIPPED;
            // A running execution's lease keeps the epoch under which its steps are fenced.
            if state.running.is_none() {
                let epoch = state.epoch;
                match &mut state.lease {
                    LeaseRecord::Held { epoch: current, .. }
                    | LeaseRecord::Releasing { epoch: current, .. } => {
                        *current = epoch;
                    }
                }
            }
            let reason = format!("recovered by {member}: {}", actor.reason);
            state.hold = Some(Hold { by: actor.name.clone(), reason, since: now, until: None });
        }
        let event = AuditEvent::Recovered { member: member.clone(), lost, reason: actor.reason.clone() };
        self.audit.record(now, &actor.name, None, None, event);
        Ok(Response::Done)
    }
}
