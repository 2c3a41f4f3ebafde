//! Executions as `/v1/executions` shows them.

use crate::told::PeopleTold;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `GET /v1/executions`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExecutionList {
    /// Newest first.
    pub executions: Vec<Execution>,
}

/// `GET /v1/executions/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// Why an operator started it; empty for the agents, whose reason is the evidence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether that operator accepted a loss of data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts_data_loss: bool,
    /// Hash of the policy that it follows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy_hash: String,
    /// What it is measured against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// Region that is left.
    pub from: String,
    /// Region that is activated.
    pub to: String,
    /// `awaiting_approval`, `running`, `stopped`, `succeeded` or `aborted`.
    pub state: String,
    /// The state as a sentence.
    pub summary: String,
    /// `graceful` or `ungraceful`: whether it counts on the region that is left; empty where its plan makes no difference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub manner: String,
    /// Whether a hold keeps it from going on.
    #[serde(default)]
    pub held: bool,
    /// When the region began to fail, RFC 3339.
    pub failing_since: String,
    /// When the agents agreed, RFC 3339.
    pub agreed_at: String,
    /// When it was decided, RFC 3339.
    pub decided_at: String,
    /// When its steps could begin: at the decision, or at the approval, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<String>,
    /// When it ended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Where the time went, once it has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_time: Option<RecoveryTime>,
    /// What the promotions lost, as measured right before each; empty without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_loss: Vec<DataLoss>,
    /// Names of the webhooks that are told, by the policy in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receivers: Vec<String>,
    /// What the leader saw when it was decided; only where one execution is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// In an order in which they can run.
    pub steps: Vec<Step>,
    /// Who sees to what, in the order of a recovery.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<ChecklistItem>,
    /// What the service costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// For which controls of which standards it is evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
    /// When it would end, RFC 3339, by how long its steps have taken before; none where one never succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_end: Option<String>,
    /// Whether a step takes longer than it ever took.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// What people were told; only where one execution is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<PeopleTold>,
    /// Of which drill it is a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<DrillPart>,
}

/// One thing to see to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChecklistItem {
    /// Its name, by which it is ticked.
    pub name: String,
    /// `before`, `during`, `after` or `recovery`.
    pub phase: String,
    /// What is to be seen to.
    pub what: String,
    /// Whose task it is: a role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The step that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// `open`, `ticked` by a person, `done` by its step, or `failed` with it.
    pub state: String,
    /// Who ticked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticked_by: Option<String>,
    /// What was said about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// When it was ticked or done, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// What a service costs, in whole units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// The currency.
    pub currency: String,
    /// For how many hours each figure is paid.
    pub per_hours: u64,
    /// What is paid for.
    pub of: Vec<Price>,
}

/// What one thing costs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Price {
    /// A component, or whatever else is billed.
    pub name: String,
    /// While all is well.
    pub normal: u64,
    /// While the other region is active.
    pub active: u64,
}

/// A control of a standard.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Control {
    /// The standard.
    pub standard: String,
    /// The control, by the standard's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// What it asks for.
    pub requires: String,
    /// The parts of a report that show it.
    pub shown_by: Vec<String>,
}

/// Of which drill an execution is a part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DrillPart {
    /// Its name.
    pub drill: String,
    /// `isolated` or `live`.
    pub mode: String,
    /// `drill`, `way back` or `cleanup`.
    pub part: String,
    /// `internal` or `public`: who may hear of it.
    pub announce: String,
}

/// What a recovery must achieve.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Objectives {
    /// Recovery time, in milliseconds.
    pub rto_ms: u64,
    /// Recovery point, in milliseconds.
    pub rpo_ms: u64,
    /// Hash of the policy that says so: the execution's own, or for one from before executions kept theirs, the one in force.
    pub policy_hash: String,
}

/// What the leader saw when it decided.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// How long the agents had agreed that the region is down, in milliseconds.
    pub down_for_ms: u64,
    /// How often the region's state had changed within the policy's window.
    pub flaps: u32,
    /// Every agent's word on every target.
    pub votes: Vec<VoteSeen>,
    /// How far replicas were behind, as each agent had it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lags: Vec<LagSeen>,
}

/// One agent's word on one target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VoteSeen {
    /// Who.
    pub agent: String,
    /// From where: the agent's region.
    pub vantage: String,
    /// `check/region`.
    pub target: String,
    /// `healthy`, `suspect`, `down` or `unknown`.
    pub verdict: String,
    /// Why it fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// For how long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_for_ms: Option<u64>,
    /// How old the word was, in milliseconds.
    pub age_ms: u64,
    /// Why it was not counted, by the policy in force; empty where it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub not_counted: String,
}

/// How far one replica was behind, as one agent had it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LagSeen {
    /// Who.
    pub agent: String,
    /// `region/instance`.
    pub replica: String,
    /// How far, in milliseconds.
    pub behind_ms: u64,
    /// How many bytes of log it lacked, where that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Whether every commit waited for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
    /// How old the measurement was, in milliseconds.
    pub measured_ms_ago: u64,
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// What stood in the world before its first act, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub before: String,
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
