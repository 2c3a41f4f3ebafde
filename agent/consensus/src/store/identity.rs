//! Whose data this is. A node refuses a data directory of another node or cluster, and one that knows a member in
//! another region (F25, R29). Who the members are stands in the log, not here.

use std::collections::BTreeMap;

use openraft_rt::AsyncRuntime;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::tables::{get_decoded, put, row};
use super::{Store, lock};
use crate::format::encode;
use crate::machine::Machine;
use crate::member::{History, NodeId, Seat};

/// What a data directory remembers: whose it is, and of which history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) cluster: String,
    pub(crate) me: NodeId,
    /// Those who formed the cluster.
    pub(crate) seats: BTreeMap<NodeId, Seat>,
    /// How often the history was recovered.
    #[serde(default)]
    pub(crate) recoveries: u64,
}

/// How the settings differ from what the data directory was started with, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The data belongs to another cluster.
    #[error(
        "the data directory belongs to cluster {stored:?}, not {given:?}: correct the cluster name, or use an empty data directory"
    )]
    Cluster {
        /// The name in the data directory.
        stored: String,
        /// The name in the settings.
        given: String,
    },
    /// The data belongs to another agent.
    #[error(
        "the data directory belongs to agent {stored}, not {given}: give each agent its own data directory, and never copy one"
    )]
    Agent {
        /// The agent in the data directory.
        stored: String,
        /// The agent in the settings.
        given: String,
    },
    /// A member is in another region than the cluster was formed with.
    #[error(
        "members are in other regions than the cluster was formed with (known: {known:?}, given: {given:?}): put the \
         regions back; a member is moved by removing it and adding one of another name"
    )]
    Regions {
        /// Members, as `name in region`, as the data directory has them.
        known: Vec<String>,
        /// The same, as the settings have them.
        given: Vec<String>,
    },
}

impl Identity {
    /// Whether `given` may go on with the data of `self`.
    pub(crate) fn admits(&self, given: &Self) -> Result<(), IdentityError> {
        if self.cluster != given.cluster {
            return Err(IdentityError::Cluster {
                stored: self.cluster.clone(),
                given: given.cluster.clone(),
            });
        }
        if self.me != given.me {
            return Err(IdentityError::Agent { stored: self.own_name(), given: given.own_name() });
        }
        // Others may have come and gone; the list is only where to look for them. Where one is, is who it is.
        let known = moved(self, given);
        if !known.is_empty() {
            return Err(IdentityError::Regions { known, given: moved(given, self) });
        }
        Ok(())
    }

    pub(crate) fn history(&self) -> History {
        History { cluster: self.cluster.clone(), founders: self.seats.clone(), recoveries: self.recoveries }
    }

    pub(crate) fn of(me: NodeId, history: History) -> Self {
        Self { cluster: history.cluster, me, seats: history.founders, recoveries: history.recoveries }
    }

    fn own_name(&self) -> String {
        self.seats.get(&self.me).map_or_else(|| self.me.to_string(), |seat| seat.name.clone())
    }
}

/// Members that both know, in different regions, as `one` has them.
fn moved(one: &Identity, other: &Identity) -> Vec<String> {
    let moved = |(id, seat): &(&NodeId, &Seat)| other.seats.get(id).is_some_and(|there| there != *seat);
    one.seats.iter().filter(moved).map(|(_, seat)| format!("{} in {}", seat.name, seat.region)).collect()
}

impl<M: Machine, R: AsyncRuntime> Store<M, R> {
    pub(crate) fn identity(&self) -> Result<Option<Identity>, StoreError> {
        self.meta(row::IDENTITY)
    }

    pub(crate) async fn save_identity(&self, identity: &Identity) -> Result<(), StoreError> {
        let text = encode(row::IDENTITY, identity)?;
        self.write(move |transaction| put(transaction, row::IDENTITY, &text)).await
    }

    pub(crate) fn settled(&self) -> Result<bool, StoreError> {
        Ok(self.meta(row::SETTLED)?.unwrap_or(false))
    }

    pub(crate) async fn save_settled(&self) -> Result<(), StoreError> {
        let text = encode(row::SETTLED, &true)?;
        self.write(move |transaction| put(transaction, row::SETTLED, &text)).await
    }

    fn meta<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let database = lock(&self.0.database).clone().ok_or(StoreError::Closed)?;
        get_decoded(&database, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(cluster: &str, me: NodeId, names: &[&str]) -> Identity {
        let seat = |name: &&str| Seat { name: (*name).into(), region: format!("{name}-region") };
        let seats = names.iter().enumerate().map(|(id, name)| (id as u64, seat(name))).collect();
        Identity { cluster: cluster.into(), me, seats, recoveries: 0 }
    }

    /// Goal: the same settings go on with the same data, and so do settings that name newer members. Method: compare.
    #[test]
    fn the_same_identity_is_admitted() {
        assert_eq!(identity("c", 0, &["a", "b"]).admits(&identity("c", 0, &["a", "b"])), Ok(()));
        assert_eq!(identity("c", 0, &["a", "b"]).admits(&identity("c", 0, &["a", "b", "x"])), Ok(()));
    }

    /// Goal: each difference is refused by name, with the mend. Method: change one part at a time.
    #[test]
    fn each_difference_is_refused_by_name() {
        let stored = identity("c", 0, &["a", "b"]);
        let other_cluster = stored.admits(&identity("d", 0, &["a", "b"])).unwrap_err();
        assert!(other_cluster.to_string().contains("correct the cluster name"));
        let other_agent = stored.admits(&identity("c", 1, &["a", "b"])).unwrap_err();
        assert_eq!(other_agent, IdentityError::Agent { stored: "a".into(), given: "b".into() });
        let mut given = identity("c", 0, &["a", "b"]);
        given.seats.insert(1, Seat { name: "b".into(), region: "elsewhere".into() });
        let other_region = stored.admits(&given).unwrap_err();
        let expected = IdentityError::Regions {
            known: vec!["b in b-region".into()],
            given: vec!["b in elsewhere".into()],
        };
        assert_eq!(other_region, expected);
    }
}
