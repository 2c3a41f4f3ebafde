//! Writing the machine's state as one snapshot, durable before anything behind it is purged.

use std::io;
use std::sync::Arc;

use openraft::storage::RaftSnapshotBuilder;
use openraft_rt::AsyncRuntime;

use super::Store;
use super::error::StoreError;
use super::tables::{get_in, put, row};
use crate::format::encode;
use crate::machine::Machine;
use crate::type_config::{Snapshot, SnapshotMeta, Types};

/// A view of the machine at one moment, to be written while applies go on.
pub struct SnapshotBuilder<M: Machine, R: AsyncRuntime> {
    pub(super) store: Store<M, R>,
    pub(super) meta: SnapshotMeta<M, R>,
    pub(super) machine: Arc<M>,
}

impl<M: Machine, R: AsyncRuntime> RaftSnapshotBuilder<Types<M, R>> for SnapshotBuilder<M, R> {
    type SnapshotData = String;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot<M, R>> {
        let snapshot = encode("a snapshot", &*self.machine).map_err(StoreError::from)?;
        save(&self.store, &self.meta, snapshot.clone()).await?;
        Ok(Snapshot::<M, R> { meta: self.meta.clone(), snapshot })
    }
}

/// Stores a snapshot, unless a newer one arrived from the leader while this one was being built.
pub(super) async fn save<M: Machine, R: AsyncRuntime>(
    store: &Store<M, R>,
    meta: &SnapshotMeta<M, R>,
    text: String,
) -> Result<(), StoreError> {
    let last = meta.last_log_id;
    let meta = encode("what a snapshot covers", meta)?;
    store
        .write(move |transaction| {
            let stored = get_in::<SnapshotMeta<M, R>>(transaction, row::SNAPSHOT_META)?;
            if stored.is_some_and(|stored| stored.last_log_id > last) {
                return Ok(());
            }
            put(transaction, row::SNAPSHOT_META, &meta)?;
            put(transaction, row::SNAPSHOT, &text)
        })
        .await
}
