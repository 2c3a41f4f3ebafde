//! One agent's own state machine, sans-IO: it takes what the agent sees and hears, and says what to send, probe,
//! propose and run. It holds no socket and reads no clock; everything it knows of the log comes in as a `Cluster`.

mod evidence;
pub mod explain;
mod health;
mod lags;
mod lead;
pub mod lease;
mod looks;
mod positions;
mod reports;
pub mod self_health;
pub mod targets;

use crate::{
    cluster::{
        Cluster,
        execution::{Execution, ExecutionState},
    },
    command::{Body, Command, ExecutionId},
};
use evidence::RegionWatch;
use health::Health;
use lags::Lags;
use lease::Leases;
use looks::Looks;
use positions::{Behind, Positions};
use quorate_policies::{
    AgentName, CheckName, Millis, Monotonic, RegionName, ServiceName, StepName, TargetName, Timestamp,
    agreement::{Report, lag::replica_name},
    guard::Refusal,
    health::Observation,
    plan::Step,
    postgres::Database,
};
use reports::ReportBook;
use self_health::SelfHealth;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use targets::ProbeTarget;

/// How long a proposal may be under way before the leader proposes the same again: longer than the shell tries.
const PROPOSAL_PENDING_MAX: Millis = Millis(6_000);

/// Both clocks, read once by the shell. The wall clock is anchored at the process's start and moved by the
/// monotonic one, so that a step of NTP moves nothing (F14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Monotonic.
    pub mono: Monotonic,
    /// Wall.
    pub wall: Timestamp,
}

/// What an agent is.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// Its name.
    pub name: AgentName,
    /// Its region.
    pub region: RegionName,
    /// All voters, itself included.
    pub members: BTreeMap<AgentName, RegionName>,
    /// Greater at every start: the wall clock's reading will do.
    pub incarnation: u64,
    /// How often a report is sent when nothing changes.
    pub report_interval: Millis,
    /// An agent that has been silent for so long is lost: its steps go to another (R3).
    pub lost_after: Millis,
}

/// What the agent knows of consensus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Raft's term.
    pub term: u64,
    /// Who leads, as far as known.
    pub leader: Option<AgentName>,
    /// Whether it is this agent.
    pub is_leader: bool,
    /// Whether this agent is in contact with a majority.
    pub has_quorum: bool,
}

/// An attempt of a step that this agent shall run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOrder {
    /// Which execution.
    pub execution: ExecutionId,
    /// Which service.
    pub service: ServiceName,
    /// The fencing token.
    pub epoch: u64,
    /// Region that is left.
    pub from: RegionName,
    /// Region that is activated.
    pub to: RegionName,
    /// Which step.
    pub name: StepName,
    /// The step itself.
    pub step: Step,
    /// Which assignment.
    pub attempt: u32,
    /// How many attempts have failed.
    pub failures: u32,
}

/// What comes in.
#[derive(Debug, Clone)]
pub enum Input {
    /// Time has passed. Comes every [`self_health::TICK`].
    Tick,
    /// The wall clock moved by so much against the monotonic one.
    ClockJumped(Millis),
    /// A probe ended.
    Probed {
        /// Of which service.
        service: ServiceName,
        /// Of which target.
        target: TargetName,
        /// What it says.
        observation: Observation,
    },
    /// A probe's target said where its log stands.
    Database {
        /// Of which service.
        service: ServiceName,
        /// Which target.
        target: TargetName,
        /// What it said.
        database: Database,
    },
    /// A replica's lag was read. One that could not be read is not told.
    Lag {
        /// Of which service.
        service: ServiceName,
        /// Which replica, by [`quorate_policies::agreement::lag::replica_name`].
        replica: String,
        /// How far it is behind.
        behind: Millis,
        /// How long ago that was measured.
        measured: Millis,
    },
    /// This agent has looked at the plan that would activate a region.
    PlanLooked {
        /// Of which service.
        service: ServiceName,
        /// Which region it activates.
        to: RegionName,
        /// By which policy.
        policy_hash: String,
        /// The gravest finding on a step without which the plan stops, if there is one.
        blocked: Option<String>,
    },
    /// A peer reported.
    Heard(Report),
    /// The log has moved.
    Applied(Arc<Cluster>),
    /// Consensus has changed.
    Standing(Standing),
    /// A proposal of this node was answered, or given up.
    Answered {
        /// Its command's id.
        id: String,
    },
    /// A step's task has left without an outcome.
    StepLeft {
        /// Which execution.
        execution: ExecutionId,
        /// Which step.
        step: StepName,
        /// Which assignment.
        attempt: u32,
    },
    /// A region asks this node, which has just confirmed that it leads, for the write lease.
    LeaseAsked {
        /// Of which service.
        service: ServiceName,
        /// Which region.
        region: RegionName,
        /// At which epoch.
        epoch: u64,
    },
    /// The leader's answer to this node's own request.
    LeaseAnswered {
        /// Of which service.
        service: ServiceName,
        /// At which epoch.
        epoch: u64,
        /// When the request was sent: the lease counts from there.
        sent_at: Monotonic,
        /// How long it lasts, or why not.
        answer: Result<Millis, Refusal>,
    },
}

