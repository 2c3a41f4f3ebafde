//! One agent's own file: who it is, where it listens, who the others are, and which files hold its credentials. It is
//! never replicated, and it holds no secret, only where each is kept. Relative paths are relative to the file; the
//! shell resolves them.

use super::{
    agent_allowed::{ExecAllowed, HttpAllowed},
    agent_channels::ChannelAccess,
    agent_traces::Traces,
};
use crate::{
    name::{AgentName, RegionName},
    policy::Timing,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// One agent's own settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentFile {
    /// The agent's name, which stands among the members.
    pub name: AgentName,
    /// The region in which it runs.
    pub region: RegionName,
    /// Where the log and the state are kept. One agent alone uses it.
    #[serde(default = "data_dir_default")]
    pub data_dir: PathBuf,
    /// Where the API, the dashboard and the metrics are served.
    #[serde(default = "listen_default")]
    #[serde(deserialize_with = "socket::one")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Allows `listen` beyond this machine. Whoever reaches the API can order a failover.
    #[serde(default)]
    pub allow_remote_api: bool,
    /// Where Route 53's health checkers ask for the signal, and can ask for nothing else; none unless a plan has
    /// `route53.signal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "socket::maybe")]
    #[schemars(with = "Option<String>")]
    pub signal_listen: Option<SocketAddr>,
    /// Where the other agents reach this one.
    #[serde(default = "peer_listen_default")]
    #[serde(deserialize_with = "socket::one")]
    #[schemars(with = "String")]
    pub peer_listen: SocketAddr,
    /// The cluster's name, equal on all members: a request of another cluster is refused.
    #[serde(default = "cluster_default")]
    pub cluster: String,
    /// All voters, this one included.
    pub members: BTreeMap<AgentName, Member>,
    /// How patient elections are.
    #[serde(default)]
    pub timing: Timing,
    /// What the agents prove their identity with. Always required: a vote counts only if it is known whose it is.
    pub tls: TlsFiles,
    /// The file with the token that a changing request must carry. From this machine too (P20).
    pub operator_token_file: PathBuf,
    /// DNS servers for probes and verification; none means those of the system.
    #[serde(default)]
    #[serde(deserialize_with = "socket::many")]
    #[schemars(with = "Vec<String>")]
    pub resolvers: Vec<SocketAddr>,
    /// A trust root for HTTPS probes, in addition to those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe_ca: Option<PathBuf>,
    /// How AWS is reached.
    #[serde(default)]
    pub aws: Aws,
    /// How PostgreSQL servers are asked: by `postgres` probes, and for a promotion's `heartbeat` row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Postgres>,
    /// How backups are looked at, and what may be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups: Option<Backups>,
    /// The keys by which `dns.update` signs, by the key's name as the DNS server has it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tsig: BTreeMap<String, TsigKey>,
    /// What the `exec` steps of any policy may run on this host. Without it they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecAllowed>,
    /// Which servers the `http` steps of any policy may call. Without it they are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpAllowed>,
    /// How the status page is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuspage: Option<Statuspage>,
    /// The secrets of the policy's webhooks, by the webhook's name.
    #[serde(default)]
    pub webhooks: BTreeMap<String, WebhookSecret>,
    /// The agent's own log.
    #[serde(default)]
    pub log: Log,
    /// How the policies' channels are reached, by the channel's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub channels: BTreeMap<String, ChannelAccess>,
    /// Where the traces of executions are sent; nowhere without it. Only for an agent that was built with the feature `otel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traces: Option<Traces>,
}

fn data_dir_default() -> PathBuf {
    PathBuf::from("data")
}
fn listen_default() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 7950).into()
}
fn peer_listen_default() -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, 7951).into()
}
fn cluster_default() -> String {
    "quorate".to_owned()
}

/// A voter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The region in which it runs: its vantage.
    pub region: RegionName,
    /// Host and port of its `peer_listen`, as the other agents reach it.
    pub address: String,
    /// Host and port of its `signal_listen`, as Route 53's health checkers reach it from the internet; `quorate signal`
    /// has them ask there. None unless a plan has `route53.signal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
}

/// What an agent proves its identity with. `quorate tls` makes all three.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// The authority whose certificates the agents accept, in PEM.
    pub ca: PathBuf,
    /// This agent's certificate, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// How AWS is reached. Credentials come from the environment, as every AWS tool reads them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Aws {
    /// Other addresses than AWS's own, for a sandbox or a private endpoint.
    pub endpoints: AwsEndpoints,
}

/// Addresses of AWS services; what is not named here is AWS's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AwsEndpoints {
    /// One address for every regional service, by region.
    pub regional: BTreeMap<RegionName, String>,
    /// Addresses of single services, by service and region; they come before `regional`.
    pub services: BTreeMap<AwsService, BTreeMap<RegionName, String>>,
    /// Route 53, which is global.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route53: Option<String>,
}

impl AwsEndpoints {
    /// The address of a service in a region, if it is not AWS's own.
    #[must_use]
    pub fn of(&self, service: AwsService, region: &str) -> Option<&str> {
        let own = self.services.get(&service).into_iter().flatten();
        own.chain(&self.regional).find(|(name, _)| name.as_str() == region).map(|(_, url)| url.as_str())
    }
}

