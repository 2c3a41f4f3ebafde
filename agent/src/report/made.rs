//! How a report was made, so that it can be checked: from whose memory, by which version, and from which entries of the
//! audit. It vouches for nothing; it says where to look.

use quorate_api::AuditEntry;
use serde::Serialize;

/// What a report is made of, beside the execution.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The audit as far as it is held, oldest first.
    pub audit: Vec<AuditEntry>,
    /// What was proven of its chain, as a sentence; none if it could not be checked.
    pub chain: Option<String>,
    /// Whether the chain is whole.
    pub whole: Option<bool>,
    /// Up to which entry webhooks have been told.
    pub notified: Option<u64>,
    /// The agent that was asked.
    pub agent: String,
    /// Its version.
    pub agent_version: String,
    /// The version that makes the report.
    pub version: String,
    /// When, RFC 3339.
    pub at: String,
    /// When the service was moved back, RFC 3339, if it was.
    pub returned: Option<String>,
}

/// How a report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// When, RFC 3339.
    pub at: String,
    /// By which version of `quorate report`.
    pub version: String,
    /// The agent whose memory it is.
    pub agent: String,
    /// The agent's version.
    pub agent_version: String,
    /// Hash of the policy that was followed; none for a period, which may have seen many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_hash: Option<String>,
    /// The entries of the audit on which it rests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rests_on: Option<Range>,
    /// What was proven of the audit's chain, or that it was not checked.
    pub chain: String,
    /// Whether the chain is whole, if it could be checked.
    pub whole: Option<bool>,
}

/// Some entries of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Range {
    /// How many.
    pub entries: usize,
    /// Number of the first.
    pub first: u64,
    /// Number of the last.
    pub last: u64,
    /// Hash of the last: `quorate audit verify --holds` proves that it still stands.
    pub last_hash: String,
}

impl Made {
    /// From these sources, with these entries.
    #[must_use]
    pub fn of<'a>(
        sources: &Sources,
        policy_hash: Option<&str>,
        entries: impl IntoIterator<Item = &'a AuditEntry>,
    ) -> Self {
        let unchecked = "not checked: the agent does not give the text that its hashes are made of";
        Self {
            at: sources.at.clone(),
            version: sources.version.clone(),
            agent: sources.agent.clone(),
            agent_version: sources.agent_version.clone(),
            policy_hash: policy_hash.filter(|hash| !hash.is_empty()).map(str::to_owned),
            rests_on: range(entries),
            chain: sources.chain.clone().unwrap_or_else(|| unchecked.to_owned()),
            whole: sources.whole,
        }
    }
}

fn range<'a>(entries: impl IntoIterator<Item = &'a AuditEntry>) -> Option<Range> {
    let mut entries: Vec<&AuditEntry> = entries.into_iter().collect();
    entries.sort_by_key(|entry| entry.sequence);
    let (first, last) = (entries.first()?, entries.last()?);
    Some(Range {
        entries: entries.len(),
        first: first.sequence,
        last: last.sequence,
        last_hash: last.hash.clone(),
    })
}
