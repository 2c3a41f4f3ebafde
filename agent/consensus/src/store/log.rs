//! The log and the vote, as openraft wants them: readable at once, durable when it is told so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;

use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use openraft::{EntryPayload, OptionalSend, RaftTypeConfig};
use openraft_rt::AsyncRuntime;

use super::error::StoreError;
use super::load::{entry_needs, understood};
use super::tables::{append, put, remove, row};
use super::{Store, lock};
use crate::consensus::rejoin::Horizon;
use crate::format::encode;
use crate::machine::Machine;
use crate::member::NodeId;
use crate::type_config::{Entry, LogId, StoredMembership, Types, Vote};

/// What is in memory: the whole log and the marks beside it.
pub(crate) struct Log<M: Machine, R: AsyncRuntime> {
    pub(crate) vote: Option<Vote<M, R>>,
    pub(super) committed: Option<LogId<M, R>>,
    pub(super) purged: Option<LogId<M, R>>,
    pub(crate) entries: BTreeMap<u64, Entry<M, R>>,
    /// The memberships among the entries, which are few. What a snapshot covers is with the machine.
    pub(super) memberships: BTreeMap<u64, StoredMembership<M, R>>,
}

impl<M: Machine, R: AsyncRuntime> Log<M, R> {
    pub(super) fn push(&mut self, entry: Entry<M, R>) {
        let index = entry.log_id.index;
        self.memberships.split_off(&index);
        if let EntryPayload::Membership(membership) = &entry.payload {
            let stored = StoredMembership::<M, R>::new(Some(entry.log_id), membership.clone());
            self.memberships.insert(index, stored);
        }
        self.entries.insert(index, entry);
    }

    pub(crate) fn last(&self) -> Option<LogId<M, R>> {
        self.entries.values().next_back().map(|entry| entry.log_id).or(self.purged)
    }
}

impl<M: Machine, R: AsyncRuntime> Store<M, R> {
    /// How far this member is. An entry may be counted that is not durable yet.
    pub(crate) fn horizon(&self) -> Horizon {
        let log = self.log();
        Horizon {
            term: log.vote.map_or(0, |vote| vote.leader_id.term),
            last_entry: log.last().map(|last| (last.committed_leader_id().term, last.index)),
        }
    }

    /// The newest membership that this node holds, committed or not, and the entry that says so.
    pub(crate) fn newest_membership(&self) -> StoredMembership<M, R> {
        self.with_newest_membership(Clone::clone)
    }

    /// Whether a node votes by the newest membership that this node holds. Asked with every message to another member.
    pub(crate) fn votes(&self, node: NodeId) -> bool {
        let is_voter = |sets: &[BTreeSet<NodeId>]| sets.iter().any(|set| set.contains(&node));
        self.with_newest_membership(|newest| is_voter(newest.membership().get_joint_config()))
    }

    fn with_newest_membership<T>(&self, look: impl FnOnce(&StoredMembership<M, R>) -> T) -> T {
        let applied = *lock(&self.0.applied).membership.log_id();
        {
            let log = self.log();
            if let Some((_, in_log)) = log.memberships.last_key_value()
                && *in_log.log_id() >= applied
            {
                return look(in_log);
            }
        }
        look(&lock(&self.0.applied).membership)
    }
}

impl<M: Machine, R: AsyncRuntime> RaftLogReader<Types<M, R>> for Store<M, R> {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry<M, R>>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        Ok(self.log().entries.range(range).map(|(_, entry)| entry.clone()).collect())
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote<M, R>>> {
        Ok(self.log().vote)
    }
}

impl<M: Machine, R: AsyncRuntime> RaftLogStorage<Types<M, R>> for Store<M, R> {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types<M, R>>> {
        let log = self.log();
        Ok(LogState { last_log_id: log.last(), last_purged_log_id: log.purged })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote<M, R>) -> io::Result<()> {
        let text = encode("vote", vote).map_err(StoreError::from)?;
        self.write(move |transaction| put(transaction, row::VOTE, &text)).await?;
        self.log().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId<M, R>>) -> io::Result<()> {
        if let Some(committed) = committed {
            let text = encode("committed", &committed).map_err(StoreError::from)?;
            self.0.writer.note_committed(text);
            self.log().committed = Some(committed);
        }
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId<M, R>>> {
        Ok(self.log().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types<M, R>>) -> io::Result<()>
    where
        I: IntoIterator<Item = <Types<M, R> as RaftTypeConfig>::Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut rows = Vec::new();
        {
            let mut log = self.log();
            for entry in entries {
                let index = entry.log_id.index;
                understood(|| format!("log entry {index}"), entry_needs::<M, R>(&entry), self.0.knows)?;
                rows.push((index, encode(&format!("log entry {index}"), &entry).map_err(StoreError::from)?));
                log.push(entry);
            }
        }
        let done =
            move |result: Result<(), StoreError>| callback.io_completed(result.map_err(io::Error::from));
        self.0.writer.submit(Box::new(move |transaction| append(transaction, &rows)), Box::new(done));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId<M, R>>) -> io::Result<()> {
        let from = last.map_or(0, |last| last.index + 1);
        {
            let mut log = self.log();
            log.entries.split_off(&from);
            log.memberships.split_off(&from);
        }
        Ok(self.write(move |transaction| remove(transaction, from..)).await?)
    }

    async fn purge(&mut self, upto: LogId<M, R>) -> io::Result<()> {
        let text = encode("purged", &upto).map_err(StoreError::from)?;
        let index = upto.index;
        {
            let mut log = self.log();
            log.entries = log.entries.split_off(&(index + 1));
            log.memberships = log.memberships.split_off(&(index + 1));
            log.purged = Some(upto);
        }
        let purge = move |transaction: &redb::WriteTransaction| {
            put(transaction, row::PURGED, &text)?;
            remove(transaction, ..=index)
        };
        Ok(self.write(purge).await?)
    }
}
