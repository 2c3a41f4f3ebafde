//! The count of the votes on one target: who has said what. The opinion follows from the numbers alone, and names are gathered
//! only for those who read them, for an agent counts the votes on its services ten times a second. It knows nothing of regions
//! as a whole, and keeps nothing.

use super::tally::{Opinion, TargetTally};
use crate::{
    health::{FailureReason, Verdict},
    name::{AgentName, CheckName, RegionName, TargetName},
    policy::AgreementRules,
    time::Millis,
};
use std::collections::{BTreeMap, BTreeSet};

/// A [`Vote`](super::Vote) where it lies: the votes are counted more often than anybody keeps them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ballot<'a> {
    /// Who.
    pub agent: &'a AgentName,
    /// On what.
    pub target: &'a TargetName,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the agent has seen the target healthy since it started.
    pub armed: bool,
    /// How old the report is, by the receiver's monotonic clock.
    pub age: Millis,
    /// Whether the agent judges by the policy in force.
    pub policy_matches: bool,
    /// Whether the agent abstains (R8).
    pub abstains: bool,
    /// Why the target fails.
    pub reason: Option<FailureReason>,
    /// How long the target has been failing for this agent.
    pub failing_for: Option<Millis>,
}

/// What a countable vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Down,
    /// Down, by an agent that never saw the target healthy.
    Unarmed,
    Healthy,
    Suspect,
    /// Something, under another policy.
    Mismatched,
}

/// One target's count.
pub(super) struct Count<'a> {
    rules: &'a AgreementRules,
    members: &'a BTreeMap<AgentName, RegionName>,
    check: &'a CheckName,
    region: &'a RegionName,
    /// Each thing that an agent said, once, so that an agent that appears twice in the evidence still has one vote (R6).
    said: Vec<(&'a AgentName, &'a RegionName, Said)>,
}

impl<'a> Count<'a> {
    /// Counts those of the votes that are on this target.
    pub(super) fn of<'b>(
        rules: &'a AgreementRules,
        members: &'a BTreeMap<AgentName, RegionName>,
        (check, region): (&'a CheckName, &'a RegionName),
        votes: impl Iterator<Item = Ballot<'b>>,
    ) -> Self {
        let mut count = Self { rules, members, check, region, said: Vec::with_capacity(members.len()) };
        for vote in votes.filter(|vote| vote.target.check == *check && vote.target.region == *region) {
            count.take(&vote);
        }
        count
    }

    fn take(&mut self, vote: &Ballot<'_>) {
        let rules = self.rules;
        let Some((agent, vantage)) = self.members.get_key_value(vote.agent) else { return };
        if vote.age > rules.freshness || vote.abstains {
            return;
        }
        let mut say = |said| {
            if !self.said.iter().any(|(who, _, what)| *who == agent && *what == said) {
                self.said.push((agent, vantage, said));
            }
        };
        if !vote.policy_matches {
            return say(Said::Mismatched);
        }
        match (vote.verdict, vote.armed) {
            (Verdict::Unknown, _) => {}
            (Verdict::Healthy, _) => say(Said::Healthy),
            (Verdict::Suspect, _) => say(Said::Suspect),
            (Verdict::Down, true) => say(Said::Down),
            (Verdict::Down, false) => say(Said::Unarmed),
        }
    }

    fn needed(&self) -> usize {
        self.rules.votes.needed(self.members.len())
    }

    fn who(&self, said: Said) -> impl Iterator<Item = &'a AgentName> {
        self.said.iter().filter(move |(_, _, what)| *what == said).map(|(who, _, _)| *who)
    }

    /// Regions, other than the target's, from which it is seen down.
    fn vantages(&self) -> BTreeSet<&'a RegionName> {
        let down = self.said.iter().filter(|(_, _, what)| *what == Said::Down);
        down.map(|(_, vantage, _)| *vantage).filter(|vantage| *vantage != self.region).collect()
    }

    /// What follows.
    pub(super) fn opinion(&self) -> Opinion {
        let (rules, needed) = (self.rules, self.needed());
        let (down, healthy) = (self.who(Said::Down).count(), self.who(Said::Healthy).count());
        let enough = down >= needed && self.vantages().len() >= rules.min_vantages as usize;
        if enough && healthy <= rules.dissent_max as usize {
            Opinion::Down
        } else if healthy >= needed {
            Opinion::Healthy
        } else {
            Opinion::Unsure
        }
    }

    /// Whether enough see it down, wherever they stand and whatever they saw before.
    pub(super) fn red(&self) -> bool {
        self.who(Said::Down).count() + self.who(Said::Unarmed).count() >= self.needed()
    }

    /// All of it, with names.
    pub(super) fn tally(&self) -> TargetTally {
        let names = |said| self.who(said).cloned().collect();
        let counted = |agent: &&AgentName| {
            self.said.iter().any(|(who, _, what)| who == agent && *what != Said::Mismatched)
        };
        TargetTally {
            target: TargetName { check: self.check.clone(), region: self.region.clone() },
            needed: self.needed(),
            down: names(Said::Down),
            unarmed: names(Said::Unarmed),
            healthy: names(Said::Healthy),
            suspect: names(Said::Suspect),
            silent: self.members.keys().filter(|agent| !counted(agent)).cloned().collect(),
            mismatched: names(Said::Mismatched),
            vantages: self.vantages().into_iter().cloned().collect(),
            opinion: self.opinion(),
        }
    }
}
