//! The network between the agents, and from them to what they probe and change. Every message may be late, lost or come
//! twice; links break one way at a time, and regions as a whole. A paused host neither sends nor receives until it goes on: what was under way then arrives
//! late, as it does after a SIGSTOP. A request that arrived is carried out even if its sender has given up.

use super::{
    AGENTS,
    host::Host,
    ids, now,
    oracle::{Around, Oracle, Shared},
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{Call, NodeId, Reply, Request, Transport, TransportError, decode, encode};
use quorate_core::Cluster;
use quorate_policies::RegionName;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// A request of consensus.
type Asked = Request<Cluster, SimRuntime>;
/// Its reply.
type Answered = Reply<Cluster, SimRuntime>;

struct Wires {
    /// How many agents there are from the beginning.
    founders: usize,
    up: BTreeMap<NodeId, Arc<Host>>,
    /// Links between agents that carry nothing.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Regions whose services and control plane an agent cannot reach.
    dark: BTreeSet<(NodeId, RegionName)>,
    /// Regions that nobody outside reaches, and that reach nobody outside.
    isolated: BTreeSet<&'static str>,
    /// Packets in a thousand that a host loses, in both directions.
    lossy: BTreeMap<NodeId, u16>,
    /// Hosts whose messages the others cannot read, nor they theirs.
    foreign: BTreeSet<NodeId>,
    /// How long a host's disk takes for what a message makes it write.
    slow_disks: BTreeMap<NodeId, Duration>,
    /// Messages in a thousand that come twice.
    duplicated: u16,
    /// Until when a host does not run.
    paused: BTreeMap<NodeId, Duration>,
    /// Agents that can open no socket for a probe.
    exhausted: BTreeSet<NodeId>,
    delay_us: Range<u64>,
    /// Added to every message to an agent.
    late_ms: BTreeMap<NodeId, u64>,
    /// Added to every message while the network is congested.
    congestion_ms: u64,
    loss: f64,
    random: StdRng,
}

impl Wires {
    fn parted(&self, one: &str, other: &str) -> bool {
        one != other && (self.isolated.contains(one) || self.isolated.contains(other))
    }

    fn broken(&self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to)) || self.parted(region_of(from), region_of(to))
    }
}

/// Where an agent stands.
pub(super) fn region_of(node: NodeId) -> &'static str {
    ids().iter().position(|id| *id == node).map(|index| AGENTS[index].1).unwrap()
}

/// The network. Cheap to clone.
#[derive(Clone)]
pub(super) struct Network {
    wires: Arc<Mutex<Wires>>,
    oracle: Shared,
}

impl Network {
    pub(super) fn new(seed: u64, founders: usize, delay_us: Range<u64>, loss: f64, oracle: Shared) -> Self {
        let wires = Wires {
            founders,
            up: BTreeMap::new(),
            cut: BTreeSet::new(),
            dark: BTreeSet::new(),
            isolated: BTreeSet::new(),
            lossy: BTreeMap::new(),
            late_ms: BTreeMap::new(),
            foreign: BTreeSet::new(),
            slow_disks: BTreeMap::new(),
            duplicated: 0,
            paused: BTreeMap::new(),
            exhausted: BTreeSet::new(),
            delay_us,
            congestion_ms: 0,
            loss,
            random: StdRng::seed_from_u64(seed),
        };
        Self { wires: Arc::new(Mutex::new(wires)), oracle }
    }

