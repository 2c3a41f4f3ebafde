//! How an agent reaches the channels of a policy: addresses of receivers, and the files with the secrets, by the channel's
//! name. A policy never says where a secret is sent.

use super::{
    checks::address,
    problem::{FieldPath, Problem},
};
use crate::policy::ChannelKind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How one channel is reached. Exactly one kind is written, the policy's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelAccess {
    /// Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackAccess>,
    /// PagerDuty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pagerduty: Option<PagerDutyAccess>,
    /// Mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpAccess>,
    /// Alertmanager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<AlertmanagerAccess>,
    /// A status page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuspage: Option<StatusPageAccess>,
    /// A signed webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookAccess>,
}

/// How Slack is reached: as a bot, by an incoming webhook, or as a bot and by the webhook where that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackAccess {
    /// The Web API's base URL.
    #[serde(default = "slack_default")]
    pub url: String,
    /// The file with the bot's token, which has `chat:write`, and `channels:history` to find its own message again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// The file with the address of an incoming webhook, which is a secret itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_file: Option<PathBuf>,
}

/// How PagerDuty is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PagerDutyAccess {
    /// The Events API's base URL; `https://events.eu.pagerduty.com` for accounts in Europe.
    #[serde(default = "pagerduty_default")]
    pub url: String,
    /// The file with the integration's routing key.
    pub key_file: PathBuf,
}

/// How a mail server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmtpAccess {
    /// The server.
    pub host: String,
    /// Its port; by default 587, 465 with `tls: implicit`, 25 with `tls: off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How it proves who it is.
    #[serde(default)]
    pub tls: SmtpTls,
    /// The authorities whose certificates it may have, in PEM; by default those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The account, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The file with the account's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

/// How a mail server proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// By STARTTLS, which is required.
    #[default]
    Starttls,
    /// TLS from the beginning.
    Implicit,
    /// Not at all: only where `host` is an address of this machine itself.
    Off,
}

/// How Alertmanager is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertmanagerAccess {
    /// Every instance of it: alerts go to all, because they do not share them.
    pub urls: Vec<String>,
    /// The file with a bearer token, where one is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
}

/// How a status page is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatusPageAccess {
    /// The API's base URL.
    #[serde(default = "statuspage_default")]
    pub url: String,
    /// The file with its token.
    pub token_file: PathBuf,
}

/// How a webhook is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookAccess {
    /// The file with the key that signs each event.
    pub secret_file: PathBuf,
    /// Another address than the policy's, where the address itself is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

fn slack_default() -> String {
    "https://slack.com/api".to_owned()
}
fn pagerduty_default() -> String {
    "https://events.pagerduty.com".to_owned()
}
fn statuspage_default() -> String {
    "https://api.statuspage.io".to_owned()
}

impl ChannelAccess {
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

    /// Every file that it names, with its key, to be resolved.
    pub fn files_mut(&mut self) -> Vec<(&'static str, &mut PathBuf)> {
        let mut files: Vec<(&'static str, &mut PathBuf)> = Vec::new();
        if let Some(slack) = &mut self.slack {
            files.extend(slack.token_file.as_mut().map(|file| ("token_file", file)));
            files.extend(slack.webhook_file.as_mut().map(|file| ("webhook_file", file)));
        }
        files.extend(self.pagerduty.as_mut().map(|access| ("key_file", &mut access.key_file)));
        if let Some(smtp) = &mut self.smtp {
            files.extend(smtp.ca_file.as_mut().map(|file| ("ca_file", file)));
            files.extend(smtp.password_file.as_mut().map(|file| ("password_file", file)));
        }
        let alertmanager = self.alertmanager.as_mut().and_then(|access| access.token_file.as_mut());
        files.extend(alertmanager.map(|file| ("token_file", file)));
        files.extend(self.statuspage.as_mut().map(|access| ("token_file", &mut access.token_file)));
        files.extend(self.webhook.as_mut().map(|access| ("secret_file", &mut access.secret_file)));
        files
    }

    /// The addresses that it names.
    fn addresses(&self) -> Vec<(&'static str, &String)> {
        let mut addresses = Vec::new();
        addresses.extend(self.slack.iter().map(|access| ("url", &access.url)));
        addresses.extend(self.pagerduty.iter().map(|access| ("url", &access.url)));
        addresses.extend(self.alertmanager.iter().flat_map(|access| &access.urls).map(|url| ("urls", url)));
        addresses.extend(self.statuspage.iter().map(|access| ("url", &access.url)));
        addresses
            .extend(self.webhook.iter().filter_map(|access| access.url.as_ref()).map(|url| ("url", url)));
        addresses
    }
}

pub(super) fn check(channels: &BTreeMap<String, ChannelAccess>, problems: &mut Vec<Problem>) {
    for (name, access) in channels {
        let field = FieldPath::from(["channels", name]);
        let kinds = access.kinds();
        if kinds.len() != 1 {
            let known: Vec<&str> = ChannelKind::ALL.into_iter().map(ChannelKind::as_str).collect();
            let message = "how it is reached must be said for exactly one kind";
            problems.push(Problem::error(field, message, format!("write one of {}", known.join(", "))));
            continue;
        }
        let place = field.join(kinds[0].as_str());
        for (key, url) in access.addresses() {
            if let Err(wrong) = address::web(url) {
                let mend = "write for example https://api.example.com";
                problems.push(Problem::error(place.join(key), wrong, mend));
            }
        }
        let mut files = access.clone();
        for (key, file) in files.files_mut() {
            if file.as_path() == Path::new("") {
                problems.push(Problem::error(place.join(key), "the path is empty", "name the file"));
            }
        }
        of_kind(access, &place, problems);
    }
}

fn of_kind(access: &ChannelAccess, place: &FieldPath, problems: &mut Vec<Problem>) {
    if let Some(slack) = &access.slack
        && slack.token_file.is_none()
        && slack.webhook_file.is_none()
    {
        let mend = "name a `token_file`, a `webhook_file`, or both";
        problems.push(Problem::error(place.clone(), "nothing says how Slack lets it in", mend));
    }
    if let Some(alertmanager) = &access.alertmanager
        && alertmanager.urls.is_empty()
    {
        let mend = "name every instance, for example [\"http://127.0.0.1:9093\"]";
        problems.push(Problem::error(place.join("urls"), "there is no Alertmanager", mend));
    }
    let Some(smtp) = &access.smtp else { return };
    let own = smtp.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if smtp.tls == SmtpTls::Off && !own {
        let message = format!("`tls: off`, and `{}` is not this machine", smtp.host);
        let mend = "remove `tls: off`, or name an address such as 127.0.0.1";
        problems.push(Problem::error(place.join("tls"), message, mend));
    }
    if smtp.user.is_some() != smtp.password_file.is_some() {
        let message = "`user` and `password_file` stand together";
        problems.push(Problem::error(place.clone(), message, "write both, or neither"));
    }
}
