//! One attempt at one target: resolve, connect, then what its kind asks for, each phase timed, under one deadline. Every
//! attempt uses a fresh lookup, a fresh connection and a full TLS handshake, because what is reused is not tested. The
//! prober draws no verdict, and keeps nothing between attempts but the passwords and authorities it has read.

mod connect;
mod deadline;
mod driven;
mod exchange;
mod os_error;
mod postgres;
mod resolve;
mod secure;

use crate::{
    credentials::PostgresCredentials,
    result::{Failure, Outcome, ProbeResult},
    target::{Endpoint, HttpTarget, Target},
};
use deadline::Deadline;
pub use exchange::BODY_BYTES_MAX;
use http::HeaderValue;
use quorate_policies::health::FailureReason;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Instant,
};
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
    /// How PostgreSQL servers are asked; without it no such target can be.
    pub postgres: Option<PostgresCredentials>,
}

impl Default for ProberSettings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            extra_ca_pem: None,
            user_agent: concat!("quorate/", env!("CARGO_PKG_VERSION")).to_owned(),
            postgres: None,
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
    postgres: postgres::Sessions,
}

impl Prober {
    /// A prober. Reads the operating system's name servers, hosts file and certificates once; it must be called
    /// within a tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(settings: ProberSettings) -> Result<Self, ProberError> {
        let ProberSettings { resolvers, extra_ca_pem, user_agent, postgres } = settings;
        let roots = Arc::new(secure::roots(extra_ca_pem.as_deref())?);
        Ok(Self {
            resolver: resolve::Resolver::new(&resolvers)?,
            secure: secure::Secure::new(roots.clone(), &secure::HTTP)?,
            postgres: postgres::Sessions::new(postgres, roots),
            user_agent: HeaderValue::from_str(&user_agent)
                .map_err(|_| ProberError::UserAgent { text: user_agent })?,
        })
    }

    /// Probes a target once, over a fresh connection. Ends by the target's deadline, with whatever was learnt.
    pub async fn probe(&self, target: &Target) -> ProbeResult {
        let started = Instant::now();
        let mut result = ProbeResult::cancelled(target.name().clone());
        result.outcome = match self.attempt(target, started, &mut result).await {
            Ok(()) => Outcome::Success,
            Err(failure) => failure.into(),
        };
        result.total = started.elapsed();
        result
    }

    /// The addresses of a name, asked anew as a probe asks for them. How long is waited is the caller's business.
    ///
    /// # Errors
    /// Why there is none: the reason of a probe that ended there, and its detail.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, (FailureReason, String)> {
        self.resolver.addresses(name).await.map_err(|failure| (failure.reason, failure.detail))
    }

    async fn attempt(
        &self,
        target: &Target,
        started: Instant,
        seen: &mut ProbeResult,
    ) -> Result<(), Failure> {
        let deadline = Deadline::new(started, target.timeout().duration());
        let (endpoint, port) = target.endpoint();
        let addresses = match endpoint {
            Endpoint::Address(address) => vec![*address],
            Endpoint::Name(name) => {
                let lookup = self.resolver.addresses(name);
                let found = deadline.bound(lookup, FailureReason::DnsTimeout, "resolving").await??;
                seen.phases.resolve = Some(started.elapsed());
                found
            }
        };
        let lap = Instant::now();
        let stream = connect::connect(&addresses, port, &deadline, seen).await?;
        seen.phases.connect = Some(lap.elapsed());
        match target {
            Target::Http(target) => self.request(stream, target, &deadline, seen).await,
            Target::Postgres(target) => self.postgres.ask(stream, target, &deadline, seen).await,
        }
    }

    async fn request(
        &self,
        stream: TcpStream,
        target: &HttpTarget,
        deadline: &Deadline,
        seen: &mut ProbeResult,
    ) -> Result<(), Failure> {
        let Some(name) = &target.tls else {
            return exchange::plain(stream, target, &self.user_agent, deadline, seen).await;
        };
        let lap = Instant::now();
        let stream = self.secure.handshake(stream, name, deadline, seen).await?;
        seen.phases.tls = Some(lap.elapsed());
        exchange::encrypted(stream, target, &self.user_agent, deadline, seen).await
    }
}
