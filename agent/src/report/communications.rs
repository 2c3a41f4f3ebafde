//! Who was told what: the notifications that the audit led to, the steps that told somebody, and what people were told. Whether a receiver took
//! a notification or was given up on, only its metrics say; that the audit does not know it is said.

use super::people::{People, people};
use quorate_api::{AuditEntry, Execution};
use serde::Serialize;

/// First parts of the actions that tell somebody.
const TELLING: [&str; 2] = ["statuspage.", "notify"];

/// Who was told what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Communications {
    /// The webhooks of the policy in force, by name.
    pub receivers: Vec<String>,
    /// What they were told of.
    pub notifications: Vec<Notification>,
    /// The steps that told somebody, or tried to.
    pub published: Vec<Published>,
    /// What people were told by channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<People>,
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    /// The audit's number, which the notification carries too.
    pub sequence: u64,
    /// When it happened, RFC 3339.
    pub at: String,
    /// Its type.
    pub event: String,
    /// What it says.
    pub message: String,
    /// Whether every receiver has taken it or was given up on; absent where the agent does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled: Option<bool>,
}

/// A step that told somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Which step.
    pub step: String,
    /// Its action.
    pub action: String,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Where it stands.
    pub state: String,
    /// What stood there afterwards.
    pub detail: String,
}

/// Who was told what of an execution. `entries` are those about it.
#[must_use]
pub fn communications(
    execution: &Execution,
    entries: &[&AuditEntry],
    notified: Option<u64>,
    now: &str,
) -> Communications {
    let notifications = entries.iter().filter_map(|entry| {
        Some(Notification {
            sequence: entry.sequence,
            at: entry.at.clone(),
            event: entry.notifies.clone()?,
            message: entry.message.clone(),
            settled: notified.map(|notified| entry.sequence <= notified),
        })
    });
    let tells = |action: &str| TELLING.iter().any(|first| action.starts_with(first));
    let begun = execution.steps.iter().filter(|step| step.started_at.is_some());
    let published = begun.filter(|step| tells(&step.action)).map(|step| Published {
        step: step.name.clone(),
        action: step.action.clone(),
        at: step.ended_at.clone(),
        state: step.state.clone(),
        detail: step.detail.clone(),
    });
    Communications {
        receivers: execution.receivers.clone(),
        // Without a receiver nobody was told.
        notifications: if execution.receivers.is_empty() { Vec::new() } else { notifications.collect() },
        published: published.collect(),
        people: people(execution, now),
    }
}
