//! The heartbeat row: how old the newest moment is that the primary wrote and the replica has replayed, read on the
//! replica itself. Only connects and asks; `judge` says what the answer means. It must not change anything there, must
//! not hold up whoever asks, and must not let the password out: not into an error, a log or an address.
//!
//! Each read is a connection of its own, so that a read proves what a failover needs: the name, the way, the certificate
//! and the account are good now. The name is resolved as the system does it.

mod judge;

use futures_util::future::join;
use judge::Beat;
use quorate_policies::{
    document::{AgentFile, PostgresTls},
    plan::{Lag, action::Heartbeat},
    readiness::Finding,
};
use quorate_probes::{CredentialsError, Password, PostgresCredentials};
use rustls::RootCertStore;
use std::{error::Error as _, net::IpAddr, path::Path, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_postgres::{Config, NoTls, Socket, config::SslMode, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// From the first packet to the answer: some seven round trips, of at most 300 ms each between the farthest regions. A
/// promotion waits for it once.
const READ_MAX: Duration = Duration::from_secs(3);
/// The server gives up the statement as soon as we do (in milliseconds), so that a read that was left behind does not go on there.
const SERVER_OPTIONS: &str = "-c statement_timeout=3000";
/// How this agent shows in the server's list of sessions.
const APPLICATION: &str = "quorate heartbeat";
/// A reason is one line of a log; a server may say more.
const REASON_CHARS_MAX: usize = 300;

/// Reads heartbeat rows, with the credentials of the agent's file.
pub struct Heartbeats(Option<Arc<PostgresCredentials>>);

/// Why a row was not read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("the agent's file has no `postgres` section")]
    NoCredentials,
    #[error("`tls: off` is for an address of this machine alone, such as 127.0.0.1")]
    TlsOff,
    #[error(transparent)]
    File(#[from] CredentialsError),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("no answer within {READ_MAX:?}")]
    Late,
    #[error("{0}")]
    Postgres(String),
}

impl Heartbeats {
    /// By the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path) -> Self {
        Self(file.postgres.as_ref().map(|section| Arc::new(PostgresCredentials::of(section, base))))
    }

    /// How far the replica is behind by its row. Bounded; whatever goes wrong is an unknown lag with its reason.
    pub async fn read(&self, row: &Heartbeat) -> Lag {
        let began = Instant::now();
        let asked = timeout(READ_MAX, self.ask(row)).await.unwrap_or(Err(Unread::Late));
        // The reading is as old as the whole read at most, as this host's own clock counts.
        let judged = asked.map_err(|unread| unread.to_string());
        judge::lag(row, judged.and_then(|beat| judge::behind(&beat)), began.elapsed())
    }

    /// What stands in the way of reading the row; none when it can be read.
    pub async fn check(&self, row: &Heartbeat) -> Option<Finding> {
        let Lag::Unknown { reason } = self.read(row).await else { return None };
        let mend = "see deploy/AWS.md, `The heartbeat row`; until then CloudWatch's ReplicaLag stands alone";
        Some(Finding::warning(reason, mend))
    }

    async fn ask(&self, row: &Heartbeat) -> Result<Beat, Unread> {
        let credentials = Arc::clone(self.0.as_ref().ok_or(Unread::NoCredentials)?);
        // A password without TLS, or a row that anybody on the way may write, is for this machine alone. A name is not
        // taken for it: who answers to it is somebody else's decision.
        let own = row.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if credentials.tls == PostgresTls::Off && !own {
            return Err(Unread::TlsOff);
        }
        // They are read for each connection, so that a new password needs no restart.
        let read = tokio::task::spawn_blocking(move || read(&credentials));
        let (password, tls) = read.await.map_err(|error| Unread::Tls(error.to_string()))??;
        let mut config = Config::new();
        config
            .host(&row.host)
            .port(row.port)
            .dbname(&row.database)
            .user(&row.user)
            .password(password.reveal());
        config.application_name(APPLICATION).options(SERVER_OPTIONS);
        match tls {
            Some(tls) => ask(config.ssl_mode(SslMode::Require), tls, row).await,
            None => ask(config.ssl_mode(SslMode::Disable), NoTls, row).await,
        }
    }
}

/// The password, and whom to trust.
fn read(credentials: &PostgresCredentials) -> Result<(Password, Option<MakeRustlsConnect>), Unread> {
    let password = credentials.password()?;
    if credentials.tls == PostgresTls::Off {
        return Ok((password, None));
    }
    let roots = credentials.authorities()?.unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unread::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((password, Some(MakeRustlsConnect::new(config))))
}

/// Connects, asks once and takes leave.
async fn ask<T>(config: &Config, tls: T, row: &Heartbeat) -> Result<Beat, Unread>
where
    T: MakeTlsConnect<Socket>,
{
    let (client, connection) = config.connect(tls).await.map_err(|error| unread(&error))?;
    let statement = statement(row);
    let asked = async move { client.query_one(&statement, &[]).await };
    // The connection ends when the client is dropped; if it ended before, it knows why better than the client does.
    let (answer, ended) = join(asked, connection).await;
    let answer = answer.map_err(|error| unread(ended.as_ref().err().unwrap_or(&error)))?;
    let column = |error: tokio_postgres::Error| unread(&error);
    Ok(Beat {
        in_recovery: answer.try_get(0).map_err(column)?,
        kind: answer.try_get(1).map_err(column)?,
        age_s: answer.try_get(2).map_err(column)?,
    })
}

/// The one statement. The names are letters, digits and `_` alone: the policy's check has seen to it, and quotes do so
/// for what came another way.
fn statement(row: &Heartbeat) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let table = row.table.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let newest = format!("max({})", quoted(&row.column));
    format!(
        "SELECT pg_is_in_recovery(), pg_typeof({newest})::text, extract(epoch FROM now() - {newest})::float8 \
         FROM {table}"
    )
}

/// An error with its causes, on one line. What the client library says holds no password.
fn unread(error: &tokio_postgres::Error) -> Unread {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let deeper_text = deeper.to_string();
        // Some layers repeat what is below them.
        if !text.contains(&deeper_text) {
            text = format!("{text}: {deeper_text}");
        }
        cause = deeper.source();
    }
    Unread::Postgres(text.replace(['\r', '\n'], " ").chars().take(REASON_CHARS_MAX).collect())
}
