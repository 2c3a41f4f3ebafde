//! Reading the whole store once, at start, and refusing what cannot be trusted.

use std::sync::Arc;

use openraft_rt::{AsyncRuntime, Watch, WatchSender};
use redb::Database;

use super::error::StoreError;
use super::log::Log;
use super::machine::Applied;
use super::tables::{entries, get, get_decoded, row};
use crate::format::decode;
use crate::machine::Machine;
use crate::type_config::{Entry, SnapshotMeta};

pub(crate) fn log<M: Machine, R: AsyncRuntime>(database: &Database) -> Result<Log<M, R>, StoreError> {
    let mut log: Log<M, R> = Log {
        vote: get_decoded(database, row::VOTE)?,
        committed: get_decoded(database, row::COMMITTED)?,
        purged: get_decoded(database, row::PURGED)?,
        entries: Default::default(),
        memberships: Default::default(),
    };
    let first = log.purged.as_ref().map_or(0, |purged| purged.index + 1);
    for (missing, (found, entry)) in (first..).zip(entries::<Entry<M, R>>(database)?) {
        if found != missing {
            return Err(StoreError::Hole { missing, found });
        }
        log.push(entry);
    }
    Ok(log)
}

/// The state as of the last snapshot; openraft then replays the committed entries behind it.
pub(crate) fn applied<M: Machine, R: AsyncRuntime>(
    database: &Database,
    announce: <R::Watch as Watch>::Sender<u64>,
) -> Result<Applied<M, R>, StoreError> {
    let mut applied: Applied<M, R> =
        Applied { log_id: None, membership: Default::default(), machine: Arc::new(M::default()), announce };
    if let Some(meta) = get_decoded::<SnapshotMeta<M, R>>(database, row::SNAPSHOT_META)? {
        let text = get(database, row::SNAPSHOT)?.unwrap_or_default();
        let machine = decode::<M>("the stored snapshot", text.as_bytes())?;
        applied.announce.send_if_greater(meta.last_log_id.as_ref().map_or(0, |id| id.index));
        applied = Applied {
            log_id: meta.last_log_id,
            membership: meta.last_membership,
            machine: Arc::new(machine),
            ..applied
        };
    }
    Ok(applied)
}
