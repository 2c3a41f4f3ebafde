//! What one probe found: its outcome, how long each phase took, and what was seen on the way. A plain value; it
//! draws no conclusion beyond the [`Observation`] that the outcome stands for.

use quorate_policies::{
    Timestamp,
    health::{FailureReason, Observation},
    name::TargetName,
    postgres::Database,
};
use std::{net::IpAddr, time::Duration};

/// How one probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered as expected.
    Success,
    /// The target did not, or the probe could not tell.
    Failure {
        /// Why, from the closed list.
        reason: FailureReason,
        /// Why, for people. Never a metric label: it is unbounded.
        detail: String,
    },
}

/// How long each phase took. A phase that did not end is `None`, so the first `None` after the ended ones is the
/// phase in which a failed probe stopped. `resolve` is also `None` where the URL names an address, and `tls` on
/// plain TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Phases {
    /// From the start to the addresses.
    pub resolve: Option<Duration>,
    /// From the addresses to a connection, over every address that was tried.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the connection to the head of the reply; it includes writing the request. With PostgreSQL to the end of the
    /// statement; it includes the authentication.
    pub processing: Option<Duration>,
    /// From the head of the reply to the end of its body. With PostgreSQL the writing of the heartbeat row, if one is.
    pub transfer: Option<Duration>,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2.
    Http2,
}

/// What a TLS handshake came to. The certificate is kept as it came: it is read by who asks for it, not by every probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSeen {
    /// The protocol, such as `TLS 1.3`.
    pub version: &'static str,
    /// The target's own certificate, in DER.
    pub leaf: Vec<u8>,
}

/// The result of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// What was probed.
    pub target: TargetName,
    /// How it ended.
    pub outcome: Outcome,
    /// How long each phase took.
    pub phases: Phases,
    /// How long the whole probe took.
    pub total: Duration,
    /// The address that accepted the connection, or the last one that was tried.
    pub address: Option<IpAddr>,
    /// Addresses that were tried before that one and did not accept.
    pub skipped: Vec<(IpAddr, FailureReason)>,
    /// The status of the reply, if there was one.
    pub http_status: Option<u16>,
    /// The reply's version of HTTP, if there was a reply.
    pub http_version: Option<HttpVersion>,
    /// The length of the body as the head of the reply says it; none if it does not, or there was no reply.
    pub content_length: Option<u64>,
    /// When the first of the presented certificates expires, also if that is why the probe failed.
    pub tls_expiry: Option<Timestamp>,
    /// What the TLS handshake came to, if it came to an end.
    pub tls: Option<TlsSeen>,
    /// How many bytes of the body were read.
    pub body_bytes: u64,
    /// What a PostgreSQL server said about itself, also if the probe failed after that.
    pub database: Option<Database>,
}

impl ProbeResult {
    /// What the result says about the target.
    #[must_use]
    pub fn observation(&self) -> Observation {
        match self.outcome {
            Outcome::Success => Observation::Success,
            Outcome::Failure { reason, .. } => Observation::from(reason),
        }
    }

    /// The result of a probe that was stopped before it could tell anything; every probe starts from it.
    #[must_use]
    pub fn cancelled(target: TargetName) -> Self {
        let detail = "the probe was stopped before it ended".to_owned();
        Self {
            target,
            outcome: Outcome::Failure { reason: FailureReason::Cancelled, detail },
            phases: Phases::default(),
            total: Duration::ZERO,
            address: None,
            skipped: Vec::new(),
            http_status: None,
            http_version: None,
            content_length: None,
            tls_expiry: None,
            tls: None,
            body_bytes: 0,
            database: None,
        }
    }
}

/// Why a phase failed; inside a prober, before it becomes an [`Outcome`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) reason: FailureReason,
    pub(crate) detail: String,
}

impl Failure {
    pub(crate) fn new(reason: FailureReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        Outcome::Failure { reason: failure.reason, detail: failure.detail }
    }
}
