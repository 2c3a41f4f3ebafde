//! What the leader does for parts of a service: begin the plan of a component that is down, when its guards let it, and record why not.

use super::{Node, Now, Output};
use crate::{
    cluster::{declare::Declaration, service::ServiceState},
    command::Body,
};
use quorate_policies::{
    PlanName, ServiceName,
    agreement::Opinion,
    guard::{Refusal, Situation, Trigger, authorize_component, component_scenarios, component_tally},
};
use std::collections::BTreeMap;

impl Node {
    /// Whether to begin the plan of a component. The same function that every replica asks again when it applies the command.
    pub(super) fn consider_parts(
        &mut self,
        now: Now,
        name: &ServiceName,
        state: &ServiceState,
        out: &mut Vec<Output>,
    ) {
        for (scenario, _, component) in component_scenarios(&state.policy) {
            let evidence = self.evidence(now.mono, name, state);
            let facts = self.cluster.facts_of(name, state, scenario);
            let situation =
                Situation { plan: Some(scenario), ..self.situation(now, state, &facts, &evidence) };
            let down = component_tally(&situation, component).opinion == Opinion::Down;
            match authorize_component(&situation, scenario) {
                Ok(()) => {
                    self.part_refusals.remove(&(name.clone(), scenario.clone()));
                    let declaration =
                        Declaration { scenario: scenario.clone(), inputs: BTreeMap::new(), to: None };
                    let (trigger, live) = (Trigger::Automatic, self.live(now.mono));
                    let key = format!("declare/{name}/{scenario}/{}", state.epoch);
                    let service = name.clone();
                    self.propose(
                        now,
                        key,
                        Body::Declare { service, declaration, trigger, evidence, live },
                        out,
                    );
                    // The others wait for the answer: a service has one slot.
                    return;
                }
                Err(refusal) => self.note_part(now, name, scenario, down, refusal, out),
            }
        }
    }

    /// A refusal is audited when the component is down, and when its reason changes (R31).
    fn note_part(
        &mut self,
        now: Now,
        name: &ServiceName,
        scenario: &PlanName,
        down: bool,
        refusal: Refusal,
        out: &mut Vec<Output>,
    ) {
        let of = (name.clone(), scenario.clone());
        if !down {
            self.part_refusals.remove(&of);
            return;
        }
        let busy = matches!(refusal, Refusal::ExecutionInProgress { .. });
        if !busy && self.part_refusals.get(&of) != Some(&refusal.guard()) {
            let key = format!("refusal/{name}/{scenario}/{}", refusal.guard());
            self.part_refusals.insert(of, refusal.guard());
            self.propose(now, key, Body::RecordRefusal { service: name.clone(), refusal }, out);
        }
    }
}
