//! The handle that every task of the agent shares. Inputs go to the node under a short lock; what comes out is handed
//! to tasks, so that nothing here waits.

use super::{
    OperatorToken, PlanCheck, backups::BackupWatch, clock::Clock, probing::Probing, supervised::Beats,
};
use crate::{
    effects::Effects,
    metrics::{
        Metrics,
        blackbox::{Kind, Place, Places},
    },
    peers::{
        Peers,
        wire::{Confirm, Runtime},
    },
};
use quorate_consensus::{Consensus, ProposeError};
use quorate_core::{
    Body, Cluster, Command, CommandId, Response, executor, leasing,
    node::{Input, Node, Now, Output, Standing, targets::ProbeTarget},
};
use quorate_policies::{
    AgentName, Millis, Monotonic, RegionName, ServiceName, TargetName, Timestamp, document::AgentFile,
    guard::Refusal,
};
use quorate_probes::{ProbeResult, Probed};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a proposal may take: two elections of the wan profile, so that one leader's death is survived.
pub(super) const PROPOSE_MAX: Duration = Duration::from_secs(5);
/// How long the answer to a change waits until this agent shows the change itself: many heartbeats, with which it comes. An answer
/// that waits no longer is true all the same.
const SHOWN_MAX: Duration = Duration::from_secs(1);

/// A target's latest result.
#[derive(Debug, Clone)]
pub struct ProbeSeen {
    /// Of which service.
    pub service: ServiceName,
    /// Of which target.
    pub target: TargetName,
    /// What was probed.
    pub url: String,
    /// What came of it.
    pub result: ProbeResult,
    /// When it ended.
    pub at: Monotonic,
    /// When the first certificate expires that the target presented last: this probe may have come to none.
    pub certificate_expiry: Option<Timestamp>,
    /// How long it may take.
    pub timeout: Millis,
}

/// Why a command was not committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeProblem {
    /// No majority took it; it is certainly not in the log.
    #[error("no quorum: nothing was changed")]
    NoQuorum,
    /// It may have been committed; the same id may be proposed again.
    #[error("the outcome is not known: it may have been applied")]
    Unknown,
    /// The agent is stopping.
    #[error("the agent is stopping")]
    Stopping,
}

/// One running agent.
pub struct Agent {
    pub(super) file: AgentFile,
    pub(super) clock: Clock,
    pub(super) node: Mutex<Node>,
    pub(super) consensus: Consensus<Cluster, Runtime>,
    pub(super) peers: Peers,
    pub(super) probing: Probing,
    pub(super) targets: Mutex<Arc<Places>>,
    pub(super) results: Mutex<BTreeMap<(ServiceName, TargetName), Arc<ProbeSeen>>>,
    pub(super) effects: Effects,
    pub(super) plan_checks: Mutex<BTreeMap<(ServiceName, RegionName), PlanCheck>>,
    pub(super) backups: BackupWatch,
    pub(super) metrics: Metrics,
    /// Which version each peer last said it has.
    pub(super) versions: Mutex<BTreeMap<AgentName, String>>,
    /// Whether it knows all that was committed before it started.
    pub(super) caught_up: AtomicBool,
    pub(super) token: OperatorToken,
    pub(super) beats: Beats,
    pub(super) stop: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) me: Weak<Agent>,
}

impl Agent {
    /// Looks at the node, or takes a lease from it. The lock is short and never held across a wait.
    pub fn with_node<R>(&self, look: impl FnOnce(&mut Node, Now) -> R) -> R {
        // The clock is read under the lock, so that the node never sees time go back.
        let mut node = lock(&self.node);
        let now = self.clock.now();
        look(&mut node, now)
    }

    /// Hands one input to the node and does what it says. Returns the answer to a request for the lease.
    pub fn input(&self, input: Input) -> Option<Result<Millis, Refusal>> {
        let outputs = self.with_node(|node, now| node.step(now, input));
        outputs.into_iter().fold(None, |answer, output| self.carry_out(output).or(answer))
    }

