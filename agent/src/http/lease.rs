//! `GET /v1/lease/{service}`: whether this region may write. The only question of the API whose answer is a promise:
//! the node remembers it and does not give the lease up before it has run out (R13). A writer that is certainly gone
//! need not be waited for: `DELETE` takes the promise back from whoever gave the same name when it asked.

use super::{answer::Failure, control::Control};
use axum::{
    Json,
    extract::{Path, State},
    http::HeaderMap,
};
use quorate_api::{Lease, LeaseGivenBack, service::HOLDER};
use quorate_policies::{RegionName, ServiceName, guard::Refusal};
use std::sync::Arc;

/// Longest name of a holder: a host's name and a random part.
const HOLDER_CHARS_MAX: usize = 100;

/// 200 and how long it lasts from now, or 409: then the asker must not write. It counts the length from the moment it
/// *sent* its request, so that the way of the answer never makes the lease longer.
pub(super) async fn lease<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Lease>, Failure> {
    let name = super::read::service_name(&service)?;
    let holder = holder(&headers)?;
    let (region, lease) =
        agent.with_node(|node, now| (node.settings().region.clone(), node.lease(now.mono, &name, holder)));
    answer(&name, &region, lease).map(Json)
}

/// Takes a promise back. The name is what proves whose it was, so a holder chooses one that cannot be guessed, and no
/// token is needed. To give back what one does not hold changes nothing, so that a lost answer can be asked for again.
pub(super) async fn give_back<C: Control>(
    State(agent): State<Arc<C>>,
    Path(service): Path<String>,
    headers: HeaderMap,
) -> Result<Json<LeaseGivenBack>, Failure> {
    let name = super::read::service_name(&service)?;
    let Some(holder) = holder(&headers)? else {
        return Err(Failure::invalid(format!(
            "send `{HOLDER}` with the name under which the lease was asked for"
        )));
    };
    let held = agent.with_node(|node, _| node.give_back_lease(&name, holder));
    tracing::info!(service = %name, held, "a writer gives its lease back");
    Ok(Json(LeaseGivenBack { held }))
}

/// Who asks, if it says so.
fn holder(headers: &HeaderMap) -> Result<Option<&str>, Failure> {
    let Some(value) = headers.get(HOLDER) else { return Ok(None) };
    let fits = |text: &&str| {
        (1..=HOLDER_CHARS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let wrong =
        || Failure::invalid(format!("`{HOLDER}` must be 1 to {HOLDER_CHARS_MAX} visible ASCII characters"));
    value.to_str().ok().filter(fits).map(Some).ok_or_else(wrong)
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
        ttl_ms: Some(lease.ttl.0),
    })
}
