//! What agents found in the way of a plan when they looked at it, and how long ago. A look grows old by itself (R7, R21).

use crate::name::{AgentName, RegionName};
use crate::time::Millis;
use serde::{Deserialize, Serialize};

/// Longest text of a finding in a report, in bytes: it names the finding, `quorate plan` tells it whole.
pub const FINDING_BYTES_MAX: usize = 200;

/// An agent's latest look at the plan that would activate a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLook {
    /// The region that the plan activates.
    pub to: RegionName,
    /// What blocks it, if anything does: the gravest finding on a step without which the plan stops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// How long ago that was, when the report was made.
    pub measured: Millis,
}

/// The same, as the leader holds it when it decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookVote {
    /// Who looked.
    pub agent: AgentName,
    /// The region that the plan activates.
    pub to: RegionName,
    /// What blocks it, if anything does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
    /// How long ago the agent looked.
    pub measured: Millis,
    /// How old the report is, by the receiver's monotonic clock.
    pub age: Millis,
    /// Whether the agent judges by the policy in force.
    pub policy_matches: bool,
    /// Whether the agent abstains (R8).
    pub abstains: bool,
}
