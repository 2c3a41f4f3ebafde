//! What `quorate demo` may be told. The demo itself lives in `crate::demo`; this file only names its options, so
//! that the command line and the demo agree on them. It starts nothing.

use clap::{Args, ValueEnum};

/// Options of `quorate demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoOptions {
    /// What happens to the primary region.
    #[arg(long, value_enum, default_value_t = Fault::Kill)]
    pub fault: Fault,
    /// Also kill agents while the failover runs.
    #[arg(long, value_enum, value_name = "WHICH")]
    pub kill_agent: Option<KillAgent>,
    /// Leave the sandbox and the agents running afterwards, until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Print one JSON document as the last line of standard output.
    #[arg(long)]
    pub json: bool,
    /// Seed of everything random in the sandbox; a run without one prints the seed that it drew.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// For the benchmark of the decision: no dwell, and the run ends once the failover is decided.
    #[arg(long, hide = true)]
    pub bench_decision: bool,
}

/// What happens to the primary region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// It dies: its application and its AWS endpoints refuse connections. Expected: a failover.
    Kill,
    /// Its application accepts connections and never answers. Expected: a failover.
    Hang,
    /// Its application answers 500. Expected: a failover.
    Errors,
    /// Its application answers late, within the probes' timeout. Expected: no failover.
    Slow,
    /// Its application fails and recovers in turn. Expected: no failover, and the reason why.
    Flap,
    /// Both regions fail. Expected: no failover, and the reason why.
    BothRegions,
    /// It is cut off, its agent included, while its application keeps serving inside. Expected: a failover, and no
    /// moment at which two regions hold the write lease.
    Partition,
}

/// Which agents die while the failover runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum KillAgent {
    /// The leader. Expected: another agent leads and the failover ends well.
    Leader,
    /// The agent that runs a step. Expected: another agent observes first and takes the step over.
    Executor,
    /// Any one agent. Expected: the failover ends well.
    Any,
    /// Two of three. Expected: no majority, so automation freezes and nothing is changed.
    Two,
}
