//! Where agents sit: from names, regions and hosts to addresses and ports that do not collide.

use super::AgentPlan;
use quorate_policies::{AgentName, RegionName};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Port of the API of the first agent on a host.
const API_PORT: u16 = 7950;
/// Port for the peers of the first agent on a host.
const PEER_PORT: u16 = 7951;
/// Distance between the ports of two agents on one host: readable, and there is room for another port or two.
const PORT_STEP: u16 = 10;
/// Most agents on one host, above any cluster's size, so that a port never overflows.
const AGENTS_MAX: u16 = 100;

/// Where one agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Its region.
    pub region: String,
    /// The host at which the others reach it: a DNS name or an address.
    pub host: String,
}

impl Place {
    /// Three regions on this machine: two in which a service can run, and a witness.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let regions = ["us-east-1", "us-west-2", "eu-west-1"];
        let place = |region: &str| Self {
            name: region.into(),
            region: region.into(),
            host: Ipv4Addr::LOCALHOST.to_string(),
        };
        regions.into_iter().map(place).collect()
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('=').collect();
        let [name, region, host] = parts[..] else {
            return Err(format!(
                "`{text}` is not an agent; write name=region=host, for example east=us-east-1=10.0.0.1"
            ));
        };
        AgentName::try_from(name).map_err(|error| error.to_string())?;
        RegionName::try_from(region).map_err(|error| error.to_string())?;
        let host = host.trim_matches(['[', ']']);
        let port = host.parse::<IpAddr>().is_err() && host.contains(':');
        if host.is_empty()
            || port
            || host.contains(['/', '@', '[', ']'])
            || host.contains(char::is_whitespace)
        {
            return Err(format!("`{host}` is not a host; write a DNS name or an IP address without a port"));
        }
        Ok(Self { name: name.to_owned(), region: region.to_owned(), host: host.to_owned() })
    }
}

/// Gives every agent its addresses. The first agent on a host has ports 7950 and 7951, each further one ten more.
#[must_use]
pub fn plans(places: &[Place]) -> Vec<AgentPlan> {
    let mut taken: BTreeMap<&str, u16> = BTreeMap::new();
    let mut seats = Vec::new();
    for place in places {
        let before = taken.entry(&place.host).or_default();
        seats.push((place, (*before).min(AGENTS_MAX) * PORT_STEP));
        *before += 1;
    }
    let addresses: BTreeMap<String, String> = seats
        .iter()
        .map(|(place, step)| (place.name.clone(), address(&place.host, PEER_PORT + step)))
        .collect();
    let plan = |(place, step): &(&Place, u16)| AgentPlan {
        name: place.name.clone(),
        region: place.region.clone(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT + step)),
        peer_listen: SocketAddr::from((listen_address(&place.host), PEER_PORT + step)),
        signal: None,
        addresses: addresses.clone(),
        resolvers: Vec::new(),
        regional: BTreeMap::new(),
        s3: BTreeMap::new(),
        route53: None,
        statuspage: None,
    };
    seats.iter().map(plan).collect()
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// Where an agent listens for its peers: on loopback if that is where they are; otherwise everywhere, because the
/// address at which a host is reached is often not one of its own.
fn listen_address(host: &str) -> IpAddr {
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => ip,
        Ok(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) if host == "localhost" => Ipv4Addr::LOCALHOST.into(),
        Ok(IpAddr::V4(_)) | Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: agents on one machine never share a port, agents on different machines have the same ones.
    /// Method: the usual places, and two hosts.
    #[test]
    fn ports_do_not_collide() {
        let ports = |places: &[Place]| -> Vec<(String, String)> {
            plans(places).iter().map(|plan| (plan.listen.to_string(), plan.peer_listen.to_string())).collect()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            ports(&Place::usual()),
            [
                pair("127.0.0.1:7950", "127.0.0.1:7951"),
                pair("127.0.0.1:7960", "127.0.0.1:7961"),
                pair("127.0.0.1:7970", "127.0.0.1:7971")
            ]
        );
        let places: Vec<Place> = ["a=r1=10.0.0.1", "b=r2=b.example.com", "c=r3=fd00::3"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(
            ports(&places),
            [
                pair("127.0.0.1:7950", "0.0.0.0:7951"),
                pair("127.0.0.1:7950", "0.0.0.0:7951"),
                pair("127.0.0.1:7950", "[::]:7951")
            ]
        );
        assert_eq!(plans(&places)[0].addresses["c"], "[fd00::3]:7951");
    }

    /// Goal: what is no place is refused with the mend. Method: the slips that people make.
    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["a", "a=r1", "a=r1=", "a=r1=host:7951", "=r1=h", "a b=r1=h", "a=r1=http://h"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
