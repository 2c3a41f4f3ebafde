//! What the agents would decide: their evidence, and the guards of automatic failover with every dwell that is tried.
//! The dwell is judged from one run, as it changes what is done with an agreement and nothing before it.

use super::super::{ledger::Ledger, setting};
use quorate_core::{Cluster, Node, node::Now};
use quorate_policies::{
    AgentName, Policy, RegionName, ServiceName,
    agreement::{Opinion, Report, tally_region},
    guard::{ServiceFacts, Situation, Trigger, authorize},
    health::Verdict,
    policy::Role,
};
use std::collections::BTreeMap;

/// A vote for down may be counted for so long after it was sent: the example's freshness, a report's way, and some more.
const VOTE_LIVES: u64 = 5_000;
/// The detector that is the agreement alone; the dwells follow it.
const AGREED: usize = 0;

pub(super) struct Judging {
    pub(super) ledger: Ledger,
    service: ServiceName,
    members: BTreeMap<AgentName, RegionName>,
    facts: ServiceFacts,
    standby: RegionName,
    /// One policy for each dwell.
    policies: Vec<Policy>,
    /// Which agents see an agreement that the active region is down.
    agreed: BTreeMap<usize, bool>,
    /// Until when somebody's vote for down may count.
    votes_until: u64,
}

impl Judging {
    pub(super) fn new(cluster: &Cluster, ledger: Ledger) -> Self {
        let (service, state) = cluster.services.iter().next().expect("the policy is applied");
        let with_dwell = |dwell| {
            let mut policy = state.policy.clone();
            policy.agreement.dwell = dwell;
            policy
        };
        Self {
            ledger,
            service: service.clone(),
            members: cluster.members.clone(),
            facts: state.facts(),
            standby: setting::region_of(&state.policy, Role::Standby),
            policies: setting::dwells().into_iter().map(with_dwell).collect(),
            agreed: BTreeMap::new(),
            votes_until: 0,
        }
    }

    /// A report was sent or heard.
    pub(super) fn heard(&mut self, at: u64, report: &Report) {
        let targets = report.services.values().flat_map(|service| &service.targets);
        let mut of_active = targets.filter(|(target, _)| target.region == self.facts.active);
        if of_active.any(|(_, report)| report.verdict == Verdict::Down) {
            self.votes_until = at + VOTE_LIVES;
        }
    }

    /// Whether nobody has said down lately.
    pub(super) const fn calm(&self, at: u64) -> bool {
        at > self.votes_until
    }

    /// A stopped process sees nothing.
    pub(super) fn stopped(&mut self, agent: usize) {
        if self.agreed.insert(agent, false) == Some(true) {
            self.take_back();
        }
    }

    /// Asks what this agent would decide now.
    pub(super) fn judge(&mut self, agent: usize, node: &Node, now: Now) {
        let before = self.agreed.get(&agent) == Some(&true);
        if !before && self.calm(now.mono.0) {
            return;
        }
        let evidence = node.evidence_now(now, &self.service);
        let active = &self.facts.active;
        let agreed = tally_region(&self.policies[0], &self.members, active, &evidence.votes).opinion
            == Opinion::Down
            && node.abstains(now.mono).is_none();
        self.agreed.insert(agent, agreed);
        if !agreed {
            if before {
                self.take_back();
            }
            return;
        }
        self.ledger.down(AGREED, now.mono.0);
        for (index, policy) in self.policies.iter().enumerate() {
            let detector = AGREED + 1 + index;
            // The guards are asked until they let it pass; one that dwells would refuse, so it is not asked.
            if self.ledger.alarmed(detector) || evidence.down_for < policy.agreement.dwell {
                continue;
            }
            let situation = Situation {
                policy,
                members: &self.members,
                facts: &self.facts,
                evidence: &evidence,
                now: now.wall,
                plan: None,
            };
            if authorize(&situation, &Trigger::Automatic, &self.standby).is_ok() {
                self.ledger.down(detector, now.mono.0);
            }
        }
    }

    /// The alarm is over when no agent sees an agreement any more.
    fn take_back(&mut self) {
        if !self.agreed.values().any(|agreed| *agreed) {
            (0..=self.policies.len()).for_each(|detector| self.ledger.up(detector));
        }
    }
}
