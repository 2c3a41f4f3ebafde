//! `quorate members`: who votes, and adding, removing and replacing agents. Each change is sent with its reason; the
//! agents judge it, and carry it out by joint consensus.

use super::{
    connection::{Connection, Output, Session, reason},
    exit::{Exit, Failure},
    render::topology,
};
use clap::{Args, Subcommand};
use quorate_api::{
    Changed, Command, Members,
    request::{AddMember, RemoveMember, ReplaceMember},
};
use serde::Serialize;

/// `quorate members`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MembersArgs {
    #[command(subcommand)]
    change: Option<Change>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// A change of the agents.
#[derive(Debug, Subcommand)]
enum Change {
    /// Add an agent: it listens until it has caught up, then it votes.
    #[command(
        after_help = "Example:\n  quorate members add ap-south-1 --region ap-south-1 --address 10.3.0.4:7951 --reason \"a fourth region\""
    )]
    Add(AddArgs),
    /// Remove an agent for good.
    #[command(
        after_help = "Example:\n  quorate members remove ap-south-1 --reason \"the region is given up\""
    )]
    Remove(RemoveArgs),
    /// Put a new agent in the place of another, which may be lost.
    #[command(
        after_help = "Example:\n  quorate members replace eu-west-1 eu-west-1b --address 10.2.0.9:7951 --reason \"its disk is gone\""
    )]
    Replace(ReplaceArgs),
    /// Give the change up that is under way.
    #[command(after_help = "Example:\n  quorate members cancel --reason \"the machine never came up\"")]
    Cancel(CancelArgs),
}

#[derive(Debug, Args)]
struct AddArgs {
    /// The new agent's name, which its certificate says too.
    name: String,
    /// Where it runs.
    #[arg(long)]
    region: String,
    /// Where the others reach it, host and port.
    #[arg(long)]
    address: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct RemoveArgs {
    /// The agent.
    name: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct ReplaceArgs {
    /// The agent that goes.
    old: String,
    /// The new agent's name, which no member has or had before it.
    new: String,
    /// Where the new one runs [default: where the old one did].
    #[arg(long)]
    region: Option<String>,
    /// Where the others reach it, host and port.
    #[arg(long)]
    address: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
struct CancelArgs {
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// Lists the voters, or changes them.
///
/// # Errors
/// When no agent answers, or it refuses.
pub async fn members(args: &MembersArgs) -> Result<Exit, Failure> {
    match &args.change {
        None => {
            let session = Session::reading(&args.connection, args.output)?;
            session.show(&session.client.get::<Members>(&["members"], &[]).await?, topology::members)?;
            Ok(Exit::Done)
        }
        Some(Change::Add(args)) => {
            let body = AddMember {
                name: args.name.clone(),
                region: args.region.clone(),
                address: args.address.clone(),
                reason: args.reason.clone(),
            };
            change(&args.connection, "add", &body).await
        }
        Some(Change::Remove(args)) => {
            let body = RemoveMember { name: args.name.clone(), reason: args.reason.clone() };
            change(&args.connection, "remove", &body).await
        }
        Some(Change::Replace(args)) => {
            let body = ReplaceMember {
                old: args.old.clone(),
                name: args.new.clone(),
                region: args.region.clone(),
                address: args.address.clone(),
                reason: args.reason.clone(),
            };
            change(&args.connection, "replace", &body).await
        }
        Some(Change::Cancel(args)) => {
            change(&args.connection, "cancel", &Command { reason: args.reason.clone() }).await
        }
    }
}

async fn change(connection: &Connection, verb: &str, body: &impl Serialize) -> Result<Exit, Failure> {
    let session = Session::changing(connection, Output::default())?;
    let answer = session.client.post::<Changed>(&["members", verb], body).await?;
    session.screen.print(&answer.value.message)?;
    Ok(Exit::Done)
}
