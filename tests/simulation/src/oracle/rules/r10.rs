//! R10: when everything looks down, suspect yourself: moving would not help. AWS, October 2025: health checks of the load
//! balancers removed good capacity until operators switched automatic failover off.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::guard::Trigger;
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
            Seen::Proposed { agent, service, to, .. } => {
                let since = facts.sick_since(service.as_str(), to.as_str())?;
                let gone = since + NOTICED_AFTER < facts.now;
                gone.then(|| {
                    format!("{agent} wants to move {service} to {to}, which has been sick since {since:?}")
                })
            }
            _ => None,
        }
    }
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
}
