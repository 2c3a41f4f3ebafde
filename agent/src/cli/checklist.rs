//! `quorate checklist`: what people see to around an execution, and ticking it. It decides nothing; the log does.

use super::{
    connection::{Connection, Output, Session, reason},
    exit::{Exit, Failure},
    render,
};
use clap::Args;
use quorate_api::{Changed, Execution, request::Tick};

/// `quorate checklist`.
#[derive(Debug, Args)]
pub struct ChecklistArgs {
    /// The execution, as `quorate status` and `quorate history` name it.
    execution: String,
    /// The item that you have seen to.
    #[arg(long, value_name = "ITEM", requires = "reason")]
    tick: Option<String>,
    /// What there is to say about it; it stands in the audit and in the report.
    #[arg(long, value_parser = reason, requires = "tick")]
    reason: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Shows a checklist, or ticks one of its items and shows what is left.
///
/// # Errors
/// When no agent answers, there is no such execution, or the item cannot be ticked.
pub async fn checklist(args: &ChecklistArgs) -> Result<Exit, Failure> {
    let path = ["executions", args.execution.as_str()];
    let session = match (&args.tick, &args.reason) {
        (Some(item), Some(why)) => {
            let session = Session::changing(&args.connection, args.output)?;
            let tick = Tick { item: item.clone(), reason: why.clone() };
            let path = ["executions", args.execution.as_str(), "checklist"];
            let _: Changed = session.client.post::<Changed>(&path, &tick).await?.value;
            session
        }
        (_, _) => Session::reading(&args.connection, args.output)?,
    };
    let mut answer = session.client.get::<Execution>(&path, &[]).await?;
    answer.document = answer.document.get("checklist").cloned().unwrap_or_else(|| serde_json::json!([]));
    session.show(&answer, render::checklist::checklist)?;
    Ok(Exit::Done)
}
