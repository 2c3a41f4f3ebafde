//! Elastic Load Balancing, version 2: the health of the targets of a service's target group. There is one
//! target for each running task.

use serde::Serialize;

use super::World;
use super::call::operations;
use super::compute::target_group_arn;
use super::fault::Behaviour;
use super::refusal::Refusal;

/// One call of Elastic Load Balancing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum BalancingCall {
    /// Reads the health of targets.
    DescribeTargetHealth {
        /// The target group's ARN.
        target_group: String,
        /// Ids and ports of single targets; all without any.
        targets: Vec<(String, Option<u16>)>,
    },
}

operations!(BalancingCall {
    BalancingCall::DescribeTargetHealth { .. } => "DescribeTargetHealth",
});

/// The health of one target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetHealth {
    /// The target's id: an address.
    pub id: String,
    /// The target's port.
    pub port: u16,
    /// Its zone.
    pub zone: String,
    /// `initial`, `healthy`, `unhealthy` or `unused`.
    pub state: &'static str,
    /// Code and words for a target that is not healthy.
    pub reason: Option<(&'static str, &'static str)>,
}

/// The port of the application within its task.
pub const TARGET_PORT: u16 = 8_080;

impl World {
    /// The reply to a call of Elastic Load Balancing.
    pub(super) fn call_balancing(
        &self,
        region: &str,
        call: &BalancingCall,
        now_ms: u64,
    ) -> Result<Vec<TargetHealth>, Refusal> {
        let BalancingCall::DescribeTargetHealth { target_group, targets } = call;
        let service = self.fleet.service(region);
        let own = service.map(|compute| target_group_arn(region, &compute.service));
        if own.as_ref() != Some(target_group) {
            let message = format!("Target groups '{target_group}' not found");
            return Err(Refusal::bad("TargetGroupNotFound", message));
        }
        let failing = match self.behaviour(region, now_ms) {
            Behaviour::Serve | Behaviour::Slow(_) | Behaviour::Lie => None,
            Behaviour::Hang => Some(("Target.Timeout", "Request timed out")),
            Behaviour::Refuse => Some(("Target.FailedHealthChecks", "Health checks failed")),
            Behaviour::Status(_) => {
                Some(("Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"))
            }
        };
        let health = |task: &super::compute::Task| {
            let young = now_ms < task.started_ms + self.target_healthy_ms;
            let (state, reason) = match (young, failing) {
                (true, _) => {
                    let words = "Initial health checks in progress";
                    ("initial", Some(("Elb.InitialHealthChecking", words)))
                }
                (false, Some(reason)) => ("unhealthy", Some(reason)),
                (false, None) => ("healthy", None),
            };
            let zone = format!("{region}a");
            TargetHealth { id: task.address.clone(), port: TARGET_PORT, zone, state, reason }
        };
        let all: Vec<TargetHealth> = self.fleet.tasks(region).iter().map(health).collect();
        if targets.is_empty() {
            return Ok(all);
        }
        let one = |(id, port): &(String, Option<u16>)| {
            let found =
                all.iter().find(|target| target.id == *id && port.is_none_or(|port| port == target.port));
            found.cloned().unwrap_or_else(|| TargetHealth {
                id: id.clone(),
                port: port.unwrap_or(TARGET_PORT),
                zone: format!("{region}a"),
                state: "unused",
                reason: Some(("Target.NotRegistered", "Target is not registered to the target group")),
            })
        };
        Ok(targets.iter().map(one).collect())
    }
}
