//! `GET /v1/signal/{service}/{region}`: whether traffic shall leave a region, for Route 53's health checks, which can ask
//! for nothing but a status. 200 says leave; everything else, and no answer at all, says stay. So a check that watches it
//! must be *inverted*: an agent that is down, cut off or asked for the wrong thing moves nothing.

use super::{answer::Failure, control::Control, read::region_name, server};
use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The answer is what this agent last knew of the log: without a quorum it stays as it was, and a restarted agent reads
/// it from its own disk.
pub(super) async fn signal<C: Control>(
    State(agent): State<Arc<C>>,
    Path((service, region)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let (service, region) = (super::read::service_name(&service)?, region_name(&region)?);
    match agent.with_node(|node, _| node.cluster().leaves(&service, &region)) {
        Some(true) => {
            let fresh = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok(([fresh], "leave\n").into_response())
        }
        Some(false) => {
            Err(Failure::not_found(format!("stay: {service} is not signalled away from {region}")))
        }
        None => Err(Failure::not_found(format!("no service {service} in {region}"))),
    }
}

/// Serves the signal alone, on an address that Route 53's checkers reach: they come from the internet, and nothing else
/// of the API may be reached from there.
pub(super) async fn serve<C: Control>(agent: Arc<C>, listener: TcpListener, stop: CancellationToken) {
    let router = Router::new().route("/v1/signal/{service}/{region}", get(signal::<C>)).with_state(agent);
    server::serve(router, listener, stop).await;
}
