//! The verbs that steer automation: pause, resume, abort, approve and acknowledge. Each sends one change with its reason and
//! prints what the agent says.

use super::{
    confirm,
    connection::{Connection, Output, Session, reason},
    exit::{Exit, Failure},
};
use clap::Args;
use quorate_api::{
    Abort, Changed, Command, Pause,
    request::{Approve, Ungraceful},
};
use quorate_policies::Millis;
use serde::Serialize;

/// `quorate pause`.
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// The service.
    service: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    /// For how long, such as 30m [default: until resumed].
    #[arg(long = "for", value_name = "DURATION", value_parser = Millis::parse)]
    lasting: Option<Millis>,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate resume`.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// The service.
    service: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate abort`.
#[derive(Debug, Args)]
pub struct AbortArgs {
    /// Leave what is not taken back yet as it is. For a region that is lost: only what is under way is waited for, and
    /// another failover can be asked for.
    // Before the others, or it would stand under their heading.
    #[arg(long)]
    leave: bool,
    #[command(flatten)]
    of: ExecutionArgs,
}

/// `quorate approve`.
#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The step that asks; without it, the execution that waits to begin.
    // Before the others, or it would stand under their heading.
    #[arg(long, value_name = "NAME")]
    step: Option<String>,
    #[command(flatten)]
    of: ExecutionArgs,
}

/// `quorate ungraceful`.
#[derive(Debug, Args)]
pub struct UngracefulArgs {
    /// The execution once more, where nobody can be asked: what is given up does not come back.
    #[arg(long, value_name = "EXECUTION")]
    confirm: Option<String>,
    #[command(flatten)]
    of: ExecutionArgs,
}

/// `quorate acknowledge`, and what `quorate approve` and `quorate abort` have in common with it.
#[derive(Debug, Args)]
pub struct ExecutionArgs {
    /// The execution, as `quorate status` and `quorate history` name it.
    execution: String,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// Stops automation of a service; detection goes on.
///
/// # Errors
/// When no agent answers, or it refuses.
pub async fn pause(args: &PauseArgs) -> Result<Exit, Failure> {
    let body = Pause { reason: args.reason.clone(), lasting: args.lasting.map(|length| length.to_string()) };
    change(&args.connection, &["services", &args.service, "pause"], &body).await
}

/// Lets automation go on.
///
/// # Errors
/// As [`pause`].
pub async fn resume(args: &ResumeArgs) -> Result<Exit, Failure> {
    let body = Command { reason: args.reason.clone() };
    change(&args.connection, &["services", &args.service, "resume"], &body).await
}

/// Ends an execution.
///
/// # Errors
/// As [`pause`].
pub async fn abort(args: &AbortArgs) -> Result<Exit, Failure> {
    let (of, leave) = (&args.of, args.leave);
    let body = Abort { reason: of.reason.clone(), leave };
    change(&of.connection, &["executions", &of.execution, "abort"], &body).await
}

/// Lets a waiting execution begin, or answers one of its steps.
///
/// # Errors
/// As [`pause`].
pub async fn approve(args: &ApproveArgs) -> Result<Exit, Failure> {
    let of = &args.of;
    let body = Approve { reason: of.reason.clone(), step: args.step.clone() };
    change(&of.connection, &["executions", &of.execution, "approve"], &body).await
}

/// Gives the old region up while an execution runs.
///
/// # Errors
/// As [`pause`], and when it is not confirmed.
pub async fn ungraceful(args: &UngracefulArgs) -> Result<Exit, Failure> {
    let of = &args.of;
    if !confirm::confirmed("change", &of.execution, args.confirm.as_deref())? {
        let what = format!(
            "This gives up the region that {} leaves: its steps that need that region are left, and none is asked of it again.",
            of.execution
        );
        confirm::typed(&what, &of.execution)?;
    }
    let body = Ungraceful { reason: of.reason.clone(), confirm: of.execution.clone() };
    change(&of.connection, &["executions", &of.execution, "ungraceful"], &body).await
}

/// Takes an execution up: nobody further is called.
///
/// # Errors
/// As [`pause`].
pub async fn acknowledge(of: &ExecutionArgs) -> Result<Exit, Failure> {
    let body = Command { reason: of.reason.clone() };
    change(&of.connection, &["executions", &of.execution, "acknowledge"], &body).await
}

async fn change(connection: &Connection, path: &[&str], body: &impl Serialize) -> Result<Exit, Failure> {
    let session = Session::changing(connection, Output::default())?;
    let answer = session.client.post::<Changed>(path, body).await?;
    session.screen.print(&answer.value.message)?;
    Ok(Exit::Done)
}
