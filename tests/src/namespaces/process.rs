//! Running the system's own tools and saying what went wrong. It must not be used for what may take long: it blocks.

use anyhow::{Context as _, bail};
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Runs a command with a text on its standard input, and returns what it said.
pub(super) fn run(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let shown = format!("{command:?}");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read ends with the pipe closed; its status tells.
        let _ = stdin.write_all(input.as_bytes());
    }
    let ended = child.wait_with_output().with_context(|| format!("cannot wait for {shown}"))?;
    if !ended.status.success() {
        bail!("{shown} ended with {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// Sends a signal, by its name.
pub(super) fn signal(name: &str, process: u32) -> anyhow::Result<()> {
    run(Command::new("kill").arg(format!("-{name}")).arg(process.to_string()), "").map(drop)
}
