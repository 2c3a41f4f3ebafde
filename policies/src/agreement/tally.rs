//! Counting votes. `Down` needs enough armed votes, from enough regions other than the one that is down, with no
//! more dissent than allowed (R6, R9). A vote that is stale, of another policy, or of an abstaining agent counts
//! neither way (R7, R29).

use super::{
    count::{Ballot, Count},
    lag::LagVote,
    look::LookVote,
};
use crate::{
    health::{FailureReason, Verdict},
    name::{AgentName, CheckName, ComponentName, RegionName, TargetName},
    policy::{Policy, Priority},
    time::Millis,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One agent's opinion of one target, as the leader holds it when it decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub agent: AgentName,
    /// On what.
    pub target: TargetName,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the agent has seen the target healthy since it started.
    pub armed: bool,
    /// How old the report is, by the receiver's monotonic clock.
    pub age: Millis,
    /// Whether the agent judges by the policy in force.
    pub policy_matches: bool,
    /// Whether the agent abstains (R8).
    pub abstains: bool,
    /// Why the target fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// How long the target has been failing for this agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_for: Option<Millis>,
}

impl Vote {
    /// The same, where it lies.
    #[must_use]
    pub const fn ballot(&self) -> Ballot<'_> {
        let Self { agent, target, verdict, armed, age, policy_matches, abstains, reason, failing_for } = self;
        Ballot {
            agent,
            target,
            verdict: *verdict,
            armed: *armed,
            age: *age,
            policy_matches: *policy_matches,
            abstains: *abstains,
            reason: *reason,
            failing_for: *failing_for,
        }
    }
}

impl From<Ballot<'_>> for Vote {
    fn from(ballot: Ballot<'_>) -> Self {
        let Ballot { agent, target, verdict, armed, age, policy_matches, abstains, reason, failing_for } =
            ballot;
        Self {
            agent: agent.clone(),
            target: target.clone(),
            verdict,
            armed,
            age,
            policy_matches,
            abstains,
            reason,
            failing_for,
        }
    }
}

/// Everything the leader knows about a service's health when it proposes a decision. It goes into the log, and
/// every replica judges it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// All votes, stale ones too, so that a refusal can name them.
    pub votes: Vec<Vote>,
    /// How long the active region has been objectively down, by the leader's monotonic clock.
    pub down_for: Millis,
    /// How long ago every other region was as red as that, if it was in this outage (R10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everything_down_ago: Option<Millis>,
    /// How often the active region's state changed within the policy's window.
    pub flaps: u32,
    /// How far replicas are behind, as each agent could read it; stale readings too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lags: Vec<LagVote>,
    /// What stood in the way of the plans when agents looked at them; stale looks too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub looks: Vec<LookVote>,
    /// For how long each component that a scenario waits for has been objectively down in the active region.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub components_down: BTreeMap<ComponentName, Millis>,
}

/// What the agents agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opinion {
    /// Enough agents see it healthy.
    Healthy,
    /// Objectively down.
    Down,
    /// Neither.
    Unsure,
}

/// The count of one target's votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetTally {
    /// What was counted.
    pub target: TargetName,
    /// Votes needed.
    pub needed: usize,
    /// Armed votes for down.
    pub down: BTreeSet<AgentName>,
    /// Votes for down that do not count, because the agent never saw the target healthy.
    pub unarmed: BTreeSet<AgentName>,
    /// Votes for healthy.
    pub healthy: BTreeSet<AgentName>,
    /// Agents under confirmation.
    pub suspect: BTreeSet<AgentName>,
    /// Configured agents without a fresh, countable verdict.
    pub silent: BTreeSet<AgentName>,
    /// Agents that judge by another policy.
    pub mismatched: BTreeSet<AgentName>,
    /// Regions, other than the target's, from which it is seen down.
    pub vantages: BTreeSet<RegionName>,
    /// What follows.
    pub opinion: Opinion,
}

