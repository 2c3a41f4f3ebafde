//! `postgres.restore`: a database is filled from a dump, in one transaction that also leaves a note of which execution
//! restored what. So a look tells what stands: the note, or nothing of it. This file looks and starts; `judge` says what a look
//! means, `feed` is the restore itself, `reading` reads a backup to its end beforehand, `runs` are the threads.
//!
//! - **The file is checked first,** and what it is (name, size, date, SHA-256) is in the log before anything is changed.
//! - **Interrupted:** the transaction is ended by whoever holds the other end of the pipe. An agent that dies, or a dump that
//!   ends too early, commits nothing; the next attempt begins anew. While another session is at it, an advisory lock says so.
//! - **Freshness is looked at here,** because the log knows no files: no backup as young as `max_age`, no restore.
//! - **What may be restored** is said by the agent's own file: `psql` carries out what a plain dump says, so the folder of the
//!   dumps is as powerful as the agent itself.

mod feed;
mod judge;
pub(super) mod reading;
pub(super) mod runs;

use super::session::{Server, Sessions};
use crate::backups::{Programs, dump};
use feed::Order;
use judge::{Step, Target};
use quorate_policies::{
    Timestamp,
    document::AgentFile,
    effect::{Acted, EffectContext, Observed},
    plan::{Before, action::PostgresRestore},
    readiness::Finding,
};
use quorate_probes::PostgresCredentials;
use reading::{Chosen, Readings, choose};
use runs::Runs;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// One statement over a session of its own: what takes long is the way.
const LOOK_MAX: Duration = Duration::from_secs(3);
/// A look at the file for readiness: within what a step's look may take there.
const CHECK_MAX: Duration = Duration::from_secs(6);
/// How the session shows in the server's list.
const APPLICATION: &str = "quorate restore";

/// The room.
pub(super) struct Restores {
    sessions: Sessions,
    credentials: Option<Arc<PostgresCredentials>>,
    programs: Programs,
    region: String,
    allowed: Vec<PathBuf>,
    readings: Readings,
    runs: Runs,
}

impl Restores {
    pub(super) fn new(file: &AgentFile, base: &Path, sessions: Sessions) -> Self {
        Self {
            sessions,
            credentials: file
                .postgres
                .as_ref()
                .map(|section| Arc::new(PostgresCredentials::of(section, base))),
            programs: Programs::of(file),
            region: file.region.to_string(),
            allowed: file.backups.as_ref().map(|backups| backups.restore_from.clone()).unwrap_or_default(),
            readings: Readings::default(),
            runs: Runs::default(),
        }
    }

    pub(super) async fn observe(&self, action: &PostgresRestore, context: &EffectContext) -> Observed {
        let target = match self.target(action).await {
            Ok(target) => target,
            Err(reason) => return Observed::Unknown { reason },
        };
        let run = self.runs.seen(&key(action, context), context.attempt);
        match judge::target(action, context, &target, run.as_ref()) {
            Step::Say(observed) => observed,
            Step::Choose => {
                let chosen = choose(&action.dump, &self.allowed, context.before.as_ref(), wall()).await;
                let chosen = match chosen {
                    Ok(chosen) => chosen,
                    Err(refused) => return refused,
                };
                let programs = self.programs.clone();
                let sound = |path: PathBuf, deadline| {
                    let programs = programs.clone();
                    async move { dump::check(&path, &programs, deadline).await.map(drop) }
                };
                self.readings.observe(&chosen, &target.there(), sound)
            }
        }
    }

    /// Starts the restore and returns; from then on looks tell.
    pub(super) fn act(&self, action: &PostgresRestore, context: &EffectContext) -> Acted {
        let refused = |reason: String| Acted::Refused { reason, retryable: false };
        let Some(Before::Restored { file, bytes, taken, sha256, .. }) = &context.before else {
            return refused("nothing sent: the dump is not noted".to_owned());
        };
        let Some(credentials) = &self.credentials else {
            return refused("nothing sent: the agent's file has no `postgres` section".to_owned());
        };
        let chosen = Chosen { path: file.into(), changed: *taken, bytes: *bytes };
        let order = Order {
            psql: self.programs.path("psql"),
            pg_restore: self.programs.path("pg_restore"),
            action: action.clone(),
            credentials: Arc::clone(credentials),
            note: judge::Note {
                execution: context.execution.clone(),
                pattern: action.dump.path.clone(),
                file: file.clone(),
                bytes: *bytes,
                taken: taken.to_string(),
                sha256: sha256.clone(),
            },
            chosen,
        };
        let started = self
            .runs
            .start(key(action, context), context.attempt, move |progress| feed::run(&order, progress));
        match started {
            Ok(()) => Acted::Accepted { detail: format!("the restore of {file} has begun") },
            Err(reason) => Acted::Refused { reason, retryable: true },
        }
    }

    /// What stands in the way: the file as it is now is what would be restored now, so no fresh one is a reason to stop.
    pub(super) async fn check(&self, action: &PostgresRestore) -> Vec<Finding> {
        if action.region != self.region {
            return vec![Finding::note(format!("the dump is looked at by the agents in {}", action.region))];
        }
        let chosen = match choose(&action.dump, &self.allowed, None, wall()).await {
            Ok(chosen) => chosen,
            Err(Observed::Unknown { reason }) => return vec![Finding::unknown(reason, "look again later")],
            Err(Observed::Impossible { reason }) => {
                return vec![Finding::blocking(reason, "the restore is refused")];
            }
            Err(_) => return Vec::new(),
        };
        let Some(chosen) = chosen.first() else { return Vec::new() };
        let mut findings = Vec::new();
        match dump::check(&chosen.path, &self.programs, Instant::now() + CHECK_MAX).await {
            Ok(kind) => findings.push(Finding::note(format!("{chosen} is a whole dump ({kind:?})"))),
            Err(crate::backups::Wrong::Broken(why)) => {
                let mend = "the one before it is restored, if it is fresh and whole";
                findings.push(Finding::warning(format!("{chosen}: {why}"), mend));
            }
            Err(crate::backups::Wrong::Unread(why)) => {
                findings.push(Finding::unknown(format!("{chosen}: {why}"), "look again later"));
            }
        }
        match self.target(action).await {
            Ok(target) => findings.extend(judge::finding(action, &target)),
            Err(why) => findings.push(Finding::unknown(why, "look again later")),
        }
        findings
    }

    async fn target(&self, action: &PostgresRestore) -> Result<Target, String> {
        let asked = self.sessions.row(&server(action), &judge::look()).await;
        let row = asked.map_err(|trouble| format!("{} cannot be asked: {trouble}", action.host))?;
        let column = |error: tokio_postgres::Error| super::session::reason(&error);
        Ok(Target {
            standby: row.try_get(0).map_err(column)?,
            tables: row.try_get(1).map_err(column)?,
            note: row.try_get(2).map_err(column)?,
            locked: row.try_get(3).map_err(column)?,
        })
    }
}

/// Which restore: one at a time into one database.
fn key(action: &PostgresRestore, context: &EffectContext) -> String {
    let PostgresRestore { host, port, database, .. } = action;
    format!("{} {host}:{port}/{database}", context.execution)
}

fn server(action: &PostgresRestore) -> Server<'_> {
    let PostgresRestore { host, port, database, user, .. } = action;
    Server { host, port: *port, database, user, application: APPLICATION, within: LOOK_MAX }
}

/// This host's wall clock, as the dates of its files are told.
pub(super) fn wall() -> Timestamp {
    crate::backups::files::moment(std::time::SystemTime::now())
}
