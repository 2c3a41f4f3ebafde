//! Answering the other members. The peer server decodes a request, calls [`Consensus::serve`], and encodes
//! the reply; who may connect at all is its business (mutual TLS), who may take part is decided here.

use openraft::raft::{AppendEntriesResponse, VoteResponse};
use openraft_rt::{AsyncRuntime, Instant, WatchReceiver};

use super::Consensus;
use super::propose::Attempt;
use super::read::{BarrierError, Term};
use super::silence::Voted;
use crate::machine::Machine;
use crate::network::message::{Call, Refusal, Reply, Request};
use crate::store::lock;
use crate::type_config::{Snapshot, Types};

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Carries out one request of another member.
    ///
    /// It ends within a takeover's time. Run it to its end even if the connection closes: the members' own
    /// deadlines already bound the number of requests in flight.
    pub async fn serve(&self, request: Request<M, R>) -> Reply<M, R> {
        if request.to != self.0.me {
            return Reply::Refused(Refusal::OtherMember);
        }
        if let Err(stopped) = self.keeps_up(request.cluster, request.needs) {
            return Reply::Refused(Refusal::Stopped(stopped.to_string()));
        }
        // Who is new does not know yet which history it will belong to.
        if matches!(request.call, Call::Horizon) {
            return Reply::Horizon(self.account());
        }
        // Nobody is refused for being unknown: a member may have been added by entries that have not come here yet, and
        // may need this one's vote. Who was removed for certain is the shell's to refuse.
        if request.cluster != self.cluster() {
            return Reply::Refused(Refusal::OtherCluster);
        }
        if self.history().is_none() || self.0.settling.refuses(&request.call, request.learner) {
            return Reply::Refused(Refusal::NotSettled);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: Request<M, R>) -> Reply<M, R> {
        let raft = &self.0.raft;
        match request.call {
            Call::Append(append) => {
                self.about_to_help(append.vote.leader_id.term);
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
                self.voted(response)
            }
            Call::PreVote(vote) => self.voted(raft.pre_vote(vote).await),
            Call::Snapshot { vote, meta, machine } => {
                self.about_to_help(vote.leader_id.term);
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
            Call::Propose(proposal) => match self.propose_here(*proposal.0, self.attempt_max()).await {
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
            Call::Horizon => Reply::Horizon(self.account()),
        }
    }

    /// A leader that is deposed for certain is not helped, whatever it sends: its appends must not hold up its successor.
    fn about_to_help(&self, term: Term) {
        if term >= self.0.raft.metrics().borrow_watched().current_term {
            self.0.silence.helps();
        }
    }

    fn voted(&self, response: Result<VoteResponse<Types<M, R>>, impl std::fmt::Display>) -> Reply<M, R> {
        let silence = self.0.silence.own();
        response.map_or_else(stopped, |response| Reply::Vote(Voted { response, silence }))
    }

    fn heard_a_leader(&self) {
        *lock(&self.0.heard) = Some(R::Instant::now());
        self.0.link.set_removed(false);
    }
}

fn stopped<M: Machine, R: AsyncRuntime>(fatal: impl std::fmt::Display) -> Reply<M, R> {
    Reply::Refused(Refusal::Stopped(fatal.to_string()))
}
