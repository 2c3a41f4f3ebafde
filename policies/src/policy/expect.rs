//! What counts as a successful reply of a health endpoint.

use super::written::Written;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What counts as a successful reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Accepted statuses: `200`, `200-299` or `200-299,401`.
    pub status: StatusRanges,
    /// A text that the body must contain within its first 64 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Default for Expect {
    fn default() -> Self {
        Self { status: StatusRanges::success(), body: None }
    }
}

/// Accepted HTTP statuses, as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "String")]
#[schemars(with = "Written")]
pub struct StatusRanges(Vec<(u16, u16)>);

impl StatusRanges {
    /// 200 to 299.
    #[must_use]
    pub fn success() -> Self {
        Self(vec![(200, 299)])
    }

    /// Whether a status is accepted.
    #[must_use]
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&status))
    }
}

impl TryFrom<Written> for StatusRanges {
    type Error = String;
    fn try_from(Written(text): Written) -> Result<Self, String> {
        let number =
            |part: &str| part.trim().parse::<u16>().ok().filter(|status| (100..=599).contains(status));
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            match (number(low), number(high)) {
                (Some(low), Some(high)) if low <= high => ranges.push((low, high)),
                _ => {
                    return Err(format!(
                        "`{text}` is not a list of HTTP statuses; write for example 200, 200-299 or 200-299,401"
                    ));
                }
            }
        }
        Ok(Self(ranges))
    }
}

impl From<StatusRanges> for String {
    fn from(ranges: StatusRanges) -> String {
        let text =
            |(low, high): &(u16, u16)| if low == high { low.to_string() } else { format!("{low}-{high}") };
        ranges.0.iter().map(text).collect::<Vec<_>>().join(",")
    }
}
