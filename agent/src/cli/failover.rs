//! `quorate failover`: shows what is, asks, orders, and follows. Every safety rule is the agents'; this file only
//! makes sure that the operator means it.

use super::{
    confirm,
    connection::note,
    exit::{Exit, Failure},
    order::OrderArgs,
    render::topology,
};
use clap::Args;
use quorate_api::{Changed, Failover, Service};

/// `quorate failover`.
#[derive(Debug, Args)]
pub struct FailoverArgs {
    /// The service.
    service: String,
    #[command(flatten)]
    order: OrderArgs,
}

/// Orders a failover.
///
/// # Errors
/// When it is not confirmed, no agent answers, or a guard refuses.
pub async fn failover(args: &FailoverArgs) -> Result<Exit, Failure> {
    let order = &args.order;
    let confirmed = confirm::confirmed("failover", &args.service, order.confirm.as_deref())?;
    let session = order.session()?;
    let path = ["services", args.service.as_str()];
    let before = session.client.get::<Service>(&path, &[]).await?;
    if session.for_people() {
        session.screen.print(&topology::service(session.screen, &before.value))?;
    }
    if !confirmed {
        ask(args, &before.value)?;
    }
    let asked = Failover {
        to: order.to.clone(),
        reason: order.reason.clone(),
        confirm: args.service.clone(),
        accept_data_loss: order.accept_data_loss,
        ungraceful: order.ungraceful,
    };
    let changed =
        session.client.post::<Changed>(&["services", &args.service, "failover"], &asked).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    if changed.joined {
        note(&format!("Joined execution {id}, which was running already; nothing new was started."));
    }
    let exit = order.follow(&session, &id).await?;
    if session.for_people()
        && !order.no_wait
        && exit != Exit::StillRunning
        && let Ok(after) = session.client.get::<Service>(&path, &[]).await
    {
        session.screen.print(&topology::service(session.screen, &after.value))?;
    }
    Ok(exit)
}

/// Asks at the terminal.
fn ask(args: &FailoverArgs, service: &Service) -> Result<(), Failure> {
    let to = args.order.to.as_deref().unwrap_or("the first healthy standby");
    let what = format!("This moves {} from {} to {to}. It cannot be undone.", args.service, service.active);
    confirm::typed(&what, &args.service)
}
