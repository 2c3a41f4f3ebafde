//! The policy in force, and putting another one into force. A policy is checked here, alone and with the members,
//! before it is proposed; the log checks what only the log knows.

use super::{answer::Failure, asked::Asked, change, control::Control, read::service_name};
use axum::{
    Json,
    extract::{Path, State},
};
use quorate_api::{ApplyPolicy, Changed, PolicyView};
use quorate_core::{Body, Response};
use quorate_policies::{
    Policy,
    document::{AgentFile, Problem, Severity, check_together, locate, read_policy},
    guard::Refusal,
};
use std::sync::Arc;

/// What problems call a policy that came without a file's name.
const FILE: &str = "policy.yaml";

/// `GET /v1/policies/{service}`.
pub(super) async fn show<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<PolicyView>, Failure> {
    let name = service_name(&service)?;
    let cluster = agent.with_node(|node, _| node.cluster().clone());
    let state = cluster.services.get(&name).ok_or(Refusal::UnknownService { service: name })?;
    let policy = serde_saphyr::to_string(&state.policy).map_err(|error| {
        let title = "The policy cannot be written as YAML";
        Failure::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, "internal", title, error.to_string())
    })?;
    Ok(Json(PolicyView { service, version: state.version, hash: state.policy_hash.clone(), policy }))
}

/// `POST /v1/policies`.
pub(super) async fn apply<C: Control>(
    State(agent): State<Arc<C>>,
    asked: Asked<ApplyPolicy>,
) -> Result<Json<Changed>, Failure> {
    let file = asked.request.file.as_deref().unwrap_or(FILE);
    let policy = check(file, &asked.request.policy, agent.file())?;
    let service = policy.service.clone();
    let id = asked.command_id("apply", service.as_str());
    let body = Body::apply_policy(policy, asked.actor());
    match change::submit(agent.as_ref(), id, body).await? {
        Response::Policy { version, .. } => {
            let message = format!("policy version {version} of {service} is in force");
            Ok(Json(Changed { message, version: Some(version), ..Changed::default() }))
        }
        other => Err(change::unexpected(&other)),
    }
}

/// Reads a policy and checks it alone and with this agent's own file. Every finding is told at once.
fn check(file: &str, text: &str, agent: &AgentFile) -> Result<Policy, Failure> {
    let policy = read_policy(file, text).map_err(|problems| refuse(&problems))?;
    let problems = locate(file, text, check_together(&policy, agent));
    // A warning does not refuse the policy; with an error it is told all the same.
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        Err(refuse(&problems))
    } else {
        Ok(policy)
    }
}

fn refuse(problems: &[Problem]) -> Failure {
    let findings: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Failure::findings("the policy was not applied: mend the findings, then apply it again", findings)
}
