//! Whose data this is. A node refuses a data directory of another node, cluster or member list (F25, R29).

use std::collections::BTreeMap;

use openraft_rt::AsyncRuntime;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::tables::{get_decoded, put, row};
use super::{Store, lock};
use crate::format::encode;
use crate::machine::Machine;
use crate::member::{NodeId, Seat};

/// What a data directory remembers of the settings it was first started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) cluster: String,
    pub(crate) me: NodeId,
    pub(crate) seats: BTreeMap<NodeId, Seat>,
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
    /// The member list changed.
    #[error(
        "the member list changed (removed or moved: {removed:?}, added or moved: {added:?}): put the list back on every agent; \
         to change it, give every agent the new list and an empty data directory, which starts a new history"
    )]
    Members {
        /// Members, as `name in region`, that only the data directory knows.
        removed: Vec<String>,
        /// Members, as `name in region`, that only the settings know.
        added: Vec<String>,
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
        if self.seats != given.seats {
            return Err(IdentityError::Members {
                removed: only_in(self, given),
                added: only_in(given, self),
            });
        }
        Ok(())
    }

    fn own_name(&self) -> String {
        self.seats.get(&self.me).map_or_else(|| self.me.to_string(), |seat| seat.name.clone())
    }
}

fn only_in(one: &Identity, other: &Identity) -> Vec<String> {
    let differs = |(id, seat): &(&NodeId, &Seat)| other.seats.get(id) != Some(seat);
    one.seats.iter().filter(differs).map(|(_, seat)| format!("{} in {}", seat.name, seat.region)).collect()
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
        Identity { cluster: cluster.into(), me, seats }
    }

    /// Goal: the same settings go on with the same data. Method: compare equal identities.
    #[test]
    fn the_same_identity_is_admitted() {
        assert_eq!(identity("c", 0, &["a", "b"]).admits(&identity("c", 0, &["a", "b"])), Ok(()));
    }

    /// Goal: each difference is refused by name, with the mend. Method: change one part at a time.
    #[test]
    fn each_difference_is_refused_by_name() {
        let stored = identity("c", 0, &["a", "b"]);
        let other_cluster = stored.admits(&identity("d", 0, &["a", "b"])).unwrap_err();
        assert!(other_cluster.to_string().contains("correct the cluster name"));
        let other_agent = stored.admits(&identity("c", 1, &["a", "b"])).unwrap_err();
        assert_eq!(other_agent, IdentityError::Agent { stored: "a".into(), given: "b".into() });
        let other_list = stored.admits(&identity("c", 0, &["a", "x"])).unwrap_err();
        let expected = IdentityError::Members {
            removed: vec!["b in b-region".into()],
            added: vec!["x in x-region".into()],
        };
        assert_eq!(other_list, expected);
    }
}
