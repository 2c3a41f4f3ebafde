//! The agent's real core under real consensus in a simulated world: three agents, their disks, their network, their
//! clocks and a cloud, all drawn from one seed, so that a bad run can be run again to the last event.
//!
//! The parts under test are `Consensus<Cluster, SimRuntime>`, `Node` and `StepRun` as they are. What stands in for the
//! agent's shell is `host` and `executor`, which mirror it thinly. Nothing in here may read a real clock, open a socket
//! or iterate over a hash map.
//!
//! Where to read: `story` (what happens to a cluster), `misfortune` (what goes wrong), `oracle` (what must hold),
//! `cloud` (what the effects change).
#![allow(clippy::unwrap_used, reason = "a simulation may panic: whoever runs it is a test")]

mod cloud;
// The consensus simulation's disk, with torn sectors.
#[path = "../../agent/consensus/tests/simulation/disk.rs"]
mod disk;
mod executor;
mod host;
mod lease;
mod misfortune;
mod network;
mod oracle;
mod probing;
mod promises;
mod replicas;
mod story;
mod world;

use openraft_rt::{AsyncRuntime as _, Instant as _};
use openraft_rt_sim::{SimInstant, SimRuntime};
use quorate_policies::{AgentName, RegionName, ServiceName};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::PoisonError,
    time::Duration,
};

/// The primary region.
pub(crate) const EAST: &str = "us-east-1";
/// The standby region.
pub(crate) const WEST: &str = "us-west-2";
/// The witness's region.
pub(crate) const NORTH: &str = "eu-west-1";
/// The agents and where they stand.
pub(crate) const AGENTS: [(&str, &str); 3] = [("eve", EAST), ("wes", WEST), ("noa", NORTH)];

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Everything random comes from here.
    pub seed: u64,
    /// What goes wrong.
    pub plot: Plot,
    /// What the simulation's own shell does wrong on purpose, to show that the oracle notices.
    pub broken: Option<Broken>,
}

/// What goes wrong in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plot {
    /// Whatever the seed draws.
    Drawn,
    /// The primary region dies, and the agent that holds the lease is stopped with a request for it under way, until
    /// after the lease has moved. Nothing else goes wrong.
    Ambush,
}

/// A rule that the simulation's own shell breaks. Nothing in the product knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The executor acts without a committed intent (R1).
    NoIntent,
    /// The executor neither asks whether a step is still its own nor listens when the log says that it is not (R5).
    NoCheck,
    /// The holder counts its lease from the answer's arrival instead of the request's sending (R13).
    LeaseFromArrival,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which invariants did not hold, each with its rule.
    pub violations: Vec<String>,
    /// What happened, one event a line, with its time.
    pub trace: Vec<String>,
    /// The digest of the trace, which at its end holds the bytes of all disks.
    pub trace_hash: u64,
    /// How many failovers were decided.
    pub failovers: usize,
    /// How many effects the cloud has seen.
    pub effects: usize,
}

/// Runs a scenario to its end. A panic in it, or a task that never waits, is a violation like any other.
#[must_use]
pub fn run(scenario: Scenario) -> Outcome {
    let oracle = oracle::Shared::default();
    let telling = oracle.clone();
    let told = catch_unwind(AssertUnwindSafe(|| {
        SimRuntime::with_seed(scenario.seed).block_on(async move { story::tell(scenario, telling).await });
    }));
    let mut outcome = oracle.lock().unwrap_or_else(PoisonError::into_inner).outcome();
    if let Err(panic) = told {
        let text = panic.downcast_ref::<String>().map_or("no text", String::as_str);
        outcome.violations.push(format!("panic: {text}"));
    }
    outcome
}

/// The one service.
pub(crate) fn shop() -> ServiceName {
    "shop".try_into().unwrap()
}

/// A region by its name.
pub(crate) fn region(name: &str) -> RegionName {
    name.try_into().unwrap()
}

/// An agent by its name.
pub(crate) fn agent(name: &str) -> AgentName {
    name.try_into().unwrap()
}

/// The time since the simulation began, by nobody's clock.
pub(crate) fn now() -> Duration {
    SimInstant::now().elapsed_since_start()
}
