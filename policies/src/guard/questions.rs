//! What each guard asks. A question answers with its refusal, or with nothing; none of them knows of the others.

use super::{
    After, Refusal, Situation, Trigger,
    situation::{Ended, region_lost, scenario},
};
use crate::{
    agreement::{Opinion, RegionTally},
    name::{AgentName, RegionName},
    policy::{Mode, Policy, Role},
    time::Millis,
};
use std::collections::BTreeSet;

/// Automatic mode needs three voters (R12): two cannot form a majority without each other.
const VOTERS_MIN: usize = 3;
/// ... in three regions (R12): with two, the loss of one can leave no majority.
const VOTER_REGIONS_MIN: usize = 3;

/// Failback is never automatic (R25): once the service has left its primary region, what stands there is stale until
/// an operator has seen to it, however healthy it looks (P9).
pub(super) fn usable(s: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Option<Refusal> {
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

pub(super) fn in_progress(s: &Situation<'_>) -> Option<Refusal> {
    s.facts.running.clone().map(|execution| Refusal::ExecutionInProgress { execution })
}

pub(super) fn mode(policy: &Policy) -> Option<Refusal> {
    match scenario(policy) {
        None => Some(Refusal::NoScenario),
        Some((_, Mode::Observe | Mode::Manual)) => Some(Refusal::ObserveOnly),
        Some((_, Mode::Automatic | Mode::Approval)) => None,
    }
}

pub(super) fn voters(s: &Situation<'_>) -> Option<Refusal> {
    let few = s.members.len() < VOTERS_MIN && !s.policy.unsafe_topology;
    few.then_some(Refusal::TooFewVoters { have: s.members.len(), need: VOTERS_MIN })
}

pub(super) fn voter_regions(s: &Situation<'_>) -> Option<Refusal> {
    let have = s.members.values().collect::<BTreeSet<_>>().len();
    let few = have < VOTER_REGIONS_MIN && !s.policy.unsafe_topology;
    few.then_some(Refusal::TooFewRegions { have, need: VOTER_REGIONS_MIN })
}

pub(super) fn hold(s: &Situation<'_>) -> Option<Refusal> {
    let hold = s.facts.hold.as_ref().filter(|hold| hold.active(s.now))?;
    Some(Refusal::Held { by: hold.by.clone(), reason: hold.reason.clone(), until: hold.until })
}

/// A mismatch refuses only where the mismatched votes are missing from a majority (R29): one agent that lags by a
/// moment while a policy is rolled out must not disarm the others.
pub(super) fn mismatch(s: &Situation<'_>, active: &RegionTally) -> Option<Refusal> {
    let agents: BTreeSet<AgentName> =
        active.targets.iter().flat_map(|t| t.mismatched.iter().cloned()).collect();
    let matching = s.members.len() - agents.len().min(s.members.len());
    let needed = s.policy.agreement.votes.needed(s.members.len());
    (!agents.is_empty() && matching < needed).then_some(Refusal::PolicyMismatch { agents })
}

pub(super) fn fresh(active: &RegionTally) -> Option<Refusal> {
    active.targets.iter().find_map(|t| {
        let fresh = t.down.len() + t.unarmed.len() + t.healthy.len() + t.suspect.len();
        (fresh < t.needed).then_some(Refusal::NoFreshData { fresh, needed: t.needed })
    })
}

pub(super) fn healthy(active: &RegionTally) -> Option<Refusal> {
    (active.opinion == Opinion::Healthy).then(|| Refusal::RegionHealthy { region: active.region.clone() })
}

pub(super) fn flapping(s: &Situation<'_>) -> Option<Refusal> {
    let guards = &s.policy.guards;
    (s.evidence.flaps > guards.flaps_max).then(|| Refusal::Flapping {
        region: s.facts.active.clone(),
        changes: s.evidence.flaps,
        max: guards.flaps_max,
        window: guards.flap_window,
    })
}

/// Only when the unarmed votes are what is missing: a target with enough armed votes is no cold start.
pub(super) fn red_at_start(active: &RegionTally) -> Option<Refusal> {
    if active.opinion == Opinion::Down {
        return None;
    }
    let red = active
        .targets
        .iter()
        .find(|t| t.down.len() < t.needed && t.down.len() + t.unarmed.len() >= t.needed)?;
    Some(Refusal::AlreadyRedAtStart { agents: red.unarmed.clone() })
}

pub(super) fn agreement(s: &Situation<'_>, active: &RegionTally) -> Option<Refusal> {
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
pub(super) fn everything_down(
    s: &Situation<'_>,
    active: &RegionTally,
    standby: &RegionTally,
) -> Option<Refusal> {
    let both = active.opinion == Opinion::Down && seen_red(standby) && !cold(s, &standby.region);
    both.then(|| Refusal::EverythingDown { regions: [active.region.clone(), standby.region.clone()].into() })
}

/// The standby is red for `everything_down` also when its votes are unarmed: what was never healthy is no way out.
fn seen_red(tally: &RegionTally) -> bool {
    tally.targets.iter().any(|t| t.down.len() + t.unarmed.len() >= t.needed)
}

pub(super) fn dwell(s: &Situation<'_>) -> Option<Refusal> {
    let grace = region_lost(s.policy).map_or(Millis::ZERO, |scenario| scenario.grace);
    let dwell = s.policy.agreement.dwell.max(grace);
    let (down_for, after) = of_itself(s, s.evidence.down_for);
    (down_for < dwell).then(|| Refusal::Dwelling { region: s.facts.active.clone(), down_for, after, dwell })
}

/// For how long something has been down by itself, of the time it was seen down, and what was before. A plan that works on the
/// service where it is takes down what it restores; and what took every region down will not let go of all at one moment (R10).
pub(super) fn of_itself(s: &Situation<'_>, seen: Millis) -> (Millis, Option<After>) {
    let since_end = |ended: &Ended| (s.now.since(ended.at), After::Ended(ended.execution.clone()));
    let ended = s.facts.in_place.as_ref().map(since_end);
    let together = s.evidence.everything_down_ago.map(|ago| (ago, After::EverythingDown));
    let shorter = ended.into_iter().chain(together).filter(|(passed, _)| *passed < seen);
    let shortest = shorter.min_by_key(|(passed, _)| *passed);
    shortest.map_or((seen, None), |(passed, after)| (passed, Some(after)))
}

pub(super) fn cooldown(s: &Situation<'_>) -> Option<Refusal> {
    let cooldown = s.policy.guards.cooldown;
    let passed = s.now.since(s.facts.last_ended?);
    (passed < cooldown).then(|| Refusal::CoolingDown { remaining: Millis(cooldown.0 - passed.0), cooldown })
}

pub(super) fn velocity(s: &Situation<'_>) -> Option<Refusal> {
    let guards = &s.policy.guards;
    let recent = s.facts.starts.iter().filter(|start| s.now.since(**start) < guards.velocity_window).count();
    let count = u32::try_from(recent).unwrap_or(u32::MAX);
    (count >= guards.failovers_max).then_some(Refusal::VelocityCap {
        count,
        max: guards.failovers_max,
        window: guards.velocity_window,
    })
}

/// Nothing runs there until the plan builds it, so its probes say nothing; a person has asked, or approves (checked with the
/// policy).
fn cold(s: &Situation<'_>, region: &RegionName) -> bool {
    let alone = matches!(scenario(s.policy), Some((_, Mode::Automatic)));
    s.policy.regions.get(region).is_some_and(|region| region.cold) && !alone
}

pub(super) fn standby_healthy(s: &Situation<'_>, standby: &RegionTally) -> Option<Refusal> {
    (standby.opinion != Opinion::Healthy && !cold(s, &standby.region))
        .then(|| Refusal::StandbyNotHealthy { region: standby.region.clone(), opinion: standby.opinion })
}
