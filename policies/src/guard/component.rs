//! Whether agents may begin the plan of a component that is down: the questions of a failover that make sense where the service stays.
//! The region's own loss comes first, and whatever restarts things by itself gets its time before anybody helps.

use super::{Refusal, Situation, questions::*, situation::region_lost};
use crate::{
    agreement::{Opinion, RegionTally, tally_component, tally_region},
    name::{ComponentName, PlanName},
    policy::{Mode, Policy, Scenario},
    time::Millis,
};

/// The scenarios that wait for a component to be down.
pub fn component_scenarios(policy: &Policy) -> impl Iterator<Item = (&PlanName, &Scenario, &ComponentName)> {
    policy
        .scenarios
        .iter()
        .filter_map(|(name, scenario)| Some((name, scenario, scenario.when.as_ref()?.component.as_ref()?)))
}

/// The votes on a component where the service is.
#[must_use]
pub fn component_tally(s: &Situation<'_>, component: &ComponentName) -> RegionTally {
    tally_component(s.policy, s.members, &s.facts.active, component, &s.evidence.votes)
}

/// Whether the plan of a scenario that waits for a component may begin now. The facts are those of the scenario: its own
/// executions count for the cool-down and the cap.
///
/// # Errors
/// The first guard that refuses.
pub fn authorize_component(s: &Situation<'_>, name: &PlanName) -> Result<(), Refusal> {
    let waits = component_scenarios(s.policy).find(|(other, _, _)| *other == name);
    let Some((_, scenario, component)) = waits else {
        let why = "no component's loss begins it: an operator must declare it".to_owned();
        return Err(Refusal::NotDeclared { scenario: name.clone(), why });
    };
    let here = component_tally(s, component);
    let observes = matches!(scenario.mode, Mode::Observe | Mode::Manual);
    let refusal = in_progress(s)
        .or_else(|| voters(s))
        .or_else(|| voter_regions(s))
        .or_else(|| hold(s))
        .or_else(|| mismatch(s, &here))
        .or_else(|| fresh(&here))
        .or_else(|| region_is_down(s, name))
        .or_else(|| healthy(&here))
        .or_else(|| red_at_start(&here))
        .or_else(|| agreement(s, &here))
        .or_else(|| down_everywhere(s, component, &here))
        .or_else(|| grace(s, scenario, component))
        .or_else(|| cooldown(s))
        .or_else(|| velocity(s))
        .or_else(|| observes.then_some(Refusal::ObserveOnly));
    refusal.map_or(Ok(()), Err)
}

/// A region that is down takes its components with it, and is left by another plan, if there is one.
fn region_is_down(s: &Situation<'_>, name: &PlanName) -> Option<Refusal> {
    region_lost(s.policy)?;
    let region = tally_region(s.policy, s.members, &s.facts.active, &s.evidence.votes);
    (region.opinion == Opinion::Down).then(|| {
        let why = format!("the whole region `{}` is down", s.facts.active);
        Refusal::NotDeclared { scenario: name.clone(), why }
    })
}

/// R10: down in every region, its cause is shared, or our own.
fn down_everywhere(s: &Situation<'_>, component: &ComponentName, here: &RegionTally) -> Option<Refusal> {
    let others: Vec<RegionTally> = s
        .policy
        .regions
        .iter()
        .filter(|(name, region)| **name != s.facts.active && !region.cold)
        .map(|(name, _)| tally_component(s.policy, s.members, name, component, &s.evidence.votes))
        .collect();
    let refusals: Option<Vec<Refusal>> = others.iter().map(|other| everything_down(s, here, other)).collect();
    refusals?.into_iter().next()
}

/// R20, and the time in which an orchestrator may put it right by itself.
fn grace(s: &Situation<'_>, scenario: &Scenario, component: &ComponentName) -> Option<Refusal> {
    let grace = scenario.grace.max(s.policy.agreement.dwell);
    let seen = s.evidence.components_down.get(component).copied().unwrap_or(Millis::ZERO);
    let (down_for, after) = of_itself(s, seen);
    (down_for < grace).then(|| Refusal::GivenTime {
        component: component.clone(),
        region: s.facts.active.clone(),
        down_for,
        after,
        grace,
    })
}
