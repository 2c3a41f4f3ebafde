//! What people have been told of each execution, as far as it is known: which message went by which channel, what the
//! channel calls it there, and who has acknowledged. It is in the log, so that the next leader tells nothing twice that it can
//! help, and goes on in the same thread. It decides nothing: what is due is said in `telling`.

use super::{Cluster, audit::AuditEvent, decide::wrong_state, execution::ExecutionState};
use crate::command::{Actor, ExecutionId, Response};
use quorate_policies::{AgentName, ChannelName, Timestamp, guard::Refusal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Messages of one execution by one channel that are remembered: a plan's steps and a week of half-hourly updates. Beyond it
/// the channel hears nothing more of this execution.
pub const MARKS_MAX: usize = 400;
/// Longest name of a message, and longest name that a channel may give to what it holds, in bytes: Slack's and Statuspage's have
/// some thirty.
const WORD_BYTES_MAX: usize = 200;

/// What people were told of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// By channel.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<ChannelName, Heard>,
    /// Who has taken it up by saying so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
}

/// What one channel was told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// What the channel calls the message, incident or thread of this execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What became of each message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<String, Mark>,
}

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// When that was known.
    pub at: Timestamp,
    /// Why it was given up; none if it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

/// Somebody has taken it up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub by: String,
    /// What was said.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What became of one message, as the log is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// By which channel.
    pub channel: ChannelName,
    /// Which message.
    pub message: String,
    /// What the channel calls it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why it was given up; none if it was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<String>,
}

impl Heard {
    /// Whether anything was delivered.
    #[must_use]
    pub fn anything(&self) -> bool {
        self.messages.values().any(|mark| mark.given_up.is_none())
    }

    /// Whether a message with such a name was delivered.
    #[must_use]
    pub fn delivered(&self, prefix: &str) -> bool {
        self.messages.iter().any(|(name, mark)| name.starts_with(prefix) && mark.given_up.is_none())
    }

    /// When the latest message ended, delivered or not.
    #[must_use]
    pub fn latest(&self) -> Option<Timestamp> {
        self.messages.values().map(|mark| mark.at).max()
    }
}

impl Cluster {
    /// What became of a message. The first word on it stays: a second leader may have sent it again.
    pub(super) fn sent(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        sent: &Sent,
    ) -> Result<Response, Refusal> {
        let service = self.execution(id)?.service.clone();
        let long = |text: &str| text.len() > WORD_BYTES_MAX;
        if long(&sent.message) || sent.reference.as_deref().is_some_and(long) {
            return Ok(Response::Done);
        }
        let now = self.clock;
        let told = self.told.entry(id.clone()).or_default();
        let heard = told.channels.entry(sent.channel.clone()).or_default();
        if heard.messages.len() >= MARKS_MAX || heard.messages.contains_key(&sent.message) {
            return Ok(Response::Done);
        }
        heard.reference = sent.reference.clone().or_else(|| heard.reference.take());
        heard.messages.insert(sent.message.clone(), Mark { at: now, given_up: sent.given_up.clone() });
        let event = AuditEvent::Told { sent: sent.clone() };
        self.audit.record(now, by.as_str(), Some(&service), Some(id), event);
        Ok(Response::Done)
    }

    /// Somebody takes it up, and nobody further is called.
    pub(super) fn acknowledge(&mut self, id: &ExecutionId, actor: &Actor) -> Result<Response, Refusal> {
        let execution = self.execution(id)?;
        if execution.state.ended() {
            return Err(wrong_state(execution, "it has ended"));
        }
        let service = execution.service.clone();
        let told = self.told.entry(id.clone()).or_default();
        if told.acknowledged.is_none() {
            let Actor { name: by, reason } = actor.clone();
            told.acknowledged = Some(Acknowledged { by, reason, at: self.clock });
            let event = AuditEvent::Acknowledged { reason: actor.reason.clone() };
            self.audit.record(self.clock, &actor.name, Some(&service), Some(id), event);
        }
        Ok(Response::Done)
    }

    /// What was told of an execution that is no longer remembered is forgotten with it.
    pub(super) fn forget_told(&mut self) {
        let Self { told, executions, .. } = self;
        told.retain(|id, _| executions.contains_key(id));
    }

    /// What people were told of an execution.
    #[must_use]
    pub fn told_of(&self, id: &ExecutionId) -> Told {
        self.told.get(id).cloned().unwrap_or_default()
    }

    /// Whether somebody has taken an execution up: by saying so, or by approving, answering a step or aborting.
    #[must_use]
    pub fn acknowledged(&self, id: &ExecutionId) -> bool {
        let said = self.told.get(id).is_some_and(|told| told.acknowledged.is_some());
        said || self.executions.get(id).is_some_and(|execution| {
            let approved = execution.begun_at != execution.decided_at;
            let answered = execution.steps.values().any(|progress| progress.approved_by.is_some());
            let aborted =
                matches!(execution.state, ExecutionState::Undoing { .. } | ExecutionState::Aborted { .. });
            approved || answered || aborted
        })
    }
}
