//! Carries deeds out on the world.

use super::{
    AGENTS, EAST, WEST,
    deed::{Deed, Operation},
    fault,
    host::Host,
    ids, newcomer, now, region, service,
    world::World,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_core::{Actor, Body, Command, Response, node::Input};
use quorate_policies::{FEATURE_LEVEL, FeatureLevel, Millis, ServiceName, Timestamp, guard::Trigger};
use std::{sync::Arc, time::Duration};

/// For so long an operator waits for something to abort.
const ABORT_WITHIN: Duration = Duration::from_secs(60);

/// The agent that is meant: by its number, or the leader of the moment; none if there is no leader.
fn meant(world: &World, index: usize) -> Option<usize> {
    if index != fault::LEADER {
        return Some(index);
    }
    let leads = |host: &Arc<Host>| host.consensus.standing().is_leader;
    let leader = world.network.hosts().into_iter().find(leads)?;
    AGENTS.iter().position(|(name, _)| *name == leader.name.as_str())
}

fn id(index: usize) -> u64 {
    ids()[index]
}

/// Names the leader where a deed means it.
fn settled(world: &World, deed: &Deed) -> Option<Deed> {
    Some(match deed {
        Deed::PowerCut(agent) => Deed::PowerCut(meant(world, *agent)?),
        Deed::Pause(agent, length) => Deed::Pause(meant(world, *agent)?, *length),
        Deed::Cut(from, to) => Deed::Cut(meant(world, *from)?, meant(world, *to)?),
        other => other.clone(),
    })
}

/// Does it. A deed that makes no sense any more is left out.
pub(super) async fn perform(world: &mut World, deed: &Deed) {
    let Some(deed) = settled(world, deed) else { return };
    world.oracle().event(&format!("-- {deed}"));
    world.oracle().disturbed();
    match deed {
        Deed::Service { service, region, mode } => world.cloud.with(|w| w.set_mode(service, region, mode)),
        Deed::RegionDies(region) => world.cloud.with(|w| w.site_mut(region).dead = true),
        Deed::RegionReturns(region) => world.cloud.with(|w| w.site_mut(region).dead = false),
        Deed::Rebuild(region) => rebuild(world, region),
        Deed::RegionCut(region) => world.network.isolate(region),
        Deed::Cloud(trouble) => world.cloud.trouble(trouble),
        Deed::Straggle(length) => world.cloud.straggle(length),
        Deed::Replication(how) => world.cloud.replication(how),
        Deed::ForeignEdit(region) => {
            for name in world.services.clone() {
                world.cloud.with(|w| w.foreign_edit(name, region));
                world.oracle().led(name, region);
            }
        }
        Deed::Quota(region, full) => world.cloud.with(|w| w.set_full(region, full)),
        Deed::StaleResolvers(stale) => {
            world.cloud.with(|w| w.stale_resolvers = stale);
            world.oracle().facts.stale_resolvers |= stale;
        }
        Deed::StatusPage(down) => {
            world.cloud.with(|w| w.status_page_down = down);
            world.oracle().facts.page_down = down.then(now);
        }
        Deed::FenceLies(lies) => {
            world.cloud.with(|w| w.fence_lies = lies);
            world.oracle().facts.fence_lied |= lies;
        }
        Deed::Cut(from, to) if from != to => world.network.cut(id(from), id(to)),
        Deed::Cut(..) => {}
        Deed::Dark(agent, at) => world.network.darken(id(agent), &region(at)),
        Deed::Lossy(agent, permille) => world.network.lossy(id(agent), permille),
        Deed::Congested(ms) => world.network.congest(ms),
        Deed::Late(who, ms) => world.network.late(ids()[who], ms),
        Deed::Duplicated(permille) => world.network.duplicate(permille),
        Deed::NetworkRepaired => world.network.repair(),
        Deed::Foreign(agent, foreign) => world.network.foreign(id(agent), foreign),
        Deed::NoSockets(agent, none) => world.network.exhaust(id(agent), none),
        Deed::SlowDisk(agent, each) => world.network.slow_disk(id(agent), each),
        Deed::Joins(old) => newcomer::joins(world, old).await,
        Deed::Leaves(agent) => newcomer::leaves(world, agent),
        Deed::Operate(through, name, operation) => operate(world, through, name, operation),
        Deed::PowerCut(_)
        | Deed::Boot(_)
        | Deed::ColdRestart(_)
        | Deed::Pause(..)
        | Deed::ReplaceDisk(_)
        | Deed::Upgrade(..)
        | Deed::FullDisk(..)
        | Deed::ClockJump(..)
        | Deed::WrongMembers(_) => process(world, deed).await,
    }
}

/// What is still served there, or about to be, is left alone.
fn rebuild(world: &World, region: &'static str) {
    let open = world.open_executions();
    for name in world.services.clone() {
        let elsewhere = world.active(name).is_some_and(|active| active != region);
        if elsewhere && !open.iter().any(|execution| execution.service.as_str() == name) {
            world.cloud.with(|cloud| cloud.rebuild(name, region));
        }
    }
}

/// What happens to an agent's process and disk.
async fn process(world: &mut World, deed: Deed) {
    match deed {
        Deed::PowerCut(agent) => world.cut_power(agent),
        Deed::Boot(agent) => world.boot(agent).await,
        Deed::ColdRestart(gap) => {
            for agent in 0..world.members() {
                world.cut_power(agent);
            }
            for agent in 0..world.members() {
                let end = now() + gap;
                world.watch_until(end).await;
                world.boot(agent).await;
            }
        }
        Deed::Pause(agent, length) => {
            let until = now() + length;
            world.network.pause(id(agent), until);
            world.oracle().pauses(AGENTS[agent].0, until);
        }
        Deed::ReplaceDisk(agent) => replace_disk(world, agent),
        Deed::Upgrade(agent, level) => {
            world.cut_power(agent);
            world.build(agent, FeatureLevel(level));
            world.boot(agent).await;
        }
        Deed::FullDisk(agent, full) => {
            world.disk(agent).fill(full);
            if !full {
                world.boot(agent).await;
            }
        }
        Deed::ClockJump(agent, by_ms) => {
            world.set_wall(agent, by_ms);
            world.oracle().facts.clock_jumped = Some(now());
            if let Some(host) = world.network.host(id(agent)) {
                host.feed(Input::ClockJumped(Millis(by_ms.unsigned_abs())));
            }
        }
        Deed::WrongMembers(agent) => {
            world.cut_power(agent);
            if !world.boot_with_other_members(agent).await {
                world.oracle().violated("R29: an agent started with another member list than its cluster's");
            }
            world.disk(agent).crash();
            world.boot(agent).await;
        }
        _ => {}
    }
}

/// One disk may be lost while all others hold everything; more than that no majority survives, and none promises to.
fn replace_disk(world: &mut World, agent: usize) {
    let others = world.network.hosts();
    // Where agents were changed, who holds everything is no matter of their number.
    let founders = world.members() == world.scenario.nodes;
    let whole = founders && others.len() + 1 == world.members() && !world.is_up(agent);
    if whole && world.replaced_disks == 0 && others.iter().all(|host| host.consensus.standing().settled) {
        world.replaced_disks += 1;
        world.disk(agent).wipe();
        world.oracle().facts.bare = true;
    }
}

/// An operator's command. It is sent and not waited for.
fn operate(world: &mut World, through: usize, name: &'static str, operation: Operation) {
    // Who finds an agent down goes to the next one.
    let next = || world.network.hosts().into_iter().next();
    let Some(host) = world.network.host(id(through)).or_else(next) else { return };
    let actor = Actor { name: format!("olga at {}", host.name), reason: "seen on the dashboard".to_owned() };
    let body = match operation {
        Operation::Failover { accept_data_loss } => failover(world, &host, name, &actor, accept_data_loss),
        Operation::Pause(seconds) => {
            let until = seconds.map(|s| Timestamp(host.clock.now().wall.0 + s * 1_000));
            Some(Body::Pause { service: service(name), actor, until })
        }
        Operation::Resume => Some(Body::Resume { service: service(name), actor }),
        Operation::Abort => return drop(SimRuntime::spawn(abort(host, service(name), actor))),
        Operation::Apply => Some(world.apply_policy(name)),
        Operation::Later => return drop(SimRuntime::spawn(later(host, service(name), actor))),
    };
    if let Some(body) = body {
        drop(SimRuntime::spawn(say(host, body)));
    }
}

/// Says it, and hears what comes back.
pub(super) async fn say(host: Arc<Host>, body: Body) {
    let command = command(&host, body);
    send(host, command).await;
}

fn command(host: &Host, body: Body) -> Command {
    let id = format!("{}/{}", actor_id(host), now().as_micros());
    Command::new(id, host.clock.now().wall, host.name.clone(), body)
}

/// Something that this build does not know. An agent asks first whether all understand it, like the shell does.
async fn later(host: Arc<Host>, service: ServiceName, actor: Actor) {
    let needs = FeatureLevel(FEATURE_LEVEL.0 + 1);
    let command = Command { needs, ..command(&host, Body::Resume { service, actor }) };
    if let Err(refusal) = host.look(|node, now| node.permits(now, &command)) {
        return host.network.oracle().answered(&format!("refused ({}): {refusal}", refusal.guard()));
    }
    send(host, command).await;
}

async fn send(host: Arc<Host>, command: Command) {
    host.network.oracle().said(&command);
    let answer = host.consensus.propose(command, Duration::from_secs(5)).await;
    host.network.oracle().answered(&told(answer));
}

/// An operator who has made up his mind aborts what runs, or waits for it with the finger on the key.
async fn abort(host: Arc<Host>, name: ServiceName, actor: Actor) {
    let end = now() + ABORT_WITHIN;
    while now() < end && host.alive() {
        let open = host.consensus.state().running(&name).map(|execution| execution.id.clone());
        if let Some(execution) = open {
            return say(host, Body::Abort { execution, actor, leave: false }).await;
        }
        SimRuntime::sleep(Duration::from_millis(100)).await;
    }
}

/// What the operator reads.
fn told(answer: Result<Response, impl std::fmt::Display>) -> String {
    match answer {
        Ok(Response::Execution { id, joined: true }) => format!("{id} was under way already"),
        Ok(Response::Execution { id, joined: false }) => format!("{id} begins"),
        Ok(Response::Refused { refusal }) => format!("refused ({}): {refusal}", refusal.guard()),
        Ok(Response::Policy { version, .. }) => format!("policy version {version} is in force"),
        Ok(Response::Done) => "done".to_owned(),
        Err(error) => format!("no answer: {error}"),
    }
}

fn actor_id(host: &Host) -> String {
    format!("operator/{}", host.name)
}

fn failover(world: &World, host: &Host, name: &str, actor: &Actor, accept_data_loss: bool) -> Option<Body> {
    let to = if world.active(name)? == EAST { WEST } else { EAST };
    let (evidence, live) =
        host.look(|node, now| (node.evidence_now(now, &service(name)), node.live_now(now)));
    let trigger = Trigger::Operator {
        by: actor.name.clone(),
        reason: actor.reason.clone(),
        accept_data_loss,
        ungraceful: false,
    };
    Some(Body::Decide { service: service(name), to: region(to), trigger, evidence, live })
}
