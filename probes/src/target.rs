//! What a probe looks at, checked once when a policy is loaded so that probing itself cannot meet a bad text.
//! Variables such as `{region}` are resolved before; a text that still has one is refused.

mod http;
mod postgres;

pub use http::HttpTarget;
pub use postgres::PostgresTarget;

use quorate_policies::{name::TargetName, policy::Looks, time::Millis};
use std::net::IpAddr;

/// Why a text cannot be probed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The text is not a URL.
    #[error("{target}: `{url}` is not a URL: {source}")]
    Url {
        /// The target.
        target: TargetName,
        /// The rejected text.
        url: String,
        /// What the URL parser says.
        source: url::ParseError,
    },
    /// A template was left unresolved.
    #[error("{target}: `{url}` still holds a `{{name}}`: no variable of the region has that name")]
    Template {
        /// The target.
        target: TargetName,
        /// The rejected text.
        url: String,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("{target}: `{url}` is neither http:// nor https://")]
    Scheme {
        /// The target.
        target: TargetName,
        /// The rejected text.
        url: String,
    },
    /// The URL carries a user name or password, which would end in logs and on status pages.
    #[error("{target}: a URL must not hold a user name or a password")]
    Credentials {
        /// The target.
        target: TargetName,
    },
    /// The public name cannot be a Host header or a TLS server name.
    #[error("{target}: `{host}` cannot be sent as Host and server name; write for example shop.example.com")]
    PublicName {
        /// The target.
        target: TargetName,
        /// The rejected text.
        host: String,
    },
    /// The server's host is neither a name nor an address.
    #[error(
        "{target}: `{host}` is neither a host name nor an address; write for example db.us-east-1.example.com"
    )]
    Host {
        /// The target.
        target: TargetName,
        /// The rejected text.
        host: String,
    },
    /// The deadline is zero: such a probe always fails.
    #[error("{target}: the timeout must be longer than zero")]
    Timeout {
        /// The target.
        target: TargetName,
    },
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A name, resolved anew by every probe.
    Name(String),
    /// An address: nothing to resolve.
    Address(IpAddr),
}

/// One target, ready to be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An HTTP or HTTPS endpoint.
    Http(HttpTarget),
    /// A PostgreSQL server.
    Postgres(PostgresTarget),
}

impl Target {
    /// A target from what a probe of a policy looks at, all variables resolved, and its one deadline.
    ///
    /// # Errors
    /// When a text cannot be used, or the timeout is zero.
    pub fn new(name: TargetName, looks: &Looks, timeout: Millis) -> Result<Self, TargetError> {
        if timeout == Millis::ZERO {
            return Err(TargetError::Timeout { target: name });
        }
        match looks {
            Looks::Http(http) => HttpTarget::new(name, http, timeout).map(Target::Http),
            Looks::Postgres(postgres) => PostgresTarget::new(name, postgres, timeout).map(Target::Postgres),
        }
    }

    /// The target's name.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        match self {
            Target::Http(target) => target.name(),
            Target::Postgres(target) => target.name(),
        }
    }

    /// The one deadline of a probe.
    #[must_use]
    pub fn timeout(&self) -> Millis {
        match self {
            Target::Http(target) => target.timeout,
            Target::Postgres(target) => target.timeout,
        }
    }

    /// The name that is resolved for it; none where an address is written.
    #[must_use]
    pub fn host_name(&self) -> Option<&str> {
        match self.endpoint().0 {
            Endpoint::Name(name) => Some(name),
            Endpoint::Address(_) => None,
        }
    }

    /// Where to connect.
    pub(crate) fn endpoint(&self) -> (&Endpoint, u16) {
        match self {
            Target::Http(target) => (&target.endpoint, target.port),
            Target::Postgres(target) => (&target.endpoint, target.port),
        }
    }
}
