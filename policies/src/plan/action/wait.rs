//! What `wait` says: how long. An agent that takes the step over waits from the beginning.

use crate::time::Millis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// How long, such as `5m`.
    #[serde(rename = "for")]
    pub lasting: Millis,
}
