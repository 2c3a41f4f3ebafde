//! Why a probe failed: a closed list, so that it can be a metric label, and what each reason says about the
//! target. A reason that lies with the prober itself says nothing about the target (R7, R8).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a probe failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum FailureReason { $($(#[$doc])* $name,)* }

        impl FailureReason {
            /// Every reason, in the order of a probe's phases.
            pub const ALL: &[FailureReason] = &[$(FailureReason::$name,)*];

            /// The reason as a metric label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(FailureReason::$name => $text,)* }
            }
        }
    };
}

reasons! {
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain",
    /// No resolver answered in time.
    DnsTimeout = "dns_timeout",
    /// The resolver answered with an error, or with no address.
    DnsError = "dns_error",
    /// The host refused the connection.
    ConnectRefused = "connect_refused",
    /// The connection was not made in time.
    ConnectTimeout = "connect_timeout",
    /// No route to the host.
    ConnectUnreachable = "connect_unreachable",
    /// The TLS handshake failed.
    TlsHandshake = "tls_handshake",
    /// The certificate has expired.
    TlsCertExpired = "tls_cert_expired",
    /// The certificate is for another name.
    TlsCertName = "tls_cert_name",
    /// The certificate's issuer is not trusted.
    TlsCertUntrusted = "tls_cert_untrusted",
    /// The request could not be written.
    Write = "write",
    /// No reply began before the deadline.
    TtfbTimeout = "ttfb_timeout",
    /// The connection was reset or closed early.
    Reset = "reset",
    /// The reply was not valid HTTP, or not PostgreSQL's.
    Protocol = "protocol",
    /// The status was not an expected one.
    Status = "status",
    /// The body did not match.
    Body = "body",
    /// A header did not match.
    Header = "header",
    /// The reply came, but slower than the policy's limit.
    Latency = "latency",
    /// The body was larger than the limit.
    TooLarge = "too_large",
    /// A redirect that the policy does not follow.
    Redirect = "redirect",
    /// PostgreSQL has no connection slot left.
    TooManyConnections = "too_many_connections",
    /// PostgreSQL runs but takes no connections: it starts up, recovers without hot standby, or shuts down.
    NotAccepting = "not_accepting",
    /// The statement failed.
    Statement = "statement",
    /// The server says that it is a primary, and refuses to write.
    ReadOnly = "read_only",
    /// PostgreSQL answers, but refuses the probe's account, or lacks the database or table that the probe names: says
    /// nothing about the target, because only its setup is wrong.
    Access = "access",
    /// The prober itself lacked a socket, a port, memory or its credentials: says nothing about the target.
    LocalResource = "local_resource",
    /// The prober was stopped: says nothing about the target.
    Cancelled = "cancelled",
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What one probe says about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "observation", content = "reason")]
pub enum Observation {
    /// The target answered as expected.
    Success,
    /// The target did not.
    Failure(FailureReason),
    /// The probe says nothing about the target.
    Nothing(FailureReason),
}

impl From<FailureReason> for Observation {
    fn from(reason: FailureReason) -> Self {
        match reason {
            FailureReason::LocalResource | FailureReason::Cancelled | FailureReason::Access => {
                Observation::Nothing(reason)
            }
            FailureReason::DnsNxdomain
            | FailureReason::DnsTimeout
            | FailureReason::DnsError
            | FailureReason::ConnectRefused
            | FailureReason::ConnectTimeout
            | FailureReason::ConnectUnreachable
            | FailureReason::TlsHandshake
            | FailureReason::TlsCertExpired
            | FailureReason::TlsCertName
            | FailureReason::TlsCertUntrusted
            | FailureReason::Write
            | FailureReason::TtfbTimeout
            | FailureReason::Reset
            | FailureReason::Protocol
            | FailureReason::Status
            | FailureReason::Body
            | FailureReason::Header
            | FailureReason::Latency
            | FailureReason::TooLarge
            | FailureReason::Redirect
            | FailureReason::TooManyConnections
            | FailureReason::NotAccepting
            | FailureReason::Statement
            | FailureReason::ReadOnly => Observation::Failure(reason),
        }
    }
}
