//! One agent: the real `Node`, consensus, probe schedule and loops, with a shell as thin as the agent's own
//! (`agent/src/shell`), on the simulated runtime. Inputs go to the node, and what comes out is done. A dead host does
//! nothing any more, and nothing of a paused one moves until it goes on.

use super::{
    AGENTS, agent, cloud::Cloud, ids, network::Network, newcomer::Changing, now, probing::Probing, region,
    replicas,
};
use openraft_rt::AsyncRuntime;
use openraft_rt_sim::SimRuntime;
use quorate_consensus::{Consensus, NodeId};
use quorate_core::{
    Cluster, Command, Surroundings as _, executor, leasing,
    node::{Input, Node, NodeSettings, Now, Output, Standing, self_health::TICK},
};
use quorate_policies::{
    AgentName, FeatureLevel, Millis, Monotonic, RegionName, ServiceName, TargetName, Timestamp,
    guard::Refusal,
};
use std::{
    collections::BTreeMap,
    ops::Range,
    pin::pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// As the agent's shell has it.
pub(super) const PROPOSE_MAX: Duration = Duration::from_secs(5);
/// What has arrived at a stopped process is read within so long after it goes on.
const GRACE: Duration = Duration::from_millis(1);
/// The wall clock when the simulation begins, in milliseconds.
const EPOCH_MS: u64 = 1_780_000_000_000;

/// Local microseconds in a million true ones: two per cent off at the most, of which the policy's drift allows for more than twice
/// that between two clocks.
pub(super) const RATES: Range<u64> = 980_000..1_020_000;
/// The slowest and the fastest where clocks are as unequal as the policy's drift of a tenth allows for.
pub(super) const RATES_UNEQUAL: (u64, u64) = (955_000, 1_045_000);

/// A host's clocks. They run a little too fast or too slow, and the wall clock is wrong by what it was set to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) booted: Duration,
    /// Local microseconds in a million true ones.
    pub(super) rate: u64,
    /// What the wall clock said at the process's start; the process moves it by the monotonic one (F14).
    pub(super) wall_offset_ms: i64,
}

impl Clock {
    pub(super) fn now(&self) -> Now {
        let wall = EPOCH_MS.checked_add_signed(self.wall_offset_ms).unwrap() + self.measured(now()).0;
        Now { mono: Monotonic(self.measured(now() - self.booted).0), wall: Timestamp(wall) }
    }

    /// What this clock measures of a true length.
    fn measured(&self, truly: Duration) -> Millis {
        Millis(u64::try_from(truly.as_micros()).unwrap() * self.rate / 1_000_000_000)
    }

    /// The true length of what this clock measures as so long.
    pub(super) fn truly(&self, local: Millis) -> Duration {
        Duration::from_micros((local.0 * 1_000_000_000).div_ceil(self.rate))
    }
}

/// What a host is started with.
pub(super) struct Seat {
    pub(super) index: usize,
    pub(super) nodes: usize,
    pub(super) feature_level: FeatureLevel,
    pub(super) boot: u64,
    pub(super) seed: u64,
    pub(super) clock: Clock,
    /// How often a report is sent, and after what silence an agent is lost.
    pub(super) reports: (Millis, Millis),
}

