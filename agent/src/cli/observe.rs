//! The verbs that only look: status, explain, plan, probe and history. Each fetches one document and shows
//! it; none changes anything.

use super::{
    connection::{Connection, Output, Session, note},
    exit::{Exit, Failure},
    follow,
    held::Held,
    render::{execution, explanation, plan, probes, topology},
};
use clap::Args;
use quorate_api::{Execution, ExecutionList, Explanation, PlanView, Probes, Status};
use std::{io::IsTerminal as _, time::Duration};

/// How often `status --watch` looks: votes change by the second, and an operator reads no faster.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// Executions that `history` lists unless told otherwise: one screen.
const HISTORY_DEFAULT: usize = 20;

/// Moves the cursor home and clears what is below and what has scrolled away.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J\u{1b}[3J";

/// `quorate status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Look again every two seconds, until Ctrl-C.
    #[arg(short, long)]
    watch: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The service.
    service: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The service.
    service: String,
    /// The region to activate [default: the first healthy standby].
    #[arg(long, value_name = "REGION")]
    to: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Only this service's targets.
    service: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Only this service's executions.
    service: Option<String>,
    /// How many executions are listed, newest first.
    #[arg(short = 'n', long, default_value_t = HISTORY_DEFAULT, value_name = "COUNT")]
    count: usize,
    /// Show one execution: its steps in time, and what the audit says about it.
    #[arg(long, value_name = "ID", conflicts_with = "service")]
    execution: Option<String>,
    /// Follow that execution until it ends; this is how a failover is rejoined.
    #[arg(short, long, requires = "execution")]
    follow: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Shows agents and services.
///
/// # Errors
/// When no agent answers.
pub async fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    if !args.watch {
        session.show(&session.client.get::<Status>(&["status"], &[]).await?, topology::status)?;
        return Ok(Exit::Done);
    }
    let clear = session.for_people() && std::io::stdout().is_terminal();
    let mut interval = tokio::time::interval(WATCH_INTERVAL);
    // One listener for the whole time: a signal between two listeners would be lost.
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let look = async {
            interval.tick().await;
            session.client.get::<Status>(&["status"], &[]).await
        };
        let answer = tokio::select! {
            answer = look => answer,
            _ = &mut interrupted => return Ok(Exit::Done),
        };
        if clear {
            session.screen.print(CLEAR)?;
        }
        match answer {
            Ok(answer) => session.show(&answer, topology::status)?,
            // An agent that restarts is what a watcher wants to see come back.
            Err(error) => note(&Failure::from(error).report()),
        }
    }
}

/// Says why a service is, or is not, failed over now.
///
/// # Errors
/// When no agent answers, or there is no such service.
pub async fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let answer = session.client.get::<Explanation>(&["services", &args.service, "explain"], &[]).await?;
    session.show(&answer, explanation::explanation)?;
    Ok(Exit::Done)
}

/// Shows what a failover would do.
///
/// # Errors
/// When no agent answers, or there is no such service or region.
pub async fn plan(args: &PlanArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let query: Vec<(&str, &str)> =
        args.to.iter().map(|to| ("to", to.as_str())).chain([("check", "true")]).collect();
    let answer = session.client.get::<PlanView>(&["services", &args.service, "plan"], &query).await?;
    session.show(&answer, plan::plan)?;
    Ok(Exit::Done)
}

/// Shows the latest result of each target.
///
/// # Errors
/// When no agent answers.
pub async fn probe(args: &ProbeArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let mut answer = session.client.get::<Probes>(&["probes"], &[]).await?;
    if let Some(service) = &args.service {
        answer.value.probes.retain(|probe| probe.service == *service);
        let listed = answer.document.get_mut("probes").and_then(serde_json::Value::as_array_mut);
        if let Some(listed) = listed {
            listed.retain(|probe| probe.get("service").and_then(|name| name.as_str()) == Some(service));
        }
    }
    session.show(&answer, probes::probes)?;
    Ok(Exit::Done)
}

/// Lists executions, or shows or follows one.
///
/// # Errors
/// When no agent answers, or there is no such execution.
pub async fn history(args: &HistoryArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, args.output)?;
    let Some(id) = &args.execution else {
        let query: Vec<(&str, &str)> =
            args.service.iter().map(|service| ("service", service.as_str())).collect();
        let mut answer = session.client.get::<ExecutionList>(&["executions"], &query).await?;
        if let Some(listed) = answer.document.get_mut("executions").and_then(serde_json::Value::as_array_mut)
        {
            listed.truncate(args.count);
        }
        session.show(&answer, |screen, list| execution::history(screen, list, args.count))?;
        return Ok(Exit::Done);
    };
    if args.follow {
        let followed = follow::follow(&session, id, follow::WAIT_DEFAULT.duration()).await?;
        return follow::finish(&session, id, followed);
    }
    let answer = session.client.get::<Execution>(&["executions", id], &[]).await?;
    let mut audit = Vec::new();
    if session.for_people() {
        audit = Held::from_agent(&session.client).await?.entries;
        audit.retain(|entry| entry.execution.as_ref() == Some(id));
    }
    session.show(&answer, |screen, found| execution::timeline(screen, found, &audit))?;
    Ok(Exit::Done)
}
