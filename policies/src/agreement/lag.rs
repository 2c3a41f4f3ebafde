//! How far replicas are behind, as agents measured it. A reading that could not be made is no reading: only known ones
//! are reported, and they grow old (R7, R16).

use crate::{name::AgentName, time::Millis};
use serde::{Deserialize, Serialize};

/// The most recent known lag of one replica, as one agent reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaLag {
    /// Which replica; see [`replica_name`].
    pub replica: String,
    /// How far it was behind its source.
    pub behind: Millis,
    /// How long ago that was measured, when the report was made.
    pub measured: Millis,
    /// How many bytes of its source's log it lacked; none where that is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether every commit waited for it: then it lacked nothing that was acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

/// The same, as the leader holds it when it decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LagVote {
    /// Who measured it.
    pub agent: AgentName,
    /// Which replica.
    pub replica: String,
    /// How far it was behind its source.
    pub behind: Millis,
    /// How long ago that was measured.
    pub measured: Millis,
    /// How many bytes of its source's log it lacked; none where that is not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether every commit waited for it: then it lacked nothing that was acknowledged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// How old the report is, by the receiver's monotonic clock.
    pub age: Millis,
    /// Whether the agent judges by the policy in force.
    pub policy_matches: bool,
    /// Whether the agent abstains (R8).
    pub abstains: bool,
}

/// The name of a replica among all: identifiers are unique in a region.
#[must_use]
pub fn replica_name(region: &str, instance: &str) -> String {
    format!("{region}/{instance}")
}