    fn wires(&self) -> MutexGuard<'_, Wires> {
        self.wires.lock().unwrap()
    }

    pub(super) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    pub(super) fn transport(&self, me: NodeId, boot: u64) -> Line {
        Line { network: self.clone(), me, boot }
    }

    pub(super) fn plug_in(&self, host: Arc<Host>) {
        self.wires().up.insert(host.id, host);
    }

    pub(super) fn unplug(&self, node: NodeId) {
        let mut wires = self.wires();
        wires.up.remove(&node);
        wires.paused.remove(&node);
    }

    pub(super) fn hosts(&self) -> Vec<Arc<Host>> {
        self.wires().up.values().cloned().collect()
    }

    /// Everybody else: the founders, up or not, and who has come later and is up.
    pub(super) fn all_but(&self, me: NodeId) -> Vec<NodeId> {
        let wires = self.wires();
        let here = |(index, node): &(usize, &NodeId)| *index < wires.founders || wires.up.contains_key(node);
        let others = ids().iter().enumerate().filter(here).map(|(_, node)| *node);
        others.filter(|node| *node != me).collect()
    }

    pub(super) fn host(&self, node: NodeId) -> Option<Arc<Host>> {
        self.wires().up.get(&node).cloned()
    }

    pub(super) fn cut(&self, from: NodeId, to: NodeId) {
        self.wires().cut.insert((from, to));
    }

    pub(super) fn darken(&self, from: NodeId, region: &RegionName) {
        self.wires().dark.insert((from, region.clone()));
    }

    /// Whether an agent does not reach what runs in a region.
    pub(super) fn is_dark(&self, from: NodeId, region: &RegionName) -> bool {
        let wires = self.wires();
        wires.dark.contains(&(from, region.clone())) || wires.parted(region_of(from), region.as_str())
    }

    /// An agent has no socket for a probe, or has them again.
    pub(super) fn exhaust(&self, node: NodeId, none: bool) {
        let exhausted = &mut self.wires().exhausted;
        if none {
            exhausted.insert(node)
        } else {
            exhausted.remove(&node)
        };
    }

    /// Whether an agent can open no socket for a probe.
    pub(super) fn is_exhausted(&self, node: NodeId) -> bool {
        self.wires().exhausted.contains(&node)
    }

    /// How many of these agents do not reach what runs in a region.
    pub(super) fn dark_from(&self, nodes: &[NodeId], region: &str) -> usize {
        let wires = self.wires();
        if wires.dark.is_empty() && wires.isolated.is_empty() {
            return 0;
        }
        let dark = |node: &&NodeId| {
            wires.dark.iter().any(|(from, at)| from == *node && at.as_str() == region)
                || wires.parted(region_of(**node), region)
        };
        nodes.iter().filter(dark).count()
    }

    /// Who reaches whom now.
    pub(super) fn around(&self, members: &[NodeId]) -> Around {
        let wires = self.wires();
        let sound = wires.lossy.is_empty()
            && wires.late_ms.is_empty()
            && wires.congestion_ms == 0
            && wires.slow_disks.values().all(Duration::is_zero);
        let mut around = Around { members: members.len(), sound, ..Around::default() };
        let now = now();
        let runs = |node: &NodeId| {
            members.contains(node) && wires.paused.get(node).is_none_or(|until| *until <= now)
        };
        let awake: Vec<bool> = ids().iter().map(|node| wires.up.contains_key(node) && runs(node)).collect();
        let whole = wires.cut.is_empty() && wires.isolated.is_empty();
        for (from, sender) in ids().iter().enumerate() {
            if wires.foreign.contains(sender) {
                around.estranges(from);
            }
            let Some(host) = wires.up.get(sender).filter(|_| awake[from]) else { continue };
            around.wakes(from, host.boot);
            if host.consensus.is_settled() {
                around.settles(from);
            }
            for (to, receiver) in ids().iter().enumerate() {
                if from != to && awake[to] && (whole || !wires.broken(*sender, *receiver)) {
                    around.carries(from, to);
                }
            }
        }
        around
    }

    /// Whether two regions do not reach each other.
    pub(super) fn parted(&self, one: &str, other: &str) -> bool {
        self.wires().parted(one, other)
    }

    pub(super) fn isolate(&self, region: &'static str) {
        self.wires().isolated.insert(region);
    }

    pub(super) fn lossy(&self, node: NodeId, permille: u16) {
        self.wires().lossy.insert(node, permille);
    }

    pub(super) fn foreign(&self, node: NodeId, foreign: bool) {
        let mut wires = self.wires();
        if foreign {
            wires.foreign.insert(node)
        } else {
            wires.foreign.remove(&node)
        };
    }

    /// Whether two agents read each other's messages.
    pub(super) fn understand(&self, one: NodeId, other: NodeId) -> bool {
        let wires = self.wires();
        !wires.foreign.contains(&one) && !wires.foreign.contains(&other)
    }

    pub(super) fn slow_disk(&self, node: NodeId, each: Duration) {
        self.wires().slow_disks.insert(node, each);
    }

    /// Waits for a host's disk.
    pub(super) async fn written(&self, node: NodeId) {
        let each = self.wires().slow_disks.get(&node).copied().unwrap_or_default();
        if !each.is_zero() {
            SimRuntime::sleep(each).await;
        }
    }

    pub(super) fn duplicate(&self, permille: u16) {
        self.wires().duplicated = permille;
    }

    /// Whether this message comes twice.
    pub(super) fn twice(&self) -> bool {
        let mut wires = self.wires();
        let permille = wires.duplicated;
        permille > 0 && wires.random.random_range(0..1_000) < permille
    }

    /// Whether a packet of a host is lost on its way to a service.
    pub(super) fn drops(&self, node: NodeId) -> bool {
        let mut wires = self.wires();
        let permille = wires.lossy.get(&node).copied().unwrap_or_default();
        permille > 0 && wires.random.random_range(0..1_000) < permille
    }

    pub(super) fn congest(&self, most_ms: u64) {
        self.wires().congestion_ms = most_ms;
    }

    pub(super) fn late(&self, node: NodeId, more_ms: u64) {
        self.wires().late_ms.insert(node, more_ms);
    }

    pub(super) fn repair(&self) {
        let mut wires = self.wires();
        wires.cut.clear();
        wires.dark.clear();
        wires.isolated.clear();
        wires.exhausted.clear();
        wires.lossy.clear();
        wires.late_ms.clear();
        wires.duplicated = 0;
        wires.congestion_ms = 0;
    }

    /// A host does not run until then. A second pause within a longer one does not end the longer one.
    pub(super) fn pause(&self, node: NodeId, until: Duration) {
        let mut wires = self.wires();
        let end = wires.paused.entry(node).or_default();
        *end = until.max(*end);
    }

    /// Until when a host does not run.
    pub(super) fn paused(&self, node: NodeId) -> Option<Duration> {
        self.wires().paused.get(&node).copied().filter(|until| now() < *until)
    }

    /// Waits until a host runs.
    pub(super) async fn awake(&self, node: NodeId) {
        while let Some(until) = self.paused(node) {
            SimRuntime::sleep(until.saturating_sub(now())).await;
        }
    }

    /// Draws a number from the network's own randomness.
    pub(super) fn draw(&self, range: Range<u64>) -> u64 {
        self.wires().random.random_range(range)
    }

    /// Carries one message between agents; false if it was lost on the way.
    pub(super) async fn carry(&self, from: NodeId, to: NodeId) -> bool {
        self.awake(from).await;
        let (delay, lost) = {
            let mut wires = self.wires();
            let (range, loss, congestion) = (wires.delay_us.clone(), wires.loss, wires.congestion_ms);
            let extra = wires.random.random_range(0..=congestion * 1_000);
            let late = wires.late_ms.get(&to).copied().unwrap_or_default() * 1_000;
            let delay = wires.random.random_range(range) + extra + late;
            let lossy = [from, to].map(|node| wires.lossy.get(&node).copied().unwrap_or_default());
            let dropped = lossy.into_iter().any(|p| p > 0 && wires.random.random_range(0..1_000) < p);
            (delay, dropped || wires.random.random_bool(loss) || wires.broken(from, to))
        };
        SimRuntime::sleep(Duration::from_micros(delay)).await;
        self.awake(to).await;
        !lost && !self.wires().broken(from, to)
    }

    fn is_up(&self, node: NodeId, boot: u64) -> bool {
        self.wires().up.get(&node).is_some_and(|host| host.boot == boot)
    }
}

