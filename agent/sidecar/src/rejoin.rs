//! Makes a former primary a standby of the new one: rewinds its directory, and writes what a standby needs. It acts when the
//! guard's core has said so, with the server down; whenever it does not know, it changes nothing or tells a human.
//!
//! From the moment `pg_rewind` begins until all is written, a mark beside the directory keeps every later guard from
//! starting it: half rewound, it is neither server's.

use crate::{
    core::Rejoined,
    directory::{self, Seen},
    program,
    server::Launch,
};
use anyhow::{Context as _, bail};
use std::time::Duration;
use tokio::process::Command;

/// The other server answers a statement, also from another region, well within this; a checkpoint takes the longest.
const SOURCE_MAX: Duration = Duration::from_secs(60);
/// `pg_rewind` first recovers the directory, then copies what has changed. Longer, a new copy is the quicker way.
const REWIND_MAX: Duration = Duration::from_secs(3_600);

const WHO: &str = "SELECT pg_is_in_recovery()::text || ' ' || CASE WHEN pg_is_in_recovery() THEN '0' ELSE \
     (('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int)::text END || ' ' || \
     (SELECT system_identifier FROM pg_control_system())";

/// How this server joins another one.
#[derive(Debug, Clone)]
pub struct Rejoin {
    /// This server.
    pub launch: Launch,
    /// Where the primary is, for libpq; without a password.
    pub primary_conninfo: Option<String>,
    /// The physical slot that it uses there.
    pub slot: Option<String>,
}

impl Rejoin {
    /// Does it, as far as it goes.
    pub async fn run(&self) -> Rejoined {
        match self.prepare().await {
            Ok(Ready::Yes) => match self.rewind().await {
                Ok(()) => Rejoined::Done,
                Err(error) => Rejoined::Impossible { what: self.by_hand(&format!("{error:#}"), true) },
            },
            Ok(Ready::Never(why)) => Rejoined::Impossible { what: self.by_hand(&why, false) },
            Err(error) => Rejoined::NotYet { why: format!("{error:#}") },
        }
    }

    /// Looks whether there is a primary to join, and makes it ready. Nothing of this server changes.
    async fn prepare(&self) -> anyhow::Result<Ready> {
        if self.primary_conninfo.is_none() {
            return Ok(Ready::Never("no --primary-conninfo says where the primary is".to_owned()));
        }
        let own = directory::look(&self.launch.programs, &self.launch.pgdata).await?;
        let said = self.ask(WHO).await?;
        if let Some(never) = compare(&own, &said)? {
            return Ok(Ready::Never(never));
        }
        if !own.directory.can_rewind {
            let why = "pg_rewind needs data checksums or wal_log_hints = on, and this cluster has neither";
            return Ok(Ready::Never(why.to_owned()));
        }
        // Until its first checkpoint after the promotion, a primary's control file names the old timeline, and pg_rewind
        // would find nothing to do.
        self.ask("CHECKPOINT").await?;
        if let Some(slot) = &self.slot {
            let make = format!(
                "SELECT pg_create_physical_replication_slot('{slot}', true) \
                 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '{slot}')"
            );
            self.ask(&make).await?;
        }
        Ok(Ready::Yes)
    }

    async fn rewind(&self) -> anyhow::Result<()> {
        let launch = &self.launch;
        let mark = directory::mark(&launch.pgdata);
        let note = self.by_hand("it was interrupted", true);
        directory::write_durably(&mark, &note, false).with_context(|| mark.display().to_string())?;
        let mut rewind = program::command(launch.programs.join("pg_rewind"));
        rewind.arg("--target-pgdata").arg(&launch.pgdata).arg("--source-server").arg(self.source());
        if let Some(file) = &launch.config_file {
            rewind.arg("--config-file").arg(file);
        }
        program::run(&mut rewind, REWIND_MAX).await?;
        let quote = |text: &str| text.replace('\'', "''");
        let conninfo = self.primary_conninfo.as_deref().unwrap_or_default();
        let slot = self.slot.as_deref().unwrap_or_default();
        let settings = format!(
            "# A standby of the new primary, by quorate guard.\nprimary_conninfo = '{}'\nprimary_slot_name = '{}'\n",
            quote(conninfo),
            quote(slot)
        );
        directory::write_durably(&launch.pgdata.join("postgresql.auto.conf"), &settings, true)?;
        directory::write_durably(&launch.pgdata.join("standby.signal"), "", false)?;
        std::fs::remove_file(&mark).with_context(|| mark.display().to_string())
    }

    async fn ask(&self, statement: &str) -> anyhow::Result<String> {
        let mut psql: Command = program::command(self.launch.programs.join("psql"));
        psql.args(["-X", "-w", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d"]).arg(self.source());
        psql.args(["-c", statement]).env("PGCONNECT_TIMEOUT", "3");
        let said = program::run(&mut psql, SOURCE_MAX).await;
        said.map(|said| said.trim().to_owned()).context("the server of --primary-conninfo")
    }

    /// `psql` and `pg_rewind` need a database; replication has none.
    fn source(&self) -> String {
        let conninfo = self.primary_conninfo.as_deref().unwrap_or_default();
        if conninfo.contains("dbname") { conninfo.to_owned() } else { format!("{conninfo} dbname=postgres") }
    }

    /// What a human must do, with the commands.
    fn by_hand(&self, why: &str, marked: bool) -> String {
        let launch = &self.launch;
        let (bin, data) = (launch.programs.display(), launch.pgdata.display());
        let source = self.source();
        let slot = self.slot.as_ref().map(|slot| format!(" --slot={slot}")).unwrap_or_default();
        let config = launch
            .config_file
            .as_ref()
            .map(|file| format!(" --config-file={}", file.display()))
            .unwrap_or_default();
        let mark = directory::mark(&launch.pgdata);
        let unmark = if marked { format!("\n  rm {}", mark.display()) } else { String::new() };
        let again = if marked {
            format!(
                "If the reason can be mended and the directory was not changed, try again:{unmark}\n  \
                 {bin}/pg_rewind --target-pgdata={data} --source-server='{source}'{config}\n  touch {data}/standby.signal\n"
            )
        } else {
            String::new()
        };
        format!(
            "this former primary cannot be made a standby: {why}. It stays down. {again}\
             Otherwise copy it anew, as the server's user, with the guard stopped:\n  mv {data} {data}.old\n  \
             {bin}/pg_basebackup --pgdata={data} --dbname='{source}' --write-recovery-conf --wal-method=stream \
             --checkpoint=fast{slot}{unmark}\nand start the guard again."
        )
    }
}

enum Ready {
    Yes,
    Never(String),
}

/// Whether the other server is one that this directory can follow: `None`. An error may pass with time.
fn compare(own: &Seen, said: &str) -> anyhow::Result<Option<String>> {
    let mut words = said.split(' ');
    let (Some(recovery), Some(timeline), Some(system)) = (words.next(), words.next(), words.next()) else {
        bail!("the server of --primary-conninfo says `{said}`");
    };
    if system != own.system_identifier {
        let ours = &own.system_identifier;
        return Ok(Some(format!("the other server is another cluster ({system}, not {ours})")));
    }
    if recovery != "false" {
        bail!("the server of --primary-conninfo is no primary");
    }
    // A promotion opens a new timeline. A primary on our own was not promoted after us, and following it would throw
    // away what only this server has.
    let timeline: u32 = timeline.parse().context("its timeline")?;
    if timeline <= own.directory.timeline {
        let ours = own.directory.timeline;
        bail!(
            "the server of --primary-conninfo is a primary on timeline {timeline}, not after this server's {ours}"
        );
    }
    Ok(None)
}
