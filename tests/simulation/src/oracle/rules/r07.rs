//! R7: missing data is unknown, not down. CloudNativePG #10445: one failing status endpoint caused a failover; Patroni
//! 4.1.1: a 403 of Kubernetes caused an instant demotion.

use super::{Facts, Rule, Seen};
use crate::oracle::count::Count;
use quorate_policies::TargetName;
use std::time::Duration;

/// How long after its last word an agent's vote may still count: the policy's freshness (3 s), the way of a message (1 s,
/// two of them for one that comes late), and a look.
const SILENCE_MAX: Duration = Duration::from_secs(6);

pub(super) struct TheSilentHaveNoVote;

impl Rule for TheSilentHaveNoVote {
    fn id(&self) -> &'static str {
        "R7"
    }

    fn see(&mut self, facts: &Facts, seen: &Seen<'_>) -> Option<String> {
        let Seen::Proposed { agent: leader, state, service, from, evidence, .. } = seen else { return None };
        let policy = &state.services.get(*service)?.policy;
        let count = Count { policy, members: &state.members, evidence };
        let silent = |voter: &str| {
            let heard = facts.links.heard(voter, leader);
            voter != *leader && heard.is_none_or(|at| at + SILENCE_MAX < facts.now)
        };
        let without = |target: &TargetName| {
            count.down(target).into_iter().find(|voter| silent(voter.as_str())).cloned()
        };
        // One target whose votes are all of agents that could be heard is enough.
        let targets = count.agreed_down(from);
        let found: Vec<_> = targets.iter().filter_map(without).collect();
        let voter = found.first().filter(|_| found.len() == targets.len())?;
        Some(format!("{leader} counts a vote of {voter}, from which it cannot have heard"))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::crafted::*, *};

    /// Goal: the vote of an agent that nobody can have heard is seen. Method: links with and without it.
    #[test]
    fn a_vote_of_an_agent_that_was_cut_off() {
        let (state, evidence) = (formed(), evidence());
        let mut facts = facts(&state);
        calm(&mut facts, &["eve", "wes", "noa"]);
        assert_eq!(proposed(&mut TheSilentHaveNoVote, &facts, &state, &evidence), None);
        calm(&mut facts, &["wes", "noa"]);
        assert!(proposed(&mut TheSilentHaveNoVote, &facts, &state, &evidence).is_some());
    }
}
