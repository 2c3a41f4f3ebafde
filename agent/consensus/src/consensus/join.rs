//! An agent whose data belong to no history yet: it finds the cluster that it shall join, or forms one with others that
//! are as new as itself.
//!
//! A cluster is formed by a majority of the listed members that are all new and all list the same. Whoever finds one
//! that belongs to a history joins that instead and writes nothing into its log: the first entry of that history is not
//! its own to write. Which history it is stands on the disk before anything of it is accepted.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use openraft_rt::AsyncRuntime;
use serde::{Deserialize, Serialize};

use super::rejoin::Horizon;
use super::{Consensus, RETRY_PAUSE};
use crate::machine::Machine;
use crate::member::{ClusterDigest, History, NodeId, Seat};
use crate::network::message::{Call, Reply};
use crate::store::error::StoreError;
use crate::store::identity::Identity;
use crate::store::lock;

/// What an agent tells one that is new, or whose disk was empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// How far it is.
    #[serde(flatten)]
    pub horizon: Horizon,
    /// Which history its data belong to; none while it is new itself.
    #[serde(default)]
    pub history: Option<History>,
    /// While it is new: whom its settings list.
    #[serde(default)]
    pub listed: Option<ClusterDigest>,
    /// The newest membership that it holds.
    #[serde(default)]
    pub members: Option<Members>,
    /// Whether it has settled; agents of an older version do not say.
    #[serde(default)]
    pub settled: Option<bool>,
}

/// A membership, and which entry says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Term and index of the entry.
    pub at: (u64, u64),
    /// Whoever votes in any of its sets.
    pub voters: BTreeMap<NodeId, Seat>,
}

/// What a new agent makes of the others' accounts.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// A cluster to join.
    History(History),
    /// A majority that is as new as this agent: form one.
    Fellows,
    /// Too few have answered.
    TooFew,
    /// Histories that cannot all be this agent's, by the clusters' names.
    Contradiction(Vec<String>),
}

