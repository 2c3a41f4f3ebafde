//! What load balancers and people ask: `/primary`, `/replica`, `/healthz` and the state. Reads the newest state; it decides
//! nothing and changes nothing.

use crate::{
    clock,
    core::{Guard, Role, Server},
};
use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};

/// The guard as it was after its last event, and the last line of its log.
#[derive(Debug, Clone)]
pub struct View {
    /// Its state.
    pub guard: Guard,
    /// What the server became last.
    pub transition: String,
    /// Why.
    pub reason: String,
    /// What a human was asked for.
    pub needs_human: Option<String>,
    /// What should be mended, and stops nothing.
    pub warning: Option<String>,
}

#[derive(Serialize)]
struct Page {
    state: &'static str,
    role: Option<String>,
    timeline: Option<u32>,
    streaming: bool,
    serves: Option<String>,
    epoch: Option<u64>,
    lease_remaining_ms: Option<u64>,
    last_transition: String,
    reason: String,
    needs_human: Option<String>,
    warning: Option<String>,
}

type Newest = watch::Receiver<View>;

/// Answers until the program ends.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener, newest: Newest) -> std::io::Result<()> {
    // As with Patroni, HEAD and OPTIONS are answered like GET: HAProxy's old check sends OPTIONS.
    let router = Router::new()
        .route("/primary", get(primary).options(primary))
        .route("/replica", get(replica).options(replica))
        .route("/healthz", get(async || "ok\n").options(async || "ok\n"))
        .route("/", get(page).options(page))
        .with_state(newest);
    axum::serve(listener, router).await
}

async fn primary(State(newest): State<Newest>) -> (StatusCode, Json<Page>) {
    only(&newest, Role::Primary)
}

async fn replica(State(newest): State<Newest>) -> (StatusCode, Json<Page>) {
    only(&newest, Role::Replica)
}

fn only(newest: &Newest, role: Role) -> (StatusCode, Json<Page>) {
    // The state may be old, when this program was stopped meanwhile; what it promises is measured by the clock of now.
    let serves = newest.borrow().guard.serves(clock::now());
    let status = if serves == Some(role) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(show(&newest.borrow())))
}

async fn page(State(newest): State<Newest>) -> Json<Page> {
    Json(show(&newest.borrow()))
}

fn show(view: &View) -> Page {
    let now = clock::now();
    let lease = view.guard.lease(now);
    let (state, running) = match view.guard.server() {
        Server::Unseen | Server::Down(_) => ("down", None),
        Server::Running(running) => ("running", Some(running)),
        Server::Stopping { .. } => ("stopping", None),
        Server::Rejoining => ("rejoining", None),
        Server::Stuck => ("stuck", None),
    };
    Page {
        state,
        role: running.and_then(|running| running.role).map(|role| role.to_string()),
        timeline: running.and_then(|running| running.timeline),
        streaming: running.is_some_and(|running| running.streaming),
        serves: view.guard.serves(now).map(|role| role.to_string()),
        epoch: lease.map(|lease| lease.epoch),
        lease_remaining_ms: lease.map(|lease| lease.until.since(now).0),
        last_transition: view.transition.clone(),
        reason: view.reason.clone(),
        needs_human: view.needs_human.clone(),
        warning: view.warning.clone(),
    }
}
