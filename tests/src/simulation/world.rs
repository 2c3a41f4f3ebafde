//! The hosts and what is around them: starting one on its disk, cutting its power, and looking at all of them at once.

use super::{
    AGENTS, Scenario, agent,
    cloud::Cloud,
    disk::SimDisk,
    host::{Clock, Host, PROPOSE_MAX, Seat},
    network::Network,
    now,
    oracle::{Oracle, Shared},
    region, replicas, shop,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{Consensus, Limits, Member, NodeId, Settings, Timing, WriterMode, node_id};
use quorate_core::{Body, Cluster, Command, Execution, Response};
use quorate_policies::{AgentName, Millis, RegionName};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    sync::{Arc, MutexGuard},
    time::Duration,
};

/// Between two looks at all nodes. Applications ask for the lease about as often.
const LOOK: Duration = Duration::from_millis(20);
/// Looks between two samples of every voter for the trace's digest.
const SAMPLE_EVERY: u64 = 50;

/// The whole simulated world.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) random: StdRng,
    pub(super) network: Network,
    pub(super) cloud: Cloud,
    oracle: Shared,
    disks: BTreeMap<NodeId, SimDisk>,
    clocks: BTreeMap<NodeId, Clock>,
    timing: Timing,
    boots: u64,
    looks: u64,
    commands: u64,
}

/// All voters' numbers.
pub(super) fn ids() -> [NodeId; AGENTS.len()] {
    AGENTS.map(|(name, _)| node_id(name))
}

/// An agent's name by its number.
pub(super) fn name_of(id: NodeId) -> Option<&'static str> {
    AGENTS.into_iter().map(|(name, _)| name).find(|name| node_id(name) == id)
}

/// An agent's number by its name.
pub(super) fn id_of(name: &AgentName) -> NodeId {
    node_id(name.as_str())
}

fn members() -> BTreeMap<AgentName, RegionName> {
    AGENTS.map(|(name, at)| (agent(name), region(at))).into()
}

impl World {
    pub(super) fn new(scenario: Scenario, oracle: Shared) -> Self {
        let seed = scenario.seed;
        let mut random = StdRng::seed_from_u64(seed);
        // One seed in four lives close together, the others across continents.
        let (timing, delay_us) = if seed.is_multiple_of(4) {
            (Timing::lan(), 100..8_000)
        } else {
            (Timing::wan(), 10_000..100_000)
        };
        let loss = if random.random_bool(0.5) { 0.01 } else { 0.0 };
        let network = Network::new(random.random(), delay_us, loss, oracle.clone());
        let mut clock = || Clock {
            booted: Duration::ZERO,
            // Two per cent off at the most; the policy's drift allows for more than twice that between two of them.
            rate: random.random_range(980_000..1_020_000),
            wall_offset_ms: random.random_range(0..5_000),
        };
        let clocks = ids().map(|id| (id, clock())).into();
        let disk = |id| (id, SimDisk::new(seed.wrapping_mul(31) ^ id, false));
        Self {
            scenario,
            cloud: Cloud::new(random.random(), network.clone(), oracle.clone()),
            network,
            random,
            oracle,
            disks: ids().map(disk).into(),
            clocks,
            timing,
            boots: 0,
            looks: 0,
            commands: 0,
        }
    }

    pub(super) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    fn settings(&self, me: NodeId) -> Settings {
        let member = |(name, region): (&str, &str)| {
            let member = Member { name: name.into(), address: format!("{name}:7951"), region: region.into() };
            (node_id(name), member)
        };
        Settings {
            cluster: "simulated".into(),
            me,
            members: AGENTS.map(member).into(),
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

    pub(super) async fn boot(&mut self, node: NodeId) {
        self.boots += 1;
        let boot = self.boots;
        let (name, region) = AGENTS.into_iter().find(|(name, _)| node_id(name) == node).unwrap();
        let backend = self.disks[&node].open();
        let database = redb::Builder::new().set_cache_size(1 << 20).create_with_backend(backend);
        let database = match database {
            Ok(database) => database,
            Err(error) => {
                return self.oracle().violated(&format!("disk: {name} cannot open its database: {error}"));
            }
        };
        let transport = self.network.transport(node, boot);
        let started = Consensus::start(self.settings(node), transport, database, WriterMode::Inline).await;
        let consensus = match started {
            Ok(consensus) => consensus,
            Err(error) => return self.oracle().violated(&format!("disk: {name} does not start: {error}")),
        };
        let reports = if self.timing == Timing::lan() {
            (Millis(250), Millis(750))
        } else {
            (Millis(1_000), Millis(2_500))
        };
        let clock = Clock { booted: now(), ..self.clocks[&node] };
        let broken = self.scenario.broken;
        let seat = Seat { name, region, members: members(), boot, clock, reports, broken };
        Host::start(seat, consensus, &self.network, &self.cloud);
        self.oracle().boots(name);
    }

    /// Takes a host away; what it had not synced is for the disk to decide.
    pub(super) fn cut_power(&mut self, node: NodeId) {
        let Some(host) = self.network.host(node) else { return };
        // What its voter has committed and nobody else has applied yet is committed all the same.
        replicas::look(&self.network, &self.oracle);
        self.oracle().event(&format!("{} loses power", host.name));
        host.die();
        self.network.unplug(node);
        self.disks[&node].crash();
        let consensus = host.consensus.clone();
        drop(SimRuntime::spawn(async move { drop(consensus.shutdown().await) }));
    }

    /// Puts an empty disk into a host that is down.
    pub(super) fn replace_disk(&mut self, node: NodeId) {
        self.disks[&node].wipe();
        self.oracle().event(&format!("the disk of {} is replaced", name_of(node).unwrap_or_default()));
    }

    /// Lets a little time pass, then looks at every node.
    pub(super) async fn watch(&mut self) {
        SimRuntime::sleep(LOOK).await;
        self.looks += 1;
        replicas::look(&self.network, &self.oracle);
        for host in self.network.hosts() {
            host.show_promise();
            if self.looks.is_multiple_of(SAMPLE_EVERY) {
                let standing = host.consensus.standing();
                let mut oracle = self.oracle();
                oracle.fold(&format!("{} {} {:?}", host.name, standing.term, standing.applied_index));
                if let Some(why) = standing.stopped {
                    oracle.violated(&format!("disk: {} stopped by itself: {why}", host.name));
                }
            }
        }
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
    pub(super) fn active(&self) -> Option<String> {
        self.state().services.get(&shop()).map(|service| service.active.to_string())
    }

    /// The execution that has not ended.
    pub(super) fn open_execution(&self) -> Option<Execution> {
        self.state().executions.values().find(|execution| !execution.state.ended()).cloned()
    }

    /// An operator's command, through one agent.
    pub(super) async fn operate(&mut self, through: &Host, body: Body) -> Option<Response> {
        self.commands += 1;
        let id = format!("operator/{}", self.commands);
        let command = Command { id, at: through.now().wall, by: through.name.clone(), body };
        through.consensus.propose(command, PROPOSE_MAX).await.ok()
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
