//! `dns.converged`: asks real resolvers, and the zone's own name servers, until all give the new answer. It only looks;
//! `judge` says what the answers mean. It uses nobody's control plane: DNS itself is asked.

mod judge;
#[cfg(test)]
mod tests;

use futures_util::future::{join, join_all, join3};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::ResponseCode,
        rr::{RData, RecordType},
    },
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
        let own = match resolver(&self.own) {
            Ok(own) => own,
            Err(reason) => return Observed::Unknown { reason },
        };
        let mut listed = Vec::new();
        for text in &action.resolvers {
            match address(text) {
                Some(address) => listed.push(address),
                None => return Observed::Impossible { reason: format!("`{text}` is no resolver's address") },
            }
        }
        // All at once, so that one that is silent costs the look no more than its own wait.
        let listed = join_all(listed.into_iter().map(|address| ask_at(address.to_string(), address, action)));
        let (mut seen, servers, own) = join3(
            listed,
            self.name_servers(&own, action),
            ask("this agent's resolvers".to_owned(), &own, action),
        )
        .await;
        seen.extend(servers);
        seen.push(own);
        judge::standing(&action.record, &seen)
    }

    pub(super) fn act() -> Acted {
        Acted::Accepted { detail: "there is nothing to do but to look".to_owned() }
    }

    /// What the name servers of the record's zone say. That they are not found is an answer too, and no convergence.
    async fn name_servers(&self, own: &TokioResolver, action: &DnsConverged) -> Vec<Seen> {
        if !action.name_servers {
            return Vec::new();
        }
        let servers = match servers_of(own, &action.record).await {
            Ok(servers) => servers,
            Err(why) => return vec![Seen::failed("the zone's name servers".to_owned(), why)],
        };
        let ask = |server: String| async {
            match address_of(own, &server).await {
                Ok(address) => ask_at(server, SocketAddr::new(address, self.name_server_port), action).await,
                Err(why) => Seen::failed(server, why),
            }
        };
        join_all(servers.into_iter().take(NAME_SERVERS_MAX).map(ask)).await
    }
}

/// The servers of the zone that holds a name: of the nearest ancestor that has any.
async fn servers_of(own: &TokioResolver, record: &str) -> Result<BTreeSet<String>, String> {
    let mut zone = record.trim_end_matches('.');
    for _ in 0..LABELS_MAX {
        // Without an answer the way up is not known, and every step of it would cost another wait.
        let servers = query(own, zone, RecordType::NS).await?;
        if !servers.values.is_empty() {
            return Ok(servers.values);
        }
        match zone.split_once('.') {
            // The top level is nobody's own zone.
            Some((_, parent)) if parent.contains('.') => zone = parent,
            _ => break,
        }
    }
    Err("not found".to_owned())
}

async fn address_of(own: &TokioResolver, server: &str) -> Result<IpAddr, String> {
    let answer = query(own, server, RecordType::A).await?;
    let address = answer.values.iter().find_map(|value| value.parse().ok());
    address.ok_or_else(|| "it has no address".to_owned())
}

async fn ask_at(name: String, address: SocketAddr, action: &DnsConverged) -> Seen {
    match resolver(&[address]) {
        Ok(resolver) => ask(name, &resolver, action).await,
        Err(why) => Seen::failed(name, why),
    }
}

async fn ask(name: String, resolver: &TokioResolver, action: &DnsConverged) -> Seen {
    let kind = match action.kind {
        RecordKind::A => RecordType::A,
        RecordKind::Aaaa => RecordType::AAAA,
        RecordKind::Cname => RecordType::CNAME,
    };
    let wanted = async {
        match &action.like {
            Some(like) => query(resolver, like, kind).await.map(|answer| answer.values),
            None => Ok(action.values.iter().map(|value| normal(value)).collect()),
        }
    };
    let (answer, wanted) = join(query(resolver, &action.record, kind), wanted).await;
    Seen { resolver: name, answer, wanted }
}

/// Asks once. A name without such records, or no such name, is an answer without values.
async fn query(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Answer, String> {
    let absolute = format!("{}.", name.trim_end_matches('.'));
    match resolver.lookup(absolute, kind).await {
        Ok(lookup) => {
            let records = lookup.answers().iter().filter(|record| record.record_type() == kind);
            let pairs: Vec<(String, u32)> =
                records.filter_map(|record| Some((text(&record.data)?, record.ttl))).collect();
            let ttl_s = pairs.iter().map(|(_, ttl)| *ttl).min().unwrap_or_default();
            Ok(Answer { values: pairs.into_iter().map(|(value, _)| value).collect(), ttl_s, no_name: false })
        }
        // A denial lives as long as its SOA says.
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) if is_denial(none.response_code) => {
            let no_name = none.response_code == ResponseCode::NXDomain;
            Ok(Answer { ttl_s: none.negative_ttl.unwrap_or_default(), no_name, ..Answer::default() })
        }
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Err(none.response_code.to_string()),
        Err(NetError::Dns(DnsError::ResponseCode(code))) => Err(code.to_string()),
        Err(NetError::Timeout) => Err(format!("no reply within {QUERY_MAX:?}")),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether an answer without records says that there are none, and not that it is not known.
fn is_denial(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::NoError | ResponseCode::NXDomain)
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
