//! Every reason why Quorate does not act: a closed list, typed, with what is needed to understand it (R31).

use crate::{
    agreement::Opinion,
    drill::DrillRefusal,
    feature_level::LevelRefusal,
    membership::MemberRefusal,
    name::{AgentName, ComponentName, DrillName, ItemName, PlanName, RegionName, ServiceName, StepName},
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refused")]
pub enum Refusal {
    /// There is no such service.
    #[error("no policy for service `{service}`: apply one first")]
    UnknownService {
        /// What was asked for.
        service: ServiceName,
    },
    /// The region is not one of the policy's, or it is the active one.
    #[error("region `{region}` cannot be activated: {why}")]
    UnusableRegion {
        /// What was asked for.
        region: RegionName,
        /// Why it cannot.
        why: String,
    },
    /// Somebody has paused automation.
    #[error("paused by {by} until {}: {reason}", until.map_or_else(|| "resumed".to_owned(), |t| t.to_string()))]
    Held {
        /// Who paused it.
        by: String,
        /// Why.
        reason: String,
        /// When the hold ends by itself.
        until: Option<Timestamp>,
    },
    /// An execution of this service is running.
    #[error("execution {execution} is running; follow or abort that one")]
    ExecutionInProgress {
        /// Which one.
        execution: String,
    },
    /// The last failover ended too lately.
    #[error("cooling down: {remaining} left of {cooldown} since the last failover ended")]
    CoolingDown {
        /// How long still.
        remaining: Millis,
        /// The policy's cool-down.
        cooldown: Millis,
    },
    /// Too many failovers lately.
    #[error("{count} failovers within {window}, at most {max} are allowed")]
    VelocityCap {
        /// How many there were.
        count: u32,
        /// How many may be.
        max: u32,
        /// Within which window.
        window: Millis,
    },
    /// The policy says that nobody acts.
    #[error("the scenario's mode is observe: nothing is done without an operator")]
    ObserveOnly,
    /// No scenario of the policy fits.
    #[error("no scenario of the policy runs a plan when the active region is down")]
    NoScenario,
    /// Fewer voters than automatic mode needs.
    #[error(
        "{have} voters, automatic mode needs at least {need}: add agents, or set unsafe_topology for development"
    )]
    TooFewVoters {
        /// Configured.
        have: usize,
        /// Needed (R12).
        need: usize,
    },
    /// Voters in fewer regions than automatic mode needs.
    #[error("voters in {have} regions, automatic mode needs at least {need}: add a witness elsewhere")]
    TooFewRegions {
        /// Configured.
        have: usize,
        /// Needed (R12).
        need: usize,
    },
    /// Agents judge by different policies.
    #[error("agents judge by another policy: {}", join(agents))]
    PolicyMismatch {
        /// Which ones.
        agents: BTreeSet<AgentName>,
    },
    /// Too few agents report.
    #[error("only {fresh} of {needed} needed agents have fresh data")]
    NoFreshData {
        /// Agents with fresh data.
        fresh: usize,
        /// Needed.
        needed: usize,
    },
    /// The region was down when the agents started, and nobody has seen it healthy since.
    #[error(
        "already red at start: {} never saw it healthy since starting; it is armed once it has been healthy",
        join(agents)
    )]
    AlreadyRedAtStart {
        /// Whose votes do not count for that.
        agents: BTreeSet<AgentName>,
    },
    /// Every region is down: the fault is more likely ours, or shared (R10).
    #[error("everything is down ({}): moving would not help; look at what the regions share", join(regions))]
    EverythingDown {
        /// Which regions.
        regions: BTreeSet<RegionName>,
    },
    /// The active region is not down.
    #[error("region `{region}` is healthy")]
    RegionHealthy {
        /// Which one.
        region: RegionName,
    },
    /// Too few votes.
    #[error("{} of {needed} needed agents see region `{region}` down", down.len())]
    NotAgreed {
        /// Which region.
        region: RegionName,
        /// Who sees it down.
        down: BTreeSet<AgentName>,
        /// How many are needed.
        needed: usize,
    },
    /// Votes from too few places.
    #[error("region `{region}` is seen down from {} other regions, {needed} are needed", have.len())]
    TooFewVantages {
        /// Which region.
        region: RegionName,
        /// From where.
        have: BTreeSet<RegionName>,
        /// How many are needed.
        needed: u32,
    },
    /// A healthy observer vetoes (R9).
    #[error("region `{region}` is seen healthy by {}", join(agents))]
    Dissent {
        /// Which region.
        region: RegionName,
        /// By whom.
        agents: BTreeSet<AgentName>,
    },
    /// Not down for long enough.
    #[error("region `{region}` has been down for {down_for}{}, the policy waits {dwell}", since(after.as_ref()))]
    Dwelling {
        /// Which region.
        region: RegionName,
        /// So far.
        down_for: Millis,
        /// What it counts from, if not from the first failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<After>,
        /// Needed (R20).
        dwell: Millis,
    },
    /// A component is down, and may come back by itself.
    #[error(
        "component `{component}` in `{region}` has been down for {down_for}{}; it has {grace} to recover by itself",
        since(after.as_ref())
    )]
    GivenTime {
        /// Which one.
        component: ComponentName,
        /// Where.
        region: RegionName,
        /// So far.
        down_for: Millis,
        /// What it counts from, if not from the first failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<After>,
        /// How long it has.
        grace: Millis,
    },
    /// The region goes up and down.
    #[error("region `{region}` is flapping: {changes} changes within {window}, at most {max} are allowed")]
    Flapping {
        /// Which region.
        region: RegionName,
        /// How many.
        changes: u32,
        /// How many may be.
        max: u32,
        /// Within which window.
        window: Millis,
    },
    /// Nowhere to go.
    #[error("standby region `{region}` is {}", match opinion { Opinion::Down => "down too", Opinion::Healthy => "healthy", Opinion::Unsure => "not known to be healthy" })]
    StandbyNotHealthy {
        /// Which one.
        region: RegionName,
        /// What the agents think of it.
        opinion: Opinion,
    },
    /// Nobody knows how far the replica is behind (R16).
    #[error("nobody knows how far replica {replica} is behind: promoting it may lose anything")]
    ReplicaLagUnknown {
        /// Region and instance.
        replica: String,
    },
    /// The replica is too far behind (R16).
    #[error("replica {replica} is {behind} behind, at most {max} may be lost")]
    ReplicaLagTooHigh {
        /// Region and instance.
        replica: String,
        /// How far, when the failure began.
        behind: Millis,
        /// The policy's limit.
        max: Millis,
    },
    /// Nobody knows how many bytes the replica lacks, and the policy limits them (R16).
    #[error(
        "nobody knows how many bytes of its primary's log replica {replica} lacks, and at most {max} may be lost"
    )]
    ReplicaLagBytesUnknown {
        /// Region and probe.
        replica: String,
        /// The policy's limit.
        max: u64,
    },
    /// The replica lacks too many bytes (R16).
    #[error("replica {replica} lacks {bytes} bytes of its primary's log, at most {max} may be lost")]
    ReplicaLagBytesTooHigh {
        /// Region and probe.
        replica: String,
        /// How many, when the primary was seen last.
        bytes: u64,
        /// The policy's limit.
        max: u64,
    },
    /// Something stood in the plan's way before the failure (R21).
    #[error(
        "the plan to activate `{region}` would not go through, as {agent} found before the failure: {finding}"
    )]
    PlanNotReady {
        /// The region that the plan activates.
        region: RegionName,
        /// Who looked.
        agent: AgentName,
        /// What was found.
        finding: String,
    },
    /// The agents have no majority, so nothing can be committed (R11).
    #[error("no quorum: the agents in contact are no majority; nothing is decided and nothing is changed")]
    NoQuorum,
    /// The scenario cannot be declared like this.
    #[error("scenario `{scenario}` cannot be declared: {why}")]
    NotDeclared {
        /// Which one.
        scenario: PlanName,
        /// Why, and the mend.
        why: String,
    },
    /// An item of a checklist cannot be ticked like this.
    #[error("`{item}` cannot be ticked: {why}")]
    NotTicked {
        /// Which one.
        item: ItemName,
        /// Why.
        why: String,
    },
    /// The drill does not begin now.
    #[error("drill `{drill}` does not begin: {why}")]
    NotDrilled {
        /// Which one.
        drill: DrillName,
        /// Why not.
        why: DrillRefusal,
    },
    /// The agents are not changed.
    #[error("the agents are not changed: {why}")]
    MembersNotChanged {
        /// Why not.
        why: MemberRefusal,
    },
    /// Not every agent understands it.
    #[error("not while the agents run different versions: {why}")]
    FeatureLevel {
        /// Why not.
        why: LevelRefusal,
    },
    /// The cluster was recovered by one agent, and has not enough of them again.
    #[error(
        "the agents were recovered after the loss of their majority, and are {have} of {need}: add agents first"
    )]
    Rebuilding {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// There is no such execution.
    #[error("no execution `{execution}`")]
    UnknownExecution {
        /// What was asked for.
        execution: String,
    },
    /// The execution is not in a state in which that can be done.
    #[error("execution {execution} {state}: {why}")]
    WrongState {
        /// Which one.
        execution: String,
        /// Its state.
        state: String,
        /// Why that forbids it.
        why: String,
    },
    /// The step is not, or no longer, this agent's to run (R1, R5).
    #[error("step `{step}` of {execution} is not this agent's: {why}")]
    StepNotYours {
        /// Which execution.
        execution: String,
        /// Which step.
        step: StepName,
        /// Why not.
        why: String,
    },
    /// The old region may still hold the write lease (R13).
    #[error("step `{step}` waits: region `{holder}` may still hold the write lease")]
    LeaseNotReleased {
        /// Which step.
        step: StepName,
        /// Who may hold it.
        holder: RegionName,
    },
    /// The lease is not this region's, or cannot be renewed.
    #[error("region `{region}` holds no write lease: {why}")]
    NoLease {
        /// Who asked.
        region: RegionName,
        /// Why.
        why: String,
    },
    /// The log gives the lease to another region, or is moving it there. A writer takes leave (R13).
    #[error("region `{region}` may not hold the write lease: epoch {epoch} gives it to another region")]
    LeaseMoved {
        /// Who asked.
        region: RegionName,
        /// Under which epoch it moved. A writer whose lease has a later one knows better.
        epoch: u64,
    },
    /// The policy cannot be taken.
    #[error("policy refused: {why}")]
    PolicyRefused {
        /// Why.
        why: String,
    },
}

