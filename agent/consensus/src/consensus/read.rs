//! Linearizable reads by ReadIndex, and the proof of leadership that leases are granted on.
//!
//! The leader asks a quorum whether it still leads, notes how far the log is committed, and the reader waits
//! until it has applied that far. No clock is trusted: openraft's cheaper lease read assumes that clocks do
//! not drift, and is not used.

use std::time::Duration;

use openraft::LinearizerOption;
use openraft::errors::{LinearizableReadError, RaftError};
use openraft_rt::{AsyncRuntime, WatchReceiver};

use super::{Consensus, Deadline};
use crate::machine::Machine;
use crate::member::NodeId;
use crate::network::message::{Call, Reply};

/// A leader's term. At most one node leads in a term, and a restarted leader leads in a new one.
pub type Term = u64;

/// Why a read cannot be trusted, or leadership is not confirmed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarrierError {
    /// No leader answered before the deadline.
    #[error("no leader answered within the deadline")]
    NoLeader,
    /// This node does not lead; perhaps the named one does. Only from `confirm_leadership`.
    #[error("this node does not lead (leader: {0:?})")]
    NotLeader(Option<NodeId>),
    /// This node leads, and no quorum confirmed it before the deadline.
    #[error("no quorum confirmed the leader within the deadline")]
    NoQuorum,
    /// The leader answered, and this node did not apply as much before the deadline.
    #[error("entry {0} was not applied within the deadline")]
    Behind(u64),
    /// This voter has stopped.
    #[error("the voter has stopped: {0}")]
    Stopped(String),
}

/// How far one must have applied, as confirmed by a quorum in this term.
pub(super) struct ReadIndex {
    pub(super) term: Term,
    pub(super) index: u64,
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Waits until [`state`](Consensus::state) holds everything that was committed when this was called.
    pub async fn barrier(&self, deadline: Duration) -> Result<(), BarrierError> {
        let deadline = Deadline::<R>::after(deadline);
        let index = self.read_index(&deadline).await?;
        let left = deadline.left().ok_or(BarrierError::Behind(index))?;
        let mut changes = self.0.store.changes();
        match R::timeout(left, changes.wait_until_ge(&index)).await {
            Ok(_) => Ok(()),
            Err(_) => Err(BarrierError::Behind(index)),
        }
    }

    /// Confirms with a quorum that this node leads, and in which term.
    ///
    /// The confirmation holds for the moment at which this was called and says nothing about later.
    pub async fn confirm_leadership(&self, deadline: Duration) -> Result<Term, BarrierError> {
        Ok(self.read_index_here(deadline).await?.term)
    }

    /// One round of ReadIndex at this node.
    pub(super) async fn read_index_here(&self, limit: Duration) -> Result<ReadIndex, BarrierError> {
        // Its own voice is one of the quorum's.
        self.0.silence.helps();
        // An age of zero accepts only acknowledgements of heartbeats that were sent after this call.
        let option = LinearizerOption::new(Some(Duration::ZERO), true).with_wait_timeout(limit);
        match R::timeout(limit, self.0.raft.get_read_linearizer(option)).await {
            Ok(Ok(linearizer)) => {
                let id = linearizer.read_log_id().log_id();
                Ok(ReadIndex { term: id.committed_leader_id().term, index: id.index })
            }
            Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => {
                Err(BarrierError::NotLeader(forward.leader_id))
            }
            Ok(Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)))) | Err(_) => {
                Err(BarrierError::NoQuorum)
            }
            Ok(Err(RaftError::Fatal(fatal))) => Err(BarrierError::Stopped(fatal.to_string())),
        }
    }

    /// Asks the leader, wherever it is, until the deadline.
    async fn read_index(&self, deadline: &Deadline<R>) -> Result<u64, BarrierError> {
        let mut last = BarrierError::NoLeader;
        while let Some(left) = deadline.left() {
            let limit = left.min(self.attempt_max());
            match self.metrics().current_leader {
                Some(leader) if leader == self.0.me => match self.read_index_here(limit).await {
                    Ok(read) => return Ok(read.index),
                    Err(stopped @ BarrierError::Stopped(_)) => return Err(stopped),
                    Err(BarrierError::NoQuorum) => last = BarrierError::NoQuorum,
                    Err(_) => {}
                },
                Some(leader) => {
                    if let Ok(Reply::ReadIndex { index }) =
                        self.0.link.call(leader, Call::ReadIndex, limit).await
                    {
                        return Ok(index);
                    }
                }
                None => {}
            }
            if let Err(fatal) = self.metrics().running_state {
                return Err(BarrierError::Stopped(fatal.to_string()));
            }
            deadline.pause().await;
        }
        Err(last)
    }
}
