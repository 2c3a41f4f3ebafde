//! A network with delays, losses and cuts, one way at a time, between simulated hosts.
//!
//! Every message is written and read in its real format on the way. A request that arrived is carried out
//! even if its sender has given up; a dead host neither sends nor receives.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{
    Consensus, Machine, NodeId, Reply, Request, Transport, TransportError, decode, encode,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

struct Wires<M: Machine> {
    /// Hosts that are up, each with the number of its boot.
    up: BTreeMap<NodeId, (u64, Consensus<M, SimRuntime>)>,
    /// Directions that carry nothing.
    cut: BTreeSet<(NodeId, NodeId)>,
    delay_us: Range<u64>,
    loss: f64,
    random: StdRng,
}

/// The network.
pub(crate) struct SimNetwork<M: Machine>(Arc<Mutex<Wires<M>>>);

impl<M: Machine> Clone for SimNetwork<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Machine> SimNetwork<M> {
    /// `delay_us` is the time one way; `loss` the probability that a message is lost.
    pub(crate) fn new(seed: u64, delay_us: Range<u64>, loss: f64) -> Self {
        let (up, cut) = (BTreeMap::new(), BTreeSet::new());
        Self(Arc::new(Mutex::new(Wires { up, cut, delay_us, loss, random: StdRng::seed_from_u64(seed) })))
    }

    /// What a host that boots talks through.
    pub(crate) fn transport(&self, me: NodeId, boot: u64) -> SimTransport<M> {
        SimTransport { network: self.clone(), me, boot }
    }

    pub(crate) fn plug_in(&self, me: NodeId, boot: u64, consensus: Consensus<M, SimRuntime>) {
        self.wires().up.insert(me, (boot, consensus));
    }

    pub(crate) fn unplug(&self, node: NodeId) {
        self.wires().up.remove(&node);
    }

    /// Cuts one direction.
    pub(crate) fn cut(&self, from: NodeId, to: NodeId) {
        self.wires().cut.insert((from, to));
    }

    pub(crate) fn repair(&self) {
        self.wires().cut.clear();
    }

    fn wires(&self) -> MutexGuard<'_, Wires<M>> {
        self.0.lock().unwrap()
    }

    /// Carries one message; false if it was lost on the way.
    async fn hop(&self, from: NodeId, to: NodeId) -> bool {
        let (delay, lost) = {
            let mut wires = self.wires();
            let (range, loss) = (wires.delay_us.clone(), wires.loss);
            let delay = wires.random.random_range(range);
            (delay, wires.random.random_bool(loss) || wires.cut.contains(&(from, to)))
        };
        SimRuntime::sleep(Duration::from_micros(delay)).await;
        !lost && !self.wires().cut.contains(&(from, to))
    }

    fn is_up(&self, node: NodeId, boot: u64) -> bool {
        self.wires().up.get(&node).is_some_and(|(running, _)| *running == boot)
    }
}

/// One host's end of the network.
pub(crate) struct SimTransport<M: Machine> {
    network: SimNetwork<M>,
    me: NodeId,
    boot: u64,
}

impl<M: Machine> SimTransport<M> {
    async fn exchange(&self, to: NodeId, request: &str) -> Option<Result<String, TransportError>> {
        let network = &self.network;
        // During its own start a host is not plugged in yet, and nothing of it may be sent after its end.
        if !network.is_up(self.me, self.boot) || !network.hop(self.me, to).await {
            return None;
        }
        let Some((boot, receiver)) = network.wires().up.get(&to).cloned() else {
            return Some(Err(TransportError::NotSent("connection refused".into())));
        };
        let request: Request<M, SimRuntime> = decode("a request", request.as_bytes()).unwrap();
        // Its own task, so that it runs to its end whatever becomes of the sender.
        let reply = SimRuntime::spawn(async move { receiver.serve(request).await }).await.ok()?;
        let reply = encode("a reply", &reply).unwrap();
        let arrived =
            network.is_up(to, boot) && network.hop(to, self.me).await && network.is_up(self.me, self.boot);
        arrived.then_some(Ok(reply))
    }
}

impl<M: Machine> Transport<M, SimRuntime> for SimTransport<M> {
    async fn call(
        &self,
        to: NodeId,
        request: Request<M, SimRuntime>,
        _deadline: Duration,
    ) -> Result<Reply<M, SimRuntime>, TransportError> {
        let request = encode("a request", &request).unwrap();
        match self.exchange(to, &request).await {
            Some(answer) => answer.map(|reply| decode("a reply", reply.as_bytes()).unwrap()),
            // Lost: nobody ever answers, and the caller's deadline ends the wait.
            None => std::future::pending().await,
        }
    }
}
