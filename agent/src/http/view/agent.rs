//! The agent, its peers and all services.

use quorate_api::status::{Change, Member, Status};
use quorate_core::{Node, Seat, node::Now};
use quorate_policies::{AgentName, document};
use std::collections::BTreeMap;

/// The addresses of the voters, as this agent's file has them.
type Addresses = BTreeMap<AgentName, document::Member>;
/// The agents' versions, as they said them themselves.
type Versions = BTreeMap<AgentName, String>;

/// `GET /v1/status`.
pub(in crate::http) fn status(node: &Node, now: Now, addresses: &Addresses, versions: &Versions) -> Status {
    let standing = node.standing();
    Status {
        agent: node.settings().name.to_string(),
        region: node.settings().region.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        feature_level: node.cluster().feature_level.0,
        has_quorum: standing.has_quorum,
        leader: standing.leader.as_ref().map(ToString::to_string),
        term: standing.term,
        abstains: node.abstains(now.mono),
        members: members(node, now, addresses, versions),
        services: services(node, now),
    }
}

/// Every voter, and who is being added; those of this agent's file until the cluster is formed.
pub(in crate::http) fn members(
    node: &Node,
    now: Now,
    addresses: &Addresses,
    versions: &Versions,
) -> Vec<Member> {
    let (heard, levels) = (node.peers(now.mono), node.feature_levels(now.mono));
    let cluster = node.cluster();
    let seated = if cluster.members.is_empty() { node.voters().clone() } else { cluster.seated() };
    let address = |name: &AgentName| {
        let listed = addresses.get(name).map(|member| member.address.clone());
        listed.or_else(|| cluster.address_of(name).cloned()).unwrap_or_default()
    };
    let me = &node.settings().name;
    let member = |(name, region): (&AgentName, &quorate_policies::RegionName)| Member {
        name: name.to_string(),
        region: region.to_string(),
        address: address(name),
        leader: node.standing().leader.as_ref() == Some(name),
        me: name == me,
        place: match cluster.seat(name) {
            Seat::Joining => "joining",
            Seat::Leaving => "leaving",
            Seat::Member | Seat::Unknown | Seat::Removed => "voter",
        }
        .to_owned(),
        version: versions.get(name).cloned(),
        feature_level: levels.get(name).map(|level| level.0),
        // An agent does not hear itself.
        heard_ms_ago: heard.get(name).filter(|_| name != me).map(|age| age.0),
    };
    seated.iter().map(member).collect()
}

/// The change that is under way.
pub(in crate::http) fn change(node: &Node) -> Option<Change> {
    let changing = node.cluster().roster.changing.as_ref()?;
    Some(Change {
        what: changing.change.to_string(),
        since: changing.since.to_string(),
        by: changing.actor.name.clone(),
        reason: changing.actor.reason.clone(),
        cancelled: changing.cancelled.is_some(),
    })
}

/// Every service, by name.
pub(in crate::http) fn services(node: &Node, now: Now) -> Vec<quorate_api::Service> {
    let each = node.cluster().services.iter();
    each.filter_map(|(name, state)| Some(super::service(name, state, &node.explain(now, name).ok()?)))
        .collect()
}
