//! What the core's loops need, simulated: the same trait that the agent's shell implements with sockets and real clocks.

use super::{
    host::{Host, PROPOSE_MAX},
    network::Network,
    now,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::node_id;
use quorate_core::{
    Cluster, Command, LeaseWanted, Response, StepNews, Surroundings, leasing,
    node::{Input, Node, Now, StepOrder},
};
use quorate_policies::{
    AgentName, Millis, RegionName,
    effect::{Acted, EffectContext, Observed},
    guard::Refusal,
};
use std::{sync::Arc, time::Duration};

impl Surroundings for Host {
    fn name(&self) -> &AgentName {
        &self.name
    }

    fn region(&self) -> &RegionName {
        &self.region
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn state(&self) -> Arc<Cluster> {
        self.consensus.state()
    }

    fn with_node<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T {
        self.look(look)
    }

    fn input(&self, input: Input) -> Option<Result<Millis, Refusal>> {
        self.feed(input)
    }

    fn refresh(&self) {
        let state = self.consensus.state();
        let standing = self.standing();
        if self.look(|node, _| *node.standing() != standing) {
            self.feed(Input::Standing(standing));
        }
        if self.look(|node, _| !Arc::ptr_eq(node.cluster(), &state)) {
            self.feed(Input::Applied(state));
        }
    }

    async fn barrier(&self, limit: Duration) -> Result<(), String> {
        let answer = self.consensus.barrier(limit).await;
        self.lives().await;
        answer.map(drop).map_err(|error| error.to_string())
    }

    async fn confirm_leadership(&self, limit: Duration) -> Result<u64, String> {
        let answer = self.consensus.confirm_leadership(limit).await;
        self.lives().await;
        answer.map_err(|error| error.to_string())
    }

    async fn propose(&self, command: Command) -> Result<Response, String> {
        self.network.written(self.id).await;
        let answer = self.consensus.propose(command, PROPOSE_MAX).await;
        self.lives().await;
        answer.map_err(|error| error.to_string())
    }

    async fn ask_leader(
        &self,
        leader: &AgentName,
        wanted: &LeaseWanted,
        limit: Duration,
    ) -> Result<Millis, Refusal> {
        let asking = ask(self.network.clone(), self.id, node_id(leader.as_str()), wanted.clone());
        let answer = self.in_time(limit, asking).await;
        answer.unwrap_or_else(|| Err(leasing::no_lease(self, "no answer in time")))
    }

    async fn observe(&self, order: &StepOrder, context: &EffectContext) -> Observed {
        self.cloud.observe(self, &order.step.action, context).await
    }

    async fn act(&self, order: &StepOrder, _part: u8, context: &EffectContext) -> Acted {
        self.cloud.act(self, order, context).await
    }

    async fn sleep(&self, time: Duration) {
        SimRuntime::sleep(time).await;
        self.lives().await;
    }

    async fn within<T: Send>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        self.in_time(limit, work).await
    }

    fn tell(&self, order: &StepOrder, news: StepNews<'_>) {
        if let StepNews::Left(why) | StepNews::NotBegun(why) = news {
            let text = format!(
                "{} leaves {}/{}#{} to another attempt: {why}",
                self.name, order.execution, order.name, order.attempt
            );
            self.network.oracle().event(&text);
        }
        let left = matches!(news, StepNews::Left(_));
        self.network.oracle().coverage.step_news(&news, left && now() > Duration::ZERO);
    }
}

/// A request for the lease to the leader, and its answer back.
async fn ask(network: Network, me: u64, leader: u64, wanted: LeaseWanted) -> Result<Millis, Refusal> {
    let lost = std::future::pending;
    if !network.carry(me, leader).await || !network.understand(me, leader) {
        return lost().await;
    }
    let Some(host) = network.host(leader) else { return lost().await };
    // Its own task, so that it runs to its end whatever becomes of the sender.
    let granting = host.clone();
    let answer = SimRuntime::spawn(async move { leasing::grant(&*granting, wanted).await }).await;
    match answer {
        Ok(answer) if host.alive() && network.carry(leader, me).await => answer,
        _ => lost().await,
    }
}
