//! Reads, all the time, how far the replicas are behind that a plan would promote, so that it is known before trouble
//! comes (R16, R21): when the primary is dead its lag means something else, and the monitoring may be gone with it.

use super::Agent;
use quorate_core::node::Input;
use quorate_policies::{
    ServiceName,
    agreement::lag::replica_name,
    effect::AssumeRole,
    plan::{Action, Lag, Plan, action::RdsPromoteReadReplica, expand::every_way},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// CloudWatch has one point a minute: twice as often finds each soon after it appears. Three agents and one replica cost
/// some quarter of a million reads a month.
const EVERY: Duration = Duration::from_secs(30);
/// Until every replica has been read once after a start or a new policy: the gate is closed meanwhile.
const FIRST: Duration = Duration::from_secs(1);

/// One replica of one service.
type Replica = (ServiceName, String, String);

/// Reads in turn; a replica that nobody has read yet does not wait for the turn.
pub(super) async fn run(agent: Arc<Agent>) {
    let mut look = interval(FIRST);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut read: BTreeMap<Replica, tokio::time::Instant> = BTreeMap::new();
    loop {
        look.tick().await;
        let replicas = replicas(&agent);
        read.retain(|replica, _| replicas.contains_key(replica));
        let due = |replica: &Replica| read.get(replica).is_none_or(|at| at.elapsed() >= EVERY);
        let due: Vec<_> = replicas.into_iter().filter(|(replica, _)| due(replica)).collect();
        for (replica, (promote, role)) in due {
            measure(&agent, &replica, &promote, role.as_ref()).await;
            read.insert(replica, tokio::time::Instant::now());
        }
    }
}

async fn measure(
    agent: &Agent,
    (service, region, instance): &Replica,
    promote: &RdsPromoteReadReplica,
    role: Option<&AssumeRole>,
) {
    match agent.effects.replica_lag(promote, role).await {
        Lag::Known { behind, age, .. } => {
            agent.input(Input::Lag {
                service: service.clone(),
                replica: replica_name(region, instance),
                behind,
                measured: age,
            });
        }
        Lag::Unknown { reason } => {
            tracing::warn!(%service, %region, %instance, %reason, "replica lag unknown");
        }
    }
}

/// What the scenarios' plans would promote, wherever they may lead.
fn replicas(agent: &Agent) -> BTreeMap<Replica, (RdsPromoteReadReplica, Option<AssumeRole>)> {
    agent.with_node(|node, _| {
        let mut found = BTreeMap::new();
        for (name, state) in &node.cluster().services {
            let run = |plan: &Plan| state.policy.scenarios.values().any(|scenario| scenario.run == plan.name);
            let plans = every_way(&state.policy).filter(|plan| plan.from == state.active && run(plan));
            for step in plans.flat_map(|plan| plan.steps.into_values()) {
                if let Action::RdsPromoteReadReplica(promote) = step.action {
                    let replica = (name.clone(), promote.region.clone(), promote.instance.clone());
                    found.insert(replica, (promote, step.role));
                }
            }
        }
        found
    })
}
