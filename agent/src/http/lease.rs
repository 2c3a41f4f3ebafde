//! `GET /v1/lease/{service}`: whether this region may write. The only question of the API whose answer is a promise:
//! the node remembers it and does not give the lease up before it has run out (R13).

use super::{answer::Failure, control::Control};
use axum::{
    Json,
    extract::{Path, State},
};
use quorate_api::Lease;
use quorate_policies::{RegionName, ServiceName, guard::Refusal};
use std::sync::Arc;

/// 200 and how long it lasts from now, or 409: then the asker must not write. It counts the length from the moment it
/// *sent* its request, so that the way of the answer never makes the lease longer.
pub(super) async fn lease<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
) -> Result<Json<Lease>, Failure> {
    let name = super::read::service_name(&service)?;
    let (region, lease) =
        agent.with_node(|node, now| (node.settings().region.clone(), node.lease(now.mono, &name)));
    answer(&name, &region, lease).map(Json)
}

fn answer(
    service: &ServiceName,
    region: &RegionName,
    lease: Result<quorate_core::node::lease::LeaseView, Refusal>,
) -> Result<Lease, Failure> {
    // Everything but a lease is the same answer, so that a writer has one thing to look at.
    let lease = lease.map_err(|refusal| Failure::refused(&refusal))?;
    Ok(Lease {
        service: service.to_string(),
        region: region.to_string(),
        epoch: lease.epoch,
        remaining_ms: lease.remaining.0,
    })
}
