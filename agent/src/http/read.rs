//! What can be read. Every answer is made of one look at the node, so that its parts belong together.

use super::{answer::Failure, control::Control, routes::ROUTES, view};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use quorate_api as api;
use quorate_core::{Cluster, Seat, cluster::audit::AUDIT_KEPT_MAX};
use quorate_policies::{RegionName, ServiceName, guard::Refusal};
use serde::Deserialize;
use std::{fmt::Write as _, sync::Arc};

/// Audit entries in one answer unless asked for more: one execution's.
const AUDIT_LIMIT: usize = 100;

pub(super) fn service_name(text: &str) -> Result<ServiceName, Failure> {
    text.parse().map_err(|error| Failure::not_found(format!("no such service: {error}")))
}

pub(super) fn region_name(text: &str) -> Result<RegionName, Failure> {
    text.parse().map_err(|error| Failure::invalid(format!("no such region: {error}")))
}

/// `GET /`.
pub(super) async fn index() -> String {
    ROUTES.iter().fold(format!("quorate {}\n\n", env!("CARGO_PKG_VERSION")), |mut text, route| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{:<5}{:<40}{}", route.method, route.path, route.what);
        text
    })
}

/// `GET /healthz`: whoever can answer is alive. Nothing else is asked, so that a lost quorum restarts nobody.
pub(super) async fn healthz() -> &'static str {
    "alive\n"
}

/// `GET /readyz`.
pub(super) async fn readyz<C: Control>(State(agent): State<Arc<C>>) -> Result<&'static str, Failure> {
    let (told_removed, caught_up) = (agent.told_removed(), agent.is_caught_up());
    agent.with_node(|node, _| {
        match node.seat() {
            _ if told_removed => {
                return Err(Failure::not_ready(
                    "removed: the others say that this agent is no member any more; stop it",
                ));
            }
            Seat::Removed => {
                return Err(Failure::not_ready("removed: this agent is no member any more; stop it"));
            }
            Seat::Leaving => return Err(Failure::not_ready("removed: this agent is being removed")),
            Seat::Joining => {
                return Err(Failure::not_ready("joining: this agent is being added, and has no vote yet"));
            }
            Seat::Member | Seat::Unknown => {}
        }
        if !node.standing().has_quorum {
            return Err(Failure::not_ready("no quorum: the agents in contact are no majority"));
        }
        if node.cluster().members.is_empty() {
            return Err(Failure::not_ready("the cluster is not formed yet: its members are not set"));
        }
        if node.seat() == Seat::Unknown {
            return Err(Failure::not_ready(
                "this agent is no member of its cluster: add it with quorate members add",
            ));
        }
        if !caught_up {
            return Err(Failure::not_ready("not caught up: this agent has just started"));
        }
        Ok("ready\n")
    })
}

/// `GET /v1/status`.
pub(super) async fn status<C: Control>(State(agent): State<Arc<C>>) -> Json<api::Status> {
    let versions = agent.versions();
    Json(agent.with_node(|node, now| view::status(node, now, &agent.file().members, &versions)))
}

/// `GET /v1/members`.
pub(super) async fn members<C: Control>(State(agent): State<Arc<C>>) -> Json<api::Members> {
    let versions = agent.versions();
    Json(agent.with_node(|node, now| api::Members {
        feature_level: node.cluster().feature_level.0,
        members: view::members(node, now, &agent.file().members, &versions),
        change: view::change(node),
    }))
}

/// `GET /v1/probes`.
pub(super) async fn probes<C: Control>(State(agent): State<Arc<C>>) -> Json<api::Probes> {
    let seen = agent.probes();
    let now = agent.with_node(|_, now| now.mono);
    Json(api::Probes { probes: seen.iter().map(|seen| view::probe(seen, now)).collect() })
}

/// `GET /v1/services`.
pub(super) async fn services<C: Control>(State(agent): State<Arc<C>>) -> Json<api::ServiceList> {
    Json(api::ServiceList { services: agent.with_node(|node, now| view::services(node, now)) })
}

