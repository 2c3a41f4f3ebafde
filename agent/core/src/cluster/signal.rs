//! The signal: where the agents tell Route 53's health checks that traffic belongs. It is part of the replicated state,
//! so that every agent gives the same answer, and one without a quorum goes on giving the last one it knew.

use super::{Cluster, audit::AuditEvent, execution::StepState};
use crate::command::{ExecutionId, Response};
use quorate_policies::{
    AgentName, RegionName, ServiceName, StepName, guard::Refusal, plan::Action, policy::Role,
};

impl Cluster {
    /// Whether traffic shall leave a region; none if there is no such service or region. Until somebody has signalled,
    /// nothing leaves: the records themselves say where traffic goes.
    #[must_use]
    pub fn leaves(&self, service: &ServiceName, region: &RegionName) -> Option<bool> {
        let state = self.services.get(service)?;
        state.policy.regions.get(region)?;
        Some(state.signal.as_ref().is_some_and(|signalled| signalled != region))
    }

    /// Where the signal sends traffic: where it was signalled to, or else to the policy's primary region, because that
    /// is what its records say.
    #[must_use]
    pub fn signalled(&self, service: &ServiceName) -> Option<&RegionName> {
        let state = self.services.get(service)?;
        let primary = || state.policy.regions.iter().find(|(_, region)| region.role == Role::Primary);
        state.signal.as_ref().or_else(|| primary().map(|(name, _)| name))
    }

    /// Turns the signal, for the agent that has begun a step that says so (R1): a signal is an effect like any other, only
    /// that its world is the log.
    pub(super) fn signal_to(
        &mut self,
        by: &AgentName,
        id: &ExecutionId,
        step: &StepName,
        attempt: u32,
        region: &RegionName,
    ) -> Result<Response, Refusal> {
        self.may_act(by, id, step, attempt)?;
        let execution = self.execution(id)?;
        let not_yours = |why: &str| Refusal::StepNotYours {
            execution: id.clone(),
            step: step.clone(),
            why: why.to_owned(),
        };
        let says = execution.plan.steps.get(step).map(|planned| &planned.action);
        if !matches!(says, Some(Action::Route53Signal(signal)) if signal.region == region.as_str()) {
            return Err(not_yours("it does not signal to that region"));
        }
        let begun = execution.steps.get(step).map(|progress| &progress.state);
        if !matches!(begun, Some(StepState::Started { .. })) {
            return Err(not_yours("it has not begun"));
        }
        let service = execution.service.clone();
        let state = self.service_mut(&service)?;
        if !state.policy.regions.contains_key(region) {
            let why = "the policy does not name it".to_owned();
            return Err(Refusal::UnusableRegion { region: region.clone(), why });
        }
        state.signal = Some(region.clone());
        let event = AuditEvent::Signalled { region: region.clone() };
        self.audit.record(self.clock, by.as_str(), Some(&service), Some(id), event);
        Ok(Response::Done)
    }
}
