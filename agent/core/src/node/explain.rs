//! Why nothing happens, or why something would (R31): every guard's answer, as this agent sees things now.

use super::{Node, Now};
use quorate_policies::{
    RegionName, ServiceName,
    agreement::{Evidence, RegionTally, tally_region},
    guard::{self, Check, Refusal, Trigger},
    policy::Mode,
};

/// The explanation of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The region that serves.
    pub active: RegionName,
    /// Where a failover would go.
    pub candidate: Option<RegionName>,
    /// Who would start it.
    pub mode: Option<Mode>,
    /// What the agents see, by region.
    pub regions: Vec<RegionTally>,
    /// What this agent knows.
    pub evidence: Evidence,
    /// Every guard's answer, in the order in which they are asked.
    pub checks: Vec<Check>,
    /// The first refusal; none means that the failover would be decided now.
    pub refusal: Option<Refusal>,
}

impl Node {
    /// Explains one service.
    ///
    /// # Errors
    /// When there is no such service.
    pub fn explain(&self, now: Now, service: &ServiceName) -> Result<Explanation, Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.cluster.services.get(service).ok_or_else(unknown)?;
        let evidence = self.evidence(now.mono, service, state);
        let facts = self.cluster.facts(state);
        let situation = self.situation(now, state, &facts, &evidence);
        let candidate = guard::standby::best(&situation).cloned();
        let quorum = Check {
            guard: "no_quorum".to_owned(),
            refusal: (!self.standing.has_quorum).then_some(Refusal::NoQuorum),
        };
        let to = candidate.as_ref().unwrap_or(&state.active);
        let checks: Vec<Check> =
            std::iter::once(quorum).chain(guard::explain(&situation, &Trigger::Automatic, to)).collect();
        let tally = |region| tally_region(&state.policy, &self.cluster.members, region, &evidence.votes);
        Ok(Explanation {
            active: state.active.clone(),
            mode: guard::situation::scenario(&state.policy).map(|(_, mode)| mode),
            regions: state.policy.regions.keys().map(tally).collect(),
            refusal: checks.iter().find_map(|check| check.refusal.clone()),
            candidate,
            checks,
            evidence,
        })
    }

    /// The evidence for an operator's command, as this agent sees things now.
    #[must_use]
    pub fn evidence_now(&self, now: Now, service: &ServiceName) -> Evidence {
        let state = self.cluster.services.get(service);
        state.map_or_else(Evidence::default, |state| self.evidence(now.mono, service, state))
    }

    /// Agents that this one has heard lately.
    #[must_use]
    pub fn live_now(&self, now: Now) -> std::collections::BTreeSet<quorate_policies::AgentName> {
        self.live(now.mono)
    }
}
