//! The audit: one hash-chained entry for every decision, refusal, command and step. It records; it never decides.
//! The state keeps a tail, and the chain's head proves that nothing before it was changed.

use super::{drill::DrillOf, told::Sent};
use crate::command::{ExecutionId, LeaseProof, StepOutcome};
use quorate_policies::{
    AgentName, DrillName, FeatureLevel, ItemName, Millis, PlanName, RegionName, ServiceName, StepName,
    Timestamp, guard::Refusal, guard::Trigger, membership::MemberChange, plan::Before,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

/// Entries kept in the state: some twenty executions. Agents also append every entry to a file of their own.
pub const AUDIT_KEPT_MAX: usize = 1_000;

/// The audit's tail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audit {
    /// The latest entries, oldest first.
    pub entries: VecDeque<AuditEntry>,
    /// Number of the latest entry; numbers begin at 1.
    pub sequence: u64,
    /// Hash of the latest entry.
    pub head: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number.
    pub sequence: u64,
    /// When, by the log's clock.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Which service.
    pub service: Option<ServiceName>,
    /// Which execution.
    pub execution: Option<ExecutionId>,
    /// What.
    pub event: AuditEvent,
    /// The hash of the entry before.
    pub previous: String,
    /// SHA-256 over the entry without this field.
    pub hash: String,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum AuditEvent {
    /// The cluster was formed.
    MembersSet {
        /// By whom.
        members: BTreeMap<AgentName, RegionName>,
    },
    /// A change of the agents was begun.
    MembersChanging {
        /// Which one.
        change: MemberChange,
        /// Why.
        reason: String,
    },
    /// A change of the agents was made.
    MembersChanged {
        /// Which one.
        change: MemberChange,
        /// Who counts from here on.
        members: BTreeMap<AgentName, RegionName>,
    },
    /// A change of the agents was given up.
    MembersKept {
        /// Which one.
        change: MemberChange,
        /// Why.
        why: String,
    },
    /// The log may hold what needs this feature level from here on.
    FeatureLevelRaised {
        /// The level.
        level: FeatureLevel,
    },
    /// One agent goes on after the loss of the majority.
    Recovered {
        /// Which one.
        member: AgentName,
        /// Those that were lost.
        lost: BTreeSet<AgentName>,
        /// Why.
        reason: String,
    },
    /// A policy came into force.
    PolicyApplied {
        /// Its version.
        version: u64,
        /// Its hash.
        hash: String,
        /// Why.
        reason: String,
    },
    /// A failover was decided.
    Decided {
        /// From where.
        from: RegionName,
        /// To where.
        to: RegionName,
        /// By whom.
        trigger: Trigger,
        /// The fencing token.
        epoch: u64,
        /// Whether it waits for an approval.
        awaits_approval: bool,
        /// The scenario that an operator has declared.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        scenario: Option<PlanName>,
        /// Of which drill it is a part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        drill: Option<DrillOf>,
    },
    /// Something was not done.
    Refused {
        /// Why not.
        refusal: Refusal,
    },
    /// A waiting execution may begin, or one of its `approval` steps has its answer.
    Approved {
        /// Which step; without one, the execution itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepName>,
        /// Why.
        reason: String,
    },
    /// A person has seen to an item of the checklist.
    Ticked {
        /// Which item.
        item: ItemName,
        /// What there is to say about it.
        note: String,
    },
    /// A step was given to an agent.
    StepAssigned {
        /// Which step.
        step: StepName,
        /// To whom.
        agent: AgentName,
        /// Which assignment.
        attempt: u32,
    },
    /// A step's effect may follow.
    StepStarted {
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// A step that had begun is gone on with by its agent, which had stopped or let go of it.
    StepResumed {
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// What stood in the world before a step changed it.
    StepNoted {
        /// Which step.
        step: StepName,
        /// What stood.
        before: Before,
    },
    /// The agents tell Route 53's health checks that traffic belongs to this region.
    Signalled {
        /// Which one.
        region: RegionName,
    },
    /// What became of an attempt.
    StepFinished {
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
        /// What became of it.
        outcome: StepOutcome,
    },
    /// The write lease may be granted to the new region.
    LeaseReleased {
        /// Who held it.
        from: RegionName,
        /// Who may hold it.
        to: RegionName,
        /// The fencing token.
        epoch: u64,
        /// How that is known.
        proof: LeaseProof,
    },
    /// An operator gives the old region up while an execution runs.
    Ungraceful {
        /// Why.
        reason: String,
    },
    /// An operator ends an execution, and what it did is taken back.
    Aborting {
        /// Why.
        reason: String,
        /// Whether what is not taken back yet is left as it is.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        leave: bool,
    },
    /// An execution ended or stopped.
    ExecutionEnded {
        /// How, in one word.
        state: String,
        /// What is to be known about it.
        detail: String,
    },
    /// Automation was paused.
    Paused {
        /// Why.
        reason: String,
        /// Until when.
        until: Option<Timestamp>,
    },
    /// Automation was resumed.
    Resumed {
        /// Why.
        reason: String,
    },
    /// People were told of an execution, or could not be.
    Told {
        /// Which message, by which channel, and what became of it.
        #[serde(flatten)]
        sent: Sent,
    },
    /// Somebody has taken an execution up.
    Acknowledged {
        /// What was said.
        reason: String,
    },
    /// A drill is due, and the agents do not begin it.
    DrillDue {
        /// Which one.
        drill: DrillName,
        /// Since when.
        since: Timestamp,
        /// Whether that is long ago.
        overdue: bool,
    },
    /// A drill was made that changes nothing.
    DryRunMade {
        /// Which one.
        drill: DrillName,
        /// Whether nothing known stands in the way.
        ready: bool,
        /// What it showed.
        outcome: String,
        /// The recovery time to expect.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        predicted: Option<Millis>,
        /// Why.
        reason: String,
    },
}

impl AuditEvent {
    /// The event's name: a metric label and a notification's type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            AuditEvent::MembersSet { .. } => "members_set",
            AuditEvent::MembersChanging { .. } => "members_changing",
            AuditEvent::MembersChanged { .. } => "members_changed",
            AuditEvent::MembersKept { .. } => "members_kept",
            AuditEvent::FeatureLevelRaised { .. } => "feature_level_raised",
            AuditEvent::Recovered { .. } => "recovered",
            AuditEvent::PolicyApplied { .. } => "policy_applied",
            AuditEvent::Decided { .. } => "decided",
            AuditEvent::Refused { .. } => "refused",
            AuditEvent::Approved { .. } => "approved",
            AuditEvent::Ticked { .. } => "ticked",
            AuditEvent::StepAssigned { .. } => "step_assigned",
            AuditEvent::StepStarted { .. } => "step_started",
            AuditEvent::StepNoted { .. } => "step_noted",
            AuditEvent::StepResumed { .. } => "step_resumed",
            AuditEvent::Signalled { .. } => "signalled",
            AuditEvent::StepFinished { .. } => "step_finished",
            AuditEvent::LeaseReleased { .. } => "lease_released",
            AuditEvent::Ungraceful { .. } => "ungraceful",
            AuditEvent::Aborting { .. } => "aborting",
            AuditEvent::ExecutionEnded { .. } => "execution_ended",
            AuditEvent::Paused { .. } => "paused",
            AuditEvent::Resumed { .. } => "resumed",
            AuditEvent::Told { .. } => "told",
            AuditEvent::Acknowledged { .. } => "acknowledged",
            AuditEvent::DrillDue { .. } => "drill_due",
            AuditEvent::DryRunMade { .. } => "dry_run_made",
        }
    }
}

impl fmt::Display for AuditEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditEvent::MembersSet { members } => write!(f, "cluster formed by {} agents", members.len()),
            AuditEvent::MembersChanging { change, reason } => write!(f, "agents: {change} begun: {reason}"),
            AuditEvent::MembersChanged { change, members } => {
                write!(f, "agents: {change} done, {} agents decide", members.len())
            }
            AuditEvent::MembersKept { change, why } => write!(f, "agents: {change} given up: {why}"),
            AuditEvent::FeatureLevelRaised { level } => {
                write!(f, "the agents agreed on feature level {level}")
            }
            AuditEvent::Recovered { member, lost, reason } => {
                write!(f, "{member} goes on alone, {} agents were lost: {reason}", lost.len())
            }
            AuditEvent::PolicyApplied { version, hash, reason } => {
                write!(f, "policy version {version} ({}) applied: {reason}", hash.get(..12).unwrap_or(hash))
            }
            AuditEvent::Decided { to, epoch, from, drill: Some(of), .. } => {
                let place = if from == to { format!("in {to}") } else { format!("{from} -> {to}") };
                let part = if of.second { format!(", {}", of.part()) } else { String::new() };
                write!(f, "{} drill {}{part}, {place}, epoch {epoch}", of.mode, of.name)
            }
            AuditEvent::Decided { to, epoch, scenario: Some(scenario), from, .. } => {
                let place = if from == to { format!("in {to}") } else { format!("{from} -> {to}") };
                write!(f, "scenario {scenario} declared, {place}, epoch {epoch}")
            }
            AuditEvent::Decided { from, to, trigger, epoch, awaits_approval, scenario: None, .. } => {
                let approval = if *awaits_approval { ", waits for approval" } else { "" };
                let accepts = matches!(trigger, Trigger::Operator { accept_data_loss: true, .. });
                let loss = if accepts { ", accepting a loss of data" } else { "" };
                write!(f, "failover {from} -> {to} decided, epoch {epoch}{approval}{loss}")
            }
            AuditEvent::Refused { refusal } => write!(f, "refused ({}): {refusal}", refusal.guard()),
            AuditEvent::Approved { reason, step: None } => write!(f, "approved: {reason}"),
            AuditEvent::Approved { reason, step: Some(step) } => write!(f, "step {step} approved: {reason}"),
            AuditEvent::Ticked { item, note } => write!(f, "{item} is seen to: {note}"),
            AuditEvent::StepAssigned { step, agent, attempt } => {
                write!(f, "step {step} assigned to {agent}, attempt {attempt}")
            }
            AuditEvent::StepStarted { step, attempt } => write!(f, "step {step} started, attempt {attempt}"),
            AuditEvent::StepResumed { step, attempt } => {
                write!(f, "step {step} goes on (attempt {attempt}): what was under way before may still land")
            }
            AuditEvent::StepNoted { step, before } => write!(f, "step {step}, before it acts: {before}"),
            AuditEvent::Signalled { region } => write!(f, "traffic is signalled to {region}"),
            AuditEvent::StepFinished { step, outcome, .. } => {
                let word = match outcome {
                    StepOutcome::Succeeded { .. } => "succeeded",
                    StepOutcome::Failed { .. } => "failed",
                    StepOutcome::Impossible { .. } => "is impossible",
                    StepOutcome::Broken { .. } => "went wrong",
                    StepOutcome::Unknown { .. } => "is unknown",
                };
                write!(f, "step {step} {word}: {}", outcome.text())
            }
            AuditEvent::LeaseReleased { from, to, proof, .. } => match proof {
                LeaseProof::GivenUp => write!(f, "write lease given up by {from}; {to} may hold it"),
                LeaseProof::Expired { waited } => {
                    write!(f, "write lease of {from} expired ({waited}); {to} may hold it")
                }
            },
            AuditEvent::Ungraceful { reason } => write!(f, "goes on ungracefully: {reason}"),
            AuditEvent::Aborting { reason, leave: false } => write!(f, "aborting: {reason}"),
            AuditEvent::Aborting { reason, leave: true } => {
                write!(f, "aborting, what is not taken back yet is left as it is: {reason}")
            }
            AuditEvent::ExecutionEnded { state, detail } => write!(f, "execution {state}: {detail}"),
            AuditEvent::Paused { reason, until } => {
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                write!(f, "paused{until}: {reason}")
            }
            AuditEvent::Resumed { reason } => write!(f, "resumed: {reason}"),
            AuditEvent::Told { sent: Sent { channel, message, given_up: None, .. } } => {
                write!(f, "told {channel}: {message}")
            }
            AuditEvent::Told { sent: Sent { channel, message, given_up: Some(why), .. } } => {
                write!(f, "could not tell {channel}: {message}: {why}")
            }
            AuditEvent::Acknowledged { reason } => write!(f, "acknowledged: {reason}"),
            AuditEvent::DrillDue { drill, since, overdue } => {
                let word = if *overdue { "overdue" } else { "due" };
                write!(f, "drill {drill} is {word} since {since}")
            }
            AuditEvent::DryRunMade { drill, outcome, reason, .. } => {
                write!(f, "dry run of drill {drill}: {outcome} ({reason})")
            }
        }
    }
}

