//! What can be put into the log, and what comes back. Every command carries an id, by which the state machine
//! recognizes a retry, and the proposer's wall-clock reading, which moves the log's own clock forward.

use crate::cluster::{declare::Declaration, drill::DrillOrder, members::ChangeOutcome, told::Sent};
use quorate_policies::{
    AgentName, DrillName, FeatureLevel, ItemName, Millis, Policy, RegionName, ServiceName, StepName,
    Timestamp,
    agreement::{Evidence, PolicyHash, policy_hash},
    feature_level::Heard,
    guard::{Refusal, Trigger},
    membership::MemberChange,
    plan::Before,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Names one command; the same command sent twice is applied once.
pub type CommandId = String;

/// Names one execution: service and epoch.
pub type ExecutionId = String;

/// Who did something, for the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// An agent's name, or an operator's as the API gave it.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its id.
    pub id: CommandId,
    /// When it was proposed, by the proposer's clock.
    pub at: Timestamp,
    /// Which agent proposed it.
    pub by: AgentName,
    /// The least feature level at which it is understood. A build of a lower one must not even store it.
    #[serde(default, skip_serializing_if = "FeatureLevel::is_first")]
    pub needs: FeatureLevel,
    /// What it says.
    pub body: Body,
}

impl Command {
    /// A command that says what it needs to be understood.
    #[must_use]
    pub fn new(id: CommandId, at: Timestamp, by: AgentName, body: Body) -> Self {
        Self { id, at, by, needs: body.came_with(), body }
    }
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "command")]
pub enum Body {
    /// The configured agents and their regions; the first command of every cluster.
    SetMembers {
        /// All voters.
        members: BTreeMap<AgentName, RegionName>,
    },
    /// Begins a change of the agents. What consensus does follows from it, and not the other way round (F28).
    ChangeMembers {
        /// Which one.
        change: MemberChange,
        /// Agents that were heard lately.
        live: BTreeSet<AgentName>,
        /// Who and why.
        actor: Actor,
    },
    /// A change is not wanted any more. One that already moves voters is finished all the same.
    CancelMembers {
        /// Who and why.
        actor: Actor,
    },
    /// The leader has carried a change out, or given it up.
    EndMembers {
        /// Which one, by its number.
        number: u64,
        /// What came of it.
        outcome: ChangeOutcome,
    },
    /// The cluster goes on with one agent after the loss of its majority. It is written into the log of that agent while it
    /// is stopped, and never proposed.
    Recover {
        /// The agent.
        member: AgentName,
        /// Its region.
        region: RegionName,
        /// How many recoveries there have been, with this one.
        recoveries: u64,
        /// Who and why.
        actor: Actor,
    },
    /// From here on the log may hold what needs a higher feature level: everyone has said that he understands it.
    RaiseLevel {
        /// The level.
        to: FeatureLevel,
        /// What the leader has heard of everyone's build.
        heard: Heard,
    },
    /// Puts a policy into force.
    ApplyPolicy {
        /// The policy.
        policy: Box<Policy>,
        /// Its hash, as the proposer made it. An entry of an earlier version has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hash: Option<PolicyHash>,
        /// Who and why.
        actor: Actor,
    },
    /// Asks for a failover.
    Decide {
        /// Which service.
        service: ServiceName,
        /// To where.
        to: RegionName,
        /// Who wants it.
        trigger: Trigger,
        /// What the leader saw.
        evidence: Evidence,
        /// Agents from which the leader heard lately: steps are assigned among them.
        live: BTreeSet<AgentName>,
    },
    /// An operator declares a scenario that nothing detects.
    Declare {
        /// Which service.
        service: ServiceName,
        /// What is declared.
        declaration: Declaration,
        /// Who and why.
        trigger: Trigger,
        /// What the agent saw through which it was declared.
        evidence: Evidence,
        /// Agents from which it heard lately: steps are assigned among them.
        live: BTreeSet<AgentName>,
    },
    /// Something about a drill.
    Drill {
        /// Which service.
        service: ServiceName,
        /// Which drill.
        drill: DrillName,
        /// What is ordered.
        order: DrillOrder,
    },
    /// Records why automation did not act (R31); proposed when the reason changes.
    RecordRefusal {
        /// Which service.
        service: ServiceName,
        /// Why not.
        refusal: Refusal,
    },
    /// Write-ahead intent: the step's effect may follow (R1).
    StartStep {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// An attempt that had begun is gone on with by its own agent, which had stopped or let go of it (R4).
    ResumeStep {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// What stands in the world before the step's first act; the first such note of a step stays (R1).
    NoteStep {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
        /// What stands.
        before: Before,
    },
    /// The effect of `route53.signal`: traffic belongs to this region from now on.
    Signal {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
        /// Where traffic shall go.
        region: RegionName,
    },
    /// What became of an attempt.
    FinishStep {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
        /// What became of it.
        outcome: StepOutcome,
    },
    /// The leader's view of who is alive; steps of the others are assigned anew (R3).
    SetLive {
        /// Which execution.
        execution: ExecutionId,
        /// Who is alive.
        live: BTreeSet<AgentName>,
    },
    /// Lets a waiting execution begin, or one of its `approval` steps succeed.
    Approve {
        /// Which execution.
        execution: ExecutionId,
        /// Which step; without one, the execution itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepName>,
        /// Who and why.
        actor: Actor,
    },
    /// A person has seen to an item of an execution's checklist.
    Tick {
        /// Which execution.
        execution: ExecutionId,
        /// Which item.
        item: ItemName,
        /// Who, and what there is to say about it.
        actor: Actor,
    },
    /// Ends an execution before its point of no return and takes back what it did, or ends one that has stopped.
    Abort {
        /// Which execution.
        execution: ExecutionId,
        /// Who and why.
        actor: Actor,
        /// Whether what is not taken back yet is left as it is: for a region that is lost.
        #[serde(default)]
        leave: bool,
    },
    /// Gives the old region up: an execution that runs gracefully goes on ungracefully.
    Ungraceful {
        /// Which execution.
        execution: ExecutionId,
        /// Who and why.
        actor: Actor,
    },
    /// Stops automation; detection goes on (R26).
    Pause {
        /// Which service.
        service: ServiceName,
        /// Who and why.
        actor: Actor,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
    /// Ends a pause.
    Resume {
        /// Which service.
        service: ServiceName,
        /// Who and why.
        actor: Actor,
    },
    /// The old region certainly holds the write lease no longer (R13).
    ReleaseLease {
        /// Which service.
        service: ServiceName,
        /// The epoch whose lease may now be granted.
        epoch: u64,
        /// How that is known.
        proof: LeaseProof,
    },
    /// Events up to this audit entry have been told to the outside.
    Notified {
        /// The entry's number.
        sequence: u64,
    },
    /// What became of one message about an execution.
    Told {
        /// Which execution.
        execution: ExecutionId,
        /// Which message, and what became of it.
        sent: Sent,
    },
    /// Somebody takes an execution up: nobody further is called.
    Acknowledge {
        /// Which execution.
        execution: ExecutionId,
        /// Who and why.
        actor: Actor,
    },
}

impl Body {
    /// Puts a policy into force, under the hash that this build makes of it.
    #[must_use]
    pub fn apply_policy(policy: Policy, actor: Actor) -> Self {
        let hash = Some(policy_hash(&policy));
        Self::ApplyPolicy { policy: Box::new(policy), hash, actor }
    }

    /// The feature level at which this came. A kind is added with a level of its own, and so is what a policy says anew.
    #[must_use]
    pub const fn came_with(&self) -> FeatureLevel {
        match self {
            // Whoever is older stops here, before anything that it does not understand.
            Self::RaiseLevel { to, .. } => *to,
            Self::SetMembers { .. }
            | Self::ChangeMembers { .. }
            | Self::CancelMembers { .. }
            | Self::EndMembers { .. }
            | Self::Recover { .. }
            | Self::ApplyPolicy { .. }
            | Self::Decide { .. }
            | Self::Declare { .. }
            | Self::Drill { .. }
            | Self::RecordRefusal { .. }
            | Self::StartStep { .. }
            | Self::ResumeStep { .. }
            | Self::NoteStep { .. }
            | Self::Signal { .. }
            | Self::FinishStep { .. }
            | Self::SetLive { .. }
            | Self::Approve { .. }
            | Self::Tick { .. }
            | Self::Abort { .. }
            | Self::Ungraceful { .. }
            | Self::Pause { .. }
            | Self::Resume { .. }
            | Self::ReleaseLease { .. }
            | Self::Notified { .. }
            | Self::Told { .. }
            | Self::Acknowledge { .. } => FeatureLevel::FIRST,
        }
    }
}

/// How it is known that a lease has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "proof")]
pub enum LeaseProof {
    /// The holder gave it up, after every promise it made had run out.
    GivenUp,
    /// The leader waited out the longest lease that can have been granted, and the drift.
    Expired {
        /// How long it waited at the least.
        waited: Millis,
    },
}

/// What became of one attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum StepOutcome {
    /// The result stands in the world and was read back.
    Succeeded {
        /// What was seen.
        detail: String,
    },
    /// Refused by the provider, or not standing by the deadline: another attempt may help.
    Failed {
        /// Why.
        reason: String,
    },
    /// It cannot be done: another attempt will not help.
    Impossible {
        /// Why.
        reason: String,
    },
    /// It was carried out and went wrong: what it changed may stand, and another attempt must not be made.
    Broken {
        /// What came of it.
        reason: String,
    },
    /// It may have been applied, and the world could not be read.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl StepOutcome {
    /// What was seen, or why not.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            StepOutcome::Succeeded { detail } => detail,
            StepOutcome::Failed { reason }
            | StepOutcome::Impossible { reason }
            | StepOutcome::Broken { reason }
            | StepOutcome::Unknown { reason } => reason,
        }
    }
}

/// What applying a command gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "response")]
pub enum Response {
    /// Done.
    Done,
    /// An execution runs.
    Execution {
        /// Its id.
        id: ExecutionId,
        /// Whether it was running already: the same failover was asked for twice.
        joined: bool,
    },
    /// A policy is in force.
    Policy {
        /// How many versions this service has had.
        version: u64,
        /// Its hash.
        hash: String,
    },
    /// Not done, and why.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {} at {}", self.id, self.by, self.at)
    }
}
