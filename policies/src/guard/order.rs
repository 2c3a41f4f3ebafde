//! The guards, in the order in which they are asked. One pure function serves the leader before it proposes, every
//! replica when it applies, and `quorate explain`: so the safety rules live in one place.

use super::{Check, Refusal, Situation, Trigger, lag::lag, questions::*, ready::ready};
use crate::{
    agreement::{RegionTally, tally_region},
    name::RegionName,
};
use std::cell::LazyCell;

/// Whether `to` may be activated now.
///
/// # Errors
/// The first guard that refuses.
pub fn authorize(situation: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Result<(), Refusal> {
    let asked = Asked::new(situation, trigger, to);
    match guards(trigger).iter().find_map(|guard| asked.ask(*guard)) {
        Some(refusal) => Err(refusal),
        None => Ok(()),
    }
}

/// Every guard's answer, in order (R31).
#[must_use]
pub fn explain(situation: &Situation<'_>, trigger: &Trigger, to: &RegionName) -> Vec<Check> {
    let asked = Asked::new(situation, trigger, to);
    let check = |guard: &Guard| Check { guard: guard.word().to_owned(), refusal: asked.ask(*guard) };
    guards(trigger).iter().map(check).collect()
}

/// One question. They are asked one after another, and the first that refuses ends it: an agent asks them ten times a
/// second, and a healthy region answers at the eighth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    Running,
    Scenario,
    Voters,
    VoterRegions,
    Hold,
    PolicyMismatch,
    FreshData,
    RegionHealthy,
    UsableRegion,
    Flapping,
    RedAtStart,
    Agreement,
    EverythingDown,
    Dwell,
    Cooldown,
    Velocity,
    StandbyHealthy,
    ReplicaLag,
    PlanReady,
}

/// What an operator's word never passes, in the order in which it is asked.
const ALWAYS: &[Guard] = &[Guard::UsableRegion, Guard::Running, Guard::StandbyHealthy, Guard::ReplicaLag];
/// What automation is asked. What is wrong with the region comes before what is wrong with the way out of it.
const AUTOMATIC: &[Guard] = &[
    Guard::Running,
    Guard::Scenario,
    Guard::Voters,
    Guard::VoterRegions,
    Guard::Hold,
    Guard::PolicyMismatch,
    Guard::FreshData,
    Guard::RegionHealthy,
    Guard::UsableRegion,
    Guard::Flapping,
    Guard::RedAtStart,
    Guard::Agreement,
    Guard::EverythingDown,
    Guard::Dwell,
    Guard::Cooldown,
    Guard::Velocity,
    Guard::StandbyHealthy,
    Guard::ReplicaLag,
    Guard::PlanReady,
];

const fn guards(trigger: &Trigger) -> &'static [Guard] {
    match trigger {
        Trigger::Operator { .. } => ALWAYS,
        Trigger::Automatic => AUTOMATIC,
    }
}

impl Guard {
    const fn word(self) -> &'static str {
        match self {
            Guard::Running => "execution_in_progress",
            Guard::Scenario => "scenario",
            Guard::Voters => "too_few_voters",
            Guard::VoterRegions => "too_few_regions",
            Guard::Hold => "hold",
            Guard::PolicyMismatch => "policy_mismatch",
            Guard::FreshData => "no_fresh_data",
            Guard::RegionHealthy => "region_healthy",
            Guard::UsableRegion => "unusable_region",
            Guard::Flapping => "flapping",
            Guard::RedAtStart => "already_red_at_start",
            Guard::Agreement => "agreement",
            Guard::EverythingDown => "everything_down",
            Guard::Dwell => "dwell",
            Guard::Cooldown => "cooldown",
            Guard::Velocity => "velocity_cap",
            Guard::StandbyHealthy => "standby_not_healthy",
            Guard::ReplicaLag => "replica_lag",
            Guard::PlanReady => "plan_not_ready",
        }
    }
}

/// A situation and a wish, and the votes on both regions, counted when the first guard needs them.
struct Asked<'a> {
    s: &'a Situation<'a>,
    trigger: &'a Trigger,
    to: &'a RegionName,
    active: LazyCell<RegionTally, Box<dyn FnOnce() -> RegionTally + 'a>>,
    standby: LazyCell<RegionTally, Box<dyn FnOnce() -> RegionTally + 'a>>,
}

impl<'a> Asked<'a> {
    fn new(s: &'a Situation<'a>, trigger: &'a Trigger, to: &'a RegionName) -> Self {
        let count = |region: &'a RegionName| -> Box<dyn FnOnce() -> RegionTally + 'a> {
            Box::new(move || tally_region(s.policy, s.members, region, &s.evidence.votes))
        };
        let (active, standby) = (LazyCell::new(count(&s.facts.active)), LazyCell::new(count(to)));
        Self { s, trigger, to, active, standby }
    }

    fn ask(&self, guard: Guard) -> Option<Refusal> {
        let s = self.s;
        match guard {
            Guard::Running => in_progress(s),
            Guard::Scenario => mode(s.policy),
            Guard::Voters => voters(s),
            Guard::VoterRegions => voter_regions(s),
            Guard::Hold => hold(s),
            Guard::PolicyMismatch => mismatch(s, &self.active),
            Guard::FreshData => fresh(&self.active),
            Guard::RegionHealthy => healthy(&self.active),
            Guard::UsableRegion => usable(s, self.trigger, self.to),
            Guard::Flapping => flapping(s),
            Guard::RedAtStart => red_at_start(&self.active),
            Guard::Agreement => agreement(s, &self.active),
            Guard::EverythingDown => everything_down(s, &self.active, &self.standby),
            Guard::Dwell => dwell(s),
            Guard::Cooldown => cooldown(s),
            Guard::Velocity => velocity(s),
            Guard::StandbyHealthy => standby_healthy(s, &self.standby),
            Guard::ReplicaLag => lag(s, self.trigger, self.to),
            Guard::PlanReady => ready(s, self.to),
        }
    }
}