impl Audit {
    /// Appends an entry to the chain.
    pub(super) fn record(
        &mut self,
        at: Timestamp,
        actor: &str,
        service: Option<&ServiceName>,
        execution: Option<&ExecutionId>,
        event: AuditEvent,
    ) {
        self.sequence += 1;
        let mut entry = AuditEntry {
            sequence: self.sequence,
            at,
            actor: actor.to_owned(),
            service: service.cloned(),
            execution: execution.cloned(),
            event,
            previous: self.head.clone(),
            hash: String::new(),
        };
        entry.hash = entry.digest();
        self.head.clone_from(&entry.hash);
        self.entries.push_back(entry);
        while self.entries.len() > AUDIT_KEPT_MAX {
            self.entries.pop_front();
        }
    }
}

impl AuditEntry {
    /// What the entry's hash must be.
    #[must_use]
    pub fn digest(&self) -> String {
        let unsigned = AuditEntry { hash: String::new(), ..self.clone() };
        let text = serde_json::to_vec(&unsigned).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The first entry that does not follow from the one before it, if the chain is broken.
pub fn broken_at<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>) -> Option<u64> {
    let mut before: Option<&AuditEntry> = None;
    for entry in entries {
        let follows = before.is_none_or(|b| entry.previous == b.hash && entry.sequence == b.sequence + 1);
        if !follows || entry.hash != entry.digest() {
            return Some(entry.sequence);
        }
        before = Some(entry);
    }
    None
}
