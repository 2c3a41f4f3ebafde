//! What people were told of an execution, as `/v1/executions/{id}` shows it.

use serde::{Deserialize, Serialize};

/// What people were told of an execution, by the policy in force.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PeopleTold {
    /// The policy's channels.
    pub channels: Vec<ChannelTold>,
    /// Since when people were without the service, as far as the agents know, RFC 3339.
    pub started_at: String,
    /// How soon after that somebody must have been told, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_update_within_ms: Option<u64>,
    /// How often there must be an update, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cadence_ms: Option<u64>,
    /// Who has taken it up by saying so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    /// Whom people can reach, each in one line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

/// What one channel was told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChannelTold {
    /// Its name.
    pub name: String,
    /// Its kind, such as `slack`.
    pub kind: String,
    /// Whether it hears updates.
    pub updates: bool,
    /// How soon after the end a post-mortem must be there, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postmortem_within_ms: Option<u64>,
    /// What the channel calls what it holds of the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its messages, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<MessageTold>,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MessageTold {
    /// Which one, such as `begun` or `update-2`.
    pub message: String,
    /// When it was delivered or given up, RFC 3339.
    pub at: String,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// Somebody has taken an execution up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// What was said.
    pub reason: String,
    /// When, RFC 3339.
    pub at: String,
}
