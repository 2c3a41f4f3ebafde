//! One channel: of which kind it is, and where within its receiver messages go. No address of a receiver and no secret
//! stands here: whoever may apply a policy must not be able to send an agent's token elsewhere.

use super::Moment;
use crate::{name::ComponentName, time::Millis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One channel. Exactly one kind is written; what it needs of secrets stands under the channel's name in the agents' files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Slack: one message an execution, kept up to date, with what follows in its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<Slack>,
    /// PagerDuty, Events v2: one alert an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagerduty: Option<PagerDuty>,
    /// Mail: one thread an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
    /// Alertmanager, v2: one alert an execution, sent again before it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<Alertmanager>,
    /// A Statuspage-compatible status page: one incident an execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuspage: Option<StatusPage>,
    /// A signed CloudEvent for each message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<ChannelWebhook>,
}

/// Where in Slack.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slack {
    /// The channel's id, such as `C0123456789`, or its name. An incoming webhook has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// How PagerDuty sorts the alert.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerDuty {
    /// The alert's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Who writes and who reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The sender's address.
    pub from: String,
    /// The readers' addresses.
    pub to: Vec<String>,
}

/// What the alert says beside its own labels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// More labels, by which Alertmanager routes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Which page, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusPage {
    /// The page's id.
    pub page: String,
    /// The page's ids of the service's components. The affected ones are down while the incident lasts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<ComponentName, String>,
    /// How soon after the end a post-mortem must be there. A draft is put to the incident as soon as it is resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postmortem_within: Option<Millis>,
}

/// Where the events are posted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelWebhook {
    /// The address. The agent's own file may override it.
    pub url: String,
}

/// The kinds of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelKind {
    /// Slack.
    Slack,
    /// PagerDuty.
    PagerDuty,
    /// Mail.
    Smtp,
    /// Alertmanager.
    Alertmanager,
    /// A status page.
    StatusPage,
    /// A signed webhook.
    Webhook,
}

impl Channel {
    /// Every kind that is written.
    #[must_use]
    pub fn kinds(&self) -> Vec<ChannelKind> {
        ChannelKind::written([
            self.slack.is_some(),
            self.pagerduty.is_some(),
            self.smtp.is_some(),
            self.alertmanager.is_some(),
            self.statuspage.is_some(),
            self.webhook.is_some(),
        ])
    }

    /// Its kind; none where not exactly one is written, which the checks refuse.
    #[must_use]
    pub fn kind(&self) -> Option<ChannelKind> {
        let kinds = self.kinds();
        if let [kind] = kinds.as_slice() { Some(*kind) } else { None }
    }
}

impl ChannelKind {
    /// All of them.
    pub const ALL: [ChannelKind; 6] = [
        ChannelKind::Slack,
        ChannelKind::PagerDuty,
        ChannelKind::Smtp,
        ChannelKind::Alertmanager,
        ChannelKind::StatusPage,
        ChannelKind::Webhook,
    ];

    /// Those of [`Self::ALL`] whose section is written, in a policy or in an agent's file.
    pub(crate) fn written(are: [bool; 6]) -> Vec<Self> {
        Self::ALL.into_iter().zip(are).filter_map(|(kind, is)| is.then_some(kind)).collect()
    }

    /// As the policy writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ChannelKind::Slack => "slack",
            ChannelKind::PagerDuty => "pagerduty",
            ChannelKind::Smtp => "smtp",
            ChannelKind::Alertmanager => "alertmanager",
            ChannelKind::StatusPage => "statuspage",
            ChannelKind::Webhook => "webhook",
        }
    }

    /// Whether a channel of this kind has a use for a moment: customers are asked for no approval, and an alert that is open
    /// needs no word that it still is.
    #[must_use]
    pub const fn hears(self, moment: Moment) -> bool {
        match (self, moment) {
            (ChannelKind::StatusPage, Moment::Approval)
            | (ChannelKind::PagerDuty | ChannelKind::Alertmanager, Moment::Update) => false,
            (_, Moment::Approval | Moment::Begun | Moment::Update | Moment::Failed | Moment::Ended) => true,
        }
    }

    /// Whether it holds something open that has to be closed, and whose closing means nothing where nothing was opened.
    #[must_use]
    pub const fn opens(self) -> bool {
        matches!(self, ChannelKind::PagerDuty | ChannelKind::Alertmanager | ChannelKind::StatusPage)
    }

    /// Whether somebody who reads it can be called by it: an escalation goes there.
    #[must_use]
    pub const fn calls_people(self) -> bool {
        !matches!(self, ChannelKind::StatusPage | ChannelKind::Alertmanager)
    }
}
