//! What one agent tells its peers: its verdicts on every target, and by which policy it judges. Reports are soft
//! state: they expire, and only decisions are in the log. No clock reading of the sender is in a report, only
//! lengths, because clocks of two hosts are never compared.

use super::{lag::ReplicaLag, look::PlanLook};
use crate::{
    feature_level::FeatureLevel,
    health::{FailureReason, Verdict},
    name::{AgentName, RegionName, ServiceName, TargetName},
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// SHA-256 of a policy's canonical form, as hexadecimal text.
pub type PolicyHash = String;

/// One agent's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Who reports.
    pub agent: AgentName,
    /// From where.
    pub region: RegionName,
    /// The sender's process: a number that is new at every start, so that a late report of an earlier process
    /// cannot replace a fresh one.
    pub incarnation: u64,
    /// Grows by one with every report of this process.
    pub sequence: u64,
    /// Why the agent abstains from every vote, if it does (R8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abstains: Option<String>,
    /// What the sender's build understands; one that does not say understands the first level.
    #[serde(default)]
    pub feature_level: FeatureLevel,
    /// Verdicts by service.
    pub services: BTreeMap<ServiceName, ServiceReport>,
}

/// One agent's verdicts on one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceReport {
    /// The policy by which the agent judges; a vote under another policy does not count (R29).
    pub policy_hash: PolicyHash,
    /// Verdicts by target.
    pub targets: BTreeMap<TargetName, TargetReport>,
    /// How far replicas are behind, as far as this agent could read it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lags: Vec<ReplicaLag>,
    /// What stood in the way of the plans when this agent last looked at them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<PlanLook>,
}

/// One agent's verdict on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetReport {
    /// The verdict.
    pub verdict: Verdict,
    /// Whether this agent has seen the target healthy since it started.
    pub armed: bool,
    /// How long ago the present run of failures began, when the report was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_for: Option<Millis>,
    /// Why the last probe failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}

/// The hash by which agents compare their policies. It is made once, by whoever proposes a policy, and then stands in the
/// log: a version that knows one more field would write the same policy with another text (R29).
#[must_use]
pub fn policy_hash(policy: &crate::Policy) -> PolicyHash {
    use sha2::{Digest as _, Sha256};
    // Field order is fixed by the type and map order by BTreeMap, so equal policies have equal text.
    let text = serde_json::to_vec(policy).unwrap_or_default();
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
