//! What `approval` says: the question that an operator answers before the plan goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `approval`. The step's `timeout` is how long the answer is waited for; no answer by then is a failure, and
/// `on_error` says what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// What is asked, as one sentence: it stands in the notification and on the dashboard.
    pub ask: String,
}
