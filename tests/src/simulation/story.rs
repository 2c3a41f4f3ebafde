//! One run from the first boot to the last check: a cluster forms and gets its policy, misfortune strikes, everything is
//! repaired, and what must come right comes right. In every third seed an operator then brings the service home.

use super::{
    EAST, Plot, Scenario, WEST, host::Host, misfortune, now, oracle::Shared, region, shop, world::World,
};
use quorate_core::{Actor, Body, Response, cluster::audit::broken_at};
use quorate_policies::{document::read_policy, guard::Trigger};
use std::{sync::Arc, time::Duration};

/// When misfortune begins: the cluster has formed and every agent has seen every region.
const CALM_UNTIL: Duration = Duration::from_secs(14);
/// When it ends.
const MISFORTUNE_UNTIL: Duration = Duration::from_secs(90);
/// When the one that is only an ambush ends.
const AMBUSH_UNTIL: Duration = Duration::from_secs(40);
/// Liveness: how long after the repair a failover may still take. Attempts of 30 s, and the longest pauses between
/// them, fit in.
const RECOVERY_MAX: Duration = Duration::from_secs(120);
/// How long is watched at the end that nothing more happens.
const QUIET: Duration = Duration::from_secs(6);
/// Every so many seeds has an operator who brings the service home.
const HOMECOMING_EVERY: u64 = 3;

/// Tells the whole story.
pub(super) async fn tell(scenario: Scenario, oracle: Shared) {
    let mut world = World::new(scenario, oracle);
    for node in super::world::ids() {
        world.boot(node).await;
    }
    world.watch_until(Duration::from_secs(3)).await;
    introduce_policy(&mut world).await;
    world.watch_until(CALM_UNTIL).await;
    let end = if scenario.plot == Plot::Ambush { AMBUSH_UNTIL } else { MISFORTUNE_UNTIL };
    let ruins = misfortune::strike(&mut world, end).await;
    recover(&mut world, ruins.dead).await;
    if scenario.seed.is_multiple_of(HOMECOMING_EVERY) && world.active().as_deref() == Some(WEST) {
        homecoming(&mut world).await;
    }
    let end = now() + QUIET;
    world.watch_until(end).await;
    audit(&mut world).await;
    world.end().await;
}

fn any_host(world: &World) -> Arc<Host> {
    world.network.hosts().pop().unwrap()
}

async fn introduce_policy(world: &mut World) {
    let policy = read_policy("shop.yaml", include_str!("shop.yaml")).unwrap();
    let actor = Actor { name: "olga".to_owned(), reason: "the first policy".to_owned() };
    let body = Body::ApplyPolicy { policy: Box::new(policy), actor };
    while world.active().is_none() {
        let host = any_host(world);
        world.operate(&host, body.clone()).await;
        world.watch().await;
    }
}

/// Liveness: what runs comes to its end, and a service whose region is dead is served from the other.
async fn recover(world: &mut World, dead: bool) {
    let end = now() + RECOVERY_MAX;
    let unserved = |world: &World| dead && world.active().as_deref() == Some(EAST);
    while now() < end && (unserved(world) || world.open_execution().is_some()) {
        world.watch().await;
    }
    if unserved(world) {
        let host = any_host(world);
        let why = host.with_node(|node, now| node.explain(now, &shop()).map(|explained| explained.refusal));
        world.oracle().violated(&format!("liveness: {EAST} is dead and still active: {why:?}"));
    }
    if let Some(open) = world.open_execution() {
        world.oracle().violated(&format!("liveness: {} does not end: {:?}", open.id, open.steps));
    }
}

/// An operator makes the region that was left into a standby again, and fails back (R25).
async fn homecoming(world: &mut World) {
    world.cloud.rebuild(EAST);
    world.oracle().event("an operator brings the service home");
    let end = now() + RECOVERY_MAX;
    let mut begun = false;
    while now() < end && !begun {
        let host = any_host(world);
        let (evidence, live) =
            host.with_node(|node, now| (node.evidence_now(now, &shop()), node.live_now(now)));
        let trigger = Trigger::Operator {
            by: "olga".to_owned(),
            reason: "it is mended".to_owned(),
            accept_data_loss: false,
        };
        let body = Body::Decide { service: shop(), to: region(EAST), trigger, evidence, live };
        begun = matches!(world.operate(&host, body).await, Some(Response::Execution { .. }));
        let pause = now() + Duration::from_secs(1);
        world.watch_until(pause).await;
    }
    while now() < end && world.open_execution().is_some() {
        world.watch().await;
    }
    if world.active().as_deref() != Some(EAST) || world.open_execution().is_some() {
        world.oracle().violated("liveness: the operator's failback did not succeed");
    }
}

/// At the end every replica can read, and shows the same unbroken audit.
async fn audit(world: &mut World) {
    for host in world.network.hosts() {
        if let Err(error) = host.consensus.barrier(RECOVERY_MAX).await {
            world.oracle().violated(&format!("liveness: {} cannot read: {error}", host.name));
        }
        if let Some(sequence) = broken_at(&host.consensus.state().audit.entries) {
            let text = format!("R31: the audit of {} is broken at entry {sequence}", host.name);
            world.oracle().violated(&text);
        }
    }
    world.watch().await;
    let committed = world.oracle().replicas.committed_count();
    world.oracle().event(&format!("{committed} entries were committed"));
}
