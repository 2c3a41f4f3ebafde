//! Where each agent of a world sits: ports of loopback, and the addresses by which it sees the sandbox, BIND and S3. It starts
//! nothing.

use quorate::init;
use quorate_sandbox::Vantage;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Where each agent sits, and how it sees the world.
///
/// # Errors
/// When no port is free.
pub(super) fn seats(
    regions: &[&str],
    views: &BTreeMap<String, Vantage>,
    key: Option<&str>,
    resolver: Option<SocketAddr>,
    s3: &BTreeMap<String, String>,
) -> anyhow::Result<Vec<init::AgentPlan>> {
    // Held until all are found, so that none is given twice.
    let mut held = Vec::new();
    let mut free = || -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        held.push(listener);
        Ok(address)
    };
    let mut plans = Vec::new();
    for region in regions {
        let view = views.get(*region);
        let resolvers = match view {
            Some(view) => vec![view.resolver.parse()?],
            None => resolver.into_iter().collect(),
        };
        plans.push(init::AgentPlan {
            name: (*region).to_owned(),
            region: (*region).to_owned(),
            listen: free()?,
            peer_listen: free()?,
            signal: None,
            addresses: BTreeMap::new(),
            resolvers,
            regional: view.map(|view| view.aws.clone()).unwrap_or_default(),
            s3: s3.clone(),
            route53: view.map(|view| view.route53.clone()),
            statuspage: view.and_then(|view| Some((view.statuspage.clone(), key?.to_owned()))),
        });
    }
    Ok(plans)
}