    fn carry_out(&self, output: Output) -> Option<Result<Millis, Refusal>> {
        let agent = self.me.upgrade()?;
        match output {
            Output::Report(report) => self.peers.report(report),
            Output::Confirm { service, target, everywhere } => {
                if everywhere {
                    self.peers.confirm(&Confirm { service: service.clone(), target: target.clone() });
                }
                self.confirm_here(service, target);
            }
            Output::Targets(targets) => self.set_targets(targets),
            Output::Propose(command) => {
                self.tasks.spawn(async move { agent.propose_for_node(command).await });
            }
            Output::Run(order) => {
                let stop = self.stop.clone();
                self.tasks
                    .spawn(async move { stop.run_until_cancelled(executor::run(&*agent, &order)).await });
            }
            Output::LookAtDrill { service, drill, count } => {
                self.tasks.spawn(async move { agent.look_at_drill(service, drill, count).await });
            }
            Output::AskLease { service, epoch, sent_at } => {
                self.tasks.spawn(async move { leasing::ask(&*agent, service, epoch, sent_at).await });
            }
            Output::LeaseAnswer(answer) => return Some(answer),
        }
        None
    }

    /// Probes a target at once: its first failure was seen here or by a peer.
    pub fn confirm_here(&self, service: ServiceName, target: TargetName) {
        self.probing.confirm(service, target);
    }

    fn set_targets(&self, targets: Vec<ProbeTarget>) {
        let place = |t: &ProbeTarget| Place {
            url: t.looks.place(),
            timeout: t.probe.timeout,
            kind: Kind::of(&t.looks),
        };
        let places: Places =
            targets.iter().map(|t| ((t.service.clone(), t.name.clone()), place(t))).collect();
        lock(&self.results).retain(|key, _| places.contains_key(key));
        *lock(&self.targets) = Arc::new(places);
        self.probing.set_targets(targets);
    }

    /// Takes a probe's result from the driver.
    pub(super) fn probed(&self, service: ServiceName, probed: Probed) {
        let target = probed.result.target.clone();
        let key = (service.clone(), target.clone());
        let observation = probed.result.observation();
        let database = probed.result.database.clone();
        let figures = self.probing.figures();
        let missed = figures.values().map(|figures| figures.counters.missed).sum();
        self.metrics.schedule(probed.lag, missed, figures.values().map(|figures| figures.in_flight).sum());
        let place = lock(&self.targets).get(&key).cloned();
        if let Some(Place { url, timeout, .. }) = place {
            let (service, target) = key.clone();
            let before = lock(&self.results).get(&key).and_then(|seen| seen.certificate_expiry);
            let certificate_expiry = probed.result.tls_expiry.or(before);
            let (result, at) = (probed.result, probed.at);
            let seen = ProbeSeen { service, target, url, result, at, certificate_expiry, timeout };
            self.metrics.probe(&seen);
            lock(&self.results).insert(key, Arc::new(seen));
        }
        if let Some(database) = database {
            let (service, target) = (service.clone(), target.clone());
            self.input(Input::Database { service, target, database });
        }
        self.input(Input::Probed { service, target, observation });
    }

    /// Puts a command into the log. With an id of the caller's, a repetition is harmless. Who looks here afterwards sees what it changed.
    ///
    /// # Errors
    /// When no majority took it in time, or its outcome is not known.
    pub async fn propose(&self, id: Option<String>, body: Body) -> Result<Response, ProposeProblem> {
        let id = id.unwrap_or_else(|| format!("{}/{:032x}", self.file.name, rand::random::<u128>()));
        let command = Command::new(id.clone(), self.clock.now().wall, self.file.name.clone(), body);
        match self.put(command).await {
            Ok(refused @ Response::Refused { .. }) => Ok(refused),
            Ok(response) => {
                self.show(&id).await;
                Ok(response)
            }
            Err(ProposeError::NoLeader) => Err(ProposeProblem::NoQuorum),
            Err(ProposeError::Unknown) => Err(ProposeProblem::Unknown),
            Err(ProposeError::Stopped(_)) => Err(ProposeProblem::Stopping),
        }
    }

