//! One statement on one PostgreSQL server, over a connection of its own, with the credentials of the agent's file. What
//! the statement says and what its answer means is the asker's business. It must not let the password out: not into an
//! error, a log or an address; and it must not keep a connection.
//!
//! The name is resolved as the system does it; the credentials are read for each connection, so that a new password needs
//! no restart.

use futures_util::future::join;
use quorate_policies::{
    document::{AgentFile, PostgresTls},
    effect::Acted,
};
use quorate_probes::{Password, PostgresCredentials};
use rustls::RootCertStore;
use std::{error::Error as _, net::IpAddr, path::Path, sync::Arc, time::Duration};
use tokio::time::timeout;
use tokio_postgres::{Config, NoTls, Row, Socket, config::SslMode, error::SqlState, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A reason is one line of a log; a server may say more.
const REASON_CHARS_MAX: usize = 300;

/// Opens sessions.
#[derive(Clone)]
pub(super) struct Sessions(Option<Arc<PostgresCredentials>>);

/// Which server, as whom, and how long it may take.
#[derive(Clone, Copy)]
pub(super) struct Server<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
    /// How the session shows in the server's list.
    pub(super) application: &'a str,
    /// From the first packet to the answer. The server gives the statement up as soon.
    pub(super) within: Duration,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The statement was certainly not sent.
    #[error("{0}")]
    NotAsked(String),
    /// The server refused the statement before it changed anything.
    #[error("{reason}")]
    Refused {
        /// Whether for want of a permission, which asking again does not give.
        forbidden: bool,
        /// What it says.
        reason: String,
    },
    /// The statement may have been carried out.
    #[error("{0}")]
    Unknown(String),
}

impl Trouble {
    /// What a change means that ended so.
    pub(super) fn acted(self) -> Acted {
        match self {
            Trouble::NotAsked(reason) => Acted::Refused { reason, retryable: true },
            Trouble::Refused { forbidden, reason } => Acted::Refused { reason, retryable: !forbidden },
            Trouble::Unknown(reason) => Acted::Unknown { reason },
        }
    }

    /// What a change means whose earlier statement was carried out, or may have been.
    pub(super) fn begun(self) -> Acted {
        Acted::Unknown { reason: self.to_string() }
    }
}

/// Between quotes, so that nothing in it ends the text.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Sessions {
    /// By the agent's own file; relative paths are below `base`.
    pub(super) fn new(file: &AgentFile, base: &Path) -> Self {
        Self(file.postgres.as_ref().map(|section| Arc::new(PostgresCredentials::of(section, base))))
    }

    /// Asks for one row.
    ///
    /// # Errors
    /// When there is no answer in time, with what is known of the statement.
    pub(super) async fn row(&self, server: &Server<'_>, statement: &str) -> Result<Row, Trouble> {
        let mut rows = self.rows(server, statement, String::new()).await?;
        let count = rows.len();
        let one = rows.pop().filter(|_| count == 1);
        one.ok_or_else(|| Trouble::Unknown(format!("the statement gave {count} rows instead of one")))
    }

    /// Has one statement carried out that gives no row. A process that was stopped after it had connected cannot have it
    /// carried out later: the server ends a session that is silent for so long (PostgreSQL 14).
    ///
    /// # Errors
    /// When it is not known to have been carried out, with what is known.
    pub(super) async fn order(&self, server: &Server<'_>, statement: &str) -> Result<(), Trouble> {
        let option = format!(" -c idle_session_timeout={}", server.within.as_millis());
        self.rows(server, statement, option).await.map(drop)
    }

    /// Asks several statements in one session that can change nothing, one after the other; each has its own answer. Moments
    /// are written and read as UTC there.
    ///
    /// # Errors
    /// When the session is not there, or there are not all answers in time.
    pub(super) async fn look(
        &self,
        server: &Server<'_>,
        statements: &[String],
    ) -> Result<Vec<Result<Vec<Row>, Trouble>>, Trouble> {
        let option = " -c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO";
        within(server, self.ask(server, statements, option)).await
    }

    async fn rows(&self, server: &Server<'_>, statement: &str, option: String) -> Result<Vec<Row>, Trouble> {
        let statements = [statement.to_owned()];
        let mut answers = within(server, self.ask(server, &statements, &option)).await?;
        answers.pop().unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn ask(
        &self,
        server: &Server<'_>,
        statements: &[String],
        option: &str,
    ) -> Result<Vec<Result<Vec<Row>, Trouble>>, Trouble> {
        let not = |why: &str| Trouble::NotAsked(why.to_owned());
        let credentials = self.0.clone().ok_or_else(|| not("the agent's file has no `postgres` section"))?;
        // A password without TLS, or an answer that anybody on the way may write, is for this machine alone. A name is not
        // taken for it: who answers to it is somebody else's decision.
        let own = server.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if credentials.tls == PostgresTls::Off && !own {
            return Err(not("`tls: off` is for an address of this machine alone, such as 127.0.0.1"));
        }
        let read = tokio::task::spawn_blocking(move || read(&credentials));
        let (password, tls) = read.await.map_err(|error| not(&error.to_string()))??;
        let mut config = Config::new();
        config.host(server.host).port(server.port).dbname(server.database).user(server.user);
        config.password(password.reveal()).application_name(server.application);
        config.options(format!("-c statement_timeout={}{option}", server.within.as_millis()));
        match tls {
            Some(tls) => ask(config.ssl_mode(SslMode::Require), tls, statements).await,
            None => ask(config.ssl_mode(SslMode::Disable), NoTls, statements).await,
        }
    }
}

