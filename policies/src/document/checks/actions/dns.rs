//! `dns.converged`: one answer to wait for, and resolvers that can be asked.

use super::fields::Fields;
use crate::plan::action::DnsConverged;
use std::net::{IpAddr, SocketAddr};

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