/// The count of one region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionTally {
    /// The region.
    pub region: RegionName,
    /// Its critical targets.
    pub targets: Vec<TargetTally>,
    /// What follows: down if any critical target is down, healthy if all are.
    pub opinion: Opinion,
}

/// Counts the votes on one region's critical targets.
#[must_use]
pub fn tally_region(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    votes: &[Vote],
) -> RegionTally {
    tally(policy, members, region, critical(policy), votes)
}

/// Counts the votes on one component's targets in a region, critical or not.
#[must_use]
pub fn tally_component(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    component: &ComponentName,
    votes: &[Vote],
) -> RegionTally {
    tally(policy, members, region, checks_of(policy, component), votes)
}

/// What [`tally_region`] would find, without the names.
#[must_use]
pub fn opinion_of_region(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    votes: &[Ballot<'_>],
) -> Opinion {
    opinion(policy, members, region, critical(policy), votes)
}

/// Whether no other region is a way out, because each of them is red as well (R10). One that is built when it is needed has
/// nothing yet that could be.
#[must_use]
pub fn others_red(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    active: &RegionName,
    votes: &[Ballot<'_>],
) -> bool {
    let red = |region: &RegionName| {
        let count = |check| Count::of(&policy.agreement, members, (check, region), votes.iter().copied());
        critical(policy).any(|check| count(check).red())
    };
    let others = policy.regions.iter().filter(|(name, region)| *name != active && !region.cold);
    let answers: Vec<bool> = others.map(|(name, _)| red(name)).collect();
    !answers.is_empty() && !answers.contains(&false)
}

/// What [`tally_component`] would find, without the names.
#[must_use]
pub fn opinion_of_component(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    component: &ComponentName,
    votes: &[Ballot<'_>],
) -> Opinion {
    opinion(policy, members, region, checks_of(policy, component), votes)
}

fn tally<'a>(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    checks: impl Iterator<Item = &'a CheckName>,
    votes: &[Vote],
) -> RegionTally {
    let count = |check| {
        Count::of(&policy.agreement, members, (check, region), votes.iter().map(Vote::ballot)).tally()
    };
    let targets: Vec<TargetTally> = checks.map(count).collect();
    let opinion = region_opinion(targets.iter().map(|target| target.opinion));
    RegionTally { region: region.clone(), targets, opinion }
}

fn opinion<'a>(
    policy: &Policy,
    members: &BTreeMap<AgentName, RegionName>,
    region: &RegionName,
    checks: impl Iterator<Item = &'a CheckName>,
    votes: &[Ballot<'_>],
) -> Opinion {
    let count =
        |check| Count::of(&policy.agreement, members, (check, region), votes.iter().copied()).opinion();
    region_opinion(checks.map(count))
}

fn critical(policy: &Policy) -> impl Iterator<Item = &CheckName> {
    policy.probes.iter().filter(|(_, probe)| is_critical(policy, probe)).map(|(check, _)| check)
}

fn checks_of<'a>(policy: &'a Policy, component: &ComponentName) -> impl Iterator<Item = &'a CheckName> {
    let probes = policy.probes.iter().filter(move |(_, probe)| probe.component.as_ref() == Some(component));
    probes.map(|(check, _)| check)
}

fn is_critical(policy: &Policy, probe: &crate::policy::Probe) -> bool {
    match &probe.component {
        None => true,
        Some(name) => {
            policy.components.get(name).is_none_or(|component| component.priority == Priority::Critical)
        }
    }
}

/// Down if any target is, healthy if all are. No target at all is unsure: nothing was seen.
pub fn region_opinion(targets: impl Iterator<Item = Opinion>) -> Opinion {
    let (mut seen, mut healthy) = (false, true);
    for opinion in targets {
        seen = true;
        match opinion {
            Opinion::Down => return Opinion::Down,
            Opinion::Healthy => {}
            Opinion::Unsure => healthy = false,
        }
    }
    if seen && healthy { Opinion::Healthy } else { Opinion::Unsure }
}
