//! What `ecs.scale` says: how many tasks, as a number or as a share of what another region ran.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `ecs.scale`. One of `desired` and `percent_of` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EcsScale {
    /// The service's region.
    pub region: String,
    /// The cluster's name or ARN.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// The desired count of tasks. Zero is how an old primary's compute is fenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
    /// A share of what another service ran, instead of a number. Never scales in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent_of: Option<PercentOf>,
    /// How much of the wanted count must run, in percent, for the step to be done. Below 100 a service that is short of
    /// tasks is better than none.
    #[serde(default = "enough_default")]
    pub enough_percent: u32,
    /// Exactly this range for Application Auto Scaling, instead of one that is only widened to hold the wanted count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<ScalingRange>,
}

/// A share of the most tasks that a service ran within the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercentOf {
    /// The other service's region, usually `{from}`.
    pub region: String,
    /// Its cluster's name.
    pub cluster: String,
    /// Its name.
    pub service: String,
    /// How much of it, in percent.
    #[serde(default = "percent_default")]
    pub percent: u32,
    /// The count that is wanted at the least, and the one that is taken when the other region tells nothing: it may be
    /// the one that is gone.
    pub at_least: u32,
}

/// The least and the most tasks that Application Auto Scaling may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScalingRange {
    /// The least.
    pub min: u32,
    /// The most.
    pub max: u32,
}

/// All: traffic comes only to a region that can carry it.
const fn enough_default() -> u32 {
    100
}

const fn percent_default() -> u32 {
    100
}
