//! One attempt at one target: resolve, connect, TLS, request, reply, each timed, under one deadline. Every attempt
//! uses a fresh lookup, a fresh connection and a full TLS handshake, because what is reused is not tested. The
//! prober keeps no state between attempts and draws no verdict.

mod connect;
mod deadline;
mod exchange;
mod os_error;
mod resolve;
mod secure;

use crate::{
    result::{Failure, Outcome, ProbeResult},
    target::{Endpoint, HttpTarget},
};
use deadline::Deadline;
pub use exchange::BODY_BYTES_MAX;
use http::HeaderValue;
use quorate_policies::health::FailureReason;
use rustls_pki_types::ServerName;
use std::{net::SocketAddr, time::Instant};
use tokio::net::TcpStream;

/// Settings of a prober.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProberSettings {
    /// Name servers to ask; empty means those of the operating system.
    pub resolvers: Vec<SocketAddr>,
    /// Certificates, as PEM, that are trusted beside those of the operating system.
    pub extra_ca_pem: Option<Vec<u8>>,
    /// What the User-Agent header says.
    pub user_agent: String,
}

impl Default for ProberSettings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            extra_ca_pem: None,
            user_agent: concat!("quorate/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Why a prober could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The user agent cannot be a header.
    #[error("user agent `{text}` cannot be sent as a header")]
    UserAgent {
        /// The rejected text.
        text: String,
    },
    /// The extra certificates cannot be read.
    #[error("extra certificate authority: {why}")]
    ExtraCa {
        /// What is wrong with them.
        why: String,
    },
    /// TLS cannot be set up.
    #[error("setting up TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The resolver cannot be set up.
    #[error("setting up the resolver: {0}")]
    Resolver(#[from] hickory_resolver::net::NetError),
}

/// Probes targets. Cheap to share behind an `Arc`; any number of probes may run at once.
#[derive(Debug)]
pub struct Prober {
    resolver: resolve::Resolver,
    secure: secure::Secure,
    user_agent: HeaderValue,
}

impl Prober {
    /// A prober. Reads the operating system's name servers, hosts file and certificates once; it must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: ProberSettings) -> Result<Self, ProberError> {
        let ProberSettings { resolvers, extra_ca_pem, user_agent } = settings;
        Ok(Self {
            resolver: resolve::Resolver::new(&resolvers)?,
            secure: secure::Secure::new(extra_ca_pem.as_deref())?,
            user_agent: HeaderValue::from_str(&user_agent)
                .map_err(|_| ProberError::UserAgent { text: user_agent })?,
        })
    }

    /// Probes a target once, over a fresh connection. Ends by the target's deadline, with whatever was learnt.
    pub async fn probe(&self, target: &HttpTarget) -> ProbeResult {
        let started = Instant::now();
        let mut result = ProbeResult::cancelled(target.name().clone());
        result.outcome = match self.attempt(target, started, &mut result).await {
            Ok(status) => Outcome::Success { status },
            Err(failure) => failure.into(),
        };
        result.total = started.elapsed();
        result
    }

    async fn attempt(
        &self,
        target: &HttpTarget,
        started: Instant,
        seen: &mut ProbeResult,
    ) -> Result<u16, Failure> {
        let deadline = Deadline::new(started, target.timeout.duration());
        let addresses = match &target.endpoint {
            Endpoint::Address(address) => vec![*address],
            Endpoint::Name(name) => {
                let lookup = self.resolver.addresses(name);
                let found = deadline.bound(lookup, FailureReason::DnsTimeout, "resolving").await??;
                seen.phases.resolve = Some(started.elapsed());
                found
            }
        };
        let lap = Instant::now();
        let stream = connect::connect(&addresses, target.port, &deadline, seen).await?;
        seen.phases.connect = Some(lap.elapsed());
        let lap = Instant::now();
        let Some(name) = &target.tls else {
            return exchange::plain(stream, target, &self.user_agent, &deadline, seen).await;
        };
        let stream = self.handshake(stream, name, &deadline, seen).await?;
        seen.phases.tls = Some(lap.elapsed());
        exchange::encrypted(stream, target, &self.user_agent, &deadline, seen).await
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        name: &ServerName<'static>,
        deadline: &Deadline,
        seen: &mut ProbeResult,
    ) -> Result<secure::Stream, Failure> {
        let handshake = self.secure.handshake(stream, name.clone());
        let done = deadline.bound(handshake, FailureReason::TlsHandshake, "the TLS handshake").await?;
        let (outcome, expiry) = match done {
            Ok(stream) => {
                let expiry = secure::earliest_expiry(&stream);
                (Ok(stream), expiry)
            }
            Err(error) => {
                let (failure, expiry) = secure::classify(&error);
                (Err(failure), expiry)
            }
        };
        seen.tls_expiry = expiry;
        outcome
    }
}
