//! Counting the votes of a decision once more, from the written rules and not from the product's own count: who counts,
//! who sees what, and from where.

use quorate_core::{Cluster, Execution};
use quorate_policies::{
    AgentName, Millis, Policy, RegionName, TargetName,
    agreement::{Evidence, LagVote, Vote},
    health::Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// The votes on one decision.
pub(crate) struct Count<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) members: &'a BTreeMap<AgentName, RegionName>,
    pub(crate) evidence: &'a Evidence,
}

impl<'a> Count<'a> {
    /// The votes that are written into an execution.
    pub(crate) fn of(state: &'a Cluster, execution: &'a Execution) -> Option<Self> {
        let policy = &state.services.get(&execution.service)?.policy;
        Some(Self { policy, members: &state.members, evidence: &execution.evidence })
    }

    /// More than half of all members, whoever is there.
    pub(crate) fn majority(&self) -> usize {
        self.members.len() / 2 + 1
    }

    fn counts(&self, vote: &Vote) -> bool {
        let fresh = vote.age <= self.policy.agreement.freshness;
        self.members.contains_key(&vote.agent) && fresh && vote.policy_matches && !vote.abstains
    }

    /// Distinct members whose vote counts and says so.
    pub(crate) fn who(&self, target: &TargetName, verdict: Verdict) -> BTreeSet<&'a AgentName> {
        let says = |vote: &&Vote| vote.target == *target && vote.verdict == verdict && self.counts(vote);
        self.evidence.votes.iter().filter(says).map(|vote| &vote.agent).collect()
    }

    /// Distinct members that see it down and had seen it healthy before.
    pub(crate) fn down(&self, target: &TargetName) -> BTreeSet<&'a AgentName> {
        let says = |vote: &&Vote| {
            vote.target == *target && vote.verdict == Verdict::Down && vote.armed && self.counts(vote)
        };
        self.evidence.votes.iter().filter(says).map(|vote| &vote.agent).collect()
    }

    /// Regions other than the target's in which those stand.
    pub(crate) fn vantages(&self, target: &TargetName) -> usize {
        let places = self.down(target).into_iter().filter_map(|agent| self.members.get(agent));
        places.filter(|region| **region != target.region).collect::<BTreeSet<_>>().len()
    }

    /// All targets in a region.
    pub(crate) fn targets(&self, region: &RegionName) -> Vec<TargetName> {
        let target =
            |check: &quorate_policies::CheckName| TargetName { check: check.clone(), region: region.clone() };
        self.policy.probes.keys().map(target).collect()
    }

    /// The targets in a region that a majority sees down, from enough other regions.
    pub(crate) fn agreed_down(&self, region: &RegionName) -> Vec<TargetName> {
        let needed = self.policy.agreement.min_vantages as usize;
        let down = |target: &TargetName| {
            self.down(target).len() >= self.majority() && self.vantages(target) >= needed
        };
        self.targets(region).into_iter().filter(down).collect()
    }

    /// The readings of a replica's lag that count.
    pub(crate) fn lags(&self, replica: &str) -> Vec<&'a LagVote> {
        let fresh = self.policy.agreement.freshness;
        let counts = |vote: &&LagVote| {
            vote.replica == replica
                && self.members.contains_key(&vote.agent)
                && vote.policy_matches
                && !vote.abstains
                && vote.age <= fresh
        };
        self.evidence.lags.iter().filter(counts).collect()
    }

    /// For how long every one of those whose votes agree has certainly seen a region fail: the shortest of their own times.
    fn failing(&self, region: &RegionName) -> Millis {
        let mut by_agent: BTreeMap<&AgentName, Millis> = BTreeMap::new();
        for target in self.agreed_down(region) {
            let voters = self.down(&target);
            for vote in self.evidence.votes.iter().filter(|v| v.target == target && voters.contains(&v.agent))
            {
                let failing = vote.failing_for.map_or(Millis::ZERO, |failing| failing.plus(vote.age));
                let longest = by_agent.entry(&vote.agent).or_default();
                *longest = failing.max(*longest);
            }
        }
        by_agent.into_values().min().unwrap_or_default()
    }

    /// How far a replica was behind when the region that is left began to fail, by every reading that is young enough.
    pub(crate) fn behind(&self, from: &RegionName, replica: &str) -> Vec<Millis> {
        let failing = self.failing(from).0;
        let at_failure = |lag: &&LagVote| {
            let (behind, measured) = (lag.behind.0, lag.measured.0);
            if measured < failing {
                return Some(Millis(behind.saturating_sub(failing - measured)));
            }
            (measured - failing <= READING_AGE_MAX.0).then_some(lag.behind)
        };
        self.lags(replica).iter().filter_map(at_failure).collect()
    }
}

/// How long before the failure a reading may have been made, as the policy's reference has it.
const READING_AGE_MAX: Millis = Millis::from_secs(300);
