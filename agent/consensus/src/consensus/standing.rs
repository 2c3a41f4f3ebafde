//! What this voter knows of its own place: who leads, whether a quorum is in reach, how far the log is.
//!
//! It is a report and no proof: it describes a moment that has passed. What must be true is asked with a
//! barrier.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant};
use serde::Serialize;

use super::Consensus;
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
        let metrics = self.metrics();
        let now = R::Instant::now();
        let silence = |instant: R::Instant| now.saturating_duration_since(instant);
        let is_leader = metrics.state.is_leader();
        let contact = if is_leader {
            metrics.last_quorum_acked.map(|acked| acked.into_inner())
        } else {
            *lock(&self.0.heard)
        };
        let members = self.membership();
        let alone = is_leader && members.is_alone(self.0.me);
        let in_reach = contact.is_some_and(|contact| silence(contact) <= self.0.timing.election_max);
        let (heartbeats, matched) =
            (metrics.heartbeat.unwrap_or_default(), metrics.replication.unwrap_or_default());
        let predecessors_silent = if is_leader {
            self.0.silence.of_predecessors(metrics.current_term, self.0.me, &members)
        } else {
            Duration::ZERO
        };
        let peers = heartbeats
            .into_iter()
            .filter(|&(id, _)| id != self.0.me)
            .map(|(id, acked)| {
                let matched_index = matched.get(&id).and_then(|log_id| Some(log_id.as_ref()?.index));
                (id, PeerStanding { silence: acked.map(|acked| silence(acked.into_inner())), matched_index })
            })
            .collect();
        Standing {
            me: self.0.me,
            term: metrics.current_term,
            leader: metrics.current_leader,
            is_leader,
            has_quorum: metrics.running_state.is_ok() && (alone || in_reach),
            predecessors_silent,
            settled: self.0.settling.is_settled(),
            removed: self.0.link.is_removed(),
            applied_index: metrics.last_applied.map(|id| id.index),
            committed_index: metrics.local_committed.map(|id| id.index),
            last_log_index: metrics.last_log_index,
            snapshot_index: metrics.snapshot.map(|id| id.index),
            peers,
            stopped: metrics.running_state.err().map(|fatal| fatal.to_string()),
        }
    }
}
