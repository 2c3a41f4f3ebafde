//! The demo's three agents: real processes of this very binary, with ordinary configuration files. They die with the
//! demo, however it ends.

use super::api::Api;
use crate::outgoing::HttpClient;
use anyhow::Context as _;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::{Child, Command};

/// How long an agent may take to stop when asked.
const STOP_MAX: Duration = Duration::from_secs(5);

/// Lines of a log that tell why it went wrong.
const LAST_WORDS: usize = 12;

/// One agent.
pub struct AgentProcess {
    /// Its name, which is its region's in the demo.
    pub name: String,
    /// Its API.
    pub api: Api,
    /// Its API's address.
    pub url: String,
    binary: PathBuf,
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl AgentProcess {
    /// An agent that has not been started.
    #[must_use]
    pub fn new(
        client: &HttpClient,
        binary: &Path,
        name: &str,
        url: String,
        token: &str,
        config: PathBuf,
        log: PathBuf,
    ) -> Self {
        let api = Api::new(client, url.clone(), Some(token.to_owned()));
        Self { name: name.to_owned(), api, url, binary: binary.to_owned(), config, log, child: None }
    }

    /// Starts the process. It ends with this one: a kill of the demo leaves no orphan.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(&self.binary)
            .args(["agent", "--config"])
            .arg(&self.config)
            .env("AWS_ACCESS_KEY_ID", format!("SANDBOX{}", self.name.to_uppercase().replace('-', "")))
            .env("AWS_SECRET_ACCESS_KEY", "sandbox")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // The agent stops when this pipe closes, which the system does however the demo ends.
            .env(crate::shell::signals::STOP_WITH_STDIN, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the agent {}", self.name))?;
        self.child = Some(child);
        Ok(())
    }

    /// Whether it was started and not killed.
    #[must_use]
    pub const fn alive(&self) -> bool {
        self.child.is_some()
    }

    /// Its process, if it was started and not killed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref()?.id()
    }

    /// SIGKILL: no goodbye. It may be started again.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have died by itself; then there is nothing to kill.
            let _ = child.kill().await;
        }
    }

    /// Asks it to stop, and kills it if it does not.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.stdin.take());
        if tokio::time::timeout(STOP_MAX, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }

    /// Why it ended, if it has.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        Some(format!("agent {} ended ({status}); it said last:\n{}", self.name, self.last_words()))
    }

    /// The end of its log, which is removed with the demo's directory.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_WORDS)..].join("\n")
    }
}
