//! Declaring: an operator says that a scenario is the case which nothing detects. What he says is checked here, on every
//! replica; whether the plan may begin is asked of the same guards as ever.

use super::{Cluster, decide::Opening};
use crate::command::{Command, Response};
use quorate_policies::{
    AgentName, PlanName, Policy, RegionName, ServiceName,
    agreement::Evidence,
    guard::{Refusal, Situation, Trigger, authorize},
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
        let (plan, inputs) = match self.judge_declared(service, declaration, trigger, evidence) {
            Ok(judged) => judged,
            Err(refusal) => {
                self.record_refusal(command, service, trigger, &refusal);
                return Err(refusal);
            }
        };
        let scenario = Some(declaration.scenario.clone());
        let opening = Opening { plan, scenario, inputs, trigger, evidence, live, waits: false, drill: None };
        self.open(command, service, opening)
    }

    fn judge_declared(
        &self,
        service: &ServiceName,
        declaration: &Declaration,
        trigger: &Trigger,
        evidence: &Evidence,
    ) -> Result<(expand::Plan, Inputs), Refusal> {
        let unknown = || Refusal::UnknownService { service: service.clone() };
        let state = self.services.get(service).ok_or_else(unknown)?;
        let name = &declaration.scenario;
        let refuse = |why: String| Refusal::NotDeclared { scenario: name.clone(), why };
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
        Ok((plan, inputs))
    }
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
        Some(scenario) if scenario.mode != Mode::Manual => Err(format!(
            "the agents detect it; `quorate failover` begins its plan without them. To declare there are: {}",
            manual()
        )),
        Some(scenario) => Ok(scenario),
    }
}
