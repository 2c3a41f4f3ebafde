//! Counting votes. `Down` needs enough armed votes, from enough regions other than the one that is down, with no
//! more dissent than allowed (R6, R9). A vote that is stale, of another policy, or of an abstaining agent counts
//! neither way (R7, R29).

use super::{lag::LagVote, look::LookVote};
use crate::{
    health::{FailureReason, Verdict},
    name::{AgentName, ComponentName, RegionName, TargetName},
    policy::{AgreementRules, Policy, Priority},
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

/// Everything the leader knows about a service's health when it proposes a decision. It goes into the log, and
/// every replica judges it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// All votes, stale ones too, so that a refusal can name them.
    pub votes: Vec<Vote>,
    /// How long the active region has been objectively down, by the leader's monotonic clock.
    pub down_for: Millis,
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
    let targets: Vec<TargetTally> = policy
        .probes
        .iter()
        .filter(|(_, probe)| is_critical(policy, probe))
        .map(|(check, _)| TargetName { check: check.clone(), region: region.clone() })
        .map(|target| tally_target(&policy.agreement, members, target, votes))
        .collect();
    let opinion = region_opinion(targets.iter().map(|target| target.opinion));
    RegionTally { region: region.clone(), targets, opinion }
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
    let probes = policy.probes.iter().filter(|(_, probe)| probe.component.as_ref() == Some(component));
    let targets: Vec<TargetTally> = probes
        .map(|(check, _)| TargetName { check: check.clone(), region: region.clone() })
        .map(|target| tally_target(&policy.agreement, members, target, votes))
        .collect();
    let opinion = region_opinion(targets.iter().map(|target| target.opinion));
    RegionTally { region: region.clone(), targets, opinion }
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

fn tally_target(
    rules: &AgreementRules,
    members: &BTreeMap<AgentName, RegionName>,
    target: TargetName,
    votes: &[Vote],
) -> TargetTally {
    let mut tally = TargetTally {
        needed: rules.votes.needed(members.len()),
        down: BTreeSet::new(),
        unarmed: BTreeSet::new(),
        healthy: BTreeSet::new(),
        suspect: BTreeSet::new(),
        silent: BTreeSet::new(),
        mismatched: BTreeSet::new(),
        vantages: BTreeSet::new(),
        opinion: Opinion::Unsure,
        target,
    };
    for vote in votes.iter().filter(|vote| vote.target == tally.target) {
        let Some(vantage) = members.get(&vote.agent) else { continue };
        if vote.age > rules.freshness || vote.abstains {
            continue;
        }
        if !vote.policy_matches {
            tally.mismatched.insert(vote.agent.clone());
            continue;
        }
        let voters = match (vote.verdict, vote.armed) {
            (Verdict::Unknown, _) => continue,
            (Verdict::Healthy, _) => &mut tally.healthy,
            (Verdict::Suspect, _) => &mut tally.suspect,
            (Verdict::Down, true) => {
                if *vantage != tally.target.region {
                    tally.vantages.insert(vantage.clone());
                }
                &mut tally.down
            }
            (Verdict::Down, false) => &mut tally.unarmed,
        };
        // A set, so that an agent that appears twice in the evidence still has one vote (R6).
        voters.insert(vote.agent.clone());
    }
    let counted = [&tally.down, &tally.unarmed, &tally.healthy, &tally.suspect];
    let silent = members.keys().filter(|agent| !counted.iter().any(|set| set.contains(*agent)));
    tally.silent = silent.cloned().collect();
    tally.opinion = opinion(rules, &tally);
    tally
}

fn opinion(rules: &AgreementRules, tally: &TargetTally) -> Opinion {
    let enough = tally.down.len() >= tally.needed && tally.vantages.len() >= rules.min_vantages as usize;
    if enough && tally.healthy.len() <= rules.dissent_max as usize {
        Opinion::Down
    } else if tally.healthy.len() >= tally.needed {
        Opinion::Healthy
    } else {
        Opinion::Unsure
    }
}
