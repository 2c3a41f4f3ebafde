//! `dns.converged`: asks real resolvers, and the zone's own name servers, until all give the new answer. It only looks;
//! `judge` says what the answers mean. It uses nobody's control plane: DNS itself is asked.

mod judge;

use futures_util::future::join_all;
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::rr::{RData, RecordType},
};
use judge::{Answer, Seen};
use quorate_policies::{
    effect::{Acted, Observed},
    plan::action::{DnsConverged, RecordKind},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// DNS.
const PORT: u16 = 53;
/// One query's wait, without a second try: the step looks again anyway, and a look has to end within its own limit.
const QUERY_MAX: Duration = Duration::from_secs(2);
/// Name servers that are asked at the most: a delegation set of Route 53 has four, and nobody has more than a dozen.
const NAME_SERVERS_MAX: usize = 13;
/// Labels that are cut off at the most while the zone above a name is looked for; a name has at most 127.
const LABELS_MAX: usize = 127;

/// The room.
pub(super) struct Converge {
    /// The agent's own resolvers; none means those of the system.
    own: Vec<SocketAddr>,
    name_server_port: u16,
}

impl Converge {
    pub(super) fn new(own: &[SocketAddr]) -> Self {
        Self { own: own.to_vec(), name_server_port: PORT }
    }

    pub(super) async fn observe(&self, action: &DnsConverged) -> Observed {
        let mut asked: Vec<(String, TokioResolver)> = Vec::new();
        let own = match resolver(&self.own) {
            Ok(own) => own,
            Err(reason) => return Observed::Unknown { reason },
        };
        let mut addresses = Vec::new();
        for text in &action.resolvers {
            match address(text) {
                Some(address) => addresses.push((address.to_string(), address)),
                None => return Observed::Impossible { reason: format!("`{text}` is no resolver's address") },
            }
        }
        if action.name_servers {
            match self.name_servers(&own, &action.record).await {
                Ok(servers) => addresses.extend(servers),
                Err(reason) => return Observed::InProgress { detail: reason },
            }
        }
        for (name, address) in addresses {
            match resolver(&[address]) {
                Ok(resolver) => asked.push((name, resolver)),
                Err(reason) => return Observed::Unknown { reason },
            }
        }
        asked.push(("this agent's resolvers".to_owned(), own));
        let seen = join_all(asked.iter().map(|(name, resolver)| ask(name, resolver, action))).await;
        judge::standing(&action.record, &seen)
    }

    pub(super) fn act() -> Acted {
        Acted::Accepted { detail: "there is nothing to do but to look".to_owned() }
    }

    /// The servers of the zone that holds a name, by name: the nearest ancestor that has any.
    async fn name_servers(
        &self,
        own: &TokioResolver,
        record: &str,
    ) -> Result<Vec<(String, SocketAddr)>, String> {
        let mut zone = record.trim_end_matches('.');
        for _ in 0..LABELS_MAX {
            let servers = query(own, zone, RecordType::NS).await.unwrap_or_else(|_| Answer::default());
            if !servers.values.is_empty() {
                return self.addresses_of(own, zone, &servers.values).await;
            }
            match zone.split_once('.') {
                // The top level is nobody's own zone.
                Some((_, parent)) if parent.contains('.') => zone = parent,
                _ => break,
            }
        }
        Err(format!("{record}: its zone's name servers are not found"))
    }

    async fn addresses_of(
        &self,
        own: &TokioResolver,
        zone: &str,
        servers: &BTreeSet<String>,
    ) -> Result<Vec<(String, SocketAddr)>, String> {
        let mut found = Vec::new();
        for server in servers.iter().take(NAME_SERVERS_MAX) {
            let answer = query(own, server, RecordType::A).await?;
            let address: Option<IpAddr> = answer.values.iter().find_map(|value| value.parse().ok());
            let address = address.ok_or_else(|| format!("{server} of zone {zone} has no address"))?;
            found.push((server.clone(), SocketAddr::new(address, self.name_server_port)));
        }
        Ok(found)
    }
}

async fn ask(name: &str, resolver: &TokioResolver, action: &DnsConverged) -> Seen {
    let kind = match action.kind {
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Cname => RecordType::CNAME,
    };
    let answer = query(resolver, &action.record, kind).await;
    let wanted = match &action.like {
        Some(like) => query(resolver, like, kind).await.map(|answer| answer.values),
        None => Ok(action.values.iter().map(|value| normal(value)).collect()),
    };
    Seen { resolver: name.to_owned(), answer, wanted }
}

/// Asks once. A name without such records is an answer without values.
async fn query(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Answer, String> {
    let absolute = format!("{}.", name.trim_end_matches('.'));
    match resolver.lookup(absolute, kind).await {
        Ok(lookup) => {
            let records = lookup.answers().iter().filter(|record| record.record_type() == kind);
            let pairs: Vec<(String, u32)> =
                records.filter_map(|record| Some((text(&record.data)?, record.ttl))).collect();
            let ttl_s = pairs.iter().map(|(_, ttl)| *ttl).min().unwrap_or_default();
            Ok(Answer { values: pairs.into_iter().map(|(value, _)| value).collect(), ttl_s })
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => Ok(Answer::default()),
        Err(NetError::Timeout) => Err(format!("no reply within {QUERY_MAX:?}")),
        Err(error) => Err(error.to_string()),
    }
}

fn text(data: &RData) -> Option<String> {
    match data {
        RData::A(address) => Some(address.to_string()),
        RData::AAAA(address) => Some(address.to_string()),
        RData::CNAME(name) => Some(normal(&name.to_string())),
        RData::NS(name) => Some(normal(&name.to_string())),
        _ => None,
    }
}

fn normal(value: &str) -> String {
    value.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// `address` or `address:port`.
fn address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, PORT)))
}

/// A resolver that asks these servers, or the system's, and remembers nothing: what it says is what they say now.
fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let (config, mut options) = if servers.is_empty() {
        let wrong = |error| format!("no resolver configuration: {error}");
        hickory_resolver::system_conf::read_system_conf().map_err(wrong)?
    } else {
        (asking(servers), ResolverOpts::default())
    };
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = QUERY_MAX;
    options.attempts = 0;
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    builder.with_options(options).build().map_err(|error| error.to_string())
}

fn asking(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        connections.iter_mut().for_each(|connection| connection.port = address.port());
        NameServerConfig::new(address.ip(), true, connections)
    };
    ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect())
}
