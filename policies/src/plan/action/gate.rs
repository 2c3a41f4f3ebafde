//! A gate between steps: what comes after it begins only when what stands before it has succeeded. Everywhere else a step that failed
//! with `on_error: continue` lets the next ones run.

use crate::name::StepName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A gate between steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The steps of the same plan that must have succeeded. The gate needs them by itself.
    pub succeeded: Vec<StepName>,
}
