//! What the core's loops need of this process: consensus, the effects, the machine's clock and timers, and a log for
//! people. Nothing is decided here.

use super::Agent;
use crate::{effects::Known, jobs::journal::Attempt};
use quorate_core::{
    Cluster, Command, LeaseWanted, Response, StepNews, Surroundings,
    node::{Input, Node, Now, StepOrder},
};
use quorate_policies::{
    AgentName, CheckName, Millis, RegionName, ServiceName,
    agreement::ReplicaLag,
    effect::{Acted, EffectContext, Observed},
    guard::Refusal,
};
use std::{sync::Arc, time::Duration};

impl Surroundings for Agent {
    fn name(&self) -> &AgentName {
        &self.file.name
    }

    fn region(&self) -> &RegionName {
        &self.file.region
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn state(&self) -> Arc<Cluster> {
        self.consensus.state()
    }

    fn with_node<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T {
        Self::with_node(self, look)
    }

    fn input(&self, input: Input) -> Option<Result<Millis, Refusal>> {
        Self::input(self, input)
    }

    fn refresh(&self) {
        Self::refresh(self);
    }

    async fn barrier(&self, limit: Duration) -> Result<(), String> {
        self.consensus.barrier(limit).await.map(drop).map_err(|error| error.to_string())
    }

    async fn confirm_leadership(&self, limit: Duration) -> Result<u64, String> {
        self.consensus.confirm_leadership(limit).await.map_err(|error| error.to_string())
    }

    async fn propose(&self, command: Command) -> Result<Response, String> {
        self.put(command).await.map_err(|error| error.to_string())
    }

    async fn ask_leader(
        &self,
        leader: &AgentName,
        wanted: &LeaseWanted,
        limit: Duration,
    ) -> Result<Millis, Refusal> {
        self.ask_peer_for_lease(leader, wanted, limit).await
    }

    async fn observe(&self, order: &StepOrder, context: &EffectContext) -> Observed {
        let known = Sights { agent: self, service: &order.service };
        self.effects.observe(&order.step.action, context, &known).await
    }

    async fn act(&self, order: &StepOrder, part: u8, context: &EffectContext) -> Acted {
        self.effects.act(&order.step.action, part, context).await
    }

    async fn let_go(&self, order: &StepOrder) {
        let (execution, step) = (order.execution.clone(), order.name.to_string());
        self.effects.let_go(&Attempt { execution, step, number: order.attempt }).await;
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn within<T: Send>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        tokio::time::timeout(limit, work).await.ok()
    }

    fn tell(&self, order: &StepOrder, news: StepNews<'_>) {
        let step = format!("{}/{}#{}", order.execution, order.name, order.attempt);
        match news {
            StepNews::NotBegun(why) => tracing::debug!(%step, %why, "not begun"),
            StepNews::Begins { resumed } => {
                tracing::info!(%step, action = order.step.action.kind(), resumed, "step begins");
            }
            StepNews::Ends(outcome) => tracing::info!(%step, ?outcome, "step ends"),
            StepNews::Left(why) => tracing::info!(%step, %why, "step left"),
            StepNews::NotTaken(refusal) => tracing::info!(%step, %refusal, "outcome not taken"),
            StepNews::NotInLog(why) => tracing::warn!(%step, %why, "outcome not in the log yet"),
        }
    }
}

/// What this agent's probes have seen of one service.
struct Sights<'a> {
    agent: &'a Agent,
    service: &'a ServiceName,
}

impl Known for Sights<'_> {
    fn behind(&self, replica: &str) -> Option<ReplicaLag> {
        self.agent.with_node(|node, now| node.replica_lag(now.mono, self.service, replica))
    }

    fn succeeds(&self, region: &str, probe: &CheckName, timeline: u32) -> bool {
        let Ok(region) = RegionName::try_from(region) else { return false };
        self.agent.with_node(|node, _| node.succeeds(self.service, probe, &region, timeline))
    }
}
