//! openraft's view of one other member: each of its calls becomes one request over the link.
//!
//! Every failure is reported as `Unreachable`, after which openraft waits a little before it asks again; the
//! pauses stand in `settings`. A refusal is such a failure too: it is repeated until the configuration is
//! mended, and logged once.

use std::sync::Arc;

use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::v2::RaftNetworkV2;
use openraft::network::{RPCOption, RaftNetworkFactory};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft_rt::{AsyncRuntime, OptionalSend};

use super::Link;
use super::gate::Gate;
use super::message::{Call, Refusal, Reply};
use crate::consensus::silence::{Silence, Voted};
use crate::machine::Machine;
use crate::member::{NodeId, Seat};
use crate::store::Store;
use crate::type_config::{Snapshot, Types, Vote};

/// Makes one [`Peer`] for each member openraft talks to.
pub(crate) struct Peers<M: Machine, R: AsyncRuntime> {
    pub(crate) link: Link<M, R>,
    pub(crate) gate: Gate,
    pub(crate) silence: Arc<Silence<R>>,
    /// Whose log says who is a learner.
    pub(crate) store: Store<M, R>,
}

impl<M: Machine, R: AsyncRuntime> RaftNetworkFactory<Types<M, R>> for Peers<M, R> {
    type Network = Peer<M, R>;

    async fn new_client(&mut self, target: NodeId, _seat: &Seat) -> Peer<M, R> {
        let (link, gate, silence) = (self.link.clone(), self.gate.clone(), self.silence.clone());
        Peer { link, gate, silence, store: self.store.clone(), target, stranger: false }
    }
}

/// One other member.
pub(crate) struct Peer<M: Machine, R: AsyncRuntime> {
    link: Link<M, R>,
    gate: Gate,
    silence: Arc<Silence<R>>,
    store: Store<M, R>,
    target: NodeId,
    /// Whether the member last refused to know this node, so that this is logged once and not at every call.
    stranger: bool,
}

impl<M: Machine, R: AsyncRuntime> Peer<M, R> {
    async fn ask(
        &mut self,
        call: Call<M, R>,
        option: &RPCOption,
    ) -> Result<Reply<M, R>, Unreachable<Types<M, R>>> {
        let learner = !self.store.votes(self.target);
        let answer = self.link.call_as(self.target, learner, call, option.hard_ttl()).await;
        let stranger = matches!(
            &answer,
            Ok(Reply::Refused(Refusal::OtherCluster | Refusal::OtherMember | Refusal::Removed))
        );
        if stranger && !self.stranger {
            tracing::warn!(
                peer = self.target,
                "a member refuses us: compare the cluster name, the members and the addresses, and whether this agent was removed"
            );
        }
        self.stranger = stranger;
        match answer {
            Ok(Reply::Refused(refusal)) => Err(Unreachable::new(&refusal)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(Unreachable::new(&error)),
        }
    }

    fn wrong(&self, asked: &str, reply: &Reply<M, R>) -> Unreachable<Types<M, R>> {
        Unreachable::from_string(format!("member {} answered {asked} with {}", self.target, reply.name()))
    }

    fn closed_gate(&self) -> Result<(), Unreachable<Types<M, R>>> {
        if self.gate.is_quiet() {
            return Err(Unreachable::from_string("no quorum acknowledges this leader, so it keeps silent"));
        }
        Ok(())
    }
}

impl<M: Machine, R: AsyncRuntime> RaftNetworkV2<Types<M, R>> for Peer<M, R> {
    type SnapshotData = String;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types<M, R>>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types<M, R>>, RPCError<Types<M, R>>> {
        self.closed_gate()?;
        match self.ask(Call::Append(request), &option).await? {
            Reply::Append(response) => Ok(response),
            other => Err(self.wrong("append", &other).into()),
        }
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types<M, R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<M, R>>, RPCError<Types<M, R>>> {
        let term = request.vote.leader_id.term;
        match self.ask(Call::Vote(request), &option).await? {
            Reply::Vote(Voted { response, silence }) => {
                if response.vote_granted {
                    self.silence.granted(term, self.target, silence);
                }
                Ok(response)
            }
            other => Err(self.wrong("vote", &other).into()),
        }
    }

    /// openraft's own default grants without asking, which would make pre-vote void.
    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types<M, R>>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types<M, R>>, RPCError<Types<M, R>>> {
        match self.ask(Call::PreVote(request), &option).await? {
            Reply::Vote(voted) => Ok(voted.response),
            other => Err(self.wrong("pre-vote", &other).into()),
        }
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote<M, R>,
        snapshot: Snapshot<M, R>,
        _cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types<M, R>>, StreamingError<Types<M, R>>> {
        self.closed_gate()?;
        let call = Call::Snapshot { vote, meta: snapshot.meta, machine: snapshot.snapshot };
        match self.ask(call, &option).await? {
            Reply::Snapshot(response) => Ok(response),
            other => Err(self.wrong("snapshot", &other).into()),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types<M, R>>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types<M, R>>, RPCError<Types<M, R>>> {
        match self.ask(Call::TransferLeader(request), &option).await? {
            Reply::TransferLeader(response) => Ok(response),
            other => Err(self.wrong("transfer", &other).into()),
        }
    }
}
