//! What operators change. Each change becomes one command of the log; what the log answers becomes the reply. A
//! refusal is a reply with its guard, never a failure of ours.

use super::{
    answer::Failure,
    asked::Asked,
    control::Control,
    read::{self, region_name},
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use quorate_api::request::{Abort, Approve, Changed, Command, Failover, Pause, Tick, Ungraceful};
use quorate_core::{Actor, Body, Node, Response, node::Now};
use quorate_policies::{
    ItemName, Millis, RegionName, ServiceName, StepName,
    guard::{Refusal, Trigger},
};
use std::sync::Arc;

pub(super) type Reply = Result<(StatusCode, Json<Changed>), Failure>;

/// `POST /v1/services/{service}/failover`.
pub(super) async fn failover<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    asked: Asked<Failover>,
) -> Reply {
    confirmed(&asked.request.confirm, &service, "a failover cannot be undone")?;
    let service = read::service_name(&service)?;
    let to = asked.request.to.as_deref().map(region_name).transpose()?;
    let trigger = trigger(asked.actor(), asked.request.accept_data_loss, asked.request.ungraceful);
    let body = agent.with_node(|node, now| decide(node, now, &service, to, trigger))?;
    let id = asked.command_id("failover", service.as_str());
    match submit(agent.as_ref(), id, body).await? {
        Response::Execution { id, joined } => {
            let message = if joined {
                format!("execution {id} does this already; joined it")
            } else {
                format!("execution {id} was decided")
            };
            accepted(message, id, joined)
        }
        other => Err(unexpected(&other)),
    }
}

/// What may be impossible to undo is asked for with the service's name once more.
pub(super) fn confirmed(said: &str, service: &str, why: &str) -> Result<(), Failure> {
    if said == service {
        return Ok(());
    }
    Err(Failure::invalid(format!("`confirm` must be the service's name, `{service}`: {why}")))
}

/// An operator's word, for this one command.
pub(super) fn trigger(actor: Actor, accept_data_loss: bool, ungraceful: bool) -> Trigger {
    Trigger::Operator { by: actor.name, reason: actor.reason, accept_data_loss, ungraceful }
}

/// An operator's failover, to the region that he named or the one that `explain` names, with what this agent sees.
fn decide(
    node: &Node,
    now: Now,
    service: &ServiceName,
    to: Option<RegionName>,
    trigger: Trigger,
) -> Result<Body, Refusal> {
    let explanation = node.explain(now, service)?;
    let to = to.or(explanation.candidate).ok_or_else(|| Refusal::UnusableRegion {
        region: explanation.active.clone(),
        why: "the policy names no other region".to_owned(),
    })?;
    let evidence = node.evidence_now(now, service);
    Ok(Body::Decide { service: service.clone(), to, trigger, evidence, live: node.live_now(now) })
}

/// `POST /v1/services/{service}/pause`.
pub(super) async fn pause<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    asked: Asked<Pause>,
) -> Reply {
    let service = read::service_name(&service)?;
    let lasting = asked.request.lasting.as_deref().map(lasting).transpose()?;
    let until = lasting.map(|length| agent.with_node(|_, now| now.wall.plus(length)));
    let body = Body::Pause { service: service.clone(), actor: asked.actor(), until };
    submit(agent.as_ref(), asked.command_id("pause", service.as_str()), body).await?;
    let until = until.map_or_else(|| "resumed".to_owned(), |until| until.to_string());
    done(format!("{service} is paused until {until}: detection goes on, automation does not"))
}

fn lasting(text: &str) -> Result<Millis, Failure> {
    let length = Millis::parse(text).map_err(|why| Failure::invalid(format!("`for`: {why}")))?;
    if length == Millis::ZERO {
        return Err(Failure::invalid("`for` must be longer than nothing; write for example 30m"));
    }
    Ok(length)
}

/// `POST /v1/services/{service}/resume`.
pub(super) async fn resume<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    asked: Asked<Command>,
) -> Reply {
    let service = read::service_name(&service)?;
    let body = Body::Resume { service: service.clone(), actor: asked.actor() };
    submit(agent.as_ref(), asked.command_id("resume", service.as_str()), body).await?;
    done(format!("{service} is resumed"))
}

