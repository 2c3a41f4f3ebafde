//! One run from the first boot to the last check: a cluster forms and gets its policies, faults strike, everything is
//! repaired, and what must come right comes right. In every third seed an operator then brings the services home.

use super::{
    CALM_UNTIL, EAST, Plot, Scenario, WEST,
    coverage::word,
    cue::Prompter,
    deed::{Event, Mode, Replication, Trouble},
    fault,
    host::Host,
    newcomer, now,
    oracle::Shared,
    policy::Temper,
    region, service, stage,
    world::World,
};
use quorate_core::{Actor, Body, ExecutionState, Response, StepState, cluster::audit::broken_at};
use quorate_policies::{
    RegionName,
    guard::{Refusal, Trigger},
};
use std::{sync::Arc, time::Duration};

/// Liveness: how long after the repair a failover may still take. Attempts of 30 s, and the longest pauses between
/// them, fit in.
const RECOVERY_MAX: Duration = Duration::from_secs(150);
/// How long is watched at the end that nothing more happens.
const QUIET: Duration = Duration::from_secs(6);
/// Every so many seeds has an operator who brings the services home.
const HOMECOMING_EVERY: u64 = 3;

/// What keeps automation from moving away from a dead region, by design: an operator must.
const A_HUMANS_TURN: [&str; 10] = [
    "held",
    "too_few_vantages",
    "cooling_down",
    "velocity_cap",
    "already_red_at_start",
    "replica_lag_unknown",
    "replica_lag_too_high",
    "unusable_region",
    "execution_in_progress",
    "flapping",
];

/// The same where a failover has left the other region and nobody has made a standby of it since.
const WITHOUT_A_STANDBY: [&str; 2] = ["standby_not_healthy", "everything_down"];

/// Tells the whole story.
pub(super) async fn tell(scenario: Scenario, oracle: Shared) {
    let services = fault::services(scenario.seed);
    let (events, temper) = match &scenario.plot {
        Plot::Faults(faults) => {
            let events = fault::draw(scenario.seed, scenario.nodes, scenario.length, faults);
            (events, Temper::drawn(scenario.seed, faults))
        }
        Plot::Written(events, dwell) => (events.clone(), Temper::written(*dwell)),
    };
    let mut world = World::new(scenario, services, temper, oracle);
    for agent in 0..world.members() {
        world.boot(agent).await;
    }
    world.watch_until(Duration::from_secs(3)).await;
    introduce_policies(&mut world).await;
    world.watch_until(CALM_UNTIL).await;
    suffer(&mut world, events).await;
    repair(&mut world).await;
    resume_again(&mut world).await;
    recover(&mut world).await;
    if world.scenario.seed.is_multiple_of(HOMECOMING_EVERY) {
        for name in world.services.clone() {
            if world.active(name).as_deref() == Some(WEST) {
                homecoming(&mut world, name).await;
            }
        }
    }
    let end = now() + QUIET;
    world.watch_until(end).await;
    audit(&mut world).await;
    world.end().await;
}

fn any_host(world: &World) -> Arc<Host> {
    let hosts = world.network.hosts();
    let leader = hosts.iter().find(|host| host.consensus.standing().is_leader);
    leader.unwrap_or(&hosts[0]).clone()
}

async fn introduce_policies(world: &mut World) {
    for name in world.services.clone() {
        let body = world.apply_policy(name);
        while world.active(name).is_none() {
            let host = any_host(world);
            world.operate(&host, body.clone()).await;
            world.watch().await;
        }
    }
}

/// Lets everything happen that is to happen.
async fn suffer(world: &mut World, events: Vec<Event>) {
    let mut prompter = Prompter::new(events);
    let end = world.scenario.length;
    while now() < end {
        world.watch().await;
        let moments = if prompter.waits() { world.moments() } else { Vec::new() };
        for event in prompter.due(now(), moments) {
            world.oracle().coverage.note("fault", event.fault.to_string());
            stage::perform(world, &event.deed).await;
        }
    }
}

