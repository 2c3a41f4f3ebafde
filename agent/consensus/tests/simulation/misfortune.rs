//! What goes wrong, drawn from the seed: power cuts, cuts of the network in one or both directions, orderly
//! restarts, leadership transfers, and replaced disks.
//!
//! At most a minority of disks is in doubt at any time, which is what the cluster promises to survive.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant};
use openraft_rt_sim::{SimInstant, SimRuntime};
use quorate_consensus::NodeId;
use rand::RngExt;

use crate::world::World;

/// Time between two looks at the world.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn strike(world: &mut World) {
    let began = SimInstant::now();
    let mut down: BTreeMap<NodeId, Duration> = BTreeMap::new();
    let mut repair_at: Option<Duration> = None;
    let mut next = Duration::from_secs(5);
    while began.elapsed() < world.scenario.length {
        SimRuntime::sleep(LOOK).await;
        let now = began.elapsed();
        world.look();
        for node in due(&mut down, now) {
            world.boot(node).await;
        }
        if repair_at.is_some_and(|at| now >= at) {
            repair_at = None;
            world.network.repair();
            world.oracle().event("the network is repaired");
        }
        let unsettled = world.hosts.values().any(|host| !host.consensus.standing().settled);
        if now < next || unsettled {
            continue;
        }
        next = now + Duration::from_millis(world.random.random_range(2_000..12_000));
        let until = now + Duration::from_millis(world.random.random_range(500..12_000));
        let victim = victim(world);
        let spare = down.len() < (world.scenario.members - 1) / 2;
        match world.random.random_range(0..10) {
            0..4 if spare => {
                world.cut_power(victim);
                down.insert(victim, until);
            }
            4 if spare => {
                world.stop(victim).await;
                down.insert(victim, until);
            }
            5 if down.is_empty() && repair_at.is_none() => {
                world.cut_power(victim);
                world.replace_disk(victim);
                down.insert(victim, until);
            }
            6..9 if repair_at.is_none() => {
                cut(world, victim);
                repair_at = Some(until);
            }
            9 => transfer(world, victim).await,
            _ => {}
        }
    }
    world.network.repair();
    for node in down.into_keys() {
        world.boot(node).await;
    }
}

fn due(down: &mut BTreeMap<NodeId, Duration>, now: Duration) -> Vec<NodeId> {
    let due: Vec<_> = down.iter().filter(|&(_, &at)| now >= at).map(|(&node, _)| node).collect();
    down.retain(|_, &mut at| now < at);
    due
}

/// Every second misfortune hits a leader.
fn victim(world: &mut World) -> NodeId {
    let leader =
        world.hosts.iter().find(|(_, host)| host.consensus.standing().is_leader).map(|(&node, _)| node);
    let nodes = world.nodes();
    let any = nodes[world.random.random_range(0..nodes.len())];
    leader.filter(|_| world.random.random_bool(0.5)).unwrap_or(any)
}

/// Makes one node deaf, mute, or both.
fn cut(world: &mut World, victim: NodeId) {
    let (deaf, mute) = [(true, true), (true, false), (false, true)][world.random.random_range(0..3)];
    world.oracle().event(&format!("node {victim} is cut off (deaf {deaf}, mute {mute})"));
    for other in world.nodes().into_iter().filter(|&other| other != victim) {
        if deaf {
            world.network.cut(other, victim);
        }
        if mute {
            world.network.cut(victim, other);
        }
    }
}

async fn transfer(world: &World, to: NodeId) {
    world.oracle().event(&format!("leadership is to go to node {to}"));
    for host in world.hosts.values().filter(|host| host.consensus.standing().is_leader) {
        drop(host.consensus.transfer_leader(to).await);
    }
}
