//! Who is told what, when, and by which way: channels, what each of them hears, messages with variables, the pace of
//! updates, the escalation while nobody answers, and whom people can reach. Data only: that a message is due is decided
//! in the core, and how a receiver is reached, with which secret, stands in each agent's own file.

mod channel;
mod message;

pub use channel::{Alertmanager, Channel, ChannelKind, ChannelWebhook, PagerDuty, Slack, Smtp, StatusPage};
pub use message::{Audience, Template, VARIABLES, builtin};

use super::{Policy, Severity, Webhook};
use crate::{
    name::{ChannelName, ContactName, MessageName, PlanName},
    time::Millis,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Communication {
    /// Signed webhooks that hear every event, for machines.
    pub webhooks: Vec<Webhook>,
    /// The ways by which people are told.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<ChannelName, Channel>,
    /// Texts of the policy's own, in the place of those that are built in.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<MessageName, Template>,
    /// Which channel hears what. For each channel the first entry counts that names it and the severity; without any entry
    /// every channel hears all that it can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tell: Vec<Tell>,
    /// How soon somebody must have been told. The report says whether it was so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_update_within: Option<Millis>,
    /// How often there is an update while an execution has not ended. Without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence: Option<Millis>,
    /// Who is told in turn while nobody has acknowledged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub escalation: Vec<EscalationLevel>,
    /// Whom people can reach, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub contacts: BTreeMap<ContactName, Contact>,
}

/// What some channels hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// Which channels.
    pub channels: Vec<ChannelName>,
    /// Of which severities; of all without it. A scenario that says none counts as P1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<Severity>,
    /// Of which moments; of all that the channel hears without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<Moment>,
    /// For whom it is written. By default a status page is for customers and everything else for the team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Audience>,
    /// Messages in the place of those that are built in.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub messages: BTreeMap<Moment, MessageName>,
}

/// What a channel can hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// An operator's approval is asked for.
    Approval,
    /// It begins.
    Begun,
    /// It goes on, told with the policy's cadence.
    Update,
    /// It has stopped, and needs an operator.
    Failed,
    /// It is over.
    Ended,
}

impl Moment {
    /// All of them.
    pub const ALL: [Moment; 5] =
        [Moment::Approval, Moment::Begun, Moment::Update, Moment::Failed, Moment::Ended];

    /// As the policy writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Moment::Approval => "approval",
            Moment::Begun => "begun",
            Moment::Update => "update",
            Moment::Failed => "failed",
            Moment::Ended => "ended",
        }
    }
}

/// Who is told next while nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationLevel {
    /// How long after the decision, such as `15m`.
    pub after: Millis,
    /// Of which severities; of all without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub severities: Vec<Severity>,
    /// By which channels.
    pub channels: Vec<ChannelName>,
    /// Who shall act: they stand in the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ContactName>,
    /// The message, in the place of the one that is built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageName>,
}

/// Whom people can reach. Nothing is sent there: it is shown when it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// The role, such as `database administrator`.
    pub role: String,
    /// How, the quickest way first: an address, a number.
    pub reach: Vec<String>,
    /// What for.
    #[serde(default, rename = "for", skip_serializing_if = "String::is_empty")]
    pub purpose: String,
}

impl Contact {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let purpose = if self.purpose.is_empty() { String::new() } else { format!(", for {}", self.purpose) };
        format!("{} ({}){purpose}", self.role, self.reach.join(", "))
    }
}

impl Communication {
    /// What a channel hears of an execution of this severity, and in which words; none if nothing.
    #[must_use]
    pub fn rule(&self, channel: &ChannelName, severity: Severity) -> Option<&Tell> {
        self.tell.iter().find(|tell| {
            tell.channels.contains(channel)
                && (tell.severities.is_empty() || tell.severities.contains(&severity))
        })
    }

    /// Whether a channel hears of a moment of an execution of this severity.
    #[must_use]
    pub fn hears(&self, name: &ChannelName, severity: Severity, moment: Moment) -> bool {
        let Some(kind) = self.channels.get(name).and_then(Channel::kind) else { return false };
        let listed = if self.tell.is_empty() {
            true
        } else {
            self.rule(name, severity)
                .is_some_and(|tell| tell.moments.is_empty() || tell.moments.contains(&moment))
        };
        listed && kind.hears(moment)
    }

    /// For whom what a channel is told is written.
    #[must_use]
    pub fn audience(&self, name: &ChannelName, severity: Severity) -> Audience {
        let own = self.rule(name, severity).and_then(|tell| tell.audience);
        let public = self.channels.get(name).and_then(Channel::kind) == Some(ChannelKind::StatusPage);
        own.unwrap_or(if public { Audience::Customers } else { Audience::Team })
    }

    /// Who hears what, for `check --explain`: one line for each severity and moment that somebody hears of, then the
    /// escalation and the contacts.
    #[must_use]
    pub fn explained(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for severity in [Severity::P1, Severity::P2, Severity::P3, Severity::P4] {
            for moment in Moment::ALL {
                let hearing = self.channels.keys().filter(|name| self.hears(name, severity, moment));
                let hearing: Vec<&str> = hearing.map(ChannelName::as_str).collect();
                let never = moment == Moment::Update && self.cadence.is_none();
                if !hearing.is_empty() && !never {
                    lines.push(format!("{severity:?} {}: {}", moment.as_str(), hearing.join(", ")));
                }
            }
        }
        for (index, level) in self.escalation.iter().enumerate() {
            let channels: Vec<&str> = level.channels.iter().map(ChannelName::as_str).collect();
            let contacts: Vec<&str> = level.contacts.iter().map(ContactName::as_str).collect();
            let who =
                if contacts.is_empty() { String::new() } else { format!(" for {}", contacts.join(", ")) };
            let number = index + 1;
            lines.push(format!(
                "unacknowledged for {}, level {number}: {}{who}",
                level.after,
                channels.join(", ")
            ));
        }
        lines.extend(
            self.contacts.iter().map(|(name, contact)| format!("contact {name}: {}", contact.line())),
        );
        lines
    }
}

impl Policy {
    /// How grave an execution is: its scenario's word, or that of the scenario which the agents detect. Without one it counts as
    /// the gravest: told too much is better than told nothing.
    #[must_use]
    pub fn severity(&self, declared: Option<&PlanName>) -> Severity {
        let scenario = match declared {
            Some(name) => self.scenarios.get(name),
            None => self.scenarios.values().find(|scenario| scenario.when.is_some()),
        };
        scenario.and_then(|scenario| scenario.severity).unwrap_or(Severity::P1)
    }
}