/// Everything is mended but a primary region that is dead for good.
async fn repair(world: &mut World) {
    world.cloud.trouble(Trouble::default());
    world.network.repair();
    world.cloud.replication(Replication::Behind(500));
    let services = world.services.clone();
    world.cloud.with(|cloud| {
        (cloud.status_page_down, cloud.fence_lies, cloud.stale_resolvers) = (false, false, false);
        cloud.site_mut(WEST).dead = false;
        for at in [EAST, WEST] {
            cloud.set_full(at, false);
            services.iter().for_each(|name| cloud.set_mode(name, at, Mode::Up));
        }
    });
    put_dns_right(world);
    world.up_to_date();
    for agent in 0..world.members() {
        world.disk(agent).fill(false);
        let id = super::ids()[agent];
        world.network.foreign(id, false);
        world.network.slow_disk(id, Duration::ZERO);
        world.boot(agent).await;
    }
    world.oracle().disturbed();
    world.oracle().facts.page_down = None;
    world.oracle().facts.bare = false;
    // Agents act within a moment now: the oracle must know that they have each other again.
    world.tell_conditions();
    world.oracle().event("-- everything is repaired");
}

/// Who pointed DNS somewhere else by hand after a failover had moved it must point it back: agents change a record once
/// for each decision, and verify it until a human has seen to it.
fn put_dns_right(world: &World) {
    for open in world.open_executions() {
        let moved = open.steps.iter().any(|(name, step)| {
            name.as_str() == "repoint" && matches!(step.state, StepState::Succeeded { .. })
        });
        let (name, to) = (open.service.as_str(), open.plan.to.as_str());
        let to = [EAST, WEST].into_iter().find(|region| *region == to);
        if let (true, Some(to)) = (moved, to) {
            world.cloud.with(|cloud| cloud.foreign_edit(name, to));
            world.oracle().led(name, to);
        }
    }
}

/// A pause whose end was lost on its way to the log would hold an execution for ever, and rightly so. Who set it sees that it
/// stands, and says it again.
async fn resume_again(world: &mut World) {
    for open in world.open_executions() {
        let end = now() + RECOVERY_MAX;
        while now() < end && world.state().held(&open).is_some() {
            let host = any_host(world);
            let actor = Actor { name: "olga".to_owned(), reason: "once more".to_owned() };
            world.operate(&host, Body::Resume { service: open.service.clone(), actor }).await;
            let pause = now() + Duration::from_secs(1);
            world.watch_until(pause).await;
        }
    }
}

/// Whether a service still belongs to a region that is dead.
fn unserved(world: &World, name: &'static str) -> bool {
    world.cloud.with(|cloud| cloud.site(EAST).dead) && world.active(name).as_deref() == Some(EAST)
}

/// Liveness: what runs comes to its end or waits for a human, and a service whose region is dead is served from the
/// other one: by the agents, or where a rule leaves it to a human, by his word.
async fn recover(world: &mut World) {
    let end = now() + RECOVERY_MAX;
    let running = |world: &World| {
        let waits = |state: &ExecutionState| matches!(state, ExecutionState::Stopped { .. });
        world.open_executions().iter().any(|execution| !waits(&execution.state))
    };
    let services = world.services.clone();
    while now() < end && (running(world) || services.iter().any(|name| unserved(world, name))) {
        world.watch().await;
    }
    for open in world.open_executions() {
        // What a dead region would have to do or to take back is tried for half an hour: an operator has the last word.
        let lost = |region: &RegionName| world.cloud.with(|cloud| cloud.site(region.as_str()).dead);
        let excused = match open.state {
            ExecutionState::Stopped { .. } => true,
            ExecutionState::Undoing { .. } => lost(&open.plan.from),
            ExecutionState::Running => lost(&open.plan.to),
            _ => false,
        };
        if !excused {
            let steps: Vec<String> =
                open.steps.iter().map(|(name, step)| format!("{name} {:?}", step.state)).collect();
            let text = format!("R30: {} does not end: {}", open.id, steps.join(", "));
            world.oracle().violated(&text);
        }
    }
    for name in services {
        if unserved(world, name) {
            leave_to_a_human(world, name).await;
        }
    }
}

