//! The messages between agents, apart from consensus's own.

use quorate_consensus::{Call, Reply, Request};
use quorate_core::Cluster;
use quorate_policies::{AgentName, RegionName, ServiceName, TargetName, guard::Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The runtime that consensus runs on in production.
pub type Runtime = openraft_rt_tokio::TokioRuntime;
/// A consensus request.
pub type RaftRequest = Request<Cluster, Runtime>;
/// A consensus reply.
pub type RaftReply = Reply<Cluster, Runtime>;
/// Why a consensus request is refused.
pub type RaftRefusal = quorate_consensus::Refusal;
/// What a consensus request asks.
pub type RaftCall = Call<Cluster, Runtime>;

/// Path of consensus requests.
pub const RAFT: &str = "/raft";
/// Path of reports.
pub const REPORT: &str = "/report";
/// Path of requests to confirm a first failure.
pub const CONFIRM: &str = "/confirm";
/// Path of requests for the write lease.
pub const LEASE: &str = "/lease";
/// Path at which an agent says what it is: the only one that is read, not posted to.
pub const ABOUT: &str = "/about";

/// The version of the agent that asks.
pub const VERSION_HEADER: &str = "quorate-version";

/// Largest body of anything but consensus, in bytes: a report on a thousand targets is about 150 KiB.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A target has failed for the first time: probe it at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirm {
    /// Of which service.
    pub service: ServiceName,
    /// Which target.
    pub target: TargetName,
}

/// A request for the write lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRequest {
    /// Of which service.
    pub service: ServiceName,
    /// For which region.
    pub region: RegionName,
    /// At which epoch.
    pub epoch: u64,
}

/// The leader's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "lease")]
pub enum LeaseReply {
    /// Granted.
    Granted {
        /// For so long, in milliseconds, counted from the request's sending.
        ttl_ms: u64,
    },
    /// Not granted.
    Refused {
        /// Why.
        refusal: Refusal,
    },
}

/// What an agent says about itself to another one, and to `quorate doctor` beside it. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Its name.
    pub agent: AgentName,
    /// Its region.
    pub region: RegionName,
    /// Its version.
    pub version: String,
    /// The cluster's name.
    pub cluster: String,
    /// The wall clock of its host, in milliseconds since 1970.
    pub wall_ms: u64,
    /// By how many milliseconds that clock has moved against the agent's own since the agent started: its stamps in the log
    /// are so much behind.
    pub moved_ms: i64,
    /// The voters and their regions, as it counts them.
    pub members: BTreeMap<AgentName, RegionName>,
    /// The hashes of the policies by which it judges.
    pub policies: BTreeMap<ServiceName, String>,
    /// Whether it is in contact with a majority.
    pub has_quorum: bool,
    /// Who leads, as far as it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<AgentName>,
}
