//! What `http` says: one request, what counts as its success, and how to see that its result stands. Which servers an
//! agent calls, and which secrets it sends there, is for the agents' own files to say, never for a policy.

use crate::{policy::StatusRanges, time::Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fields of `http`. A brace that is no variable is written twice: `{{`, `}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The region in which it changes something, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The request's method.
    #[serde(default)]
    pub method: HttpMethod,
    /// What is asked, on a server that the agents' files name (`http.servers`).
    pub url: String,
    /// Plain headers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Headers whose values are secrets, by the secret's name in the agents' files.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_headers: BTreeMap<String, String>,
    /// The request's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// What answer means success.
    #[serde(default)]
    pub expect: HttpExpect,
    /// A question that only looks whether the result stands. With it the step can be gone on with by anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observe: Option<HttpObserve>,
    /// Whether it may be sent again after it failed, or when nobody knows whether it was carried out.
    #[serde(default)]
    pub idempotent: bool,
    /// How long one request may take, at most 8 s.
    #[serde(default = "timeout_default")]
    pub timeout: Millis,
}

/// Most APIs answer within a second; one that waits for its own result is better asked to begin, and then observed.
const fn timeout_default() -> Millis {
    Millis::from_secs(8)
}

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// Reads.
    Get,
    /// Begins something.
    #[default]
    Post,
    /// Puts something in a place.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

impl HttpMethod {
    /// The method as HTTP writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            HttpMethod::Get => "GET",
            HttpMethod::Post => "POST",
            HttpMethod::Put => "PUT",
            HttpMethod::Patch => "PATCH",
            HttpMethod::Delete => "DELETE",
        }
    }
}

/// What answer means success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpExpect {
    /// Accepted statuses: `200`, `200-299` or `200-299,409`.
    pub status: StatusRanges,
    /// A regular expression that the body must match as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Default for HttpExpect {
    fn default() -> Self {
        Self { status: StatusRanges::success(), body: None }
    }
}

/// A question that only looks, by GET, with the request's own headers where it asks the same server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpObserve {
    /// What is asked.
    pub url: String,
    /// What answer says that the result stands; any other says that it does not.
    #[serde(default)]
    pub expect: HttpExpect,
}
