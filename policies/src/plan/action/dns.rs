//! What `dns.converged` says: which name, which answer, and whom to ask.

use super::RecordKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fields of `dns.converged`. One of `like` and `values` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsConverged {
    /// The name that clients use.
    pub record: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// The name whose answer it shall have, such as the new load balancer's: each resolver is asked for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// The answer that it shall have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Resolvers to ask, as `address` or `address:port`. The agent's own are always asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<String>,
    /// Whether the zone's own name servers are asked as well.
    #[serde(default = "name_servers_default")]
    pub name_servers: bool,
}

/// They have no cache: what they say is what every resolver will say in the end.
const fn name_servers_default() -> bool {
    true
}
