//! Reading the whole store once, at start, and refusing what cannot be trusted.

use std::sync::Arc;

use openraft::EntryPayload;
use openraft_rt::{AsyncRuntime, Watch, WatchSender};
use redb::Database;

use super::error::StoreError;
use super::log::Log;
use super::machine::Applied;
use super::tables::{entries, get, get_decoded, row};
use crate::format::{Leveled, decode};
use crate::machine::{FIRST_LEVEL, Machine};
use crate::type_config::{Entry, SnapshotMeta};

pub(crate) fn log<M: Machine, R: AsyncRuntime>(
    database: &Database,
    knows: u32,
) -> Result<Log<M, R>, StoreError> {
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
        // What raised the level stands before anything that needs it, so that the level is what is told.
        let entry = entry?;
        understood(|| format!("log entry {found}"), entry_needs::<M, R>(&entry), knows)?;
        log.push(entry);
    }
    Ok(log)
}

/// A machine from its text.
pub(super) fn machine<M: Machine>(what: &str, text: &str, knows: u32) -> Result<M, StoreError> {
    let read = decode::<M>(what, text.as_bytes());
    // A text that cannot be read may still say why.
    let needs = match &read {
        Ok(machine) => machine.feature_level(),
        Err(_) => decode::<Leveled>(what, text.as_bytes()).map_or(FIRST_LEVEL, |head| head.feature_level),
    };
    understood(|| what.to_owned(), needs, knows)?;
    Ok(read?)
}

/// Refuses what needs a higher feature level than this build understands.
pub(crate) fn understood(what: impl FnOnce() -> String, needs: u32, knows: u32) -> Result<(), StoreError> {
    if needs <= knows { Ok(()) } else { Err(StoreError::Later { what: what(), needs, knows }) }
}

/// The feature level that an entry needs.
pub(crate) fn entry_needs<M: Machine, R: AsyncRuntime>(entry: &Entry<M, R>) -> u32 {
    match &entry.payload {
        EntryPayload::Normal(proposal) => M::needs(&proposal.0),
        EntryPayload::Blank | EntryPayload::Membership(_) => FIRST_LEVEL,
    }
}

/// The state as of the last snapshot; openraft then replays the committed entries behind it.
pub(crate) fn applied<M: Machine, R: AsyncRuntime>(
    database: &Database,
    announce: <R::Watch as Watch>::Sender<u64>,
    knows: u32,
) -> Result<Applied<M, R>, StoreError> {
    let mut applied: Applied<M, R> =
        Applied { log_id: None, membership: Default::default(), machine: Arc::new(M::default()), announce };
    if let Some(meta) = get_decoded::<SnapshotMeta<M, R>>(database, row::SNAPSHOT_META)? {
        let text = get(database, row::SNAPSHOT)?.unwrap_or_default();
        let machine = machine::<M>("the stored snapshot", &text, knows)?;
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
