//! `GET /metrics`: one look at the agent, in the form that the scraper asked for.

use super::{control::Control, negotiated};
use crate::metrics::{Beside, Format, Inside};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use std::{io::Write as _, sync::Arc};

/// `GET /metrics`.
pub(super) async fn metrics<C: Control>(State(agent): State<Arc<C>>, headers: HeaderMap) -> Response {
    let beside = Beside {
        started_at: agent.started_at(),
        clock_offset: agent.clock_moved(),
        probes: agent.probes(),
        plan_checks: agent.plan_checks(),
        backups: agent.backups(),
    };
    let inside = agent.with_node(|node, now| Inside::of(node, now));
    answer(&headers, |format| agent.metrics().scrape(inside, beside, format))
}

/// The answer in the form that was asked for.
pub(super) fn answer(headers: &HeaderMap, text: impl FnOnce(Format) -> String) -> Response {
    let format = negotiated::format(headers);
    let text = text(format);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    // A cache between must not give one scraper what another one asked for.
    let vary = (header::VARY, HeaderValue::from_static("accept, accept-encoding"));
    match negotiated::gzip(headers).then(|| pack(&text)) {
        Some(Ok(packed)) => {
            let gzip = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            ([kind, vary, gzip], packed).into_response()
        }
        Some(Err(_)) | None => ([kind, vary], text).into_response(),
    }
}

/// Fast rather than small: the way is loopback or one hop.
fn pack(text: &str) -> std::io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    packer.write_all(text.as_bytes())?;
    packer.finish()
}
