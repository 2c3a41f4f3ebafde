//! Other programs, run to their end within a limit. It decides nothing.

use anyhow::{Context as _, bail};
use std::{
    ffi::OsStr,
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, process::Command, time::timeout};

/// What a program says when it fails is for one log line.
const REASON_CHARS_MAX: usize = 1_500;

/// A program with a plain environment: its messages are read, and `nft` is not in everybody's path.
#[must_use]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").kill_on_drop(true);
    command.stdin(Stdio::null());
    command
}

/// Runs it; returns what it prints.
///
/// # Errors
/// When it cannot run, fails (with what it says), or is not done after `max`; then it is killed.
pub async fn run(command: &mut Command, max: Duration) -> anyhow::Result<String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output =
        timeout(max, command.output()).await.with_context(|| format!("{name}: not done after {max:?}"))?;
    said(&name, &output.with_context(|| name.clone())?)
}

/// Runs it with this as its input.
///
/// # Errors
/// As [`run`].
pub async fn feed(command: &mut Command, input: &str, max: Duration) -> anyhow::Result<()> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    let mut pipe = child.stdin.take().context("no input")?;
    let done = async {
        pipe.write_all(input.as_bytes()).await?;
        drop(pipe);
        child.wait_with_output().await
    };
    let output = timeout(max, done).await.with_context(|| format!("{name}: not done after {max:?}"))?;
    said(&name, &output.with_context(|| name.clone())?).map(drop)
}

/// What a program printed; why it failed, if it did.
fn said(name: &str, output: &Output) -> anyhow::Result<String> {
    if !output.status.success() {
        let said: String = String::from_utf8_lossy(&output.stderr).chars().take(REASON_CHARS_MAX).collect();
        bail!("{name}: {}: {}", output.status, said.trim().replace('\n', "; "));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