/// The configured agents and their regions.
pub(super) fn members(nodes: usize) -> BTreeMap<AgentName, RegionName> {
    AGENTS.into_iter().take(nodes).map(|(name, at)| (agent(name), region(at))).collect()
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
    pub(super) probing: Mutex<Probing>,
    /// Whether this agent, while it leads, is changing the voters.
    pub(super) changing: Changing,
    services: Vec<ServiceName>,
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
        let (name, at) = AGENTS[seat.index];
        let settings = NodeSettings {
            name: agent(name),
            region: region(at),
            members: members(seat.nodes),
            incarnation: started.wall.0,
            feature_level: seat.feature_level,
            report_interval: seat.reports.0,
            lost_after: seat.reports.1,
        };
        let id = ids()[seat.index];
        let host = Arc::new_cyclic(|me| Self {
            id,
            boot: seat.boot,
            name: settings.name.clone(),
            region: settings.region.clone(),
            consensus,
            network: network.clone(),
            cloud: cloud.clone(),
            clock: seat.clock,
            probing: Mutex::new(Probing::new(&seat, started.wall)),
            changing: Changing::default(),
            services: cloud.services().into_iter().map(super::service).collect(),
            node: Mutex::new(Node::new(settings, started)),
            alive: AtomicBool::new(true),
            me: me.clone(),
        });
        network.plug_in(host.clone());
        drop(SimRuntime::spawn(host.clone().tick()));
        drop(SimRuntime::spawn(host.clone().follow()));
        drop(SimRuntime::spawn(host.clone().probe()));
        drop(SimRuntime::spawn(host.clone().read_lags()));
        host
    }

    pub(super) fn alive(&self) -> bool {
        self.alive.load(Ordering::Relaxed)
    }

    pub(super) fn die(&self) {
        self.alive.store(false, Ordering::Relaxed);
    }

    /// This host, as long as it is plugged in.
    pub(super) fn me(&self) -> Option<Arc<Self>> {
        self.me.upgrade()
    }

    /// Waits out a pause. Whether the host still lives.
    pub(super) async fn runs(&self) -> bool {
        if self.alive() {
            self.network.awake(self.id).await;
        }
        self.alive()
    }

    /// Waits out a pause; what a dead host was about to do never happens.
    pub(super) async fn lives(&self) {
        if !self.runs().await {
            std::future::pending::<()>().await;
        }
    }

    /// A deadline as a process has it: when the process was stopped, what has arrived meanwhile is seen before the
    /// timer is.
    pub(super) async fn in_time<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = T> + Send,
    ) -> Option<T> {
        let mut work = pin!(work);
        let mut limit = limit;
        loop {
            if let Ok(done) = SimRuntime::timeout(limit, work.as_mut()).await {
                self.lives().await;
                return Some(done);
            }
            if self.network.paused(self.id).is_none() {
                self.lives().await;
                return None;
            }
            self.lives().await;
            limit = GRACE;
        }
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Node, Now) -> T) -> T {
        look(&mut self.node.lock().unwrap(), self.clock.now())
    }

    /// Hands one input to the node and does what it says. Returns the answer to a request for the lease.
    pub(super) fn feed(&self, input: Input) -> Option<Result<Millis, Refusal>> {
        if !self.alive() {
            return None;
        }
        let outputs = self.look(|node, now| node.step(now, input));
        outputs.into_iter().fold(None, |answer, output| self.carry_out(output).or(answer))
    }

    fn carry_out(&self, output: Output) -> Option<Result<Millis, Refusal>> {
        let host = self.me()?;
        match output {
            Output::Report(report) => self.tell_all(move |peer| {
                peer.feed(Input::Heard(report.clone()));
            }),
            Output::Confirm { service, target, everywhere } => {
                if everywhere {
                    let (service, target) = (service.clone(), target.clone());
                    self.tell_all(move |peer| peer.confirm(&service, &target));
                }
                self.confirm(&service, &target);
            }
            Output::Targets(targets) => self.set_targets(targets),
            Output::Propose(command) => drop(SimRuntime::spawn(host.propose_for_node(command))),
            Output::Run(order) => {
                drop(SimRuntime::spawn(async move { executor::run(&*host, &order).await }));
            }
            // The simulated services schedule no dry run: it would only look.
            Output::LookAtDrill { .. } => {}
            Output::AskLease { service, epoch, sent_at } => {
                drop(SimRuntime::spawn(host.lease(service, epoch, sent_at)));
            }
            Output::LeaseAnswer(answer) => return Some(answer),
        }
        None
    }

    fn confirm(&self, service: &ServiceName, target: &TargetName) {
        self.probing.lock().unwrap().confirm(service, target, self.clock.now().mono);
    }

    async fn lease(self: Arc<Self>, service: ServiceName, epoch: u64, sent_at: Monotonic) {
        leasing::ask(&*self, service, epoch, sent_at).await;
        // An application asks in the very moment in which the answer is there, before anything else arrives. What the log had
        // decided by then is seen first.
        replicas::look(&self.network);
        self.show_promises();
    }

    /// Sends a message to every peer, each on its own way.
    fn tell_all(&self, deliver: impl Fn(&Host) + Clone + Send + 'static) {
        for peer in self.network.all_but(self.id) {
            let (network, me, deliver) = (self.network.clone(), self.id, deliver.clone());
            drop(SimRuntime::spawn(async move {
                if !network.carry(me, peer).await || !network.understand(me, peer) {
                    return;
                }
                let Some(host) = network.host(peer) else { return };
                deliver(&host);
                if network.twice() {
                    SimRuntime::sleep(Duration::from_millis(network.draw(1..3_000))).await;
                    deliver(&host);
                }
            }));
        }
    }

    async fn tick(self: Arc<Self>) {
        while self.alive() {
            SimRuntime::sleep(TICK.duration()).await;
            self.lives().await;
            self.refresh();
            self.feed(Input::Tick);
            self.change_members();
        }
    }

    /// What the agent knows of consensus.
    pub(super) fn standing(&self) -> Standing {
        let standing = self.consensus.standing();
        Standing {
            term: standing.term,
            leader: standing.leader.and_then(super::world::name_of).map(agent),
            is_leader: standing.is_leader,
            has_quorum: standing.has_quorum,
            predecessors_silent: self.clock.measured(standing.predecessors_silent),
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

    async fn propose_for_node(self: Arc<Self>, command: Command) {
        let id = command.id.clone();
        self.network.oracle().proposed(self.name.as_str(), &command);
        drop(self.propose(command).await);
        self.refresh();
        self.feed(Input::Answered { id });
    }

    /// Until when, in true time, an application beside the agent may write, and at which epoch.
    pub(super) fn promise(&self, service: &ServiceName) -> Option<(u64, Duration)> {
        if !self.alive() || self.network.paused(self.id).is_some() {
            return None;
        }
        let view = self.look(|node, now| node.lease(now.mono, service, None)).ok()?;
        Some((view.epoch, now() + self.clock.truly(view.remaining)))
    }

    /// An application beside the agent asks whether it may write, and for how long.
    pub(super) fn show_promises(&self) {
        for name in &self.services {
            if let Some((epoch, until)) = self.promise(name) {
                self.network.oracle().promised(name.as_str(), self.region.as_str(), epoch, until);
            }
        }
    }
}
