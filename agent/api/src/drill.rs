//! Drills, and the way home after a failover.

use crate::service::PlanView;
use serde::{Deserialize, Serialize};

/// `GET /v1/services/{service}/drills`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drills {
    /// Which service.
    pub service: String,
    /// The agent that answers: what keeps a drill from beginning is its own view.
    pub agent: String,
    /// The drill that has not ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under_way: Option<UnderWay>,
    /// Every drill of the policy.
    pub drills: Vec<DrillView>,
}

/// A drill that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct UnderWay {
    /// Which one.
    pub drill: String,
    /// What is still to come: `end`, `way back` or `cleanup`.
    pub rest: String,
    /// When that is due, RFC 3339; absent while an execution runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_at: Option<String>,
    /// Why it does not begin, although it is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<String>,
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DrillView {
    /// Its name.
    pub drill: String,
    /// What is shown by it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// `dry-run`, `isolated` or `live`.
    pub mode: String,
    /// The scenario or the plan that is rehearsed.
    pub rehearses: String,
    /// The backup that it restores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restores: Option<String>,
    /// How long after one that succeeded the next is due, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every_ms: Option<u64>,
    /// Whether the agents begin it.
    pub scheduled: bool,
    /// `by_hand`, `later`, `due` or `overdue`.
    pub due: String,
    /// When it is or was due, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// What keeps it from beginning now, each as a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// How many there were.
    pub count: u64,
    /// Those that are remembered, newest first.
    pub runs: Vec<DrillRun>,
}

/// One run of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DrillRun {
    /// How far it went.
    pub mode: String,
    /// Who wanted it.
    pub by: String,
    /// When it began, RFC 3339.
    pub begun_at: String,
    /// Its execution; none of a dry run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// `running`, `succeeded` or `failed`.
    pub state: String,
    /// How it ended, as a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
    /// The recovery time that a dry run told to expect, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_ms: Option<u64>,
    /// The recovery time that was measured, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_ms: Option<u64>,
    /// What it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_objective_ms: Option<u64>,
    /// The window of loss that was measured, in milliseconds; absent without a promotion, and where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
    /// What it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_objective_ms: Option<u64>,
    /// The execution of the way back or the cleanup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// How that ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub second_outcome: String,
}

/// `GET /v1/services/{service}/drills/{drill}`: the dry run. Nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillPlan {
    /// Which service.
    pub service: String,
    /// Which drill.
    pub drill: String,
    /// How far the drill itself goes.
    pub mode: String,
    /// Whether nothing known stands in its way.
    pub ready: bool,
    /// That as a sentence.
    pub outcome: String,
    /// What keeps it from beginning now, each as a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// What it would run, as looked at.
    pub plan: PlanView,
    /// The way back, or the cleanup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub then: Option<PlanView>,
    /// How long each step has taken.
    pub steps: Vec<StepLength>,
    /// How long the plan would take, in milliseconds; absent where a step was never measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicted_ms: Option<u64>,
    /// How long the agents took from the first failed probe to their decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<StepLength>,
    /// What the recovery may take.
    pub objective_ms: u64,
}

/// How long a step has taken.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StepLength {
    /// Which step.
    pub step: String,
    /// How often it was measured; with no length it never was.
    pub runs: usize,
    /// The middle length, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub median_ms: Option<u64>,
    /// The longest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_ms: Option<u64>,
}

/// `GET /v1/services/{service}/failback`: how far the way home is. Nothing starts it by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Failback {
    /// Which service.
    pub service: String,
    /// The region that serves.
    pub active: String,
    /// The policy's primary region.
    pub home: String,
    /// Where it stands, as a sentence.
    pub summary: String,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

/// One stage of the way home.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stage {
    /// `rebuild`, `verify`, `switch` or `after`.
    pub stage: String,
    /// The scenario that is declared for it; none for what is only looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// `done`, `next`, `running` or `later`.
    pub state: String,
    /// What is known of it.
    pub detail: String,
}
