//! R10: when everything looks down, suspect yourself: moving would not help, and what comes back first is not the way out. AWS,
//! October 2025: health checks of the load balancers removed good capacity until operators switched automatic failover off.

use super::{Facts, Rule, Seen, r20};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{AgentName, RegionName, TargetName, guard::Trigger};
use std::time::Duration;

/// After so long everybody must have noticed that a region is sick: three probes of 2 s with their timeouts, a report that
/// is lost and one that is not, and a proposal's way.
const NOTICED_AFTER: Duration = Duration::from_secs(15);

pub(super) struct NotWhenAllIsDown;

impl Rule for NotWhenAllIsDown {
    fn id(&self) -> &'static str {
        "R10"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { to, trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let count = Count::of(state, state.executions.get(entry.execution.as_ref()?)?)?;
                let down = !count.agreed_down(to).is_empty();
                down.then(|| format!("a move to {to} was decided, which is agreed to be down as well"))
            }
            Seen::Proposed { agent, state, service, from, to, evidence } => {
                let sick = facts.sick_since(service.as_str(), to.as_str());
                if let Some(since) = sick.filter(|since| *since + NOTICED_AFTER < facts.now) {
                    let told = format!("which has been sick since {since:?}");
                    return Some(format!("{agent} wants to move {service} to {to}, {told}"));
                }
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let end = all_saw_both_down(facts, &count, service.as_str(), [from, to])?;
                let early = facts.now < end + r20::least(policy.agreement.dwell.duration());
                early.then(|| {
                    format!("{agent} leaves {from} for {to}, and all agents saw both down until {end:?}")
                })
            }
            _ => None,
        }
    }
}

/// Until when every agent had reason to call both regions down, for so long that whatever each had heard of the others said so.
fn all_saw_both_down(
    facts: &Facts,
    count: &Count<'_>,
    service: &str,
    regions: [&RegionName; 2],
) -> Option<Duration> {
    let heard = count.policy.agreement.freshness.duration() + r20::TRAVEL_MAX;
    let of = |agent: &AgentName, region: &RegionName| {
        let downs = |target: TargetName| {
            facts.sight(agent.as_str(), service, target.check.as_str(), region.as_str()).downs.clone()
        };
        count.targets(region).into_iter().flat_map(downs).collect::<Vec<_>>()
    };
    let everybody = count.members.keys().flat_map(|agent| regions.map(|region| of(agent, region)));
    let together = everybody.reduce(|one, other| {
        let shared = |(b, e): &(Duration, Duration)| {
            let both = other.iter().map(|(from, until)| (*b.max(from), *e.min(until)));
            both.filter(|(from, until)| from < until).collect::<Vec<_>>()
        };
        one.iter().flat_map(shared).collect()
    });
    together?.into_iter().filter(|(from, until)| *from + heard <= *until).map(|(_, until)| until).max()
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a move to a region that is down too is seen. Method: the votes on the standby are turned.
    #[test]
    fn both_regions_are_down() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(NotWhenAllIsDown.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        execution
            .evidence
            .votes
            .iter_mut()
            .for_each(|vote| vote.verdict = quorate_policies::health::Verdict::Down);
        assert!(NotWhenAllIsDown.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: the same in truth. Method: the standby has been sick for a second, and for a minute.
    #[test]
    fn the_standby_is_really_sick() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        facts.condition(NOW - secs(1), crate::SHOP, crate::WEST, true);
        assert_eq!(proposed(&mut NotWhenAllIsDown, &facts, &state, &evidence), None);
        facts.sick.values_mut().for_each(|spans| spans[0].0 = NOW - secs(60));
        assert!(proposed(&mut NotWhenAllIsDown, &facts, &state, &evidence).is_some());
    }

    /// Goal: a region left for the first that came back is seen. Method: all agents saw both down for half a minute, until a
    /// second ago, and until longer ago than the dwell; one agent saw the standby well all the time; it was for a moment.
    #[test]
    fn the_standby_has_just_come_back() {
        let (state, evidence) = (formed(), evidence());
        let dwell = state.services[&crate::service(crate::SHOP)].policy.agreement.dwell.duration();
        let check = |begin: Duration, end: Duration, but: Option<&str>| {
            let mut facts = facts(&state);
            sights(&mut facts, crate::EAST, true);
            sights(&mut facts, crate::WEST, true);
            for ((agent, _, _, region), sight) in &mut facts.sights {
                let standby = region == crate::WEST;
                sight.downs = vec![(begin, if standby { end } else { NOW })];
                if standby && Some(agent.as_str()) == but {
                    sight.downs.clear();
                }
            }
            proposed(&mut NotWhenAllIsDown, &facts, &state, &evidence)
        };
        let just = NOW - secs(1);
        assert!(check(NOW - secs(30), just, None).is_some());
        assert_eq!(check(NOW - secs(40), NOW - dwell - secs(1), None), None);
        assert_eq!(check(NOW - secs(30), just, Some("noa")), None);
        assert_eq!(check(just - secs(1), just, None), None);
    }
}
