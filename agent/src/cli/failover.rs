//! `quorate failover`: shows what is, asks, orders, and follows. Every safety rule is the agents'; this file only
//! makes sure that the operator means it.

use super::{
    confirm,
    connection::{Connection, Output, Session, note, reason},
    exit::{Exit, Failure},
    follow,
    render::topology,
};
use clap::Args;
use quorate_api::{Changed, Failover, Service};
use quorate_policies::Millis;

/// `quorate failover`.
#[derive(Debug, Args)]
pub struct FailoverArgs {
    /// The service.
    service: String,
    /// Why; it stands in the audit and in the report.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// The region to activate [default: the first healthy standby].
    #[arg(long, value_name = "REGION")]
    to: Option<String>,
    /// The service's name once more, where nobody can be asked: a failover cannot be undone.
    #[arg(long, value_name = "SERVICE")]
    confirm: Option<String>,
    /// Promote a replica also when nobody knows how far it is behind, or when it is too far behind.
    #[arg(long)]
    accept_data_loss: bool,
    /// How long to follow the execution.
    #[arg(long, value_name = "DURATION", default_value_t = follow::WAIT_DEFAULT, value_parser = Millis::parse)]
    wait: Millis,
    /// Do not follow the execution.
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Orders a failover.
///
/// # Errors
/// When it is not confirmed, no agent answers, or a guard refuses.
pub async fn failover(args: &FailoverArgs) -> Result<Exit, Failure> {
    let confirmed = confirm::confirmed("failover", &args.service, args.confirm.as_deref())?;
    let session = Session::changing(&args.connection, args.output)?;
    let path = ["services", args.service.as_str()];
    let before = session.client.get::<Service>(&path, &[]).await?;
    if session.for_people() {
        session.screen.print(&topology::service(session.screen, &before.value))?;
    }
    if !confirmed {
        ask(args, &before.value)?;
    }
    let order = Failover {
        to: args.to.clone(),
        reason: args.reason.clone(),
        confirm: args.service.clone(),
        accept_data_loss: args.accept_data_loss,
    };
    let changed =
        session.client.post::<Changed>(&["services", &args.service, "failover"], &order).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    if changed.joined {
        note(&format!("Joined execution {id}, which was running already; nothing new was started."));
    }
    let exit = follow::ordered(&session, &id, (!args.no_wait).then_some(args.wait)).await?;
    if session.for_people()
        && !args.no_wait
        && exit != Exit::StillRunning
        && let Ok(after) = session.client.get::<Service>(&path, &[]).await
    {
        session.screen.print(&topology::service(session.screen, &after.value))?;
    }
    Ok(exit)
}

/// Asks at the terminal.
fn ask(args: &FailoverArgs, service: &Service) -> Result<(), Failure> {
    let to = args.to.as_deref().unwrap_or("the first healthy standby");
    let what = format!("This moves {} from {} to {to}. It cannot be undone.", args.service, service.active);
    confirm::typed(&what, &args.service)
}
