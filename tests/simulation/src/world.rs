//! The hosts and what is around them: starting one on its disk, cutting its power, and looking at all of them at once.

use super::{
    AGENTS, Plot, Scenario, agent,
    clients::Clients,
    cloud::Cloud,
    coverage::word,
    cue::{Cue, Moment},
    disk::SimDisk,
    fault::Fault,
    host::{Clock, Host, PROPOSE_MAX, RATES, RATES_UNEQUAL, Seat},
    ids,
    network::Network,
    newcomer, now,
    oracle::{Oracle, Shared},
    policy::Temper,
    policy::policy,
    replicas, service,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{
    Consensus, Limits, Member, NodeId, Settings, StartError, Timing, WriterMode, node_id,
};
use quorate_core::{Actor, Body, Cluster, Command, Execution, Response, StepState};
use quorate_policies::{FEATURE_LEVEL, FeatureLevel, Millis};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

/// Between two looks at all nodes. Applications ask for the lease about as often.
const LOOK: Duration = Duration::from_millis(50);
/// Looks between two samples of every voter for the trace's digest.
const SAMPLE_EVERY: u64 = 20;

/// The whole simulated world.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) random: StdRng,
    pub(super) network: Network,
    pub(super) cloud: Cloud,
    pub(super) services: Vec<&'static str>,
    /// What the policies differ in from those of other runs.
    pub(super) temper: Temper,
    pub(super) replaced_disks: usize,
    clients: Clients,
    oracle: Shared,
    ids: Vec<NodeId>,
    disks: BTreeMap<NodeId, SimDisk>,
    clocks: BTreeMap<NodeId, Clock>,
    timing: Timing,
    /// What each agent's build understands, from its next start on.
    builds: BTreeMap<NodeId, FeatureLevel>,
    boots: u64,
    looks: u64,
    commands: u64,
    applied: u64,
}

/// Unequal clocks: mostly the one that is slow is the primary region's, where a
/// lease then lasts longest.
fn unequal(clocks: &mut BTreeMap<NodeId, Clock>, seed: u64) {
    let (slow, fast) = RATES_UNEQUAL;
    let (first, others) = if seed.is_multiple_of(5) { (fast, slow) } else { (slow, fast) };
    clocks.iter_mut().for_each(|(id, clock)| clock.rate = if *id == ids()[0] { first } else { others });
}

/// An agent's name by its number.
pub(super) fn name_of(id: NodeId) -> Option<&'static str> {
    ids().iter().position(|own| *own == id).map(|index| AGENTS[index].0)
}

impl World {
    pub(super) fn new(
        scenario: Scenario,
        services: Vec<&'static str>,
        temper: Temper,
        oracle: Shared,
    ) -> Self {
        let (seed, nodes) = (scenario.seed, scenario.nodes);
        let mut random = StdRng::seed_from_u64(seed);
        // One seed in four lives close together, the others across continents.
        let (timing, delay_us) = if seed.is_multiple_of(4) {
            (Timing::lan(), 100..8_000)
        } else {
            (Timing::wan(), 10_000..100_000)
        };
        let loss = if random.random_bool(0.5) { 0.01 } else { 0.0 };
        let network = Network::new(random.random(), nodes, delay_us, loss, oracle.clone());
        let mut clock = || Clock {
            booted: Duration::ZERO,
            rate: random.random_range(RATES),
            wall_offset_ms: random.random_range(0..5_000),
        };
        let ids: Vec<NodeId> = ids()[..nodes].to_vec();
        let mut clocks: BTreeMap<NodeId, Clock> = ids.iter().map(|id| (*id, clock())).collect();
        if matches!(&scenario.plot, Plot::Faults(faults) if faults.contains(&Fault::F14)) {
            unequal(&mut clocks, seed);
        }
        let disk = |id: &NodeId| (*id, SimDisk::new(seed.wrapping_mul(31) ^ id, false));
        services.iter().for_each(|name| oracle.lock().unwrap().led(name, super::EAST));
        Self {
            scenario,
            cloud: Cloud::new(random.random(), &services, network.clone(), oracle.clone()),
            clients: Clients::new(&services),
            services,
            temper,
            replaced_disks: 0,
            network,
            random,
            oracle,
            disks: ids.iter().map(disk).collect(),
            builds: ids.iter().map(|id| (*id, FEATURE_LEVEL)).collect(),
            ids,
            clocks,
            timing,
            boots: 0,
            looks: 0,
            commands: 0,
            applied: 0,
        }
    }

