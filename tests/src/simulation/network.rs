//! The network between the agents, and from them to what they probe and change. Every message may be late or lost; links
//! break one way at a time. A paused host neither sends nor receives until it goes on: what was under way then arrives
//! late, as it does after a SIGSTOP. A request that arrived is carried out even if its sender has given up.

use super::{
    host::Host,
    now,
    oracle::{Oracle, Shared},
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
    up: BTreeMap<NodeId, Arc<Host>>,
    /// Links between agents that carry nothing.
    cut: BTreeSet<(NodeId, NodeId)>,
    /// Regions whose services and control plane an agent cannot reach.
    dark: BTreeSet<(NodeId, RegionName)>,
    /// Until when a host does not run.
    paused: BTreeMap<NodeId, Duration>,
    delay_us: Range<u64>,
    /// Added to every message while the network is congested.
    congestion_ms: u64,
    loss: f64,
    random: StdRng,
}

/// The network. Cheap to clone.
#[derive(Clone)]
pub(super) struct Network {
    wires: Arc<Mutex<Wires>>,
    oracle: Shared,
}

impl Network {
    pub(super) fn new(seed: u64, delay_us: Range<u64>, loss: f64, oracle: Shared) -> Self {
        let wires = Wires {
            up: BTreeMap::new(),
            cut: BTreeSet::new(),
            dark: BTreeSet::new(),
            paused: BTreeMap::new(),
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

    pub(super) fn host(&self, node: NodeId) -> Option<Arc<Host>> {
        self.wires().up.get(&node).cloned()
    }

    pub(super) fn cut(&self, from: NodeId, to: NodeId) {
        self.wires().cut.insert((from, to));
    }

    pub(super) fn darken(&self, from: NodeId, region: &RegionName) {
        self.wires().dark.insert((from, region.clone()));
    }

    pub(super) fn is_dark(&self, from: NodeId, region: &RegionName) -> bool {
        self.wires().dark.contains(&(from, region.clone()))
    }

    pub(super) fn congest(&self, most_ms: u64) {
        self.wires().congestion_ms = most_ms;
    }

    pub(super) fn repair(&self) {
        let mut wires = self.wires();
        wires.cut.clear();
        wires.dark.clear();
        wires.congestion_ms = 0;
    }

    pub(super) fn pause(&self, node: NodeId, until: Duration) {
        self.wires().paused.insert(node, until);
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
            let delay = wires.random.random_range(range) + extra;
            (delay, wires.random.random_bool(loss) || wires.cut.contains(&(from, to)))
        };
        SimRuntime::sleep(Duration::from_micros(delay)).await;
        self.awake(to).await;
        !lost && !self.wires().cut.contains(&(from, to))
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
    async fn exchange(&self, to: NodeId, request: &str) -> Option<Result<String, TransportError>> {
        let network = &self.network;
        // During its own start a host is not plugged in yet, and nothing of it may be sent after its end.
        if !network.is_up(self.me, self.boot) || !network.carry(self.me, to).await {
            return None;
        }
        let Some(host) = network.host(to) else {
            return Some(Err(TransportError::NotSent("connection refused".into())));
        };
        let request: Asked = decode("a request", request.as_bytes()).unwrap();
        let (boot, consensus) = (host.boot, host.consensus.clone());
        drop(host);
        let reply = SimRuntime::spawn(async move { consensus.serve(request).await }).await.ok()?;
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
