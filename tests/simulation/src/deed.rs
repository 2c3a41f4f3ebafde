//! The primitives of which faults are made: one thing that happens to the world at one moment. A scenario can be written
//! down as a list of them, and a failing one is made smaller by leaving some out.

use crate::{
    cue::Cue,
    fault::{self, Fault},
};
use std::{fmt, time::Duration};

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, since the simulation began.
    pub at: Duration,
    /// Not before this moment has come, and so long after it; then `at` says from when on it is waited for.
    pub cue: Option<(Cue, Duration)>,
    /// As part of which fault.
    pub fault: Fault,
    /// What.
    pub deed: Deed,
}

/// How a service behaves in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As it should.
    Up,
    /// Nothing listens.
    Dead,
    /// Accepts connections and never answers.
    Hangs,
    /// Three seconds up, three seconds down.
    Flaps,
    /// So many requests in a thousand fail or are too slow.
    BrownOut(u16),
    /// Says that all is well and takes no writes; only its deep check tells.
    ReadOnly,
    /// Its metrics and its pages are well, and it answers its checks with what nobody can read.
    Garbled,
}

/// What ails the cloud's control plane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trouble {
    /// The longest time that a request takes to be carried out, in milliseconds. A change that takes longer than a real call
    /// lives is lost.
    pub slow_ms: u64,
    /// So many requests in a thousand are lost before they are carried out.
    pub lost_before: u16,
    /// So many replies in a thousand are lost.
    pub lost_after: u16,
    /// So many requests in a thousand are refused and may be repeated.
    pub refused: u16,
    /// Whether DNS may not be changed: somebody has taken the permission away.
    pub denied: bool,
}

/// How the replicas do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replication {
    /// So many milliseconds behind.
    Behind(u64),
    /// Nobody can say how far it is behind.
    Unknown,
    /// It has stopped.
    Broken,
}

