//! R9: an agent that can be trusted and sees the region healthy vetoes. repmgr #821: a standby was promoted although the
//! witness had seen the primary one second earlier.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_core::AuditEvent;
use quorate_policies::{AgentName, TargetName, guard::Trigger, health::Verdict};
use std::time::Duration;

/// A probe that is so young is a present sight: the interval (2 s), the timeout, and a look.
const PRESENT: Duration = Duration::from_secs(4);
/// Without a failure for so long an agent calls a target healthy again: two probes of 2 s, and their report.
const WELL_FOR: Duration = Duration::from_secs(8);
/// Its reports have arrived for so long that one of them is held.
const HEARD_FOR: Duration = Duration::from_secs(8);
/// After it woke or a clock jumped it abstains for 10 s, and then reports.
const TRUSTED_AFTER: Duration = Duration::from_secs(15);

pub(super) struct TheHealthySightVetoes;

impl Rule for TheHealthySightVetoes {
    fn id(&self) -> &'static str {
        "R9"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        match seen {
            Seen::Audit(entry, state) => {
                let AuditEvent::Decided { from, trigger: Trigger::Automatic, .. } = &entry.event else {
                    return None;
                };
                let count = Count::of(state, state.executions.get(entry.execution.as_ref()?)?)?;
                let most = count.policy.agreement.dissent_max as usize;
                let vetoed = |target: &TargetName| count.who(target, Verdict::Healthy).len() > most;
                let targets = count.agreed_down(from);
                let all = !targets.is_empty() && targets.iter().all(vetoed);
                all.then(|| format!("a move away from {from} was decided although agents see it healthy"))
            }
            Seen::Proposed { agent: leader, state, service, from, evidence, .. } => {
                let policy = &state.services.get(*service)?.policy;
                let count = Count { policy, members: &state.members, evidence };
                let sees = |target: &TargetName, witness: &AgentName| {
                    let (check, at) = (target.check.as_str(), from.as_str());
                    let sight = facts.sight(witness.as_str(), service.as_str(), check, at);
                    sight.latest + PRESENT >= facts.now
                        && sight.healthy == Some(sight.latest)
                        && sight.failed.is_none_or(|at| at + WELL_FOR < facts.now)
                };
                let most = policy.agreement.dissent_max as usize;
                let vetoed = |target: &TargetName| {
                    let witnesses = state.members.keys().filter(|witness| trusted(facts, witness, leader));
                    witnesses.filter(|witness| sees(target, witness)).count() > most
                };
                let targets = count.agreed_down(from);
                let all = !targets.is_empty() && targets.iter().all(vetoed);
                all.then(|| format!("{leader} passes over an agent that sees {from} healthy"))
            }
            _ => None,
        }
    }
}

/// Whether the leader must have an agent's word on what it sees now.
fn trusted(facts: &Facts, witness: &AgentName, leader: &str) -> bool {
    let links = &facts.links;
    let own = witness.as_str() == leader;
    let heard = links.heard_since(witness.as_str(), leader);
    let awake = links.awake_since(witness.as_str());
    (own || heard.is_some_and(|since| since + HEARD_FOR <= facts.now))
        && awake.is_some_and(|since| since + TRUSTED_AFTER <= facts.now)
        && facts.clock_jumped.is_none_or(|at| at + TRUSTED_AFTER <= facts.now)
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: a decision over a veto that is in its own evidence is seen. Method: one vote says healthy.
    #[test]
    fn a_decision_over_a_veto() {
        let mut state = decided();
        let (entry, facts) = (decision(&state), facts(&state));
        assert_eq!(TheHealthySightVetoes.see(&facts, &Seen::Audit(&entry, &state)), None);
        let execution = state.executions.values_mut().next().unwrap();
        let votes = execution.evidence.votes.iter_mut().filter(|vote| vote.agent.as_str() == "eve");
        votes.for_each(|vote| vote.verdict = Verdict::Healthy);
        assert!(TheHealthySightVetoes.see(&facts, &Seen::Audit(&entry, &state)).is_some());
    }

    /// Goal: a veto that the evidence keeps silent about is seen. Method: an agent in good contact sees the region well.
    #[test]
    fn a_witness_that_was_passed_over() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        sights(&mut facts, crate::EAST, true);
        assert_eq!(proposed(&mut TheHealthySightVetoes, &facts, &state, &evidence), None);
        sights(&mut facts, crate::EAST, false);
        assert!(proposed(&mut TheHealthySightVetoes, &facts, &state, &evidence).is_some());
    }
}