/// A regional service of AWS that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AwsService {
    /// RDS and Aurora.
    Rds,
    /// ECS.
    Ecs,
    /// Application Auto Scaling.
    ApplicationAutoscaling,
    /// Elastic Load Balancing, version 2.
    Elasticloadbalancing,
    /// CloudWatch metrics.
    Cloudwatch,
    /// S3. A bucket is then named in the path, not in the host.
    S3,
    /// STS.
    Sts,
    /// IAM, whose one endpoint of a partition stands in us-east-1 (in China cn-north-1, in GovCloud us-gov-west-1).
    Iam,
}

impl AwsService {
    /// The service as the file names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AwsService::Rds => "rds",
            AwsService::Ecs => "ecs",
            AwsService::ApplicationAutoscaling => "application-autoscaling",
            AwsService::Elasticloadbalancing => "elasticloadbalancing",
            AwsService::Cloudwatch => "cloudwatch",
            AwsService::S3 => "s3",
            AwsService::Sts => "sts",
            AwsService::Iam => "iam",
        }
    }
}

/// How PostgreSQL servers are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// The file with the password of the probes' `postgres.user` and of `heartbeat.user`. Nobody else may be able to
    /// read it; a new password needs no restart.
    pub password_file: PathBuf,
    /// The authorities whose certificates the servers may have, in PEM; by default those of the system. For RDS, the
    /// bundle that AWS publishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether the server must prove who it is.
    #[serde(default)]
    pub tls: PostgresTls,
}

/// Whether a database server must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PostgresTls {
    /// TLS, with a certificate of a known authority for the very host.
    #[default]
    VerifyFull,
    /// No TLS: only where `host` is an address of this machine itself, such as 127.0.0.1.
    Off,
}

/// How backups are looked at, and what may be restored. A policy is everybody's who may apply one; which files become a
/// database, each agent says itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backups {
    /// The folder of `pg_restore` and `psql`, such as /usr/lib/postgresql/15/bin; by default they are looked for in /usr/bin
    /// and its like. They must not be older than the server that was dumped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programs: Option<PathBuf>,
    /// The folders below which dumps and snapshots may be restored from. Whoever may write there can run commands as this
    /// agent: `psql` carries out what a plain dump says.
    pub restore_from: Vec<PathBuf>,
    /// The data directories of Redis into which a snapshot may be put.
    pub redis_dirs: Vec<PathBuf>,
    /// The folders below which `s3.sync` may write. One that is also below `restore_from` is as powerful as the bucket's
    /// writers.
    pub sync_to: Vec<PathBuf>,
}

/// A key that this agent shares with a DNS server (RFC 8945).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TsigKey {
    /// How it signs.
    #[serde(default)]
    pub algorithm: TsigAlgorithm,
    /// The file with the secret in base64, as `tsig-keygen` and `keymgr` print it. Nobody else may be able to read it; a
    /// new secret needs no restart.
    pub secret_file: PathBuf,
}

/// How a message is signed. What is older than SHA-2 is not for use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum TsigAlgorithm {
    /// HMAC with SHA-256.
    #[default]
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// HMAC with SHA-512.
    #[serde(rename = "hmac-sha512")]
    HmacSha512,
}

/// How the status page is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statuspage {
    /// The API's base URL.
    #[serde(default = "statuspage_default")]
    pub url: String,
    /// The file with its token.
    pub token_file: PathBuf,
}

fn statuspage_default() -> String {
    "https://api.statuspage.io".to_owned()
}

/// A webhook's secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSecret {
    /// The file with the key that signs each event.
    pub secret_file: PathBuf,
    /// Another address than the policy's, where the address itself is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The agent's own log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// The least important lines that are written.
    pub level: LogLevel,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line for each event.
    #[default]
    Human,
    /// One JSON object for each event.
    Json,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Somebody must act.
    Error,
    /// Somebody should look.
    Warn,
    /// What was decided and done.
    #[default]
    Info,
    /// Why.
    Debug,
    /// Everything, every probe included.
    Trace,
}

impl Log {
    /// The level as a log filter's directive.
    #[must_use]
    pub const fn filter(&self) -> &'static str {
        match self.level {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// Socket addresses, read with an error that says how to write one.
mod socket {
    use serde::{Deserialize, Deserializer};
    use std::net::SocketAddr;

    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Socket(SocketAddr);

    impl TryFrom<String> for Socket {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            let wrong =
                |_| format!("`{text}` is not an IP address with a port; write for example 127.0.0.1:7950");
            text.parse().map(Socket).map_err(wrong)
        }
    }

    pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
        Socket::deserialize(deserializer).map(|Socket(address)| address)
    }

    pub(super) fn maybe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
        Ok(Option::<Socket>::deserialize(deserializer)?.map(|Socket(address)| address))
    }

    pub(super) fn many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SocketAddr>, D::Error> {
        Ok(Vec::<Socket>::deserialize(deserializer)?.into_iter().map(|Socket(address)| address).collect())
    }
}
