//! What goes wrong, drawn from the seed: power cuts with torn disks, replaced disks, agents and regions that are cut off
//! in one direction or both, pauses, congestion, a cloud that is slow or loses calls, and the end of the primary region.
//!
//! At most one host is down and one paused at a time, which is what three voters promise to survive. Between the end of
//! the region and the decision at most one agent forgets that it ever saw the region healthy: with two of them a cold
//! start is what the log must see in it, and a cold start decides nothing (F26).

use super::{
    AGENTS, EAST, Plot, agent,
    cloud::Trouble,
    now, region,
    world::{World, ids, name_of},
};
use quorate_consensus::{NodeId, node_id};
use rand::RngExt;
use std::{sync::atomic::Ordering, time::Duration};

/// What the seed has in store for the whole run.
struct Fate {
    /// When the primary region ends for good, and whether its agent goes with it.
    death: Option<(Duration, bool)>,
    /// How long after that the holder of the lease is stopped with a request for it under way, if its agent lives.
    ambush: Option<Duration>,
    trouble: Trouble,
}

/// What is wrong at the moment.
#[derive(Default)]
struct Now {
    down: Option<(NodeId, Duration)>,
    repair_at: Option<Duration>,
    paused_until: Duration,
    /// Restarts since the region's end.
    forgot: u32,
    /// From when on the holder of the lease is lain in wait for.
    ambush_from: Option<Duration>,
}

/// What is left of it when misfortune is over.
pub(super) struct Ruins {
    /// Whether the primary region is dead for good.
    pub(super) dead: bool,
}

/// Lets things go wrong until `end`, then repairs all but a dead region.
pub(super) async fn strike(world: &mut World, end: Duration) -> Ruins {
    let fate = draw(world);
    world.cloud.trouble(fate.trouble);
    let (mut at, mut dead) = (Now::default(), false);
    let mut next = now() + Duration::from_secs(2);
    while now() < end {
        world.watch().await;
        pass(world, &mut at, dead).await;
        if let Some((_, with_agent)) = fate.death.filter(|(when, _)| !dead && now() >= *when)
            && at.down.is_none()
            && all_armed(world)
        {
            dead = true;
            kill_region(world, &mut at, with_agent, end);
            at.ambush_from = fate.ambush.map(|after| now() + after);
        }
        ambush(world, &mut at);
        if now() >= next && world.scenario.plot == Plot::Drawn {
            next = now() + Duration::from_millis(world.random.random_range(1_500..7_000));
            one(world, &mut at, dead);
        }
    }
    world.cloud.trouble(Trouble::default());
    world.network.repair();
    if !dead {
        world.oracle().outages_end(EAST);
    }
    if let Some((node, _)) = at.down {
        world.boot(node).await;
    }
    world.oracle().event("everything is repaired");
    Ruins { dead }
}

fn draw(world: &mut World) -> Fate {
    let random = &mut world.random;
    if world.scenario.plot == Plot::Ambush {
        let death = Some((Duration::from_millis(random.random_range(16_000..20_000)), false));
        let ambush = Some(Duration::from_millis(random.random_range(3_500..4_500)));
        return Fate { death, ambush, trouble: Trouble::default() };
    }
    let death = random
        .random_bool(0.65)
        .then(|| (Duration::from_millis(random.random_range(16_000..60_000)), random.random_bool(0.3)));
    let trouble = match random.random_range(0..4) {
        0 => Trouble::default(),
        1 => Trouble { slow_ms: 7_000, ..Trouble::default() },
        2 => Trouble { lost_before: 0.2, lost_after: 0.3, refused: 0.2, ..Trouble::default() },
        _ => Trouble { slow_ms: 2_000, lost_before: 0.1, lost_after: 0.1, refused: 0.1 },
    };
    let ambush = random.random_bool(0.6).then(|| Duration::from_millis(random.random_range(3_000..6_000)));
    world.oracle().event(&format!("in store: {death:?}, {ambush:?}, {trouble:?}"));
    Fate { death, ambush, trouble }
}

/// Stops the agent that holds the lease while a request for it is under way, for longer than a lease lasts: the answer
/// is there when it goes on, and is worth nothing any more (R13).
fn ambush(world: &mut World, at: &mut Now) {
    let eve = node_id(AGENTS[0].0);
    let Some(host) = at.ambush_from.filter(|from| now() >= *from).and_then(|_| world.network.host(eve))
    else {
        return;
    };
    if now() >= at.paused_until && host.asking.load(Ordering::Relaxed) > 0 {
        at.ambush_from = None;
        let length = Duration::from_millis(world.random.random_range(4_500..8_500));
        pause(world, at, eve, length);
    }
}

fn pause(world: &mut World, at: &mut Now, victim: NodeId, length: Duration) {
    let name = name_of(victim).unwrap_or_default();
    at.paused_until = now() + length;
    world.network.pause(victim, at.paused_until);
    world.oracle().pauses(name, at.paused_until);
    world.oracle().event(&format!("{name} is paused for {length:?}"));
}

