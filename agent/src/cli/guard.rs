//! `quorate guard`: stands beside one database server. It only forwards to `quorate-sidecar`, which knows no agent but by
//! its lease.

use super::exit::{Exit, Failure};
use clap::{Args, Subcommand};
use tracing_subscriber::{EnvFilter, fmt};

/// `quorate guard`.
#[derive(Debug, Args)]
pub struct GuardArgs {
    #[command(subcommand)]
    server: Guarded,
}

/// What is guarded.
#[derive(Debug, Subcommand)]
enum Guarded {
    /// Keep one PostgreSQL server a primary only while this region holds the write lease (see deploy/POSTGRES.md).
    #[command(
        after_help = "Example:\n  quorate guard postgres --pgdata /var/lib/postgresql/15/main \\\n    --config-file /etc/postgresql/15/main/postgresql.conf \\\n    --lease-url http://127.0.0.1:7950/v1/lease/shop"
    )]
    Postgres(Box<quorate_sidecar::Arguments>),
}

/// Guards until it is told to end.
///
/// # Errors
/// When the server must not be started here.
pub async fn guard(args: GuardArgs) -> Result<Exit, Failure> {
    let filter = EnvFilter::try_from_env("QUORATE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second initialisation, in a test, keeps the first.
    let _ = fmt().with_env_filter(filter).with_ansi(terminal).with_writer(std::io::stderr).try_init();
    match args.server {
        Guarded::Postgres(arguments) => {
            quorate_sidecar::run(*arguments).await.map(|()| Exit::Done).map_err(Failure::Run)
        }
    }
}
