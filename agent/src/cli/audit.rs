//! `quorate audit`: shows the audit, proves its chain, and writes it into files for others. It only reads; the record it
//! is about is written by the agents alone.

mod export;

pub use export::ExportArgs;

use super::{
    connection::{Connection, Format, Output, Session, document_text, note},
    exit::{Exit, Failure},
    held::{Held, HeldError, Proof, lines_of, moment},
    render::audit as text,
    screen::Screen,
};
use crate::record::{
    Chain, Part,
    chain::{Terms, verify},
};
use clap::{Args, Subcommand, ValueEnum};
use quorate_policies::Timestamp;
use serde_json::json;
use std::path::PathBuf;

/// Entries that `show` lists unless told otherwise: one screen.
const SHOWN_DEFAULT: usize = 40;

/// `quorate audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What to do.
    #[command(subcommand)]
    verb: AuditVerb,
}

/// What to do with the audit.
#[derive(Debug, Subcommand)]
enum AuditVerb {
    /// Show the latest entries.
    #[command(
        after_help = "Examples:\n  quorate audit show --service shop --since 2h\n  quorate audit show --execution shop-3 -o jsonl"
    )]
    Show(ShowArgs),
    /// Prove that no entry was changed, taken out or added; exit code 1 at the first place where the chain is broken.
    #[command(
        after_help = "Without a file the agent's own chain is asked for and checked here. An agent keeps the last thousand entries in its state and all of them in audit.jsonl below its data directory.\n\nExamples:\n  quorate audit verify\n  quorate audit verify /var/lib/quorate/audit.jsonl\n  quorate audit verify copy.jsonl --holds 5f0c...e1"
    )]
    Verify(VerifyArgs),
    /// Write the audit into a file: lines that anybody can check, or an SQLite database with the table dr_audit_log.
    #[command(
        after_help = "Examples:\n  quorate audit export --format jsonl --out audit.jsonl\n  quorate audit export --format sqlite --out audit.db --since 90d\n  quorate audit export --format sqlite --out audit.db --from /var/lib/quorate/audit.jsonl"
    )]
    Export(ExportArgs),
}

/// Which part of the audit.
#[derive(Debug, Clone, Args)]
struct Wanted {
    /// Only entries about this service.
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// From this moment on: 90d (ago), 2026-11-22, or 2026-11-22T03:00:00Z.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    since: Option<Timestamp>,
    /// Before this moment.
    #[arg(long, value_name = "MOMENT", value_parser = moment)]
    until: Option<Timestamp>,
}

impl Wanted {
    fn part(&self) -> Part {
        Part { since: self.since, until: self.until, service: self.service.clone(), execution: None }
    }
}

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum ShowFormat {
    /// For people.
    #[default]
    Table,
    /// The API's entries, for programs.
    Json,
    /// The same as YAML.
    Yaml,
    /// The chained lines, which `quorate audit verify` and anybody else can check.
    Jsonl,
}