/// What is asked, or that it took too long.
async fn within<T>(
    server: &Server<'_>,
    asked: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let late = |_| Trouble::Unknown(format!("no answer within {:?}", server.within));
    timeout(server.within, asked).await.map_err(late)?
}

/// The password, and whom to trust.
fn read(credentials: &PostgresCredentials) -> Result<(Password, Option<MakeRustlsConnect>), Trouble> {
    let not = |error: &dyn std::error::Error| Trouble::NotAsked(error.to_string());
    let password = credentials.password().map_err(|error| not(&error))?;
    if credentials.tls == PostgresTls::Off {
        return Ok((password, None));
    }
    let roots = credentials.authorities().map_err(|error| not(&error))?.unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Trouble::NotAsked(format!("TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((password, Some(MakeRustlsConnect::new(config))))
}

/// Connects, asks each once and takes leave.
async fn ask<T>(
    config: &Config,
    tls: T,
    statements: &[String],
) -> Result<Vec<Result<Vec<Row>, Trouble>>, Trouble>
where
    T: MakeTlsConnect<Socket>,
{
    let connected = config.connect(tls).await;
    let (client, connection) = connected.map_err(|error| Trouble::NotAsked(reason(&error)))?;
    let asked = async move {
        let mut answers = Vec::new();
        for statement in statements {
            answers.push(client.query(statement, &[]).await);
        }
        answers
    };
    // The connection ends when the client is dropped; if it ended before, it knows why better than the client does.
    let (answers, ended) = join(asked, connection).await;
    let trouble = |error: tokio_postgres::Error| {
        let reason = reason(ended.as_ref().err().unwrap_or(&error));
        let forbidden = |code: &SqlState| *code == SqlState::INSUFFICIENT_PRIVILEGE;
        match error.code().filter(|code| changed_nothing(code)) {
            Some(code) => Trouble::Refused { forbidden: forbidden(code), reason },
            None => Trouble::Unknown(reason),
        }
    };
    Ok(answers.into_iter().map(|answer| answer.map_err(trouble)).collect())
}

/// Whether a server that says this has certainly carried nothing out: it refused before it began. A statement that was
/// cancelled, a server that shuts down and whatever else is said on the way may come after the effect.
fn changed_nothing(code: &SqlState) -> bool {
    // Syntax and access rules, a server in the wrong state, a transaction that may only read.
    ["42", "55"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}

/// An error with its causes, on one line. What the client library says holds no password.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
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
    text.replace(['\r', '\n'], " ").chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: only what certainly precedes an effect counts as refused (R4); whatever may follow it leaves the outcome
    /// unknown. Method: the codes of both kinds that `pg_promote` can end with.
    #[test]
    fn which_errors_precede_the_effect() {
        let told = |code: &str| changed_nothing(&SqlState::from_code(code));
        // No such function, no permission, not in recovery, a transaction that may only read.
        for code in ["42883", "42501", "55000", "25006"] {
            assert!(told(code), "{code}");
        }
        // Told to shut down, crashed, cancelled, no memory, the signal could not be sent, an internal error.
        for code in ["57P01", "57P02", "57014", "53200", "58000", "XX000"] {
            assert!(!told(code), "{code}");
        }
    }

    /// Goal: a text in a statement ends nowhere but at its end. Method: texts with quotes.
    #[test]
    fn literals_stay_literals() {
        assert_eq!(literal("east"), "'east'");
        assert_eq!(literal("a'; DROP TABLE b --"), "'a''; DROP TABLE b --'");
    }
}
