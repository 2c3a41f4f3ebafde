//! One agent: the real `Node` and the real consensus, with a shell as thin as the agent's own (`agent/src/shell`), on
//! the simulated runtime. Inputs go to the node, and what comes out is done. A dead host does nothing any more, and
//! nothing of a paused one moves until it goes on.

use super::{Broken, agent, cloud::Cloud, executor, network::Network, now, region, shop};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{Consensus, NodeId, node_id};
use quorate_core::{
    Cluster, Command,
    node::{Input, Node, NodeSettings, Now, Output, Standing, self_health::TICK, targets::ProbeTarget},
};
use quorate_policies::{AgentName, Millis, Monotonic, RegionName, Timestamp, guard::Refusal};
use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

/// As the agent's shell has it.
pub(super) const PROPOSE_MAX: Duration = Duration::from_secs(5);
/// What has arrived at a stopped process is read within so long after it goes on.
const GRACE: Duration = Duration::from_millis(1);
/// The wall clock when the simulation begins, in milliseconds.
const EPOCH_MS: u64 = 1_780_000_000_000;

/// A host's clocks. They run a little too fast or too slow, and the wall clock is wrong by a constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) booted: Duration,
    /// Local microseconds in a million true ones.
    pub(super) rate: u64,
    pub(super) wall_offset_ms: u64,
}

impl Clock {
    fn now(&self) -> Now {
        let scaled = |time: Duration| u64::try_from(time.as_micros()).unwrap() * self.rate / 1_000_000_000;
        Now {
            mono: Monotonic(scaled(now() - self.booted)),
            wall: Timestamp(EPOCH_MS + self.wall_offset_ms + scaled(now())),
        }
    }

    /// The true length of what this clock measures as so long.
    pub(super) fn truly(&self, local: Millis) -> Duration {
        Duration::from_micros((local.0 * 1_000_000_000).div_ceil(self.rate))
    }
}

/// What a host is started with.
pub(super) struct Seat {
    pub(super) name: &'static str,
    pub(super) region: &'static str,
    pub(super) members: BTreeMap<AgentName, RegionName>,
    pub(super) boot: u64,
    pub(super) clock: Clock,
    /// How often a report is sent, and after what silence an agent is lost.
    pub(super) reports: (Millis, Millis),
    pub(super) broken: Option<Broken>,
}

/// One agent.
pub(super) struct Host {
    pub(super) id: NodeId,
    pub(super) boot: u64,
    pub(super) name: AgentName,
    pub(super) region: RegionName,
    pub(super) consensus: Consensus<Cluster, SimRuntime>,
    pub(super) network: Network,
    pub(super) cloud: Cloud,
    pub(super) clock: Clock,
    pub(super) broken: Option<Broken>,
    pub(super) targets: Mutex<Vec<ProbeTarget>>,
    /// Requests for the lease that are under way.
    pub(super) asking: AtomicU32,
    node: Mutex<Node>,
    alive: AtomicBool,
    me: Weak<Host>,
}

impl Host {
    /// Sets an agent going, on a consensus that runs.
    pub(super) fn start(
        seat: Seat,
        consensus: Consensus<Cluster, SimRuntime>,
        network: &Network,
        cloud: &Cloud,
    ) -> Arc<Self> {
        let started = seat.clock.now();
        let settings = NodeSettings {
            name: agent(seat.name),
            region: region(seat.region),
            members: seat.members,
            incarnation: started.wall.0,
            report_interval: seat.reports.0,
            lost_after: seat.reports.1,
        };
        let host = Arc::new_cyclic(|me| Self {
            id: node_id(seat.name),
            boot: seat.boot,
            name: settings.name.clone(),
            region: settings.region.clone(),
            consensus,
            network: network.clone(),
            cloud: cloud.clone(),
            clock: seat.clock,
            broken: seat.broken,
            targets: Mutex::default(),
            asking: AtomicU32::new(0),
            node: Mutex::new(Node::new(settings, started)),
            alive: AtomicBool::new(true),
            me: me.clone(),
        });
        network.plug_in(host.clone());
        drop(SimRuntime::spawn(host.clone().tick()));
        drop(SimRuntime::spawn(host.clone().follow()));
        drop(SimRuntime::spawn(host.clone().probe()));
        host
    }