/// What an operator does. Each goes through the agent that is named by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `quorate failover`, to the region that is not active.
    Failover {
        /// With `--accept-data-loss`.
        accept_data_loss: bool,
    },
    /// `quorate pause`, for so many seconds or for ever.
    Pause(Option<u64>),
    /// `quorate resume`.
    Resume,
    /// `quorate abort`, of what runs, or of what is the next to begin within a minute.
    Abort,
    /// `quorate apply`, of the same policy with another cool-down: a new version.
    Apply,
    /// A command that came with the feature level after this build's.
    Later,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// A service changes its behaviour in a region.
    Service {
        /// Which service.
        service: &'static str,
        /// Where.
        region: &'static str,
        /// How.
        mode: Mode,
    },
    /// A region ends, with everything that runs in it but its agent.
    RegionDies(&'static str),
    /// It is there again, as it was.
    RegionReturns(&'static str),
    /// An operator makes the region that services have left into their standby again.
    Rebuild(&'static str),
    /// A region and the rest of the world do not reach each other.
    RegionCut(&'static str),
    /// An agent loses its power; what it had not synced is for the disk to decide.
    PowerCut(usize),
    /// It starts again.
    Boot(usize),
    /// Every agent loses its power and starts again so much later, one after another.
    ColdRestart(Duration),
    /// It is stopped for so long, and goes on.
    Pause(usize, Duration),
    /// Its disk is replaced by an empty one while it is down.
    ReplaceDisk(usize),
    /// It loses its power and starts again as another build, which understands this feature level.
    Upgrade(usize, u32),
    /// It can open no socket for a probe, or it can again.
    NoSockets(usize, bool),
    /// Its disk takes nothing more, or takes it again.
    FullDisk(usize, bool),
    /// Its disk takes so long for every write.
    SlowDisk(usize, Duration),
    /// Its wall clock jumps by so many milliseconds.
    ClockJump(usize, i64),
    /// Messages from one agent do not reach another.
    Cut(usize, usize),
    /// An agent cannot reach what runs in a region.
    Dark(usize, &'static str),
    /// So many messages and probes of an agent in a thousand are lost.
    Lossy(usize, u16),
    /// Every message takes up to so many milliseconds more.
    Congested(u64),
    /// Messages to an agent take so many milliseconds more.
    Late(usize, u64),
    /// So many messages in a thousand arrive twice.
    Duplicated(u16),
    /// All links are whole again.
    NetworkRepaired,
    /// The cloud's control plane.
    Cloud(Trouble),
    /// Calls that are under way arrive so much later.
    Straggle(Duration),
    /// Replication to the standby.
    Replication(Replication),
    /// Somebody else edits the DNS record of every service: it points at this region.
    ForeignEdit(&'static str),
    /// No more tasks can be started in a region, or they can again.
    Quota(&'static str, bool),
    /// Resolvers keep answers ten times as long as they may.
    StaleResolvers(bool),
    /// The status page answers with errors, or works again.
    StatusPage(bool),
    /// Scaling down a region is accepted and does nothing: a fence that lies.
    FenceLies(bool),
    /// An agent speaks a newer language: what it reports cannot be read by the others, nor it by them.
    Foreign(usize, bool),
    /// An agent is started again with another list of members, which must be refused, and then with its own.
    WrongMembers(usize),
    /// A new agent is started, and an operator adds it, or puts it in the place of another.
    Joins(Option<usize>),
    /// An operator removes an agent.
    Leaves(usize),
    /// An operator.
    Operate(usize, &'static str, Operation),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |index: &usize| match *index {
            fault::EXECUTOR => "the executor",
            index => crate::AGENTS.get(index).map_or("the leader", |(name, _)| name),
        };
        match self {
            Deed::Service { service, region, mode } => write!(f, "{service} in {region}: {mode:?}"),
            Deed::RegionDies(region) => write!(f, "{region} dies"),
            Deed::RegionReturns(region) => write!(f, "{region} returns"),
            Deed::Rebuild(region) => write!(f, "an operator rebuilds {region} as the standby"),
            Deed::RegionCut(region) => write!(f, "{region} is cut off from the world"),
            Deed::PowerCut(agent) => write!(f, "{} loses power", name(agent)),
            Deed::Boot(agent) => write!(f, "{} gets its power back", name(agent)),
            Deed::ColdRestart(gap) => write!(f, "all agents lose power and start again, {gap:?} apart"),
            Deed::Pause(agent, length) => write!(f, "{} is stopped for {length:?}", name(agent)),
            Deed::Upgrade(agent, level) => {
                write!(f, "{} starts as a build of feature level {level}", name(agent))
            }
            Deed::ReplaceDisk(agent) => write!(f, "the disk of {} is replaced", name(agent)),
            Deed::NoSockets(agent, true) => write!(f, "{} has no sockets left", name(agent)),
            Deed::NoSockets(agent, false) => write!(f, "{} has sockets again", name(agent)),
            Deed::FullDisk(agent, true) => write!(f, "the disk of {} is full", name(agent)),
            Deed::FullDisk(agent, false) => write!(f, "the disk of {} has room again", name(agent)),
            Deed::SlowDisk(agent, each) => write!(f, "the disk of {} takes {each:?} a write", name(agent)),
            Deed::ClockJump(agent, ms) => write!(f, "the wall clock of {} jumps by {ms} ms", name(agent)),
            Deed::Cut(from, to) => write!(f, "nothing of {} reaches {}", name(from), name(to)),
            Deed::Dark(agent, region) => write!(f, "{} cannot reach {region}", name(agent)),
            Deed::Lossy(agent, permille) => write!(f, "{} loses {permille} ‰ of its packets", name(agent)),
            Deed::Congested(ms) => write!(f, "messages take up to {ms} ms more"),
            Deed::Late(who, ms) => write!(f, "messages to {} take {ms} ms more", name(who)),
            Deed::Duplicated(permille) => write!(f, "{permille} ‰ of the messages arrive twice"),
            Deed::NetworkRepaired => f.write_str("the network is repaired"),
            Deed::Cloud(trouble) => write!(f, "the cloud: {trouble:?}"),
            Deed::Straggle(length) => write!(f, "calls under way are held up for {length:?}"),
            Deed::Replication(how) => write!(f, "replication: {how:?}"),
            Deed::ForeignEdit(region) => write!(f, "somebody points DNS at {region}"),
            Deed::Quota(region, true) => write!(f, "no task can be started in {region}"),
            Deed::Quota(region, false) => write!(f, "tasks can be started in {region} again"),
            Deed::StaleResolvers(true) => f.write_str("resolvers keep answers too long"),
            Deed::StaleResolvers(false) => f.write_str("resolvers keep to the time to live"),
            Deed::StatusPage(true) => f.write_str("the status page is down"),
            Deed::StatusPage(false) => f.write_str("the status page works"),
            Deed::FenceLies(true) => f.write_str("scaling down is accepted and does nothing"),
            Deed::FenceLies(false) => f.write_str("scaling down works"),
            Deed::Foreign(agent, true) => write!(f, "{} speaks another version", name(agent)),
            Deed::Foreign(agent, false) => write!(f, "{} speaks the others' version", name(agent)),
            Deed::WrongMembers(agent) => write!(f, "{} is started with another member list", name(agent)),
            Deed::Joins(None) => f.write_str("an operator adds a new agent"),
            Deed::Joins(Some(old)) => write!(f, "an operator puts a new agent in the place of {}", name(old)),
            Deed::Leaves(agent) => write!(f, "an operator removes {}", name(agent)),
            Deed::Operate(through, service, operation) => {
                write!(f, "an operator at {}: {operation:?} of {service}", name(through))
            }
        }
    }
}