/// One host's end of the network, as its consensus uses it.
pub(super) struct Line {
    network: Network,
    me: NodeId,
    boot: u64,
}

impl Line {
    async fn exchange(&self, to: NodeId, request_text: &str) -> Option<Result<String, TransportError>> {
        let network = &self.network;
        // During its own start a host is not plugged in yet, and nothing of it may be sent after its end.
        if !network.is_up(self.me, self.boot) || !network.carry(self.me, to).await {
            return None;
        }
        let Some(host) = network.host(to) else {
            return Some(Err(TransportError::NotSent("connection refused".into())));
        };
        let request: Asked = decode("a request", request_text.as_bytes()).unwrap();
        let (boot, consensus) = (host.boot, host.consensus.clone());
        drop(host);
        network.written(to).await;
        let reply = SimRuntime::spawn(async move { consensus.serve(request).await }).await.ok()?;
        if network.twice() {
            let again: Asked = decode("a request", request_text.as_bytes()).unwrap();
            let consensus = network.host(to).filter(|host| host.boot == boot)?.consensus.clone();
            drop(SimRuntime::spawn(async move { consensus.serve(again).await }));
        }
        let reply = encode("a reply", &reply).unwrap();
        let arrived =
            network.is_up(to, boot) && network.carry(to, self.me).await && network.is_up(self.me, self.boot);
        arrived.then_some(Ok(reply))
    }
}

impl Transport<Cluster, SimRuntime> for Line {
    async fn call(
        &self,
        to: NodeId,
        request: Asked,
        _deadline: Duration,
    ) -> Result<Answered, TransportError> {
        if let Call::Append(append) = &request.call {
            self.network.oracle().replicas.appended(append);
        }
        let request = encode("a request", &request).unwrap();
        match self.exchange(to, &request).await {
            Some(answer) => answer.map(|reply| decode("a reply", reply.as_bytes()).unwrap()),
            // Lost: nobody ever answers, and the caller's deadline ends the wait.
            None => std::future::pending().await,
        }
    }
}
