//! What the actions on Aurora global databases say. Switchover loses nothing and needs a healthy primary; failover
//! loses what was not replicated. The API has one call for both and guesses, so here they are two words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `aurora.switchover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuroraSwitchover {
    /// The region of the cluster that becomes the writer, usually `{to}`: its control plane is read. The switchover itself
    /// is asked of the present writer's region.
    pub region: String,
    /// The global cluster's identifier.
    pub global_cluster: String,
    /// The ARN of the cluster that becomes the writer. A name is not enough: two regions may have the same.
    pub target: String,
}

/// Fields of `aurora.failover`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuroraFailover {
    /// The region of the cluster that becomes the writer, usually `{to}`: its control plane is asked.
    pub region: String,
    /// The global cluster's identifier.
    pub global_cluster: String,
    /// The ARN of the cluster that becomes the writer.
    pub target: String,
    /// Must be written as `true`: what had not been replicated is lost.
    pub allow_data_loss: bool,
}
