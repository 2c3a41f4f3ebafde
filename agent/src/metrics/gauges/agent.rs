//! Of the agent itself, and of its peers as it hears them.

use super::{
    super::{Snapshot, declared::*, page::Page},
    flag, seconds,
};
use quorate_policies::{AgentName, Timestamp};
use std::collections::BTreeSet;

/// The commit that was built, where the build said which.
const BUILT_OF: &str = match option_env!("QUORATE_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

pub(super) fn agent(page: &mut Page, s: &Snapshot) {
    page.set(&BUILD_INFO, &[env!("CARGO_PKG_VERSION"), BUILT_OF], 1.0);
    page.set(&CONFIG_INFO, &[&s.config_hash], 1.0);
    let ready = s.standing.has_quorum && !s.cluster.members.is_empty();
    let isolated = s.members.len() > 1 && !peers_of(s).any(|peer| up(s, peer));
    let required = s.members.len() / 2 + 1;
    for (metric, value) in [
        (&START_TIME, seconds(s.started_at)),
        (&READY, flag(ready)),
        (&ABSTAINING, flag(s.abstains)),
        (&CLOCK_OFFSET, s.clock_offset as f64 / 1_000.0),
        (&MEMBERS, s.members.len() as f64),
        (&QUORUM_REQUIRED, required as f64),
        (&HAS_QUORUM, flag(s.standing.has_quorum)),
        (&SELF_ISOLATED, flag(isolated)),
        (&IS_LEADER, flag(s.standing.is_leader)),
        (&TERM, s.standing.term as f64),
    ] {
        page.set(metric, &[], value);
    }
}

pub(super) fn peers(page: &mut Page, s: &Snapshot) {
    let votes = s.evidence.values().flat_map(|evidence| &evidence.votes);
    let mismatched: BTreeSet<&AgentName> =
        votes.filter(|vote| !vote.policy_matches).map(|vote| &vote.agent).collect();
    for peer in peers_of(s) {
        let labels = [peer.as_str()];
        page.set(&PEER_UP, &labels, flag(up(s, peer)));
        let heard = |age: &quorate_policies::Millis| Timestamp(s.now.0.saturating_sub(age.0));
        page.set(&PEER_LAST_SEEN, &labels, seconds(s.heard.get(peer).map_or(Timestamp(0), heard)));
        page.set(&PEER_MISMATCH, &labels, flag(mismatched.contains(peer)));
    }
}

fn peers_of(s: &Snapshot) -> impl Iterator<Item = &AgentName> {
    s.members.keys().filter(|peer| **peer != s.agent)
}

fn up(s: &Snapshot, peer: &AgentName) -> bool {
    s.heard.get(peer).is_some_and(|age| *age < s.lost_after)
}