/// What goes out.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send to every peer.
    Report(Report),
    /// Probe at once.
    Confirm {
        /// Of which service.
        service: ServiceName,
        /// Which target.
        target: TargetName,
        /// At every peer too, not only here.
        everywhere: bool,
    },
    /// Probe these, and no others.
    Targets(Vec<ProbeTarget>),
    /// Put into the log.
    Propose(Command),
    /// Run an attempt.
    Run(Box<StepOrder>),
    /// Ask the leader for the write lease.
    AskLease {
        /// Of which service.
        service: ServiceName,
        /// At which epoch.
        epoch: u64,
        /// To be handed back with the answer.
        sent_at: Monotonic,
    },
    /// The answer to [`Input::LeaseAsked`].
    LeaseAnswer(Result<Millis, Refusal>),
}

/// One agent.
#[derive(Debug)]
pub struct Node {
    settings: NodeSettings,
    cluster: Arc<Cluster>,
    standing: Standing,
    leader_since: Option<Monotonic>,
    health: Health,
    reports: ReportBook,
    lags: Lags,
    positions: Positions,
    looks: Looks,
    watches: BTreeMap<ServiceName, RegionWatch>,
    leases: Leases,
    self_health: SelfHealth,
    given: BTreeSet<(ExecutionId, StepName, u32)>,
    pending: BTreeMap<String, Monotonic>,
    refusals: BTreeMap<ServiceName, &'static str>,
    commands: u64,
    reported_at: Option<Monotonic>,
    report_due: bool,
    sequence: u64,
}

impl Node {
    /// A node that knows nothing yet.
    #[must_use]
    pub fn new(settings: NodeSettings, now: Now) -> Self {
        Self {
            leases: Leases::new(settings.region.clone(), now.mono),
            settings,
            cluster: Arc::new(Cluster::default()),
            standing: Standing::default(),
            leader_since: None,
            health: Health::default(),
            reports: ReportBook::default(),
            lags: Lags::default(),
            positions: Positions::default(),
            looks: Looks::default(),
            watches: BTreeMap::new(),
            self_health: SelfHealth::new(now.mono),
            given: BTreeSet::new(),
            pending: BTreeMap::new(),
            refusals: BTreeMap::new(),
            commands: 0,
            reported_at: None,
            report_due: false,
            sequence: 0,
        }
    }

    /// Takes one input and says what follows from it.
    pub fn step(&mut self, now: Now, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        match input {
            Input::Tick => {
                self.self_health.tick(now.mono);
                self.report_due |= self.health.tick(now.mono);
            }
            Input::ClockJumped(by) => {
                self.self_health.clock_jumped(now.mono, by);
                self.drop_leases();
            }
            Input::Probed { service, target, observation } => {
                let change = self.health.observe(now.mono, &service, &target, observation);
                self.report_due |= change.changed;
                if change.confirm || change.look_again {
                    out.push(Output::Confirm { service, target, everywhere: change.confirm });
                }
                // One more of the same: what follows from it follows at the next tick.
                if !self.report_due {
                    return out;
                }
            }
            Input::Database { service, target, database } => {
                self.database_seen(now.mono, service, &target, &database);
                // What follows from it follows with the probe's own result, which comes next.
                return out;
            }
            Input::Lag { service, replica, behind, measured } => {
                self.lags.read(now.mono, service, replica, behind, measured);
            }
            Input::PlanLooked { service, to, policy_hash, blocked } => {
                self.looks.looked(now.mono, service, to, policy_hash, blocked);
            }
            Input::Heard(report) => self.reports.heard(now.mono, report),
            Input::Applied(cluster) => self.applied(now, cluster, &mut out),
            Input::Standing(standing) => self.stand(now, standing),
            Input::Answered { id } => {
                self.pending.retain(|key, _| *key != id);
            }
            Input::StepLeft { execution, step, attempt } => {
                self.given.remove(&(execution, step, attempt));
            }
            Input::LeaseAsked { service, region, epoch } => {
                let answer =
                    self.leases.grant(now.mono, &self.cluster, self.leads(), &service, &region, epoch);
                out.push(Output::LeaseAnswer(answer));
            }
            Input::LeaseAnswered { service, epoch, sent_at, answer } => {
                self.leases.answered(&self.cluster, &service, epoch, sent_at, answer);
            }
        }
        self.report(now, &mut out);
        self.watch(now.mono);
        self.order(now, &mut out);
        self.lease_work(now, &mut out);
        if self.leads() && !self.self_health.abstains(now.mono) {
            self.lead(now, &mut out);
        }
        out
    }

    /// How far this agent last knew a replica to be behind, and how long ago that was measured.
    #[must_use]
    pub fn replica_lag(
        &self,
        now: Monotonic,
        service: &ServiceName,
        replica: &str,
    ) -> Option<(Millis, Millis)> {
        let known = self.lags.report(now, service).into_iter().find(|lag| lag.replica == replica)?;
        Some((known.behind, known.measured))
    }

