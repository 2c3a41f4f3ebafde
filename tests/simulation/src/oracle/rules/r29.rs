//! R29: agents that judge by another policy have no vote. Sentinel #12271: two that began with different primaries never
//! reconciled. That another member list is refused at the start is tried by the fault F25.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::TargetName;
use std::time::Duration;

/// How long after an agent went over to another policy a vote under its old one may count: a report is fresh for 3 s.
const CHANGED_MAX: Duration = Duration::from_secs(6);

pub(super) struct OnePolicy;

impl Rule for OnePolicy {
    fn id(&self) -> &'static str {
        "R29"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { .. } = &entry.event else { return None };
                let execution = state.executions.get(entry.execution.as_ref()?)?;
                let known = &state.services.get(&execution.service)?.policy_hash;
                let other = execution.policy_hash != *known;
                other.then(|| format!("{} was decided by another policy than the one in force", execution.id))
            }
            Seen::Proposed { agent: leader, state, service, from, evidence, .. } => {
                let known = state.services.get(*service)?;
                let count = Count { policy: &known.policy, members: &state.members, evidence };
                let hash_of = |voter: &str| {
                    let mut judges = facts.judges.iter();
                    let found = judges.find(|((a, s), _)| *a == voter && s == service.as_str());
                    found.map(|(_, known)| known)
                };
                let (own, _) = hash_of(leader)?;
                let differs = |voter: &str| {
                    hash_of(voter)
                        .is_some_and(|(hash, since)| hash != own && *since + CHANGED_MAX < facts.now)
                };
                let all_same =
                    |target: &TargetName| count.down(target).iter().all(|voter| !differs(voter.as_str()));
                let targets = count.agreed_down(from);
                let wrong = !targets.is_empty() && !targets.iter().any(all_same);
                wrong.then(|| format!("{leader} counts votes that were cast under another policy"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision by another policy is seen. Method: the hash in the execution is changed.
    #[test]
    fn a_decision_by_another_policy() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(OnePolicy.see(&facts, &Seen::Audit(&entry, &state)), None);
        state.executions.values_mut().for_each(|execution| execution.policy_hash = "other".to_owned());
        assert!(OnePolicy.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: a counted vote of an agent that holds another policy is seen. Method: one agent's policy differs.
    #[test]
    fn a_vote_under_another_policy() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        for agent in ["eve", "wes", "noa"] {
            facts.judges.insert((agent, crate::SHOP.to_owned()), ("one".to_owned(), secs(1)));
        }
        assert_eq!(proposed(&mut OnePolicy, &facts, &state, &evidence), None);
        facts.judges.insert(("eve", crate::SHOP.to_owned()), ("two".to_owned(), secs(1)));
        assert!(proposed(&mut OnePolicy, &facts, &state, &evidence).is_some());
    }
}
