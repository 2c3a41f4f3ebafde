//! Who takes part: node ids, members, the history they share, and the digest by which two agents know they mean the
//! same one.
//!
//! Nothing here is read from the network or the disk. A member's address is how to reach it and not who it
//! is: it may change between restarts and differ between agents, so it is in no digest and in no membership.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A voter's number. See [`node_id`].
pub type NodeId = u64;

/// The id of the agent called `name`: the first eight bytes of the name's SHA-256.
///
/// It depends on nothing but the name, so it stays the same when members come and go.
pub fn node_id(name: &str) -> NodeId {
    leading_bytes(Sha256::new_with_prefix(name.as_bytes()))
}

fn leading_bytes(hash: Sha256) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    u64::from_be_bytes(first)
}

/// One agent of the cluster, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The agent's unique name.
    pub name: String,
    /// Where this agent reaches it; the transport understands it, nothing else does.
    pub address: String,
    /// The failure domain it runs in.
    pub region: String,
}

/// A member as the log knows it: without its address, so that agents that reach it by different addresses
/// still write the same bytes when they bootstrap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The agent's unique name.
    pub name: String,
    /// The failure domain it runs in.
    pub region: String,
}

impl From<&Member> for Seat {
    fn from(member: &Member) -> Self {
        Self { name: member.name.clone(), region: member.region.clone() }
    }
}

/// Which history an agent's data belong to. It stays the same while members come and go, and a new one begins when a
/// cluster is formed or recovered after the loss of its majority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The cluster's name.
    pub cluster: String,
    /// Those who formed it. They need not be members any more.
    pub founders: BTreeMap<NodeId, Seat>,
    /// How often it has been recovered by a single member; see [`recover`](crate::recover).
    #[serde(default)]
    pub recoveries: u64,
}

impl History {
    /// Whether this one ended another: the same cluster, recovered once more.
    #[must_use]
    pub fn ends(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.founders == other.founders && self.recoveries > other.recoveries
    }

    /// The digest that every request carries. Without a recovery it is that of earlier versions.
    #[must_use]
    pub fn digest(&self) -> ClusterDigest {
        let ClusterDigest(formed) = ClusterDigest::of(&self.cluster, &self.founders);
        if self.recoveries == 0 {
            return ClusterDigest(formed);
        }
        let mut hash = Sha256::new();
        hash.update(formed.to_be_bytes());
        hash.update(self.recoveries.to_be_bytes());
        ClusterDigest(leading_bytes(hash))
    }
}

/// Names a cluster's history. Every request carries it, and a differing one is refused, so that an agent of another
/// cluster, or of a history that ended, cannot take part (R29, F25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterDigest(u64);

impl ClusterDigest {
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    pub(crate) fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The digest of a cluster's name and its seats.
    pub fn of(cluster: &str, seats: &BTreeMap<NodeId, Seat>) -> Self {
        let mut hash = Sha256::new();
        let seats = seats.values().flat_map(|seat| [seat.name.as_str(), seat.region.as_str()]);
        for part in [cluster].into_iter().chain(seats) {
            // The length keeps "ab" + "c" apart from "a" + "bc".
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(leading_bytes(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(list: &[(&str, &str)]) -> BTreeMap<NodeId, Seat> {
        list.iter()
            .map(|&(name, region)| (node_id(name), Seat { name: name.into(), region: region.into() }))
            .collect()
    }

    /// Goal: ids are stable for ever, since they are stored. Method: the published digest of "abc".
    #[test]
    fn an_id_is_the_head_of_the_names_sha256() {
        assert_eq!(node_id("abc"), 0xba78_16bf_8f01_cfea);
    }

    /// Goal: a recovered history is another one, and one that never was has the digest of earlier versions. Method: count up.
    #[test]
    fn a_recovery_begins_another_history() {
        let founders = seats(&[("a", "x"), ("b", "y")]);
        let history = |recoveries| History { cluster: "demo".into(), founders: founders.clone(), recoveries };
        assert_eq!(history(0).digest(), ClusterDigest::of("demo", &founders));
        assert_ne!(history(1).digest(), history(0).digest());
        assert_ne!(history(2).digest(), history(1).digest());
        assert!(
            history(1).ends(&history(0)) && !history(0).ends(&history(1)) && !history(1).ends(&history(1))
        );
        let other = History { cluster: "prod".into(), ..history(2) };
        assert!(!other.ends(&history(0)), "another cluster's recovery is no matter of ours");
    }

    /// Goal: the digest moves with every part of the identity, and with nothing else. Method: vary one part.
    #[test]
    fn the_digest_covers_cluster_names_and_regions() {
        let base = ClusterDigest::of("demo", &seats(&[("a", "x"), ("b", "y")]));
        assert_eq!(base, ClusterDigest::of("demo", &seats(&[("b", "y"), ("a", "x")])));
        assert_ne!(base, ClusterDigest::of("prod", &seats(&[("a", "x"), ("b", "y")])));
        assert_ne!(base, ClusterDigest::of("demo", &seats(&[("a", "x"), ("b", "z")])));
        assert_ne!(base, ClusterDigest::of("demo", &seats(&[("a", "x")])));
        assert_ne!(base, ClusterDigest::of("demo", &seats(&[("a", "x"), ("by", "")])));
    }
}
