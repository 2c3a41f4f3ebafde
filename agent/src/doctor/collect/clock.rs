//! Whether the kernel's clock is synchronised, asked of whoever on this host can say it. The kernel's own answer needs a
//! system call for which there is no safe wrapper; `timedatectl` passes on just that, and chrony and systemd-timesyncd know
//! it of themselves. Where none of them is, nobody knows: a clock that a hypervisor keeps right is no wrong clock.

use crate::doctor::facts::Synchronized;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::process::Command;

/// Each of them answers from memory; one that does not has no service behind it.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// What systemd-timesyncd touches when it has set the clock, at a path that only it and root can make.
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";
/// The part of chrony's answer that says how it follows: `Normal`, or `Not synchronised`.
const CHRONY_LEAP: usize = 13;

/// Asks each in turn; the first that knows is believed.
pub(super) async fn synchronized() -> Option<Synchronized> {
    let said = |yes: bool, by: &str| Some(Synchronized { yes, by: by.to_owned() });
    let timedatectl = output("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).await;
    match timedatectl.as_deref().map(str::trim) {
        Some("yes") => return said(true, "the kernel (timedatectl)"),
        Some("no") => return said(false, "the kernel (timedatectl)"),
        _ => {}
    }
    if let Some(yes) = output("chronyc", &["-c", "tracking"]).await.as_deref().and_then(chrony) {
        return said(yes, "chrony (chronyc tracking)");
    }
    if Path::new(TIMESYNCD).exists() { said(true, "systemd-timesyncd") } else { None }
}

/// What `chronyc -c tracking` means.
fn chrony(answer: &str) -> Option<bool> {
    let leap = answer.trim().split(',').nth(CHRONY_LEAP)?;
    Some(leap != "Not synchronised")
}

async fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let done = tokio::time::timeout(ANSWER_MAX, command.output()).await.ok()?.ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: chrony's answer is read, and what is no such answer says nothing. Method: real lines of it.
    #[test]
    fn chronys_answer_is_read() {
        let line = |leap: &str| {
            format!(
                "A9FEA97B,169.254.169.123,4,1700000000.1,0.000001,0.000002,0.00001,-1.2,0.0,0.01,0.0002,0.0001,16.1,{leap}\n"
            )
        };
        assert_eq!(chrony(&line("Normal")), Some(true));
        assert_eq!(chrony(&line("Not synchronised")), Some(false));
        assert_eq!(chrony("506 Cannot talk to daemon"), None);
    }
}
