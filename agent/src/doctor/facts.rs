//! What was looked at, as plain values: the collectors write them, the judge reads them. Nothing here says whether a fact
//! is good or bad, and nothing here is a secret.

use crate::peers::visit::{Answered, Unanswered};
use quorate_policies::{
    AgentName, RegionName, ServiceName, Timestamp, document::Problem, health::FailureReason,
    readiness::Finding,
};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// All that was looked at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The agent's file and the policies, as `quorate check` judges them.
    pub documents: Documents,
    /// Everything else; none if the agent's file is no good, because nothing else is known then.
    pub installation: Option<Installation>,
}

/// Documents as `quorate check` judges them.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// Those without an error.
    pub good: Vec<String>,
    /// Every problem.
    pub problems: Vec<Problem>,
}

/// What stands around one agent.
#[derive(Debug, Clone)]
pub struct Installation {
    /// The agent.
    pub name: AgentName,
    /// The cluster's name.
    pub cluster: String,
    /// The voters, as its file lists them.
    pub members: BTreeMap<AgentName, RegionName>,
    /// Time between two heartbeats, which is also the deadline of one append.
    pub heartbeat: Duration,
    /// The shortest election timeout.
    pub election_min: Duration,
    /// The version of this command.
    pub version: String,
    /// This host's wall clock when the looks began.
    pub wall: Timestamp,
    /// As which user this command runs.
    pub user: u32,
    /// The policies that were given as files: service, file and hash.
    pub policies: Vec<PolicyFile>,
    /// The data directory.
    pub data: DataDirectory,
    /// The files that the agent's file names.
    pub files: Vec<HeldFile>,
    /// The programs that `exec` steps may run.
    pub programs: Vec<Program>,
    /// The disk below the data directory; or why it was not looked at.
    pub disk: Result<Disk, String>,
    /// Whether the kernel's clock is synchronised; none if nobody on this host can say it.
    pub synchronized: Option<Synchronized>,
    /// What the agent beside this command says.
    pub local: Local,
    /// Names and what they resolve to.
    pub names: Many<Name>,
    /// The agent's own certificate and its authority; or why they cannot be used.
    pub certificates: Result<Vec<Certificate>, String>,
    /// The other agents.
    pub peers: Vec<Peer>,
    /// One probe of each target; or why there was none.
    pub targets: Result<Many<TargetSeen>, String>,
    /// What was found about each plan; or why none was looked at.
    pub plans: Result<Vec<PlanSeen>, String>,
}

/// What came of many looks that have one deadline together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T> {
    /// Those that ended.
    pub seen: Vec<T>,
    /// How many did not end, or were not begun, within the deadline.
    pub left: usize,
}

/// A policy that was given as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// Of which service.
    pub service: ServiceName,
    /// Which file.
    pub file: String,
    /// Its hash.
    pub hash: String,
}

/// The data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataDirectory {
    /// Where.
    pub path: PathBuf,
    /// What is there.
    pub state: DataState,
}

/// What is where the data directory should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataState {
    /// Nothing yet: the agent makes it. Whether it may is said by a look at the nearest directory above.
    Missing {
        /// Why this user could not make it, if that is so.
        fault: Option<String>,
    },
    /// It cannot be looked at.
    Unreadable(String),
    /// Something that is no directory.
    NoDirectory,
    /// A directory.
    There {
        /// Its permission bits.
        mode: u32,
        /// Its owner.
        owner: u32,
        /// Why this user cannot write there, if that is so.
        fault: Option<String>,
    },
}

/// A file that the agent's file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// What it holds, in words: `operator token`.
    pub what: String,
    /// Where.
    pub path: PathBuf,
    /// Its mode, if others than its owner may read or write it and it holds a secret; or why it cannot be read.
    pub state: Result<Option<u32>, String>,
}

/// A program that `exec` steps may run, or the directory in which they run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// By which name policies call it.
    pub name: String,
    /// Where.
    pub path: PathBuf,
    /// Why it cannot be run, if that is so.
    pub fault: Option<String>,
}

/// The disk below the data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that this user may still write.
    pub free_bytes: u64,
    /// How many small synced writes were made.
    pub writes: usize,
    /// How long the middle one of them took.
    pub median: Duration,
    /// How long the longest took.
    pub worst: Duration,
}

/// Whether the kernel's clock is synchronised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synchronized {
    /// Whether it is.
    pub yes: bool,
    /// Who says so.
    pub by: String,
}

/// What the agent beside this command says.
#[derive(Debug, Clone)]
pub enum Local {
    /// Nothing: where it was asked, and why there was no answer.
    Silent {
        /// Where.
        address: String,
        /// Why not.
        why: String,
    },
    /// Its status.
    Answers {
        /// `GET /v1/status`.
        status: Box<quorate_api::Status>,
        /// Whether `GET /readyz` says so.
        ready: bool,
    },
}

impl Local {
    /// The status, if the agent answered.
    #[must_use]
    pub fn status(&self) -> Option<&quorate_api::Status> {
        match self {
            Local::Silent { .. } => None,
            Local::Answers { status, .. } => Some(status),
        }
    }
}

/// A name, and what it resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name; or, where it is a secret itself, what it is for.
    pub host: String,
    /// What uses it, each in a few words.
    pub uses: Vec<String>,
    /// How many addresses it has; or why none.
    pub addresses: Result<usize, String>,
    /// How long it took.
    pub took: Duration,
}

/// Whose certificate one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// This agent's own.
    Own,
    /// The authority of all of them.
    Authority,
}

/// A certificate from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose.
    pub holder: Holder,
    /// What it says.
    pub says: Presented,
    /// Why nobody would accept it, if that is so.
    pub fault: Option<String>,
}

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The names that it gives its owner.
    pub names: Vec<String>,
    /// From when it holds.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Another agent, as it is reached from here.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its name.
    pub name: AgentName,
    /// Where it is reached.
    pub address: String,
    /// How long a connection took; or why there is none.
    pub connected: Result<Duration, String>,
    /// The certificate that it presented, if the handshake came to an end.
    pub presented: Option<Presented>,
    /// What it said; or why nothing.
    pub told: Result<Answered, Unanswered>,
    /// Where Route 53's checkers would ask it, and how long a connection took from here; or why there is none.
    pub signal: Option<(String, Result<Duration, String>)>,
}

/// One probe of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSeen {
    /// Of which service.
    pub service: ServiceName,
    /// `check/region`.
    pub target: String,
    /// What was probed.
    pub place: String,
    /// Why it failed, if it did, with the detail.
    pub fault: Option<(FailureReason, String)>,
    /// How long it took.
    pub total: Duration,
    /// Which other agents see it healthy.
    pub healthy_for: Vec<String>,
}

/// What was found about one plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanSeen {
    /// Of which service.
    pub service: ServiceName,
    /// The plan, and the way that it goes.
    pub plan: String,
    /// Who looked, in words: the agent, or this command.
    pub by: String,
    /// What was found; or why it was not looked at.
    pub findings: Result<Vec<Finding>, String>,
}
