//! One attempt at a PostgreSQL server over a connection that stands: TLS, authentication, one statement that tells role,
//! timeline and positions, and, where the policy asks for it, one row written on a primary. All of it is under the probe's
//! one deadline, because a host that is stopped still accepts connections. Then the session is closed; none is kept.
//!
//! By `tokio-postgres` and not sqlx: it takes a connection that we have made ourselves, so that each phase is ours to
//! time and to name; it drives the session within our own future, so that nothing outlives the probe; it tells errors by
//! their SQLSTATE; and it binds SCRAM to the TLS channel. sqlx hides the connection behind a pool that connects, retries
//! and resolves by itself, which is what a probe must not do.

mod binding;
mod confirmation;
mod fault;
mod held;
mod statement;

use super::{deadline::Deadline, driven::Connection, secure};
use crate::{
    credentials::PostgresCredentials,
    result::{Failure, ProbeResult},
    target::PostgresTarget,
};
use binding::{Encrypted, Shaken};
use fault::classify;
use held::Held;
use quorate_policies::{health::FailureReason, postgres::Database};
use rustls::RootCertStore;
use std::{sync::Arc, time::Instant};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_postgres::{
    Client, Config, Error, NoTls,
    config::{SslMode, SslNegotiation},
    tls::TlsConnect,
};

/// How a probe shows in the server's list of sessions.
const APPLICATION: &str = "quorate probe";

/// The message that asks for TLS: its length and a number that stands for the wish (PostgreSQL's protocol, SSLRequest).
const TLS_WISH: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Asks PostgreSQL servers.
#[derive(Debug)]
pub(super) struct Sessions {
    held: Held,
}

impl Sessions {
    /// With the credentials of the agent's file; `roots` are trusted where that names no authorities.
    pub(super) fn new(credentials: Option<PostgresCredentials>, roots: Arc<RootCertStore>) -> Self {
        Self { held: Held::new(credentials, roots) }
    }

    /// Asks one server once, over `stream`.
    pub(super) async fn ask(
        &self,
        mut stream: TcpStream,
        target: &PostgresTarget,
        deadline: &Deadline,
        seen: &mut ProbeResult,
    ) -> Result<(), Failure> {
        let reading = self.held.read();
        let held = deadline.bound(reading, FailureReason::LocalResource, "reading the credentials").await??;
        let mut config = config(target);
        config.password(held.password.reveal());
        let Some(secure) = &held.secure else {
            // A password without TLS is for this machine alone.
            if !target.on_this_machine() {
                let why = "`tls: off` is for an address of this machine alone, such as 127.0.0.1";
                return Err(Failure::new(FailureReason::LocalResource, why));
            }
            return self
                .session(stream, NoTls, config.ssl_mode(SslMode::Disable), target, deadline, seen)
                .await;
        };
        let lap = Instant::now();
        wish_for_tls(&mut stream, deadline).await?;
        let stream = Encrypted(secure.handshake(stream, &target.tls, deadline, seen).await?);
        seen.phases.tls = Some(lap.elapsed());
        // The handshake is done, so the library has nothing to ask for.
        config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
        self.session(stream, Shaken, &config, target, deadline, seen).await
    }

    async fn session<S, T>(
        &self,
        stream: S,
        tls: T,
        config: &Config,
        target: &PostgresTarget,
        deadline: &Deadline,
        seen: &mut ProbeResult,
    ) -> Result<(), Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin,
        T: TlsConnect<S>,
    {
        let lap = Instant::now();
        let connecting = config.connect_raw(stream, tls);
        let connected = deadline.bound(connecting, FailureReason::TtfbTimeout, "the authentication").await?;
        let (client, connection) = connected.map_err(|error| {
            let failure = classify(&error, None);
            if failure.reason == FailureReason::Access {
                // The password may have been changed just now.
                self.held.forget();
            }
            failure
        })?;
        let mut connection = Connection::new(connection);
        statement(&client, &mut connection, deadline, seen).await?;
        seen.phases.processing = Some(lap.elapsed());
        if let Some(table) = &target.write
            && seen.database.as_ref().is_some_and(Database::is_primary)
        {
            let lap = Instant::now();
            beat(&client, table, &mut connection, deadline).await?;
            seen.phases.transfer = Some(lap.elapsed());
        }
        // A good-bye, so that the server does not log a lost connection. What was learnt does not depend on it.
        drop(client);
        let _closed = deadline.bound(connection.finish(), FailureReason::Reset, "the good-bye").await;
        Ok(())
    }
}

fn config(target: &PostgresTarget) -> Config {
    let mut config = Config::new();
    // The server gives a statement up as soon as we do, so that what was left behind does not go on there.
    let options = format!("-c statement_timeout={}", target.timeout.0.max(1));
    config.user(&target.user).dbname(&target.database).application_name(APPLICATION).options(options);
    config
}

/// Asks for TLS, which the server answers with one letter.
async fn wish_for_tls(stream: &mut TcpStream, deadline: &Deadline) -> Result<(), Failure> {
    let asking = async {
        stream.write_all(&TLS_WISH).await?;
        stream.read_u8().await
    };
    let answer = deadline.bound(asking, FailureReason::TtfbTimeout, "the answer to the wish for TLS").await?;
    match answer.map_err(|error| super::os_error::exchanging(&error))? {
        b'S' => Ok(()),
        b'N' => Err(Failure::new(FailureReason::TlsHandshake, "the server does not offer TLS")),
        // It could not even start a process for this connection.
        b'E' => Err(Failure::new(FailureReason::NotAccepting, "the server refused the connection at once")),
        other => {
            let detail =
                format!("the answer to the wish for TLS was {other:#04x}, which is not PostgreSQL's");
            Err(Failure::new(FailureReason::Protocol, detail))
        }
    }
}

async fn statement<C>(
    client: &Client,
    connection: &mut Connection<C, Error>,
    deadline: &Deadline,
    seen: &mut ProbeResult,
) -> Result<(), Failure>
where
    C: Future<Output = Result<(), Error>>,
{
    let asked = connection.drive(client.simple_query(statement::LOOK));
    let answer = deadline.bound(asked, FailureReason::TtfbTimeout, "the statement").await?;
    let answer = answer.map_err(|error| classify(&error, connection.error.as_ref()))?;
    seen.database = Some(statement::database(&answer)?);
    Ok(())
}

/// Writes the heartbeat row.
async fn beat<C>(
    client: &Client,
    table: &str,
    connection: &mut Connection<C, Error>,
    deadline: &Deadline,
) -> Result<(), Failure>
where
    C: Future<Output = Result<(), Error>>,
{
    let statement = statement::beat(table);
    let written = connection.drive(client.simple_query(&statement));
    let written = deadline.bound(written, FailureReason::TtfbTimeout, "writing the heartbeat row").await?;
    written.map(drop).map_err(|error| classify(&error, connection.error.as_ref()))
}
