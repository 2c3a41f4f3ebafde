//! The guards, in the order in which they are asked. One pure function serves the leader before it proposes, every
//! replica when it applies, and `quorate explain`: so the safety rules live in one place.

use super::{Refusal, lag::lag, ready::ready};
use crate::{
    agreement::{Evidence, Opinion, RegionTally, tally_region},
    name::{AgentName, PlanName, RegionName},
    policy::{Mode, Policy, Role},
    time::{Millis, Timestamp},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Automatic mode needs three voters (R12): two cannot form a majority without each other.
pub const VOTERS_MIN: usize = 3;
/// ... in three regions (R12): with two, the loss of one can leave no majority.
pub const VOTER_REGIONS_MIN: usize = 3;

/// A replicated, expiring pause (R26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was set.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Hold {
    /// Whether it still holds.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What the log knows about a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// The region that serves.
    pub active: RegionName,
    /// The pause, if there is one.
    pub hold: Option<Hold>,
    /// The running execution's id, if there is one (R2).
    pub running: Option<String>,
    /// When the last execution ended (R3: the cool-down starts at completion).
    pub last_ended: Option<Timestamp>,
    /// When recent executions started, oldest first.
    pub starts: Vec<Timestamp>,
}

/// Who wants to act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "trigger")]
pub enum Trigger {
    /// The agents.
    Automatic,
    /// An operator. Passes what keeps automation from being wrong or too quick: mode, voters, hold, agreement,
    /// flapping, dwell, cool-down, velocity cap (R19) and findings about the plan (R21). Never passes an unusable region, a running execution (R2)
    /// or a standby that is not healthy (R21); the lag gate only where he says so.
    Operator {
        /// Who.
        by: String,
        /// Why.
        reason: String,
        /// Whether an unknown or too high replica lag is accepted, for this one command (R16).
        #[serde(default)]
        accept_data_loss: bool,
    },
}

/// All that the guards look at.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The configured agents and their regions.
    pub members: &'a BTreeMap<AgentName, RegionName>,
    /// What the log knows.
    pub facts: &'a ServiceFacts,
    /// What the agents see.
    pub evidence: &'a Evidence,
    /// The log's clock.
    pub now: Timestamp,
}

/// One guard's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The guard's name.
    pub guard: String,
    /// Why it refuses, if it does.
    pub refusal: Option<Refusal>,
}

