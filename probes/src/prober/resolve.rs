//! From a host name to addresses, asked anew by every probe: an answer remembered from before a DNS change would
//! test the wrong place. The hosts file and `localhost` are honoured, as every other program on the machine does.

use super::os_error;
use crate::{prober::ProberError, result::Failure};
use hickory_resolver::{
    TokioResolver,
    config::{
        ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
    },
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::op::ResponseCode,
};
use quorate_policies::health::FailureReason;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// How long the resolver itself waits for a name server. Longer than any sensible probe, so that the probe's own
/// deadline decides; the library's default, named here because the reason depends on it.
const QUERY_TIMEOUT: Duration = Duration::from_secs(5);

/// How many name servers are asked at once: all that a resolver configuration may list, so that a dead name
/// server costs a probe nothing.
const SERVERS_ASKED_AT_ONCE: usize = 3;

/// Most queries that wait on one connection to a name server. The library's 32 would make a region of a hundred
/// names fail at once with "busy"; this is above the probes that run at once.
const QUERIES_MAX: usize = 1_024;

/// Resolves names without remembering them.
#[derive(Debug)]
pub(super) struct Resolver {
    inner: TokioResolver,
}

impl Resolver {
    /// A resolver that asks `servers`, or those of the operating system if there are none.
    pub(super) fn new(servers: &[SocketAddr]) -> Result<Self, ProberError> {
        let (config, mut options) = match servers {
            [] => system(),
            servers => (asking(servers), ResolverOpts::default()),
        };
        // Both the size and the lifetimes are zero: no answer outlives the probe that asked for it.
        options.cache_size = 0;
        options.positive_max_ttl = Some(Duration::ZERO);
        options.negative_max_ttl = Some(Duration::ZERO);
        // The same family is tested every time, and one query is enough; a name that has only IPv6 works as well.
        options.ip_strategy = LookupIpStrategy::Ipv4thenIpv6;
        options.use_hosts_file = ResolveHosts::Always;
        options.timeout = QUERY_TIMEOUT;
        options.num_concurrent_reqs = SERVERS_ASKED_AT_ONCE;
        options.max_active_requests = QUERIES_MAX;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        Ok(Self { inner: builder.with_options(options).build()? })
    }

    /// The addresses of a name, in the order in which the name server gave them.
    pub(super) async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let found: Vec<IpAddr> = match self.inner.lookup_ip(name).await {
            Ok(lookup) => lookup.iter().collect(),
            Err(error) => return Err(Failure::new(classify(&error), format!("resolving {name}: {error}"))),
        };
        match found.is_empty() {
            true => {
                Err(Failure::new(FailureReason::DnsError, format!("resolving {name}: it has no address")))
            }
            false => Ok(found),
        }
    }
}

fn asking(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
        connections.iter_mut().for_each(|connection| connection.port = address.port());
        NameServerConfig::new(address.ip(), true, connections)
    };
    ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect())
}

/// The operating system's configuration. A machine without one is treated as the C library does: a name server
/// on the machine itself. Targets that are addresses work in any case.
fn system() -> (ResolverConfig, ResolverOpts) {
    hickory_resolver::system_conf::read_system_conf().unwrap_or_else(|error| {
        tracing::warn!(%error, "no resolver configuration; asking 127.0.0.1:53");
        (asking(&[SocketAddr::from((Ipv4Addr::LOCALHOST, 53))]), ResolverOpts::default())
    })
}

fn classify(error: &NetError) -> FailureReason {
    match error {
        NetError::Timeout => FailureReason::DnsTimeout,
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code == ResponseCode::NXDomain => {
            FailureReason::DnsNxdomain
        }
        NetError::Io(error) if os_error::is_local(error) => FailureReason::LocalResource,
        // Too many queries of our own: the name server was not even asked.
        NetError::Busy => FailureReason::LocalResource,
        _ => FailureReason::DnsError,
    }
}