/// `quorate audit show`.
#[derive(Debug, Args)]
struct ShowArgs {
    /// How many entries at most, the latest of them.
    #[arg(short = 'n', long, default_value_t = SHOWN_DEFAULT, value_name = "COUNT")]
    count: usize,
    #[command(flatten)]
    wanted: Wanted,
    /// Only entries about this execution.
    #[arg(long, value_name = "ID")]
    execution: Option<String>,
    /// How they are shown.
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    output: ShowFormat,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate audit verify`.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// An agent's audit.jsonl, or an export [default: the agent is asked].
    file: Option<PathBuf>,
    /// Entries may be missing, as in an export of one service: each is checked by itself.
    #[arg(long, requires = "file")]
    gaps: bool,
    /// A hash that one of the entries must have, as a report or another agent says it: an end that was cut off shows by
    /// nothing else.
    #[arg(long, value_name = "HASH")]
    holds: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connection: Connection,
}

/// Carries out the verb.
///
/// # Errors
/// When no agent answers or a file cannot be read or written.
pub async fn audit(args: &AuditArgs) -> Result<Exit, Failure> {
    match &args.verb {
        AuditVerb::Show(args) => show(args).await,
        AuditVerb::Verify(args) => prove(args).await,
        AuditVerb::Export(args) => export::export(args).await,
    }
}

async fn show(args: &ShowArgs) -> Result<Exit, Failure> {
    let session = Session::reading(&args.connection, Output::default())?;
    let part = Part { execution: args.execution.clone(), ..args.wanted.part() };
    let mut entries = Held::from_agent(&session.client).await?.entries;
    entries.retain(|entry| part.holds(entry));
    entries.drain(..entries.len().saturating_sub(args.count));
    let document = || json!({ "entries": entries });
    let shown = match args.output {
        ShowFormat::Table => text::entries(session.screen, &entries),
        ShowFormat::Json => document_text(Format::Json, &document())?,
        ShowFormat::Yaml => document_text(Format::Yaml, &document())?,
        ShowFormat::Jsonl if entries.is_empty() => return Ok(Exit::Done),
        ShowFormat::Jsonl if entries.iter().any(|entry| entry.line.is_empty()) => {
            return Err(HeldError::NotTold.into());
        }
        ShowFormat::Jsonl => entries.iter().map(|entry| entry.line.as_str()).collect::<Vec<_>>().join("\n"),
    };
    session.screen.print(&shown)?;
    Ok(Exit::Done)
}

async fn prove(args: &VerifyArgs) -> Result<Exit, Failure> {
    let holds = args.holds.as_deref();
    let (source, proof) = match &args.file {
        Some(file) => {
            let lines = lines_of(file)?;
            let terms = Terms { gaps: args.gaps, holds };
            let judged = verify(lines.iter().map(String::as_str), terms);
            (file.display().to_string(), judged.map_or_else(Proof::Broken, Proof::Whole))
        }
        None => {
            let session = Session::reading(&args.connection, args.output)?;
            let held = Held::from_agent(&session.client).await?;
            (session.client.address().to_owned(), asked(&held, holds))
        }
    };
    let (good, document) = match &proof {
        Proof::Whole(chain) => (true, json!({ "whole": true, "source": source, "proven": told(chain) })),
        Proof::Broken(broken) => (
            false,
            json!({ "whole": false, "source": source, "broken": broken.to_string(), "proven": told(&broken.before) }),
        ),
        Proof::NotTold => return Err(HeldError::NotTold.into()),
    };
    let shown = match args.output.output {
        Format::Table => text::proof(Screen::detect(), &source, &proof, args.gaps),
        format => document_text(format, &document)?,
    };
    Screen::detect().print(&shown)?;
    Ok(if good { Exit::Done } else { Exit::Failed })
}

/// The agent's chain must hold both its own head and the hash that is asked for.
fn asked(held: &Held, holds: Option<&str>) -> Proof {
    let proof = held.proof(false);
    let (Proof::Whole(_), Some(hash)) = (&proof, holds) else { return proof };
    let terms = Terms { gaps: false, holds: Some(hash) };
    let judged = verify(held.entries.iter().map(|entry| entry.line.as_str()), terms);
    judged.map_or_else(Proof::Broken, Proof::Whole)
}

fn told(chain: &Chain) -> serde_json::Value {
    let mark = |mark: &crate::record::chain::Mark| json!({ "sequence": mark.sequence, "at": mark.at.to_string(), "hash": mark.hash });
    json!({
        "entries": chain.entries,
        "missing": chain.missing,
        "first": chain.first.as_ref().map(mark),
        "last": chain.last.as_ref().map(mark),
    })
}

/// Tells of a broken chain on standard error, where the answer is about something else.
pub(super) fn warn(proof: &Proof) {
    if let Proof::Broken(broken) = proof {
        note(&format!("quorate: warning: the audit's chain is broken: {broken}"));
    }
}