    pub(super) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    fn settings(&self, me: NodeId, nodes: usize) -> Settings {
        let member = |(name, region): &(&str, &str)| {
            let (name, region) = ((*name).to_owned(), (*region).to_owned());
            let member = Member { address: format!("{name}:7951"), name: name.clone(), region };
            (node_id(&name), member)
        };
        Settings {
            cluster: "simulated".into(),
            me,
            feature_level: self.builds[&me].0,
            members: AGENTS.iter().take(nodes).map(member).collect(),
            timing: self.timing,
            // Small, so that a run has snapshots and purges.
            limits: Limits {
                snapshot_after_entries: 25,
                entries_kept_max: 5,
                lag_entries_max: 40,
                ..Limits::default()
            },
        }
    }

    pub(super) fn disk(&self, index: usize) -> &SimDisk {
        &self.disks[&ids()[index]]
    }

    /// Which build an agent starts as from now on.
    pub(super) fn build(&mut self, index: usize, level: FeatureLevel) {
        self.builds.insert(ids()[index], level);
    }

    /// Gives every agent the latest build that any of them has had.
    pub(super) fn up_to_date(&mut self) {
        let latest =
            self.builds.values().copied().chain([self.agreed_level()]).max().unwrap_or(FEATURE_LEVEL);
        self.builds.values_mut().for_each(|level| *level = latest);
    }

    fn agreed_level(&self) -> FeatureLevel {
        let of = |host: Arc<Host>| host.consensus.state().feature_level;
        self.network.hosts().into_iter().map(of).max().unwrap_or(FEATURE_LEVEL)
    }

    pub(super) fn is_up(&self, index: usize) -> bool {
        self.network.host(ids()[index]).is_some()
    }

    /// Sets an agent's wall clock: a process that starts later begins with it.
    pub(super) fn set_wall(&mut self, index: usize, by_ms: i64) {
        let clock = self.clocks.get_mut(&ids()[index]).unwrap();
        clock.wall_offset_ms = (clock.wall_offset_ms + by_ms).clamp(-86_400_000, 86_400_000);
    }

    async fn consensus(
        &mut self,
        index: usize,
        listed: impl FnOnce(&mut Settings),
    ) -> Result<Consensus<Cluster, SimRuntime>, String> {
        let id = ids()[index];
        let backend = self.disks[&id].open();
        let database = redb::Builder::new().set_cache_size(1 << 20).create_with_backend(backend);
        let database = database.map_err(|error| format!("cannot open its database: {error}"))?;
        let transport = self.network.transport(id, self.boots);
        let mut settings = self.settings(id, self.listed(index));
        listed(&mut settings);
        let started = Consensus::start(settings, transport, database, WriterMode::Inline).await;
        started.map_err(|error: StartError| format!("does not start: {error}"))
    }

    /// Starts an agent on its disk. One whose disk takes nothing cannot, and is started again later.
    pub(super) async fn boot(&mut self, index: usize) {
        if self.is_up(index) {
            return;
        }
        self.boots += 1;
        let (name, _) = AGENTS[index];
        let id = ids()[index];
        let consensus = match self.consensus(index, |_| {}).await {
            Ok(consensus) => consensus,
            Err(why) if self.disks[&id].is_full() || why.contains("needs feature level") => {
                return self.oracle().event(&format!("{name} {why}"));
            }
            Err(why) => return self.oracle().violated(&format!("disk: {name} {why}")),
        };
        let reports = if self.timing == Timing::lan() {
            (Millis(250), Millis(750))
        } else {
            (Millis(1_000), Millis(2_500))
        };
        let seat = Seat {
            index,
            nodes: self.listed(index),
            feature_level: self.builds[&id],
            boot: self.boots,
            seed: self.random.random(),
            clock: Clock { booted: now(), ..self.clocks[&id] },
            reports,
        };
        Host::start(seat, consensus, &self.network, &self.cloud);
        self.oracle().boots(name);
    }

    /// Tries to start an agent that is down with members in other regions than its cluster's (F25). Whether it was refused.
    pub(super) async fn boot_with_other_members(&mut self, index: usize) -> bool {
        self.boots += 1;
        let elsewhere = |settings: &mut Settings| {
            settings.members.values_mut().for_each(|member| member.region = "elsewhere".to_owned());
        };
        self.consensus(index, elsewhere).await.is_err()
    }

