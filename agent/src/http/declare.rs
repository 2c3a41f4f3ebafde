//! Declaring a scenario: what an operator says becomes one command of the log, which checks it. Where nothing is said of where to,
//! a plan that moves the service goes where `explain` would.

use super::{
    answer::Failure,
    asked::Asked,
    change::{Reply, accepted, confirmed, submit, trigger, unexpected},
    control::Control,
    read::{self, region_name},
};
use axum::extract::{Path, State};
use quorate_api::request::Declare;
use quorate_core::{Body, Node, Response, cluster::declare::Declaration, node::Now};
use quorate_policies::{
    PlanName, RegionName, ServiceName,
    guard::{Refusal, Trigger},
};
use std::sync::Arc;

/// `POST /v1/services/{service}/declare`.
pub(super) async fn declare<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    asked: Asked<Declare>,
) -> Reply {
    confirmed(&asked.request.confirm, &service, "a plan may do what cannot be undone")?;
    let service = read::service_name(&service)?;
    let scenario: PlanName = asked
        .request
        .scenario
        .parse()
        .map_err(|error| Failure::invalid(format!("no such scenario: {error}")))?;
    let to = asked.request.to.as_deref().map(region_name).transpose()?;
    let trigger = trigger(asked.actor(), asked.request.accept_data_loss, asked.request.ungraceful);
    let declaration = Declaration { scenario: scenario.clone(), inputs: asked.request.inputs.clone(), to };
    let body = agent.with_node(|node, now| body(node, now, &service, declaration, trigger))?;
    let id = asked.command_id("declare", service.as_str());
    match submit(agent.as_ref(), id, body).await? {
        Response::Execution { id, .. } => {
            accepted(format!("scenario {scenario} is declared; execution {id} answers it"), id, false)
        }
        other => Err(unexpected(&other)),
    }
}

fn body(
    node: &Node,
    now: Now,
    service: &ServiceName,
    declaration: Declaration,
    trigger: Trigger,
) -> Result<Body, Refusal> {
    let to = declaration.to.clone().or_else(|| standby(node, now, service, &declaration.scenario));
    let declaration = Declaration { to, ..declaration };
    let evidence = node.evidence_now(now, service);
    Ok(Body::Declare { service: service.clone(), declaration, trigger, evidence, live: node.live_now(now) })
}

/// Where a plan that moves the service would go by itself.
fn standby(node: &Node, now: Now, service: &ServiceName, scenario: &PlanName) -> Option<RegionName> {
    let policy = &node.cluster().services.get(service)?.policy;
    let plan = policy.plans.get(&policy.scenarios.get(scenario)?.run)?;
    plan.moves.then(|| node.explain(now, service).ok()?.candidate).flatten()
}
