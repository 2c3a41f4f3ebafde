//! Sending one message by one channel. Each kind knows its receiver's calls and how a message is found there again; what is
//! due, whether it is tried once more and what the log is told is decided elsewhere. No error holds a secret or an address.

mod alertmanager;
mod line;
mod pagerduty;
mod slack;
mod smtp;
mod statuspage;
mod webhook;

#[cfg(test)]
mod tests;

pub(super) use line::{Line, Trouble};

use quorate_core::telling::Message;
use quorate_policies::{
    Timestamp,
    document::ChannelAccess,
    policy::{Channel, Severity},
};

/// One message for one channel, with all that its receiver is told.
#[derive(Debug, Clone)]
pub(super) struct Parcel {
    /// The message.
    pub(super) message: Message,
    /// The channel as the policy has it.
    pub(super) channel: Channel,
    /// How this agent reaches it, if it does.
    pub(super) access: Option<ChannelAccess>,
    /// The cluster's name.
    pub(super) cluster: String,
}

impl Parcel {
    /// The one key under which every receiver knows this execution.
    fn dedupe(&self) -> String {
        let facts = &self.message.letter.facts;
        format!("quorate/{}/{}/{}", self.cluster, facts.service, facts.execution)
    }

    /// Sends it. Returns what the channel calls it there, where it has a name for it.
    pub(super) async fn send(&self, line: &Line, now: Timestamp) -> Result<Option<String>, Trouble> {
        let Some(access) = &self.access else {
            return Err(Trouble::lasting("this agent's file does not name the channel under `channels`"));
        };
        let channel = &self.channel;
        if let (Some(slack), Some(access)) = (&channel.slack, &access.slack) {
            return slack::send(line, self, slack, access).await;
        }
        if let (Some(pagerduty), Some(access)) = (&channel.pagerduty, &access.pagerduty) {
            return pagerduty::send(line, self, pagerduty, access).await;
        }
        if let (Some(smtp), Some(access)) = (&channel.smtp, &access.smtp) {
            return smtp::send(line, self, smtp, access, now).await;
        }
        if let (Some(alertmanager), Some(access)) = (&channel.alertmanager, &access.alertmanager) {
            return alertmanager::send(line, self, alertmanager, access, now).await;
        }
        if let (Some(page), Some(access)) = (&channel.statuspage, &access.statuspage) {
            return statuspage::send(line, self, page, access).await;
        }
        if let (Some(webhook), Some(access)) = (&channel.webhook, &access.webhook) {
            return webhook::send(line, self, webhook, access, now).await;
        }
        Err(Trouble::lasting("this agent's file has the channel as another kind"))
    }
}

/// A severity in the words of alerts.
const fn alert_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::P1 => "critical",
        Severity::P2 => "error",
        Severity::P3 => "warning",
        Severity::P4 => "info",
    }
}

/// A text of at most so many characters.
fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
}
