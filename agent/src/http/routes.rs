//! Every path of the API, once: for the router, the index, the metric's labels and the tests.

use super::{
    answer::Failure, change, control::Control, declare, drill, lease, policy, probe, read, scrape, signal,
    telemetry,
};
use axum::{
    Router, middleware,
    routing::{get, post},
};
use std::sync::Arc;

/// One path of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The path, with its variables in braces: also the metric's label.
    pub path: &'static str,
    /// What it answers or does.
    pub what: &'static str,
}

const fn route(method: &'static str, path: &'static str, what: &'static str) -> Route {
    Route { method, path, what }
}

/// Every path.
pub const ROUTES: &[Route] = &[
    route("GET", "/", "this list"),
    route("GET", "/healthz", "whether the process is alive"),
    route("GET", "/readyz", "whether the agent has a quorum and its cluster is formed"),
    route("GET", "/metrics", "metrics for Prometheus"),
    route("GET", "/probe", "a target's latest result as blackbox_exporter tells it; ?target=&module="),
    route("GET", "/v1/status", "the agent, its peers and all services"),
    route("GET", "/v1/members", "the voters, and when each was last heard"),
    route("GET", "/v1/probes", "the latest result of each target, as this agent saw it"),
    route("GET", "/v1/services", "all services"),
    route("GET", "/v1/services/{service}", "one service"),
    route("GET", "/v1/services/{service}/explain", "why a failover would, or would not, be decided now"),
    route(
        "GET",
        "/v1/services/{service}/plan",
        "what a failover would do, and whether it would work; ?to=REGION&check=true",
    ),
    route("GET", "/v1/services/{service}/backups", "the backups, as this agent sees them"),
    route(
        "GET",
        "/v1/services/{service}/drills",
        "the drills: when due, what keeps them, what became of them",
    ),
    route(
        "GET",
        "/v1/services/{service}/drills/{drill}",
        "a dry run: what a drill would do, and how long it would take",
    ),
    route("POST", "/v1/services/{service}/drills/{drill}", "begin a drill: {mode, reason, confirm}"),
    route("GET", "/v1/services/{service}/failback", "how far the way home is"),
    route("POST", "/v1/services/{service}/failover", "fail over: {to?, reason, confirm}"),
    route(
        "POST",
        "/v1/services/{service}/declare",
        "declare a scenario: {scenario, inputs?, to?, reason, confirm}",
    ),
    route("POST", "/v1/services/{service}/pause", "stop automation: {reason, for?}"),
    route("POST", "/v1/services/{service}/resume", "let automation go on: {reason}"),
    route("GET", "/v1/executions", "executions, newest first; ?service=SERVICE"),
    route("GET", "/v1/executions/{execution}", "one execution and its steps"),
    route(
        "POST",
        "/v1/executions/{execution}/approve",
        "let a waiting execution begin, or answer a step: {reason, step?}",
    ),
    route(
        "POST",
        "/v1/executions/{execution}/checklist",
        "a person has seen to an item of the checklist: {item, reason}",
    ),
    route(
        "POST",
        "/v1/executions/{execution}/acknowledge",
        "take an execution up: nobody further is called: {reason}",
    ),
    route("POST", "/v1/executions/{execution}/abort", "end an execution: {reason, leave?}"),
    route("GET", "/v1/policies/{service}", "the policy in force, every default written out"),
    route("POST", "/v1/policies", "put a policy into force: {policy, file?, reason}"),
    route("GET", "/v1/audit", "the audit; ?after=SEQUENCE&limit=COUNT"),
    route("GET", "/v1/lease/{service}", "whether this region may write: 200, or 409"),
    route("DELETE", "/v1/lease/{service}", "a writer that is gone gives its lease back"),
    route("GET", "/v1/signal/{service}/{region}", "whether traffic shall leave a region: 200, or 404"),
];

/// The router.
pub(super) fn router<C: Control>(agent: Arc<C>) -> Router {
    Router::new()
        .route("/", get(read::index))
        .route("/healthz", get(read::healthz))
        .route("/readyz", get(read::readyz::<C>))
        .route("/metrics", get(scrape::metrics::<C>))
        .route("/probe", get(probe::probe::<C>))
        .route("/v1/status", get(read::status::<C>))
        .route("/v1/members", get(read::members::<C>))
        .route("/v1/probes", get(read::probes::<C>))
        .route("/v1/services", get(read::services::<C>))
        .route("/v1/services/{service}", get(read::service::<C>))
        .route("/v1/services/{service}/explain", get(read::explain::<C>))
        .route("/v1/services/{service}/plan", get(read::plan::<C>))
        .route("/v1/services/{service}/backups", get(read::backups::<C>))
        .route("/v1/services/{service}/drills", get(drill::drills::<C>))
        .route("/v1/services/{service}/drills/{drill}", get(drill::dry_run::<C>).post(drill::drill::<C>))
        .route("/v1/services/{service}/failback", get(drill::failback::<C>))
        .route("/v1/services/{service}/failover", post(change::failover::<C>))
        .route("/v1/services/{service}/declare", post(declare::declare::<C>))
        .route("/v1/services/{service}/pause", post(change::pause::<C>))
        .route("/v1/services/{service}/resume", post(change::resume::<C>))
        .route("/v1/executions", get(read::executions::<C>))
        .route("/v1/executions/{execution}", get(read::execution::<C>))
        .route("/v1/executions/{execution}/approve", post(change::approve::<C>))
        .route("/v1/executions/{execution}/checklist", post(change::tick::<C>))
        .route("/v1/executions/{execution}/acknowledge", post(change::acknowledge::<C>))
        .route("/v1/executions/{execution}/abort", post(change::abort::<C>))
        .route("/v1/policies/{service}", get(policy::show::<C>))
        .route("/v1/policies", post(policy::apply::<C>))
        .route("/v1/audit", get(read::audit::<C>))
        .route("/v1/lease/{service}", get(lease::lease::<C>).delete(lease::give_back::<C>))
        .route("/v1/signal/{service}/{region}", get(signal::signal::<C>))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(agent.clone(), telemetry::around::<C>))
        .with_state(agent)
}

async fn no_such_path() -> Failure {
    Failure::not_found("there is no such path; GET / lists them all")
}

async fn wrong_method() -> Failure {
    let title = "The path has another method";
    let status = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    Failure::new(status, "method_not_allowed", title, "the Allow header names the methods of this path")
}
