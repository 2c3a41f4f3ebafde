//! Drills: what there is, what one would do, and the order by which an operator begins one. The log decides; windows and conditions
//! are judged here, by what this agent sees.

use super::{
    answer::Failure,
    asked::Asked,
    change::{Reply, accepted, confirmed, submit, trigger, unexpected},
    control::Control,
    read, view,
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use quorate_api::{
    Changed,
    drill::{DrillPlan, Drills, Failback},
    request::Drill as Request,
};
use quorate_core::{
    Body, Response,
    cluster::drill::{DrillOrder, DryRun},
};
use quorate_policies::{DrillName, Millis, ServiceName, drill::blocked, guard::Refusal, policy::DrillMode};
use std::sync::Arc;

/// `GET /v1/services/{service}/drills`.
pub(super) async fn drills<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<Drills>, Failure> {
    let service = read::service_name(&service)?;
    Ok(Json(agent.with_node(|node, now| view::drills(node, now, &service))?))
}

/// `GET /v1/services/{service}/drills/{drill}`: nothing is changed, not even the log.
pub(super) async fn dry_run<C: Control>(
    State(agent): State<Arc<C>>,
    Path((service, drill)): Path<(String, String)>,
) -> Result<Json<DrillPlan>, Failure> {
    let (service, drill) = (read::service_name(&service)?, drill_name(&drill)?);
    Ok(Json(look(agent.as_ref(), &service, &drill).await?))
}

/// `GET /v1/services/{service}/failback`.
pub(super) async fn failback<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<Failback>, Failure> {
    let service = read::service_name(&service)?;
    Ok(Json(agent.with_node(|node, now| view::failback(node, now, &service))?))
}

/// `POST /v1/services/{service}/drills/{drill}`.
pub(super) async fn drill<C: Control>(
    State(agent): State<Arc<C>>,
    Path((service, drill)): Path<(String, String)>,
    asked: Asked<Request>,
) -> Reply {
    confirmed(&asked.request.confirm, &service, "a drill runs plans")?;
    let (service, drill) = (read::service_name(&service)?, drill_name(&drill)?);
    let mode = mode(agent.as_ref(), &service, &drill)?;
    if asked.request.mode != mode.as_str() {
        let why = format!("drill `{drill}` is {mode}, and {} was asked for", asked.request.mode);
        return Err(Failure::invalid(format!("{why}; a dry run of any drill is `GET` of this path")));
    }
    let id = asked.command_id("drill", &format!("{service}/{drill}"));
    if mode == DrillMode::DryRun {
        let shown = look(agent.as_ref(), &service, &drill).await?;
        let outcome = DryRun {
            ready: shown.ready,
            outcome: shown.outcome.clone(),
            predicted: shown.predicted_ms.map(Millis),
        };
        let order = DrillOrder::Record { outcome, actor: asked.actor(), count: None };
        submit(agent.as_ref(), id, Body::Drill { service, drill: drill.clone(), order }).await?;
        let message = format!("dry run of {drill}: {}", shown.outcome);
        return Ok((StatusCode::OK, Json(Changed { message, ..Changed::default() })));
    }
    let trigger = trigger(asked.actor(), false, false);
    let order = agent.with_node(|node, now| {
        let state = node.cluster().services.get(&service)?;
        let known = state.policy.drills.get(&drill)?;
        let clock = node.cluster().clock.max(now.wall);
        let conditions = node.drill_conditions(now, &service, known);
        if let Some(why) = blocked(&state.policy, known, &conditions, clock).into_iter().next() {
            return Some(Err(Refusal::NotDrilled { drill: drill.clone(), why }));
        }
        node.drill_order(now, &service, &drill, trigger).map(Ok)
    });
    let order = order.ok_or_else(|| Refusal::UnknownService { service: service.clone() })??;
    match submit(agent.as_ref(), id, Body::Drill { service, drill: drill.clone(), order }).await? {
        Response::Execution { id, .. } => {
            accepted(format!("{mode} drill {drill} has begun as execution {id}"), id, false)
        }
        other => Err(unexpected(&other)),
    }
}

async fn look<C: Control>(agent: &C, service: &ServiceName, drill: &DrillName) -> Result<DrillPlan, Failure> {
    let (shown, plan) = agent.with_node(|node, now| view::drill_plan(node, now, service, drill))?;
    let check = agent.look_at_plan(service, &plan).await;
    Ok(view::looked_at(shown, &check))
}

fn mode<C: Control>(agent: &C, service: &ServiceName, drill: &DrillName) -> Result<DrillMode, Refusal> {
    agent.with_node(|node, _| node.cluster().drill_of(service, drill).map(|(_, drill)| drill.mode))
}

fn drill_name(text: &str) -> Result<DrillName, Failure> {
    text.parse().map_err(|error| Failure::not_found(format!("no such drill: {error}")))
}
