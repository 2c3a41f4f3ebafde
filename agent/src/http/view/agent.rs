//! The agent, its peers and all services.

use quorate_api::status::{Member, Status};
use quorate_core::{Node, node::Now};
use quorate_policies::{AgentName, document};
use std::collections::BTreeMap;

/// The addresses of the voters, as this agent's file has them.
type Addresses = BTreeMap<AgentName, document::Member>;

/// `GET /v1/status`.
pub(in crate::http) fn status(node: &Node, now: Now, addresses: &Addresses) -> Status {
    let standing = node.standing();
    Status {
        agent: node.settings().name.to_string(),
        region: node.settings().region.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        has_quorum: standing.has_quorum,
        leader: standing.leader.as_ref().map(ToString::to_string),
        term: standing.term,
        abstains: node.abstains(now.mono),
        members: members(node, now, addresses),
        services: services(node, now),
    }
}

/// Every voter of this agent's file.
pub(in crate::http) fn members(node: &Node, now: Now, addresses: &Addresses) -> Vec<Member> {
    let heard = node.peers(now.mono);
    let me = &node.settings().name;
    let member = |(name, region): (&AgentName, &quorate_policies::RegionName)| Member {
        name: name.to_string(),
        region: region.to_string(),
        address: addresses.get(name).map(|member| member.address.clone()).unwrap_or_default(),
        leader: node.standing().leader.as_ref() == Some(name),
        me: name == me,
        // An agent does not hear itself.
        heard_ms_ago: heard.get(name).filter(|_| name != me).map(|age| age.0),
    };
    node.settings().members.iter().map(member).collect()
}

/// Every service, by name.
pub(in crate::http) fn services(node: &Node, now: Now) -> Vec<quorate_api::Service> {
    let each = node.cluster().services.iter();
    each.filter_map(|(name, state)| Some(super::service(name, state, &node.explain(now, name).ok()?)))
        .collect()
}
