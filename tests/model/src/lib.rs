//! An exhaustive model of the decision and execution protocol at small bounds: three agents in three regions, of which
//! two serve. The parts under test are the real pure code: `Cluster::apply` with its guards and plans, `StepRun`, and
//! the lease's rules. What stands in for consensus is one log to which a command is committed, or not, or late, with or
//! without its reply; what stands in for the executor's loop is `attempt`, a step at a time.
//!
//! Everything that can happen next is tried in every state that is reached, so what is never found does not exist within
//! the bounds. It must not draw anything at random, read a clock, or know of the product what an agent would not know.
//!
//! Where to read: `state` (what a moment is made of), `moves` and its parts (what can happen), `rules` (what must hold),
//! `search` (how all of it is visited), `log` (how the replicated state is made small without losing what matters).
#![allow(
    clippy::unwrap_used,
    reason = "a model may panic: whoever runs it is a test or a developer at a terminal"
)]

mod attempt;
mod attempt_moves;
mod coverage;
mod fault_moves;
mod lease_moves;
mod leases;
mod log;
mod moves;
mod normal;
mod reports;
mod rules;
mod search;
mod seen;
mod shop;
mod state;
mod ways;
mod world;

pub use coverage::Coverage;
pub use reports::{Finding, Report};

/// How much of each kind may happen in one run of the world. All of it may happen in any order and at any moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Agents that die, and come back without what they knew.
    pub crashes: u8,
    /// Agents that are cut off from the others, and come back.
    pub cuts: u8,
    /// Commands, replies and calls that are lost, looks that fail.
    pub losses: u8,
    /// Calls that the provider refuses for good, and looks that say so.
    pub refusals: u8,
    /// Failovers that are decided, by the agents or by an operator.
    pub decisions: u8,
    /// Aborts and pauses by operators. Approving and resuming are always possible.
    pub commands: u8,
    /// Requests for the write lease.
    pub asks: u8,
    /// What the plan does.
    pub plan: Plan,
    /// Whether the policy waits for an operator's approval.
    pub approval: bool,
    /// Whether an operator may decide, and not only the agents.
    pub operator: bool,
    /// Whether an agent that died may be back before its last call has come to its end (12 s at most). What it does then is
    /// the one weakness that the search finds: its attempt goes on under the same number, the log does not learn that there
    /// was an earlier process, and an abort takes back at once what that one's call may still do.
    pub quick_restarts: bool,
    /// Steps of time (5 s each) in which a call may still land. The longest takes 12 s; with more, only what the world itself
    /// fences, which is DNS, keeps a late one from doing harm.
    pub call_lasts: u8,
    /// Moves from the beginning at which the search ends; without it everything is visited.
    pub depth: Option<u32>,
    /// States at which the search ends, because memory does.
    pub states_max: usize,
}

/// What the plan does. Both end with a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Stops the old region's tasks, promotes, repoints DNS.
    FenceFirst,
    /// Only repoints DNS: a service without a database, where an abort has a record to bring back.
    DnsOnly,
}

/// A rule that the model's own shell breaks, to show that the search notices. Nothing in the product knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    /// Acts without a committed intent.
    ActsBeforeIntent,
    /// Does not ask the log before an effect.
    NoCheckBeforeEffect,
    /// Does not note what stands before an effect.
    NoNote,
    /// The leader lets the lease move at once.
    LeaseNotAwaited,
    /// A new leader does not wait out what its predecessor granted.
    PredecessorForgotten,
    /// The holder gives the lease up while an application still relies on it.
    PromiseBroken,
    /// The holder counts its lease from the answer's arrival.
    LeaseFromArrival,
    /// A call without a reply counts as failed.
    LostReplyIsFailure,
    /// DNS takes every change, whatever stood there.
    DnsWithoutFence,
    /// A step whose end nobody heard of is taken back at once.
    UndoneAtOnce,
    /// The steps of a lost agent stay with it.
    LostAgentKept,
    /// An agent whose execution was aborted says nothing.
    AbortNotReported,
}

impl Mutation {
    /// All of them.
    pub const ALL: [Mutation; 12] = [
        Mutation::ActsBeforeIntent,
        Mutation::NoCheckBeforeEffect,
        Mutation::NoNote,
        Mutation::LeaseNotAwaited,
        Mutation::PredecessorForgotten,
        Mutation::PromiseBroken,
        Mutation::LeaseFromArrival,
        Mutation::LostReplyIsFailure,
        Mutation::DnsWithoutFence,
        Mutation::UndoneAtOnce,
        Mutation::LostAgentKept,
        Mutation::AbortNotReported,
    ];

    /// Bounds within which it is found soon.
    #[must_use]
    pub const fn bounds(self) -> Bounds {
        let calm = Bounds::calm();
        match self {
            Mutation::ActsBeforeIntent | Mutation::NoNote => calm,
            Mutation::LeaseNotAwaited | Mutation::PromiseBroken | Mutation::LeaseFromArrival => {
                Bounds { asks: 1, ..calm }
            }
            Mutation::PredecessorForgotten => Bounds { asks: 1, crashes: 1, ..calm },
            Mutation::LostAgentKept => Bounds { crashes: 1, ..calm },
            Mutation::NoCheckBeforeEffect | Mutation::AbortNotReported => {
                Bounds { commands: 1, plan: Plan::DnsOnly, ..calm }
            }
            Mutation::LostReplyIsFailure | Mutation::UndoneAtOnce => {
                Bounds { losses: 1, commands: 1, ..calm }
            }
            Mutation::DnsWithoutFence => {
                Bounds { losses: 1, commands: 1, call_lasts: 4, plan: Plan::DnsOnly, ..calm }
            }
        }
    }
}

impl Bounds {
    /// The smallest world in which there is a failover: nothing goes wrong.
    #[must_use]
    pub const fn calm() -> Self {
        Self {
            crashes: 0,
            cuts: 0,
            losses: 0,
            refusals: 0,
            decisions: 1,
            commands: 0,
            asks: 0,
            plan: Plan::FenceFirst,
            approval: false,
            operator: false,
            quick_restarts: false,
            call_lasts: 2,
            depth: None,
            states_max: 100_000_000,
        }
    }
}

/// Visits everything within the bounds, or as much as it takes to find a rule broken.
#[must_use]
pub fn explore(bounds: Bounds, mutation: Option<Mutation>) -> Report {
    search::Search::new(bounds, mutation).run()
}
