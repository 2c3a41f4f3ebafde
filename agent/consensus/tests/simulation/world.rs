//! The simulated world: hosts with disks on a network, clients, readers, and misfortune.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{Consensus, Limits, Member, NodeId, Settings, Timing, WriterMode, node_id};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::clients;
use crate::ledger::Ledger;
use crate::network::SimNetwork;
use crate::oracle::Oracle;
use quorate_simulation::disk::SimDisk;

/// What to simulate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) members: usize,
    pub(crate) length: Duration,
    pub(crate) disk_lies: bool,
    /// Nobody writes, so that every member's log is equally long.
    pub(crate) idle: bool,
}

/// Quiet time at the end, in which everything must come right again.
const CALM: Duration = Duration::from_secs(15);

pub(crate) struct Host {
    pub(crate) consensus: Consensus<Ledger, SimRuntime>,
    alive: Arc<AtomicBool>,
}

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) random: StdRng,
    pub(crate) network: SimNetwork<Ledger>,
    pub(crate) disks: BTreeMap<NodeId, SimDisk>,
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    oracle: Arc<Mutex<Oracle>>,
    members: BTreeMap<NodeId, Member>,
    timing: Timing,
    boots: u64,
    /// Term and committed index that a host without power must still know when it is back.
    owed: BTreeMap<NodeId, (u64, Option<u64>)>,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
        let Scenario { seed, disk_lies, .. } = scenario;
        let mut random = StdRng::seed_from_u64(seed);
        let names = (0..scenario.members).map(|index| format!("agent-{index}"));
        let member = |name: String| {
            let member = Member { address: format!("{name}:7951"), region: format!("{name}-region"), name };
            (node_id(&member.name), member)
        };
        let members: BTreeMap<_, _> = names.map(member).collect();
        // One half of the seeds lives in one building, the other across continents.
        let (timing, delay_us) = if seed.is_multiple_of(2) {
            (Timing::lan(), 100..8_000)
        } else {
            (Timing::wan(), 10_000..100_000)
        };
        let disk = |(index, &id): (usize, &NodeId)| {
            (id, SimDisk::new(seed.wrapping_mul(31) + index as u64, disk_lies))
        };
        let loss = if random.random_bool(0.5) { 0.01 } else { 0.0 };
        Self {
            scenario,
            network: SimNetwork::new(random.random(), delay_us, loss),
            random,
            disks: members.keys().enumerate().map(disk).collect(),
            hosts: BTreeMap::new(),
            oracle: Arc::new(Mutex::new(Oracle::new())),
            members,
            timing,
            boots: 0,
            owed: BTreeMap::new(),
        }
    }

    pub(crate) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.members.keys().copied().collect()
    }

    pub(crate) async fn boot(&mut self, node: NodeId) {
        self.boots += 1;
        let boot = self.boots;
        let settings = Settings {
            cluster: "simulated".into(),
            me: node,
            feature_level: 1,
            members: self.members.clone(),
            timing: self.timing,
            limits: Limits {
                snapshot_after_entries: 40,
                entries_kept_max: 10,
                lag_entries_max: 60,
                ..Limits::default()
            },
        };
        let backend = self.disks[&node].open();
        let database = match redb::Builder::new().set_cache_size(1 << 20).create_with_backend(backend) {
            Ok(database) => database,
            Err(error) => {
                return self.oracle().violated(&format!("node {node} cannot open its database: {error}"));
            }
        };
        let transport = self.network.transport(node, boot);
        let consensus = match Consensus::start(settings, transport, database, WriterMode::Inline).await {
            Ok(consensus) => consensus,
            Err(error) => return self.oracle().violated(&format!("node {node} does not start: {error}")),
        };
        self.network.plug_in(node, boot, consensus.clone());
        let alive = Arc::new(AtomicBool::new(true));
        if !self.scenario.idle {
            drop(SimRuntime::spawn(clients::write(
                consensus.clone(),
                boot,
                self.oracle.clone(),
                alive.clone(),
            )));
        }
        drop(SimRuntime::spawn(clients::read(consensus.clone(), self.oracle.clone(), alive.clone())));
        drop(SimRuntime::spawn(clients::prove(consensus.clone(), self.oracle.clone(), alive.clone())));
        self.hosts.insert(node, Host { consensus, alive });
        self.oracle().event(&format!("boot {boot} of node {node}"));
    }

    /// Takes a host away; what it had not synced is for the disk to decide.
    pub(crate) fn cut_power(&mut self, node: NodeId) {
        let Some(host) = self.hosts.remove(&node) else { return };
        let standing = host.consensus.standing();
        self.owed.insert(node, (standing.term, standing.committed_index));
        self.oracle().event(&format!("node {node} loses power"));
        self.network.unplug(node);
        self.disks[&node].crash();
        host.alive.store(false, Ordering::Relaxed);
        drop(SimRuntime::spawn(async move { drop(host.consensus.shutdown().await) }));
    }

    /// Puts an empty disk into a host that is down; it owes nothing any more.
    pub(crate) fn replace_disk(&mut self, node: NodeId) {
        self.disks[&node].wipe();
        self.owed.remove(&node);
        self.oracle().event(&format!("the disk of node {node} is replaced"));
    }

    /// Stops a host in order; nothing may be lost.
    pub(crate) async fn stop(&mut self, node: NodeId) {
        let Some(host) = self.hosts.remove(&node) else { return };
        self.oracle().event(&format!("node {node} is stopped"));
        host.alive.store(false, Ordering::Relaxed);
        if let Err(error) = host.consensus.shutdown().await {
            self.oracle().violated(&format!("node {node} does not stop cleanly: {error}"));
        }
        self.network.unplug(node);
    }

    pub(crate) fn look(&mut self) {
        let mut oracle = self.oracle.lock().unwrap();
        for (&node, host) in &self.hosts {
            oracle.observe(node, &host.consensus.state());
            let standing = host.consensus.standing();
            if let Some(why) = standing.stopped {
                oracle.violated(&format!("node {node} stopped by itself: {why}"));
            }
            if let Some((term, committed)) = self.owed.remove(&node)
                && (standing.term < term || standing.last_log_index < committed)
            {
                let now = (standing.term, standing.last_log_index);
                oracle.violated(&format!(
                    "node {node} forgot what it knew: {:?} became {now:?}",
                    (term, committed)
                ));
            }
        }
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// Boots every host that is down and waits for a leader that commands get through to.
    pub(crate) async fn boot_all(&mut self) -> NodeId {
        for node in self.nodes() {
            if !self.hosts.contains_key(&node) {
                self.boot(node).await;
            }
        }
        loop {
            SimRuntime::sleep(self.timing.heartbeat).await;
            let settled = self.hosts.values().all(|host| host.consensus.standing().settled);
            for (&node, host) in &self.hosts {
                if settled && host.consensus.confirm_leadership(self.timing.election_max).await.is_ok() {
                    return node;
                }
            }
        }
    }

    /// Runs the scenario and returns what the oracle saw.
    pub(crate) async fn run(mut self) -> Oracle {
        for node in self.nodes() {
            self.boot(node).await;
        }
        crate::misfortune::strike(&mut self).await;
        self.end().await
    }

    /// Repairs the network, lets everything calm down, audits every replica and stops.
    pub(crate) async fn end(mut self) -> Oracle {
        self.network.repair();
        self.oracle().event("calm");
        SimRuntime::sleep(CALM).await;
        self.hosts.values().for_each(|host| host.alive.store(false, Ordering::Relaxed));
        for (&node, host) in &self.hosts {
            let read = host.consensus.barrier(CALM).await;
            let mut oracle = self.oracle();
            if let Err(error) = read {
                oracle.violated(&format!("node {node} cannot read after the calm: {error}"));
            }
            let state = host.consensus.state();
            oracle.observe(node, &state);
            oracle.audit(node, &state);
        }
        for disk in self.disks.values() {
            self.oracle().event(&format!("disk {:016x}", disk.digest()));
        }
        for node in self.nodes() {
            self.stop(node).await;
        }
        std::mem::replace(&mut self.oracle.lock().unwrap(), Oracle::new())
    }
}
