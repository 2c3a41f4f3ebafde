//! The write lease's messages, as `agent/src/shell/leases.rs` has them: asking the leader, and answering as the leader
//! after it has confirmed that it leads.

use super::{Broken, host::Host, shop, world::id_of};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::node::Input;
use quorate_policies::{Millis, Monotonic, RegionName, ServiceName, guard::Refusal};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// As the agent's shell has it.
const ASK_MAX: Duration = Duration::from_secs(2);
/// As the agent's shell has it.
const CONFIRM_MAX: Duration = Duration::from_millis(1_500);

impl Host {
    pub(super) async fn ask_lease(self: Arc<Self>, service: ServiceName, epoch: u64, sent_at: Monotonic) {
        let leader = self.with_node(|node, _| node.standing().leader.clone());
        self.asking.fetch_add(1, Ordering::Relaxed);
        let answer = match leader {
            Some(leader) if leader == self.name => self.grant_lease(self.region.clone(), epoch).await,
            Some(leader) => match self.within(ASK_MAX, self.ask(id_of(&leader), epoch)).await {
                Some(answer) => answer,
                None => Err(self.no_lease("no answer in time")),
            },
            None => Err(self.no_lease("no leader is known")),
        };
        let runs = self.runs().await;
        self.asking.fetch_sub(1, Ordering::Relaxed);
        if !runs {
            return;
        }
        let late = self.broken == Some(Broken::LeaseFromArrival) && answer.is_ok();
        let sent_at = if late { self.now().mono } else { sent_at };
        self.input(Input::LeaseAnswered { service, epoch, sent_at, answer });
        // An application asks in the very moment in which the answer is there, before anything else arrives.
        self.show_promise();
    }

    async fn ask(&self, leader: u64, epoch: u64) -> Result<Millis, Refusal> {
        let lost = std::future::pending;
        if !self.network.carry(self.id, leader).await {
            return lost().await;
        }
        let Some(host) = self.network.host(leader) else { return lost().await };
        let region = self.region.clone();
        // Its own task, so that it runs to its end whatever becomes of the sender.
        let granting = host.clone();
        let answer = SimRuntime::spawn(async move { granting.grant_lease(region, epoch).await }).await;
        match answer {
            Ok(answer) if host.alive() && self.network.carry(leader, self.id).await => answer,
            _ => lost().await,
        }
    }

    /// The barrier waits until everything that predecessors committed is applied here; the confirmation proves that this
    /// agent leads, after the request has come.
    async fn grant_lease(&self, region: RegionName, epoch: u64) -> Result<Millis, Refusal> {
        self.consensus.barrier(CONFIRM_MAX).await.map_err(|error| self.no_lease(&error.to_string()))?;
        let confirmed = self.consensus.confirm_leadership(CONFIRM_MAX).await;
        let term = confirmed.map_err(|error| self.no_lease(&error.to_string()))?;
        self.runs().await;
        self.refresh();
        if self.with_node(|node, _| node.standing().term) != term {
            return Err(self.no_lease("another term has begun"));
        }
        let answer = self.input(Input::LeaseAsked { service: shop(), region, epoch });
        answer.unwrap_or_else(|| Err(self.no_lease("the agent is gone")))
    }

    fn no_lease(&self, why: &str) -> Refusal {
        Refusal::NoLease { region: self.region.clone(), why: why.to_owned() }
    }
}