/// Whether `to` may be activated now.
///
/// # Errors
/// The first guard that refuses.
pub fn authorize(situation: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Result<(), Refusal> {
    match checks(situation, trigger, to).into_iter().find_map(|(_, refusal)| refusal) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Every guard's answer, in order (R31).
#[must_use]
pub fn explain(situation: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Vec<Check> {
    checks(situation, trigger, to)
        .into_iter()
        .map(|(guard, refusal)| Check { guard: guard.to_owned(), refusal })
        .collect()
}

/// The plan that the policy runs when the active region is down, and in which mode.
#[must_use]
pub fn scenario(policy: &Policy) -> Option<(&PlanName, Mode)> {
    policy.scenarios.values().find(|s| s.when.region == Role::Primary).map(|s| (&s.run, s.mode))
}

fn checks(s: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Vec<(&'static str, Option<Refusal>)> {
    let active = tally_region(s.policy, s.members, &s.facts.active, &s.evidence.votes);
    let standby = tally_region(s.policy, s.members, to, &s.evidence.votes);
    let always = [
        ("unusable_region", usable(s, trigger, to)),
        ("execution_in_progress", in_progress(s)),
        ("standby_not_healthy", standby_healthy(&standby)),
        ("replica_lag", lag(s, trigger, to)),
    ];
    match trigger {
        Trigger::Operator { .. } => always.into(),
        Trigger::Automatic => {
            let [usable, running, way_out, replica_lag] = always;
            // What is wrong with the region comes before what is wrong with the way out of it.
            vec![
                running,
                ("scenario", mode(s.policy)),
                ("too_few_voters", voters(s)),
                ("too_few_regions", voter_regions(s)),
                ("hold", hold(s)),
                ("policy_mismatch", mismatch(s, &active)),
                ("no_fresh_data", fresh(&active)),
                ("region_healthy", healthy(&active)),
                usable,
                ("flapping", flapping(s)),
                ("already_red_at_start", red_at_start(&active)),
                ("agreement", agreement(s, &active)),
                ("everything_down", everything_down(&active, &standby)),
                ("dwell", dwell(s)),
                ("cooldown", cooldown(s)),
                ("velocity_cap", velocity(s)),
                way_out,
                replica_lag,
                ("plan_not_ready", ready(s, to)),
            ]
        }
    }
}

/// Failback is never automatic (R25): once the service has left its primary region, what stands there is stale until
/// an operator has seen to it, however healthy it looks (P9).
fn usable(s: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Option<Refusal> {
    let why = match s.policy.regions.get(to) {
        None => "the policy does not name it",
        Some(_) if *to == s.facts.active => "it is the active one",
        Some(region) if region.role == Role::Primary && *trigger == Trigger::Automatic => {
            "it is the way home, and failback is never automatic: an operator must ask for it"
        }
        Some(_) => return None,
    };
    Some(Refusal::UnusableRegion { region: to.clone(), why: why.to_owned() })
}

fn in_progress(s: &Situation<'_>) -> Option<Refusal> {
    s.facts.running.clone().map(|execution| Refusal::ExecutionInProgress { execution })
}

fn mode(policy: &Policy) -> Option<Refusal> {
    match scenario(policy) {
        None => Some(Refusal::NoScenario),
        Some((_, Mode::Observe)) => Some(Refusal::ObserveOnly),
        Some((_, Mode::Automatic | Mode::Approval)) => None,
    }
}

fn voters(s: &Situation<'_>) -> Option<Refusal> {
    let few = s.members.len() < VOTERS_MIN && !s.policy.unsafe_topology;
    few.then_some(Refusal::TooFewVoters { have: s.members.len(), need: VOTERS_MIN })
}

fn voter_regions(s: &Situation<'_>) -> Option<Refusal> {
    let have = s.members.values().collect::<BTreeSet<_>>().len();
    let few = have < VOTER_REGIONS_MIN && !s.policy.unsafe_topology;
    few.then_some(Refusal::TooFewRegions { have, need: VOTER_REGIONS_MIN })
}

fn hold(s: &Situation<'_>) -> Option<Refusal> {
    let hold = s.facts.hold.as_ref().filter(|hold| hold.active(s.now))?;
    Some(Refusal::Held { by: hold.by.clone(), reason: hold.reason.clone(), until: hold.until })
}

/// A mismatch refuses only where the mismatched votes are missing from a majority (R29): one agent that lags by a
/// moment while a policy is rolled out must not disarm the others.
fn mismatch(s: &Situation<'_>, active: &RegionTally) -> Option<Refusal> {
    let agents: BTreeSet<AgentName> =
        active.targets.iter().flat_map(|t| t.mismatched.iter().cloned()).collect();
    let matching = s.members.len() - agents.len().min(s.members.len());
    let needed = s.policy.agreement.votes.needed(s.members.len());
    (!agents.is_empty() && matching < needed).then_some(Refusal::PolicyMismatch { agents })
}

fn fresh(active: &RegionTally) -> Option<Refusal> {
    active.targets.iter().find_map(|t| {
        let fresh = t.down.len() + t.unarmed.len() + t.healthy.len() + t.suspect.len();
        (fresh < t.needed).then_some(Refusal::NoFreshData { fresh, needed: t.needed })
    })
}

fn healthy(active: &RegionTally) -> Option<Refusal> {
    (active.opinion == Opinion::Healthy).then(|| Refusal::RegionHealthy { region: active.region.clone() })
}

fn flapping(s: &Situation<'_>) -> Option<Refusal> {
    let guards = &s.policy.guards;
    (s.evidence.flaps > guards.flaps_max).then(|| Refusal::Flapping {
        region: s.facts.active.clone(),
        changes: s.evidence.flaps,
        max: guards.flaps_max,
        window: guards.flap_window,
    })
}

/// Only when the unarmed votes are what is missing: a target with enough armed votes is no cold start.
fn red_at_start(active: &RegionTally) -> Option<Refusal> {
    if active.opinion == Opinion::Down {
        return None;
    }
    let red = active
        .targets
        .iter()
        .find(|t| t.down.len() < t.needed && t.down.len() + t.unarmed.len() >= t.needed)?;
    Some(Refusal::AlreadyRedAtStart { agents: red.unarmed.clone() })
}

fn agreement(s: &Situation<'_>, active: &RegionTally) -> Option<Refusal> {
    if active.opinion == Opinion::Down {
        return None;
    }
    let region = active.region.clone();
    let rules = &s.policy.agreement;
    // The target that is nearest to an agreement explains best. Where nothing is probed, nothing is agreed (R7).
    let Some(target) = active.targets.iter().max_by_key(|t| (t.down.len(), t.suspect.len())) else {
        let needed = rules.votes.needed(s.members.len());
        return Some(Refusal::NotAgreed { region, down: BTreeSet::new(), needed });
    };
    Some(if target.down.len() < target.needed {
        Refusal::NotAgreed { region, down: target.down.clone(), needed: target.needed }
    } else if target.vantages.len() < rules.min_vantages as usize {
        Refusal::TooFewVantages { region, have: target.vantages.clone(), needed: rules.min_vantages }
    } else {
        Refusal::Dissent { region, agents: target.healthy.clone() }
    })
}

/// R10: with every region red the cause is shared, or our own.
fn everything_down(active: &RegionTally, standby: &RegionTally) -> Option<Refusal> {
    let both = active.opinion == Opinion::Down && seen_red(standby);
    both.then(|| Refusal::EverythingDown { regions: [active.region.clone(), standby.region.clone()].into() })
}

/// The standby is red for `everything_down` also when its votes are unarmed: what was never healthy is no way out.
fn seen_red(tally: &RegionTally) -> bool {
    tally.targets.iter().any(|t| t.down.len() + t.unarmed.len() >= t.needed)
}

fn dwell(s: &Situation<'_>) -> Option<Refusal> {
    let dwell = s.policy.agreement.dwell;
    (s.evidence.down_for < dwell).then(|| Refusal::Dwelling {
        region: s.facts.active.clone(),
        down_for: s.evidence.down_for,
        dwell,
    })
}

fn cooldown(s: &Situation<'_>) -> Option<Refusal> {
    let cooldown = s.policy.guards.cooldown;
    let passed = s.now.since(s.facts.last_ended?);
    (passed < cooldown).then(|| Refusal::CoolingDown { remaining: Millis(cooldown.0 - passed.0), cooldown })
}

fn velocity(s: &Situation<'_>) -> Option<Refusal> {
    let guards = &s.policy.guards;
    let recent = s.facts.starts.iter().filter(|start| s.now.since(**start) < guards.velocity_window).count();
    let count = u32::try_from(recent).unwrap_or(u32::MAX);
    (count >= guards.failovers_max).then_some(Refusal::VelocityCap {
        count,
        max: guards.failovers_max,
        window: guards.velocity_window,
    })
}

fn standby_healthy(standby: &RegionTally) -> Option<Refusal> {
    (standby.opinion != Opinion::Healthy)
        .then(|| Refusal::StandbyNotHealthy { region: standby.region.clone(), opinion: standby.opinion })
}
