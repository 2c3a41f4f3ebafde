//! What an agent's loops stand in: its log, its peers, its clock, its node and the world. The shell implements it with
//! sockets and the machine's clock, the simulation with drawn delays and simulated time, so that both run the very same
//! loops ([`crate::executor`], [`crate::leasing`]). There is no decision in here and nothing that waits.

use crate::{
    Cluster, Command, Response, StepOutcome,
    node::{Input, Node, Now, StepOrder},
};
use quorate_policies::{
    AgentName, Millis, RegionName, ServiceName,
    effect::{Acted, EffectContext, Observed},
    guard::Refusal,
};
use std::{sync::Arc, time::Duration};

/// What became of an attempt, for the log that people read.
#[derive(Debug)]
pub enum StepNews<'a> {
    /// It was not allowed to begin.
    NotBegun(&'a str),
    /// Its intent is committed; or it goes on, and the log knows of it.
    Begins {
        /// Whether it goes on.
        resumed: bool,
    },
    /// It has come to its end.
    Ends(&'a StepOutcome),
    /// It has been given up without an end: another attempt follows.
    Left(&'a str),
    /// The log did not take its outcome: another attempt has taken its place.
    NotTaken(&'a Refusal),
    /// Its outcome has not reached the log yet, and is offered again.
    NotInLog(&'a str),
}

/// A request for the write lease, on its way to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseWanted {
    /// Of which service.
    pub service: ServiceName,
    /// For which region.
    pub region: RegionName,
    /// At which epoch.
    pub epoch: u64,
}

/// Everything around an agent's loops. A future of it that never ends is cut off by [`Surroundings::within`] or by the
/// end of the process.
pub trait Surroundings: Sync {
    /// This agent.
    fn name(&self) -> &AgentName;

    /// Where it stands.
    fn region(&self) -> &RegionName;

    /// Both clocks, now.
    fn now(&self) -> Now;

    /// The log as far as it is applied here.
    fn state(&self) -> Arc<Cluster>;

    /// Looks at the node. The lock is short and never held across a wait.
    fn with_node<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T;

    /// Hands one input to the node and does what it says. Returns the answer to a request for the lease.
    fn input(&self, input: Input) -> Option<Result<Millis, Refusal>>;

    /// Hands what consensus knows to the node.
    fn refresh(&self);

    /// Waits until everything that was committed before the call is applied here (R11).
    fn barrier(&self, limit: Duration) -> impl Future<Output = Result<(), String>> + Send;

    /// Proves that this agent leads, after the call; the term in which it does.
    fn confirm_leadership(&self, limit: Duration) -> impl Future<Output = Result<u64, String>> + Send;

    /// Puts a command into the log. After an error it may be there all the same.
    fn propose(&self, command: Command) -> impl Future<Output = Result<Response, String>> + Send;

    /// Asks another agent, which leads, for the lease.
    fn ask_leader(
        &self,
        leader: &AgentName,
        wanted: &LeaseWanted,
        limit: Duration,
    ) -> impl Future<Output = Result<Millis, Refusal>> + Send;

    /// Reads the world. Changes nothing.
    fn observe(&self, order: &StepOrder, context: &EffectContext) -> impl Future<Output = Observed> + Send;

    /// Changes the world: one call, never repeated in here.
    fn act(&self, order: &StepOrder, part: u8, context: &EffectContext)
    -> impl Future<Output = Acted> + Send;

    /// Ends whatever program of this attempt still runs on this host; returns when none does. Where programs are never run
    /// there is nothing to do.
    fn let_go(&self, _order: &StepOrder) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Waits for some work, but not longer than this.
    fn within<T: Send>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Tells people what becomes of an attempt.
    fn tell(&self, order: &StepOrder, news: StepNews<'_>);
}
