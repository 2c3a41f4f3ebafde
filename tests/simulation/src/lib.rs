//! Agents in a simulated world: three to seven of them with their real core, executor, probe schedule, consensus and store,
//! over simulated disks, clocks and a network, against a simulated cloud with databases, compute, DNS and clients that
//! write. All is drawn from one seed, so that a bad run can be run again to the last event.
//!
//! What is real: `Consensus<Cluster, SimRuntime>`, `Node`, `executor`, `leasing`, `StepRun`, `Schedule`, redb. What is
//! simulated stands in here. Nothing may read a real clock, open a socket or iterate over a hash map.
//!
//! Where to read: `fault` (what goes wrong, F1..F32), `deed` (the primitives of which faults are made), `story` (one run),
//! `oracle` (what must hold, R1..R31), `timeline` (a run in a dozen lines), `cloud` (what effects change), `clients` (what users see).
#![allow(clippy::unwrap_used, reason = "a simulation may panic: whoever runs it is a test")]
#![allow(clippy::expect_used, reason = "a simulation may panic: whoever runs it is a test")]

pub mod batch;
mod clients;
mod cloud;
pub mod command;
pub mod coverage;
pub mod cue;
pub mod curve;
pub mod deed;
pub mod disk;
pub mod fault;
mod host;
pub mod mutation;
mod network;
mod newcomer;
mod oracle;
mod policy;
mod probing;
mod replicas;
pub mod shrink;
mod stage;
mod story;
mod surroundings;
pub mod timeline;
mod world;

use coverage::Coverage;
use deed::Event;
use fault::Fault;
use openraft_rt::{AsyncRuntime as _, Instant as _};
use openraft_rt_sim::{SimInstant, SimRuntime};
use quorate_consensus::{NodeId, node_id};
use quorate_policies::{AgentName, RegionName, ServiceName};
use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{OnceLock, PoisonError},
    time::Duration,
};

/// Scenarios a minute are what a simulation is worth, and a tenth of one's time is spent on small things made and dropped.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The primary region.
pub const EAST: &str = "us-east-1";
/// The standby region.
pub const WEST: &str = "us-west-2";
/// Agents and where they stand; a run has the first so many.
pub const AGENTS: [(&str, &str); NODES_MAX] = [
    ("eve", EAST),
    ("wes", WEST),
    ("noa", "eu-west-1"),
    ("sol", "sa-east-1"),
    ("tom", "ap-northeast-1"),
    ("ann", "eu-central-1"),
    ("kim", "ap-south-1"),
];
/// As many agents as a run can have.
pub const NODES_MAX: usize = 7;
/// The service whose applications honour the write lease.
pub const SHOP: &str = "shop";
/// The service whose applications do not know of the lease: it is fenced by scaling it to nothing.
pub const LEDGER: &str = "ledger";

/// When the first fault may strike: the cluster has formed and every agent has seen every region.
pub const CALM_UNTIL: Duration = Duration::from_secs(14);

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Everything random comes from here.
    pub seed: u64,
    /// How many agents.
    pub nodes: usize,
    /// How much time passes before everything is repaired and what must come right is waited for.
    pub length: Duration,
    /// What goes wrong.
    pub plot: Plot,
}

/// What goes wrong in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plot {
    /// These faults, each at the times and places that the seed draws for it.
    Faults(BTreeSet<Fault>),
    /// Exactly this, in this order. The policies' dwell comes with it, in seconds.
    Written(Vec<Event>, u64),
}

impl Scenario {
    /// The scenario that a seed stands for: its number of agents and its mix of faults are drawn from it.
    #[must_use]
    pub fn drawn(seed: u64) -> Self {
        let (nodes, faults) = fault::mix(seed);
        Self { seed, nodes, length: Duration::from_secs(5 * 60), plot: Plot::Faults(faults) }
    }
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
    /// How much time passed in the simulated world.
    pub simulated: Duration,
    /// What was reached.
    pub coverage: Coverage,
}

/// Runs a scenario to its end. A panic in it, or a task that never waits, is a violation like any other.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    let oracle = oracle::Shared::default();
    let telling = oracle.clone();
    let own = scenario.clone();
    let told = catch_unwind(AssertUnwindSafe(|| {
        SimRuntime::with_seed(scenario.seed).block_on(async move { story::tell(own, telling).await });
    }));
    let mut outcome = oracle.lock().unwrap_or_else(PoisonError::into_inner).outcome();
    if let Err(panic) = told {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
        outcome.violations.push(format!("panic: {text}"));
    }
    outcome
}

/// The agents' numbers, in their order. Making one costs a digest, so they are made once.
pub(crate) fn ids() -> &'static [NodeId; NODES_MAX] {
    static IDS: OnceLock<[NodeId; NODES_MAX]> = OnceLock::new();
    IDS.get_or_init(|| AGENTS.map(|(name, _)| node_id(name)))
}

/// A service by its name.
pub(crate) fn service(name: &str) -> ServiceName {
    name.try_into().unwrap()
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
