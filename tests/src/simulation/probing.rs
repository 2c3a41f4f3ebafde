//! The probes: from every agent to every region at the policy's interval, over the network of the moment. Confirmation
//! is plain: after a first failure so many probes as it takes, one after another.

use super::{host::Host, shop};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::node::{Input, targets::ProbeTarget};
use quorate_policies::{
    Millis, TargetName,
    agreement::lag::replica_name,
    health::{FailureReason, Observation},
};
use std::{sync::Arc, time::Duration};

/// What the shop's plan may promote.
const REPLICAS: [(&str, &str); 2] = [("us-east-1", "shop-us-east-1"), ("us-west-2", "shop-us-west-2")];
/// Before the first policy there is nothing to probe.
const IDLE: Duration = Duration::from_millis(500);

impl Host {
    /// Probes every target at its interval; all targets of the policy have the same.
    pub(super) async fn probe(self: Arc<Self>) {
        let phase = Duration::from_millis(self.network.draw(0..1_000));
        let mut pause = phase;
        while self.sleep(pause).await {
            let targets = self.targets.lock().unwrap().clone();
            pause = targets.first().map_or(IDLE, |target| target.probe.interval.duration());
            for target in targets {
                let host = self.clone();
                drop(SimRuntime::spawn(async move { host.probe_once(&target).await }));
            }
        }
    }

    /// Probes one target at once, several times.
    pub(super) fn confirm(&self, name: TargetName) {
        let target = self.targets.lock().unwrap().iter().find(|target| target.name == name).cloned();
        let (Some(target), Some(host)) = (target, self.network.host(self.id)) else { return };
        drop(SimRuntime::spawn(async move {
            for _ in 1..target.probe.fall {
                host.probe_once(&target).await;
                if !host.sleep(target.probe.confirm_interval.duration()).await {
                    return;
                }
            }
        }));
    }

    /// The replicas are a second behind. Reading them is no part of what is simulated here.
    fn read_lags(&self) {
        for (region, instance) in REPLICAS {
            let (replica, behind, measured) = (replica_name(region, instance), Millis(1_000), Millis(1_000));
            self.input(Input::Lag { service: shop(), replica, behind, measured });
        }
    }

    async fn probe_once(&self, target: &ProbeTarget) {
        let region = &target.name.region;
        let reached = !self.network.is_dark(self.id, region) && self.network.draw(0..200) > 0;
        let observation = if reached && self.cloud.serves(region.as_str()) {
            SimRuntime::sleep(Duration::from_millis(self.network.draw(5..150))).await;
            Observation::Success
        } else {
            SimRuntime::sleep(target.probe.timeout.duration()).await;
            Observation::Failure(FailureReason::ConnectTimeout)
        };
        if self.runs().await {
            let (service, target) = (shop(), target.name.clone());
            self.input(Input::Probed { service, target, observation });
            self.read_lags();
        }
    }
}