    /// Whether a primary on this timeline has taken over from every primary that this agent has seen in another region (R24).
    #[must_use]
    pub fn succeeds(
        &self,
        service: &ServiceName,
        check: &CheckName,
        region: &RegionName,
        timeline: u32,
    ) -> bool {
        self.positions.succeeds(service, check, region, timeline)
    }

    /// A standby is named by its region and by the probe that sees it.
    fn database_seen(
        &mut self,
        now: Monotonic,
        service: ServiceName,
        target: &TargetName,
        database: &Database,
    ) {
        let seen = self.positions.seen(now, &service, &target.check, &target.region, database);
        if let Some(Behind { behind, measured }) = seen {
            let replica = replica_name(target.region.as_str(), target.check.as_str());
            self.lags.read(now, service, replica, behind, measured);
        }
    }

    fn applied(&mut self, now: Now, cluster: Arc<Cluster>, out: &mut Vec<Output>) {
        let policies_before = self.policies();
        self.cluster = cluster;
        if self.policies() != policies_before {
            let targets = targets::targets(&self.cluster);
            self.health.set_targets(now.mono, &targets);
            self.lags.retain(|service| self.cluster.services.contains_key(service));
            self.positions.retain(|service| self.cluster.services.contains_key(service));
            self.looks.retain(|service| self.cluster.services.contains_key(service));
            self.report_due = true;
            out.push(Output::Targets(targets));
        }
    }

    fn policies(&self) -> BTreeMap<ServiceName, String> {
        self.cluster.services.iter().map(|(name, state)| (name.clone(), state.policy_hash.clone())).collect()
    }

    fn stand(&mut self, now: Now, standing: Standing) {
        if standing.is_leader && (!self.standing.is_leader || standing.term != self.standing.term) {
            self.leader_since = Some(now.mono);
            // What an earlier term's leader was told no longer counts.
            self.leases.forget_grants();
            self.pending.clear();
        }
        if !standing.is_leader {
            self.leader_since = None;
        }
        self.standing = standing;
    }

    /// Leads, and in contact with a majority.
    const fn leads(&self) -> bool {
        self.standing.is_leader && self.standing.has_quorum
    }

    /// Attempts that are this agent's and not under way in this process.
    fn order(&mut self, now: Now, out: &mut Vec<Output>) {
        let cluster = Arc::clone(&self.cluster);
        // An aborted one too: its steps that take others back, and one that was begun by an earlier process of this
        // agent, for the undo waits until it is reported.
        let running =
            |e: &&Execution| matches!(e.state, ExecutionState::Running | ExecutionState::Undoing { .. });
        for execution in cluster.executions.values().filter(running) {
            if cluster.held_at(execution, cluster.clock.max(now.wall)).is_some() {
                continue;
            }
            for (name, progress) in &execution.steps {
                let Some(step) = execution.plan.steps.get(name) else { continue };
                if progress.state.agent() != Some(&self.settings.name) {
                    continue;
                }
                if !self.given.insert((execution.id.clone(), name.clone(), progress.attempt)) {
                    continue;
                }
                out.push(Output::Run(Box::new(StepOrder {
                    execution: execution.id.clone(),
                    service: execution.service.clone(),
                    epoch: execution.epoch,
                    from: execution.from().clone(),
                    to: execution.to().clone(),
                    name: name.clone(),
                    step: step.clone(),
                    attempt: progress.attempt,
                    failures: progress.failures,
                })));
            }
        }
        self.given.retain(|(id, _, _)| cluster.executions.get(id).is_some_and(|e| !e.state.ended()));
    }

    /// Proposes, unless the same is under way. `key` names the thing, so that it is proposed once at a time.
    fn propose(&mut self, now: Now, key: String, body: Body, out: &mut Vec<Output>) {
        self.pending.retain(|_, since| now.mono.since(*since) < PROPOSAL_PENDING_MAX);
        // The command's id begins with its key, so that an answer is matched to it.
        if self.pending.keys().any(|id| id.starts_with(&format!("{key}#"))) {
            return;
        }
        self.commands += 1;
        let id = format!("{key}#{}-{}-{}", self.settings.name, self.settings.incarnation, self.commands);
        self.pending.insert(id.clone(), now.mono);
        out.push(Output::Propose(Command { id, at: now.wall, by: self.settings.name.clone(), body }));
    }

    /// What this agent is.
    #[must_use]
    pub const fn settings(&self) -> &NodeSettings {
        &self.settings
    }

    /// What this agent knows of consensus.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The log's state as this agent has applied it.
    #[must_use]
    pub const fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// When each peer was last heard, and its report.
    #[must_use]
    pub fn peers(&self, now: Monotonic) -> BTreeMap<AgentName, Millis> {
        self.reports.ages(now)
    }

    /// Why this agent abstains, if it does (R8).
    #[must_use]
    pub fn abstains(&self, now: Monotonic) -> Option<String> {
        self.self_health.reason(now)
    }
}
