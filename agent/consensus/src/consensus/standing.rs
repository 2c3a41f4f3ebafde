//! What this voter knows of its own place: who leads, whether a quorum is in reach, how far the log is.
//!
//! It is a report and no proof: it describes a moment that has passed. What must be true is asked with a
//! barrier.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};
use serde::Serialize;

use super::Consensus;
use super::membership::Membership;
use crate::machine::Machine;
use crate::member::NodeId;
use crate::store::lock;

/// A voter's place in the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// This voter.
    pub me: NodeId,
    /// The newest term it has seen.
    pub term: u64,
    /// The last leader it knows of in that term, possibly gone by now.
    pub leader: Option<NodeId>,
    /// Whether it leads itself, as far as it knows.
    pub is_leader: bool,
    /// At the leader: a quorum acknowledged it within the longest election timeout. Elsewhere: a leader was
    /// heard within it.
    pub has_quorum: bool,
    /// At the leader: for how long, as of its election, no earlier leader can have confirmed that it leads (see `silence`).
    /// It stays the same for the whole term; zero elsewhere.
    pub predecessors_silent: Duration,
    /// Whether it may take part in every election: false on an empty database until it has caught up.
    pub settled: bool,
    /// Whether another member has said that this one was removed, and no leader has been heard since.
    pub removed: bool,
    /// The last entry folded into the state.
    pub applied_index: Option<u64>,
    /// The last entry known to be committed.
    pub committed_index: Option<u64>,
    /// The last entry in the log.
    pub last_log_index: Option<u64>,
    /// The last entry the snapshot covers.
    pub snapshot_index: Option<u64>,
    /// At the leader: each other member, as the leader sees it. Empty elsewhere.
    pub peers: BTreeMap<NodeId, PeerStanding>,
    /// Why the voter no longer works, if it does not.
    pub stopped: Option<String>,
}

/// Another member as the leader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PeerStanding {
    /// Time since it last answered; none if it never did in this term.
    pub silence: Option<Duration>,
    /// The last entry it is known to hold.
    pub matched_index: Option<u64>,
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// This voter's place as of now.
    pub fn standing(&self) -> Standing {
        let (mut standing, acked, members) = self.figures();
        let contact = if standing.is_leader { acked } else { *lock(&self.0.heard) };
        let silence = |instant: R::Instant| R::Instant::now().saturating_duration_since(instant);
        let in_reach = contact.is_some_and(|contact| silence(contact) <= self.0.timing.election_max);
        let alone = members.as_ref().is_some_and(|members| members.is_alone(self.0.me));
        standing.has_quorum = standing.stopped.is_none() && (alone || in_reach);
        if let Some(members) = members {
            let silent = self.0.silence.of_predecessors(standing.term, self.0.me, &members);
            standing.predecessors_silent = silent;
        }
        standing.settled = self.is_settled();
        standing.removed = self.0.link.is_removed();
        standing
    }

    /// Whether this voter holds everything it may ever have acknowledged; until then it hardly votes (see `rejoin`).
    pub fn is_settled(&self) -> bool {
        self.0.settling.is_settled()
    }

    /// What openraft's figures say alone; at the leader also when a quorum acknowledged it last, and the members. They are
    /// looked at in place, for they are asked for many times a second; openraft waits meanwhile, so no lock is taken here.
    pub(super) fn figures(&self) -> (Standing, Option<R::Instant>, Option<Membership>) {
        let receiver = self.0.raft.metrics();
        let metrics = receiver.borrow_watched();
        let now = R::Instant::now();
        let is_leader = metrics.state.is_leader();
        let matched = |id: &NodeId| Some(metrics.replication.as_ref()?.get(id)?.as_ref()?.index);
        let others = metrics.heartbeat.iter().flatten().filter(|(id, _)| **id != self.0.me);
        let peers = others.map(|(id, acked)| {
            let silence = acked.as_ref().map(|acked| now.saturating_duration_since(**acked));
            (*id, PeerStanding { silence, matched_index: matched(id) })
        });
        let standing = Standing {
            me: self.0.me,
            term: metrics.current_term,
            leader: metrics.current_leader,
            is_leader,
            has_quorum: false,
            predecessors_silent: Duration::ZERO,
            settled: false,
            removed: false,
            applied_index: metrics.last_applied.as_ref().map(|id| id.index),
            committed_index: metrics.local_committed.as_ref().map(|id| id.index),
            last_log_index: metrics.last_log_index,
            snapshot_index: metrics.snapshot.as_ref().map(|id| id.index),
            peers: peers.collect(),
            stopped: metrics.running_state.as_ref().err().map(|fatal| fatal.to_string()),
        };
        let acked = metrics.last_quorum_acked.as_ref().map(|acked| **acked);
        (standing, acked, is_leader.then(|| Membership::of(&metrics)))
    }
}