/// Ends what was to end by now.
async fn pass(world: &mut World, at: &mut Now, dead: bool) {
    if let Some((node, until)) = at.down
        && now() >= until
    {
        at.down = None;
        world.boot(node).await;
    }
    if at.repair_at.is_some_and(|repair| now() >= repair) {
        at.repair_at = None;
        world.network.repair();
        if !dead {
            world.oracle().outages_end(EAST);
        }
        world.oracle().event("the network is repaired");
    }
}

/// Every agent runs and has seen the primary region healthy.
fn all_armed(world: &World) -> bool {
    let hosts = world.network.hosts();
    let armed = |host: &std::sync::Arc<super::host::Host>| {
        let evidence = host.with_node(|node, now| node.evidence_now(now, &super::shop()));
        let own = |vote: &&quorate_policies::agreement::Vote| {
            vote.agent == host.name && vote.target.region == region(EAST)
        };
        evidence.votes.iter().find(own).is_some_and(|vote| vote.armed)
    };
    hosts.len() == AGENTS.len() && hosts.iter().all(armed)
}

fn kill_region(world: &mut World, at: &mut Now, with_agent: bool, end: Duration) {
    world.cloud.set_dead(EAST, true);
    world.oracle().outage_begins(EAST);
    world.oracle().event(&format!("{EAST} dies"));
    if with_agent {
        let eve = node_id(AGENTS[0].0);
        world.cut_power(eve);
        at.down = Some((eve, end));
        at.forgot += 1;
    }
}

/// Every second misfortune hits the leader.
fn victim(world: &mut World) -> NodeId {
    let hosts = world.network.hosts();
    let leader = hosts.iter().find(|host| host.consensus.standing().is_leader).map(|host| host.id);
    let any = ids()[world.random.random_range(0..ids().len())];
    leader.filter(|_| world.random.random_bool(0.5)).unwrap_or(any)
}

/// One misfortune.
fn one(world: &mut World, at: &mut Now, dead: bool) {
    let victim = victim(world);
    let length = Duration::from_millis(world.random.random_range(500..10_000));
    let undecided = dead && world.oracle().executions.is_empty();
    let may_forget = at.down.is_none() && (!undecided || at.forgot == 0);
    match world.random.random_range(0..12) {
        0..4 if may_forget => {
            at.forgot += u32::from(dead);
            world.cut_power(victim);
            let settled = world.network.hosts().iter().all(|host| host.consensus.standing().settled);
            if settled && at.repair_at.is_none() && world.random.random_bool(0.1) {
                world.replace_disk(victim);
            }
            at.down = Some((victim, now() + length));
        }
        4..7 if at.repair_at.is_none() => {
            isolate_agent(world, victim);
            at.repair_at = Some(now() + length);
        }
        7 if at.repair_at.is_none() && !dead => {
            isolate_region(world);
            at.repair_at = Some(now() + length + Duration::from_secs(5));
        }
        8..10 if now() >= at.paused_until && world.network.host(victim).is_some() => {
            pause(world, at, victim, length);
        }
        10..12 if at.repair_at.is_none() => {
            let most = world.random.random_range(50..900);
            world.network.congest(most);
            at.repair_at = Some(now() + length);
            world.oracle().event(&format!("the network is congested: up to {most} ms more"));
        }
        _ => {}
    }
}

/// Makes one agent deaf, mute or both; sometimes it cannot reach the other regions' services either.
fn isolate_agent(world: &mut World, victim: NodeId) {
    let (deaf, mute) = [(true, true), (true, false), (false, true)][world.random.random_range(0..3)];
    let blind = world.random.random_bool(0.5);
    let name = name_of(victim).unwrap_or_default();
    world.oracle().event(&format!("{name} is cut off (deaf {deaf}, mute {mute}, blind {blind})"));
    for other in ids().into_iter().filter(|other| *other != victim) {
        if deaf {
            world.network.cut(other, victim);
        }
        if mute {
            world.network.cut(victim, other);
        }
    }
    let own = AGENTS.iter().find(|(agent, _)| *agent == name).map(|(_, at)| *at);
    for (_, at) in AGENTS.iter().filter(|(_, at)| blind && Some(*at) != own) {
        world.network.darken(victim, &region(at));
    }
}

/// Cuts the primary region off from the rest of the world, in both directions.
fn isolate_region(world: &mut World) {
    world.oracle().event(&format!("{EAST} is cut off from the world"));
    world.oracle().outage_begins(EAST);
    let (eve, _) = AGENTS[0];
    let eve = super::world::id_of(&agent(eve));
    for other in ids().into_iter().filter(|other| *other != eve) {
        world.network.cut(other, eve);
        world.network.cut(eve, other);
        world.network.darken(other, &region(EAST));
    }
    for (_, at) in AGENTS.iter().skip(1) {
        world.network.darken(eve, &region(at));
    }
}
