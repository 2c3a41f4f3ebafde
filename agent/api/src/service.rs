//! Services as `/v1/services/...` shows them.

use serde::{Deserialize, Serialize};

/// `GET /v1/services`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceList {
    /// By name.
    pub services: Vec<Service>,
}

/// `GET /v1/services/{service}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The region that serves.
    pub active: String,
    /// The epoch of the latest decision.
    pub epoch: u64,
    /// The policy's version.
    pub policy_version: u64,
    /// The policy's hash.
    pub policy_hash: String,
    /// `automatic`, `approval` or `observe`.
    pub mode: String,
    /// Its regions.
    pub regions: Vec<Region>,
    /// The pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// The running execution, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Why a failover would be refused now; absent when it would be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Check>,
    /// Who may hold the write lease, as a sentence.
    pub lease: String,
}

/// A region of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// `primary` or `standby`, as the policy has it.
    pub role: String,
    /// `healthy`, `down` or `unsure`: what the agents agree on.
    pub opinion: String,
    /// The votes.
    pub targets: Vec<TargetVotes>,
}

/// The votes on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetVotes {
    /// `check/region`.
    pub target: String,
    /// `healthy`, `down` or `unsure`.
    pub opinion: String,
    /// Votes needed.
    pub needed: usize,
    /// Armed votes for down.
    pub down: Vec<String>,
    /// Votes for down of agents that never saw it healthy.
    pub unarmed: Vec<String>,
    /// Votes for healthy.
    pub healthy: Vec<String>,
    /// Agents under confirmation.
    pub suspect: Vec<String>,
    /// Agents without fresh data.
    pub silent: Vec<String>,
    /// Agents that judge by another policy.
    pub mismatched: Vec<String>,
    /// Why it fails, by agent.
    #[serde(default)]
    pub reasons: std::collections::BTreeMap<String, String>,
}

/// A pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// RFC 3339.
    pub since: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// One guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The guard.
    pub guard: String,
    /// Whether it lets the failover pass.
    pub passes: bool,
    /// Why it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// `GET /v1/services/{service}/explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Which service.
    pub service: String,
    /// Which agent explains: its own view.
    pub agent: String,
    /// The region that serves.
    pub active: String,
    /// Where a failover would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<String>,
    /// The answer in one sentence.
    pub summary: String,
    /// Whether a failover would be decided now.
    pub would_fail_over: bool,
    /// Every guard, in the order in which they are asked.
    pub checks: Vec<Check>,
    /// What the agents see.
    pub regions: Vec<Region>,
    /// How long the active region has been down by agreement, in milliseconds.
    pub down_for_ms: u64,
    /// Whom people can reach, each in one line; empty while the active region is healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

/// `GET /v1/services/{service}/plan?to=REGION`: the dry run. Nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanView {
    /// Which service.
    pub service: String,
    /// The plan's name.
    pub plan: String,
    /// Region that would be left.
    pub from: String,
    /// Region that would be activated.
    pub to: String,
    /// In an order in which they can run.
    pub steps: Vec<PlannedStep>,
    /// What becomes of the plan when a region is gone that it may have to do without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
    /// Why an operator's failover would be refused now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Check>,
    /// What was found when the plan was last looked at; absent if it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness>,
}

/// What becomes of a plan when a region is gone, by what its steps are known to call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Which region.
    pub region: String,
    /// `yes`, `degraded` (it comes to its end with less, or later) or `no`.
    pub usable: String,
    /// Why not `yes`, one reason each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// The same word for each step, in the order of the plan's.
    pub steps: Vec<StepLoss>,
}

/// What becomes of one step when a region is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLoss {
    /// Its name.
    pub step: String,
    /// `yes`, `degraded` or `no`; a step that waits for one that fails is never begun.
    pub usable: String,
}

/// Whether a plan would work, as far as reading tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// When the answering agent looked.
    pub checked_at: String,
    /// Whether nothing known stands in its way.
    pub ready: bool,
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
}

/// Something that was found about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// `blocking`, `warning`, `unknown` or `note`.
    pub severity: String,
    /// Which step; absent for the plan as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What was found.
    pub what: String,
    /// What to do about it; empty for a note.
    pub mend: String,
}

/// A step of a dry run, with every variable resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// Its action.
    pub action: String,
    /// The action's fields.
    pub fields: serde_json::Value,
    /// The steps that it needs.
    pub needs: Vec<String>,
    /// What it needs from outside, such as `RDS in us-west-2`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<String>,
    /// How long one attempt may take.
    pub timeout: String,
    /// How many attempts may follow the first.
    pub retries: u32,
    /// `stop` or `continue`.
    pub on_error: String,
    /// Whether it can be undone.
    pub reversible: bool,
    /// The region near which it runs.
    pub near: String,
    /// `graceful` or `ungraceful`: the executions in which alone it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
}

/// `GET /v1/policies/{service}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyView {
    /// Which service.
    pub service: String,
    /// How many versions it has had.
    pub version: u64,
    /// Its hash.
    pub hash: String,
    /// The policy as YAML, every default written out.
    pub policy: String,
}

/// Header by which a writer names itself when it asks for the lease; with the same name it can give the lease back.
pub const HOLDER: &str = "x-quorate-holder";

/// `DELETE /v1/lease/{service}`: a writer says that it certainly writes no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseGivenBack {
    /// Whether it had been promised the lease.
    pub held: bool,
}

/// `GET /v1/lease/{service}` when it is held: 200. Otherwise 409 and a problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which service.
    pub service: String,
    /// The region that may write: this agent's.
    pub region: String,
    /// The fencing token.
    pub epoch: u64,
    /// How long it lasts from now, in milliseconds.
    pub remaining_ms: u64,
    /// How long it lasts from each renewal, in milliseconds: the policy's `lease.ttl`. An older agent does not say.
    #[serde(default)]
    pub ttl_ms: Option<u64>,
}
