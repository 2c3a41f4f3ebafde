//! The agent, its peers, its probes and the audit.

use crate::service::Service;
use serde::{Deserialize, Serialize};

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The agent that answers.
    pub agent: String,
    /// Its region.
    pub region: String,
    /// Its version.
    pub version: String,
    /// The feature level on which the agents have agreed; 0 from an agent that knows none.
    #[serde(default)]
    pub feature_level: u32,
    /// Whether it is in contact with a majority.
    pub has_quorum: bool,
    /// Who leads, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<String>,
    /// Raft's term.
    pub term: u64,
    /// Why the agent abstains, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstains: Option<String>,
    /// All voters.
    pub members: Vec<Member>,
    /// All services.
    pub services: Vec<Service>,
}

/// `GET /v1/members`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The feature level on which the agents have agreed; 0 from an agent that knows none.
    #[serde(default)]
    pub feature_level: u32,
    /// All voters, and who is being added.
    pub members: Vec<Member>,
    /// The change that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

/// A change of the agents under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What is changed, in words.
    pub what: String,
    /// Since when.
    pub since: String,
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether somebody has cancelled it; it is finished all the same once voters have moved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
}

/// A voter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Where peers reach it.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it is the agent that answers.
    pub me: bool,
    /// `voter`, `joining` while it is being added, or `leaving` while it is being removed.
    #[serde(default)]
    pub place: String,
    /// Its version, as it said itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The feature level that its build understands, as it said itself lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_level: Option<u32>,
    /// How long ago it was last heard, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_ms_ago: Option<u64>,
}

/// `GET /v1/probes`: the latest result of each target, as this agent saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probes {
    /// By service and target.
    pub probes: Vec<ProbeView>,
}

/// The latest result of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeView {
    /// Which service.
    pub service: String,
    /// `check/region`.
    pub target: String,
    /// What is probed.
    pub url: String,
    /// Whether it answered as expected.
    pub success: bool,
    /// Why not: one of the closed list of reasons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was seen.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What a PostgreSQL server said about itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseView>,
    /// The address that was probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Seconds by phase: resolve, connect, tls, processing, transfer.
    pub phases: std::collections::BTreeMap<String, f64>,
    /// Seconds in all.
    pub duration_s: f64,
    /// How long ago, in milliseconds.
    pub age_ms: u64,
}

/// What a PostgreSQL server said about itself. Positions are written as PostgreSQL does: `16/B374D848`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseView {
    /// `primary` or `standby`.
    pub role: String,
    /// Which history its log belongs to.
    pub timeline: u32,
    /// The end of what a primary has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<String>,
    /// The end of what a standby has received by streaming.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<String>,
    /// The end of what a standby has replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<String>,
    /// Whether a standby streams from a primary; absent when the probe's account may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streaming: Option<bool>,
    /// The standbys, by their names in small letters, without whose confirmation a primary acknowledges no commit; empty
    /// where that is certain of none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
    /// The name under which a standby confirms; absent when the probe's account may not see it, or while it has no primary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirms_as: Option<String>,
}

/// `GET /v1/audit?after=SEQUENCE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
    /// Number of the latest entry.
    pub sequence: u64,
    /// Hash of the latest entry.
    pub head: String,
    /// Whether the chain of the entries held here is whole.
    pub verified: bool,
    /// Up to which entry the policies' webhooks have been told: each of them took it, or was given up on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notified: Option<u64>,
}

/// One entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number.
    pub sequence: u64,
    /// RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// Which service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Which execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The event's name.
    pub event: String,
    /// The event as a sentence.
    pub message: String,
    /// The event's fields.
    pub fields: serde_json::Value,
    /// The hash of the entry before.
    pub previous: String,
    /// This entry's hash.
    pub hash: String,
    /// The guard that refused, where it is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// As which event webhooks are told of it, such as `failover.started`; absent where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notifies: Option<String>,
    /// The entry as it is chained, byte for byte: its line in an agent's `audit.jsonl`. The hash is the SHA-256 of this text
    /// with nothing between the quotes of `hash`. An older agent does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub line: String,
}
