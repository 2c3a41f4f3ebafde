//! Handing leadership to another member, for maintenance and for placing the leader near its work.

use openraft_rt::AsyncRuntime;

use super::Consensus;
use crate::machine::Machine;
use crate::member::NodeId;

/// Why leadership is not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Only the leader can hand over; perhaps the named one.
    #[error("this node does not lead (leader: {0:?})")]
    NotLeader(Option<NodeId>),
    /// There is no such member.
    #[error("{0} is not a member")]
    NotAMember(NodeId),
    /// The member has not answered for a longest election timeout. Asking it would stop all writes until
    /// another election.
    #[error("member {0} does not answer")]
    Silent(NodeId),
    /// This voter has stopped.
    #[error("the voter has stopped: {0}")]
    Stopped(String),
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Asks the member `to` to take over from this node, the leader. Handing over to oneself does nothing.
    ///
    /// Success means that it was asked, and that this node takes no more commands until there is a new leader:
    /// watch [`Consensus::standing`] for the outcome.
    pub async fn transfer_leader(&self, to: NodeId) -> Result<(), TransferError> {
        if !self.membership().is_voter(to) {
            return Err(TransferError::NotAMember(to));
        }
        let standing = self.standing();
        if !standing.is_leader {
            return Err(TransferError::NotLeader(standing.leader));
        }
        // openraft would wait for itself, and refuse commands, until another member is elected.
        if to == self.0.me {
            return Ok(());
        }
        let silence = standing.peers.get(&to).and_then(|peer| peer.silence);
        if silence.is_none_or(|silence| silence > self.0.timing.election_max) {
            return Err(TransferError::Silent(to));
        }
        self.0
            .raft
            .trigger()
            .transfer_leader(to)
            .await
            .map_err(|fatal| TransferError::Stopped(fatal.to_string()))
    }
}
