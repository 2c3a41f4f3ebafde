//! The sandbox's address plan: every place sees each region under an address of its own, on loopback unless told
//! otherwise, so that a path between two places can be cut. One port serves the applications on all of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::options::{GLOBAL, INTERNET, Options};

/// Which address leads from where to which region's application.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// By place and region. `internet` has the applications' own addresses.
    addresses: BTreeMap<(String, String), Ipv4Addr>,
    names: Vec<String>,
    network: [u8; 2],
}

/// The tenth /24 of the network holds the applications' own addresses and each place has one after it; low ones are
/// left alone because systems use 127.0.0.1 and 127.0.0.53.
const FIRST_NETWORK: u8 = 10;

impl Places {
    pub(crate) fn new(options: &Options) -> Self {
        let [first, second] = options.network;
        let mut addresses = BTreeMap::new();
        for (place, network) in std::iter::once(INTERNET).chain(vantages(options)).zip(FIRST_NETWORK..) {
            for (region, host) in options.regions().into_iter().zip(1..) {
                addresses.insert((place.into(), region.into()), Ipv4Addr::new(first, second, network, host));
            }
        }
        let mut names: Vec<String> = vantages(options).map(str::to_owned).collect();
        names.extend(options.regions().map(str::to_owned));
        names.push(GLOBAL.into());
        names.sort();
        names.dedup();
        Places { addresses, names, network: options.network }
    }

    /// Places that a path can lead from or to. The internet is none: it reaches everything directly.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Every (place, region) with its address, the applications' own among them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str, Ipv4Addr)> {
        self.addresses.iter().map(|((place, region), address)| (place.as_str(), region.as_str(), *address))
    }

    /// Where everything is that is in no region: 127.0.0.1 on loopback.
    pub(crate) fn home(&self) -> Ipv4Addr {
        let [first, second] = self.network;
        Ipv4Addr::new(first, second, 0, 1)
    }

    /// Where a place finds a region.
    pub(crate) fn address(&self, place: &str, region: &str) -> Option<Ipv4Addr> {
        self.addresses.get(&(place.to_owned(), region.to_owned())).copied()
    }

    /// An address as a place sees it: the application's own becomes the one that leads through the place's
    /// relay.
    pub(crate) fn seen_from(&self, place: &str, address: Ipv4Addr) -> Ipv4Addr {
        let own = self.all().find(|(from, _, own)| *from == INTERNET && *own == address);
        own.and_then(|(_, region, _)| self.address(place, region)).unwrap_or(address)
    }
}

/// Vantages that are places of their own.
pub(crate) fn vantages(options: &Options) -> impl Iterator<Item = &str> {
    options.vantages.iter().map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no two ways share an address, and an application's own address is seen through each place's
    /// relay.
    /// Method: collect all addresses of the default plan.
    #[test]
    fn every_way_has_its_own_address() {
        let places = Places::new(&Options::default());
        let distinct: std::collections::BTreeSet<Ipv4Addr> =
            places.all().map(|(_, _, address)| address).collect();
        assert_eq!((distinct.len(), places.all().count()), (8, 8));
        assert!(distinct.iter().all(Ipv4Addr::is_loopback));
        let own = places.address(INTERNET, "us-west-2").unwrap();
        assert_eq!(Some(places.seen_from("eu-west-1", own)), places.address("eu-west-1", "us-west-2"));
        assert_eq!(places.seen_from("eu-west-1", Ipv4Addr::new(192, 0, 2, 1)), Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(places.names(), ["eu-west-1", "global", "us-east-1", "us-west-2"]);
    }
}