    /// Takes a host away; what it had not synced is for the disk to decide.
    pub(super) fn cut_power(&mut self, index: usize) {
        let id = ids()[index];
        let Some(host) = self.network.host(id) else { return };
        // What its voter has committed and nobody else has applied yet is committed all the same.
        replicas::look(&self.network);
        host.die();
        self.network.unplug(id);
        self.disks[&id].crash();
        let consensus = host.consensus.clone();
        drop(SimRuntime::spawn(async move { drop(consensus.shutdown().await) }));
    }

    /// Lets a little time pass, then looks at every node.
    pub(super) async fn watch(&mut self) {
        SimRuntime::sleep(LOOK).await;
        self.looks += 1;
        self.cloud.replicate();
        replicas::look(&self.network);
        let mut stopped = Vec::new();
        for host in self.network.hosts() {
            host.show_promises();
            if self.looks.is_multiple_of(SAMPLE_EVERY) {
                let standing = host.consensus.standing();
                let sample = format!("{} {} {:?}", host.name, standing.term, standing.applied_index);
                self.oracle().fold(&sample);
                if let Some(why) = standing.stopped {
                    stopped.push((host.name.to_string(), why.to_string()));
                }
            }
        }
        self.clients.write(&self.cloud, &self.network);
        for (name, why) in stopped {
            self.crashed(&name, &why);
        }
        self.tell_conditions();
        if self.looks.is_multiple_of(SAMPLE_EVERY) {
            self.tell_views();
            self.oracle().second();
        }
    }

    /// By which policies the agents judge, and why their leader does nothing.
    fn tell_views(&mut self) {
        for host in self.network.hosts() {
            let (Some(agent), state) = (name_of(host.id), host.consensus.state()) else { continue };
            for (name, service) in &state.services {
                self.oracle().judges(agent, name.as_str(), &service.policy_hash);
            }
            if let Some(shrunk) = newcomer::shrunk(&host) {
                self.oracle().violated(&shrunk);
            }
            let standing = host.consensus.standing();
            if standing.is_leader && standing.has_quorum {
                for name in &self.services {
                    let explained = host.look(|node, now| node.explain(now, &service(name)));
                    let refusal = explained.map_or_else(Some, |explained| explained.refusal);
                    self.oracle().explained(name, refusal.as_ref().map(word));
                }
            }
        }
    }

    /// An agent has stopped by itself. Its supervisor starts it again; only a full disk excuses it.
    fn crashed(&mut self, name: &str, why: &str) {
        let index = AGENTS.iter().position(|(agent, _)| *agent == name).unwrap();
        // It is seen up to a second late: the disk may have room again by then.
        if self.disk(index).is_full()
            || why.contains("no storage space")
            || self.builds[&ids()[index]] < self.agreed_level()
        {
            self.oracle().event(&format!("{name} stops: {why}"));
        } else {
            self.oracle().violated(&format!("disk: {name} stopped by itself: {why}"));
        }
        self.cut_power(index);
    }

    /// What is really wrong, for the oracle: services that are sick in a region, or out of a majority's reach.
    pub(super) fn tell_conditions(&mut self) {
        let voters = self.voters();
        let majority = voters.len() / 2 + 1;
        for at in [super::EAST, super::WEST] {
            let dark = self.network.dark_from(&voters, at);
            for name in &self.services {
                let sick = dark >= majority || self.cloud.sick(name, at);
                self.oracle().condition(name, at, sick);
            }
        }
        let around = self.network.around(&voters);
        let walls = self.network.hosts().into_iter().map(|host| host.clock.now().wall);
        let newest = walls.max().unwrap_or_default();
        self.oracle().around(&around, newest);
        self.oracle().look();
    }

    pub(super) async fn watch_until(&mut self, end: Duration) {
        while now() < end {
            self.watch().await;
        }
    }

    /// The newest state that any replica shows.
    pub(super) fn state(&self) -> Arc<Cluster> {
        let states = self.network.hosts().into_iter().map(|host| host.consensus.state());
        states.max_by_key(|state| state.audit.sequence).unwrap_or_default()
    }

    /// The region that serves, as the newest state has it.
    pub(super) fn active(&self, name: &str) -> Option<String> {
        self.state().services.get(&service(name)).map(|service| service.active.to_string())
    }