/// Why automation did not act, and the human verb that must work all the same.
async fn leave_to_a_human(world: &mut World, name: &'static str) {
    let host = any_host(world);
    let explained = host.look(|node, now| node.explain(now, &service(name)).map(|e| e.refusal));
    let refusal = explained.ok().flatten();
    let told = refusal.as_ref().map_or_else(|| "nothing".to_owned(), word);
    world.oracle().coverage.note("left to a human", told.clone());
    // A failback has left the other region, and the one it went to died before there was a standby again.
    let left = world.cloud.with(|cloud| cloud.left(name, WEST));
    let among = |words: &[&str]| words.contains(&told.as_str());
    let his_turn = among(&A_HUMANS_TURN) || left && among(&WITHOUT_A_STANDBY);
    if !his_turn {
        let text = format!("liveness: {EAST} is dead, {name} still belongs to it, and {refusal:?}");
        return world.oracle().violated(&text);
    }
    world.oracle().event(&format!("-- an operator takes over: {told}"));
    // Who fails over from a dead region does not wait until it is in order.
    for open in world.open_executions() {
        let actor = Actor { name: "olga".to_owned(), reason: "it is stuck".to_owned() };
        world.operate(&host, Body::Abort { execution: open.id, actor, leave: true }).await;
    }
    let settle = now() + Duration::from_secs(60);
    while now() < settle && !world.open_executions().is_empty() {
        world.watch().await;
    }
    if left {
        world.cloud.with(|cloud| cloud.rebuild(name, WEST));
        world
            .oracle()
            .event(&format!("-- an operator restores {name} in {WEST} from what was saved elsewhere"));
    }
    fail_over(world, name, WEST).await;
}

/// An operator's failover, asked for until it begins, and followed to its end.
async fn fail_over(world: &mut World, name: &'static str, to: &'static str) {
    let end = now() + RECOVERY_MAX;
    let mut answer: Option<Result<String, Refusal>> = None;
    while now() < end && !matches!(answer, Some(Ok(_))) {
        let host = any_host(world);
        let (evidence, live) =
            host.look(|node, now| (node.evidence_now(now, &service(name)), node.live_now(now)));
        let (by, reason) = ("olga".to_owned(), "it is for me to say".to_owned());
        let trigger = Trigger::Operator { by, reason, accept_data_loss: true, ungraceful: false };
        let body = Body::Decide { service: service(name), to: region(to), trigger, evidence, live };
        answer = match world.operate(&host, body).await {
            Some(Response::Execution { id, .. }) => Some(Ok(id)),
            Some(Response::Refused { refusal }) => Some(Err(refusal)),
            _ => answer,
        };
        let pause = now() + Duration::from_secs(1);
        world.watch_until(pause).await;
    }
    let open = |world: &World| world.open_executions().iter().any(|e| e.service.as_str() == name);
    while now() < end && open(world) {
        world.watch().await;
    }
    if world.active(name).as_deref() != Some(to) || open(world) {
        let text = format!("liveness: an operator's failover of {name} to {to} did not end well: {answer:?}");
        world.oracle().violated(&text);
    }
}

/// An operator makes the region that was left into a standby again, and fails back (R25).
async fn homecoming(world: &mut World, name: &'static str) {
    for open in world.open_executions() {
        let host = any_host(world);
        let actor = Actor { name: "olga".to_owned(), reason: "seen to by hand".to_owned() };
        world.operate(&host, Body::Abort { execution: open.id, actor, leave: false }).await;
    }
    let settle = now() + Duration::from_secs(30);
    while now() < settle && !world.open_executions().is_empty() {
        world.watch().await;
    }
    world.cloud.with(|cloud| {
        let services = cloud.services();
        services.into_iter().filter(|other| *other == name).for_each(|name| cloud.rebuild(name, EAST));
    });
    world.oracle().event(&format!("-- an operator brings {name} home"));
    fail_over(world, name, EAST).await;
}

/// At the end every replica can read, and shows the same unbroken audit.
async fn audit(world: &mut World) {
    let members = world.state().members.clone();
    for host in world.network.hosts() {
        if let Some(unsettled) = newcomer::unsettled(&host) {
            world.oracle().violated(&unsettled);
        }
        // Who was removed is told nothing any more.
        if !members.contains_key(&host.name) {
            continue;
        }
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
    let term = world.network.hosts().iter().map(|host| host.consensus.standing().term).max();
    let term = term.unwrap_or_default();
    world.oracle().event(&format!("{committed} entries were committed; the last term is {term}"));
}
