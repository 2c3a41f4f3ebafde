//! Applying committed entries to the machine, and telling whoever waits.
//!
//! Readers take the machine as an `Arc` and keep it as long as they like. An apply changes it in place when
//! nobody holds it and copies it once otherwise, so a reader never waits and never sees half a batch.

use std::io;
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};
use openraft_rt::{AsyncRuntime, Watch, WatchSender};

use super::error::StoreError;
use super::snapshot::SnapshotBuilder;
use super::tables::{get, get_decoded, row};
use super::{Store, load, lock, snapshot};
use crate::machine::Machine;
use crate::type_config::{Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types};

/// The machine and how far the log has been folded into it.
pub(crate) struct Applied<M: Machine, R: AsyncRuntime> {
    pub(crate) log_id: Option<LogId<M, R>>,
    pub(super) membership: StoredMembership<M, R>,
    pub(crate) machine: Arc<M>,
    pub(super) announce: <R::Watch as Watch>::Sender<u64>,
}

impl<M: Machine, R: AsyncRuntime> Applied<M, R> {
    fn apply(&mut self, entry: &Entry<M, R>) -> Option<M::Response> {
        self.log_id = Some(entry.log_id);
        match &entry.payload {
            EntryPayload::Blank => None,
            EntryPayload::Normal(proposal) => Some(Arc::make_mut(&mut self.machine).apply(&proposal.0)),
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::<M, R>::new(Some(entry.log_id), membership.clone());
                None
            }
        }
    }

    fn announce(&self) {
        // The index never goes back: a snapshot is installed only when it is ahead.
        self.announce.send_if_greater(self.log_id.as_ref().map_or(0, |id| id.index));
    }
}

impl<M: Machine, R: AsyncRuntime> RaftStateMachine<Types<M, R>> for Store<M, R> {
    type SnapshotData = String;
    type SnapshotBuilder = SnapshotBuilder<M, R>;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId<M, R>>, StoredMembership<M, R>)> {
        let applied = lock(&self.0.applied);
        Ok((applied.log_id, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types<M, R>>>> + Unpin + OptionalSend,
    {
        let batch: Vec<_> = entries.try_collect().await?;
        let mut replies = Vec::with_capacity(batch.len());
        {
            let mut applied = lock(&self.0.applied);
            for (entry, responder) in batch {
                let response = applied.apply(&entry);
                replies.extend(responder.map(|responder| (responder, response)));
            }
            applied.announce();
        }
        // Only now, so that a caller who has its reply also sees its change in the state.
        for (responder, response) in replies {
            responder.send(response);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder<M, R> {
        let applied = lock(&self.0.applied);
        let meta =
            SnapshotMeta::<M, R> { last_log_id: applied.log_id, last_membership: applied.membership.clone() };
        SnapshotBuilder { store: self.clone(), meta, machine: applied.machine.clone() }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta<M, R>, text: String) -> io::Result<()> {
        let machine = load::machine::<M>("a snapshot from the leader", &text, self.knows())?;
        snapshot::save(self, meta, text).await?;
        let mut applied = lock(&self.0.applied);
        applied.log_id = meta.last_log_id;
        applied.membership = meta.last_membership.clone();
        applied.machine = Arc::new(machine);
        applied.announce();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot<M, R>>> {
        let database = lock(&self.0.database).clone().ok_or(StoreError::Closed)?;
        let Some(meta) = get_decoded(&database, row::SNAPSHOT_META)? else { return Ok(None) };
        let snapshot = get(&database, row::SNAPSHOT)?.unwrap_or_default();
        Ok(Some(Snapshot::<M, R> { meta, snapshot }))
    }
}
