//! The words of the node: what it is told, what it knows of itself, and what it asks for. Data alone; it decides nothing.

use super::targets::ProbeTarget;
use crate::{
    cluster::{Cluster, drill::DryRun},
    command::{Command, ExecutionId},
};
use quorate_policies::{
    AgentName, BackupName, DrillName, FeatureLevel, Millis, Monotonic, RegionName, ServiceName, StepName,
    TargetName, Timestamp, agreement::Report, guard::Refusal, health::Observation, plan::Step,
    postgres::Database,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Both clocks, read once by the shell. The wall clock is anchored at the process's start and moved by the
/// monotonic one, so that a step of NTP moves nothing (F14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub mono: Monotonic,
    /// Wall.
    pub wall: Timestamp,
}

/// What an agent is.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Its name.
    pub name: AgentName,
    /// Its region.
    pub region: RegionName,
    /// Whom its file lists, itself included: those who form the cluster.
    pub members: BTreeMap<AgentName, RegionName>,
    /// Greater at every start: the wall clock's reading will do.
    pub incarnation: u64,
    /// What its build understands.
    pub feature_level: FeatureLevel,
    /// How often a report is sent when nothing changes.
    pub report_interval: Millis,
    /// An agent that has been silent for so long is lost: its steps go to another (R3).
    pub lost_after: Millis,
}

/// What the agent knows of consensus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Raft's term.
    pub term: u64,
    /// Who leads, as far as known.
    pub leader: Option<AgentName>,
    /// Whether it is this agent.
    pub is_leader: bool,
    /// Whether this agent is in contact with a majority.
    pub has_quorum: bool,
    /// As the leader: for how long, as of its election, no earlier leader can have confirmed that it leads. Never too long.
    pub predecessors_silent: Millis,
}

/// An attempt of a step that this agent shall run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOrder {
    /// Which execution.
    pub execution: ExecutionId,
    /// Which service.
    pub service: ServiceName,
    /// The fencing token.
    pub epoch: u64,
    /// Region that is left.
    pub from: RegionName,
    /// Region that is activated.
    pub to: RegionName,
    /// Which step.
    pub name: StepName,
    /// The step itself.
    pub step: Step,
    /// Which assignment.
    pub attempt: u32,
    /// How many attempts have failed.
    pub failures: u32,
}

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed. Comes every [`super::self_health::TICK`].
    Tick,
    /// The wall clock moved by so much against the monotonic one.
    ClockJumped(Millis),
    /// A probe ended.
    Probed {
        /// Of which service.
        service: ServiceName,
        /// Of which target.
        target: TargetName,
        /// What it says.
        observation: Observation,
    },
    /// A probe's target said where its log stands.
    Database {
        /// Of which service.
        service: ServiceName,
        /// Which target.
        target: TargetName,
        /// What it said.
        database: Database,
    },
    /// A replica's lag was read. One that could not be read is not told.
    Lag {
        /// Of which service.
        service: ServiceName,
        /// Which replica, by [`quorate_policies::agreement::lag::replica_name`].
        replica: String,
        /// How far it is behind.
        behind: Millis,
        /// How long ago that was measured.
        measured: Millis,
    },
    /// This agent has looked at the plan that would activate a region.
    PlanLooked {
        /// Of which service.
        service: ServiceName,
        /// Which region it activates.
        to: RegionName,
        /// By which policy.
        policy_hash: String,
        /// The gravest finding on a step without which the plan stops, if there is one.
        blocked: Option<String>,
    },
    /// This agent has looked at a service's backups.
    BackupsSeen {
        /// Of which service.
        service: ServiceName,
        /// Those that are known not to be fresh.
        stale: BTreeSet<BackupName>,
    },
    /// This agent has made the dry run that [`Output::LookAtDrill`] asked for.
    DrillLooked {
        /// Of which service.
        service: ServiceName,
        /// Which drill.
        drill: DrillName,
        /// How many runs there were when it was asked for.
        count: u64,
        /// What it showed.
        outcome: DryRun,
    },
    /// A peer reported.
    Heard(Report),
    /// The log has moved.
    Applied(Arc<Cluster>),
    /// Consensus has changed.
    Standing(Standing),
    /// A proposal of this node was answered, or given up.
    Answered {
        /// Its command's id.
        id: String,
    },
    /// A step's task has left without an outcome.
    StepLeft {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// A region asks this node, which has just confirmed that it leads, for the write lease.
    LeaseAsked {
        /// Of which service.
        service: ServiceName,
        /// Which region.
        region: RegionName,
        /// At which epoch.
        epoch: u64,
    },
    /// The leader's answer to this node's own request.
    LeaseAnswered {
        /// Of which service.
        service: ServiceName,
        /// At which epoch.
        epoch: u64,
        /// When the request was sent: the lease counts from there.
        sent_at: Monotonic,
        /// How long it lasts, or why not.
        answer: Result<Millis, Refusal>,
    },
}

/// What goes out.
#[expect(clippy::large_enum_variant, reason = "few are made, and each is moved once, on its way to the log")]
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send to every peer.
    Report(Report),
    /// Probe at once.
    Confirm {
        /// Of which service.
        service: ServiceName,
        /// Which target.
        target: TargetName,
        /// At every peer too, not only here.
        everywhere: bool,
    },
    /// Probe these, and no others.
    Targets(Vec<ProbeTarget>),
    /// Put into the log.
    Propose(Command),
    /// Run an attempt.
    Run(Box<StepOrder>),
    /// Make a dry run of a drill that is due: only look, and say what was found.
    LookAtDrill {
        /// Of which service.
        service: ServiceName,
        /// Which drill.
        drill: DrillName,
        /// How many runs there were; to be handed back.
        count: u64,
    },
    /// Ask the leader for the write lease.
    AskLease {
        /// Of which service.
        service: ServiceName,
        /// At which epoch.
        epoch: u64,
        /// To be handed back with the answer.
        sent_at: Monotonic,
    },
    /// The answer to [`Input::LeaseAsked`].
    LeaseAnswer(Result<Millis, Refusal>),
}
