//! The latest result of a probe under blackbox_exporter's names, so that what was made for that program works here. It sends
//! nothing and knows only configured targets: the agent is nobody's way to ask something of a third party (P23).

mod certificate;
mod target;

pub use target::{Kind, NoTarget, Place, Places, find};

use super::{
    Format,
    declared::blackbox::*,
    gauges::{flag, seconds},
    page::Page,
};
use crate::shell::ProbeSeen;
use prometheus::proto::MetricFamily;
use quorate_policies::{Millis, health::FailureReason};
use quorate_probes::{HttpVersion as Version, Outcome, Phases, ProbeResult};
use std::{net::IpAddr, time::Duration};

/// What one target's latest result says, so long after it came.
#[must_use]
pub fn page(seen: &ProbeSeen, kind: Kind, age: Millis, format: Format) -> String {
    let mut page = Page::default();
    let result = &seen.result;
    for (metric, value) in [
        (&AGE, super::gauges::length(age)),
        (&SUCCESS, flag(result.outcome == Outcome::Success)),
        (&DURATION, result.total.as_secs_f64()),
        (&TIMEOUT, super::gauges::length(seen.timeout)),
        (&LOOKUP, took(result.phases.resolve)),
        (&IP_PROTOCOL, result.address.map_or(0.0, |address| if address.is_ipv4() { 4.0 } else { 6.0 })),
        (&IP_HASH, result.address.map_or(0.0, hash)),
        (&REGEX_FAILED, flag(failed_for(result, FailureReason::Body))),
    ] {
        page.set(metric, &[], value);
    }
    match kind {
        Kind::Http => http(&mut page, seen),
        Kind::Postgres => {}
    }
    tls(&mut page, seen);
    let families: Vec<MetricFamily> = page.families().collect();
    format.encode(&families)
}

fn http(page: &mut Page, seen: &ProbeSeen) {
    let result = &seen.result;
    let Phases { resolve, connect, tls, processing, transfer } = result.phases;
    for (phase, length) in
        super::declared::PHASES.into_iter().zip([resolve, connect, tls, processing, transfer])
    {
        page.set(&HTTP_DURATION, &[phase], took(length));
    }
    let version = match result.http_version {
        None => 0.0,
        Some(Version::Http10) => 1.0,
        Some(Version::Http11) => 1.1,
        Some(Version::Http2) => 2.0,
    };
    // A reply that does not say it is -1, no reply is 0.
    let unsaid = if result.http_status.is_some() { -1.0 } else { 0.0 };
    for (metric, value) in [
        (&HTTP_CONTENT_LENGTH, result.content_length.map_or(unsaid, |length| length as f64)),
        (&HTTP_BODY_LENGTH, result.body_bytes as f64),
        (&HTTP_REDIRECTS, 0.0),
        (&HTTP_SSL, flag(result.http_status.is_some() && result.tls.is_some())),
        (&HTTP_STATUS, f64::from(result.http_status.unwrap_or(0))),
        (&HTTP_VERSION, version),
    ] {
        page.set(metric, &[], value);
    }
}

fn tls(page: &mut Page, seen: &ProbeSeen) {
    if let Some(expiry) = seen.result.tls_expiry {
        page.set(&CERTIFICATE, &[], seconds(expiry));
    }
    let Some(tls) = &seen.result.tls else { return };
    page.set(&TLS_INFO, &[tls.version], 1.0);
    if let Some(expiry) = seen.result.tls_expiry {
        page.set(&CHAIN_EXPIRY, &[], seconds(expiry));
    }
    if let Some(leaf) = certificate::Leaf::read(&tls.leaf) {
        let certificate::Leaf { fingerprint, issuer, serial, subject, alternatives } = &leaf;
        page.set(&CHAIN_INFO, &[fingerprint, issuer, serial, subject, alternatives], 1.0);
    }
}

fn failed_for(result: &ProbeResult, wanted: FailureReason) -> bool {
    matches!(&result.outcome, Outcome::Failure { reason, .. } if *reason == wanted)
}

fn took(phase: Option<Duration>) -> f64 {
    phase.unwrap_or_default().as_secs_f64()
}

/// FNV-1a with 32 bits of the address' bytes, as blackbox_exporter hashes them.
fn hash(address: IpAddr) -> f64 {
    let bytes = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    f64::from(bytes.into_iter().fold(2_166_136_261, step))
}

#[cfg(test)]
mod tests;
