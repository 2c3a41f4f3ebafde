//! Every message between members: one request, one reply.
//!
//! They are written in the format of [`crate::format`]. Adding a field with a default is compatible; anything
//! else needs a new version digit.

use std::fmt;

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest,
};
use openraft_rt::AsyncRuntime;
use serde::{Deserialize, Serialize};

use crate::consensus::join::Account;
use crate::consensus::silence::Voted;
use crate::format::first_level;
use crate::machine::{FIRST_LEVEL, Machine, Proposal};
use crate::member::{ClusterDigest, NodeId};
use crate::store::load::entry_needs;
use crate::type_config::{SnapshotMeta, Types, Vote};

/// One request, with what the receiver needs to refuse a stranger.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Request<M: Machine, R: AsyncRuntime> {
    /// The sender's history.
    pub cluster: ClusterDigest,
    /// Who asks.
    pub from: NodeId,
    /// Who is meant, so that a request that went to the wrong address is not answered.
    pub to: NodeId,
    /// From a leader: the receiver does not vote in the leader's membership, so nothing is built on its answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub learner: bool,
    /// The feature level that the receiver must understand: the sender's cluster has agreed on it.
    #[serde(default = "first_level")]
    pub needs: u32,
    /// What is asked.
    pub call: Call<M, R>,
}

/// What can be read of a request whose call cannot: one of a later version.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Head {
    /// The sender's history.
    pub cluster: ClusterDigest,
    /// Who asks.
    pub from: NodeId,
    /// Who is meant.
    pub to: NodeId,
    /// The feature level that the receiver must understand.
    #[serde(default = "first_level")]
    pub needs: u32,
}

/// What is asked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Call<M: Machine, R: AsyncRuntime> {
    /// Leader to follower: entries, or a heartbeat when there are none.
    Append(AppendEntriesRequest<Types<M, R>>),
    /// Candidate to all: be my voter.
    Vote(VoteRequest<Types<M, R>>),
    /// Follower to all: would you be my voter? Changes nothing.
    PreVote(VoteRequest<Types<M, R>>),
    /// Leader to follower: the whole state, when entries no longer reach back far enough.
    Snapshot {
        /// The leader's vote.
        vote: Vote<M, R>,
        /// What the snapshot covers.
        meta: SnapshotMeta<M, R>,
        /// The machine, as text in the format of this crate.
        machine: String,
    },
    /// Leader to follower: take over.
    TransferLeader(TransferLeaderRequest<Types<M, R>>),
    /// Anyone to the leader: put this command into the log.
    Propose(Proposal<M>),
    /// Anyone to the leader: how far must one have applied to read what is committed now?
    ReadIndex,
    /// An agent that is new, or whose disk was empty, to all: how far are you, and of which history?
    Horizon,
}

/// The answer. Any call may be answered with `NotLeader` or `Refused`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Reply<M: Machine, R: AsyncRuntime> {
    /// To `Append`.
    Append(AppendEntriesResponse<Types<M, R>>),
    /// To `Vote` and `PreVote`.
    Vote(Voted<M, R>),
    /// To `Snapshot`.
    Snapshot(SnapshotResponse<Types<M, R>>),
    /// To `TransferLeader`.
    TransferLeader(TransferLeaderResponse<Types<M, R>>),
    /// To `Propose`: committed and applied, with this response.
    Proposed(M::Response),
    /// To `ReadIndex`, after a round trip to a quorum.
    ReadIndex {
        /// The index to wait for.
        index: u64,
    },
    /// To `Horizon`.
    Horizon(Account),
    /// The receiver does not lead and did nothing.
    NotLeader {
        /// Who it believes does.
        leader: Option<NodeId>,
    },
    /// Not done, or not known to be done.
    Refused(Refusal),
}

/// Why a member does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Another cluster, or a history that ended (R29).
    #[error(
        "the cluster or its history differs: compare the names and the lists of members, or whether one was recovered"
    )]
    OtherCluster,
    /// The sender was removed from the cluster.
    #[error("this agent was removed from the cluster; stop it, or add it again")]
    Removed,
    /// The request was meant for another member.
    #[error("the request was meant for another member: compare the addresses in the configuration")]
    OtherMember,
    /// The receiver starts with an empty database and may have forgotten what it acknowledged.
    #[error("this member started with an empty data directory and has not caught up yet")]
    NotSettled,
    /// The leader did not reach a quorum in time. Nothing was changed.
    #[error("no quorum")]
    NoQuorum,
    /// The command was taken and its outcome was not known in time. It may still be committed.
    #[error("the outcome is not known")]
    Unknown,
    /// The receiver has stopped.
    #[error("the member has stopped: {0}")]
    Stopped(String),
}

impl<M: Machine, R: AsyncRuntime> Call<M, R> {
    /// The feature level that the receiver must understand to take what it is sent. A snapshot is never past the
    /// sender's own state.
    pub(crate) fn needs(&self) -> u32 {
        match self {
            Self::Append(append) => {
                append.entries.iter().map(entry_needs::<M, R>).max().unwrap_or(FIRST_LEVEL)
            }
            Self::Propose(proposal) => M::needs(&proposal.0),
            Self::Vote(_)
            | Self::PreVote(_)
            | Self::Snapshot { .. }
            | Self::TransferLeader(_)
            | Self::ReadIndex
            | Self::Horizon => FIRST_LEVEL,
        }
    }

    /// The call's name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Append(_) => "append",
            Self::Vote(_) => "vote",
            Self::PreVote(_) => "pre_vote",
            Self::Snapshot { .. } => "snapshot",
            Self::TransferLeader(_) => "transfer_leader",
            Self::Propose(_) => "propose",
            Self::ReadIndex => "read_index",
            Self::Horizon => "horizon",
        }
    }
}

impl<M: Machine, R: AsyncRuntime> Reply<M, R> {
    /// The reply's name, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Append(_) => "append",
            Self::Vote(_) => "vote",
            Self::Snapshot(_) => "snapshot",
            Self::TransferLeader(_) => "transfer_leader",
            Self::Proposed(_) => "proposed",
            Self::ReadIndex { .. } => "read_index",
            Self::Horizon(_) => "horizon",
            Self::NotLeader { .. } => "not_leader",
            Self::Refused(_) => "refused",
        }
    }
}

impl<M: Machine, R: AsyncRuntime> fmt::Debug for Request<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {} to {}", self.call.name(), self.from, self.to)
    }
}

impl<M: Machine, R: AsyncRuntime> fmt::Debug for Reply<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
