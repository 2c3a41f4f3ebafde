//! The dry run: what an operator's failover would do now, with every variable resolved. Nothing is done.

use super::{order::in_running_order, refused};
use crate::shell::PlanCheck;
use quorate_api::service::{Finding, Loss, PlanView, PlannedStep, Readiness, StepLoss};
use quorate_core::{Node, ServiceState, node::Now};
use quorate_policies::{
    RegionName, ServiceName, StepName,
    guard::{Refusal, Situation, Trigger, authorize, situation::scenario},
    plan::{
        Plan, Step,
        dependence::{dependences, losses, usable_without, verdict},
        expand::{Inputs, expand},
    },
    policy::OnError,
    readiness as policies,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// `GET /v1/services/{service}/plan`.
///
/// # Errors
/// When there is no such service, nowhere to go, no scenario, or the plan cannot be expanded.
pub(in crate::http) fn dry_run(
    node: &Node,
    now: Now,
    name: &ServiceName,
    to: Option<RegionName>,
) -> Result<PlanView, Refusal> {
    let explanation = node.explain(now, name)?;
    let state =
        node.cluster().services.get(name).ok_or_else(|| Refusal::UnknownService { service: name.clone() })?;
    let to = to.or(explanation.candidate).ok_or_else(|| Refusal::UnusableRegion {
        region: explanation.active,
        why: "the policy names no other region".to_owned(),
    })?;
    let (plan, _) = scenario(&state.policy).ok_or(Refusal::NoScenario)?;
    let plan = expand(&state.policy, plan, &state.active, &to, &Inputs::new())
        .map_err(|error| Refusal::PolicyRefused { why: error.to_string() })?;
    let refusal = if node.standing().has_quorum {
        authorized(node, now, name, state, &to)
    } else {
        Err(Refusal::NoQuorum)
    };
    Ok(plan_view(name, &plan, refusal.err().as_ref()))
}

/// What was found about a plan.
pub(in crate::http) fn readiness(check: &PlanCheck) -> Readiness {
    let finding = |finding: &policies::Finding| Finding {
        severity: finding.severity.as_str().to_owned(),
        step: finding.step.as_ref().map(ToString::to_string),
        what: finding.what.clone(),
        mend: finding.mend.clone(),
    };
    Readiness {
        checked_at: check.at.to_string(),
        ready: policies::ready(&check.findings),
        findings: check.findings.iter().map(finding).collect(),
    }
}

/// Whether the log would take an operator's failover, as this agent sees things now.
fn authorized(
    node: &Node,
    now: Now,
    name: &ServiceName,
    state: &ServiceState,
    to: &RegionName,
) -> Result<(), Refusal> {
    let (facts, evidence) = (node.cluster().facts(state), node.evidence_now(now, name));
    let situation = Situation {
        policy: &state.policy,
        members: &node.cluster().members,
        facts: &facts,
        evidence: &evidence,
        now: node.cluster().clock.max(now.wall),
        plan: None,
    };
    let trigger = Trigger::Operator {
        by: "operator".to_owned(),
        reason: "dry run".to_owned(),
        accept_data_loss: false,
        ungraceful: false,
    };
    authorize(&situation, &trigger, to)
}

/// A plan as it is shown, with what can be said about it without asking anybody.
pub(crate) fn plan_view(service: &ServiceName, plan: &Plan, refusal: Option<&Refusal>) -> PlanView {
    let order = in_running_order(plan);
    let names: Vec<&StepName> = order.iter().map(|(name, _)| *name).collect();
    PlanView {
        service: service.to_string(),
        plan: plan.name.to_string(),
        from: plan.from.to_string(),
        to: plan.to.to_string(),
        steps: order.into_iter().map(|(name, planned)| step(plan, name, planned)).collect(),
        losses: losses(plan).iter().map(|gone| loss(plan, gone, &names)).collect(),
        refusal: refusal.map(refused),
        readiness: None,
    }
}

/// What becomes of the plan when a region is gone.
fn loss(plan: &Plan, gone: &RegionName, order: &[&StepName]) -> Loss {
    let verdict = verdict(plan, gone);
    let steps: BTreeMap<_, _> = usable_without(plan, gone).into_iter().collect();
    let step = |name: &&StepName| {
        let usable = steps.get(*name)?.word().to_owned();
        Some(StepLoss { step: name.to_string(), usable })
    };
    Loss {
        region: gone.to_string(),
        usable: verdict.word().to_owned(),
        because: verdict.reasons().to_vec(),
        steps: order.iter().filter_map(step).collect(),
    }
}

fn step(plan: &Plan, name: &StepName, step: &Step) -> PlannedStep {
    PlannedStep {
        name: name.to_string(),
        action: step.action.kind().to_owned(),
        fields: fields(step),
        needs: step.needs.iter().map(ToString::to_string).collect(),
        calls: dependences(plan, step).iter().map(ToString::to_string).collect(),
        timeout: step.timeout.to_string(),
        retries: step.retries,
        on_error: match step.on_error {
            OnError::Stop => "stop",
            OnError::Continue => "continue",
        }
        .to_owned(),
        reversible: step.reversible,
        near: step.place.0.to_string(),
        only: step.only.map(|only| only.to_string()),
    }
}

/// The action's own fields: an action is written as one key, its kind, above them.
fn fields(step: &Step) -> Value {
    let written = serde_json::to_value(&step.action).unwrap_or_default();
    written.get(step.action.kind()).cloned().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    /// Goal: a dry run shows every step with its variables resolved, in running order. Method: the sample plan.
    #[test]
    fn a_dry_run() {
        let refusal = Refusal::NoQuorum;
        let shown = plan_view(&"shop".parse().unwrap(), &sample::plan(), Some(&refusal));
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
    }
}
