//! `quorate audit export`: the audit in a file. What it writes is what was chained; a chain that is broken is written all
//! the same, because whoever looks into it needs it, and said to be.

use super::{Wanted, warn};
use crate::{
    cli::{
        connection::{Connection, Output, Session, note},
        exit::{Exit, Failure},
        held::{Held, HeldError, Proof},
    },
    record::{part, past, place, sqlite},
};
use clap::{Args, ValueEnum};
use quorate_api::{AuditEntry, ExecutionList};
use std::{fs, io::Write as _, path::PathBuf};

/// `quorate audit export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What is written.
    #[arg(long, value_enum)]
    format: ExportFormat,
    /// Where.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace what stands there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    wanted: Wanted,
    /// Read an agent's audit.jsonl, which goes back to the beginning, in place of asking an agent. What was measured of an
    /// execution, only an agent knows: the columns for it are then empty.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    /// One chained line for each entry.
    Jsonl,
    /// A database with the tables `dr_audit_log` and `dr_audit_chain`.
    Sqlite,
}

pub(super) async fn export(args: &ExportArgs) -> Result<Exit, Failure> {
    let (held, executions) = match &args.from {
        Some(file) => (Held::after_file(file, Held::default())?, Vec::new()),
        None => {
            let session = Session::reading(&args.connection, Output::default())?;
            let executions =
                session.client.get::<ExecutionList>(&["executions"], &[]).await?.value.executions;
            (Held::from_agent(&session.client).await?, executions)
        }
    };
    let proof = held.proof(false);
    if matches!(proof, Proof::NotTold) {
        return Err(HeldError::NotTold.into());
    }
    warn(&proof);
    let part = args.wanted.part();
    let wanted: Vec<AuditEntry> = held.entries.iter().filter(|entry| part.holds(entry)).cloned().collect();
    match args.format {
        ExportFormat::Jsonl => place::put(&args.out, args.force, |file| {
            let mut out = std::io::BufWriter::new(fs::File::create(file)?);
            wanted.iter().try_for_each(|entry| writeln!(out, "{}", entry.line))?;
            out.flush()
        })?,
        ExportFormat::Sqlite => {
            let rows = sqlite::rows(&wanted, &past::pasts(&held.entries, &executions));
            place::put(&args.out, args.force, |file| sqlite::write(file, &rows, &wanted))?;
        }
    }
    note(&format!("{}: {}", args.out.display(), said(&wanted)));
    let begins = held.entries.first().map_or(0, |entry| entry.sequence);
    let early = part.since.is_none_or(|since| {
        held.entries.first().and_then(|first| part::moment(&first.at)).is_some_and(|first| first > since)
    });
    if begins > 1 && early {
        note(&format!(
            "It begins with entry {begins}: the agent holds none before. Its audit.jsonl has them all: --from FILE."
        ));
    }
    Ok(if matches!(proof, Proof::Broken(_)) { Exit::Failed } else { Exit::Done })
}

fn said(entries: &[AuditEntry]) -> String {
    match entries {
        [] => "no entry".to_owned(),
        [only] => format!("entry {}", only.sequence),
        [first, .., last] => {
            format!("{} entries, {} to {}", entries.len(), first.sequence, last.sequence)
        }
    }
}
