//! Answering the other members. The peer server decodes a request, calls [`Consensus::serve`], and encodes
//! the reply; who may connect at all is its business (mutual TLS), who may take part is decided here.

use openraft::raft::AppendEntriesResponse;
use openraft_rt::{AsyncRuntime, Instant};

use super::Consensus;
use super::propose::Attempt;
use super::read::BarrierError;
use crate::machine::Machine;
use crate::network::message::{Call, Refusal, Reply, Request};
use crate::store::lock;
use crate::type_config::Snapshot;

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Carries out one request of another member.
    ///
    /// It ends within a takeover's time. Run it to its end even if the connection closes: the members' own
    /// deadlines already bound the number of requests in flight.
    pub async fn serve(&self, request: Request<M, R>) -> Reply<M, R> {
        if request.cluster != self.0.cluster || !self.0.seats.contains_key(&request.from) {
            return Reply::Refused(Refusal::OtherCluster);
        }
        if request.to != self.0.me {
            return Reply::Refused(Refusal::OtherMember);
        }
        if self.0.settling.refuses(&request.call) {
            return Reply::Refused(Refusal::NotSettled);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: Request<M, R>) -> Reply<M, R> {
        let raft = &self.0.raft;
        match request.call {
            Call::Append(append) => {
                let response = raft.append_entries(append).await;
                if matches!(&response, Ok(response) if !matches!(response, AppendEntriesResponse::HigherVote(_)))
                {
                    self.heard_a_leader();
                }
                response.map_or_else(stopped, Reply::Append)
            }
            Call::Vote(vote) => {
                let term = vote.vote.leader_id.term;
                let response = raft.vote(vote).await;
                if response.as_ref().is_ok_and(|response| response.vote_granted) {
                    self.0.settling.has_voted(term);
                }
                response.map_or_else(stopped, Reply::Vote)
            }
            Call::PreVote(vote) => raft.pre_vote(vote).await.map_or_else(stopped, Reply::Vote),
            Call::Snapshot { vote, meta, machine } => {
                let snapshot = Snapshot::<M, R> { meta, snapshot: machine };
                let response = raft.install_full_snapshot(vote, snapshot).await;
                if matches!(&response, Ok(response) if response.vote == vote) {
                    self.heard_a_leader();
                }
                response.map_or_else(stopped, Reply::Snapshot)
            }
            Call::TransferLeader(transfer) => {
                raft.handle_transfer_leader(transfer).await.map_or_else(stopped, Reply::TransferLeader)
            }
            Call::Propose(proposal) => match self.propose_here(proposal.0, self.attempt_max()).await {
                Attempt::Done(response) => Reply::Proposed(response),
                Attempt::NotTaken(leader) => Reply::NotLeader { leader },
                Attempt::Unknown => Reply::Refused(Refusal::Unknown),
            },
            Call::ReadIndex => match self.read_index_here(self.attempt_max()).await {
                Ok(read) => Reply::ReadIndex { index: read.index },
                Err(BarrierError::NotLeader(leader)) => Reply::NotLeader { leader },
                Err(BarrierError::Stopped(why)) => Reply::Refused(Refusal::Stopped(why)),
                Err(_) => Reply::Refused(Refusal::NoQuorum),
            },
            Call::Horizon => Reply::Horizon(self.0.store.horizon()),
        }
    }

    fn heard_a_leader(&self) {
        *lock(&self.0.heard) = Some(R::Instant::now());
    }
}

fn stopped<M: Machine, R: AsyncRuntime>(fatal: impl std::fmt::Display) -> Reply<M, R> {
    Reply::Refused(Refusal::Stopped(fatal.to_string()))
}