fn join<T: AsRef<str>>(names: &BTreeSet<T>) -> String {
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

impl Refusal {
    /// The guard's name: a metric label and the key by which `explain` and the audit name it.
    #[must_use]
    pub const fn guard(&self) -> &'static str {
        match self {
            Refusal::UnknownService { .. } => "unknown_service",
            Refusal::UnusableRegion { .. } => "unusable_region",
            Refusal::Held { .. } => "hold",
            Refusal::ExecutionInProgress { .. } => "execution_in_progress",
            Refusal::CoolingDown { .. } => "cooldown",
            Refusal::VelocityCap { .. } => "velocity_cap",
            Refusal::ObserveOnly => "observe_only",
            Refusal::NoScenario => "no_scenario",
            Refusal::TooFewVoters { .. } => "too_few_voters",
            Refusal::TooFewRegions { .. } => "too_few_regions",
            Refusal::PolicyMismatch { .. } => "policy_mismatch",
            Refusal::NoFreshData { .. } => "no_fresh_data",
            Refusal::AlreadyRedAtStart { .. } => "already_red_at_start",
            Refusal::EverythingDown { .. } => "everything_down",
            Refusal::RegionHealthy { .. } => "region_healthy",
            Refusal::NotAgreed { .. } => "not_agreed",
            Refusal::TooFewVantages { .. } => "too_few_vantages",
            Refusal::Dissent { .. } => "dissent",
            Refusal::Dwelling { .. } => "dwell",
            Refusal::GivenTime { .. } => "grace",
            Refusal::Flapping { .. } => "flapping",
            Refusal::StandbyNotHealthy { .. } => "standby_not_healthy",
            Refusal::ReplicaLagUnknown { .. } => "replica_lag_unknown",
            Refusal::ReplicaLagTooHigh { .. } => "replica_lag",
            Refusal::ReplicaLagBytesUnknown { .. } => "replica_lag_bytes_unknown",
            Refusal::ReplicaLagBytesTooHigh { .. } => "replica_lag_bytes",
            Refusal::PlanNotReady { .. } => "plan_not_ready",
            Refusal::NoQuorum => "no_quorum",
            Refusal::NotDeclared { .. } => "not_declared",
            Refusal::NotTicked { .. } => "not_ticked",
            Refusal::NotDrilled { .. } => "not_drilled",
            Refusal::MembersNotChanged { .. } => "members_not_changed",
            Refusal::FeatureLevel { .. } => "feature_level",
            Refusal::Rebuilding { .. } => "rebuilding",
            Refusal::UnknownExecution { .. } => "unknown_execution",
            Refusal::WrongState { .. } => "wrong_state",
            Refusal::StepNotYours { .. } => "step_not_yours",
            Refusal::LeaseNotReleased { .. } => "lease_not_released",
            Refusal::NoLease { .. } => "no_lease",
            Refusal::LeaseMoved { .. } => "lease_moved",
            Refusal::PolicyRefused { .. } => "policy_refused",
        }
    }
}

/// What a time counts from that does not count from the first failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The end of this execution, which worked on the service where it is.
    Ended(String),
    /// The last moment at which every region was down.
    EverythingDown,
}

fn since(after: Option<&After>) -> String {
    match after {
        None => String::new(),
        Some(After::Ended(execution)) => format!(" since {execution} ended"),
        Some(After::EverythingDown) => String::from(" since everything was down"),
    }
}
