//! Agents to whom it is later than it is: their wall clock, and nothing else, is moved by libfaketime (Debian's), so that what is due
//! in months is due now. Each reads its wall clock once, at its start; their monotonic clocks are the machine's. So all are
//! stopped and started again, as in a night of maintenance.

use super::world::World;
use anyhow::{Context as _, ensure};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const DAY_S: u64 = 86_400;

/// By how much the agents' wall clock is ahead.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead(Duration);

impl Ahead {
    /// So much that it is this hour (UTC) of the day that comes after so many days.
    ///
    /// # Errors
    /// When the machine's own clock stands before 1970.
    pub(super) fn to(days: u64, hour: u64) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let then = (now / DAY_S + days) * DAY_S + hour * 3_600;
        Ok(Self(Duration::from_secs(then - now)))
    }

    /// The moment that the agents take for now.
    pub(super) fn now(self) -> SystemTime {
        SystemTime::now() + self.0
    }
}

/// A program that starts the agent with the clock that stands in `home`: the machine's own as long as none does.
///
/// # Errors
/// When it cannot be written.
pub(super) fn starter(home: &Path, agent: &Path) -> anyhow::Result<PathBuf> {
    let (file, clock) = (home.join("agent"), home.join("clock"));
    fs::write(&clock, "")?;
    fs::write(&file, format!("#!/bin/sh\n. '{}'\nexec '{}' \"$@\"\n", clock.display(), agent.display()))?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

impl World {
    /// Stops all agents and starts them with their wall clock so far ahead.
    ///
    /// # Errors
    /// When libfaketime is not installed (`tests/run` installs it), or an agent does not get ready.
    pub(super) async fn restart(&mut self, ahead: Ahead) -> anyhow::Result<()> {
        ensure!(Path::new(LIBRARY).exists(), "{LIBRARY} is not installed: run tests/run once");
        let seconds = ahead.0.as_secs();
        fs::write(
            self.home.path().join("clock"),
            format!(
                "export LD_PRELOAD={LIBRARY} FAKETIME=+{seconds}s NO_FAKE_STAT=1 DONT_FAKE_MONOTONIC=1 \
                 FAKETIME_DONT_FAKE_MONOTONIC=1\n"
            ),
        )?;
        for agent in &mut self.agents {
            agent.stop().await;
        }
        let names: Vec<String> = self.agents.iter().map(|agent| agent.name.clone()).collect();
        for agent in &mut self.agents {
            agent.start()?;
        }
        for name in names {
            let api =
                self.agents.iter().find(|agent| agent.name == name).context("it is one of ours")?.api.clone();
            self.until("the agent is back", async || Ok(api.ok("/readyz").await.then_some(()))).await?;
        }
        Ok(())
    }
}
