//! What happens around every request: the Host is checked, the time is limited, every error becomes a problem document,
//! nothing is cached, and the request is counted.

use super::{answer::Failure, control::Control, screen, server::REQUEST_TIME_MAX};
use axum::{
    body::to_bytes,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Longest text of an error that was not made here, in bytes.
const REJECTION_BYTES_MAX: usize = 4 * 1024;

/// Everything that is the same for all requests.
pub(super) async fn around<C: Control>(
    State(agent): State<Arc<C>>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let method = request.method().clone();
    let response = if screen::host_allowed(&request, agent.file().listen) {
        tokio::time::timeout(REQUEST_TIME_MAX, next.run(request))
            .await
            .unwrap_or_else(|_| Failure::too_slow().into_response())
    } else {
        let detail =
            "the Host header names another machine; use 127.0.0.1, localhost or the configured address";
        Failure::forbidden(detail).into_response()
    };
    let mut response = as_problem(response).await;
    let headers = response.headers_mut();
    // A lease, an approval, a vote: nothing here is true for longer than it takes to send it.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let path = matched.as_ref().map_or("other", MatchedPath::as_str);
    agent.metrics().http_request(method.as_str(), path, response.status().as_u16());
    response
}

/// Turns an error that the router made, of a path or a query that cannot be read, into a problem document.
async fn as_problem(response: Response) -> Response {
    let problem =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v == quorate_api::problem::CONTENT_TYPE);
    if problem || !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let status = response.status();
    let text = to_bytes(response.into_body(), REJECTION_BYTES_MAX).await.unwrap_or_default();
    let title = status.canonical_reason().unwrap_or("Error");
    Failure::new(status, "malformed", title, String::from_utf8_lossy(&text)).into_response()
}
