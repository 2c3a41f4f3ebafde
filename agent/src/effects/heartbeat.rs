//! The heartbeat row: how old the newest moment is that the primary wrote and the replica has replayed, read on the
//! replica itself. Only connects and asks; `judge` says what the answer means. It must not change anything there, must
//! not hold up whoever asks, and must not let the password out: not into an error, a log or an address.
//!
//! Each read is a connection of its own, so that a read proves what a failover needs: the name, the way, the certificate
//! and the account are good now. The name is resolved as the system does it.

mod judge;

use super::session::{Server, Sessions, reason};
use judge::Beat;
use quorate_policies::{
    document::AgentFile,
    plan::{Lag, action::Heartbeat},
    readiness::Finding,
};
use std::{path::Path, time::Duration};
use tokio::time::Instant;

/// From the first packet to the answer: some seven round trips, of at most 300 ms each between the farthest regions. A
/// promotion waits for it once.
const READ_MAX: Duration = Duration::from_secs(3);
/// How this agent shows in the server's list of sessions.
const APPLICATION: &str = "quorate heartbeat";

/// Reads heartbeat rows, with the credentials of the agent's file.
pub struct Heartbeats(Sessions);

impl Heartbeats {
    /// By the agent's own file; relative paths are below `base`.
    #[must_use]
    pub fn new(file: &AgentFile, base: &Path) -> Self {
        Self(Sessions::new(file, base))
    }

    /// How far the replica is behind by its row. Bounded; whatever goes wrong is an unknown lag with its reason.
    pub async fn read(&self, row: &Heartbeat) -> Lag {
        let began = Instant::now();
        let asked = self.ask(row).await;
        // The reading is as old as the whole read at most, as this host's own clock counts.
        judge::lag(row, asked.and_then(|beat| judge::behind(&beat)), began.elapsed())
    }

    /// What stands in the way of reading the row; none when it can be read.
    pub async fn check(&self, row: &Heartbeat) -> Option<Finding> {
        let Lag::Unknown { reason } = self.read(row).await else { return None };
        let mend = "see deploy/AWS.md, `The heartbeat row`; until then CloudWatch's ReplicaLag stands alone";
        Some(Finding::warning(reason, mend))
    }

    async fn ask(&self, row: &Heartbeat) -> Result<Beat, String> {
        let Heartbeat { host, port, database, user, .. } = row;
        let server = Server { host, port: *port, database, user, application: APPLICATION, within: READ_MAX };
        let answer = self.0.row(&server, &statement(row)).await.map_err(|trouble| trouble.to_string())?;
        let column = |error: tokio_postgres::Error| reason(&error);
        Ok(Beat {
            in_recovery: answer.try_get(0).map_err(column)?,
            kind: answer.try_get(1).map_err(column)?,
            age_s: answer.try_get(2).map_err(column)?,
        })
    }
}

/// The one statement. The names are letters, digits and `_` alone: the policy's check has seen to it, and quotes do so
/// for what came another way.
fn statement(row: &Heartbeat) -> String {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let table = row.table.split('.').map(quoted).collect::<Vec<_>>().join(".");
    let newest = format!("max({})", quoted(&row.column));
    format!(
        "SELECT pg_is_in_recovery(), pg_typeof({newest})::text, extract(epoch FROM now() - {newest})::float8 \
         FROM {table}"
    )
}
