//! The write lease's messages: asking the leader, and answering as the leader after it has confirmed that it leads.

use super::Agent;
use crate::peers::wire::{LeaseReply, LeaseRequest};
use quorate_core::node::Input;
use quorate_policies::{Millis, Monotonic, ServiceName, guard::Refusal};
use std::time::Duration;

/// A round trip to the leader and its quorum round; the lease counts from the sending, so a late answer is a short one.
const ASK_MAX: Duration = Duration::from_secs(2);
/// The quorum round of a confirmation.
const CONFIRM_MAX: Duration = Duration::from_millis(1_500);

impl Agent {
    /// Asks whoever leads, itself included, and hands the answer to the node.
    pub(super) async fn ask_lease(&self, service: ServiceName, epoch: u64, sent_at: Monotonic) {
        let request = LeaseRequest { service: service.clone(), region: self.file.region.clone(), epoch };
        let leader = self.with_node(|node, _| node.standing().leader.clone());
        let answer = match leader {
            Some(leader) if leader == self.file.name => self.grant_lease(request).await,
            Some(leader) => match self.peers.lease(&leader, &request, ASK_MAX).await {
                Ok(LeaseReply::Granted { ttl_ms }) => Ok(Millis(ttl_ms)),
                Ok(LeaseReply::Refused { refusal }) => Err(refusal),
                Err(error) => Err(self.no_lease(&error.to_string())),
            },
            None => Err(self.no_lease("no leader is known")),
        };
        self.input(Input::LeaseAnswered { service, epoch, sent_at, answer });
    }

    /// Grants or refuses as the leader. The confirmation comes first, so the grant is younger than it, and the state
    /// that is judged is at least as new.
    pub(crate) async fn grant_lease(&self, request: LeaseRequest) -> Result<Millis, Refusal> {
        let LeaseRequest { service, region, epoch } = request;
        // The barrier waits until everything that predecessors committed is applied here; the confirmation proves that this
        // agent leads, after the request has come.
        self.consensus.barrier(CONFIRM_MAX).await.map_err(|error| self.no_lease(&error.to_string()))?;
        let confirmed = self.consensus.confirm_leadership(CONFIRM_MAX).await;
        let term = confirmed.map_err(|error| self.no_lease(&error.to_string()))?;
        self.refresh();
        if self.with_node(|node, _| node.standing().term) != term {
            return Err(self.no_lease("another term has begun"));
        }
        let answer = self.input(Input::LeaseAsked { service, region, epoch });
        answer.unwrap_or_else(|| Err(self.no_lease("the agent is stopping")))
    }

    fn no_lease(&self, why: &str) -> Refusal {
        Refusal::NoLease { region: self.file.region.clone(), why: why.to_owned() }
    }
}