/// `POST /v1/executions/{execution}/approve`.
pub(super) async fn approve<C: Control>(
    State(agent): State<Arc<C>>,
    Path(execution): Path<String>,
    asked: Asked<Approve>,
) -> Reply {
    let step: Option<StepName> = asked
        .request
        .step
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(|error| Failure::invalid(format!("no such step: {error}")))?;
    let body = Body::Approve { execution: execution.clone(), step: step.clone(), actor: asked.actor() };
    let verb = step.as_ref().map_or_else(|| "approve".to_owned(), |step| format!("approve-{step}"));
    submit(agent.as_ref(), asked.command_id(&verb, &execution), body).await?;
    let message = match step {
        Some(step) => format!("step {step} of execution {execution} is approved and goes on"),
        None => format!("execution {execution} is approved and begins"),
    };
    accepted(message, execution, true)
}

/// `POST /v1/executions/{execution}/checklist`.
pub(super) async fn tick<C: Control>(
    State(agent): State<Arc<C>>,
    Path(execution): Path<String>,
    asked: Asked<Tick>,
) -> Reply {
    let item: ItemName =
        asked.request.item.parse().map_err(|error| Failure::invalid(format!("no such item: {error}")))?;
    let body = Body::Tick { execution: execution.clone(), item: item.clone(), actor: asked.actor() };
    submit(agent.as_ref(), asked.command_id(&format!("tick-{item}"), &execution), body).await?;
    let message = format!("{item} of execution {execution} is seen to");
    Ok((StatusCode::OK, Json(Changed { message, execution: Some(execution), ..Changed::default() })))
}

/// `POST /v1/executions/{execution}/acknowledge`.
pub(super) async fn acknowledge<C: Control>(
    State(agent): State<Arc<C>>,
    Path(execution): Path<String>,
    asked: Asked<Command>,
) -> Reply {
    let body = Body::Acknowledge { execution: execution.clone(), actor: asked.actor() };
    submit(agent.as_ref(), asked.command_id("acknowledge", &execution), body).await?;
    let message = format!("execution {execution} is acknowledged: nobody further is called");
    let changed = Changed { message, ..Changed::default() };
    Ok((StatusCode::OK, Json(Changed { execution: Some(execution), ..changed })))
}

/// `POST /v1/executions/{execution}/ungraceful`.
pub(super) async fn ungraceful<C: Control>(
    State(agent): State<Arc<C>>,
    Path(execution): Path<String>,
    asked: Asked<Ungraceful>,
) -> Reply {
    if asked.request.confirm != execution {
        return Err(Failure::invalid(format!(
            "`confirm` must be the execution, `{execution}`: what it gives up does not come back"
        )));
    }
    let body = Body::Ungraceful { execution: execution.clone(), actor: asked.actor() };
    submit(agent.as_ref(), asked.command_id("ungraceful", &execution), body).await?;
    accepted(format!("execution {execution} goes on ungracefully"), execution, true)
}

/// `POST /v1/executions/{execution}/abort`.
pub(super) async fn abort<C: Control>(
    State(agent): State<Arc<C>>,
    Path(execution): Path<String>,
    asked: Asked<Abort>,
) -> Reply {
    let leave = asked.request.leave;
    let body = Body::Abort { execution: execution.clone(), actor: asked.actor(), leave };
    let verb = if leave { "leave" } else { "abort" };
    submit(agent.as_ref(), asked.command_id(verb, &execution), body).await?;
    let changed = Changed { message: format!("execution {execution} is aborted"), ..Changed::default() };
    Ok((StatusCode::OK, Json(Changed { execution: Some(execution), ..changed })))
}

/// Proposes a command; a refusal is an error here, because the reply is a problem document.
pub(super) async fn submit<C: Control>(
    agent: &C,
    id: Option<String>,
    body: Body,
) -> Result<Response, Failure> {
    match agent.propose(id, body).await? {
        Response::Refused { refusal } => Err(refusal.into()),
        response => Ok(response),
    }
}

/// The log answered something that this command never has: the id was that of another kind of command.
pub(super) fn unexpected(response: &Response) -> Failure {
    Failure::new(
        StatusCode::CONFLICT,
        "idempotency_key",
        "The Idempotency-Key belongs to another change",
        format!("use a new key; the change that has this one answered {response:?}"),
    )
}

fn done(message: String) -> Reply {
    Ok((StatusCode::OK, Json(Changed { message, ..Changed::default() })))
}

pub(super) fn accepted(message: String, execution: String, joined: bool) -> Reply {
    Ok((StatusCode::ACCEPTED, Json(Changed { message, execution: Some(execution), joined, version: None })))
}
