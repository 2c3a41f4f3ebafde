//! The shop: one service in two regions, watched by three agents of which one is a witness elsewhere. Names and
//! builders only.

use quorate_core::{Actor, StepOutcome};
use quorate_policies::{
    AgentName, Millis, Policy, RegionName, ServiceName, StepName, TargetName,
    agreement::{Evidence, LagVote, Vote, lag::replica_name},
    document::read_policy,
    guard::Trigger,
    health::Verdict,
    plan::{Before, before::RecordBefore},
    policy::{Mode, Region, Role},
};
use std::collections::{BTreeMap, BTreeSet};

/// The primary region.
pub(crate) const EAST: &str = "us-east-1";
/// The standby region.
pub(crate) const WEST: &str = "us-west-2";
/// The witness's region; a second standby in the tests that need one.
pub(crate) const NORTH: &str = "eu-west-1";

/// The agent in the primary region.
pub(crate) const EVE: &str = "eve";
/// The agent in the standby region.
pub(crate) const WES: &str = "wes";
/// The witness.
pub(crate) const NOA: &str = "noa";

/// All agents.
pub(crate) const AGENTS: [&str; 3] = [EVE, WES, NOA];

pub(crate) fn agent(name: &str) -> AgentName {
    name.try_into().unwrap()
}

pub(crate) fn region(name: &str) -> RegionName {
    name.try_into().unwrap()
}

pub(crate) fn step(name: &str) -> StepName {
    name.try_into().unwrap()
}

pub(crate) fn shop() -> ServiceName {
    "shop".try_into().unwrap()
}

pub(crate) fn agents(names: &[&str]) -> BTreeSet<AgentName> {
    names.iter().map(|name| agent(name)).collect()
}

/// Three agents in three regions.
pub(crate) fn members() -> BTreeMap<AgentName, RegionName> {
    [(EVE, EAST), (WES, WEST), (NOA, NORTH)].map(|(name, at)| (agent(name), region(at))).into()
}

/// The policy as people would write it.
pub(crate) fn policy() -> Policy {
    read_policy("shop.yaml", include_str!("shop.yaml")).unwrap()
}

/// The shop without a cool-down, so that a story may have two failovers.
pub(crate) fn hasty() -> Policy {
    let mut policy = policy();
    policy.guards.cooldown = Millis::ZERO;
    policy.guards.failovers_max = 1_000;
    policy
}

/// The shop that waits for an operator.
pub(crate) fn with_approval() -> Policy {
    let mut policy = policy();
    policy.scenarios.values_mut().for_each(|scenario| scenario.mode = Mode::Approval);
    policy
}

/// The shop with the witness's region as a second standby.
pub(crate) fn in_three_regions(mut policy: Policy) -> Policy {
    let vars = policy.regions[&region(WEST)].vars.clone();
    policy.regions.insert(region(NORTH), Region { role: Role::Standby, cold: false, vars });
    policy
}

/// What everybody sees of one region.
pub(crate) fn all(at: &str, verdict: Verdict) -> Vec<Vote> {
    let vote = |name: &str| Vote {
        agent: agent(name),
        target: TargetName { check: "api".try_into().unwrap(), region: region(at) },
        verdict,
        armed: true,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
        reason: None,
        failing_for: (verdict == Verdict::Down).then(|| Millis::from_secs(62)),
    };
    AGENTS.map(vote).into()
}

/// The primary region has been down for the dwell, the others are healthy.
pub(crate) fn east_is_down() -> Evidence {
    let votes =
        [all(EAST, Verdict::Down), all(WEST, Verdict::Healthy), all(NORTH, Verdict::Healthy)].concat();
    Evidence {
        votes,
        down_for: Millis::from_secs(60),
        everything_down_ago: None,
        flaps: 1,
        lags: lags(),
        looks: Vec::new(),
        components_down: Default::default(),
    }
}

/// Every region is healthy.
pub(crate) fn all_is_well() -> Evidence {
    let votes = [EAST, WEST, NORTH].map(|at| all(at, Verdict::Healthy)).concat();
    Evidence {
        votes,
        down_for: Millis::ZERO,
        everything_down_ago: None,
        flaps: 0,
        lags: lags(),
        looks: Vec::new(),
        components_down: Default::default(),
    }
}

/// Every replica is a second behind, as everybody read half a minute before the failure.
pub(crate) fn lags() -> Vec<LagVote> {
    let replicas = [(EAST, "shop-east"), (WEST, "shop-west"), (NORTH, "shop-west")];
    let vote = |name: &str, (at, instance): (&str, &str)| LagVote {
        agent: agent(name),
        replica: replica_name(at, instance),
        behind: Millis(1_000),
        measured: Millis::from_secs(90),
        bytes: None,
        confirmed: false,
        age: Millis(300),
        policy_matches: true,
        abstains: false,
    };
    AGENTS.iter().flat_map(|name| replicas.map(|replica| vote(name, replica))).collect()
}

pub(crate) fn olga(reason: &str) -> Actor {
    Actor { name: "olga".to_owned(), reason: reason.to_owned() }
}

pub(crate) fn operator() -> Trigger {
    Trigger::Operator {
        by: "olga".to_owned(),
        reason: "the ticket says so".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    }
}

/// The same, who gives the old region up at once.
pub(crate) fn given_up() -> Trigger {
    Trigger::Operator {
        by: "olga".to_owned(),
        reason: "it is lost".to_owned(),
        accept_data_loss: false,
        ungraceful: true,
    }
}

pub(crate) fn succeeded() -> StepOutcome {
    StepOutcome::Succeeded { detail: "it stands".to_owned() }
}

pub(crate) fn failed() -> StepOutcome {
    StepOutcome::Failed { reason: "not done in time".to_owned() }
}

pub(crate) fn impossible() -> StepOutcome {
    StepOutcome::Impossible { reason: "there is no such instance".to_owned() }
}

pub(crate) fn broken() -> StepOutcome {
    StepOutcome::Broken { reason: "exit code 1".to_owned() }
}

pub(crate) fn unknown() -> StepOutcome {
    StepOutcome::Unknown { reason: "the reply was lost".to_owned() }
}

/// A service had so many tasks, and was to get others.
pub(crate) fn scaled(desired: u32) -> Before {
    let because = "the policy says so".to_owned();
    Before::Scaled { wanted: 4, because, desired, scaling: None }
}

/// A record was an alias of a region's load balancer.
pub(crate) fn repointed(name: &str) -> Before {
    let answer = RecordBefore::Alias { name: name.to_owned(), zone: "Z2".to_owned() };
    Before::Repointed { answer }
}
