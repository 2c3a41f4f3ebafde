//! Declaring: an operator says that a scenario is the case which nothing detects. What he says is checked here, on every
//! replica; whether the plan may begin is asked of the same guards as ever.

use super::{Cluster, decide::Opening, execution::Execution, service::ServiceState};
use crate::command::{Command, Response};
use quorate_policies::{
    AgentName, PlanName, Policy, RegionName, ServiceName, Timestamp,
    agreement::Evidence,
    guard::{Ended, Refusal, ServiceFacts, Situation, Trigger, authorize, authorize_component},
    plan::expand::{self, Inputs},
    policy::{Mode, Scenario},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// Which scenario.
    pub scenario: PlanName,
    /// What the operator says with it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// Where to, for a plan that moves the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<RegionName>,
}

impl Cluster {
    pub(super) fn declare(
        &mut self,
        command: &Command,
        service: &ServiceName,
        declaration: &Declaration,
        trigger: &Trigger,
        evidence: &Evidence,
        live: &BTreeSet<AgentName>,
    ) -> Result<Response, Refusal> {
        let (plan, inputs, waits) = match self.judge_declared(service, declaration, trigger, evidence) {
            Ok(judged) => judged,
            Err(refusal) => {
                self.record_refusal(command, service, trigger, &refusal);
                return Err(refusal);
            }
        };
        let scenario = Some(declaration.scenario.clone());
        let opening = Opening { plan, scenario, inputs, trigger, evidence, live, waits, drill: None };
        self.open(command, service, opening)
    }

    fn judge_declared(
        &self,
        service: &ServiceName,
        declaration: &Declaration,
        trigger: &Trigger,
        evidence: &Evidence,
    ) -> Result<(expand::Plan, Inputs, bool), Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.services.get(service).ok_or_else(unknown)?;
        let name = &declaration.scenario;
        let refuse = |why: String| Refusal::NotDeclared { scenario: name.clone(), why };
        if *trigger == Trigger::Automatic {
            return self.judge_detected(service, state, name, evidence);
        }
        let scenario = declarable(&state.policy, name).map_err(refuse)?;
        let inputs = scenario.values(&declaration.inputs).map_err(|error| refuse(error.to_string()))?;
        let plan = state.policy.plans.get(&scenario.run);
        let moves = plan.is_some_and(|plan| plan.moves);
        let to = match (&declaration.to, moves) {
            (Some(to), true) => to,
            (None, true) => return Err(refuse("its plan moves the service: say where to".to_owned())),
            (Some(to), false) if *to != state.active => {
                let active = &state.active;
                let why = format!("its plan runs where the service is, in {active}, and moves it nowhere");
                return Err(refuse(why));
            }
            (_, false) => &state.active,
        };
        let facts = self.facts(state);
        let situation = Situation {
            policy: &state.policy,
            members: &self.members,
            facts: &facts,
            evidence,
            now: self.clock,
            plan: Some(&scenario.run),
        };
        if moves {
            authorize(&situation, trigger, to)?;
        } else if let Some(execution) = facts.running.clone() {
            return Err(Refusal::ExecutionInProgress { execution });
        }
        let plan = expand::expand(&state.policy, &scenario.run, &state.active, to, &inputs)
            .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
        Ok((plan, inputs, false))
    }

    /// A component that is down: its plan, and whether that waits for an approval.
    fn judge_detected(
        &self,
        service: &ServiceName,
        state: &ServiceState,
        name: &PlanName,
        evidence: &Evidence,
    ) -> Result<(expand::Plan, Inputs, bool), Refusal> {
        let facts = self.facts_of(service, state, name);
        let situation = Situation {
            policy: &state.policy,
            members: &self.members,
            facts: &facts,
            evidence,
            now: self.clock,
            plan: Some(name),
        };
        authorize_component(&situation, name)?;
        let scenario = declared_scenario(&state.policy, name)?;
        let refuse = |why: String| Refusal::NotDeclared { scenario: name.clone(), why };
        let inputs = scenario.values(&BTreeMap::new()).map_err(|error| refuse(error.to_string()))?;
        let active = &state.active;
        let plan = expand::expand(&state.policy, &scenario.run, active, active, &inputs)
            .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
        Ok((plan, inputs, scenario.mode == Mode::Approval))
    }

    /// What the log knows of a service, with the executions of one scenario as those that count.
    pub(crate) fn facts_of(
        &self,
        service: &ServiceName,
        state: &ServiceState,
        scenario: &PlanName,
    ) -> ServiceFacts {
        let of = |execution: &&Execution| {
            execution.service == *service && execution.scenario.as_ref() == Some(scenario)
        };
        let mut starts: Vec<Timestamp> =
            self.executions.values().filter(of).map(|execution| execution.decided_at).collect();
        starts.sort();
        let last_ended = self.executions.values().filter(of).filter_map(|execution| execution.ended_at).max();
        ServiceFacts { last_ended, starts, in_place: self.in_place(service), ..state.facts() }
    }

    /// The last execution that worked on a service where it is. A drill stands beside the service, or moves it.
    pub(super) fn in_place(&self, service: &ServiceName) -> Option<Ended> {
        let works = |execution: &&Execution| {
            execution.service == *service
                && !execution.plan.moves
                && execution.drill.is_none()
                && execution.touched()
        };
        let ended = |execution: &Execution| {
            Some(Ended { execution: execution.id.to_string(), at: execution.ended_at? })
        };
        self.executions.values().filter(works).filter_map(ended).max_by_key(|ended| ended.at)
    }
}

fn declared_scenario<'a>(policy: &'a Policy, name: &PlanName) -> Result<&'a Scenario, Refusal> {
    let why = "the policy has no such scenario".to_owned();
    policy.scenarios.get(name).ok_or_else(|| Refusal::NotDeclared { scenario: name.clone(), why })
}

/// The scenario of that name, if an operator may declare it.
fn declarable<'a>(policy: &'a Policy, name: &PlanName) -> Result<&'a Scenario, String> {
    let manual = || {
        let names = policy.scenarios.iter().filter(|(_, scenario)| scenario.mode == Mode::Manual);
        let names: Vec<&str> = names.map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    match policy.scenarios.get(name) {
        None => Err(format!("the policy has no such scenario; there are: {}", manual())),
        Some(scenario)
            if scenario.mode != Mode::Manual
                && scenario.when.as_ref().is_none_or(|when| when.component.is_none()) =>
        {
            Err(format!(
                "the agents detect it; `quorate failover` begins its plan without them. To declare there are: {}",
                manual()
            ))
        }
        Some(scenario) => Ok(scenario),
    }
}
