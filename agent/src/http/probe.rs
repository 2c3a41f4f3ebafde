//! `GET /probe?target=&module=`: the latest result of one configured target under blackbox_exporter's names. Nothing is sent by it.

use super::{answer::Failure, control::Control, scrape};
use crate::metrics::blackbox;
use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::Response,
};
use serde::Deserialize;
use std::sync::Arc;

/// Which target. Whatever else blackbox_exporter knows would change what is probed, and is refused by its name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProbeQuery {
    #[serde(default)]
    target: String,
    module: Option<String>,
}

/// `GET /probe`.
pub(super) async fn probe<C: Control>(
    State(agent): State<Arc<C>>,
    Query(query): Query<ProbeQuery>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let places = agent.places();
    let found = blackbox::find(&places, &query.target, query.module.as_deref());
    let (key, place) = found.map_err(|none| Failure::malformed(none.to_string()))?;
    let seen = agent.probe(key);
    let seen = seen.ok_or_else(|| {
        Failure::not_ready(format!("{}/{} has not been probed since this agent started", key.0, key.1))
    })?;
    let now = agent.with_node(|_, now| now.mono);
    Ok(scrape::answer(&headers, |format| blackbox::page(&seen, place.kind, now.since(seen.at), format)))
}