fn judge(own: &History, accounts: &[Account]) -> Found {
    let digest = own.digest();
    let mut known: Vec<History> = accounts.iter().filter_map(|account| account.history.clone()).collect();
    // One of an earlier version tells no history. It answers only who lists the same, so it is that of the list.
    let silent = |account: &&Account| account.history.is_none() && account.listed.is_none();
    known.extend(accounts.iter().filter(silent).map(|_| own.clone()));
    if let Some(newest) = known.iter().max_by_key(|history| history.recoveries) {
        // An agent that was lost when its cluster was recovered still tells of what was before: that one ended.
        let others = known.iter().filter(|history| history.recoveries == newest.recoveries);
        let same = others.clone().all(|history| history == newest) && newest.cluster == own.cluster;
        return if same {
            Found::History(newest.clone())
        } else {
            Found::Contradiction(others.map(|history| history.cluster.clone()).collect())
        };
    }
    let fellows = accounts.iter().filter(|account| account.listed == Some(digest)).count();
    if (fellows + 1) * 2 > own.founders.len() { Found::Fellows } else { Found::TooFew }
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// What this agent tells one that is new.
    pub(super) fn account(&self) -> Account {
        let history = self.history();
        let listed = history.is_none().then(|| self.as_listed().digest());
        let stored = self.0.store.newest_membership();
        let voters = |id: NodeId| Some((id, stored.membership().get_node(&id)?.clone()));
        let members = stored.log_id().as_ref().map(|at| Members {
            at: (at.committed_leader_id().term, at.index),
            voters: stored.voter_ids().filter_map(voters).collect(),
        });
        let settled = Some(self.0.settling.is_settled());
        Account { horizon: self.0.store.horizon(), history, listed, members, settled }
    }

    /// The history that those whom the settings list would begin.
    pub(super) fn as_listed(&self) -> History {
        History { cluster: self.0.cluster.clone(), founders: self.0.listed.clone(), recoveries: 0 }
    }

    /// Waits until this agent belongs to a history. Whether it does: it may stop before.
    pub(super) async fn join(&self) -> bool {
        let mut told = None;
        while self.history().is_none() {
            if self.metrics().running_state.is_err() {
                return false;
            }
            let others = self.0.listed.keys().copied().filter(|id| *id != self.0.me);
            let accounts = self.ask(others).await;
            let found = judge(&self.as_listed(), &accounts.into_values().collect::<Vec<_>>());
            let joined = match &found {
                Found::History(history) => self.belong(history.clone()).await,
                Found::Fellows => self.belong(self.as_listed()).await,
                Found::TooFew => Ok(()),
                Found::Contradiction(names) => {
                    if told.as_ref() != Some(names) {
                        tracing::error!(node = self.0.me, histories = ?names, "the listed members belong to other clusters, or to several");
                    }
                    told = Some(names.clone());
                    Ok(())
                }
            };
            if let Err(error) = joined {
                tracing::error!(node = self.0.me, %error, "cannot note which cluster this agent belongs to");
                return false;
            }
            if found == Found::Fellows
                && let Err(error) = self.bootstrap().await
            {
                tracing::error!(node = self.0.me, %error, "cannot form the cluster");
                return false;
            }
            R::sleep(RETRY_PAUSE).await;
        }
        true
    }

    async fn belong(&self, history: History) -> Result<(), StoreError> {
        self.0.store.save_identity(&Identity::of(self.0.me, history.clone())).await?;
        self.0.link.set_cluster(history.digest());
        *lock(&self.0.history) = Some(history);
        Ok(())
    }

    /// Runs in the background: looks into it when another refuses this agent for its history, and stops for good when its
    /// own has ended. So agents that were given up, and come back together as a majority of what was, find out as soon as
    /// one of them reaches the one that went on.
    pub(super) async fn watch_history(self) {
        while self.metrics().running_state.is_ok() {
            R::sleep(self.0.timing.election_max).await;
            let Some(own) = self.history().filter(|_| self.0.link.was_strange()) else { continue };
            let seats = self.membership().seats;
            let known: BTreeSet<NodeId> = seats.into_keys().chain(self.0.listed.keys().copied()).collect();
            let accounts = self.ask(known.into_iter().filter(|id| *id != self.0.me)).await;
            let ended =
                |account: &Account| account.history.as_ref().is_some_and(|history| history.ends(&own));
            if accounts.values().any(ended) {
                tracing::error!(
                    node = self.0.me,
                    "another agent has gone on alone after this one was given up: this history has ended. Wipe the data directory, \
                     and add the agent again"
                );
                if let Err(error) = self.0.raft.shutdown().await {
                    tracing::error!(node = self.0.me, %error, "the voter did not stop cleanly");
                }
                return;
            }
        }
    }

    /// The accounts of those that answer.
    pub(super) async fn ask(&self, nodes: impl Iterator<Item = NodeId>) -> BTreeMap<NodeId, Account> {
        let each = nodes.map(async |node| {
            match self.0.link.call(node, Call::Horizon, self.0.timing.election_max).await {
                Ok(Reply::Horizon(account)) => Some((node, account)),
                _ => None,
            }
        });
        join_all(each).await.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(names: &[&str], recoveries: u64) -> History {
        let seat = |name: &&str| Seat { name: (*name).into(), region: (*name).into() };
        let founders = names.iter().enumerate().map(|(id, name)| (id as u64, seat(name))).collect();
        History { cluster: "c".into(), founders, recoveries }
    }

    fn of(history: History) -> Account {
        Account { history: Some(history), ..Account::default() }
    }

    fn new(names: &[&str]) -> Account {
        Account { listed: Some(history(names, 0).digest()), ..Account::default() }
    }

    /// Goal: only a majority that is new and lists the same forms a cluster. Method: of three, one and two; one with
    /// another list.
    #[test]
    fn a_majority_forms_a_cluster() {
        let own = history(&["a", "b", "c"], 0);
        assert_eq!(judge(&own, &[]), Found::TooFew);
        assert_eq!(judge(&own, &[new(&["a", "b", "c"])]), Found::Fellows);
        assert_eq!(judge(&own, &[new(&["a", "b", "x"])]), Found::TooFew);
    }

    /// Goal: one that belongs to a cluster is joined, whatever the others are, and the newest recovery is. Method: mixes;
    /// an agent of an earlier version, which tells nothing; other clusters.
    #[test]
    fn an_existing_cluster_is_joined() {
        let own = history(&["a", "b", "c", "d"], 0);
        let (formed, recovered) = (history(&["a", "b", "c"], 0), history(&["a", "b", "c"], 1));
        let new = || new(&["a", "b", "c", "d"]);
        assert_eq!(judge(&own, &[new(), of(formed.clone()), new()]), Found::History(formed.clone()));
        assert_eq!(judge(&own, &[of(formed.clone()), of(recovered.clone())]), Found::History(recovered));
        assert_eq!(judge(&own, &[Account::default()]), Found::History(own.clone()));
        let stranger = History { cluster: "other".into(), ..formed.clone() };
        assert_eq!(judge(&own, &[of(stranger)]), Found::Contradiction(vec!["other".into()]));
        let twin = history(&["a", "b"], 0);
        assert!(matches!(judge(&own, &[of(formed), of(twin)]), Found::Contradiction(_)));
    }
}
