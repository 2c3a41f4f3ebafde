//! R27: every agent observes every target, all the time. VTOrc #20022: a filter hid the primary, and each cell's agent
//! promoted its own replica.

use super::{Facts, Rule, Seen};
use std::time::Duration;

/// An agent that has just started or been told of a policy may not have probed everything yet.
const SETTLED_AFTER: Duration = Duration::from_secs(15);
/// What a probe may be late by, beyond its interval and its timeout: the schedule's turns, a slow clock, and looks.
const LATE_MAX: Duration = Duration::from_secs(4);

pub(super) struct EverybodyLooksEverywhere;

impl Rule for EverybodyLooksEverywhere {
    fn id(&self) -> &'static str {
        "R27"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Second = seen else { return None };
        let settled = |since: &Duration| *since + SETTLED_AFTER <= facts.now;
        for (agent, _) in facts.links.awake().filter(|(_, since)| settled(since)) {
            for (name, service) in &facts.state.services {
                let known = facts.judges.get(&(agent, name.to_string()));
                if !known.is_some_and(|(hash, since)| *hash == service.policy_hash && settled(since)) {
                    continue;
                }
                for (check, probe) in &service.policy.probes {
                    let late = probe.interval.duration() + probe.timeout.duration() + LATE_MAX;
                    let blind = |region: &&quorate_policies::RegionName| {
                        let sight = facts.sight(agent, name.as_str(), check.as_str(), region.as_str());
                        sight.latest + late < facts.now
                    };
                    if let Some(region) = service.policy.regions.keys().find(blind) {
                        return Some(format!("{agent} does not look at {check} of {name} in {region}"));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: an agent that leaves a target out is seen. Method: all targets are probed; then one sight grows old.
    #[test]
    fn a_target_that_is_left_out() {
        let state = formed();
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        let hash = state.services.values().next().unwrap().policy_hash.clone();
        for agent in ["eve", "wes", "noa"] {
            facts.judges.insert((agent, crate::SHOP.to_owned()), (hash.clone(), secs(1)));
        }
        sights(&mut facts, crate::EAST, false);
        sights(&mut facts, crate::WEST, false);
        assert_eq!(EverybodyLooksEverywhere.see(&facts, &Seen::Second), None);
        facts.sights.values_mut().next().unwrap().latest = NOW - secs(30);
        assert!(EverybodyLooksEverywhere.see(&facts, &Seen::Second).is_some());
    }
}
