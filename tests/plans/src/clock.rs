//! Agents to whom it is later than it is: their wall clock, and nothing else, is moved by a few lines of C that the system's compiler
//! builds and the loader puts before them, so that what is due in months is due now. Each reads its wall clock once, at its start;
//! their monotonic clocks are the machine's. So all are stopped and started again, as in a night of maintenance. (libfaketime shares
//! a lock with the children of a process, and an agent ends its commands by SIGKILL: whoever held the lock, the agent then stood.)

use super::world::World;
use anyhow::Context as _;
use quorate_test_postgres::run;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const SOURCE: &str = include_str!("later.c");
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
    /// When there is no C compiler, which Rust's linker needs too, or an agent does not get ready.
    pub(super) async fn restart(&mut self, ahead: Ahead) -> anyhow::Result<()> {
        let (source, library) = (self.home.path().join("later.c"), self.home.path().join("later.so"));
        fs::write(&source, SOURCE)?;
        run(Command::new("cc").args(["-O", "-shared", "-fPIC", "-o"]).args([&library, &source]))?;
        let (library, seconds) = (library.display(), ahead.0.as_secs());
        fs::write(
            self.home.path().join("clock"),
            format!("export LD_PRELOAD='{library}' LATER_S={seconds}\n"),
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