    /// Waits until this agent's own state has what a command changed: a follower learns that it is committed after the leader.
    async fn show(&self, command: &CommandId) {
        let shown = async {
            let mut seen = 0;
            while !self.consensus.state().has_applied(command) {
                seen = self.consensus.changed(seen).await;
            }
        };
        // Late is no failure.
        let _ = tokio::time::timeout(SHOWN_MAX, shown).await;
        self.refresh();
    }

    /// The one way into the log: nothing goes there that an agent would not understand.
    pub(super) async fn put(&self, command: Command) -> Result<Response, ProposeError> {
        if let Err(refusal) = self.with_node(|node, now| node.permits(now, &command)) {
            return Ok(Response::Refused { refusal });
        }
        self.consensus.propose(command, PROPOSE_MAX).await
    }

    async fn propose_for_node(&self, command: Command) {
        let id = command.id.clone();
        match self.put(command).await {
            Ok(Response::Refused { refusal }) => {
                tracing::info!(command = %id, %refusal, "the log refused a proposal")
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(command = %id, %error, "proposal not answered"),
        }
        self.refresh();
        self.input(Input::Answered { id });
    }

    /// Hands what consensus knows to the node. The state is read under the node's lock, so that it never goes back; the
    /// standing is read after it, so that who sees a successor's entries also sees that he leads no longer.
    pub(super) fn refresh(&self) {
        let outputs = self.with_node(|node, now| {
            let state = self.consensus.state();
            let standing = self.standing();
            self.metrics.term(standing.term);
            let mut outputs = if *node.standing() == standing {
                Vec::new()
            } else {
                node.step(now, Input::Standing(standing))
            };
            if !Arc::ptr_eq(node.cluster(), &state) {
                outputs.extend(node.step(now, Input::Applied(state)));
            }
            outputs
        });
        for output in outputs {
            self.carry_out(output);
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let standing = self.consensus.standing();
        Standing {
            term: standing.term,
            leader: standing.leader.and_then(|id| self.member(id)),
            is_leader: standing.is_leader,
            has_quorum: standing.has_quorum,
            predecessors_silent: Millis::of(standing.predecessors_silent),
        }
    }

    /// The agent's own file.
    #[must_use]
    pub const fn file(&self) -> &AgentFile {
        &self.file
    }

    /// The latest result of each target.
    #[must_use]
    pub fn probes(&self) -> Vec<Arc<ProbeSeen>> {
        lock(&self.results).values().cloned().collect()
    }

    /// The latest result of one target.
    #[must_use]
    pub fn probe(&self, target: &(ServiceName, TargetName)) -> Option<Arc<ProbeSeen>> {
        lock(&self.results).get(target).cloned()
    }

    /// What is probed.
    #[must_use]
    pub fn places(&self) -> Arc<Places> {
        lock(&self.targets).clone()
    }

    /// Its metrics.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The operator's token.
    #[must_use]
    pub const fn operator_token(&self) -> &OperatorToken {
        &self.token
    }

    /// The wall clock's reading, as this agent moves it.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// When this process started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        let now = self.clock.now();
        Timestamp(now.wall.0 - now.mono.0)
    }

    /// By how many milliseconds the system's clock has moved against the agent's own.
    #[must_use]
    pub fn clock_moved(&self) -> i64 {
        self.clock.moved()
    }

    /// Whether it knows all that was committed before it started.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Relaxed)
    }

    /// Consensus.
    #[must_use]
    pub const fn consensus(&self) -> &Consensus<Cluster, Runtime> {
        &self.consensus
    }

    /// The member whose consensus number this is.
    #[must_use]
    pub fn member(&self, id: quorate_consensus::NodeId) -> Option<AgentName> {
        let is = |name: &AgentName| quorate_consensus::node_id(name.as_str()) == id;
        let seated = self.consensus.state().seated().into_keys();
        seated.chain(self.file.members.keys().cloned()).find(is)
    }
}

/// A lock whose holder has panicked still guards a whole value: no holder leaves one half written.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
