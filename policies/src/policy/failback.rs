//! The guided way home after a failover: which declared scenarios it is made of, in their order. Nothing starts it by itself
//! (R25); `quorate failback` shows how far it is.

use crate::name::PlanName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way home. Each stage is a scenario with `mode: manual`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failback {
    /// Makes the region that was left a standby again, while the service stays where it is: re-creates the replica and waits until
    /// it follows.
    pub rebuild: PlanName,
    /// Moves the service home.
    pub switch: PlanName,
    /// Takes back what the failover made larger, once the service is home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PlanName>,
}
