//! Who votes, as the log has it, and changing it by joint consensus (F28).
//!
//! What it is: three small changes that only the leader can make: let a learner listen, make a set the voters, let a
//! learner go. Each waits for its commit. Which change is wanted, and whether it may be made, is the machine's business
//! and was committed before; here it is only carried out.
//!
//! What it must not do: change voters in any other way than from one quorum through two to the next. openraft refuses a
//! change while another is not committed, and finishes a joint one that a lost leader has left when it is asked again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{ChangeMembers, RaftTypeConfig};
use openraft_rt::AsyncRuntime;

use super::Consensus;
use crate::machine::Machine;
use crate::member::{NodeId, Seat};
use crate::type_config::{Metrics, Types};

/// The members as the newest entry of the log says, committed or not: in Raft it counts from its arrival.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    /// The voters. Two sets while a change is under way: then a majority of each is needed.
    pub voters: Vec<BTreeSet<NodeId>>,
    /// Everyone that receives the log, learners included.
    pub seats: BTreeMap<NodeId, Seat>,
}

impl Membership {
    pub(crate) fn of<M: Machine, R: AsyncRuntime>(metrics: &Metrics<M, R>) -> Self {
        let membership = metrics.membership_config.membership();
        Self {
            voters: membership.get_joint_config().iter().filter(|set| !set.is_empty()).cloned().collect(),
            seats: membership.nodes().map(|(id, seat)| (*id, seat.clone())).collect(),
        }
    }

    /// Whether a node votes in any of the sets.
    #[must_use]
    pub fn is_voter(&self, node: NodeId) -> bool {
        self.voters.iter().any(|set| set.contains(&node))
    }

    /// Whether these nodes are a majority of every set.
    #[must_use]
    pub fn is_quorum(&self, nodes: &BTreeSet<NodeId>) -> bool {
        !self.voters.is_empty()
            && self.voters.iter().all(|set| set.intersection(nodes).count() * 2 > set.len())
    }

    /// Whether this node is the only voter.
    #[must_use]
    pub fn is_alone(&self, node: NodeId) -> bool {
        !self.voters.is_empty() && self.voters.iter().all(|set| set.len() == 1 && set.contains(&node))
    }
}

/// Why the members were not changed, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Only the leader can change members; perhaps the named one.
    #[error("this node does not lead (leader: {0:?})")]
    NotLeader(Option<NodeId>),
    /// Another change is not committed yet.
    #[error("another change of members is under way")]
    Busy,
    /// The change makes no sense, in openraft's words.
    #[error("the change is refused: {0}")]
    Refused(String),
    /// This node comes and has not said that it has settled: its vote would be counted on, and not be given.
    #[error("node {0} has not settled yet")]
    Unsettled(NodeId),
    /// No quorum confirmed it in time, or the leader changed. It may still come about: look at the membership.
    #[error("the outcome of the change is not known")]
    Unknown,
    /// This voter has stopped.
    #[error("the voter has stopped: {0}")]
    Stopped(String),
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// The members as of now.
    pub fn membership(&self) -> Membership {
        Membership::of(&self.metrics())
    }

    /// Sends the log to a node that does not vote. It returns when that is committed, not when the node has caught up.
    pub async fn add_learner(&self, node: NodeId, seat: Seat, deadline: Duration) -> Result<(), ChangeError> {
        self.change(ChangeMembers::AddNodes(BTreeMap::from([(node, seat)])), true, deadline).await
    }

    /// Sends the log no longer to a node that does not vote.
    pub async fn drop_learner(&self, node: NodeId, deadline: Duration) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveNodes(BTreeSet::from([node])), true, deadline).await
    }

    /// Makes exactly these nodes the voters, each of which must be a member already. Who votes no longer is no member
    /// any more. A leader that is not among them leads until the change is committed.
    pub async fn set_voters(&self, voters: BTreeSet<NodeId>, deadline: Duration) -> Result<(), ChangeError> {
        if let Some(node) = self.unsettled(&voters).await {
            return Err(ChangeError::Unsettled(node));
        }
        self.change(ChangeMembers::ReplaceAllVoters(voters), false, deadline).await
    }

    /// Who would get a vote and does not say that it has settled. Without a vote it settles as soon as it has caught up;
    /// with one it would have to hear every other voter first, also one that is lost (see `rejoin`).
    async fn unsettled(&self, voters: &BTreeSet<NodeId>) -> Option<NodeId> {
        let membership = self.membership();
        let comes: Vec<NodeId> = voters.iter().copied().filter(|node| !membership.is_voter(*node)).collect();
        let accounts = self.ask(comes.iter().copied()).await;
        let waits = |node: &NodeId| accounts.get(node).is_none_or(|account| account.settled == Some(false));
        comes.into_iter().find(waits)
    }

    async fn change(
        &self,
        change: ChangeMembers<NodeId, Seat>,
        retain: bool,
        deadline: Duration,
    ) -> Result<(), ChangeError> {
        match R::timeout(deadline, self.0.raft.change_membership(change, retain)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(RaftError::APIError(error))) => Err(read::<Types<M, R>>(error)),
            Ok(Err(RaftError::Fatal(fatal))) => Err(ChangeError::Stopped(fatal.to_string())),
            Err(_) => Err(ChangeError::Unknown),
        }
    }
}

fn read<C: RaftTypeConfig<NodeId = NodeId>>(error: ClientWriteError<C>) -> ChangeError {
    match error {
        ClientWriteError::ForwardToLeader(forward) => ChangeError::NotLeader(forward.leader_id),
        ClientWriteError::ChangeMembershipError(
            ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_),
        ) => ChangeError::Busy,
        ClientWriteError::ChangeMembershipError(error) => ChangeError::Refused(error.to_string()),
        // Discarded here, and perhaps committed elsewhere.
        _ => ChangeError::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn membership(sets: &[&[NodeId]]) -> Membership {
        Membership {
            voters: sets.iter().map(|set| set.iter().copied().collect()).collect(),
            ..Default::default()
        }
    }

    /// Goal: while two sets count, a majority of each is needed; with none, nobody is a quorum. Method: a table.
    #[test]
    fn a_joint_quorum_is_a_quorum_of_both() {
        let joint = membership(&[&[1, 2, 3], &[1, 2, 3, 4]]);
        assert!(joint.is_quorum(&[1, 2, 3].into()));
        assert!(!joint.is_quorum(&[1, 2].into()), "two of four");
        assert!(!joint.is_quorum(&[1, 4].into()), "one of the old three");
        assert!(membership(&[&[1, 2, 3]]).is_quorum(&[1, 3, 9].into()));
        assert!(!membership(&[]).is_quorum(&[1].into()));
        assert!(membership(&[&[1]]).is_alone(1) && !joint.is_alone(1) && !membership(&[]).is_alone(1));
    }
}
