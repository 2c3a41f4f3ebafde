//! Putting a command into the log, wherever the leader is.
//!
//! An attempt whose outcome is not known is repeated: the machine deduplicates commands by their id, so a
//! repetition can have no second effect. Only when the deadline ends is the caller told, and then the answer
//! is `Unknown`, never "failed": the command may still be committed.

use std::time::Duration;

use openraft::errors::{ClientWriteError, RaftError};
use openraft_rt::AsyncRuntime;

use super::{Consensus, Deadline};
use crate::machine::{Machine, Proposal};
use crate::member::NodeId;
use crate::network::TransportError;
use crate::network::message::{Call, Refusal, Reply};

/// Why a command has no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No leader took the command before the deadline. It is certainly not in the log.
    #[error("no leader took the command within the deadline")]
    NoLeader,
    /// The command was handed over and its outcome is not known. Repeat it with the same command id.
    #[error("the outcome of the command is not known: repeat it with the same id")]
    Unknown,
    /// This voter has stopped. The command is certainly not in the log through this call.
    #[error("the voter has stopped: {0}")]
    Stopped(String),
}

/// What came of handing a command to one member.
pub(super) enum Attempt<T> {
    /// Committed and applied.
    Done(T),
    /// Certainly not taken; perhaps this member leads.
    NotTaken(Option<NodeId>),
    /// Taken, perhaps.
    Unknown,
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Commits `command` and returns the machine's response to it, once it is applied at the leader.
    ///
    /// This node's own [`state`](Consensus::state) may show it a little later.
    pub async fn propose(
        &self,
        command: M::Command,
        deadline: Duration,
    ) -> Result<M::Response, ProposeError> {
        let deadline = Deadline::<R>::after(deadline);
        let (mut unknown, mut hint) = (false, None);
        loop {
            let metrics = self.metrics();
            if let Err(fatal) = &metrics.running_state {
                return Err(if unknown {
                    ProposeError::Unknown
                } else {
                    ProposeError::Stopped(fatal.to_string())
                });
            }
            let Some(left) = deadline.left() else {
                return Err(if unknown { ProposeError::Unknown } else { ProposeError::NoLeader });
            };
            let limit = left.min(self.attempt_max());
            let attempt = match hint.take().or(metrics.current_leader) {
                Some(leader) if leader == self.0.me => self.propose_here(command.clone(), limit).await,
                Some(leader) => self.propose_there(leader, command.clone(), limit).await,
                None => Attempt::NotTaken(None),
            };
            match attempt {
                Attempt::Done(response) => return Ok(response),
                Attempt::NotTaken(leader) => hint = leader,
                Attempt::Unknown => unknown = true,
            }
            deadline.pause().await;
        }
    }

    /// Hands the command to this node's own voter.
    pub(super) async fn propose_here(&self, command: M::Command, limit: Duration) -> Attempt<M::Response> {
        match R::timeout(limit, self.0.raft.client_write(Proposal::new(command))).await {
            Ok(Ok(written)) => written.data.map_or(Attempt::Unknown, Attempt::Done),
            Ok(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(forward)))) => {
                Attempt::NotTaken(forward.leader_id)
            }
            // Discarded here, and perhaps committed elsewhere; or stopped with the command in hand; or late.
            Ok(Err(_)) | Err(_) => Attempt::Unknown,
        }
    }

    async fn propose_there(
        &self,
        leader: NodeId,
        command: M::Command,
        limit: Duration,
    ) -> Attempt<M::Response> {
        match self.0.link.call(leader, Call::Propose(Proposal::new(command)), limit).await {
            Ok(Reply::Proposed(response)) => Attempt::Done(response),
            Ok(Reply::NotLeader { leader: hint }) => Attempt::NotTaken(hint.filter(|&hint| hint != leader)),
            Ok(Reply::Refused(Refusal::Unknown)) => Attempt::Unknown,
            Ok(Reply::Refused(_)) | Err(TransportError::NotSent(_)) => Attempt::NotTaken(None),
            Ok(_) | Err(TransportError::NoReply(_)) => Attempt::Unknown,
        }
    }
}
