//! What the actions on DNS itself say: a record on a server of one's own, and an answer to wait for.

use super::{RecordKind, route53::ttl_default_s};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// DNS.
const PORT: u16 = 53;

/// Fields of `dns.converged`. One of `like` and `values` is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsConverged {
    /// The name that clients use.
    pub record: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// The name whose answer it shall have, such as the new load balancer's: each resolver is asked for both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// The answer that it shall have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Resolvers to ask, as `address` or `address:port`. The agent's own are always asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<String>,
    /// Whether the zone's own name servers are asked as well.
    #[serde(default = "name_servers_default")]
    pub name_servers: bool,
}

/// They have no cache: what they say is what every resolver will say in the end.
const fn name_servers_default() -> bool {
    true
}

/// Fields of `dns.update`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsUpdate {
    /// The zone's primary server, as `host` or `host:port`. An address outlasts whatever else DNS does on that day.
    pub server: String,
    /// The zone's name.
    pub zone: String,
    /// The record's fully qualified name, with or without the trailing dot.
    pub name: String,
    /// The record's type.
    #[serde(default, rename = "type")]
    pub kind: RecordKind,
    /// What it shall answer: addresses, or the one name of a CNAME.
    pub values: Vec<String>,
    /// Time to live, in seconds.
    #[serde(default = "ttl_default_s")]
    pub ttl_s: u32,
    /// The name of the TSIG key, as the server has it and as the agents' files define it.
    pub key: String,
}

impl DnsUpdate {
    /// The server's host and port; none if the text is neither `host` nor `host:port`.
    #[must_use]
    pub fn address(server: &str) -> Option<(String, u16)> {
        if let Ok(address) = server.parse::<SocketAddr>() {
            return Some((address.ip().to_string(), address.port())).filter(|(_, port)| *port > 0);
        }
        if server.parse::<IpAddr>().is_ok() {
            return Some((server.to_owned(), PORT));
        }
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (server, PORT),
        };
        (port > 0 && !host.is_empty() && !host.contains(':')).then(|| (host.to_owned(), port))
    }
}
