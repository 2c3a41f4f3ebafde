//! DNS itself: `dns.converged` has one answer to wait for and resolvers that can be asked; `dns.update` has a server, a
//! name in its zone, and values of the record's type.

use super::{super::address, fields::Fields, route53::one_cname};
use crate::plan::action::{DnsConverged, DnsUpdate, RecordKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The largest time to live (RFC 2181, section 8).
const TTL_S_MAX: u32 = 2_147_483_647;

pub(super) fn converged(fields: &mut Fields<'_>, action: &DnsConverged) {
    let keys = [("like", action.like.is_some()), ("values", !action.values.is_empty())];
    fields.exactly_one("the answer to wait for", &keys);
    let judge = |text: &str| match (text.parse::<IpAddr>(), text.parse::<SocketAddr>()) {
        (Err(_), Err(_)) => Err(format!("`{text}` is not an address")),
        _ => Ok(()),
    };
    // A resolver's own name could not be resolved where it is needed.
    fields.judge("resolvers", judge, "write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53");
}

pub(super) fn update(fields: &mut Fields<'_>, action: &DnsUpdate) {
    let server = |text: &str| match DnsUpdate::address(text) {
        Some((host, _)) if host.parse::<IpAddr>().is_ok() || address::host(&host) => Ok(()),
        Some(_) | None => Err(format!("`{text}` is neither a host nor a host with a port")),
    };
    fields.judge("server", server, "write it as 192.0.2.53, ns1.example.com:5353 or [2001:db8::53]:53");
    let name = |text: &str| {
        let bare = text.strip_prefix("*.").unwrap_or(text);
        if address::host(bare) { Ok(()) } else { Err(format!("`{text}` is not a name")) }
    };
    fields.judge("zone", name, "write the zone's name, for example example.com");
    fields.judge("key", name, "write the key's name as the server has it, for example quorate.example.com");
    let zone = action.zone.trim_end_matches('.').to_ascii_lowercase();
    let placed = |text: &str| {
        name(text)?;
        let own = text.trim_end_matches('.').to_ascii_lowercase();
        let front = own.strip_suffix(&zone);
        let within = front.is_some_and(|front| front.is_empty() || front.ends_with('.'));
        // A zone that holds a variable is another one for each region.
        if within || zone.contains('{') {
            Ok(())
        } else {
            Err(format!("`{text}` is not in the zone `{}`", action.zone))
        }
    };
    fields.judge("name", placed, "write the record's whole name, for example www.example.com");
    values(fields, action);
    if action.ttl_s > TTL_S_MAX {
        let message = format!("a time to live of {} s is above {TTL_S_MAX}", action.ttl_s);
        fields.wrong(&["ttl_s"], message, "write 60, so that clients learn of the next move soon");
    }
}

fn values(fields: &mut Fields<'_>, action: &DnsUpdate) {
    if action.values.is_empty() {
        fields.wrong(&["values"], "the record would answer nothing", "write what it shall answer");
    }
    let fits = |text: &str| match action.kind {
        RecordKind::A => text.parse::<Ipv4Addr>().is_ok(),
        RecordKind::Aaaa => text.parse::<Ipv6Addr>().is_ok(),
        RecordKind::Cname => address::host(text),
    };
    let kind = action.kind.as_str();
    let value =
        |text: &str| if fits(text) { Ok(()) } else { Err(format!("`{text}` is not a value of type {kind}")) };
    fields.judge("values", value, "write IPv4 addresses for A, IPv6 ones for AAAA, a name for CNAME");
    one_cname(fields, &[], action.kind, &action.values);
}