/// `GET /v1/services/{service}`.
pub(super) async fn service<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<api::Service>, Failure> {
    let name = service_name(&service)?;
    let unknown = || Refusal::UnknownService { service: name.clone() };
    agent.with_node(|node, now| {
        let explanation = node.explain(now, &name)?;
        let state = node.cluster().services.get(&name).ok_or_else(unknown)?;
        Ok(Json(view::service(&name, state, &explanation)))
    })
}

/// `GET /v1/services/{service}/explain`.
pub(super) async fn explain<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<api::Explanation>, Failure> {
    let name = service_name(&service)?;
    let unknown = || Refusal::UnknownService { service: name.clone() };
    agent.with_node(|node, now| {
        let explanation = node.explain(now, &name)?;
        let state = node.cluster().services.get(&name).ok_or_else(unknown)?;
        Ok(Json(view::explanation(&name, node.settings().name.as_str(), state, &explanation)))
    })
}

/// Where a dry run would go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlanQuery {
    to: Option<String>,
    /// Whether the plan is looked at now; else what was found last is told.
    #[serde(default)]
    check: bool,
}

/// `GET /v1/services/{service}/plan`.
pub(super) async fn plan<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    Query(query): Query<PlanQuery>,
) -> Result<Json<api::PlanView>, Failure> {
    let name = service_name(&service)?;
    let to = query.to.as_deref().map(region_name).transpose()?;
    let mut plan = agent.with_node(|node, now| view::dry_run(node, now, &name, to))?;
    let to = region_name(&plan.to)?;
    let found = if query.check {
        Some(agent.check_plan(&name, &to).await?)
    } else {
        agent.plan_checks().remove(&(name, to))
    };
    plan.readiness = found.as_ref().map(view::readiness);
    Ok(Json(plan))
}

/// `GET /v1/services/{service}/backups`.
pub(super) async fn backups<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<api::Backups>, Failure> {
    let (name, checks) = (service_name(&service)?, agent.backups());
    Ok(Json(agent.with_node(|node, now| view::backups(node, now, &name, &checks))?))
}

/// Of which service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExecutionsQuery {
    service: Option<String>,
}

/// `GET /v1/executions`.
pub(super) async fn executions<C: Control>(
    State(agent): State<Arc<C>>,
    Query(query): Query<ExecutionsQuery>,
) -> Result<Json<api::ExecutionList>, Failure> {
    let service = query.service.as_deref().map(service_name).transpose()?;
    let cluster = cluster(agent.as_ref());
    Ok(Json(view::executions(&cluster, service.as_ref())))
}

/// `GET /v1/executions/{execution}`.
pub(super) async fn execution<C: Control>(
    State(agent): State<Arc<C>>,
    Path(id): Path<String>,
) -> Result<Json<api::Execution>, Failure> {
    let cluster = cluster(agent.as_ref());
    let execution = cluster.executions.get(&id).ok_or(Refusal::UnknownExecution { execution: id })?;
    Ok(Json(view::execution(&cluster, execution)))
}

/// Which part of the audit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuditQuery {
    after: Option<u64>,
    limit: Option<usize>,
}

/// `GET /v1/audit`: the oldest entries after a number, or else the latest ones.
pub(super) async fn audit<C: Control>(
    State(agent): State<Arc<C>>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<api::Audit>, Failure> {
    let limit = query.limit.unwrap_or(AUDIT_LIMIT);
    if limit == 0 || limit > AUDIT_KEPT_MAX {
        return Err(Failure::malformed(format!("`limit` must be 1 to {AUDIT_KEPT_MAX}")));
    }
    Ok(Json(view::audit(&cluster(agent.as_ref()), query.after, limit)))
}

fn cluster<C: Control>(agent: &C) -> Arc<Cluster> {
    agent.with_node(|node, _| node.cluster().clone())
}
