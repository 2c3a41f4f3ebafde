//! R6: a region is down when a majority of distinct agents, from enough other regions, sees it fail, each with fresh
//! evidence. VTOrc PR #20253 added exactly this; orchestrator never had it.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{TargetName, guard::Trigger};
use std::time::Duration;

/// How long ago the failure behind a counted vote may lie: a verdict stays down until two probes of 2 s succeed (6 s with
/// their timeouts), the report on that may be lost while the last one is fresh (3 s), and travels for up to a second.
const SIGHT_MAX: Duration = Duration::from_secs(12);

pub(super) struct AMajorityHasSeenIt;

impl Rule for AMajorityHasSeenIt {
    fn id(&self) -> &'static str {
        "R6"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { from, trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let none = Count::of(state, execution)?.agreed_down(from).is_empty();
                none.then(|| {
                    format!("{} was decided and no target of {from} was agreed to be down", execution.id)
                })
            }
            Seen::Proposed { agent, state, service, from, evidence, .. } => {
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let truly = |target: &TargetName| {
                    let seen = |agent: &str| {
                        let check = target.check.as_str();
                        let sight = facts.sight(agent, service.as_str(), check, from.as_str());
                        let booted = facts.booted.get(agent).copied().unwrap_or_default();
                        // What it saw before it started again it has forgotten; the vote of the process before it may
                        // still be fresh.
                        let armed =
                            sight.healthy.is_some_and(|at| at >= booted) || booted + SIGHT_MAX >= facts.now;
                        armed && sight.down.is_some_and(|at| at + SIGHT_MAX >= facts.now)
                    };
                    count.down(target).into_iter().all(|agent| seen(agent.as_str()))
                };
                let right = count.agreed_down(from).iter().any(truly);
                (!right).then(|| {
                    format!("{agent} counts votes against {from} of agents that have not seen it fail")
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: too few votes in a decision are seen, also when one agent votes twice. Method: votes taken out of the evidence.
    #[test]
    fn a_decision_without_a_majority() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(AMajorityHasSeenIt.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        execution.evidence.votes.iter_mut().for_each(|vote| vote.agent = crate::agent("noa"));
        assert!(AMajorityHasSeenIt.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: votes of agents that have not seen a region go from well to failing are seen. Method: no probe, only failed
    /// ones since the start, a success before the start, and a success after it.
    #[test]
    fn votes_without_a_failed_probe() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        assert!(proposed(&mut AMajorityHasSeenIt, &facts, &state, &evidence).is_some());
        sights(&mut facts, crate::EAST, true);
        assert!(proposed(&mut AMajorityHasSeenIt, &facts, &state, &evidence).is_some());
        facts.booted.insert("noa".to_owned(), NOW - secs(60));
        facts.sights.values_mut().for_each(|sight| sight.healthy = Some(NOW - secs(90)));
        assert!(proposed(&mut AMajorityHasSeenIt, &facts, &state, &evidence).is_some());
        facts.sights.values_mut().for_each(|sight| sight.healthy = Some(NOW - secs(30)));
        assert_eq!(proposed(&mut AMajorityHasSeenIt, &facts, &state, &evidence), None);
    }
}
