//! `quorate apply` and `quorate diff`: a local policy put into force, or compared with the one in force. A policy is
//! checked here first, so that its problems show without an agent.

use super::{
    connection::{Connection, Output, Session, note, read_text, reason},
    exit::{Exit, Failure},
    screen::{Screen, Tone},
};
use clap::Args;
use quorate_api::{ApplyPolicy, Changed, PolicyView};
use quorate_policies::{Policy, document};
use similar::TextDiff;
use std::path::{Path, PathBuf};

/// Unchanged lines around a difference: three, as every diff shows.
const CONTEXT_LINES: usize = 3;

/// `quorate apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The policy.
    file: PathBuf,
    /// Why; it stands in the audit.
    #[arg(long, value_parser = reason)]
    reason: String,
    #[command(flatten)]
    connection: Connection,
}

/// `quorate diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The local policy.
    file: PathBuf,
    #[command(flatten)]
    connection: Connection,
}

/// Puts a policy into force.
///
/// # Errors
/// When the policy has errors, no agent answers, or it refuses.
pub async fn apply(args: &ApplyArgs) -> Result<Exit, Failure> {
    let (text, _) = read(&args.file)?;
    let session = Session::changing(&args.connection, Output::default())?;
    let file = args.file.display().to_string();
    let body = ApplyPolicy { policy: text, file: Some(file), reason: args.reason.clone() };
    let answer = session.client.post::<Changed>(&["policies"], &body).await?;
    session.screen.print(&answer.value.message)?;
    Ok(Exit::Done)
}

/// Compares a policy with the one in force. As of `diff`, the exit code is 1 when they differ.
///
/// # Errors
/// When the policy has errors, or no agent answers.
pub async fn diff(args: &DiffArgs) -> Result<Exit, Failure> {
    let (_, policy) = read(&args.file)?;
    let session = Session::reading(&args.connection, Output::default())?;
    let file = args.file.display().to_string();
    let (name, in_force) =
        match session.client.get::<PolicyView>(&["policies", policy.service.as_str()], &[]).await {
            Ok(answer) => (format!("in force, version {}", answer.value.version), answer.value.policy),
            Err(error) if error.is_not_found() => {
                note(&format!("quorate: no policy of `{}` is in force yet", policy.service));
                ("in force: none".to_owned(), String::new())
            }
            Err(error) => return Err(error.into()),
        };
    let text = difference(session.screen, (&name, &in_force), (&file, &policy));
    if text.is_empty() {
        session.screen.print(&format!("{file} is what is in force"))?;
        return Ok(Exit::Done);
    }
    session.screen.print(&text)?;
    Ok(Exit::Failed)
}

/// The difference from the policy in force to a local one, both with every default written out, so that a default
/// that is spelt out is no difference. Empty when there is none.
#[must_use]
pub fn difference(screen: Screen, in_force: (&str, &str), local: (&str, &Policy)) -> String {
    // A policy that a newer agent wrote may not read here; its own text is then the best there is.
    let old = document::read_policy(in_force.0, in_force.1)
        .map_or_else(|_| in_force.1.to_owned(), |policy| document::explain(&policy));
    let new = document::explain(local.1);
    let diff = TextDiff::from_lines(&old, &new);
    let text = diff.unified_diff().context_radius(CONTEXT_LINES).header(in_force.0, local.0).to_string();
    let tone = |line: &str| match line.as_bytes().first() {
        Some(b'+') => Tone::Good,
        Some(b'-') => Tone::Bad,
        _ => Tone::Plain,
    };
    text.lines().map(|line| screen.toned(line, tone(line))).collect::<Vec<_>>().join("\n")
}

fn read(file: &Path) -> Result<(String, Policy), Failure> {
    let text = read_text(file)?;
    let policy = document::read_policy(&file.display().to_string(), &text)
        .map_err(|problems| Failure::Findings(problems.iter().map(ToString::to_string).collect()))?;
    Ok((text, policy))
}
