//! Executions as `/v1/executions` shows them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /v1/executions`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExecutionList {
    /// Newest first.
    pub executions: Vec<Execution>,
}

/// `GET /v1/executions/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Service and epoch.
    pub id: String,
    /// Which service.
    pub service: String,
    /// The plan's name.
    pub plan: String,
    /// The scenario that an operator declared; without one, it is the loss of the primary region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What the operator said with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The fencing token.
    pub epoch: u64,
    /// `automatic`, or the operator's name.
    pub trigger: String,
    /// Region that is left.
    pub from: String,
    /// Region that is activated.
    pub to: String,
    /// `awaiting_approval`, `running`, `stopped`, `succeeded` or `aborted`.
    pub state: String,
    /// The state as a sentence.
    pub summary: String,
    /// Whether a hold keeps it from going on.
    #[serde(default)]
    pub held: bool,
    /// When the region began to fail, RFC 3339.
    pub failing_since: String,
    /// When the agents agreed, RFC 3339.
    pub agreed_at: String,
    /// When it was decided, RFC 3339.
    pub decided_at: String,
    /// When it ended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Where the time went, once it has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_time: Option<RecoveryTime>,
    /// What the promotions lost, as measured right before each; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_loss: Vec<DataLoss>,
    /// In an order in which they can run.
    pub steps: Vec<Step>,
}

/// How far a replica was behind when it was promoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataLoss {
    /// By which step.
    pub step: String,
    /// How far, in milliseconds; absent if it could not be measured, which is not zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind_ms: Option<u64>,
    /// The policy's recovery point objective, in milliseconds.
    pub objective_ms: u64,
    /// How it was measured and when, or why it was not.
    pub measured: String,
}

/// Where the recovery time went, in milliseconds. It begins with the first failed probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryTime {
    /// First failed probe to agreement.
    pub detect_ms: u64,
    /// Agreement to decision.
    pub decide_ms: u64,
    /// Decision to the last changing step.
    pub execute_ms: u64,
    /// Until verified through the public name.
    pub converge_ms: u64,
    /// All of it.
    pub total_ms: u64,
    /// The policy's objective.
    pub objective_ms: u64,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Its action, such as `ecs.scale`.
    pub action: String,
    /// What it needs.
    pub needs: Vec<String>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// `waiting`, `assigned`, `started`, `succeeded`, `failed`, `unknown` or `cancelled`.
    pub state: String,
    /// What was seen, or why not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// To whom it was assigned last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// How often it was assigned.
    pub attempt: u32,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When the latest attempt started, where it is not the first, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}
