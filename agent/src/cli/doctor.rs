//! `quorate doctor`: what an installation lacks, seen from one agent's host. It changes nothing; what is looked at and how
//! it is judged stands in `crate::doctor`.

use super::{
    connection::{Format, Output, document_text},
    exit::{Exit, Failure},
    render,
    screen::Screen,
};
use crate::doctor::{self, Asked, Diagnosis, Facts, Status, finding::outcome};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// After this the doctor gives up as a whole. Each look has a deadline of its own, and the longest of them in a row take
/// less; this one is for a host on which even a timer's work is not done.
const DOCTOR_MAX: Duration = Duration::from_secs(90);

/// `quorate doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The agent's own file.
    #[arg(long, env = "QUORATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
    /// Policies, to be checked with it. Without them, and while the agent does not run, targets and plans are not looked at.
    #[arg(value_name = "POLICY")]
    policies: Vec<PathBuf>,
    #[command(flatten)]
    output: Output,
}

/// Looks, judges, and shows what was found. One failed check is a failure of the whole.
///
/// # Errors
/// When the looks do not end, or standard output is closed.
pub async fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    let asked = Asked {
        config: (args.config.clone(), read(&args.config)),
        policies: args.policies.iter().map(|file| (file.clone(), read(file))).collect(),
    };
    let facts = tokio::time::timeout(DOCTOR_MAX, doctor::collect(&asked)).await.map_err(|_| {
        let limit = DOCTOR_MAX.as_secs();
        Failure::Run(anyhow::anyhow!(
            "the looks did not end within {limit} s: is this host short of everything?"
        ))
    })?;
    let diagnosis = diagnosis(&args.config, &facts, began.elapsed());
    let screen = Screen::detect();
    let text = match args.output.output {
        Format::Table => render::doctor::diagnosis(screen, &diagnosis),
        format @ (Format::Json | Format::Yaml) => {
            let document = serde_json::to_value(&diagnosis)
                .map_err(|error| Failure::Format { format: "JSON", detail: error.to_string() })?;
            document_text(format, &document)?
        }
    };
    screen.print(&text)?;
    Ok(if diagnosis.outcome == Status::Failed { Exit::Failed } else { Exit::Done })
}

/// A file that cannot be read is a finding, not the end.
fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| error.to_string())
}

fn diagnosis(config: &Path, facts: &Facts, took: Duration) -> Diagnosis {
    let findings = doctor::judge(facts);
    let installation = facts.installation.as_ref();
    let region = installation.and_then(|one| one.members.get(&one.name));
    Diagnosis {
        agent: installation.map(|one| one.name.to_string()),
        region: region.map(ToString::to_string),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        config: config.display().to_string(),
        running: installation.is_some_and(|one| one.local.status().is_some()),
        at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        outcome: outcome(&findings),
        findings,
    }
}
