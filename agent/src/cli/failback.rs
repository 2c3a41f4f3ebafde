//! `quorate failback`: the guide home. It shows how far the way is, and with `--next` declares the next stage's scenario, as
//! `quorate declare` would; nothing goes on by itself.

use super::{
    confirm,
    connection::{Connection, Output, Session, note, reason},
    exit::{Exit, Failure},
    follow,
    render::drills as render,
};
use clap::Args;
use quorate_api::{Changed, drill::Failback, request::Declare};
use quorate_policies::Millis;
use std::collections::BTreeMap;

/// `quorate failback`.
#[derive(Debug, Args)]
pub struct FailbackArgs {
    /// The service.
    service: String,
    /// Declare the next stage, and follow it.
    #[arg(long, requires = "reason")]
    next: bool,
    /// Why; it stands in the audit and in the report.
    #[arg(long, value_parser = reason)]
    reason: Option<String>,
    /// The service's name once more, where nobody can be asked.
    #[arg(long, value_name = "SERVICE")]
    confirm: Option<String>,
    /// How long to follow the execution.
    #[arg(long, value_name = "DURATION", default_value_t = follow::WAIT_DEFAULT, value_parser = Millis::parse)]
    wait: Millis,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Shows the way home, or goes its next stage.
///
/// # Errors
/// When it is not confirmed, no agent answers, there is nothing to declare, or the agents refuse.
pub async fn failback(args: &FailbackArgs) -> Result<Exit, Failure> {
    let path = ["services", &args.service, "failback"];
    let Some(reason) = args.reason.as_ref().filter(|_| args.next) else {
        let session = Session::reading(&args.connection, args.output)?;
        let answer = session.client.get::<Failback>(&path, &[]).await?;
        session.show(&answer, render::failback)?;
        return Ok(Exit::Done);
    };
    let confirmed = confirm::confirmed("failback", &args.service, args.confirm.as_deref())?;
    let session = Session::changing(&args.connection, args.output)?;
    let way = session.client.get::<Failback>(&path, &[]).await?;
    if session.for_people() {
        session.screen.print(&render::failback(session.screen, &way.value))?;
    }
    let way = way.value;
    let Some(stage) = way.stages.iter().find(|stage| stage.state != "done") else {
        note(&way.summary);
        return Ok(Exit::Done);
    };
    let Some(scenario) = stage.scenario.as_ref().filter(|_| stage.state == "next") else {
        let why = format!("stage {} is {}: {}", stage.stage, stage.state, stage.detail);
        return Err(Failure::Usage(format!("there is nothing to declare now; {why}")));
    };
    if !confirmed {
        let what = format!("This declares `{scenario}` of {}: {}.", args.service, stage.detail);
        confirm::typed(&what, &args.service)?;
    }
    let order = Declare {
        scenario: scenario.clone(),
        inputs: BTreeMap::new(),
        to: (stage.stage == "switch").then(|| way.home.clone()),
        reason: reason.clone(),
        confirm: args.service.clone(),
        accept_data_loss: false,
        ungraceful: false,
    };
    let changed =
        session.client.post::<Changed>(&["services", &args.service, "declare"], &order).await?.value;
    note(&changed.message);
    let Some(id) = changed.execution else { return Ok(Exit::Done) };
    follow::ordered(&session, &id, Some(args.wait)).await
}
