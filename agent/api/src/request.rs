//! What an operator asks for, and the answer to a change. Every change names its reason.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Header that makes a retried change harmless.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header that names the operator, for the audit; without it the audit says `operator`.
pub const OPERATOR: &str = "x-quorate-operator";

/// `POST /v1/policies`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyPolicy {
    /// The policy as YAML.
    pub policy: String,
    /// The file's name, for error messages.
    #[serde(default)]
    pub file: Option<String>,
    /// Why.
    pub reason: String,
}

/// `POST /v1/services/{service}/failover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// The region to activate; by default the first healthy standby.
    #[serde(default)]
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The service's name once more: a failover cannot be undone.
    pub confirm: String,
    /// Whether an unknown or too high replica lag is accepted, for this once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_data_loss: bool,
    /// Whether the old region is given up from the first step on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ungraceful: bool,
}

/// `POST /v1/members/add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddMember {
    /// The new agent's name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// Where the others reach it, for example `10.0.0.4:7951`.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// `POST /v1/members/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoveMember {
    /// Which agent.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// `POST /v1/members/replace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceMember {
    /// Which agent goes.
    pub old: String,
    /// The new agent's name.
    pub name: String,
    /// Its region; by default that of the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Where the others reach it.
    pub address: String,
    /// Why.
    pub reason: String,
}

/// `POST /v1/services/{service}/drills/{drill}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// How far it goes, as the policy says: `dry-run`, `isolated` or `live`.
    pub mode: String,
    /// Why.
    pub reason: String,
    /// The service's name once more: a drill runs plans.
    pub confirm: String,
}

/// `POST /v1/services/{service}/declare`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declare {
    /// Which scenario, one that an operator declares.
    pub scenario: String,
    /// What the scenario asks for, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Where to, if its plan moves the service; by default the first healthy standby.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why.
    pub reason: String,
    /// The service's name once more: a plan may do what cannot be undone.
    pub confirm: String,
    /// Whether an unknown or too high replica lag is accepted, for this once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_data_loss: bool,
    /// Whether the old region is given up from the first step on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ungraceful: bool,
}

/// `POST /v1/executions/{execution}/ungraceful`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ungraceful {
    /// Why.
    pub reason: String,
    /// The execution once more: what it gives up does not come back.
    pub confirm: String,
}

/// `POST /v1/executions/{execution}/approve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Why.
    pub reason: String,
    /// The step that asks; without it, the execution that waits to begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// `POST /v1/executions/{execution}/checklist`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tick {
    /// Which item.
    pub item: String,
    /// What there is to say about it.
    pub reason: String,
}

/// `POST /v1/services/{service}/pause`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Why.
    pub reason: String,
    /// For how long, such as `30m`; without it, until resumed.
    #[serde(default, rename = "for")]
    pub lasting: Option<String>,
}

/// `POST .../abort`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// Why.
    pub reason: String,
    /// Whether what is not taken back yet is left as it is, because its region is lost.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leave: bool,
}

/// `POST .../resume`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Why.
    pub reason: String,
}

/// The answer to a change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changed {
    /// What was done, as a sentence.
    pub message: String,
    /// The execution, where the change began or joined one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// Whether that execution was running already.
    #[serde(default)]
    pub joined: bool,
    /// The policy's version, where one was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}
