//! One agent's own state machine, sans-IO: it takes what the agent sees and hears, and says what to send, probe,
//! propose and run. It holds no socket and reads no clock; everything it knows of the log comes in as a `Cluster`.

mod drills;
mod dry_runs;
mod evidence;
pub mod explain;
mod feature_level;
mod health;
mod lags;
mod lead;
pub mod lease;
mod looks;
mod parts;
mod positions;
mod reports;
pub mod self_health;
pub mod targets;
mod vocabulary;

pub use vocabulary::{Input, NodeSettings, Now, Output, Standing, StepOrder};

use crate::{
    cluster::{
        Cluster,
        execution::{Execution, ExecutionState},
        members::Seat,
    },
    command::{Body, Command, ExecutionId},
};
use dry_runs::DryRuns;
use evidence::RegionWatch;
use health::Health;
use lags::{Lags, Measure};
use lease::Leases;
use looks::Looks;
use positions::{Positions, Sight};
use quorate_policies::{
    AgentName, BackupName, CheckName, ComponentName, Millis, Monotonic, PlanName, RegionName, ServiceName,
    StepName, TargetName,
    agreement::{ReplicaLag, lag::replica_name},
    postgres::Database,
};
use reports::ReportBook;
use self_health::SelfHealth;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// How long a proposal may be under way before the leader proposes the same again: longer than the shell tries.
const PROPOSAL_PENDING_MAX: Millis = Millis(6_000);

/// One agent.
#[derive(Debug)]
pub struct Node {
    settings: NodeSettings,
    cluster: Arc<Cluster>,
    standing: Standing,
    /// As the leader: no earlier one has granted a lease that was asked for later.
    granted_before: Option<Monotonic>,
    health: Health,
    reports: ReportBook,
    lags: Lags,
    positions: Positions,
    looks: Looks,
    /// Backups that are not fresh, as this agent saw them last.
    stale_backups: BTreeMap<ServiceName, BTreeSet<BackupName>>,
    dry_runs: DryRuns,
    watches: BTreeMap<ServiceName, RegionWatch>,
    component_watches: BTreeMap<(ServiceName, ComponentName), RegionWatch>,
    leases: Leases,
    self_health: SelfHealth,
    given: BTreeSet<(ExecutionId, StepName, u32)>,
    pending: BTreeMap<String, Monotonic>,
    refusals: BTreeMap<ServiceName, &'static str>,
    /// The same for the scenarios of components.
    part_refusals: BTreeMap<(ServiceName, PlanName), &'static str>,
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
            granted_before: None,
            health: Health::default(),
            reports: ReportBook::default(),
            lags: Lags::default(),
            positions: Positions::default(),
            looks: Looks::default(),
            stale_backups: BTreeMap::new(),
            dry_runs: DryRuns::default(),
            watches: BTreeMap::new(),
            component_watches: BTreeMap::new(),
            self_health: SelfHealth::new(now.mono),
            given: BTreeSet::new(),
            pending: BTreeMap::new(),
            refusals: BTreeMap::new(),
            part_refusals: BTreeMap::new(),
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
                let measure = Measure { behind, measured, bytes: None, confirmed: false };
                self.lags.read(now.mono, service, replica, measure);
            }
            Input::PlanLooked { service, to, policy_hash, blocked } => {
                self.looks.looked(now.mono, service, to, policy_hash, blocked);
            }
            Input::BackupsSeen { service, stale } => {
                self.stale_backups.insert(service, stale);
                return out;
            }
            Input::DrillLooked { service, drill, count, outcome } => {
                self.dry_runs.looked(&(service, drill), count, outcome);
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
        let seat = self.seat();
        // A removed agent is silent; one that comes or goes watches, and does nothing.
        if seat == Seat::Removed {
            return out;
        }
        self.report(now, &mut out);
        self.watch(now.mono);
        if !self.acts(seat) {
            return out;
        }
        self.order(now, &mut out);
        self.lease_work(now, &mut out);
        if self.leads() && !self.self_health.abstains(now.mono) {
            self.lead(now, &mut out);
        }
        out
    }

    /// What this agent is to the cluster.
    #[must_use]
    pub fn seat(&self) -> Seat {
        self.cluster.seat(&self.settings.name)
    }

    /// Whether it may do anything but watch: as a member, and as one of those who form the cluster.
    fn acts(&self, seat: Seat) -> bool {
        (seat == Seat::Member || self.cluster.members.is_empty()) && !self.outdated()
    }

    /// How far this agent last knew a replica to be behind.
    #[must_use]
    pub fn replica_lag(&self, now: Monotonic, service: &ServiceName, replica: &str) -> Option<ReplicaLag> {
        self.lags.report(now, service).into_iter().find(|lag| lag.replica == replica)
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
        match seen {
            Sight::Reading(measure) => {
                let replica = replica_name(target.region.as_str(), target.check.as_str());
                self.lags.read(now, service, replica, measure);
            }
            Sight::Unconfirmed => {
                // The standbys of this check: no region's name has a `/` in it.
                let of_check = |replica: &str| {
                    replica.split_once('/').is_some_and(|(_, check)| check == target.check.as_str())
                };
                self.lags.unconfirm(&service, of_check);
            }
            Sight::Nothing => {}
        }
    }

    fn applied(&mut self, now: Now, cluster: Arc<Cluster>, out: &mut Vec<Output>) {
        let policies_before = self.policies();
        self.neighbours(now.mono, &cluster);
        self.cluster = cluster;
        if self.policies() != policies_before {
            let targets = targets::targets(&self.cluster);
            self.health.set_targets(now.mono, &targets);
            self.lags.retain(|service| self.cluster.services.contains_key(service));
            self.positions.retain(|service| self.cluster.services.contains_key(service));
            self.looks.retain(|service| self.cluster.services.contains_key(service));
            let known = &self.cluster.services;
            self.dry_runs.retain(|service| known.contains_key(service));
            self.stale_backups.retain(|service, _| known.contains_key(service));
            self.report_due = true;
            out.push(Output::Targets(targets));
        }
    }

    fn policies(&self) -> BTreeMap<ServiceName, String> {
        self.cluster.services.iter().map(|(name, state)| (name.clone(), state.policy_hash.clone())).collect()
    }

    fn stand(&mut self, now: Now, standing: Standing) {
        if standing.is_leader && (!self.standing.is_leader || standing.term != self.standing.term) {
            self.granted_before = Some(now.mono.minus(standing.predecessors_silent));
            // What an earlier term's leader was told no longer counts.
            self.leases.forget_grants();
            self.pending.clear();
        }
        if !standing.is_leader {
            self.granted_before = None;
        }
        if standing.leader.is_some() && standing.leader != self.standing.leader {
            self.leases.new_leader();
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
        let command = Command::new(id.clone(), now.wall, self.settings.name.clone(), body);
        // Whoever leads when the agents have agreed on its level asks again.
        if self.permits(now, &command).is_ok() {
            self.pending.insert(id, now.mono);
            out.push(Output::Propose(command));
        }
    }

    /// All voters; those of the agent's own file until the cluster is formed.
    #[must_use]
    pub fn voters(&self) -> &BTreeMap<AgentName, RegionName> {
        if self.cluster.members.is_empty() { &self.settings.members } else { &self.cluster.members }
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
        match self.seat() {
            Seat::Leaving => Some("it is being removed".to_owned()),
            Seat::Removed => Some("it was removed".to_owned()),
            Seat::Joining => Some("it is being added".to_owned()),
            Seat::Member | Seat::Unknown => self.self_health.reason(now),
        }
    }
}
