//! The status page's API over HTTP, as far as notifiers use it. Every call needs the key; errors have
//! Statuspage's shapes.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, put};
use axum::{Json, Router};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::options::GLOBAL;
use crate::stage::Stage;
use crate::world::interference::Applies;
use crate::world::refusal::Refusal;
use crate::world::status_page::IncidentRequest;

/// 256 KiB: a body of 25,000 characters with metadata fits several times.
const BODY_BYTES_MAX: usize = 256 * 1024;

#[derive(Debug, Clone)]
struct Page {
    stage: Arc<Stage>,
    key: Arc<str>,
}

#[derive(Deserialize)]
struct IncidentEnvelope {
    incident: IncidentRequest,
}

#[derive(Deserialize)]
struct ComponentEnvelope {
    component: ComponentRequest,
}

#[derive(Deserialize)]
struct ComponentRequest {
    status: String,
}

#[derive(Deserialize)]
struct PostmortemEnvelope {
    postmortem: PostmortemRequest,
}

#[derive(Deserialize)]
struct PostmortemRequest {
    body_draft: String,
}

/// The API under `/v1`, open to callers with `key`.
pub(crate) fn router(stage: &Arc<Stage>, key: &str) -> Router {
    let page = Page { stage: Arc::clone(stage), key: key.into() };
    Router::new()
        .route("/v1/pages/{page}/incidents", get(list).post(create))
        .route("/v1/pages/{page}/incidents/unresolved", get(unresolved))
        .route("/v1/pages/{page}/incidents/{incident}", patch(update).put(update))
        .route("/v1/pages/{page}/incidents/{incident}/postmortem", put(postmortem))
        .route("/v1/pages/{page}/components/{component}", patch(component).put(component))
        .layer(from_fn_with_state(page.clone(), authorized))
        .with_state(page)
}

async fn authorized(State(page): State<Page>, headers: HeaderMap, request: Request, next: Next) -> Response {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|given| given.strip_prefix("OAuth ")) == Some(&page.key) {
        return next.run(request).await;
    }
    (StatusCode::UNAUTHORIZED, Json(json!({"error": "Could not authenticate"}))).into_response()
}

/// Which part of a listing is asked for.
#[derive(Deserialize)]
struct Listing {
    #[serde(default = "listed_max")]
    limit: usize,
    /// Counted from 1.
    #[serde(default = "first_page")]
    page: usize,
}

/// 100: Statuspage's own most and default.
const fn listed_max() -> usize {
    100
}

const fn first_page() -> usize {
    1
}

async fn list(State(page): State<Page>, Path(id): Path<String>, Query(part): Query<Listing>) -> Response {
    let found = page.stage.world().0.status_page.incidents(&id, false);
    let limit = part.limit.min(listed_max());
    let before = part.page.saturating_sub(1).saturating_mul(limit);
    respond(StatusCode::OK, found.map(|found| found.into_iter().skip(before).take(limit).collect::<Vec<_>>()))
}

async fn unresolved(State(page): State<Page>, Path(id): Path<String>) -> Response {
    respond(StatusCode::OK, page.stage.world().0.status_page.incidents(&id, true))
}

async fn create(State(page): State<Page>, Path(id): Path<String>, body: Body) -> Response {
    let put = |asked: IncidentEnvelope| {
        let (mut world, now_ms) = page.stage.world();
        world.put_incident(&id, None, &asked.incident, now_ms)
    };
    page.change("CreateIncident", StatusCode::CREATED, body, put).await
}

async fn update(
    State(page): State<Page>,
    Path((id, incident)): Path<(String, String)>,
    body: Body,
) -> Response {
    let put = |asked: IncidentEnvelope| {
        let (mut world, now_ms) = page.stage.world();
        world.put_incident(&id, Some(&incident), &asked.incident, now_ms)
    };
    page.change("UpdateIncident", StatusCode::OK, body, put).await
}

async fn postmortem(
    State(page): State<Page>,
    Path((id, incident)): Path<(String, String)>,
    body: Body,
) -> Response {
    let draft = |asked: PostmortemEnvelope| {
        let (mut world, _) = page.stage.world();
        world.status_page.draft(&id, &incident, &asked.postmortem.body_draft)
    };
    page.change("PutPostmortem", StatusCode::OK, body, draft).await
}

async fn component(
    State(page): State<Page>,
    Path((id, component)): Path<(String, String)>,
    body: Body,
) -> Response {
    let put = |asked: ComponentEnvelope| {
        let (mut world, now_ms) = page.stage.world();
        world.put_component(&id, &component, &asked.component.status, now_ms)
    };
    page.change("UpdateComponent", StatusCode::OK, body, put).await
}

impl Page {
    /// Reads the body, changes the page, and holds the reply back if that is asked for.
    async fn change<A: DeserializeOwned, T: serde::Serialize>(
        &self,
        operation: &str,
        success: StatusCode,
        body: Body,
        put: impl FnOnce(A) -> Result<T, Refusal>,
    ) -> Response {
        let read = axum::body::to_bytes(body, BODY_BYTES_MAX).await;
        let asked = match read
            .map_err(|error| error.to_string())
            .and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()))
        {
            Ok(asked) => asked,
            Err(error) => return (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response(),
        };
        let hold = self.stage.hold(operation, GLOBAL);
        if let Some((ms, Applies::After)) = hold {
            self.stage.wait_out(operation, GLOBAL, ms).await;
        }
        let done = put(asked);
        if let Some((ms, Applies::Before)) = hold {
            self.stage.wait_out(operation, GLOBAL, ms).await;
        }
        respond(success, done)
    }
}

fn respond<T: serde::Serialize>(success: StatusCode, done: Result<T, Refusal>) -> Response {
    match done {
        Ok(value) => (success, Json(value)).into_response(),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let error = match status {
                StatusCode::UNPROCESSABLE_ENTITY => json!([refusal.message]),
                _ => json!(refusal.message),
            };
            (status, Json(json!({"error": error}))).into_response()
        }
    }
}