    pub(super) fn alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(super) fn die(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// Waits out a pause. Whether the host still lives.
    pub(super) async fn runs(&self) -> bool {
        if self.alive() {
            self.network.awake(self.id).await;
        }
        self.alive()
    }

    /// Sleeps as a process does: a pause makes it longer, a death ends it.
    pub(super) async fn sleep(&self, duration: Duration) -> bool {
        SimRuntime::sleep(duration).await;
        self.runs().await
    }

    /// A deadline as a process has it: when the process was stopped, what has arrived meanwhile is seen before the
    /// timer is.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T> + Send) -> Option<T> {
        let mut work = pin!(work);
        let mut limit = limit;
        loop {
            if let Ok(done) = SimRuntime::timeout(limit, work.as_mut()).await {
                return Some(done);
            }
            self.network.paused(self.id)?;
            self.network.awake(self.id).await;
            limit = GRACE;
        }
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(super) fn with_node<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T {
        look(&mut self.node.lock().unwrap(), self.now())
    }

    /// Hands one input to the node and does what it says. Returns the answer to a request for the lease.
    pub(super) fn input(&self, input: Input) -> Option<Result<Millis, Refusal>> {
        if !self.alive() {
            return None;
        }
        let outputs = self.with_node(|node, now| node.step(now, input));
        outputs.into_iter().fold(None, |answer, output| self.carry_out(output).or(answer))
    }

    fn carry_out(&self, output: Output) -> Option<Result<Millis, Refusal>> {
        let host = self.me.upgrade()?;
        match output {
            Output::Report(report) => self.tell_all(move |peer| {
                peer.input(Input::Heard(report.clone()));
            }),
            Output::Confirm { target, everywhere, .. } => {
                if everywhere {
                    let target = target.clone();
                    self.tell_all(move |peer| peer.confirm(target.clone()));
                }
                self.confirm(target);
            }
            Output::Targets(targets) => *self.targets.lock().unwrap() = targets,
            Output::Propose(command) => drop(SimRuntime::spawn(host.propose_for_node(command))),
            Output::Run(order) => drop(SimRuntime::spawn(async move { executor::run(&host, &order).await })),
            Output::AskLease { service, epoch, sent_at } => {
                drop(SimRuntime::spawn(host.ask_lease(service, epoch, sent_at)));
            }
            Output::LeaseAnswer(answer) => return Some(answer),
        }
        None
    }

    /// Sends a message to every peer, each on its own way.
    fn tell_all(&self, deliver: impl Fn(&Host) + Clone + Send + 'static) {
        for peer in super::world::ids().into_iter().filter(|id| *id != self.id) {
            let (network, me, deliver) = (self.network.clone(), self.id, deliver.clone());
            drop(SimRuntime::spawn(async move {
                if network.carry(me, peer).await
                    && let Some(host) = network.host(peer)
                {
                    deliver(&host);
                }
            }));
        }
    }

    async fn tick(self: Arc<Self>) {
        while self.sleep(TICK.duration()).await {
            self.refresh();
            self.input(Input::Tick);
        }
    }

    fn standing(&self) -> Standing {
        let standing = self.consensus.standing();
        Standing {
            term: standing.term,
            leader: standing.leader.and_then(super::world::name_of).map(agent),
            is_leader: standing.is_leader,
            has_quorum: standing.has_quorum,
        }
    }

    /// Hands every new state to the node.
    async fn follow(self: Arc<Self>) {
        let mut seen = 0;
        while self.runs().await {
            // The limit is there so that a dead host's task ends.
            if let Ok(index) = SimRuntime::timeout(PROPOSE_MAX, self.consensus.changed(seen)).await {
                seen = index;
                if self.runs().await {
                    self.refresh();
                }
            }
        }
    }

    /// Hands what consensus knows to the node: the state, and read after it the standing.
    pub(super) fn refresh(&self) {
        let state = self.consensus.state();
        let standing = self.standing();
        if self.with_node(|node, _| *node.standing() != standing) {
            self.input(Input::Standing(standing));
        }
        self.input(Input::Applied(state));
    }

    async fn propose_for_node(self: Arc<Self>, command: Command) {
        let id = command.id.clone();
        drop(self.consensus.propose(command, PROPOSE_MAX).await);
        if self.runs().await {
            self.refresh();
            self.input(Input::Answered { id });
        }
    }

    /// An application beside the agent asks whether it may write, and for how long, in true time.
    pub(super) fn show_promise(&self) {
        if !self.alive() || self.network.paused(self.id).is_some() {
            return;
        }
        if let Ok(view) = self.with_node(|node, now| node.lease(now.mono, &shop())) {
            let remaining = self.clock.truly(view.remaining);
            self.network.oracle().promised(self.region.as_str(), view.epoch, remaining);
        }
    }
}
