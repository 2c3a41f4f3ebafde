//! `quorate backups`: whether a restore could be made now, as one agent sees it. It only looks.

use super::{
    connection::{Connection, Output, Session},
    exit::{Exit, Failure},
    render,
};
use clap::Args;
use quorate_api::{BackupView, Backups};

/// `quorate backups`.
#[derive(Debug, Args)]
pub struct BackupsArgs {
    /// The service.
    service: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Shows a service's backups. One that is not fresh is a failure, and so is an agent that looks at none of them; those that
/// the agents of another region look at are theirs to tell.
///
/// # Errors
/// When no agent answers, or there is no such service.
pub async fn backups(args: &BackupsArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let answer = session.client.get::<Backups>(&["services", &args.service, "backups"], &[]).await?;
    session.show(&answer, render::backups::backups)?;
    let here = |backup: &&BackupView| backup.state != "elsewhere";
    let mut seen = answer.value.backups.iter().filter(here).peekable();
    let good = seen.peek().is_some() && seen.all(|backup| backup.state == "fresh");
    Ok(if good { Exit::Done } else { Exit::Failed })
}
