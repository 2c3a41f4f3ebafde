//! The other agents as they are reached from here: the way there, and whether they are of one mind with this one.

use super::{spoken, version};
use crate::{
    doctor::{
        facts::{Installation, Peer},
        finding::{Area, Finding},
    },
    peers::visit::{Answered, Unanswered},
};
use std::{collections::BTreeMap, time::Duration};

/// A heartbeat is the deadline of one append: a round trip and a synced write at the other end. Half of it for the way leaves
/// the other half for the disk and a busy moment.
pub(super) const ROUND_TRIP_SHARE: u32 = 2;

const LET_IN: &str = "start that agent, or let this host in at its port: security group, firewall, route; and correct `members`";

/// The view against which the others are held.
struct Mind {
    members: View,
    policies: View,
}

/// What somebody counts or judges by.
struct View {
    /// Who, in words.
    of: String,
    /// Voters and their regions, or services and the hashes of their policies.
    said: BTreeMap<String, String>,
    /// Whether it is a running agent: two of them must agree, while a file may be older than the log.
    running: bool,
}

pub(super) fn judge(facts: &Installation) -> Vec<Finding> {
    if facts.peers.is_empty() {
        let why = "the agent's file lists no other voter: one agent alone is for development";
        return vec![Finding::skipped(Area::Peers, "reachable", "peers", why)];
    }
    let mind = mind(facts);
    let mut findings: Vec<Finding> = facts.peers.iter().flat_map(|peer| one(facts, &mind, peer)).collect();
    findings.push(majority(facts));
    findings
}

fn one(facts: &Installation, mind: &Mind, peer: &Peer) -> Vec<Finding> {
    let mut findings = vec![reachable(facts, peer)];
    if let Ok(told) = &peer.told {
        findings.push(of_version(facts, peer, told));
        findings.push(members(facts, mind, peer, told));
        findings.extend(policies(mind, peer, told));
        findings.extend(quorum(peer, told));
    }
    findings.extend(signal(peer));
    findings
}

fn reachable(facts: &Installation, peer: &Peer) -> Finding {
    let (area, check, subject, address) = (Area::Peers, "reachable", peer.name.as_str(), &peer.address);
    let connected = match &peer.connected {
        Err(why) => return Finding::failed(area, check, subject, format!("{address}: {why}"), LET_IN),
        Ok(took) => spoken(*took),
    };
    match &peer.told {
        Err(Unanswered::Unreached) => Finding::skipped(
            area,
            check,
            subject,
            format!(
                "{address} was connected to in {connected} and asked nothing: this agent has no usable certificate"
            ),
        ),
        Err(Unanswered::Handshake(_)) => Finding::failed(
            area,
            check,
            subject,
            format!("{address} was connected to in {connected}, and then they did not trust each other"),
            "see Certificates",
        ),
        Err(Unanswered::Older) => Finding::warning(
            area,
            check,
            subject,
            format!(
                "{address} answers, connected in {connected}; it runs an older version that says nothing of itself"
            ),
            "upgrade it: until then its clock, members and policies are not compared",
        ),
        Err(Unanswered::NoAnswer(why)) => Finding::failed(
            area,
            check,
            subject,
            format!("{address} was connected to in {connected}, and did not answer: {why}"),
            "start it if it does not run; if it refuses the certificate, this agent's is not of the authority that it trusts",
        ),
        Ok(told) => round_trip(facts.heartbeat, peer, &connected, told.round_trip),
    }
}

fn round_trip(heartbeat: Duration, peer: &Peer, connected: &str, round_trip: Duration) -> Finding {
    let (area, check, subject) = (Area::Peers, "reachable", peer.name.as_str());
    let found = format!(
        "{}: connected in {connected}, round trip {}; a heartbeat is {}",
        peer.address,
        spoken(round_trip),
        spoken(heartbeat)
    );
    let mend = "relieve the host or the link that is busy, or set `timing: wan` in the file of every agent";
    if round_trip >= heartbeat {
        Finding::failed(area, check, subject, format!("{found}: every append comes too late"), mend)
    } else if round_trip * ROUND_TRIP_SHARE >= heartbeat {
        let found = format!("{found}: the way takes more than 1/{ROUND_TRIP_SHARE} of an append's deadline");
        Finding::warning(area, check, subject, found, mend)
    } else {
        Finding::ok(area, check, subject, found)
    }
}

fn of_version(facts: &Installation, peer: &Peer, told: &Answered) -> Finding {
    let (area, check, subject) = (Area::Peers, "version", peer.name.as_str());
    let (own, its) =
        (facts.local.status().map_or(&facts.version, |status| &status.version), &told.about.version);
    let found = format!("version {its}, and here {own}");
    match version::too_far(own, its) {
        Some(false) => Finding::ok(area, check, subject, found),
        Some(true) => Finding::warning(
            area,
            check,
            subject,
            format!("{found}: more than {} minor version apart", version::MINORS_APART_MAX),
            "upgrade the older one, version by version; agents work together with their neighbours only",
        ),
        None => Finding::skipped(area, check, subject, format!("{found}: these cannot be compared")),
    }
}

