//! One PostgreSQL server to be probed. The password is no part of it: targets are compared, logged and shown.

use super::{Endpoint, TargetError};
use quorate_policies::{name::TargetName, policy::PostgresProbe, time::Millis};
use rustls_pki_types::ServerName;
use std::net::IpAddr;

/// One PostgreSQL server, ready to be probed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresTarget {
    name: TargetName,
    pub(crate) endpoint: Endpoint,
    pub(crate) port: u16,
    pub(crate) database: String,
    pub(crate) user: String,
    /// The table into which a primary's heartbeat row is written.
    pub(crate) write: Option<String>,
    /// The name that the certificate must carry.
    pub(crate) tls: ServerName<'static>,
    pub(crate) timeout: Millis,
}

impl PostgresTarget {
    pub(super) fn new(name: TargetName, probe: &PostgresProbe, timeout: Millis) -> Result<Self, TargetError> {
        let host = &probe.host;
        let endpoint = match host.parse::<IpAddr>() {
            Ok(address) => Endpoint::Address(address),
            Err(_) => Endpoint::Name(host.clone()),
        };
        // A final dot makes a name absolute for resolvers; certificates are written without it.
        let bare = host.trim_end_matches('.').to_owned();
        let tls = ServerName::try_from(bare)
            .map_err(|_| TargetError::Host { target: name.clone(), host: host.clone() })?;
        let PostgresProbe { port, database, user, write, .. } = probe.clone();
        Ok(Self { name, endpoint, port, database, user, write, tls, timeout })
    }

    /// The target's name.
    #[must_use]
    pub fn name(&self) -> &TargetName {
        &self.name
    }

    /// Whether the host is an address of this machine itself. A name is not taken for it: who answers to it is somebody
    /// else's decision.
    pub(crate) fn on_this_machine(&self) -> bool {
        matches!(self.endpoint, Endpoint::Address(address) if address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(host: &str) -> Result<PostgresTarget, TargetError> {
        let name = TargetName::try_from("database/a".to_owned()).unwrap();
        let probe = serde_json::from_value(serde_json::json!({ "host": host, "user": "u" })).unwrap();
        PostgresTarget::new(name, &probe, Millis(100))
    }

    /// Goal: endpoint and server name follow from the host. Method: a name, addresses, and what is neither.
    #[test]
    fn a_host_becomes_its_parts() {
        for (host, tls, here) in [
            ("db.example.com.", "db.example.com", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "::1", true),
        ] {
            let target = target(host).unwrap();
            assert_eq!((target.tls.to_str().as_ref(), target.on_this_machine()), (tls, here), "{host}");
        }
        assert!(!target("localhost").unwrap().on_this_machine());
        assert!(matches!(target("postgres://db"), Err(TargetError::Host { .. })));
        assert!(matches!(target("{db}"), Err(TargetError::Host { .. })));
    }
}
