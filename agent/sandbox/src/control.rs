//! The control API: it shows the world and breaks it. Loopback only and without a key, because it is part of
//! the test bench and not of the service. Bad input is a 4xx with a JSON message.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::endpoints::Endpoints;
use crate::network::Network;
use crate::places::Places;
use crate::stage::Stage;
use crate::webhook::Hooks;

mod breaking;
mod making;
mod showing;

/// 64 KiB: the largest request is a fault of a few fields.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the control API works on.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) stage: Arc<Stage>,
    pub(crate) places: Arc<Places>,
    pub(crate) network: Arc<Network>,
    pub(crate) hooks: Arc<Hooks>,
    pub(crate) endpoints: Arc<Endpoints>,
}

type Shared = State<Arc<Control>>;

/// The API under `/control`.
pub(crate) fn router(control: Control) -> Router {
    Router::new()
        .route("/control/endpoints", get(showing::endpoints))
        .route("/control/world", get(showing::world))
        .route("/control/effects", get(showing::effects))
        .route("/control/incidents", get(showing::incidents))
        .route("/control/hooks", get(showing::hooks))
        .route("/control/resolve", get(showing::resolve))
        .route("/control/fault", post(breaking::fault))
        .route("/control/cut", post(breaking::cut))
        .route("/control/heal", post(breaking::heal))
        .route("/control/relays", post(breaking::relays))
        .route("/control/hold", post(breaking::hold))
        .route("/control/fail", post(breaking::fail))
        .route("/control/break", post(breaking::break_off))
        .route("/control/database", post(making::database))
        .route("/control/backup", post(making::backup))
        .route("/control/replica_lag", post(making::replica_lag))
        .route("/control/room", post(making::room))
        .route("/control/global_cluster", post(making::global_cluster))
        .route("/control/quota", post(making::quota))
        .route("/control/permissions", post(making::permissions))
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong method")
        })
        .fallback(|uri: Uri| async move {
            Problem::new(StatusCode::NOT_FOUND, format!("no such path: {}", uri.path()))
        })
        .with_state(Arc::new(control))
}

/// Why a request was not carried out.
#[derive(Debug)]
struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Problem { status, message: message.into() }
    }

    fn bad(message: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, message)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.message}))).into_response()
    }
}

/// Reads a JSON body; an empty one reads as `{}`.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let too_large =
        |error| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body could not be read: {error}"));
    let bytes = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(too_large)?;
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(text).map_err(|error| Problem::bad(error.to_string()))
}

fn done() -> Json<Value> {
    Json(json!({"ok": true}))
}
