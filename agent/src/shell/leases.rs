//! A peer's request for the write lease, and this agent's own to a peer, as messages.

use super::Agent;
use crate::peers::wire::{LeaseReply, LeaseRequest};
use quorate_core::{LeaseWanted, leasing};
use quorate_policies::{AgentName, Millis, guard::Refusal};
use std::time::Duration;

impl Agent {
    /// Grants or refuses as the leader.
    pub(crate) async fn grant_lease(&self, request: LeaseRequest) -> Result<Millis, Refusal> {
        let LeaseRequest { service, region, epoch } = request;
        leasing::grant(self, LeaseWanted { service, region, epoch }).await
    }

    pub(super) async fn ask_peer_for_lease(
        &self,
        leader: &AgentName,
        wanted: &LeaseWanted,
        limit: Duration,
    ) -> Result<Millis, Refusal> {
        let LeaseWanted { service, region, epoch } = wanted.clone();
        match self.peers.lease(leader, &LeaseRequest { service, region, epoch }, limit).await {
            Ok(LeaseReply::Granted { ttl_ms }) => Ok(Millis(ttl_ms)),
            Ok(LeaseReply::Refused { refusal }) => Err(refusal),
            Err(error) => Err(leasing::no_lease(self, &error.to_string())),
        }
    }
}
