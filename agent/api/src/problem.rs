//! Errors as RFC 9457 problem documents (`application/problem+json`).

use serde::{Deserialize, Serialize};

/// The content type of a problem document.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of problem: `urn:quorate:problem:KIND`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence, and the mend.
    pub detail: String,
    /// The guard that refused, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// The execution that is concerned, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<String>,
    /// The epoch that is concerned, where one is: under which the write lease has moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Single findings, each `file:line:column: field: message; mend`, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
}

impl Problem {
    /// A problem of a kind.
    #[must_use]
    pub fn new(status: u16, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:quorate:problem:{kind}"),
            title: title.to_owned(),
            status,
            detail: detail.into(),
            guard: None,
            execution: None,
            epoch: None,
            findings: Vec::new(),
        }
    }
}
