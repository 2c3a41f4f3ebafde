//! `quorate healthcheck`: whether an agent's process works, for containers, whose images have no other program to ask with.
//! It must not ask whether the agent has a quorum unless told to: to restart the agents that have lost the others would not
//! bring those back.

use super::{
    connection::{Connection, Session},
    exit::{Exit, Failure},
};
use clap::Args;
use http::StatusCode;

/// `quorate healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// Ask also whether it has a quorum and its cluster is formed: for an order of starting, not for restarting.
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Looks, and says nothing when all is well. Every failure is exit code 1, since containers' runtimes know no other.
///
/// # Errors
/// When the address is none, or `--config` cannot be read.
pub async fn healthcheck(args: &HealthcheckArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, super::connection::Output::default())?;
    let alive = session.client.look("healthz").await;
    // It answers 503 without a quorum; that it answers at all says that the main loop is not stuck: it takes its lock.
    let ready = session.client.look("readyz").await;
    let trouble = match (alive, ready) {
        (Err(error), _) | (_, Err(error)) => Some(error.to_string()),
        (Ok(status), _) if status != StatusCode::OK => Some(format!("/healthz answers {status}")),
        (_, Ok(status)) if args.ready && status != StatusCode::OK => {
            Some(format!("/readyz answers {status}"))
        }
        (Ok(_), Ok(_)) => None,
    };
    let Some(trouble) = trouble else { return Ok(Exit::Done) };
    super::connection::note(&format!("quorate: {trouble}"));
    Ok(Exit::Failed)
}
