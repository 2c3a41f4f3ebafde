//! One agent's own file as text: the values that `AgentFile` reads, in sections with a comment each, what equals its
//! default left out.

use super::{AgentPlan, InitError, InitOptions};
use crate::cli::token::TOKEN_FILE;
use quorate_policies::{
    AgentName, RegionName,
    document::{AgentFile, Aws, AwsEndpoints, AwsService, Log, Member, Statuspage, TlsFiles, WebhookSecret},
    name::NameError,
};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf};

/// An agent's own file.
pub(super) fn file(agent: &str) -> String {
    format!("{agent}.yaml")
}
/// Its certificate.
pub(super) fn certificate_file(agent: &str) -> String {
    format!("{agent}.pem")
}
/// Its key.
pub(super) fn key_file(agent: &str) -> String {
    format!("{agent}.key")
}
/// Its key of the status page.
pub(super) fn statuspage_file(agent: &str) -> String {
    format!("{agent}.statuspage.token")
}

/// A webhook of the policy, with the file of the secret that signs its events.
pub(super) struct Webhook {
    name: String,
    pub(super) file: String,
}

impl Webhook {
    /// Any name may stand in a policy, so the file's name keeps only what may stand in a file's name.
    pub(super) fn of(name: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        Self {
            name: name.to_owned(),
            file: format!("webhook-{}.secret", name.chars().map(plain).collect::<String>()),
        }
    }
}

/// The values of an agent's own file.
pub(super) fn agent_file(
    agent: &AgentPlan,
    options: &InitOptions,
    webhooks: &[Webhook],
) -> Result<AgentFile, InitError> {
    let member = |other: &AgentPlan| -> Result<(AgentName, Member), NameError> {
        let address =
            agent.addresses.get(&other.name).cloned().unwrap_or_else(|| other.peer_listen.to_string());
        let signal = other.signal.as_ref().map(|(_, reached)| reached.clone());
        Ok((other.name.parse()?, Member { region: other.region.parse()?, address, signal }))
    };
    let secret = |webhook: &Webhook| {
        (webhook.name.clone(), WebhookSecret { secret_file: PathBuf::from(&webhook.file), url: None })
    };
    Ok(AgentFile {
        name: agent.name.parse()?,
        region: agent.region.parse()?,
        data_dir: PathBuf::from("data").join(&agent.name),
        listen: agent.listen,
        allow_remote_api: false,
        signal_listen: agent.signal.as_ref().map(|(listen, _)| *listen),
        peer_listen: agent.peer_listen,
        cluster: options.cluster.clone(),
        members: options.agents.iter().map(member).collect::<Result<_, _>>()?,
        timing: options.timing,
        tls: TlsFiles {
            ca: PathBuf::from(super::authority::CERTIFICATE_FILE),
            certificate: PathBuf::from(certificate_file(&agent.name)),
            key: PathBuf::from(key_file(&agent.name)),
        },
        operator_token_file: PathBuf::from(TOKEN_FILE),
        resolvers: agent.resolvers.clone(),
        probe_ca: None,
        aws: Aws {
            endpoints: AwsEndpoints {
                regional: by_region(&agent.regional)?,
                services: services(&agent.s3)?,
                route53: agent.route53.clone(),
            },
        },
        postgres: None,
        backups: None,
        tsig: BTreeMap::new(),
        exec: None,
        http: None,
        statuspage: agent.statuspage.as_ref().map(|(url, _)| Statuspage {
            url: url.clone(),
            token_file: PathBuf::from(statuspage_file(&agent.name)),
        }),
        webhooks: webhooks.iter().map(secret).collect(),
        log: Log::default(),
        channels: BTreeMap::new(),
        traces: None,
    })
}

fn services(
    s3: &BTreeMap<String, String>,
) -> Result<BTreeMap<AwsService, BTreeMap<RegionName, String>>, NameError> {
    if s3.is_empty() {
        return Ok(BTreeMap::new());
    }
    Ok(BTreeMap::from([(AwsService::S3, by_region(s3)?)]))
}

fn by_region(urls: &BTreeMap<String, String>) -> Result<BTreeMap<RegionName, String>, NameError> {
    urls.iter().map(|(region, url)| Ok((region.parse()?, url.clone()))).collect()
}

/// The sections of the file: a comment and its keys. A section of which no key is left is not written.
const SECTIONS: [(&str, &[&str]); 8] = [
    ("Who this agent is.", &["cluster", "name", "region", "data_dir"]),
    (
        "The API, the command line and the metrics on `listen`, on this machine alone: whoever reaches it and has the\n\
         operator token can order a failover. The other agents on `peer_listen`.",
        &["listen", "peer_listen"],
    ),
    (
        "Where Route 53's health checkers ask for the signal, and can ask for nothing else.",
        &["signal_listen"],
    ),
    ("All voters, this one included, and where this agent reaches each.", &["members", "timing"]),
    (
        "What the agents prove their identity with, and the token that a change must carry. Each key is a secret of its\n\
         host.",
        &["tls", "operator_token_file"],
    ),
    ("Other DNS servers than the system's.", &["resolvers"]),
    ("Other addresses than AWS's own.", &["aws"]),
    ("Who is told, and with which secrets.", &["statuspage", "webhooks"]),
];

/// What stands at the end where no status page is set up: the one thing that only its owner knows.
const STATUSPAGE_HINT: &str = "\
# For the steps `statuspage.incident`: the page's API key in a file of mode 0600.
# statuspage: {token_file: statuspage.token}
";

/// The text of an agent's own file.
pub(super) fn text(file: &AgentFile, agent: &AgentPlan, options: &InitOptions) -> Result<String, InitError> {
    let failed = |detail: String| InitError::Yaml { agent: agent.name.clone(), detail };
    let Value::Object(mut settings) =
        serde_json::to_value(file).map_err(|error| failed(error.to_string()))?
    else {
        return Err(failed("it is no mapping".to_owned()));
    };
    drop_defaults(&mut settings, file);
    let mut text = format!(
        "# The agent {} of the cluster {}. Relative paths are relative to this file.\n\
         # Check it with its policy:  quorate check {} policy.yaml\n\
         # Start it:                  quorate agent --config {}\n",
        agent.name,
        options.cluster,
        self::file(&agent.name),
        self::file(&agent.name)
    );
    for (comment, keys) in SECTIONS {
        let section: Map<String, Value> = keys
            .iter()
            .filter_map(|key| settings.remove(*key).map(|value| ((*key).to_owned(), value)))
            .collect();
        if !section.is_empty() {
            let yaml = serde_saphyr::to_string(&Value::Object(section))
                .map_err(|error| failed(error.to_string()))?;
            text.push_str(&format!("\n# {}\n{yaml}", comment.replace('\n', "\n# ")));
        }
    }
    if file.statuspage.is_none() {
        text.push('\n');
        text.push_str(STATUSPAGE_HINT);
    }
    Ok(text)
}

/// Takes out what says nothing. Only settings whose default cannot surprise: addresses and paths always stand.
fn drop_defaults(settings: &mut Map<String, Value>, file: &AgentFile) {
    if !file.allow_remote_api {
        settings.remove("allow_remote_api");
    }
    if file.timing.is_wan() {
        settings.remove("timing");
    }
    if file.log == Log::default() {
        settings.remove("log");
    }
    if file.aws == Aws::default() {
        settings.remove("aws");
    }
    for (key, empty) in [("resolvers", file.resolvers.is_empty()), ("webhooks", file.webhooks.is_empty())] {
        if empty {
            settings.remove(key);
        }
    }
}