    /// The tender moments that have come. Those that came before are among them.
    pub(super) fn moments(&self) -> Vec<Moment> {
        let state = self.state();
        let mut moments = Vec::new();
        for (id, execution) in &state.executions {
            let mut come = |cue, of: &str, agent: Option<&str>| {
                let index = AGENTS.iter().position(|(name, _)| Some(*name) == agent);
                moments.push(Moment { cue, of: format!("{id}/{of}"), agent: index });
            };
            if execution.state.ended() {
                come(Cue::Ended, "", None);
                continue;
            }
            come(Cue::Decided, "", None);
            for (name, step) in &execution.steps {
                let attempt = format!("{name}#{}", step.attempt);
                match &step.state {
                    StepState::Assigned { agent } => come(Cue::Assigned, &attempt, Some(agent.as_str())),
                    StepState::Started { agent } => come(Cue::Begun, &attempt, Some(agent.as_str())),
                    StepState::Succeeded { .. } if step.attempt > 1 => come(Cue::Redone, &attempt, None),
                    _ => {}
                }
            }
        }
        let oracle = self.oracle();
        for call in oracle.facts.calls.iter().filter(|call| call.under_way()) {
            let index = AGENTS.iter().position(|(name, _)| *name == call.agent);
            let (execution, step, attempt) = &call.attempt;
            moments.push(Moment {
                cue: Cue::Calls,
                of: format!("{execution}/{step}#{attempt}"),
                agent: index,
            });
        }
        moments
    }

    /// The executions that have not ended.
    pub(super) fn open_executions(&self) -> Vec<Execution> {
        self.state().executions.values().filter(|execution| !execution.state.ended()).cloned().collect()
    }

    /// An operator's command, through one agent.
    pub(super) async fn operate(&mut self, through: &Host, body: Body) -> Option<Response> {
        self.commands += 1;
        let id = format!("operator/{}", self.commands);
        let command = Command::new(id, through.clock.now().wall, through.name.clone(), body);
        self.oracle().said(&command);
        through.consensus.propose(command, PROPOSE_MAX).await.ok()
    }

    /// The command that applies a service's policy; each one is another version.
    pub(super) fn apply_policy(&mut self, name: &str) -> Body {
        self.applied += 1;
        let actor = Actor { name: "olga".to_owned(), reason: "a policy".to_owned() };
        Body::apply_policy(policy(name, self.temper, self.applied), actor)
    }

    /// How many agents there have been.
    pub(super) fn members(&self) -> usize {
        self.ids.len()
    }

    /// A place for one more agent, with an empty disk and a clock of its own. A run has one newcomer.
    pub(super) fn admit(&mut self) -> Option<usize> {
        let index = self.scenario.nodes;
        let id = *ids().get(index)?;
        if self.ids.contains(&id) {
            return None;
        }
        self.ids.push(id);
        self.disks.insert(id, SimDisk::new(self.scenario.seed.wrapping_mul(31) ^ id, false));
        let (rate, wall_offset_ms) = (self.random.random_range(RATES), self.random.random_range(0..5_000));
        let latest = self.builds.values().copied().max().unwrap_or(FEATURE_LEVEL);
        self.builds.insert(id, latest);
        self.clocks.insert(id, Clock { booted: Duration::ZERO, rate, wall_offset_ms });
        Some(index)
    }

    /// How many agents the file of one lists: the founders, and a newcomer itself.
    fn listed(&self, index: usize) -> usize {
        self.scenario.nodes.max(index + 1)
    }

    /// The agents that count, as the newest state has it.
    fn voters(&self) -> Vec<NodeId> {
        let members = &self.state().members;
        let counts = |id: &NodeId| name_of(*id).is_some_and(|name| members.contains_key(&agent(name)));
        if members.is_empty() { self.ids.clone() } else { self.ids.iter().copied().filter(counts).collect() }
    }

    /// Stops everything, with the disks' bytes in the trace.
    pub(super) async fn end(&mut self) {
        for host in self.network.hosts() {
            host.die();
            self.network.unplug(host.id);
            if let Err(error) = host.consensus.shutdown().await {
                self.oracle().violated(&format!("disk: {} does not stop cleanly: {error}", host.name));
            }
        }
        for disk in self.disks.values() {
            self.oracle().event(&format!("disk {:016x}", disk.digest()));
        }
    }
}
