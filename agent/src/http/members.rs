//! Changing the agents: what is asked becomes one command of the log, which judges it; the leader then carries it out,
//! and `GET /v1/members` shows how far it is.

use super::{
    answer::Failure,
    asked::Asked,
    change::{Reply, submit},
    control::Control,
    read::region_name,
};
use axum::{Json, extract::State, http::StatusCode};
use quorate_api::request::{AddMember, Changed, Command, RemoveMember, ReplaceMember};
use quorate_core::Body;
use quorate_policies::{
    AgentName,
    guard::Refusal,
    membership::{MemberChange, MemberRefusal, NewMember, understood},
};
use std::sync::Arc;

/// `POST /v1/members/add`.
pub(super) async fn add<C: Control>(State(agent): State<Arc<C>>, asked: Asked<AddMember>) -> Reply {
    let request = &asked.request;
    let name = new_name(&request.name)?;
    let id = asked.command_id("add-member", name.as_str());
    let region = region_name(&request.region)?;
    let member = NewMember { name, region, address: request.address.clone() };
    let body = begin(agent.as_ref(), MemberChange::Add { member }, asked.actor())?;
    begun(agent.as_ref(), id, body).await
}

/// `POST /v1/members/remove`.
pub(super) async fn remove<C: Control>(State(agent): State<Arc<C>>, asked: Asked<RemoveMember>) -> Reply {
    let name = agent_name(&asked.request.name)?;
    let id = asked.command_id("remove-member", name.as_str());
    let body = begin(agent.as_ref(), MemberChange::Remove { agent: name }, asked.actor())?;
    begun(agent.as_ref(), id, body).await
}

/// `POST /v1/members/replace`.
pub(super) async fn replace<C: Control>(State(agent): State<Arc<C>>, asked: Asked<ReplaceMember>) -> Reply {
    let request = &asked.request;
    let (old, name) = (agent_name(&request.old)?, new_name(&request.name)?);
    let id = asked.command_id("replace-member", old.as_str());
    let region = match &request.region {
        Some(region) => region_name(region)?,
        None => {
            let known = agent.with_node(|node, _| node.voters().get(&old).cloned());
            let why = MemberRefusal::NotAMember { agent: old.clone() };
            known.ok_or(Refusal::MembersNotChanged { why })?
        }
    };
    let member = NewMember { name, region, address: request.address.clone() };
    let body = begin(agent.as_ref(), MemberChange::Replace { old, member }, asked.actor())?;
    begun(agent.as_ref(), id, body).await
}

/// `POST /v1/members/cancel`.
pub(super) async fn cancel<C: Control>(State(agent): State<Arc<C>>, asked: Asked<Command>) -> Reply {
    let id = asked.command_id("cancel-members", "change");
    submit(agent.as_ref(), id, Body::CancelMembers { actor: asked.actor() }).await?;
    accepted(
        "the change is given up, unless voters have moved already: quorate members shows what comes of it"
            .to_owned(),
    )
}

/// The command, if every agent can read it: one in the log that an agent cannot read stops that agent.
fn begin<C: Control>(agent: &C, change: MemberChange, actor: quorate_core::Actor) -> Result<Body, Refusal> {
    let live = agent.with_node(|node, now| node.live_now(now));
    understood(&live, &agent.versions()).map_err(|why| Refusal::MembersNotChanged { why })?;
    Ok(Body::ChangeMembers { change, live, actor })
}

async fn begun<C: Control>(agent: &C, id: Option<String>, body: Body) -> Reply {
    let Body::ChangeMembers { change, .. } = &body else {
        return Err(Failure::invalid("no change of the agents"));
    };
    let message = format!("begun: {change}; quorate members shows how far it is");
    submit(agent, id, body).await?;
    accepted(message)
}

fn accepted(message: String) -> Reply {
    Ok((StatusCode::ACCEPTED, Json(Changed { message, ..Changed::default() })))
}

fn agent_name(text: &str) -> Result<AgentName, Failure> {
    text.parse().map_err(|error| Failure::invalid(format!("no such agent: {error}")))
}

/// A name that can stand in a certificate, by which the others will know the agent.
fn new_name(text: &str) -> Result<AgentName, Failure> {
    let name = agent_name(text)?;
    match crate::peers::tls::server_name(&name) {
        Ok(_) => Ok(name),
        Err(error) => Err(Failure::invalid(error.to_string())),
    }
}
