//! R21: the standby is known to be able to serve before anything is moved to it. GitHub, 2012: a failover to a cold cache
//! failed too and flipped back; Cloudflare, 2023: the other site had never been tested without the first.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{TargetName, health::Verdict};
use std::time::Duration;

/// How long ago the success behind a counted vote may lie: three probes of 2 s may fail before the verdict changes (9 s with
/// their timeouts), the last report stays fresh for 3 s, and messages take a second.
const SIGHT_MAX: Duration = Duration::from_secs(13);

pub(super) struct TheStandbyServes;

impl Rule for TheStandbyServes {
    fn id(&self) -> &'static str {
        "R21"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            // Operators may not pass this one either.
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { to, .. } = &entry.event else { return None };
                let count = Count::of(state, state.executions.get(entry.execution.as_ref()?)?)?;
                let few = |target: &TargetName| count.who(target, Verdict::Healthy).len() < count.majority();
                let target = count.targets(to).into_iter().find(few)?;
                Some(format!("a move to {to} was decided, and no majority sees {target} healthy"))
            }
            Seen::Proposed { agent, state, service, to, evidence, .. } => {
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let never = |(target, voter): &(TargetName, String)| {
                    let sight = facts.sight(voter, service.as_str(), target.check.as_str(), to.as_str());
                    sight.well.is_none_or(|at| at + SIGHT_MAX < facts.now)
                };
                let voters = count.targets(to).into_iter().flat_map(|target| {
                    let voters: Vec<_> = count.who(&target, Verdict::Healthy).into_iter().cloned().collect();
                    voters.into_iter().map(move |voter| (target.clone(), voter.to_string()))
                });
                let (target, voter) = voters.into_iter().find(never)?;
                Some(format!("{agent} counts {voter} for {target}, which has not seen it healthy lately"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a move to a region that no majority sees healthy is seen. Method: two of three votes are unknown.
    #[test]
    fn a_standby_that_nobody_knows() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(TheStandbyServes.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        let votes = execution.evidence.votes.iter_mut().filter(|vote| vote.agent.as_str() != "noa");
        votes.for_each(|vote| vote.verdict = Verdict::Unknown);
        assert!(TheStandbyServes.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: votes for the standby without a probe that succeeded are seen. Method: with such probes and without.
    #[test]
    fn votes_without_a_sight() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        assert!(proposed(&mut TheStandbyServes, &facts, &state, &evidence).is_some());
        sights(&mut facts, crate::WEST, false);
        assert_eq!(proposed(&mut TheStandbyServes, &facts, &state, &evidence), None);
    }
}
