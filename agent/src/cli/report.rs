//! `quorate report`: asks an agent, and lets [`crate::report`] make a report of what it says. It fetches and writes; what
//! a report says is decided there.

use super::{
    audit::warn,
    connection::{Connection, Format, Output, Session, document_text, note},
    exit::{Exit, Failure},
    held::{Held, Proof, moment, now},
};
use crate::{
    record::{Part, place},
    report::{self, Document, Sources, html::html, markdown::markdown},
};
use clap::{Args, ValueEnum};
use quorate_api::{Execution, ExecutionList, Status};
use quorate_policies::{Millis, Timestamp};
use serde::Serialize;
use std::{fs, path::PathBuf};

/// `quorate report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The execution.
    #[arg(conflicts_with_all = ["period", "since", "until", "service"], required_unless_present_any = ["period", "since"])]
    execution: Option<String>,
    /// In place of one execution, all that happened in this time up to now, or up to --until: 90d.
    #[arg(long, value_name = "DURATION", value_parser = Millis::parse, conflicts_with = "since")]
    period: Option<Millis>,
    /// The beginning of the period: 90d (ago), 2026-11-22, or 2026-11-22T03:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    since: Option<Timestamp>,
    /// The end of the period [default: now].
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
    /// Only this service.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// In which form.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ReportFormat,
    /// Write into this file in place of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace what stands there.
    #[arg(long, requires = "out")]
    force: bool,
    /// An agent's audit.jsonl, or an export, for what the agent that is asked no longer holds.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ReportFormat {
    /// Markdown.
    #[default]
    Md,
    /// One HTML file that needs nothing else; to be printed, too.
    Html,
    /// The values, for programs.
    Json,
}

/// Reports one execution, or a period.
///
/// # Errors
/// When no agent answers, there is no such execution, or the file cannot be written.
pub async fn report(args: &ReportArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, Output::default())?;
    let text = match &args.execution {
        Some(id) => {
            let execution = session.client.get::<Execution>(&["executions", id], &[]).await?.value;
            let service = [("service", execution.service.as_str())];
            let others = session.client.get::<ExecutionList>(&["executions"], &service).await?.value;
            let (known, _) = sources(&session, args).await?;
            let returned = report::returned(&execution, &others.executions);
            let made = report::report(&execution, &Sources { returned, ..known });
            rendered(args.output, &made, || made.document())?
        }
        None => {
            let query: Vec<(&str, &str)> =
                args.service.iter().map(|service| ("service", service.as_str())).collect();
            let listed = session.client.get::<ExecutionList>(&["executions"], &query).await?.value;
            let (sources, members) = sources(&session, args).await?;
            let made = report::period_report(&part(args), &listed.executions, &members, &sources);
            rendered(args.output, &made, || made.document())?
        }
    };
    match &args.out {
        None => session.screen.print(&text)?,
        Some(file) => {
            place::put(file, args.force, |path| fs::write(path, &text))?;
            note(&format!("{}: written", file.display()));
        }
    }
    Ok(Exit::Done)
}

fn part(args: &ReportArgs) -> Part {
    let until = args.until.unwrap_or_else(now);
    let since = args.since.or_else(|| Some(Timestamp(until.0.saturating_sub(args.period?.0))));
    Part { since, until: Some(until), service: args.service.clone(), execution: None }
}

/// What the agent and its audit say, and who its members are.
async fn sources(session: &Session, args: &ReportArgs) -> Result<(Sources, Vec<(String, String)>), Failure> {
    let status = session.client.get::<Status>(&["status"], &[]).await?.value;
    let held = Held::from_agent(&session.client).await?;
    let held = match &args.audit {
        Some(file) => Held::after_file(file, held)?,
        None => held,
    };
    let proof = held.proof(false);
    warn(&proof);
    let (chain, whole) = match &proof {
        Proof::Whole(chain) => (Some(format!("whole: {}", chain.sentence())), Some(true)),
        Proof::Broken(broken) => (Some(format!("BROKEN: {broken}")), Some(false)),
        Proof::NotTold => (None, None),
    };
    let sources = Sources {
        audit: held.entries,
        chain,
        whole,
        notified: held.notified,
        agent: status.agent,
        agent_version: status.version,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at: now().to_string(),
        returned: None,
    };
    Ok((sources, status.members.into_iter().map(|member| (member.name, member.region)).collect()))
}

fn rendered(
    format: ReportFormat,
    value: &impl Serialize,
    document: impl FnOnce() -> Document,
) -> Result<String, Failure> {
    Ok(match format {
        ReportFormat::Md => markdown(&document()),
        ReportFormat::Html => html(&document()),
        ReportFormat::Json => {
            let unshown =
                |error: serde_json::Error| Failure::Format { format: "JSON", detail: error.to_string() };
            document_text(Format::Json, &serde_json::to_value(value).map_err(unshown)?)? + "\n"
        }
    })
}