fn members(facts: &Installation, mind: &Mind, peer: &Peer, told: &Answered) -> Finding {
    let (area, check, subject) = (Area::Peers, "members", peer.name.as_str());
    if told.about.cluster != facts.cluster {
        return Finding::failed(
            area,
            check,
            subject,
            format!(
                "it belongs to the cluster `{}`, and this agent to `{}`",
                told.about.cluster, facts.cluster
            ),
            "write the same `cluster` into both files, or correct the address: each refuses the other's requests",
        );
    }
    let its: BTreeMap<String, String> =
        told.about.members.iter().map(|(name, region)| (name.to_string(), region.to_string())).collect();
    let View { of, said, running } = &mind.members;
    if its == *said {
        return Finding::ok(area, check, subject, format!("it counts the same {} voters", its.len()));
    }
    let found = format!("it counts {}, and {} {}", listed(&its), of, listed(said));
    if *running {
        let mend = "quorate members at both: an agent that lags behind catches up; if they stay apart, they are two clusters";
        Finding::failed(area, check, subject, found, mend)
    } else {
        let mend = "the log counts, not the file: bring `members` in the agent's file up to date";
        Finding::warning(area, check, subject, found, mend)
    }
}

fn listed(members: &BTreeMap<String, String>) -> String {
    let each: Vec<String> = members.iter().map(|(name, region)| format!("{name} in {region}")).collect();
    if each.is_empty() { "nobody".to_owned() } else { each.join(", ") }
}

/// One finding for a peer: the services whose policy differs, or that all are the same.
fn policies(mind: &Mind, peer: &Peer, told: &Answered) -> Option<Finding> {
    let View { of, said, running } = &mind.policies;
    if said.is_empty() {
        return None;
    }
    let (area, check, subject) = (Area::Peers, "policies", peer.name.as_str());
    let its = |service: &String| {
        let found = told.about.policies.iter().find(|(name, _)| name.as_str() == service);
        found.map(|(_, hash)| hash)
    };
    let other = said.iter().filter(|(service, hash)| its(service) != Some(hash));
    let other: Vec<&str> = other.map(|(service, _)| service.as_str()).collect();
    if other.is_empty() {
        let count = said.len();
        let policies =
            if count == 1 { "the same policy".to_owned() } else { format!("the same {count} policies") };
        return Some(Finding::ok(area, check, subject, format!("it judges by {policies} as {of}")));
    }
    let found = format!("its policy of {} is another than that of {of}, or it has none", other.join(", "));
    Some(if *running {
        let mend =
            "its votes on them do not count until it has caught up: see its log, and quorate status at both";
        Finding::failed(area, check, subject, found, mend)
    } else {
        Finding::warning(
            area,
            check,
            subject,
            found,
            "look with quorate diff, then quorate apply the file that is right",
        )
    })
}

fn quorum(peer: &Peer, told: &Answered) -> Option<Finding> {
    (!told.about.has_quorum).then(|| {
        Finding::warning(
            Area::Peers,
            "peer_standing",
            peer.name.as_str(),
            "it has no contact with a majority itself",
            "run quorate doctor there: the way may be open from here and closed from there",
        )
    })
}

fn signal(peer: &Peer) -> Option<Finding> {
    let (area, check, subject) = (Area::Peers, "signal", peer.name.as_str());
    let (address, connected) = peer.signal.as_ref()?;
    Some(match connected {
        Ok(took) => {
            Finding::ok(area, check, subject, format!("signal {address}: connected in {}", spoken(*took)))
        }
        // It may let in Route 53's checkers alone.
        Err(why) => Finding::warning(
            area,
            check,
            subject,
            format!("signal {address}: {why}"),
            "nothing to do if only Route 53's checkers are let in there: quorate signal check asks AWS what they see",
        ),
    })
}

/// Whether enough agents could decide something together, this one included.
fn majority(facts: &Installation) -> Finding {
    let (area, check, subject) = (Area::Peers, "majority", "majority");
    let voters = facts.peers.len() + 1;
    let needed = voters / 2 + 1;
    let reached =
        facts.peers.iter().filter(|peer| matches!(peer.told, Ok(_) | Err(Unanswered::Older))).count() + 1;
    let found = format!("{reached} of {voters} agents are reached, this one included; {needed} decide");
    if reached < needed {
        let mend = "nothing is decided and nothing fails over until it is so: mend the way to the agents that failed above";
        Finding::failed(area, check, subject, found, mend)
    } else {
        Finding::ok(area, check, subject, found)
    }
}

/// The running agent's view; without it that of the files, and of policies, where no file is given, the first peer's.
fn mind(facts: &Installation) -> Mind {
    if let Some(status) = facts.local.status() {
        let view = |said| View { of: "this agent".to_owned(), said, running: true };
        // One that is joining does not vote yet.
        let members = status.members.iter().filter(|member| member.place != "joining");
        let services = status.services.iter();
        return Mind {
            members: view(members.map(|member| (member.name.clone(), member.region.clone())).collect()),
            policies: view(services.map(|one| (one.name.clone(), one.policy_hash.clone())).collect()),
        };
    }
    let view = |of: &str, said, running| View { of: of.to_owned(), said, running };
    let members = facts.members.iter().map(|(name, region)| (name.to_string(), region.to_string()));
    let files = facts.policies.iter().map(|policy| (policy.service.to_string(), policy.hash.clone()));
    let first = facts.peers.iter().find_map(|peer| Some((peer, peer.told.as_ref().ok()?)));
    let policies = match first {
        Some((peer, told)) if facts.policies.is_empty() => {
            let said = told.about.policies.iter().map(|(name, hash)| (name.to_string(), hash.clone()));
            view(&format!("agent {}", peer.name), said.collect(), true)
        }
        _ => view("this agent's files", files.collect(), false),
    };
    Mind { members: view("this agent's file", members.collect(), false), policies }
}
