//! What `verify.probes` says: the URL that clients use, and how often it must answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `verify.probes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyProbes {
    /// The URL clients use; probed from the agents' own region through real resolvers.
    pub through: String,
    /// Consecutive successes that count as verified.
    #[serde(default = "successes_default")]
    pub successes: u32,
}

/// Two in a row: one success may be a cached answer on its way out.
const fn successes_default() -> u32 {
    2
}
